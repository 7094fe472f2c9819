//! The names of the modules that are compiled into the interpreter.

use crate::address::Address;
use crate::cpython::layout::Layout;
use crate::pyobject::error::ObjectError;
use crate::pyobject::{dict, sequence, text};
use crate::target::memory::ReadMemory;
use std::collections::HashSet;

/// Reads `sys.builtin_module_names`.
pub(super) fn builtin_module_names(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    sysdict: Address,
) -> Result<HashSet<String>, ObjectError> {
    let Some(tuple) = dict::find(memory, layout, sysdict, "builtin_module_names")? else {
        return Ok(HashSet::new());
    };
    let names: Vec<_> = sequence::read_tuple(memory, layout, tuple)?
        .into_iter()
        .map(|at| (at, text::native(layout)))
        .collect();
    let mut budget = 1 << 20;
    let texts = text::read_many(memory, layout, &names, &mut budget)
        .map_err(ObjectError::reading(tuple, "tuple"))?;
    let plain = texts.into_iter().flatten();
    Ok(plain.map(|name| name.escaped()).collect())
}
