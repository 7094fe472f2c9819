//! Floor 2: where symbols and sections are.

pub mod core_file;
mod core_notes;
pub mod core_writer;
pub mod dwarf;
pub mod dynamic;
pub mod file;
pub mod image;
mod note;
pub mod unwind;
