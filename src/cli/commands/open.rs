//! Opening a target: from a pid or a core file to a CPython that can be read.

use crate::cli::args::Which;
use crate::cli::exit::{Exit, Failure};
use crate::cpython::locate::LocateError;
use crate::cpython::python::{Interpreter, Python};
use crate::elf::core_file::{self, CoreError};
use crate::modules::inventory::{Inventory, inventory, inventory_of_still, inventory_with};
use crate::modules::row::ModuleRow;
use crate::modules::stale::survey::{Survey, Surveying};
use crate::pyobject::error::ObjectError;
use crate::pyobject::identify::{self, Located};
use crate::report::Target;
use crate::target::about::process_of_thread;
use crate::target::access::{Denial, Evidence, denial_of_look};
use crate::target::core_file::Core;
use crate::target::memory::ReadMemory;
use crate::target::process::Process;
use crate::target::second_thread::SecondThread;
use crate::target::target::Target as Source;
use std::path::Path;

/// A process, or a core file of one, in which a CPython was found.
#[derive(Debug)]
pub struct Opened<T = Process> {
    /// The process, or the core file of it.
    pub process: T,
    /// Its CPython.
    pub located: Located,
}

/// Opens a process to look at it.
///
/// # Errors
/// The one true cause for which it cannot be looked at.
pub fn open(pid: i32) -> Result<Opened, Failure> {
    let process = Process::open(pid)?;
    refuse_thread(pid)?;
    match identify::find(&process) {
        Ok(located) => Ok(Opened { process, located }),
        Err(error) => Err(explain(&process, error)),
    }
}

/// Opens a core file. What it leaves out is looked for below `sysroot`, or where it was.
///
/// # Errors
/// The one true cause for which it cannot be looked at.
pub fn open_core(path: &Path, sysroot: Option<&Path>) -> Result<Opened<Core>, Failure> {
    let process = core_file::open(path, sysroot)?;
    match identify::find(&process) {
        Ok(located) => Ok(Opened { process, located }),
        Err(error) => Err(explain_core(&process, error)),
    }
}

/// The pid, for a command that needs a running process.
///
/// # Errors
/// When it is a core file.
pub fn pid_of(which: &Which) -> Result<i32, Failure> {
    match which {
        Which::Pid(pid) => Ok(*pid),
        Which::Core(path) => Err(Failure::new(
            Exit::Usage,
            format!("{} is a core file", path.display()),
            "this needs a running process: give its pid",
        )),
    }
}

/// The sys.modules of a core.
///
/// # Errors
/// When the table as a whole cannot be read.
pub fn inventory_of_core(
    core: &Core,
    python: &Python,
    interpreter: &Interpreter,
) -> Result<Inventory, Failure> {
    inventory_of_still(core, python, interpreter)
        .map_err(|error| told_missing(core, Failure::from(error)))
}

/// The sys.modules of a process, read while it runs.
///
/// # Errors
/// When the table as a whole cannot be read.
pub fn inventory_of(
    process: &Process,
    python: &Python,
    interpreter: &Interpreter,
) -> Result<Inventory, Failure> {
    inventory(process, python, interpreter).map_err(|error| of_process(process, error))
}

/// Why sys.modules of a process could not be read.
fn of_process(process: &Process, error: ObjectError) -> Failure {
    let pid = process.pid();
    if process.is_same() {
        Failure::from(error).of(pid)
    } else {
        Failure::gone(pid)
    }
}

impl Opened<Core> {
    /// Its sys.modules.
    ///
    /// # Errors
    /// When the table as a whole cannot be read.
    pub fn inventory(&self, interpreter: &Interpreter) -> Result<Inventory, Failure> {
        inventory_of_core(&self.process, &self.located.python, interpreter)
    }
}

impl Opened {
    /// Its sys.modules, read while it runs.
    ///
    /// # Errors
    /// When the table as a whole cannot be read.
    pub fn inventory(&self, interpreter: &Interpreter) -> Result<Inventory, Failure> {
        inventory_of(&self.process, &self.located.python, interpreter)
    }

    /// As [`Opened::inventory`], with a second thread that is there already.
    ///
    /// # Errors
    /// When the table as a whole cannot be read.
    pub fn inventory_with<'env>(
        &'env self,
        second: &SecondThread<'env>,
        interpreter: &Interpreter,
    ) -> Result<Inventory, Failure> {
        let (process, python) = (&self.process, &self.located.python);
        inventory_with(second, process, python, interpreter)
            .map_err(|error| of_process(process, error))
    }

    /// Compares modules with their files.
    ///
    /// # Errors
    /// When the process ended meanwhile.
    pub fn survey(&self, interpreter: &Interpreter, rows: &[ModuleRow]) -> Result<Survey, Failure> {
        let surveying = Surveying {
            process: &self.process,
            python: &self.located.python,
            interpreter,
        };
        let survey = surveying.run(rows);
        match self.process.is_same() {
            true => Ok(survey),
            false => Err(Failure::gone(self.process.pid())),
        }
    }
}

impl<T> Opened<T> {
    /// The same, held in another way.
    pub fn map<U>(self, hold: impl FnOnce(T) -> U) -> Opened<U> {
        Opened {
            process: hold(self.process),
            located: self.located,
        }
    }
}

