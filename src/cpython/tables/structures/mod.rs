//! What the C structures of objects own, for each version.
//!
//! Read from the debug information of the versions' own builds; borrowed and weak references are
//! left out, as the sources say.

use crate::cpython::layout_heap::Structures;

mod v2_7;
mod v3_10;
mod v3_11;
mod v3_12;
mod v3_13;
mod v3_14;
mod v3_15;
mod v3_6;
mod v3_7;
mod v3_8;
mod v3_9;

/// Structures of CPython 2.7.
pub const V2_7: Structures = Structures {
    changed: v2_7::CHANGED,
    before: None,
};

/// Structures of CPython 3.6.
pub const V3_6: Structures = Structures {
    changed: v3_6::CHANGED,
    before: Some(&V2_7),
};

/// Structures of CPython 3.7.
pub const V3_7: Structures = Structures {
    changed: v3_7::CHANGED,
    before: Some(&V3_6),
};

/// Structures of CPython 3.8.
pub const V3_8: Structures = Structures {
    changed: v3_8::CHANGED,
    before: Some(&V3_7),
};

/// Structures of CPython 3.9.
pub const V3_9: Structures = Structures {
    changed: v3_9::CHANGED,
    before: Some(&V3_8),
};

/// Structures of CPython 3.10.
pub const V3_10: Structures = Structures {
    changed: v3_10::CHANGED,
    before: Some(&V3_9),
};

/// Structures of CPython 3.11.
pub const V3_11: Structures = Structures {
    changed: v3_11::CHANGED,
    before: Some(&V3_10),
};

/// Structures of CPython 3.12.
pub const V3_12: Structures = Structures {
    changed: v3_12::CHANGED,
    before: Some(&V3_11),
};

/// Structures of CPython 3.13.
pub const V3_13: Structures = Structures {
    changed: v3_13::CHANGED,
    before: Some(&V3_12),
};

/// Structures of CPython 3.14.
pub const V3_14: Structures = Structures {
    changed: v3_14::CHANGED,
    before: Some(&V3_13),
};

/// Structures of CPython 3.15.
pub const V3_15: Structures = Structures {
    changed: v3_15::CHANGED,
    before: Some(&V3_14),
};
