//! Why nothing was reloaded, or why it is not known what became of it.

use crate::change::reload_child::CompileError;
use crate::inject::InjectError;
use crate::pyobject::error::ObjectError;
use crate::target::memory::ReadError;
use crate::target::twin::TwinError;

/// Something that a module asks for and the strength does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// The module.
    pub module: String,
    /// A stable word.
    pub what: String,
    /// The name it is about.
    pub name: String,
    /// The line in the new source; 0 when it has none.
    pub line: u64,
}

/// Why there is no outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReloadError {
    /// There is no such module.
    #[error("{name} is not loaded")]
    NotLoaded {
        /// The name asked for.
        name: String,
        /// Names that are there and look alike.
        nearest: Vec<String>,
    },
    /// It does not come from a source file.
    #[error("{name} is {kind}: no source of it can be compiled")]
    NotSource {
        /// The module.
        name: String,
        /// What it is instead.
        kind: String,
    },
    /// The file is not there.
    #[error("{file}, the source of {name}, cannot be read")]
    NoFile {
        /// The module.
        name: String,
        /// Its file.
        file: String,
    },
    /// The source cannot be compiled.
    #[error("{file} line {line}: {what}")]
    Source {
        /// Its file.
        file: String,
        /// The line.
        line: u64,
        /// What the compiler said.
        what: String,
    },
    /// Nothing was compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// No module can be reloaded in this version.
    #[error("{version} keeps too little of what a reload needs")]
    TooOld {
        /// The version.
        version: String,
    },
    /// The program would see every function that is moved, half-way.
    #[error("the program has an audit hook, which would run in the middle of the change")]
    AuditHook,
    /// It asks for more than the strength allows.
    #[error("{} of the new source {} more than was agreed to", .0.len(), if .0.len() == 1 { "statement asks for" } else { "statements ask for" })]
    Refused(Vec<Obstacle>),
    /// A statement raised before anything was changed.
    #[error("line {line} of {module} raised {exception}{}", if .message.is_empty() { String::new() } else { format!(": {message}") })]
    StatementRaised {
        /// The module.
        module: String,
        /// The line.
        line: u64,
        /// The class of the exception.
        exception: String,
        /// What it said.
        message: String,
    },
    /// `sys.modules` could not be read.
    #[error(transparent)]
    Unreadable(#[from] ObjectError),
    /// The source of memory failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Nothing ran, or what ran has not ended.
    #[error(transparent)]
    Inject(#[from] InjectError),
    /// Modules came or went between the plan and the change: nothing was changed.
    #[error("the modules have changed since they were read")]
    Changed,
    /// The program has put another object in the place of its module table.
    #[error("sys.modules of the program is not the module table of the interpreter")]
    Moved,
    /// Part of it was being imported whenever it was tried.
    #[error("one of the modules was being imported whenever it was tried")]
    Importing,
    /// The finders of the program do not find it.
    #[error("the program does not find {0} any more")]
    Missing(String),
    /// An exception inside: nothing was changed, or it was put back.
    #[error("the reload raised {0} in the target and was undone")]
    Raised(String),
    /// What came back is no answer of ours.
    #[error("the reload ran, but its answer could not be understood")]
    BadAnswer,
}

impl ReloadError {
    /// What the user can do.
    pub fn help(&self) -> String {
        match self {
            ReloadError::NotLoaded { nearest, .. } if !nearest.is_empty() => {
                format!("did you mean {}?", nearest.join(" or "))
            }
            ReloadError::NotLoaded { .. } => "pyunload modules <pid> lists what is loaded".into(),
            ReloadError::NotSource { .. } => {
                "restart the process; for an extension that is the only way to new code".into()
            }
            ReloadError::NoFile { .. } | ReloadError::Missing(_) => {
                "put the file back, or name other modules".into()
            }
            ReloadError::Source { .. } => {
                "mend the source; the process runs on with the old code".into()
            }
            ReloadError::Compile(CompileError::Twin(TwinError::Refused { .. })) => {
                "run pyunload as root, or as the user of the target; or reload --fresh, which compiles inside".into()
            }
            ReloadError::Compile(_) => "reload --fresh compiles inside the process".into(),
            ReloadError::TooOld { .. } => "restart the process".into(),
            ReloadError::AuditHook => {
                "reload --fresh does not change things in place; or restart the process".into()
            }
            ReloadError::Refused(obstacles) => help_of(obstacles).into(),
            ReloadError::StatementRaised { .. } => {
                "mend the source; what the statements before it did elsewhere is done".into()
            }
            ReloadError::Inject(error) => error.help().to_owned(),
            ReloadError::Changed | ReloadError::Importing => {
                "try again when the program is not importing".into()
            }
            ReloadError::Moved => "this program cannot be changed safely; restart it".into(),
            ReloadError::Raised(_) => "nothing was changed; try again".into(),
            ReloadError::Unreadable(_) | ReloadError::Read(_) => {
                "try again; pyunload doctor tells what can be read".into()
            }
            ReloadError::BadAnswer => {
                "look at the modules of the target before doing anything else".into()
            }
        }
    }
}

/// The strength that can do it.
fn help_of(obstacles: &[Obstacle]) -> &'static str {
    let is_broken = |one: &Obstacle| matches!(one.what.as_str(), "layout" | "metaclass");
    if obstacles.iter().any(is_broken) {
        return "restart the process; --fresh makes a second class and leaves the instances with the first";
    }
    "reload --execute runs these statements; --whole runs the module; see docs/RELOAD.md"
}
