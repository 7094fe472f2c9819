//! What C code keeps in arrays of its own: callbacks of `atexit` and of signals, and its identifiers.

use super::edge::{EdgeName, Tier};
use super::roots::{Root, RootPlace};
use super::tracer::Tracer;
use crate::address::Address;
use crate::cpython::layout::{Field, at};
use crate::cpython::python::Interpreter;
use crate::pyobject::dict;
use crate::target::view::ViewMemory;

/// More callbacks than this are not looked at.
const CALLBACKS: u64 = 1 << 16;
/// More identifiers than any CPython has.
const IDENTIFIERS: u64 = 1 << 12;
/// `Py_NSIG` on Linux.
pub const SIGNALS: u32 = 65;
/// Bytes of an entry of the table of signals: `tripped`, then `func`.
pub const SIGNAL_ENTRY: u64 = 16;
/// `func` in an entry.
pub const SIGNAL_HANDLER: u64 = 8;
/// `func`, `args`, `kwargs` of `atexit_callback` (`Modules/atexitmodule.c`).
const EXIT_MEMBERS: [(u64, &str); 3] = [(0, "func"), (8, "args"), (16, "kwargs")];
/// `ncallbacks` behind the array in the state of the module `atexit`, to 3.9.
const STATE_COUNT: Field<i32> = at(8);

impl<'m, M: ViewMemory> Tracer<'m, M> {
    /// From 3.10 on the interpreter has them, from 3.14 on in a list, which is one word of its state;
    /// before 3.10 the state of the module; on 2.7 a list in its globals.
    pub(super) fn visit_exit_callbacks(
        &mut self,
        interpreter: &Interpreter,
        visit: &mut impl FnMut(Root),
    ) {
        let Some((array, count)) = self.exit_callbacks(interpreter) else {
            return;
        };
        let count = u64::try_from(count).unwrap_or_default().min(CALLBACKS);
        for index in 0..count {
            let entry: Address = self
                .look
                .word(array.offset(index * 8))
                .unwrap_or(Address::NULL);
            if entry.is_null() {
                continue; // Taken out again.
            }
            for (offset, name) in EXIT_MEMBERS {
                let to: Address = self.look.word(entry.offset(offset)).unwrap_or_default();
                if self.is_object(to) {
                    visit(Root {
                        place: RootPlace::Exit {
                            id: interpreter.id,
                            index: index as u32,
                        },
                        to,
                        name: EdgeName::Attribute(name),
                        tier: Tier::Certain,
                    });
                }
            }
        }
    }

    fn exit_callbacks(&self, interpreter: &Interpreter) -> Option<(Address, i32)> {
        let keepers = &self.look.heap().keepers;
        let member = |name: &str| {
            let offset = keepers.interpreter_member(name)?;
            Some(interpreter.address.offset(offset))
        };
        if let Some((array, count)) = member("atexit_callbacks").zip(member("atexit_count")) {
            return Some((self.look.word(array)?, self.look.word(count)?));
        }
        if member("atexit_callbacks").is_some() || self.python.version.minor >= 10 {
            return None;
        }
        let layout = self.look.layout;
        let module = dict::find(self.look.memory, layout, interpreter.modules, "atexit");
        let (state, _) = self.look.module_state(module.ok()??)?;
        Some((self.look.word(state)?, self.look.field(state, STATE_COUNT)?))
    }

    /// The texts that C code has names for (`_Py_IDENTIFIER`): from 3.10 on an array of the
    /// interpreter (`unicode.ids`); before, variables of the C files.
    pub(super) fn visit_identifiers(
        &mut self,
        interpreter: &Interpreter,
        visit: &mut impl FnMut(Root),
    ) {
        let keepers = &self.look.heap().keepers;
        let word = |name: &str| {
            let offset = keepers.interpreter_member(name)?;
            self.look.word::<u64>(interpreter.address.offset(offset))
        };
        let offset = keepers.interpreter_member("identifiers");
        let found = word("identifiers").zip(word("identifiers_size"));
        let (Some(offset), Some((array, count))) = (offset, found) else {
            return;
        };
        for index in 0..count.min(IDENTIFIERS) {
            let at = Address::new(array).checked_add(index * 8);
            let to: Option<Address> = at.and_then(|at| self.look.word(at));
            if let Some(to) = to.filter(|&to| self.is_object(to)) {
                visit(Root {
                    place: RootPlace::Interpreter {
                        id: interpreter.id,
                        offset: offset as u32,
                    },
                    to,
                    name: EdgeName::Item(index),
                    tier: Tier::Probable,
                });
            }
        }
    }

    /// Whether the runtime has the handlers of signals.
    pub fn has_signals(&self) -> bool {
        self.look.heap().keepers.signals.is_some()
    }

    /// `_PyRuntime.signals`, from 3.12 on.
    pub(super) fn visit_signals(&mut self, visit: &mut impl FnMut(Root)) {
        let offset = self.look.heap().keepers.signals;
        if let Some((runtime, offset)) = self.python.runtime.zip(offset) {
            self.visit_signal_table(runtime.offset(offset), visit);
        }
    }

    /// The handlers in the table of signals at `table`.
    pub fn visit_signal_table(&mut self, table: Address, visit: &mut impl FnMut(Root)) {
        for number in 0..SIGNALS {
            let entry = table.offset(u64::from(number) * SIGNAL_ENTRY);
            let to: Address = self
                .look
                .word(entry.offset(SIGNAL_HANDLER))
                .unwrap_or_default();
            if self.is_object(to) {
                visit(Root {
                    place: RootPlace::Signal { number },
                    to,
                    name: EdgeName::Attribute("func"),
                    tier: Tier::Certain,
                });
            }
        }
    }
}
