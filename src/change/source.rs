//! The programs that unload from inside, made for one request each: constants, then the text of
//! `inject/payload`.

use crate::address::Address;
use crate::inject::payload::lean;
use crate::plan::cut::{Cut, Entry};
use crate::plan::key::Key;
use crate::plan::step::{Hop, Step};
use crate::pyobject::text::Text;
use std::fmt::Write;

/// What every program begins with.
const COMMON: &str = include_str!("../inject/payload/common.py");
/// Finds the collector.
const COLLECTOR: &str = include_str!("../inject/payload/collector.py");
/// What was taken away, and how it is put back.
const RECORD: &str = include_str!("../inject/payload/record.py");
/// What makes holders let go.
const REMEDIES: &str = include_str!("../inject/payload/remedies.py");
/// Where nobody has to.
const NO_REMEDIES: &str = "
def Place(*arguments):
    return None


def hooks_to_go(places):
    return ()


def do_steps(steps, first, entries, places):
    pass
";
/// Takes modules away, into the record.
const DETACH: &str = include_str!("../inject/payload/detach.py");
/// Drops the record.
const COMMIT: &str = include_str!("../inject/payload/commit.py");
/// Puts back what a record has.
const RESTORE: &str = include_str!("../inject/payload/restore.py");
/// Runs the collector.
const COLLECT: &str = include_str!("../inject/payload/collect.py");
/// What every program ends with.
const ANSWER: &str = include_str!("../inject/payload/answer.py");

const RUN_DETACH: &str = "\n\ncommitted = ()\nrun = run_detach\n";
const RUN_COMMIT: &str = "\n\nrun = run_commit\n";
const RUN_BOTH: &str = "

def run():
    core, table, module_type, collector = begin()
    attributes = detach(core, table, module_type, collector)
    return commit(core, table, module_type, collector, attributes)
";

/// The name under which a record is kept in the namespace of `_frozen_importlib`.
pub const RECORD_NAME: &str = "_pyunload_record";

/// What one unload is about.
#[derive(Debug, Clone, Copy)]
pub struct Request<'r> {
    /// `sys.modules` as it was read from outside.
    pub table: Address,
    /// Tells the record of this run from that of another.
    pub number: u64,
    /// What goes.
    pub cut: &'r Cut,
    /// What makes holders let go.
    pub steps: &'r [Step],
}

/// The program that runs the collector once.
pub fn collect() -> String {
    lean(&[COMMON, COLLECTOR, COLLECT, ANSWER])
}

/// The program that takes the modules away into a record. Pure ASCII, as all of these: whatever is
/// in a name, the target's parser sees escapes only.
pub fn detach(request: Request<'_>) -> String {
    let is_first = |step: &Step| !step.word.is_last();
    let remedies = remedies(request.steps, is_first);
    let parts = [
        COMMON, COLLECTOR, RECORD, remedies, DETACH, RUN_DETACH, ANSWER,
    ];
    constants(request) + &lean(&parts)
}

/// The program that drops the record, and with it the modules.
pub fn commit(request: Request<'_>) -> String {
    let remedies = remedies(request.steps, |step| step.word.is_last());
    let parts = [
        COMMON, COLLECTOR, RECORD, remedies, COMMIT, RUN_COMMIT, ANSWER,
    ];
    constants(request) + &lean(&parts)
}

/// Both in one, where nothing can be looked at in between.
pub fn unload(request: Request<'_>) -> String {
    let remedies = remedies(request.steps, |_| true);
    let parts = [
        COMMON, COLLECTOR, RECORD, remedies, DETACH, COMMIT, RUN_BOTH, ANSWER,
    ];
    constants(request) + &lean(&parts)
}

/// The program that puts back what the record of this run has; of any run, when it is 0.
pub fn restore(number: u64) -> String {
    format!("NUMBER = {number}\n") + &lean(&[COMMON, RECORD, RESTORE, ANSWER])
}

/// The remedies are most of the text, and compiling it takes time.
fn remedies(steps: &[Step], is_done_here: impl Fn(&Step) -> bool) -> &'static str {
    match steps.iter().any(is_done_here) {
        true => REMEDIES,
        false => NO_REMEDIES,
    }
}

fn constants(request: Request<'_>) -> String {
    let Request {
        table, number, cut, ..
    } = request;
    let mut source = format!("TABLE = {}\nNUMBER = {number}\n", table.value());
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
    let is_last = |step: &&Step| step.word.is_last();
    let (last, first): (Vec<&Step>, Vec<&Step>) = request.steps.iter().partition(is_last);
    let _ = writeln!(source, "FIRST = {}", first.len());
    write_tuple(&mut source, "STEPS", first.into_iter().map(step));
    write_tuple(&mut source, "LAST", last.into_iter().map(step));
    source
}

fn step(step: &Step) -> String {
    let hops: String = step.hops.iter().map(hop).collect();
    let rows = step.rows.iter().map(|row| {
        let key = row.key.map_or(0, Address::value);
        let class = literal(&Key::new(&row.class));
        format!("({key}, {}, {class}),", row.value.value())
    });
    format!(
        "('{}', {}, ({hops}), {}, ({}), {})",
        step.word.word(),
        literal(&step.module),
        step.container.value(),
        rows.collect::<String>(),
        step.number
    )
}

fn hop(hop: &Hop) -> String {
    let text = |text: &Text| literal(&Key::from(text));
    match hop {
        Hop::Key(name) => format!("('key', {}),", text(name)),
        Hop::Attribute(name) => format!("('attribute', {}),", text(name)),
        Hop::Item(index) => format!("('item', {index}),"),
        Hop::Referent(at) => format!("('referent', {}),", at.value()),
    }
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
