//! Floor 1: something with memory one can look at.

pub mod about;
pub mod access;
pub mod again;
pub mod backing;
pub mod cached;
pub mod copy;
pub mod core_file;
pub mod descriptors;
pub mod dump;
pub mod evidence;
#[cfg(test)]
pub mod fake;
pub mod file_changes;
pub mod files;
pub mod halted;
pub mod headroom;
mod map_lines;
mod map_query;
pub mod maps;
pub mod memory;
pub mod own_memory;
pub mod page_table;
pub mod pagemap;
pub mod pause;
pub mod process;
pub(crate) mod processors;
mod raw;
pub mod registers_x86_64;
pub mod rehearsal;
pub mod second_thread;
pub(crate) mod segment;
pub mod shared_read;
pub mod signals;
pub mod steps;
pub mod still;
pub mod taken;
#[allow(clippy::module_inception)]
pub mod target;
pub mod threads;
pub(crate) mod tracee;
pub mod twin;
pub mod twin_limits;
mod twin_rights;
pub mod until_deadline;
pub mod view;
pub mod vigil;
pub mod watchdog;
