//! `exec`.

use super::{pid, seconds};
use clap::Args;
use std::path::PathBuf;

/// `exec`.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(after_help = "\
The code runs in the main thread, between two bytecodes of the program or while it waits, in a
namespace of its own.
Shown are what it prints and the value of the expression it ends with. The exit code is 1 when it
raised. Code that lasts holds the main thread up for as long.

Examples:
  pyunload exec 4242 'import gc; len(gc.get_objects())'
  pyunload exec 4242 'import shop.cart; shop.cart.__file__' --json
  pyunload exec 4242 --file look.py")]
pub struct ExecArgs {
    /// The process
    #[arg(value_name = "PID", value_parser = pid)]
    pub pid: i32,
    /// Python code
    #[arg(
        value_name = "CODE",
        required_unless_present = "file",
        conflicts_with = "file",
        allow_hyphen_values = true
    )]
    pub code: Option<String>,
    /// Run the code of this file; - is standard input
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// How long to wait for a safe moment and for the end of the code, in seconds
    #[arg(long, visible_alias = "timeout", value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds)]
    pub limit: f64,
    /// Which interpreter; 0 is the main one
    #[arg(long, value_name = "N")]
    pub interpreter: Option<i64>,
    /// Go ahead although PYTHON_DISABLE_REMOTE_DEBUG or -X disable-remote-debug forbids it
    #[arg(long)]
    pub override_remote_debug_switch: bool,
    /// Run it in a build without the GIL too, where other threads of Python run on meanwhile
    #[arg(long)]
    pub force: bool,
    /// The longest a stop may last, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 200)]
    pub max_stop: u64,
    /// Never have a waiting main thread run code in the middle of its wait
    #[arg(long)]
    pub no_parked: bool,
}
