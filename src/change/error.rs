//! Why nothing was unloaded, or why it is not known what became of it.

use crate::change::verify::Unproven;
use crate::inject::InjectError;
use crate::plan::cut::Refusal;
use crate::pyobject::error::ObjectError;
use crate::target::memory::ReadError;
use std::time::Duration;

/// Why there is no outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnloadError {
    /// The plan itself is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
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
    #[error("the modules of the plan have changed since it was made")]
    Changed,
    /// The program has put another object in the place of its module table.
    #[error("sys.modules of the program is not the module table of the interpreter")]
    Moved,
    /// Part of it was being imported whenever it was tried.
    #[error("{name} was being imported for {} ms", .waited.as_millis())]
    Importing {
        /// What was being imported.
        name: String,
        /// For how long it was tried.
        waited: Duration,
    },
    /// A thread was inside a function of it whenever it was tried.
    #[error("a thread was inside {name} for {} ms", .waited.as_millis())]
    Running {
        /// The module it was in.
        name: String,
        /// For how long it was tried.
        waited: Duration,
    },
    /// An exception inside: nothing was changed, or it was put back.
    #[error("the unload raised {exception} in the target and was undone")]
    Raised {
        /// Its class.
        exception: String,
    },
    /// A remedy raised: everything was put back.
    #[error("{remedy} raised {exception} in the target; everything was put back")]
    RemedyRaised {
        /// What was to be done.
        remedy: String,
        /// The class of the exception.
        exception: String,
    },
    /// All objects could not be looked at.
    #[error(transparent)]
    Unseen(#[from] Unproven),
    /// Putting back raised: some of it may still be away.
    #[error("putting back what was taken away raised {exception} in the target")]
    NotRestored {
        /// The class of the exception.
        exception: String,
    },
    /// There is the record of another run.
    #[error("another unload is under way in this process, or was cut short")]
    Recorded,
    /// What came back is no answer of ours.
    #[error("the unload ran, but its answer could not be understood")]
    BadAnswer,
}

impl UnloadError {
    /// What the user can do.
    pub fn help(&self) -> String {
        match self {
            UnloadError::Refused(refusal) => refusal.help(),
            UnloadError::Inject(error) => error.help().to_owned(),
            UnloadError::Changed | UnloadError::Importing { .. } => {
                "try again when the program is not importing".to_owned()
            }
            UnloadError::Running { .. } => {
                "make the thread leave the module (drain requests, cancel the job), or give a longer \
                 --limit"
                    .to_owned()
            }
            UnloadError::Moved => "this program cannot be changed safely; restart it".to_owned(),
            UnloadError::Raised { .. } => "nothing was changed; try again".to_owned(),
            UnloadError::Unreadable(_) | UnloadError::Read(_) => {
                "try again; pyunload doctor tells what can be read".to_owned()
            }
            UnloadError::RemedyRaised { .. } => {
                "nothing was changed; do in the program what the remedy is for, and try again"
                    .to_owned()
            }
            UnloadError::Unseen(_) => {
                "allow a longer stop with --max-stop MS; --force goes ahead without looking".to_owned()
            }
            UnloadError::NotRestored { .. } => {
                "look at what the plan was about before doing anything else, or restart the process"
                    .to_owned()
            }
            UnloadError::Recorded => "wait for the other one to end, then try again".to_owned(),
            UnloadError::BadAnswer => {
                "look at the modules of the target before doing anything else".to_owned()
            }
        }
    }
}
