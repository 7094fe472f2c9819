//! `watch`.

use clap::{Args, ValueEnum};

/// `watch`.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(after_help = "\
Files are those that the process sees, in its own root. Nothing is asked again and again: the kernel
tells of changes. It ends when the process ends, or on Ctrl-C, with exit code 0. With --json each event
is one line. --do reload changes the process without asking, as often as files change.

Examples:
  pyunload watch 4242 --group shop
  pyunload watch 4242 --group shop tax_rules --json
  pyunload watch 4242 --group shop --do reload")]
pub struct WatchArgs {
    /// The process
    #[arg(value_name = "PID", value_parser = super::pid)]
    pub pid: i32,
    /// Packages with all that is below them
    #[arg(long = "group", value_name = "PREFIX", num_args = 1.., required = true)]
    pub groups: Vec<String>,
    /// What to do when a member is stale: the whole group is moved, or nothing
    #[arg(long = "do", value_name = "ACTION", value_enum, default_value_t = Act::Nothing)]
    pub act: Act,
    /// With --do reload: run statements that changed, in a scratch namespace
    #[arg(long)]
    pub execute: bool,
    /// How long no file must have changed before something is said or done, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 300)]
    pub quiet: u64,
    /// How long to wait for a moment at which a reload is safe, in seconds
    #[arg(long, visible_alias = "timeout", value_name = "SECONDS", default_value_t = 10.0, value_parser = super::seconds)]
    pub limit: f64,
    /// The longest a stop may last, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 200)]
    pub max_stop: u64,
}

/// What is done when a member of a group is stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Act {
    /// It is told, and nothing is done.
    Nothing,
    /// The group is reloaded.
    Reload,
}
