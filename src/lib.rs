//! pyunload looks at a running CPython from outside.
pub mod address;
pub mod control;
pub mod cpython;
pub mod elf;
pub mod inject;
pub mod target;
