//! pyunload looks at a running CPython from outside.
pub mod address;
pub mod cpython;
pub mod heap;
pub mod target;
