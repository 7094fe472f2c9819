//! Loaded code against the files.

use super::Scope;
use clap::Args;

/// `stale`.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(after_help = "\
Functions in memory are compared with what the process's own Python makes of the files, in a separate
process that has no more rights than the process looked at. A pattern is a name, or has *, ? and [..].
A group is a package with everything below it, never pkg2; with --group the exit code is 1 as soon as
one member is stale.

Examples:
  pyunload stale 4242
  pyunload stale 4242 'shop.*' --json
  pyunload stale 4242 --group shop --group tax_rules && echo up to date")]
pub struct StaleArgs {
    /// One or more pids, then names or patterns of modules
    #[arg(value_name = "PID|PATTERN", required_unless_present = "all")]
    pub words: Vec<String>,
    /// Ask about a package with everything below it; may be given several times
    #[arg(long = "group", value_name = "PREFIX")]
    pub groups: Vec<String>,
    /// Which processes
    #[command(flatten)]
    pub scope: Scope,
    /// Which interpreter; 0 is the main one
    #[arg(long, value_name = "N")]
    pub interpreter: Option<i64>,
}
