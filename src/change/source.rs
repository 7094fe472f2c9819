//! The program that unloads from inside, made for one request: constants, then the text of
//! `inject/payload`.

use crate::address::Address;
use crate::plan::cut::{Cut, Entry};
use crate::plan::key::Key;
use std::fmt::Write;

/// What every program begins with.
const COMMON: &str = include_str!("../inject/payload/common.py");
/// Unloads.
const UNLOAD: &str = include_str!("../inject/payload/unload.py");
/// Runs the collector.
const COLLECT: &str = include_str!("../inject/payload/collect.py");
/// What every program ends with.
const END: &str = "\n\nresult = as_bytes(answer())\n";

/// The program that runs the collector once.
pub fn collect() -> String {
    [COMMON, COLLECT, END].concat()
}

/// The whole program. `table` is `sys.modules` as it was read from outside. Pure ASCII: whatever
/// is in a name, the target's parser sees escapes only.
pub fn unload(table: Address, cut: &Cut) -> String {
    let mut source = format!("TABLE = {}\n", table.value());
    write_tuple(&mut source, "PREFIXES", cut.names.iter().map(literal));
    write_tuple(&mut source, "KEYS", cut.entries().map(pair));
    let attributes = cut.attributes.iter().map(|attribute| {
        format!(
            "({}, {}, {})",
            literal(&attribute.parent),
            literal(&attribute.name),
            attribute.child.value()
        )
    });
    write_tuple(&mut source, "ATTRIBUTES", attributes);
    source.extend([COMMON, UNLOAD, END]);
    source
}

fn pair(entry: &Entry) -> String {
    format!("({}, {})", literal(&entry.key), entry.value.value())
}

fn write_tuple(source: &mut String, name: &str, items: impl Iterator<Item = String>) {
    source.push_str(name);
    source.push_str(" = (");
    for item in items {
        source.push_str(&item);
        source.push_str(",\n");
    }
    source.push_str(")\n");
}

/// A key as a Python 3 literal.
pub(super) fn literal(key: &Key) -> String {
    let mut text = String::from("'");
    for &point in key.points() {
        // Writing to a String cannot fail.
        let _ = match point {
            0x27 | 0x5c => write!(text, "\\{}", char::from(point as u8)),
            0x20..=0x7e => write!(text, "{}", char::from(point as u8)),
            0..=0xff => write!(text, "\\x{point:02x}"),
            0x100..=0xffff => write!(text, "\\u{point:04x}"),
            _ => write!(text, "\\U{point:08x}"),
        };
    }
    text.push('\'');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pyobject::text::Text;
    use proptest::prelude::*;

    #[test]
    fn quotes_line_ends_and_surrogates_are_escaped() {
        let key = Key::from(&Text::Surrogates(vec![0x27, 0x5c, 0x0a, 0xdcff, 0x1f40d]));
        assert_eq!(literal(&key), r"'\'\\\x0a\udcff\U0001f40d'");
    }

    proptest! {
        #[test]
        fn a_literal_is_one_line_of_ascii_whose_quote_ends_it(points in proptest::collection::vec(0u32..0x11_0000, 0..40)) {
            let text = literal(&Key::from(&Text::Surrogates(points)));
            prop_assert!(text.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
            let inside = &text[1..text.len() - 1];
            let unescaped = inside.replace("\\\\", "").replace("\\'", "");
            prop_assert!(!unescaped.contains('\''));
        }
    }
}
