//! What can be looked at as a whole: memory, what is mapped where in it, and the files behind.

use crate::address::Address;
use crate::target::files::Opened;
use crate::target::maps::{MappedFile, Mapping, Maps};
use crate::target::memory::ReadMemory;
use crate::target::process::{Execution, Process, ProcessError};
use crate::target::threads::stack_pointers;
use std::path::{Path, PathBuf};

/// A running process, or a core file of one.
pub trait Target: ReadMemory {
    /// The pid of the process, or of the process a core was made of.
    fn pid(&self) -> i32;

    /// The core file; `None` for a running process.
    fn core(&self) -> Option<&Path> {
        None
    }

    /// What is missing of it or not certain, one sentence each.
    fn warnings(&self) -> &[String] {
        &[]
    }

    /// What is mapped where.
    ///
    /// # Errors
    /// As [`Process::maps`].
    fn maps(&self) -> Result<Maps, ProcessError>;

    /// The mappings of those files alone of which `least` bytes or more are mapped to be written, where that takes
    /// less time than all.
    fn maps_of_programs(&self, _least: u64) -> Option<Maps> {
        None
    }

    /// Where the stacks of its threads end, of those threads of which that is known.
    fn stack_pointers(&self) -> Vec<Address>;

    /// Which run of a program this is; `None` for what cannot change.
    ///
    /// # Errors
    /// As [`Process::execution`].
    fn execution(&self) -> Result<Option<Execution>, ProcessError>;

    /// The program that runs, as the target names it, and whether it was deleted.
    fn executable(&self) -> Option<(PathBuf, bool)>;

    /// Whether `file` is that program.
    fn is_executable(&self, file: &MappedFile) -> bool {
        self.executable()
            .is_some_and(|(path, deleted)| path == file.path && deleted == file.deleted)
    }

    /// Every way to the file of a mapping, the surest first.
    fn files_behind<'f>(
        &'f self,
        file: &'f MappedFile,
        mapping: &Mapping,
    ) -> Box<dyn Iterator<Item = Opened> + 'f>;
}

impl Target for Process {
    fn pid(&self) -> i32 {
        self.pid()
    }

    fn maps(&self) -> Result<Maps, ProcessError> {
        self.maps()
    }

    fn maps_of_programs(&self, least: u64) -> Option<Maps> {
        self.maps_of_programs(least)
    }

    fn stack_pointers(&self) -> Vec<Address> {
        stack_pointers(self)
    }

    fn execution(&self) -> Result<Option<Execution>, ProcessError> {
        self.execution().map(Some)
    }

    fn executable(&self) -> Option<(PathBuf, bool)> {
        self.executable()
    }

    fn files_behind<'f>(
        &'f self,
        file: &'f MappedFile,
        mapping: &Mapping,
    ) -> Box<dyn Iterator<Item = Opened> + 'f> {
        Box::new(self.files_behind(file, mapping))
    }
}
