//! What a looking command is about: a running process, or a core file of one.

use super::open::{Opened, open, open_core};
use crate::address::Address;
use crate::cli::args::Which;
use crate::cli::exit::Failure;
use crate::cpython::python::Interpreter;
use crate::modules::inventory::Inventory;
use crate::target::core_file::Core;
use crate::target::files;
use crate::target::maps::{MappedFile, Mapping, Maps};
use crate::target::memory::{Piece, ReadError, ReadMemory};
use crate::target::process::{Execution, Process, ProcessError};
use crate::target::target::Target;
use std::path::{Path, PathBuf};

/// A process, or a core file.
#[derive(Debug)]
pub enum Subject {
    /// A running process.
    Process(Process),
    /// A core file.
    Core(Core),
}

impl Subject {
    /// Either, as what can be looked at.
    pub fn target(&self) -> &(dyn Target + Sync) {
        match self {
            Subject::Process(process) => process,
            Subject::Core(core) => core,
        }
    }

    /// Whether it is still what it was: a process can end.
    pub fn is_same(&self) -> bool {
        match self {
            Subject::Process(process) => process.is_same(),
            Subject::Core(_) => true,
        }
    }
}

/// Opens either.
///
/// # Errors
/// The one true cause for which it cannot be looked at.
pub fn open_subject(which: &Which, sysroot: Option<&Path>) -> Result<Opened<Subject>, Failure> {
    Ok(match which {
        Which::Pid(pid) => open(*pid)?.map(Subject::Process),
        Which::Core(path) => open_core(path, sysroot)?.map(Subject::Core),
    })
}

impl Opened<Subject> {
    /// Its sys.modules: of a process read while it runs.
    ///
    /// # Errors
    /// When the table as a whole cannot be read.
    pub fn inventory(&self, interpreter: &Interpreter) -> Result<Inventory, Failure> {
        let python = &self.located.python;
        match &self.process {
            Subject::Process(process) => super::open::inventory_of(process, python, interpreter),
            Subject::Core(core) => super::open::inventory_of_core(core, python, interpreter),
        }
    }
}

impl ReadMemory for Subject {
    fn read_some_at(
        &self,
        at: crate::address::Address,
        buffer: &mut [u8],
    ) -> Result<usize, ReadError> {
        self.target().read_some_at(at, buffer)
    }

    fn read_batch(&self, pieces: &mut [Piece<'_>]) -> Result<(), ReadError> {
        self.target().read_batch(pieces)
    }
}

impl Target for Subject {
    fn pid(&self) -> i32 {
        self.target().pid()
    }

    fn core(&self) -> Option<&Path> {
        self.target().core()
    }

    fn warnings(&self) -> &[String] {
        self.target().warnings()
    }

    fn maps(&self) -> Result<Maps, ProcessError> {
        self.target().maps()
    }

    fn stack_pointers(&self) -> Vec<Address> {
        self.target().stack_pointers()
    }

    fn execution(&self) -> Result<Option<Execution>, ProcessError> {
        self.target().execution()
    }

    fn executable(&self) -> Option<(PathBuf, bool)> {
        self.target().executable()
    }

    fn files_behind<'f>(
        &'f self,
        file: &'f MappedFile,
        mapping: &Mapping,
    ) -> Box<dyn Iterator<Item = files::Opened> + 'f> {
        self.target().files_behind(file, mapping)
    }
}
