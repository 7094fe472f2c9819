//! The commands that look at all objects of a process at one moment.

use super::{CoreArgs, Scope, seconds};
use clap::{Args, ValueEnum};

/// How the memory of the process is taken.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct PictureArgs {
    /// Which interpreter; 0 is the main one
    #[arg(long, value_name = "N")]
    pub interpreter: Option<i64>,
    /// The longest a stop may last, in milliseconds; a longer one is refused beforehand
    #[arg(long, value_name = "MS", default_value_t = 200)]
    pub max_stop: u64,
    /// How memory is taken: copied while the process stands still, or from a fork of it
    #[arg(long, value_name = "HOW", value_enum, default_value_t = Snapshot::Copy)]
    pub snapshot: Snapshot,
    /// How a core file is looked at
    #[command(flatten)]
    pub core: CoreArgs,
}

/// How the memory of a process is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Snapshot {
    /// Stop it, copy its memory, let it run
    Copy,
    /// Let it fork, and read the child
    Fork,
}

/// `refs`.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(after_help = "\
What is not found in memory is held from C, and counted as unexplained. The exit code is 1 when the
module is not loaded.

Examples:
  pyunload refs 4242 shop.plugins.tax
  pyunload refs 4242 json --json")]
pub struct RefsArgs {
    /// One or more pids, then the name of a module
    #[arg(value_name = "PID|MODULE", required = true)]
    pub words: Vec<String>,
    /// Which processes
    #[command(flatten)]
    pub scope: Scope,
    /// How its memory is taken
    #[command(flatten)]
    pub picture: PictureArgs,
    /// Show addresses
    #[arg(long)]
    pub addresses: bool,
}

/// `why`.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(after_help = "\
The exit code is 1 when the module is not loaded, and no code of it is alive either.

Examples:
  pyunload why 4242 shop.plugins.tax
  pyunload why 4242 shop.plugins.tax --dot | dot -Tsvg > why.svg")]
pub struct WhyArgs {
    /// One or more pids, then the name of a module
    #[arg(value_name = "PID|NAME", required = true)]
    pub words: Vec<String>,
    /// Which processes
    #[command(flatten)]
    pub scope: Scope,
    /// How its memory is taken
    #[command(flatten)]
    pub picture: PictureArgs,
    /// Draw the paths, in the language of Graphviz
    #[arg(long, conflicts_with = "json")]
    pub dot: bool,
    /// Show addresses
    #[arg(long)]
    pub addresses: bool,
}

/// `ghosts`.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(after_help = "\
A name stands for the module and everything below it. With a name the exit code is 1 when there is no
ghost of it. To assert that there is none: pyunload check PID 'ghosts NAME == 0'.

Examples:
  pyunload ghosts 4242
  pyunload ghosts 4242 shop.plugins")]
pub struct GhostsArgs {
    /// One or more pids, then the name of a package or module
    #[arg(value_name = "PID|NAME", required_unless_present = "all")]
    pub words: Vec<String>,
    /// Which processes
    #[command(flatten)]
    pub scope: Scope,
    /// How its memory is taken
    #[command(flatten)]
    pub picture: PictureArgs,
    /// Show addresses
    #[arg(long)]
    pub addresses: bool,
}

/// `plan`.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(after_help = "\
A name stands for the module and everything below it, as for unload. The exit code is 0 when the
verdict is clean or remediable, and 1 when it is blocked or restart. With --reload a name is one
module: it is compared with its file, nothing is stopped, and the strength is named that a reload needs.

Examples:
  pyunload plan 4242 shop.legacy
  pyunload plan 4242 --reload shop.cart shop.views
  pyunload plan 4242 shop.legacy shop.old --json")]
pub struct PlanArgs {
    /// One or more pids, then the names of packages or modules
    #[arg(value_name = "PID|NAME", required = true)]
    pub words: Vec<String>,
    /// Say what a reload would move, and by which strength
    #[arg(long)]
    pub reload: bool,
    /// Which processes
    #[command(flatten)]
    pub scope: Scope,
    /// How its memory is taken
    #[command(flatten)]
    pub picture: PictureArgs,
}

/// What the help of `check` says of assertions.
pub const ASSERTIONS: &str = "\
Assertions:
  absent NAME               neither NAME nor anything below it is in sys.modules
  loaded NAME               sys.modules gives NAME
  version NAME == 2.32.3    its __version__
  refcount NAME <= 3        references to the module object
  ghosts == 0               code alive that sys.modules no longer gives
  ghosts NAME == 0          the same, of NAME and everything below it
  generations NAME <= 1     copies of its code alive, the one loaded included
  held-by NAME ONLY a,b     who holds it, but for its own place in sys.modules and its parent
  retained NAME < 10MB      bytes that only it keeps (B, kB, MB, GB, KiB, MiB, GiB)
  extension-mapped FILE     a shared library is mapped

Where == stands, !=, <, <=, > and >= may too. Quote each assertion: to a shell < and > are files.
The first four and the last do not stop the process. Exit code: 0 when all hold, 1 when one does not.";

/// `check`.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(after_help = check_help())]
pub struct CheckArgs {
    /// One or more pids, then assertions
    #[arg(value_name = "PID|ASSERTION", required = true)]
    pub words: Vec<String>,
    /// Which processes
    #[command(flatten)]
    pub scope: Scope,
    /// How its memory is taken
    #[command(flatten)]
    pub picture: PictureArgs,
    /// Wait until all of them hold, at most this long
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub wait: Option<f64>,
}

fn check_help() -> String {
    format!(
        "{ASSERTIONS}\n\n\
         Examples:\n  \
           pyunload check 4242 'absent shop.legacy' 'ghosts shop.legacy == 0'\n  \
           pyunload check 4242 'version requests >= 2.32' --json\n  \
           pyunload check 4242 'generations shop.plugins.tax <= 1' --wait 10"
    )
}
