//! Python functions: what they run in, and where more functions hide behind them.

use crate::address::Address;
use crate::cpython::layout::Layout;
use crate::pyobject::error::ObjectError;
use crate::target::memory::{ReadMemory, ReadMemoryExt};

/// `PyFunctionObject` (`Include/cpython/funcobject.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function {
    /// `__globals__`.
    pub globals: Address,
    /// `__code__`.
    pub code: Address,
    /// `__closure__`, a tuple of cells, or null.
    pub closure: Address,
    /// `__dict__`, or null.
    pub attributes: Address,
    /// `__qualname__`; `None` on 2.7.
    pub qualname: Option<Address>,
}

/// Offsets of `func_closure`, `func_dict` and `func_qualname`.
const fn offsets(python: (u8, u8)) -> (u64, u64, Option<u64>) {
    match python {
        (2, _) => (40, 64, None),
        (3, 0..=9) => (48, 72, Some(104)),
        _ => (72, 88, Some(40)),
    }
}

/// Reads the function at `at`. That it is one is the caller's knowledge.
///
/// # Errors
/// [`ObjectError::Unreadable`].
pub fn read(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    at: Address,
) -> Result<Function, ObjectError> {
    let (closure, attributes, qualname) = offsets(layout.python);
    let member = |offset: u64| -> Result<Address, ObjectError> {
        let place = at.offset(offset).offset(layout.heap.later);
        let found = memory.read_at(place);
        found.map_err(ObjectError::reading(at, "function"))
    };
    let unreadable = |cause| ObjectError::reading(at, "function")(cause);
    Ok(Function {
        globals: (layout.function.globals.read(memory, at)).map_err(unreadable)?,
        code: layout.function.code.read(memory, at).map_err(unreadable)?,
        closure: member(closure)?,
        attributes: member(attributes)?,
        qualname: qualname.map(member).transpose()?,
    })
}
