//! Floor 2: where symbols and sections are.

pub mod core_file;
pub mod dwarf;
pub mod dynamic;
pub mod file;
pub mod image;
mod note;
