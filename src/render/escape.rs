//! Text read from a target must not steer the terminal it is shown on.

use std::fmt::Write;

/// Whether a character acts on a terminal or reorders what is around it: C0 and C1 controls,
/// direction marks, invisible and tag characters, line and paragraph separators.
pub fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text with every such character as Python's `repr` writes it.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if !is_unsafe(c) => out.push(c),
            c => push_code(&mut out, u32::from(c)),
        }
    }
    out
}

fn push_code(out: &mut String, code: u32) {
    let _ = match code {
        0..=0xff => write!(out, "\\x{code:02x}"),
        0x100..=0xffff => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_written_as_python_would() {
        assert_eq!(
            escaped("a\u{1b}[2J\nb\u{9b}\u{202e}\u{e0041}é"),
            "a\\x1b[2J\\nb\\x9b\\u202e\\U000e0041é"
        );
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_steers_a_terminal_is_left(text in "\\PC*|(.|\n)*") {
            proptest::prop_assert!(!escaped(&text).chars().any(is_unsafe));
        }
    }
}
