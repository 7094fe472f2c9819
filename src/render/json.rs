//! A report as one JSON document.
//!
//! It is written as it is put together: the document of a large process has no copy in memory.

use super::escape::is_unsafe;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, Write};

/// How much is written at once, in bytes.
const CHUNK: usize = 1 << 15;

/// Writes the document with its line end: indented for a person, on one line for a program.
///
/// JSON leaves some characters as they are that steer a terminal (C1 controls, direction marks);
/// they are escaped too, which changes nothing for a parser.
///
/// # Errors
/// Those of `out`.
pub fn write_json(document: &impl Serialize, indented: bool, out: impl Write) -> io::Result<()> {
    let mut chunks = Chunks {
        chunk: Vec::with_capacity(2 * CHUNK),
        out,
    };
    if indented {
        serde_json::to_writer_pretty(&mut chunks, document)?;
    } else {
        serde_json::to_writer(&mut chunks, document)?;
    }
    chunks.write_all(b"\n")?;
    chunks.flush()
}

/// Passes text on in chunks, with what steers a terminal escaped.
struct Chunks<W> {
    /// Whole characters: that is how a document is put together.
    chunk: Vec<u8>,
    out: W,
}

impl<W: Write> Chunks<W> {
    fn pass_on(&mut self) -> io::Result<()> {
        // Nearly all documents have nothing to escape: what is below DEL, JSON has escaped already.
        if self.chunk.is_ascii() && !self.chunk.contains(&0x7f) {
            self.out.write_all(&self.chunk)?;
        } else {
            let text = std::str::from_utf8(&self.chunk).map_err(io::Error::other)?;
            self.out.write_all(escaped_for_terminals(text).as_bytes())?;
        }
        self.chunk.clear();
        Ok(())
    }
}

impl<W: Write> Write for Chunks<W> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.write_all(text)?;
        Ok(text.len())
    }

    #[inline]
    fn write_all(&mut self, text: &[u8]) -> io::Result<()> {
        self.chunk.extend_from_slice(text);
        if self.chunk.len() >= CHUNK {
            self.pass_on()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass_on()?;
        self.out.flush()
    }
}

fn escaped_for_terminals(text: &str) -> String {
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

    fn json(document: &impl Serialize, indented: bool) -> String {
        let mut bytes = Vec::new();
        write_json(document, indented, &mut bytes).expect("a vector takes everything");
        String::from_utf8(bytes).expect("JSON is UTF-8")
    }

    #[test]
    fn a_document_of_many_chunks_comes_back() {
        let texts: Vec<String> = (0..3 * CHUNK).map(|n| format!("\u{9b}é{n}")).collect();
        let back: Vec<String> = serde_json::from_str(&json(&texts, false)).expect("valid JSON");
        assert!(back == texts);
    }

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
