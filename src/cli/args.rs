//! The command line: definitions and help, nothing else. A session parses its lines with the same.

mod exec;
mod graph;
mod modules_alone;
mod reload;
mod stale;
mod watch;

pub use exec::ExecArgs;
pub use graph::{
    ASSERTIONS, CheckArgs, GhostsArgs, PictureArgs, PlanArgs, RefsArgs, Snapshot, WhyArgs,
};
pub use reload::ReloadArgs;

pub use stale::StaleArgs;
pub use watch::{Act, WatchArgs};

use crate::elf::core_file::is_core;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::{Path, PathBuf};

/// See and unload the modules of a running CPython, from outside the process.
///
/// Looking runs no code in the target and writes nothing. modules, ps, doctor and attach do not stop
/// it either; refs, why, ghosts and plan stop it for a moment, to copy its memory. Changing (unload)
/// shows its plan first, and asks; exec runs the code it is given.
#[derive(Debug, Clone, PartialEq, Parser)]
#[command(name = "pyunload", version, max_term_width = 100, after_long_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Answer as JSON: one document per target, errors included
    #[arg(long, global = true)]
    pub json: bool,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done, or yes           5  not a CPython we know      9   memory could not be understood
  1  the answer is no       6  state or policy forbids    10  started, but no result in time
  2  wrong usage            7  withdrawn, nothing ran     70  our own fault
  3  no such process        8  the target changed
  4  not permitted             or went away";

/// Every command.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum Command {
    /// Open a session on a process: a summary first, then the other commands
    Attach(AttachArgs),
    /// List the Python processes of this machine, and whether each can be looked at
    Ps,
    /// Test every precondition for looking at a process, and say what would help
    Doctor(DoctorArgs),
    /// Show sys.modules: name, kind, references, version, file
    Modules(ModulesArgs),
    /// Account for every reference to a module
    Refs(RefsArgs),
    /// Show who holds a module: every place, the path from it, and what would release it
    Why(WhyArgs),
    /// Show code that is alive under names that sys.modules no longer gives, and who holds it
    Ghosts(GhostsArgs),
    /// Show which modules run other code than is on disk, function by function
    Stale(StaleArgs),
    /// Show what an unload would remove, what would stay and why; nothing is changed
    Plan(PlanArgs),
    /// Test assertions about modules, for scripts and test suites
    Check(CheckArgs),
    /// Take modules out of a running process at a safe point, and prove that they are gone
    Unload(UnloadArgs),
    /// Move modules of a running process to the code that is on disk
    Reload(ReloadArgs),
    /// Tell when source files of a group change, until the process ends; on request, reload it
    Watch(WatchArgs),
    /// Run Python code in a process at a safe point, and show what it prints and its value
    Exec(ExecArgs),
    /// Write a core file of a process that goes on running
    Snapshot(SnapshotArgs),
    /// Print the JSON Schema of a command's output
    Schema(SchemaArgs),
    /// Start a small Python program and show everything on it
    Demo(DemoArgs),
}

/// `attach`.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(after_help = "\
Examples:
  pyunload attach 4242                            a prompt, with history and completion
  pyunload attach 4242 -c 'modules shop.*' -c doctor
  pyunload attach core.4242 -c modules
  pyunload attach 4242 --script commands.txt --json")]
pub struct AttachArgs {
    /// The process, or a core file of one
    #[arg(value_name = "PID|CORE", value_parser = which)]
    pub target: Which,
    /// Where files are that a core file leaves out
    #[command(flatten)]
    pub core: CoreArgs,
    /// Run this command and end; may be given several times
    #[arg(short = 'c', value_name = "COMMAND")]
    pub commands: Vec<String>,
    /// Run the commands of this file, one a line, and end
    #[arg(long, value_name = "FILE", conflicts_with = "commands")]
    pub script: Option<PathBuf>,
    /// Which interpreter; 0 is the main one
    #[arg(long, value_name = "N")]
    pub interpreter: Option<i64>,
}

/// `doctor`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct DoctorArgs {
    /// The processes
    #[arg(value_name = "PID", required_unless_present = "all", value_parser = pid)]
    pub pids: Vec<i32>,
    /// Which of them
    #[command(flatten)]
    pub scope: Scope,
}

/// How a core file is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Args)]
pub struct CoreArgs {
    /// Look for the programs and libraries that a core file leaves out below this folder
    #[arg(long, value_name = "DIR")]
    pub sysroot: Option<PathBuf>,
}

/// What is looked at: a process, or a core file of one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Which {
    /// A process, by its pid.
    Pid(i32),
    /// A core file, by its path.
    Core(PathBuf),
}

