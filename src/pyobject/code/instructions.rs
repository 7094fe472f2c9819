//! Instructions as the compiler wrote them, from what the interpreter has made of them.

use crate::cpython::opcodes::{Opcodes, beside};

/// Where the original of an instruction is kept that something else stands in for.
pub(super) trait Originals {
    /// Of the code unit `index`, where its line is traced.
    fn behind_line(&self, index: usize) -> Option<u8>;
    /// Of the code unit `index`, where it is itself traced.
    fn behind_instruction(&self, index: usize) -> Option<u8>;
    /// Of the executor `number`: opcode and argument.
    fn behind_executor(&self, number: u8) -> Option<(u8, u8)>;
}

/// The instructions without what was rewritten, with caches zeroed; `None` when an original could
/// not be found, and the index of that unit.
pub(super) fn restore(
    opcodes: &Opcodes,
    rewritten: &[u8],
    originals: &impl Originals,
) -> Result<Vec<u8>, usize> {
    let mut code = rewritten.to_vec();
    let mut index = 0;
    while let Some(unit) = code.get_mut(2 * index..2 * index + 2) {
        let (opcode, argument) =
            original(opcodes, index, unit[0], unit[1], originals).ok_or(index)?;
        unit.copy_from_slice(&[opcode, argument]);
        let caches = usize::from(beside(opcodes.caches, opcode).unwrap_or(0));
        let from = 2 * (index + 1);
        let to = (from + 2 * caches).min(code.len());
        code[from.min(to)..to].fill(0);
        index += 1 + caches;
    }
    Ok(code)
}

fn original(
    opcodes: &Opcodes,
    index: usize,
    mut opcode: u8,
    mut argument: u8,
    originals: &impl Originals,
) -> Option<(u8, u8)> {
    if Some(opcode) == opcodes.executor {
        (opcode, argument) = originals.behind_executor(argument)?;
    }
    if Some(opcode) == opcodes.line {
        opcode = originals.behind_line(index)?;
    }
    if Some(opcode) == opcodes.instruction {
        opcode = originals.behind_instruction(index)?;
    }
    let opcode = beside(opcodes.instrumented, opcode).unwrap_or(opcode);
    let opcode = beside(opcodes.base, opcode).unwrap_or(opcode);
    let stands_in = [opcodes.line, opcodes.instruction, opcodes.executor];
    (!stands_in.contains(&Some(opcode))).then_some((opcode, argument))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Kept;

    impl Originals for Kept {
        fn behind_line(&self, index: usize) -> Option<u8> {
            // 3.12: INSTRUMENTED_RESUME at the beginning, nothing else.
            (index == 0).then_some(240)
        }
        fn behind_instruction(&self, _: usize) -> Option<u8> {
            None
        }
        fn behind_executor(&self, _: u8) -> Option<(u8, u8)> {
            None
        }
    }

    #[test]
    fn a_traced_and_specialised_function_is_as_it_was_compiled() {
        let opcodes = Opcodes::of((3, 12)).expect("a table");
        // INSTRUMENTED_LINE, BINARY_OP_ADD_INT with a cache in use.
        let rewritten = [254, 0, 6, 0, 17, 4];
        let restored = restore(opcodes, &rewritten, &Kept);
        assert_eq!(restored, Ok(vec![151, 0, 122, 0, 0, 0]));
    }

    #[test]
    fn what_cannot_be_restored_is_named() {
        let opcodes = Opcodes::of((3, 12)).expect("a table");
        assert_eq!(restore(opcodes, &[9, 0, 254, 0], &Kept), Err(1));
        assert_eq!(restore(opcodes, &[9, 0, 253, 0], &Kept), Err(1));
    }

    #[test]
    fn a_cut_cache_is_no_panic() {
        let opcodes = Opcodes::of((3, 11)).expect("a table");
        assert_eq!(restore(opcodes, &[106, 0, 1], &Kept), Ok(vec![106, 0, 0]));
    }
}
