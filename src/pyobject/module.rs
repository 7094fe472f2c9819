//! Module objects.

use crate::address::Address;
use crate::cpython::layout::Layout;
use crate::pyobject::error::ObjectError;
use crate::pyobject::header::{self, Header};
use crate::target::memory::{ReadMemory, ReadMemoryExt};

/// `PyModuleObject`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Module {
    /// Count and class.
    pub header: Header,
    /// `md_dict`: the globals. Null only on 2.7, for a module that was never filled.
    pub dict: Address,
    /// Whether the module was made from C (`md_def`, from 3.15 on `md_token`). `None` on 2.7, which
    /// does not say.
    pub is_from_c: Option<bool>,
}

/// How many bytes of a module object [`parse`] wants.
pub fn size(layout: &Layout) -> usize {
    let definition = layout.module.definition.map_or(0, |field| field.offset());
    layout.module.dict.offset().max(definition) as usize + 8
}

/// The module object whose first bytes are given; `None` when they are too few.
pub fn parse(layout: &Layout, bytes: &[u8]) -> Option<Module> {
    let is_from_c = match layout.module.definition {
        Some(definition) => Some(!definition.get(bytes)?.is_null()),
        None => None,
    };
    Some(Module {
        header: header::parse(layout, bytes)?,
        dict: layout.module.dict.get(bytes)?,
        is_from_c,
    })
}

/// Reads the module object at `at`. That it is one is the caller's knowledge.
///
/// # Errors
/// [`ObjectError::Unreadable`].
pub fn read(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    at: Address,
) -> Result<Module, ObjectError> {
    let wanted = size(layout);
    let bytes = memory
        .read_bytes_at(at, wanted)
        .map_err(ObjectError::reading(at, "module"))?;
    parse(layout, &bytes).ok_or_else(|| ObjectError::cut(at, "module", wanted, bytes.len()))
}