impl std::fmt::Display for Which {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Which::Pid(pid) => pid.fmt(f),
            Which::Core(path) => path.display().fmt(f),
        }
    }
}

/// More processes than those named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Args)]
pub struct Scope {
    /// Also their Python child processes, and theirs
    #[arg(long)]
    pub children: bool,
    /// All Python processes of this machine
    #[arg(long)]
    pub all: bool,
}

/// What the help of `modules` says of patterns.
pub const PATTERNS: &str = "\
A pattern is a name, or has *, ? and [..]; * also matches dots. \
With patterns the exit code is 1 when none of the modules matches.";

/// The longest a stop of `modules` may last, in milliseconds, unless something else is said.
const MAX_STOP_MS: u64 = 200;

/// `modules`.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(after_help = concat_help())]
pub struct ModulesArgs {
    /// One or more pids or core files, then names or patterns of modules
    #[arg(value_name = "PID|CORE|PATTERN", required_unless_present = "all")]
    pub words: Vec<String>,
    /// Where files are that a core file leaves out
    #[command(flatten)]
    pub core: CoreArgs,
    /// Which processes
    #[command(flatten)]
    pub scope: Scope,
    /// Which interpreter; 0 is the main one
    #[arg(long, value_name = "N")]
    pub interpreter: Option<i64>,
    /// Stop the process while it is read, so that everything is of one moment
    #[arg(long)]
    pub pause: bool,
    /// The longest a stop may last, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = MAX_STOP_MS, requires = "pause")]
    pub max_stop: u64,
    /// Show the addresses of modules and their globals
    #[arg(long)]
    pub addresses: bool,
    /// Say on standard error where the time went
    #[arg(long, hide = true)]
    pub timings: bool,
}

/// `unload`.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(after_help = "\
A name stands for the module and everything below it: pkg and pkg.sub, never pkg2. The plan is shown
first. The exit code is 1 when something of the modules is still alive afterwards, or when it could
not be proven that nothing is.

Examples:
  pyunload unload 4242 shop.legacy --dry-run
  pyunload unload 4242 shop.legacy --yes --json
  pyunload unload 4242 --stale --group shop tax_rules --yes")]
pub struct UnloadArgs {
    /// The process
    #[arg(value_name = "PID", value_parser = pid)]
    pub pid: i32,
    /// The packages or modules
    #[arg(value_name = "NAME", required_unless_present = "groups")]
    pub names: Vec<String>,
    /// Packages with all that is below them, cleared as one
    #[arg(long = "group", value_name = "PREFIX", num_args = 1..)]
    pub groups: Vec<String>,
    /// Only when a member of the groups is stale: then all of them, else nothing happens
    #[arg(long, requires = "groups", conflicts_with = "names")]
    pub stale: bool,
    /// Go ahead without asking; required where there is no terminal
    #[arg(long)]
    pub yes: bool,
    /// Show the plan and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Delete names of other modules, and attributes of their classes, that hold something of it
    #[arg(long)]
    pub references: bool,
    /// Go on although something holds it and its code will stay alive, or nothing can be proven
    #[arg(long)]
    pub force: bool,
    /// Append to this file who changed what, when, and how it ended, as JSON Lines
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// How long to wait for a moment at which it is safe, in seconds; then it is withdrawn
    #[arg(long, visible_alias = "timeout", value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds)]
    pub limit: f64,
    /// Go ahead although PYTHON_DISABLE_REMOTE_DEBUG or -X disable-remote-debug forbids it
    #[arg(long)]
    pub override_remote_debug_switch: bool,
    /// The longest a stop may last, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 200)]
    pub max_stop: u64,
    /// Never have a waiting main thread run code in the middle of its wait
    #[arg(long)]
    pub no_parked: bool,
}

/// `snapshot`.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(after_help = "\
The process stands still while its memory is copied, and goes on while the file is written. A stop
that is foreseen to be longer than --max-stop is not begun. The file can be given to every command
that looks, and to gdb; it holds the memory of the process, and only its owner may read it.

Examples:
  pyunload snapshot 4242 -o core.4242
  pyunload snapshot 4242 -o core.4242 --snapshot fork
  pyunload modules core.4242")]
pub struct SnapshotArgs {
    /// The process
    #[arg(value_name = "PID", value_parser = pid)]
    pub pid: i32,
    /// The file to write; it must not be there yet
    #[arg(short = 'o', long, value_name = "FILE")]
    pub output: PathBuf,
    /// How the moment is kept while it is written
    #[arg(long, value_name = "METHOD", value_enum, default_value_t = Snapshot::Copy)]
    pub snapshot: Snapshot,
    /// The longest a stop may last, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 200)]
    pub max_stop: u64,
}

