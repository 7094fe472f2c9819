//! Floor 1: something with memory one can look at.

pub mod about;
pub mod access;
pub mod evidence;
#[cfg(test)]
pub mod fake;
pub mod maps;
pub mod memory;
pub mod process;
