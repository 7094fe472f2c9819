//! One reference: where it leads, what it is called, and how sure it is.

use crate::address::Address;

/// How sure it is that a word owns one unit of the reference count of what it points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// A word that CPython's sources say owns a reference.
    Certain,
    /// A word inside an object of a C extension: admitted as far as the count of the target is not
    /// explained otherwise.
    Probable,
    /// A word of a block outside the object. Admitted after all probable ones, and never when the
    /// target is immortal and so has no count to check against.
    Possible,
}

/// What a reference is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EdgeName {
    /// `ob_type`: `.__class__`.
    Class,
    /// A C member that Python shows as this attribute, `__globals__`, or that has no Python name
    /// and is called by its C one.
    Attribute(&'static str),
    /// An attribute kept by the object itself; the address is that of its name.
    Instance(Address),
    /// The value of a dict under the key at this address: `['key']`.
    Value(Address),
    /// A key of a dict.
    Key,
    /// An item of a sequence: `[3]`.
    Item(u64),
    /// A member of a set.
    Member,
    /// A local variable of a frame with the code object at `code`.
    Local {
        /// The code object.
        code: Address,
        /// Index into `co_localsplusnames`; to 3.10 into `co_varnames`, `co_cellvars`, `co_freevars`.
        index: u32,
    },
    /// A value on the evaluation stack of a frame.
    Stack(u32),
    /// A word at this offset of a C object, in bytes from its start.
    Word(i32),
    /// A word of a block that the C object at this offset points to.
    Block {
        /// Where in the object the pointer is, in bytes.
        pointer: u32,
        /// Where in the block the word is, in bytes.
        offset: u32,
    },
}

/// One reference out of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Edge {
    /// The object it leads to.
    pub to: Address,
    /// What it is called.
    pub name: EdgeName,
    /// How sure it is.
    pub tier: Tier,
}