impl<T: Source> Opened<T> {
    /// The interpreter asked for, or the main one.
    ///
    /// # Errors
    /// When there is none of this number.
    pub fn interpreter(&self, wanted: Option<i64>) -> Result<&Interpreter, Failure> {
        let python = &self.located.python;
        let Some(id) = wanted else {
            return Ok(python.main());
        };
        python.interpreter(id).ok_or_else(|| {
            let known: Vec<String> = python
                .interpreters
                .iter()
                .map(|i| i.id.to_string())
                .collect();
            Failure::new(
                Exit::Usage,
                format!("{} has no interpreter {id}", name_of(&self.process)),
                format!("it has: {}", known.join(", ")),
            )
            .of(self.process.pid())
        })
    }

    /// The warnings of an inventory, behind what is to be known of the target as a whole.
    pub fn warnings(&self, of_inventory: Vec<String>) -> Vec<String> {
        const ENDING: &str = "the Python is being finalised: its modules are being taken apart";
        let ending = self.located.python.finalizing.then(|| ENDING.to_owned());
        let of_target = self.process.warnings().iter().cloned();
        of_target.chain(ending).chain(of_inventory).collect()
    }

    /// What a document says of the target.
    pub fn target(&self, interpreter: &Interpreter) -> Target {
        Target::python(&self.process, &self.located.python, interpreter)
    }
}

/// `/proc` shows threads under their own numbers too, to who asks for them.
fn refuse_thread(pid: i32) -> Result<(), Failure> {
    match process_of_thread(pid) {
        None => Ok(()),
        Some(main) => Err(Failure::new(
            Exit::NoProcess,
            format!("{pid} is a thread, not a process"),
            format!("use the pid of its process: {main}"),
        )
        .of(pid)),
    }
}

/// Why no CPython was found: what the process is comes before what it holds.
fn explain(process: &Process, error: LocateError) -> Failure {
    let pid = process.pid();
    if matches!(error, LocateError::NotPython { .. }) {
        let nature = denial_of_look(&Evidence::gather(pid));
        if let Some(denial @ (Denial::Ended | Denial::KernelThread)) = nature {
            return Failure::denied(pid, &denial);
        }
        if !process.is_same() {
            return Failure::gone(pid);
        }
        // The mappings may be shown where the memory is not: nothing was found because nothing
        // could be read.
        if !may_read(process) {
            return Failure::refused(pid);
        }
    }
    located_failure(process, error)
}

/// Why no CPython was found in a core: what is missing in it comes first.
fn explain_core(core: &Core, error: LocateError) -> Failure {
    let failure = Failure {
        pid: None,
        ..located_failure(core, error)
    };
    told_missing(core, failure)
}

/// A failure, with what is missing of the core as the likely cause.
fn told_missing(core: &Core, failure: Failure) -> Failure {
    if core.warnings().is_empty() {
        return failure;
    }
    let why = failure.why.clone().unwrap_or_default();
    Failure {
        help: "look for the missing files with --sysroot DIR, a folder with the files of the machine the core comes from".to_owned(),
        ..failure
    }
    .because(format!("{why}; {}", core.warnings().join("; ")))
}

impl From<CoreError> for Failure {
    fn from(error: CoreError) -> Self {
        let (exit, help) = match &error {
            CoreError::Unreadable { .. } => (Exit::Usage, "give the path of a core file"),
            CoreError::NotCore { .. } => {
                (Exit::Usage, "make one with: pyunload snapshot PID -o FILE")
            }
            CoreError::Damaged { .. } => {
                (Exit::NotUnderstood, "was it written or copied to its end?")
            }
        };
        Failure::new(exit, "cannot look into the core file", help).because(error.to_string())
    }
}

/// What a person calls it.
fn name_of(looked_at: &impl Source) -> String {
    match looked_at.core() {
        Some(path) => path.display().to_string(),
        None => format!("process {}", looked_at.pid()),
    }
}

fn located_failure(looked_at: &impl Source, error: LocateError) -> Failure {
    let pid = looked_at.pid();
    let message = match looked_at.core() {
        Some(path) => format!("cannot look into {}", path.display()),
        None => format!("cannot look at {pid}"),
    };
    let why = error.to_string();
    let (exit, cause, help) = match error {
        LocateError::Process(error) => return error.into(),
        LocateError::Read(error) => return Failure::from(error).of(pid),
        LocateError::NotPython { .. } => (
            Exit::NotPython,
            "not_python",
            "choose a Python process: pyunload ps",
        ),
        LocateError::NotInitialised { .. } => (
            Exit::Forbidden,
            "not_initialised",
            "try again when its Python runs; after Py_Finalize there is nothing left to see",
        ),
        LocateError::TwoPythons { .. } => (
            Exit::Forbidden,
            "two_pythons",
            "this cannot be told apart safely: end one of the two",
        ),
        LocateError::Moving { .. } => (
            Exit::Changed,
            "moving",
            "try again when it runs one program; its parent may be restarting it for ever",
        ),
        LocateError::UnknownVersion(_) => (
            Exit::NotPython,
            "unknown_version",
            "look for a newer pyunload; it never guesses a layout",
        ),
        LocateError::UnknownLayout { .. } => (
            Exit::NotUnderstood,
            "unknown_layout",
            "this build is not known: please report it with the output of python -VV and python -m sysconfig",
        ),
    };
    Failure {
        cause: Some(cause),
        ..Failure::new(exit, message, help).because(why).of(pid)
    }
}

/// Whether memory can be read: not asked but tried, on its first byte.
pub fn may_read(process: &Process) -> bool {
    let Ok(maps) = process.maps() else {
        return false;
    };
    let mut readable = maps
        .iter()
        .filter(|mapping| mapping.read && mapping.special.is_none());
    readable.next().is_some_and(|mapping| {
        let read = process.read_some_at(mapping.range.start, &mut [0]);
        matches!(read, Ok(1))
    })
}
