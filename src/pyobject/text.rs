//! `str` of every kind and width; on 2.7 `str` (bytes) and `unicode`.
//!
//! That the object is of the class asked for is the caller's knowledge: nothing here looks at it.

use crate::address::Address;
use crate::cpython::layout::{Layout, TextForm};
use crate::pyobject::batch;
use crate::pyobject::error::ObjectError;
use crate::target::memory::{ReadError, ReadMemory};
use span::{Span, Width, find};
use std::fmt::{self, Write};

pub use span::State;

mod span;

/// The longest text that is read, in characters (2.7: units).
pub const LIMIT: u64 = 1 << 18;
/// How much of the characters is read along with the header, in bytes.
const ALONG: usize = 96;

/// The text of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Text {
    /// Text that any program can write down.
    Plain(String),
    /// Text with lone surrogates, as code points.
    Surrogates(Vec<u32>),
    /// `bytes`, or a 2.7 `str` that is not UTF-8.
    Bytes(Vec<u8>),
}

/// How the object at an address is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `str`; on 2.7 `unicode`.
    Unicode,
    /// `bytes`; on 2.7 `str`.
    Bytes,
}

/// How the type named `str` is kept.
pub fn native(layout: &Layout) -> Kind {
    match layout.text.form {
        TextForm::Units => Kind::Bytes,
        TextForm::Flexible { .. } => Kind::Unicode,
    }
}

impl Text {
    /// The text when it is plain.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Text::Plain(text) => Some(text),
            _ => None,
        }
    }

    /// The text, with Python's escapes for what a Rust string cannot hold.
    pub fn escaped(&self) -> String {
        match self {
            Text::Plain(text) => text.clone(),
            Text::Surrogates(points) => points.iter().fold(String::new(), |mut text, &point| {
                match char::from_u32(point) {
                    Some(char) => text.push(char),
                    None => write_escape(&mut text, point),
                }
                text
            }),
            Text::Bytes(bytes) => bytes.iter().fold(String::new(), |mut text, &byte| {
                match byte {
                    0x20..=0x7e => text.push(byte.into()),
                    _ => write_escape(&mut text, byte.into()),
                }
                text
            }),
        }
    }

    /// From what a 2.7 `str` holds.
    fn from_native_bytes(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Text::Plain(text),
            Err(error) => Text::Bytes(error.into_bytes()),
        }
    }

    /// From code points; surrogate pairs of a narrow 2.7 build are joined before.
    pub(crate) fn from_points(points: Vec<u32>) -> Self {
        match points.iter().map(|&point| char::from_u32(point)).collect() {
            Some(text) => Text::Plain(text),
            None => Text::Surrogates(points),
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.escaped())
    }
}

/// Writes a character as `repr` escapes it.
pub(crate) fn write_escape(text: &mut String, point: u32) {
    // Writing to a String cannot fail.
    let _ = match point {
        0x09 => write!(text, "\\t"),
        0x0a => write!(text, "\\n"),
        0x0d => write!(text, "\\r"),
        0..=0xff => write!(text, "\\x{point:02x}"),
        0x100..=0xffff => write!(text, "\\u{point:04x}"),
        _ => write!(text, "\\U{point:08x}"),
    };
}

/// Reads the `str` at `at`.
///
/// # Errors
/// As [`read_many`] for one text.
pub fn read(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    at: Address,
) -> Result<Text, ObjectError> {
    read_kind(memory, layout, at, native(layout))
}

/// Reads the text of this kind at `at`.
///
/// # Errors
/// As [`read_many`] for one text.
pub fn read_kind(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    at: Address,
    kind: Kind,
) -> Result<Text, ObjectError> {
    let mut budget = u64::MAX;
    read_many(memory, layout, &[(at, kind)], &mut budget)
        .map_err(ObjectError::reading(at, "str"))?
        .pop()
        .unwrap_or_else(|| Err(ObjectError::cut(at, "str", 1, 0)))
}

