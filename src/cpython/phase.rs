//! Where a runtime stands between `Py_Initialize` and `Py_Finalize`, told from its own memory.
//!
//! From 3.7 on `_PyRuntime` says it: `interpreters.next_id` counts the interpreters that ever were
//! (`_PyInterpreterState_Enable` of `Python/pystate.c` starts it, nothing takes it back), and
//! `finalizing` and `initialized` are set and cleared by `Py_FinalizeEx` (`Python/pylifecycle.c`).
//! Before that there is less: the type `object` is made ready once and stays so, and 3.6 exports
//! `_Py_Finalizing`.

use crate::address::Address;
use crate::cpython::layout::{Field, Layout, Runtime};
use crate::target::memory::{ReadError, ReadMemory, ReadMemoryExt};
use std::fmt;

/// `Py_TPFLAGS_READY` (`Include/object.h`), the same in every version.
const READY: u64 = 1 << 12;

/// How far the life of a runtime has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Before `Py_Initialize`.
    Before,
    /// Within `Py_Initialize`: an interpreter is there, and not complete.
    Starting,
    /// Between the two.
    Running,
    /// Within `Py_Finalize`: modules are being taken apart.
    Ending,
    /// After `Py_Finalize`.
    After,
    /// There is no complete interpreter, and nothing tells on which side of its life this is.
    Unsettled,
}

impl Phase {
    /// The phase of a runtime structure.
    ///
    /// # Errors
    /// When its members cannot be read.
    pub fn of_runtime(
        memory: &(impl ReadMemory + ?Sized),
        members: &Runtime,
        runtime: Address,
    ) -> Result<Phase, ReadError> {
        if members.interpreters_head.read(memory, runtime)?.is_null() {
            // `next_id` is the member behind `main` in every version from 3.7 on.
            let next_id: i64 = memory.read_at(members.interpreters_main.of(runtime).offset(8))?;
            return Ok(if next_id > 0 {
                Phase::After
            } else {
                Phase::Before
            });
        }
        if !members.finalizing.read(memory, runtime)?.is_null() {
            return Ok(Phase::Ending);
        }
        Ok(match members.initialized.read(memory, runtime)? {
            0 => Phase::Starting,
            _ => Phase::Running,
        })
    }

    /// The phase of a version that keeps static variables. `finalizing` is the value of
    /// `_Py_Finalizing`, `object` the place of `PyBaseObject_Type`; each `None` when unknown.
    pub fn of_statics(
        memory: &(impl ReadMemory + ?Sized),
        layout: &Layout,
        head: Address,
        finalizing: Option<Address>,
        object: Option<Address>,
    ) -> Phase {
        if !head.is_null() {
            let is_set = |member: Field<Address>| {
                member
                    .read(memory, head)
                    .is_ok_and(|value| !value.is_null())
            };
            let complete = is_set(layout.interpreter.modules) && is_set(layout.interpreter.sysdict);
            return match (finalizing, complete) {
                (Some(thread), _) if !thread.is_null() => Phase::Ending,
                (_, true) => Phase::Running,
                (_, false) => Phase::Unsettled,
            };
        }
        match object.map(|object| layout.class.flags.read(memory, object)) {
            Some(Ok(flags)) if flags & READY != 0 => Phase::After,
            Some(Ok(_)) => Phase::Before,
            _ => Phase::Unsettled,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Before => "has not been initialised yet",
            Phase::Starting => "is being initialised",
            Phase::Running => "is running",
            Phase::Ending => "is being finalised",
            Phase::After => "has been finalised",
            Phase::Unsettled => {
                "has no complete interpreter: it is not initialised yet, or no more"
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpython::tables;
    use crate::target::fake::FakeMemory;

    const RUNTIME: u64 = 0x10_0000;

    fn phase(set: impl Fn(&Runtime, &mut FakeMemory)) -> Vec<Phase> {
        let runtimes = tables::ROWS.iter().filter_map(|row| row.layout.runtime);
        runtimes
            .map(|members| {
                let mut memory = FakeMemory::new().with(RUNTIME, &[0; 4096]);
                set(&members, &mut memory);
                Phase::of_runtime(&memory, &members, Address::new(RUNTIME)).expect("mapped")
            })
            .collect()
    }

    fn assert_all(phases: &[Phase], expected: Phase) {
        assert!(phases.len() > 10);
        assert!(phases.iter().all(|&phase| phase == expected), "{phases:?}");
    }

    #[test]
    fn a_runtime_of_zeroes_has_not_been_initialised() {
        assert_all(&phase(|_, _| {}), Phase::Before);
    }

    #[test]
    fn a_runtime_that_had_an_interpreter_has_been_finalised() {
        let gone = phase(|members, memory| {
            memory.put_word(RUNTIME + members.interpreters_main.offset() + 8, 1);
        });
        assert_all(&gone, Phase::After);
    }

    #[test]
    fn an_interpreter_that_is_not_initialised_is_starting_unless_a_thread_finalizes() {
        let starting = |members: &Runtime, memory: &mut FakeMemory| {
            memory.put_word(RUNTIME + members.interpreters_head.offset(), 0x2000);
        };
        assert_all(&phase(starting), Phase::Starting);
        let ending = phase(|members, memory| {
            starting(members, memory);
            memory.put_word(RUNTIME + members.finalizing.offset(), 0x3000);
        });
        assert_all(&ending, Phase::Ending);
        let running = phase(|members, memory| {
            starting(members, memory);
            memory.put(RUNTIME + members.initialized.offset(), &1u32.to_le_bytes());
        });
        assert_all(&running, Phase::Running);
    }
}
