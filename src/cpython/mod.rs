//! Floor 3: where CPython keeps things. No objects yet.

pub mod audit;
pub mod code_members;
pub mod debug_offsets;
pub mod home;
pub mod interpreters;
pub mod layout;
pub mod layout_heap;
pub mod locate;
pub mod opcodes;
mod pending_queue;
pub mod phase;
pub mod python;
pub mod scan;
pub mod self_check;
pub mod tables;
pub mod version;
