//! Modules of which the start of the interpreter keeps the first reference.

use super::edge::{EdgeName, Tier};
use super::roots::{Root, RootPlace};
use super::tracer::Tracer;
use crate::cpython::python::Interpreter;
use crate::pyobject::dict;
use crate::target::view::ViewMemory;

/// `_PyBuiltin_Init` and `_PySys_Init` return a new reference each, which `Python/pylifecycle.c` drops from 3.9
/// on, that of `sys` from 3.8 on. It is in no memory.
const KEPT: [&str; 2] = ["builtins", "sys"];

impl<M: ViewMemory> Tracer<'_, M> {
    pub(super) fn visit_first_references(
        &mut self,
        interpreter: &Interpreter,
        visit: &mut impl FnMut(Root),
    ) {
        let layout = &self.python.layout;
        let names = match layout.python {
            (3, ..=7) => &KEPT[..],
            (3, 8) => &KEPT[..1],
            _ => return,
        };
        for name in names {
            let found = dict::find(self.look.memory, layout, interpreter.modules, name);
            let Ok(Some(to)) = found else {
                continue;
            };
            visit(Root {
                place: RootPlace::Interpreter {
                    id: interpreter.id,
                    offset: 0,
                },
                to,
                name: EdgeName::Attribute("first_reference"),
                tier: Tier::Possible,
            });
        }
    }
}
