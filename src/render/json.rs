//! A report as one JSON document.

use super::escape::is_unsafe;
use serde::Serialize;
use std::fmt::Write;

/// The document with its line end: indented for a person, on one line for a program.
///
/// JSON leaves some characters as they are that steer a terminal (C1 controls, direction marks);
/// they are escaped too, which changes nothing for a parser.
pub fn json(document: &impl Serialize, indented: bool) -> String {
    let text = if indented {
        serde_json::to_string_pretty(document)
    } else {
        serde_json::to_string(document)
    };
    let mut text = escaped_for_terminals(text.expect("reports hold nothing that JSON cannot"));
    text.push('\n');
    text
}

fn escaped_for_terminals(text: String) -> String {
    // Nearly all documents have nothing to escape: what is below DEL, JSON has escaped already.
    if text.is_ascii() && !text.contains('\x7f') {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        // Line ends are those of the indentation: JSON escapes the ones inside of strings.
        if character == '\n' || !is_unsafe(character) {
            out.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_steer_a_terminal_are_escaped_and_parse_back() {
        let hostile = "a\u{9b}31m\u{202e}\u{1b}[2J\u{7f}\u{e0041}";
        let text = json(&hostile, false);
        assert!(text.trim_end().chars().all(|c| !is_unsafe(c)), "{text}");
        let back: String = serde_json::from_str(&text).expect("valid JSON");
        assert_eq!(back, hostile);
    }

    #[test]
    fn a_document_for_a_program_is_one_line() {
        assert_eq!(json(&[1, 2], false), "[1,2]\n");
        assert_eq!(json(&[1], true), "[\n  1\n]\n");
    }

    proptest::proptest! {
        #[test]
        fn any_text_comes_back_and_steers_no_terminal(hostile in "(.|\n)*") {
            let text = json(&hostile, false);
            proptest::prop_assert!(!text.trim_end().chars().any(is_unsafe));
            let back: String = serde_json::from_str(&text).expect("valid JSON");
            proptest::prop_assert_eq!(back, hostile);
        }
    }
}
