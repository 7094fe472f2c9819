//! What a code object has among its constants.

use super::Code;
use crate::pyobject::int::Int;
use crate::pyobject::text::Text;

/// A constant, equal to another one when a program cannot tell them apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Constant {
    /// `None`.
    None,
    /// `...`.
    Ellipsis,
    /// A `bool`.
    Bool(bool),
    /// An `int`.
    Int(Int),
    /// A `long` of 2.7.
    Long(Int),
    /// The bits of a `float`.
    Float(u64),
    /// The bits of the parts of a `complex`.
    Complex(u64, u64),
    /// A `str`; on 2.7 a `unicode`.
    Text(Text),
    /// A `bytes`; on 2.7 a `str`.
    Bytes(Vec<u8>),
    /// A `tuple`.
    Tuple(Vec<Constant>),
    /// A `frozenset`, sorted.
    Frozenset(Vec<Constant>),
    /// A `slice`: start, stop, step. From 3.14 on.
    Slice(Box<[Constant; 3]>),
    /// A code object.
    Code(Box<Code>),
    /// An object of another class, which the compiler does not make.
    Other(String),
}

impl Constant {
    /// A `frozenset` of these.
    pub fn frozenset(mut items: Vec<Constant>) -> Self {
        items.sort();
        Constant::Frozenset(items)
    }
}
