//! The layout tables against what interpreters say themselves: their memory, their headers, their
//! DWARF.
mod dwarf;
mod headers;
mod interpreters;
mod memory;
