//! The program that reloads from inside, made for one request: constants, then the text of
//! `inject/payload`.

use crate::address::Address;
use crate::change::source::literal;
use crate::inject::payload::lean;
use crate::plan::key::Key;
use std::fmt::Write;

const COMMON: &str = include_str!("../inject/payload/common.py");
const COLLECTOR: &str = include_str!("../inject/payload/collector.py");
const RELOAD: &str = include_str!("../inject/payload/reload.py");
const EXECUTE: &str = include_str!("../inject/payload/reload_execute.py");
const FRESH: &str = include_str!("../inject/payload/reload_fresh.py");
const ANSWER: &str = include_str!("../inject/payload/answer.py");

/// How much may be done to a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    /// Code objects and constants move; nothing of the module runs.
    Code,
    /// Statements that changed run in a scratch namespace first.
    Execute,
    /// All statements run in a scratch namespace first.
    Whole,
    /// What `importlib.reload` does.
    Fresh,
}

impl Strength {
    /// A stable name.
    pub fn name(self) -> &'static str {
        match self {
            Strength::Code => "code",
            Strength::Execute => "execute",
            Strength::Whole => "whole",
            Strength::Fresh => "fresh",
        }
    }
}

/// A module as the program is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved<'m> {
    /// Its key.
    pub key: &'m str,
    /// The module object.
    pub module: Address,
    /// Its globals.
    pub dict: Address,
    /// Its facts, in hexadecimal.
    pub facts: &'m str,
}

/// The whole program. `imported` are (module, name there, module of `modules`, name here). Pure
/// ASCII: whatever is in a name, the target's parser sees escapes only.
pub fn reload<'i>(
    table: Address,
    optimize: u8,
    strength: Strength,
    modules: &[Moved<'_>],
    imported: impl Iterator<Item = &'i (String, String, String, String)>,
) -> String {
    let mut source = format!("TABLE = {}\nMODULES = (\n", table.value());
    for one in modules {
        // Writing to a String cannot fail.
        let _ = write!(
            source,
            "({}, {}, {}",
            literal(&Key::new(one.key)),
            one.module.value(),
            one.dict.value()
        );
        let facts = match strength {
            Strength::Fresh => String::new(),
            _ => format!(", '{}'", one.facts),
        };
        let _ = writeln!(source, "{facts}),");
    }
    source.push_str(")\n");
    if strength == Strength::Fresh {
        return source + &lean(&[COMMON, FRESH, ANSWER]);
    }
    let _ = writeln!(source, "OPTIMIZE = {optimize}");
    let _ = writeln!(source, "STRENGTH = '{}'\nIMPORTED = (", strength.name());
    for (module, bound, from, name) in imported {
        let names = [module, bound, from, name].map(|name| literal(&Key::new(name)));
        let _ = writeln!(source, "({}),", names.join(", "));
    }
    source.push_str(")\n");
    source + &lean(&[COMMON, COLLECTOR, RELOAD, EXECUTE, ANSWER])
}
