//! `reload`.

use clap::Args;

/// `reload`.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(after_help = "\
By default nothing of a module runs: functions get the code that is on disk, new ones are added, constants
set. What needs more is listed, and nothing is changed. A failing reload changes nothing, but with --fresh.

Examples:
  pyunload reload 4242 shop.cart --dry-run
  pyunload reload 4242 shop.cart shop.views --yes
  pyunload reload 4242 --group shop --yes --json
  pyunload reload 4242 --stale --group shop tax_rules --yes
  pyunload reload 4242 shop.models --execute --yes")]
pub struct ReloadArgs {
    /// The process
    #[arg(value_name = "PID", value_parser = super::pid)]
    pub pid: i32,
    /// The modules, by their exact names
    #[arg(value_name = "NAME", required_unless_present = "groups")]
    pub names: Vec<String>,
    /// Packages with all that is below them, moved as one
    #[arg(long = "group", value_name = "PREFIX", num_args = 1..)]
    pub groups: Vec<String>,
    /// Only when a member of the groups is stale: then all of them, else nothing happens
    #[arg(long, requires = "groups", conflicts_with = "names")]
    pub stale: bool,
    /// Run statements that changed, in a scratch namespace, before anything is set
    #[arg(long)]
    pub execute: bool,
    /// With --execute: run all statements of the modules
    #[arg(long, requires = "execute")]
    pub whole: bool,
    /// Do what importlib.reload does; what raises leaves a module half applied
    #[arg(long, conflicts_with = "execute")]
    pub fresh: bool,
    /// Go ahead without asking; required where there is no terminal
    #[arg(long)]
    pub yes: bool,
    /// Show the plan and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How long to wait for a moment at which it is safe, in seconds; then it is withdrawn
    #[arg(long, visible_alias = "timeout", value_name = "SECONDS", default_value_t = 10.0, value_parser = super::seconds)]
    pub limit: f64,
    /// The longest a stop may last, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 200)]
    pub max_stop: u64,
}
