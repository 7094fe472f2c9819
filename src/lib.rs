//! pyunload looks at a running CPython from outside: which modules it has loaded, what they are,
//! and what it would take to unload them; and then unloads them, at a safe point, and proves it.
//!
//! Looking needs no cooperation, runs no code in the target and writes nothing to it. Changing is a
//! separate tower of code behind a separate type, `control::Consent`.
//!
//! It is not a profiler, and not a debugger of Python code: it does not follow what a program does.
//!
//! ```no_run
//! use pyunload::pyobject::identify;
//! use pyunload::target::process::Process;
//!
//! let process = Process::open(4242)?;
//! let located = identify::find(&process)?;
//! println!("CPython {}", located.python.version);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod address;
pub mod change;
pub mod cli;
pub mod control;
pub mod cpython;
pub mod elf;
pub mod heap;
pub mod inject;
pub mod modules;
pub mod plan;
pub mod pyobject;
pub mod render;
pub mod report;
pub mod target;
