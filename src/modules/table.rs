//! The dict `sys.modules` as one reading found it, with what tells whether it changed since.

use crate::address::Address;
use crate::cpython::layout::{DictKeysForm, Layout};
use crate::pyobject::dict::{self, Entry};
use crate::pyobject::error::ObjectError;
use crate::target::memory::{ReadError, ReadMemory, ReadMemoryExt};

/// `sys.modules` with its guards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// The entries, in order.
    pub(super) entries: Vec<Entry>,
    /// The guards as they were before and after the entries were read.
    around: [Option<Guards>; 2],
}

/// What changes with every insertion and deletion: the header of the dict, its version where it has
/// one (`ma_version_tag`, 3.6 to 3.13), and how many places of its block of keys were ever taken. A
/// key that was deleted and set again has taken a new place (`insertdict`, `Objects/dictobject.c`).
#[derive(Debug, Clone, PartialEq, Eq)]
struct Guards {
    header: Vec<u8>,
    /// `dk_usable` and `dk_nentries`; `None` on 2.7, where a key that comes back takes its old place,
    /// so that nothing is proven.
    places: Option<(i64, i64)>,
}

impl Table {
    /// Reads the entries, and what guards them before and after.
    ///
    /// # Errors
    /// As [`dict::read`].
    pub(super) fn read(
        memory: &(impl ReadMemory + ?Sized),
        layout: &Layout,
        at: Address,
    ) -> Result<Self, ObjectError> {
        let before = Guards::read(memory, layout, at);
        let entries = dict::read(memory, layout, at)?;
        let after = Guards::read(memory, layout, at);
        Ok(Table {
            entries,
            around: [before.ok(), after.ok()],
        })
    }

    /// Whether the dict was the same all the time since `earlier` was read: then every key and value
    /// of it was alive all the time.
    pub(super) fn proves_unchanged_since(&self, earlier: &Table) -> bool {
        let [first, second] = &earlier.around;
        first.as_ref().is_some_and(|guards| guards.places.is_some())
            && first == second
            && self.around.iter().all(|guards| guards == first)
            && self.entries == earlier.entries
    }
}

impl Guards {
    fn read(
        memory: &(impl ReadMemory + ?Sized),
        layout: &Layout,
        at: Address,
    ) -> Result<Self, ReadError> {
        let size = match layout.dict.keys_form {
            // 2.7 keeps a small table in the dict itself, behind these members.
            DictKeysForm::Table { table, .. } => table.offset() + 8,
            _ => layout.dict.size,
        };
        let counted = layout.header.class.offset();
        let header = memory.read_bytes_at(at.offset(counted), (size - counted) as usize)?;
        let places = match layout.dict.keys {
            Some(field) => {
                let keys = field.read(memory, at)?;
                let usable = layout.dict.keys_usable.read(memory, keys)?;
                Some((usable, layout.dict.keys_entries.read(memory, keys)?))
            }
            None => None,
        };
        Ok(Guards { header, places })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(places: (i64, i64), value: u64) -> Table {
        let guards = Guards {
            header: vec![1, 2, 3],
            places: Some(places),
        };
        let entry = Entry {
            key: Address::new(8),
            value: Address::new(value),
        };
        Table {
            entries: vec![entry],
            around: [Some(guards.clone()), Some(guards)],
        }
    }

    #[test]
    fn a_key_that_was_deleted_and_set_again_is_a_change() {
        assert!(table((5, 1), 16).proves_unchanged_since(&table((5, 1), 16)));
        assert!(!table((4, 2), 16).proves_unchanged_since(&table((5, 1), 16)));
    }

    #[test]
    fn another_value_under_the_same_key_is_a_change() {
        assert!(!table((5, 1), 24).proves_unchanged_since(&table((5, 1), 16)));
    }

    #[test]
    fn guards_that_moved_during_the_reading_prove_nothing() {
        let mut torn = table((5, 1), 16);
        torn.around[1] = None;
        assert!(!table((5, 1), 16).proves_unchanged_since(&torn));
        assert!(!torn.proves_unchanged_since(&table((5, 1), 16)));
    }
}
