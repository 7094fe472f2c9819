//! What a graph is made from.

use crate::address::{Address, AddressRange};
use crate::pyobject::edges::edge::{Edge, Tier};
use crate::pyobject::header::Refcount;

/// Objects and their references, one at a time.
pub trait Source {
    /// Where objects may begin, sorted.
    fn ranges(&self) -> Vec<AddressRange>;
    /// Whether an object begins at `at`.
    fn is_object(&mut self, at: Address) -> bool;

    /// Gives every reference out of `object` to `visit`.
    fn visit(&mut self, object: Address, visit: &mut impl FnMut(Edge));

    /// How many references there are to `object`.
    fn refcount(&self, object: Address) -> Option<Refcount>;
}

/// A word outside of all objects that may hold one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RootWord {
    /// The object.
    pub to: Address,
    /// How sure it is that the word owns a reference.
    pub tier: Tier,
}
