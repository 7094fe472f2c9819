//! What of a process a core file keeps.
//!
//! Kept is what cannot be had again: memory without a file, the data of programs and libraries,
//! and every part of a file that the process has changed for itself (relocated constants among
//! them). Of the rest of a program the first page is kept, which tells the program; what is shared
//! with other processes is left out. So does the kernel by default (`coredump_filter`, core(5)).

use crate::address::AddressRange;
use crate::target::about::About;
use crate::target::copy::{CopyError, present_pages};
use crate::target::core_file::CoreThread;
use crate::target::maps::{Mapping, Maps};
use crate::target::page_table::PAGE;
use crate::target::pagemap::own_ranges;
use crate::target::pause::Paused;
use crate::target::process::{Process, ProcessError};
use nix::errno::Errno;

/// `NT_PRSTATUS` and `NT_PRFPREG`: general and floating point registers.
const GENERAL: i32 = 1;
const FLOATING: i32 = 2;
/// `sizeof(struct user_regs_struct)` and `sizeof(struct user_fpregs_struct)`.
const GENERAL_SIZE: usize = 27 * 8;
const FLOATING_SIZE: usize = 512;

/// What a core says of a process besides its memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its pid.
    pub pid: i32,
    /// The pid of its parent.
    pub parent: i32,
    /// Its process group and session.
    pub group: i32,
    /// Its session.
    pub session: i32,
    /// Its real user and group.
    pub owner: (u32, u32),
    /// Its name.
    pub name: String,
    /// Its command line.
    pub command: String,
    /// Its auxiliary vector, as the kernel shows it.
    pub auxiliary: Vec<u8>,
}

impl Facts {
    /// Asks the kernel.
    ///
    /// # Errors
    /// As [`Process::stat`].
    pub fn of(process: &Process) -> Result<Self, ProcessError> {
        let stat = process.stat()?;
        let status = process.status()?;
        let about = About::of(process.pid());
        Ok(Facts {
            pid: process.pid(),
            parent: stat.ppid,
            group: stat.pgrp,
            session: stat.session,
            owner: (status.ruid, status.rgid),
            name: stat.comm,
            command: about.map(|about| about.command).unwrap_or_default(),
            auxiliary: std::fs::read(format!("/proc/{}/auxv", process.pid())).unwrap_or_default(),
        })
    }
}

/// One mapping, and how much of it is kept, from its start on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The mapping.
    pub mapping: Mapping,
    /// Bytes kept: whole pages.
    pub stored: u64,
}

/// What is kept of the memory of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Every mapping.
    pub segments: Vec<Segment>,
    /// The pages that exist of what is kept, sorted.
    pub pages: Vec<AddressRange>,
}

impl Kept {
    /// Looks at the mappings and pages of a process as they are now.
    ///
    /// # Errors
    /// When the process has ended, may not be looked at, or has more address space than can be
    /// looked through.
    pub fn of(process: &Process) -> Result<Self, CopyError> {
        let maps = process.maps()?;
        let changed = changed_mappings(process, &maps)?;
        let (mut whole, mut anonymous) = (Vec::new(), Vec::new());
        let mut segments = Vec::new();
        for mapping in maps.iter().filter(|mapping| is_memory(mapping)) {
            let stored = stored(&maps, mapping, &changed);
            let range = mapping.range;
            match (stored, &mapping.file, mapping.special) {
                (0, ..) => {}
                (_, None, None | Some("[heap]" | "[stack]")) => anonymous.push(range),
                _ => whole.push(AddressRange::new(range.start, range.start.offset(stored))),
            }
            let mapping = mapping.clone();
            segments.push(Segment { mapping, stored });
        }
        let mut pages = present_pages(process.pid(), &anonymous)?;
        pages.extend(whole);
        pages.sort_by_key(|range| range.start);
        Ok(Kept { segments, pages })
    }
}

/// Whether it is memory at all: the kernel's own pages are not, and a core has no room for them.
fn is_memory(mapping: &Mapping) -> bool {
    !matches!(mapping.special, Some("[vvar]" | "[vsyscall]" | "[other]"))
}

/// Where mappings of files begin that the process has written to, or its loader.
fn changed_mappings(process: &Process, maps: &Maps) -> Result<Vec<AddressRange>, ProcessError> {
    let of_files: Vec<AddressRange> = maps
        .iter()
        .filter(|mapping| mapping.file.is_some() && mapping.read)
        .map(|mapping| mapping.range)
        .collect();
    own_ranges(process.pid(), &of_files)
}

/// How much is kept of a mapping.
fn stored(maps: &Maps, mapping: &Mapping, changed: &[AddressRange]) -> u64 {
    let range = mapping.range;
    let Some(file) = mapping.file.as_ref().filter(|_| mapping.read) else {
        return if mapping.read { range.len() } else { 0 };
    };
    let first = changed.partition_point(|one| one.end <= range.start);
    let is_changed = changed.get(first).is_some_and(|one| one.start < range.end);
    let is_program = || maps.of_file(file).any(|part| part.execute);
    if is_changed || (mapping.write && is_program()) {
        range.len()
    } else if mapping.file_offset == 0 && is_program() {
        PAGE
    } else {
        0
    }
}

impl Paused<'_> {
    /// The threads with their registers, the main thread first.
    ///
    /// # Errors
    /// What ptrace answers.
    pub fn core_threads(&self) -> Result<Vec<CoreThread>, Errno> {
        self.threads()
            .map(|thread| {
                Ok(CoreThread {
                    tid: thread.tid(),
                    registers: thread.register_set(GENERAL, GENERAL_SIZE)?,
                    floating: thread.register_set(FLOATING, FLOATING_SIZE)?,
                })
            })
            .collect()
    }
}
