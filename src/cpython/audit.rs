//! A table against another witness: the headers an interpreter was compiled with, or its DWARF.
//!
//! Both witnesses answer by the names of `scripts/offsets/fields.txt`, where each name is explained
//! as a member of a C structure.

use crate::cpython::layout::Layout;
use crate::elf::dwarf::Structures;

mod heap_names;
mod names;

pub use heap_names::named_members;

/// What each name means, as `name = TYPE.member | size:TYPE`.
const FIELDS: &str = include_str!("../../scripts/offsets/fields.txt");

/// The source files whose debug information describes every structure of a table.
pub const SOURCES: &[&str] = &[
    "pystate.c",
    "dictobject.c",
    "moduleobject.c",
    "gc.c",
    "gcmodule.c",
    "longobject.c",
    "funcobject.c",
    "typeobject.c",
    "unicodeobject.c",
    "bytesobject.c",
    "ceval_gil.c",
];

/// What a witness says about a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It does not know the structure.
    Unknown,
    /// It knows the structure, which has no such member.
    Absent,
    /// An offset or a size, in bytes.
    Is(u64),
}

impl Answer {
    fn combine(self, other: Answer, operation: fn(u64, u64) -> Option<u64>) -> Answer {
        match (self, other) {
            (Answer::Is(a), Answer::Is(b)) => operation(a, b).map_or(Answer::Absent, Answer::Is),
            (Answer::Unknown, _) | (_, Answer::Unknown) => Answer::Unknown,
            _ => Answer::Absent,
        }
    }
}

/// Something the table has wrong, if the witness is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The name, or a sum or difference of names.
    pub name: &'static str,
    /// What the table says; `None`: no such member.
    pub table: Option<u64>,
    /// What the witness says; `None`: no such member.
    pub witness: Option<u64>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text =
            |value: Option<u64>| value.map_or("absent".to_owned(), |value| value.to_string());
        write!(
            f,
            "{}: table {}, witness {}",
            self.name,
            text(self.table),
            text(self.witness)
        )
    }
}

/// What came of asking a witness.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// How many values agree.
    pub agree: usize,
    /// The ones that do not.
    pub differences: Vec<Difference>,
    /// Names whose structure the witness does not know.
    pub unknown: Vec<&'static str>,
}

/// Asks a witness for every value of a table.
pub fn audit(layout: &Layout, witness: impl Fn(&str) -> Answer) -> Audit {
    let mut audit = Audit::default();
    for (name, table) in layout.named_offsets() {
        let said = match evaluate(name, &witness) {
            Answer::Unknown => {
                audit.unknown.push(name);
                continue;
            }
            Answer::Absent => None,
            Answer::Is(value) => Some(value),
        };
        if said == table {
            audit.agree += 1;
        } else {
            audit.differences.push(Difference {
                name,
                table,
                witness: said,
            });
        }
    }
    audit
}

/// A name, or two with `+` or `-` between them.
fn evaluate(name: &str, witness: &impl Fn(&str) -> Answer) -> Answer {
    if let Some((one, other)) = name.split_once('+') {
        witness(one).combine(witness(other), u64::checked_add)
    } else if let Some((one, other)) = name.split_once('-') {
        witness(one).combine(witness(other), u64::checked_sub)
    } else {
        witness(name)
    }
}

/// What debug information says about a name of the list. [`Structures`] have to be those of
/// [`SOURCES`].
pub fn dwarf_answer(structures: &Structures, name: &str) -> Answer {
    let mut known = false;
    for candidate in candidates(name) {
        let (found, there) = match candidate.split_once(':') {
            Some((_, type_name)) => (structures.size_of(type_name), false),
            None => {
                let (type_name, member) = candidate.split_once('.').unwrap_or((candidate, ""));
                let known = structures.size_of(type_name).is_some();
                (structures.offset_of(type_name, member), known)
            }
        };
        if let Some(value) = found {
            return Answer::Is(value);
        }
        known |= there;
    }
    if known {
        Answer::Absent
    } else {
        Answer::Unknown
    }
}

/// What a name of the list may mean, in the order in which it is tried.
fn candidates(name: &str) -> impl Iterator<Item = &'static str> {
    FIELDS
        .lines()
        .filter_map(|line| line.split('#').next()?.split_once('='))
        .find(|(field, _)| field.trim() == name)
        .map_or("", |(_, candidates)| candidates)
        .split('|')
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpython::tables::{ROWS, V3_13};

    /// A witness that agrees with a table, but for what is stated otherwise.
    fn witness<'w>(layout: &Layout, but: &'w [(&str, Answer)]) -> impl Fn(&str) -> Answer + 'w {
        let named = layout.named_offsets();
        move |name| {
            let stated = but.iter().find(|&&(other, _)| other == name);
            let agreed = || {
                let value = named.iter().find(|&&(other, _)| other == name)?.1;
                Some(value.map_or(Answer::Absent, Answer::Is))
            };
            stated
                .map(|&(_, answer)| answer)
                .or_else(agreed)
                .unwrap_or(Answer::Unknown)
        }
    }

    #[test]
    fn a_wrong_value_is_a_difference_and_an_unknown_one_is_not() {
        let but = [
            ("interp.modules", Answer::Is(8)),
            ("dict.size", Answer::Absent),
            ("list.item", Answer::Unknown),
        ];
        let audit = audit(&V3_13, witness(&V3_13, &but));
        let texts: Vec<String> = audit.differences.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "interp.modules: table 7656, witness 8",
                "dict.size: table 48, witness absent",
            ]
        );
        assert!(audit.unknown.contains(&"list.item"));
    }

    #[test]
    fn a_sum_of_names_is_added_up() {
        let but = [
            ("runtime.pending_mainthread", Answer::Is(2640)),
            ("pending.lock", Answer::Is(8)),
        ];
        let audit = audit(&V3_13, witness(&V3_13, &but));
        assert!(
            !audit
                .unknown
                .contains(&"runtime.pending_mainthread+pending.lock")
        );
        assert_eq!(audit.differences, []);
    }

    #[test]
    fn every_name_is_explained_in_the_list_of_fields() {
        for row in ROWS {
            for (name, _) in row.layout.named_offsets() {
                for name in name.split(['+', '-']) {
                    let explained = candidates(name).all(|candidate| !candidate.is_empty());
                    assert!(explained, "{name}");
                }
            }
        }
    }
}
