//! What every object begins with: its count of references and its class.

use crate::address::Address;
use crate::cpython::layout::{Layout, RefcountForm};
use crate::pyobject::error::ObjectError;
use crate::target::memory::{ReadMemory, ReadMemoryExt, word_in};

/// A reference count as `sys.getrefcount` would give it, without the reference of that call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refcount {
    /// How many references. Of an immortal object: what its memory holds, which counts nothing.
    pub count: i64,
    /// Whether CPython neither counts nor ever frees the object (PEP 683).
    pub immortal: bool,
}

/// `PyObject` (`Include/object.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// `ob_refcnt`.
    pub refcount: Refcount,
    /// `ob_type`.
    pub class: Address,
}

/// No object has as many references.
const MOST: i64 = 1 << 40;

/// How many bytes of an object [`parse`] wants.
pub fn size(layout: &Layout) -> usize {
    layout.header.size as usize
}

/// The header of the object whose first bytes are given; `None` when they are too few.
pub fn parse(layout: &Layout, bytes: &[u8]) -> Option<Header> {
    Some(Header {
        refcount: refcount(layout, bytes)?,
        class: layout.header.class.get(bytes)?,
    })
}

/// Reads the header of the object at `at`.
///
/// # Errors
/// [`ObjectError::Unreadable`].
pub fn read(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    at: Address,
) -> Result<Header, ObjectError> {
    let wanted = size(layout);
    let bytes = memory
        .read_bytes_at(at, wanted)
        .map_err(ObjectError::reading(at, "object"))?;
    parse(layout, &bytes).ok_or_else(|| ObjectError::cut(at, "object", wanted, bytes.len()))
}

/// Whether the object whose first bytes are given can be alive, by its count. The memory of an object that was freed keeps
/// its bytes for a while, but the first word becomes 0 or the address of the next free block (`_Py_FREELIST_PUSH` of
/// `Include/internal/pycore_freelist.h`, 3.14).
pub fn has_plausible_count(layout: &Layout, bytes: &[u8]) -> bool {
    let header = &layout.header;
    let word = header.refcount.get(bytes).unwrap_or_default();
    match header.form {
        RefcountForm::Word => (1..MOST).contains(&(word as i64)),
        RefcountForm::WordImmortal => word as u32 != 0 && word >> 32 <= 0xff,
        // Flags are in the upper bits, and nothing between.
        RefcountForm::Half => word as u32 != 0 && word >> 32 & 0xffff == 0 && word >> 56 == 0,
        RefcountForm::Split { local, shared } => {
            local.get(bytes) != Some(0) || shared.get(bytes) != Some(0)
        }
    }
}

/// The references of the object whose first bytes are given.
fn refcount(layout: &Layout, bytes: &[u8]) -> Option<Refcount> {
    let at = layout.header.refcount.offset() as usize;
    Some(match layout.header.form {
        RefcountForm::Word => Refcount {
            count: word_in(bytes, at)?,
            immortal: false,
        },
        RefcountForm::WordImmortal => Refcount {
            count: word_in(bytes, at)?,
            immortal: word_in::<i32>(bytes, at)? < 0,
        },
        RefcountForm::Half => {
            let count: u32 = word_in(bytes, at)?;
            Refcount {
                count: i64::from(count),
                immortal: count >= 1 << 31,
            }
        }
        RefcountForm::Split { local, shared } => {
            let local = local.get(bytes)?;
            Refcount {
                count: i64::from(local).wrapping_add(shared.get(bytes)? >> 2),
                immortal: local == u32::MAX,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpython::layout::at;
    use crate::cpython::tables::{V3_11, V3_12, V3_14};

    fn object(refcount: u64) -> Vec<u8> {
        [refcount.to_le_bytes(), 0x7000u64.to_le_bytes()].concat()
    }

    fn count(layout: &Layout, bytes: &[u8]) -> Option<(i64, bool)> {
        parse(layout, bytes).map(|header| (header.refcount.count, header.refcount.immortal))
    }

    #[test]
    fn each_form_of_a_count_tells_what_is_immortal() {
        assert_eq!(
            count(&V3_11, &object(0xffff_ffff)),
            Some((0xffff_ffff, false))
        );
        assert_eq!(
            count(&V3_12, &object(0xffff_ffff)),
            Some((0xffff_ffff, true))
        );
        assert_eq!(count(&V3_12, &object(7)), Some((7, false)));
        assert_eq!(
            count(&V3_14, &object(0x1234_0000_c000_0000)),
            Some((0xc000_0000, true))
        );
        assert_eq!(
            count(&V3_14, &object(0x1234_0000_0000_0005)),
            Some((5, false))
        );
    }

    #[test]
    fn a_split_count_is_the_sum_of_both_parts() {
        let mut layout = V3_12.clone();
        layout.header.size = 32;
        layout.header.class = at(24);
        layout.header.form = RefcountForm::Split {
            local: at(12),
            shared: at(16),
        };
        let mut bytes = vec![0u8; 32];
        bytes[12] = 3;
        bytes[16] = 2 << 2 | 1;
        assert_eq!(count(&layout, &bytes), Some((5, false)));
        bytes[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(
            count(&layout, &bytes).map(|(_, immortal)| immortal),
            Some(true)
        );
    }

    #[test]
    fn zero_and_addresses_are_no_counts() {
        for layout in [&V3_11, &V3_12, &V3_14] {
            assert!(has_plausible_count(layout, &object(5)));
            for word in [0, 0x7f12_3456_7890, 0x5555_5566_7780] {
                assert!(!has_plausible_count(layout, &object(word)), "{word:x}");
            }
        }
        assert!(has_plausible_count(&V3_14, &object(0x12_0000_c000_0000)));
        assert!(has_plausible_count(&V3_12, &object(0xffff_ffff)));
    }

    #[test]
    fn a_cut_object_has_no_header() {
        assert_eq!(parse(&V3_11, &object(1)[..12]), None);
    }
}
