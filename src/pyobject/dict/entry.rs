//! One item of a dict, and where a dict or an instance keeps its items.

use crate::address::Address;

/// One item of a dict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The key.
    pub key: Address,
    /// The value.
    pub value: Address,
}

/// Where the items of a dict are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// In the dict at this address.
    Dict(Address),
    /// In an instance that has no dict yet: the keys of its class and values of its own.
    Values {
        /// `PyDictKeysObject`.
        keys: Address,
        /// `PyDictValues`.
        values: Address,
    },
}

impl Source {
    /// The address to name in errors.
    pub(super) fn at(self) -> Address {
        match self {
            Source::Dict(at) => at,
            Source::Values { values, .. } => values,
        }
    }
}
