//! Floor 8: the only code that changes a target. It knows no Python.

pub mod consent;
#[allow(clippy::module_inception)]
pub mod control;
pub mod error;
pub mod libc;
pub mod scratch;
mod seccomp;
pub mod shared_file;
pub mod sigframe_x86_64;
pub mod snapshot_fork;
mod syscall_x86_64;
pub mod waking_socket;