/// Reads many texts in two batches: headers with the first characters, then the rest of the long
/// ones. `budget` is how many bytes of characters may still be read; it is drawn from.
///
/// For each text: [`ObjectError::Unreadable`], [`ObjectError::Malformed`], or
/// [`ObjectError::TooLarge`] for more than [`LIMIT`] characters or than the budget allows.
///
/// # Errors
/// As [`ReadMemory::read_some_at`]: the source as a whole is out of reach.
pub fn read_many(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    wanted: &[(Address, Kind)],
    budget: &mut u64,
) -> Result<Vec<Result<Text, ObjectError>>, ReadError> {
    let addresses: Vec<Address> = wanted.iter().map(|&(at, _)| at).collect();
    let heads = batch::read_blocks(memory, &addresses, head_size(layout))?;
    let mut spans: Vec<Result<Span, ObjectError>> = Vec::with_capacity(wanted.len());
    for (&(at, kind), head) in wanted.iter().zip(heads.iter()) {
        spans.push(find(layout, at, kind, head).and_then(|span| span.charge(budget)));
    }
    let outside: Vec<(Address, usize)> = spans
        .iter()
        .zip(heads.iter())
        .filter_map(|(span, head)| span.as_ref().ok().filter(|span| !span.is_in(head)))
        .map(|span| (span.at, span.size()))
        .collect();
    let outside = batch::read_spans(memory, &outside)?;
    let mut next_outside = outside.iter();
    let mut texts = Vec::with_capacity(spans.len());
    for (span, head) in spans.into_iter().zip(heads.iter()) {
        texts.push(span.and_then(|span| {
            let inside = span.is_in(head).then(|| span.of(head));
            let bytes = inside.or_else(|| next_outside.next()).unwrap_or_default();
            span.decode(bytes)
        }));
    }
    Ok(texts)
}

/// The text whose first bytes are given, when it is complete in them. `None` when it is not, or when
/// anything is wrong with it: [`read_many`] reads more, and says what is wrong.
pub fn in_head(
    layout: &Layout,
    kind: Kind,
    at: Address,
    head: &[u8],
    budget: &mut u64,
) -> Option<Text> {
    let span = find(layout, at, kind, head).ok()?;
    let (start, end) = span.range_in(head)?;
    let text = span.decode(head.get(start..end)?).ok()?;
    span.charge(budget).ok()?;
    Some(text)
}

/// The characters of the text whose first bytes are given, when they are ASCII and few: an empty
/// slice when they are longer than what is given. `None` when the bytes do not tell: the characters
/// are kept elsewhere, or are wider, or the header is cut.
pub fn ascii_in<'h>(layout: &Layout, kind: Kind, head: &'h [u8]) -> Option<&'h [u8]> {
    let span = find(layout, Address::NULL, kind, head).ok()?;
    let is_narrow = matches!(span.width, Width::Fixed(1) | Width::Byte);
    let behind_header = span.at.value() <= header_size(layout) as u64;
    (is_narrow && behind_header).then(|| span.of(head))
}

/// How many bytes from the beginning of a text object on tell where its characters are.
pub fn header_size(layout: &Layout) -> usize {
    let text = &layout.text;
    text.compact_size
        .max(text.ascii_size)
        .max(text.data.offset() + 8)
        .max(layout.bytes.data) as usize
}

