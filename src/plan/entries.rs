//! From an inventory to what a cut is worked out from.

use crate::address::Address;
use crate::cpython::layout::Layout;
use crate::heap::kinds::Kinds;
use crate::modules::kind::Kind as ModuleKind;
use crate::modules::row::ModuleRow;
use crate::plan::cut::{Entry, Kind};
use crate::plan::key::Key;
use crate::pyobject::dict;
use crate::target::memory::{ReadError, ReadMemory};

/// The entries whose keys are `str`. The own name of a module is read for those only that lie in
/// one of `packages`: of others nobody asks.
///
/// # Errors
/// As [`ReadMemory::read_some_at`]: the source as a whole is out of reach.
pub fn entries(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    rows: &[ModuleRow],
    packages: &[Key],
) -> Result<Vec<Entry>, ReadError> {
    let kinds = Kinds::new(layout);
    let mut entries = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(key) = key_of(row) else { continue };
        let is_asked_for = packages.iter().any(|package| key.is_within(package));
        let own_name = match row.dict.filter(|_| is_asked_for) {
            Some(dict) => own_name(memory, layout, &kinds, dict)?,
            None => None,
        };
        entries.push(Entry {
            key,
            value: row.address,
            dict: row.dict,
            kind: kind_of(row),
            own_name,
        });
    }
    Ok(entries)
}

/// Whether an attribute of the module with the globals at `dict` is the object `child`.
pub fn holds(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    dict: Address,
    attribute: &Key,
    child: Address,
) -> bool {
    dict::find(memory, layout, dict, &attribute.to_string()) == Ok(Some(child))
}

fn own_name(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    kinds: &Kinds<'_>,
    dict: Address,
) -> Result<Option<Key>, ReadError> {
    match dict::find(memory, layout, dict, "__name__") {
        Ok(Some(value)) => Ok(kinds.text_at(memory, value)?.as_ref().map(Key::from)),
        _ => Ok(None),
    }
}

fn kind_of(row: &ModuleRow) -> Kind {
    match (row.kind, row.dict) {
        (ModuleKind::Stub | ModuleKind::Blocked, _) => Kind::Nothing,
        (ModuleKind::Extension, Some(_)) => Kind::Extension,
        (_, Some(_)) => Kind::Module,
        (_, None) => Kind::Other,
    }
}

/// The key of a row; `None` when it is no `str`.
fn key_of(row: &ModuleRow) -> Option<Key> {
    if row.name_is_repr {
        Key::from_repr(&row.name)
    } else {
        Some(Key::new(&row.name))
    }
}
