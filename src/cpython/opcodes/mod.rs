//! How the interpreter rewrites its instructions while it runs (from 3.11 on), as data.

mod tables;

/// The instructions of one minor version that the compiler never writes, and what they stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opcodes {
    /// Specialised instructions, each with the one that it was made from. `_PyOpcode_Deopt`.
    pub base: &'static [(u8, u8)],
    /// Instructions that are followed by caches, and by how many code units. `_PyOpcode_Caches`.
    pub caches: &'static [(u8, u8)],
    /// Instructions that report to a tracer, each with the one that it stands for.
    pub instrumented: &'static [(u8, u8)],
    /// `INSTRUMENTED_LINE`: the instruction is kept beside the lines.
    pub line: Option<u8>,
    /// `INSTRUMENTED_INSTRUCTION`: the instruction is kept in an array.
    pub instruction: Option<u8>,
    /// `ENTER_EXECUTOR`: the instruction is kept in the executor.
    pub executor: Option<u8>,
}

impl Opcodes {
    /// Those of a minor version; `None` to 3.10, where code is never rewritten.
    pub fn of(python: (u8, u8)) -> Option<&'static Opcodes> {
        match python {
            (3, 11) => Some(&tables::V3_11),
            (3, 12) => Some(&tables::V3_12),
            (3, 13) => Some(&tables::V3_13),
            (3, 14) => Some(&tables::V3_14),
            (3, 15) => Some(&tables::V3_15),
            _ => None,
        }
    }
}

/// What stands beside `opcode` in a table that is sorted by opcodes.
pub fn beside(table: &[(u8, u8)], opcode: u8) -> Option<u8> {
    let index = table.binary_search_by_key(&opcode, |pair| pair.0).ok()?;
    Some(table[index].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_sorted_and_leads_to_an_instruction_that_is_not_rewritten() {
        for minor in 11..=15 {
            let opcodes = Opcodes::of((3, minor)).expect("a table");
            for table in [opcodes.base, opcodes.caches, opcodes.instrumented] {
                assert!(table.is_sorted_by(|one, next| one.0 < next.0));
            }
            for &(_, base) in opcodes.base.iter().chain(opcodes.instrumented) {
                let is_rewritten = beside(opcodes.base, base).is_some();
                assert!(!is_rewritten, "3.{minor}: {base}");
            }
        }
    }
}
