//! pyunload looks at a running CPython from outside.
pub mod address;
pub mod cli;
pub mod cpython;
pub mod elf;
pub mod render;
pub mod report;
pub mod target;