/// How many bytes from the beginning of a text object on hold all of most texts.
pub fn head_size(layout: &Layout) -> usize {
    header_size(layout) + ALONG
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpython::tables::{V2_7, V3_11, V3_12};
    use crate::target::fake::FakeMemory;

    const AT: u64 = 0x1_0000;
    const FAR: u64 = 0x9_0000;

    /// A compact text of `units` that are `width` bytes wide.
    fn compact(layout: &Layout, width: u32, ascii: bool, units: &[u32]) -> FakeMemory {
        let start = if ascii {
            layout.text.ascii_size
        } else {
            layout.text.compact_size
        };
        let mut bytes = vec![0u8; start as usize];
        bytes[16..24].copy_from_slice(&(units.len() as u64).to_le_bytes());
        let state = width << 2 | 1 << 5 | u32::from(ascii) << 6;
        bytes[32..36].copy_from_slice(&state.to_le_bytes());
        for unit in units {
            bytes.extend(&unit.to_le_bytes()[..width as usize]);
        }
        FakeMemory::new().with(AT, &bytes)
    }

    fn points(text: &str) -> Vec<u32> {
        text.chars().map(u32::from).collect()
    }

    fn text_of(memory: &FakeMemory, layout: &Layout) -> Result<Text, ObjectError> {
        read(memory, layout, Address::new(AT))
    }

    #[test]
    fn compact_text_of_every_width_reads_back() {
        for (width, ascii, text) in [
            (1, true, "json"),
            (1, false, "caf\u{e9}"),
            (2, false, "\u{416}\u{65e5}"),
            (4, false, "py\u{1f40d}"),
        ] {
            for layout in [&V3_11, &V3_12] {
                let memory = compact(layout, width, ascii, &points(text));
                assert_eq!(text_of(&memory, layout), Ok(Text::Plain(text.into())));
            }
        }
    }

    #[test]
    fn long_text_is_read_to_its_end() {
        let long = "m".repeat(5000);
        let memory = compact(&V3_12, 1, true, &points(&long));
        assert_eq!(text_of(&memory, &V3_12), Ok(Text::Plain(long)));
    }

    #[test]
    fn lone_surrogates_are_kept_and_escaped() {
        let memory = compact(&V3_12, 2, false, &[0x61, 0xdcff]);
        let text = text_of(&memory, &V3_12).expect("readable");
        assert_eq!(text, Text::Surrogates(vec![0x61, 0xdcff]));
        assert_eq!(text.escaped(), "a\\udcff");
    }

    #[test]
    fn text_that_is_not_compact_is_followed_to_its_characters() {
        let mut memory = compact(&V3_12, 1, false, &points("ab"));
        memory.put(AT + 32, &(1u32 << 2 | 1 << 6).to_le_bytes());
        memory.put(AT + 56, &[0, 0]);
        let mut bytes = vec![0u8; 64];
        bytes[16] = 2;
        bytes[32..36].copy_from_slice(&(1u32 << 2 | 1 << 6).to_le_bytes());
        bytes[56..64].copy_from_slice(&FAR.to_le_bytes());
        let memory = FakeMemory::new().with(AT, &bytes).with(FAR, b"hi");
        assert_eq!(text_of(&memory, &V3_12), Ok(Text::Plain("hi".into())));
    }

    #[test]
    fn text_that_was_never_made_ready_is_read_from_its_wide_characters() {
        let mut bytes = vec![0u8; 80];
        bytes[40..48].copy_from_slice(&FAR.to_le_bytes());
        bytes[64] = 1;
        let memory = FakeMemory::new()
            .with(AT, &bytes)
            .with(FAR, &0x1f40du32.to_le_bytes());
        assert_eq!(
            text_of(&memory, &V3_11),
            Ok(Text::Plain("\u{1f40d}".into()))
        );
    }

    #[test]
    fn python_2_text_is_bytes_or_units_of_either_width() {
        let mut bytes = vec![0u8; 36];
        bytes[16] = 2;
        bytes.extend([0xff, b'a']);
        let memory = FakeMemory::new().with(AT, &bytes);
        assert_eq!(text_of(&memory, &V2_7), Ok(Text::Bytes(vec![0xff, b'a'])));
        let unicode = |units: &[u8], length: u8| {
            let mut bytes = vec![0u8; 48];
            bytes[16] = length;
            bytes[24..32].copy_from_slice(&FAR.to_le_bytes());
            let memory = FakeMemory::new().with(AT, &bytes).with(FAR, units);
            read_kind(&memory, &V2_7, Address::new(AT), Kind::Unicode)
        };
        let plain = Ok(Text::Plain("ab".into()));
        assert_eq!(unicode(b"a\0\0\0b\0\0\0\0\0\0\0", 2), plain);
        assert_eq!(unicode(b"a\0b\0\0\0", 2), plain);
        assert_eq!(unicode(b"a\0b\0\0\0\0\0", 2), plain);
    }

    #[test]
    fn impossible_text_is_an_error() {
        let memory = compact(&V3_12, 4, false, &[0x11_0000]);
        assert!(matches!(
            text_of(&memory, &V3_12),
            Err(ObjectError::Malformed { .. })
        ));
        let mut memory = compact(&V3_12, 1, true, &points("x"));
        memory.put_word(AT + 16, u64::MAX);
        assert!(matches!(
            text_of(&memory, &V3_12),
            Err(ObjectError::TooLarge { .. })
        ));
        let memory = FakeMemory::new().with(AT, &[0; 20]);
        assert!(matches!(
            text_of(&memory, &V3_12),
            Err(ObjectError::Unreadable { .. })
        ));
    }

    #[test]
    fn a_budget_bounds_all_texts_together() {
        let memory = compact(&V3_12, 1, true, &points("12345678"));
        let wanted = [(Address::new(AT), Kind::Unicode); 3];
        let texts = read_many(&memory, &V3_12, &wanted, &mut 20).expect("readable");
        let read = texts.iter().filter(|text| text.is_ok()).count();
        assert_eq!(read, 2);
    }
}
