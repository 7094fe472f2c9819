//! Whether the code in memory is the code of the file.

pub mod compile;
pub mod extension;
pub mod judge;
pub mod live;
mod moved;
mod program;
pub mod survey;
