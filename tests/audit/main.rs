//! The layout tables against what interpreters say themselves: their memory, their headers, their
//! DWARF.
#[path = "../common/mod.rs"]
mod common;
mod dwarf;
mod headers;
mod memory;
mod structures;