fn concat_help() -> String {
    format!(
        "{PATTERNS}\n\n\
         Examples:\n  \
           pyunload modules 4242\n  \
           pyunload modules 4242 'shop.*' requests\n  \
           pyunload modules 4242 --children --json\n  \
           pyunload modules core.4242 --sysroot image/"
    )
}

/// `schema`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct SchemaArgs {
    /// The command
    pub command: SchemaOf,
}

/// What has a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// The summary of a session.
    Attach,
    /// Assertions, and whether they hold.
    Check,
    /// The preconditions.
    Doctor,
    /// What takes the place of an answer under `--json`.
    Error,
    /// Python that was run.
    Exec,
    /// Code that sys.modules no longer gives.
    Ghosts,
    /// sys.modules.
    Modules,
    /// What an unload would do.
    Plan,
    /// The Python processes.
    Ps,
    /// The references to a module.
    Refs,
    /// Which modules got new code.
    Reload,
    /// A core file that was written.
    Snapshot,
    /// Loaded code against the files.
    Stale,
    /// What became of modules that were unloaded.
    Unload,
    /// An event of a watch.
    Watch,
    /// Who holds a module.
    Why,
}

/// `demo`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct DemoArgs {
    /// The Python to start [default: python3 of PATH]
    #[arg(long, value_name = "PATH")]
    pub python: Option<PathBuf>,
}

/// One line of a session.
#[derive(Debug, Clone, PartialEq, Parser)]
#[command(
    no_binary_name = true,
    max_term_width = 100,
    disable_version_flag = true
)]
pub struct Line {
    /// What to do.
    #[command(subcommand)]
    pub command: LineCommand,
    /// Answer as JSON
    #[arg(long, global = true)]
    pub json: bool,
}

/// The commands of a session.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum LineCommand {
    /// Test every precondition for looking at the process, and say what would help
    Doctor(DoctorArgs),
    /// Show sys.modules: name, kind, references, version, file
    Modules(ModulesArgs),
    /// Account for every reference to a module
    Refs(RefsArgs),
    /// Show who holds a module: every place, the path from it, and what would release it
    Why(WhyArgs),
    /// Show code that is alive under names that sys.modules no longer gives, and who holds it
    Ghosts(GhostsArgs),
    /// Show which modules run other code than is on disk, function by function
    Stale(StaleArgs),
    /// Show what an unload would remove, what would stay and why; nothing is changed
    Plan(PlanArgs),
    /// Test assertions about modules
    Check(CheckArgs),
    /// Take modules out of the process at a safe point, and prove that they are gone
    Unload(UnloadArgs),
    /// Move modules of the process to the code that is on disk
    Reload(ReloadArgs),
    /// Run Python code in the process at a safe point; everything behind the word is code
    Exec(ExecArgs),
    /// Write a core file of the process
    Snapshot(SnapshotArgs),
    /// Show the summary of the process again
    Summary,
    /// End the session; the process runs on
    #[command(visible_alias = "exit")]
    Quit,
}

/// A time limit as an argument.
fn seconds(text: &str) -> Result<f64, String> {
    const LONGEST: f64 = 86_400.0;
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= LONGEST => Ok(seconds),
        _ => Err("not a number of seconds above 0, and at most a day".to_owned()),
    }
}

/// A pid as an argument.
///
/// # Errors
/// What is wrong with it, in words.
pub fn pid(text: &str) -> Result<i32, String> {
    match text.parse::<i32>() {
        Ok(pid) if pid > 0 => Ok(pid),
        _ if is_core(Path::new(text)) => {
            Err("a core file: this takes the pid of a running process".to_owned())
        }
        _ => Err("not a pid (a whole number above 0)".to_owned()),
    }
}

/// A pid or the path of a core file as an argument.
///
/// # Errors
/// What is wrong with it, in words.
pub fn which(text: &str) -> Result<Which, String> {
    let path = Path::new(text);
    match text.parse::<i32>() {
        Ok(pid) if pid > 0 => Ok(Which::Pid(pid)),
        Err(_) if is_core(path) => Ok(Which::Core(path.to_owned())),
        Err(_) if path.exists() => {
            Err("not a core file of an x86-64 process, nor a pid".to_owned())
        }
        _ => Err("neither a pid (a whole number above 0) nor the path of a core file".to_owned()),
    }
}
