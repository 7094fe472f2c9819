//! What every document begins with.

use crate::cpython::python::{Interpreter, Python};
use crate::target::target::Target as Source;
use schemars::JsonSchema;
use serde::Serialize;

/// The first fields of every document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Envelope {
    /// `pyunload.COMMAND/VERSION`.
    pub schema: String,
    /// What was looked at; `null` where a command is about the machine.
    pub target: Option<Target>,
    /// How the pieces of the answer hang together in time.
    pub consistency: Consistency,
    /// How long any thread of the target was held, in microseconds.
    pub stopped_us: u64,
    /// What was skipped, could not be read twice the same, or is not certain.
    pub warnings: Vec<String>,
}

/// The process or core file that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Target {
    /// Its pid; `null` for a core file.
    pub pid: Option<i32>,
    /// Path of the core file; `null` for a process.
    pub core: Option<String>,
    /// Python version as Python writes it; `null` where none was found.
    pub python: Option<String>,
    /// Always `cpython`; `null` where none was found.
    pub implementation: Option<String>,
    /// How the Python was built; `null` where none was found.
    pub build: Option<Build>,
    /// Number of the interpreter this is about; 0 is the main one.
    pub interpreter: Option<i64>,
    /// How many interpreters the process has.
    pub interpreters: Option<usize>,
}

/// How the Python was built, told from memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Build {
    /// Compiled with `--with-pydebug`.
    pub debug: bool,
    /// Compiled with `--disable-gil`.
    pub free_threaded: bool,
    /// The runtime lies in a shared libpython, not in the executable.
    pub shared_libpython: bool,
}

/// How the pieces of an answer hang together in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Consistency {
    /// Read while the target ran; what guards the data was read again.
    Live,
    /// Read while all threads of the target stood still.
    Paused,
    /// Read from a copy of the target.
    Snapshot,
    /// Read from a core file.
    Core,
}

impl Envelope {
    /// The envelope of a live look by `command`, with nothing to warn of.
    pub fn live(command: &str, target: Option<Target>) -> Self {
        Envelope {
            schema: format!("pyunload.{command}/1"),
            target,
            consistency: Consistency::Live,
            stopped_us: 0,
            warnings: Vec::new(),
        }
    }

    /// The envelope of a look into a core file.
    pub fn core(command: &str, target: Option<Target>) -> Self {
        Envelope {
            consistency: Consistency::Core,
            ..Envelope::live(command, target)
        }
    }
}

impl Target {
    /// A process or a core file in which a Python was found.
    pub fn python(looked_at: &impl Source, python: &Python, interpreter: &Interpreter) -> Self {
        let core = looked_at.core().map(|path| path.display().to_string());
        Target {
            pid: core.is_none().then(|| looked_at.pid()),
            core,
            python: Some(python.version.to_string()),
            implementation: Some("cpython".into()),
            build: Some(Build {
                debug: python.build.debug,
                free_threaded: python.build.free_threaded,
                shared_libpython: python.build.shared_libpython,
            }),
            interpreter: Some(interpreter.id),
            interpreters: Some(python.interpreters.len()),
        }
    }

    /// A process of which no more than the pid is known.
    pub fn process(pid: i32) -> Self {
        Target {
            pid: Some(pid),
            core: None,
            python: None,
            implementation: None,
            build: None,
            interpreter: None,
            interpreters: None,
        }
    }
}
