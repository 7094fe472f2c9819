//! Where the runtime of a CPython is, and which layout it may have.
//!
//! A runtime is found by symbol (`.dynsym` in memory, `.symtab` on disk), by the `.PyRuntime`
//! section, or, without any of them, by scanning writable memory (see [`scan`](super::scan)). A
//! place is only believed when its own pointers lead in a circle: interpreter, thread state, and
//! back. That leaves a few candidates; the floor above takes the one whose `sys.hexversion` agrees
//! with its layout.

use crate::address::Address;
use crate::cpython::debug_offsets::{DebugOffsets, DebugOffsetsError};
pub use crate::cpython::home::{Home, LEAST_WRITABLE, find_home, likely_files};
pub use crate::cpython::interpreters::walk_interpreters;
use crate::cpython::layout::{Field, Layout};
use crate::cpython::phase::Phase;
use crate::cpython::python::Statics;
use crate::cpython::scan::{Hit, Scan, writable_ranges};
use crate::cpython::self_check::self_check;
use crate::cpython::tables::{self, Row, Signs, UnknownVersion};
use crate::cpython::version::Version;
use crate::elf::image::Image;
use crate::target::maps::Maps;
use crate::target::memory::{ReadError, ReadMemory, ReadMemoryExt};
use crate::target::process::ProcessError;
use crate::target::target::Target;
use std::cmp::Reverse;

/// Why no CPython could be read in a process.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocateError {
    /// Nothing of the process holds a CPython runtime.
    #[error("process {pid} is not a CPython")]
    NotPython {
        /// The process.
        pid: i32,
    },
    /// A runtime is there, but no complete interpreter.
    #[error("the Python in process {pid} {when}")]
    NotInitialised {
        /// The process.
        pid: i32,
        /// How far its life has come.
        when: Phase,
    },
    /// Two runtimes have interpreters.
    #[error("process {pid} runs two Pythons: {first} and {second}")]
    TwoPythons {
        /// The process.
        pid: i32,
        /// The file of one.
        first: String,
        /// The file of the other.
        second: String,
    },
    /// A version for which this tool has no table.
    #[error(transparent)]
    UnknownVersion(#[from] UnknownVersion),
    /// No table of the version fits this build.
    #[error("no known layout fits the Python in {file}: {detail}")]
    UnknownLayout {
        /// The file of the runtime.
        file: String,
        /// The check that failed.
        detail: String,
    },
    /// The process started other programs, one after the other, faster than one could be looked at.
    #[error("process {pid} became another program under every look")]
    Moving {
        /// The process.
        pid: i32,
    },
    /// The process could not be looked at.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// Memory could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// A layout that passed its self-checks on an interpreter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The row it came from, corrected by memory.
    pub row: Row,
    /// `_PyRuntime`, where it is known.
    pub runtime: Option<Address>,
    /// Static variables of versions without a runtime structure.
    pub statics: Statics,
    /// The newest interpreter, head of the list.
    pub head: Address,
    /// The version that the image states: in its debug offsets, or as `Py_Version` (3.11 on).
    pub stated: Option<Version>,
}

/// The layouts that fit what is at `home`, most likely first.
///
/// # Errors
/// [`LocateError::NotInitialised`], [`LocateError::UnknownVersion`],
/// [`LocateError::UnknownLayout`] with the check that the likeliest did not pass.
pub fn find_candidates(
    process: &impl Target,
    maps: &Maps,
    image: &Image,
    home: Home,
) -> Result<Vec<Candidate>, LocateError> {
    match home {
        Home::Structure { address, size } => from_structure(process, image, address, size),
        Home::Statics { interp_head } => from_statics(process, image, interp_head),
        Home::Unnamed => from_unnamed(process, maps, image),
    }
}

fn from_structure(
    process: &impl Target,
    image: &Image,
    runtime: Address,
    size: Option<u64>,
) -> Result<Vec<Candidate>, LocateError> {
    let offsets = debug_offsets(process, image, runtime)?;
    let stated = match &offsets {
        Some(offsets) => Some(offsets.version),
        None => stated_version(process, image),
    };
    let (rows, told) = match stated {
        Some(version) => {
            let signs = Signs {
                version,
                runtime_size: size.or_else(|| offsets.as_ref()?.runtime_size()),
                free_threaded: offsets.as_ref().map(|offsets| offsets.free_threaded),
            };
            (tables::candidates(&signs)?, true)
        }
        None => rows_of_size(size),
    };
    let mut checks = Checks {
        stated,
        ..Checks::default()
    };
    for mut row in rows {
        if let Some(offsets) = &offsets {
            match offsets.overlay(&row.layout) {
                Ok(layout) => row.layout = layout,
                Err(error) => {
                    checks.failed.get_or_insert_with(|| error.to_string());
                    continue;
                }
            }
        }
        let Some(members) = row.layout.runtime else {
            continue;
        };
        let head = members.interpreters_head.read(process, runtime)?;
        if told && checks.phase.is_none() {
            checks.phase = Some(Phase::of_runtime(process, &members, runtime)?);
        }
        checks.try_row(process, row, Some(runtime), Statics::default(), head);
    }
    checks.finish(process, image)
}

/// What the runtime says of itself, from 3.13 on.
fn debug_offsets(
    process: &impl Target,
    image: &Image,
    runtime: Address,
) -> Result<Option<DebugOffsets>, LocateError> {
    match DebugOffsets::read_at(process, runtime) {
        Ok(offsets) => Ok(Some(offsets)),
        Err(DebugOffsetsError::NoCookie) => Ok(None),
        Err(DebugOffsetsError::Unreadable(error)) => Err(error.into()),
        Err(DebugOffsetsError::UnknownVersion { version, .. }) => Err(UnknownVersion {
            version,
            newest: tables::newest(),
        }
        .into()),
        Err(other) => Err(unknown_layout(image, other.to_string())),
    }
}

/// Rows for a runtime that does not state its version (3.7 to 3.10, or a stripped host): those of
/// its size, which tells the version; all of them, with nothing proven about their queues, when no
/// row has it.
fn rows_of_size(size: Option<u64>) -> (Vec<Row>, bool) {
    let with_runtime = || {
        tables::ROWS
            .iter()
            .filter(|row| row.layout.runtime.is_some())
    };
    let fitting: Vec<Row> = with_runtime()
        .filter(|row| row.layout.runtime.map(|runtime| runtime.size) == size)
        .cloned()
        .collect();
    if fitting.is_empty() {
        (with_runtime().map(tables::unproven).collect(), false)
    } else {
        (fitting, true)
    }
}

fn from_statics(
    process: &impl Target,
    image: &Image,
    interp_head: Address,
) -> Result<Vec<Candidate>, LocateError> {
    let head = process.read_at(interp_head)?;
    let statics = read_statics(process, image);
    let mut checks = Checks::default();
    for row in tables::ROWS
        .iter()
        .filter(|row| row.layout.runtime.is_none())
    {
        let phase = phase_of_statics(process, image, &row.layout, head);
        checks.phase.get_or_insert(phase);
        checks.try_row(process, row.clone(), None, statics, head);
    }
    checks.finish(process, image)
}

/// A 2.7 or 3.6 whose list of interpreters has no name any more.
fn from_unnamed(
    process: &impl Target,
    maps: &Maps,
    image: &Image,
) -> Result<Vec<Candidate>, LocateError> {
    let found = from_scan(process, maps, image);
    let mut old = tables::ROWS
        .iter()
        .filter(|row| row.layout.runtime.is_none());
    match old.next() {
        Some(row) if found.is_empty() => Err(LocateError::NotInitialised {
            pid: process.pid(),
            when: phase_of_statics(process, image, &row.layout, Address::NULL),
        }),
        _ => Ok(found),
    }
}

fn read_statics(process: &impl Target, image: &Image) -> Statics {
    Statics {
        generations: image
            .find_dynamic_symbol(process, "_PyGC_generation0")
            .and_then(|symbol| process.read_at(symbol.address).ok()),
    }
}

/// How far the life of a 2.7 or 3.6 has come.
fn phase_of_statics(process: &impl Target, image: &Image, layout: &Layout, head: Address) -> Phase {
    let find = |name| image.find_dynamic_symbol(process, name);
    let finalizing = find("_Py_Finalizing").and_then(|symbol| process.read_at(symbol.address).ok());
    let object = find("PyBaseObject_Type").map(|symbol| symbol.address);
    Phase::of_statics(process, layout, head, finalizing, object)
}

/// How far the life of the Python has come; [`Phase::Running`] where only a scan found it.
///
/// # Errors
/// When the runtime cannot be read.
pub fn phase_of(
    process: &impl Target,
    image: &Image,
    candidate: &Candidate,
) -> Result<Phase, LocateError> {
    let layout = &candidate.row.layout;
    Ok(match (layout.runtime, candidate.runtime) {
        (Some(members), Some(runtime)) => Phase::of_runtime(process, &members, runtime)?,
        (Some(_), None) => Phase::Running,
        (None, _) => phase_of_statics(process, image, layout, candidate.head),
    })
}

/// Every layout tried on the interpreters that a scan of the image's writable memory gives. The size
/// of the runtime is not known then, so nothing is proven about queues, unless the debug offsets of
/// the runtime say it.
pub fn from_scan(process: &impl Target, maps: &Maps, image: &Image) -> Vec<Candidate> {
    let scan = Scan::read(process, maps, &writable_ranges(maps, image));
    let mut checks = Checks::default();
    for row in tables::ROWS {
        let hits = scan.find_interpreters(&row.layout);
        let statics = match row.layout.runtime {
            Some(_) => Statics::default(),
            None if hits.is_empty() => continue,
            None => read_statics(process, image),
        };
        for (runtime, head) in places_of(process, &row.layout, &hits) {
            if let Some(runtime) = runtime
                && DebugOffsets::read_at(process, runtime).is_ok()
            {
                return from_structure(process, image, runtime, None).unwrap_or_default();
            }
            if checks.try_row(process, tables::unproven(row), runtime, statics, head) {
                break;
            }
        }
    }
    checks.passed
}

/// The runtime, where known, and the head of its list, as the hits have them; the likeliest first. A
/// place in which a whole runtime fits is likelier than an interpreter alone, and one with a long
/// list likelier than one with a short.
fn places_of(
    process: &impl Target,
    layout: &Layout,
    hits: &[Hit],
) -> Vec<(Option<Address>, Address)> {
    /// By accident other memory may have the shape of an interpreter, but not often.
    const MOST: usize = 16;
    let mut places: Vec<(Option<Address>, Address)> = hits
        .iter()
        .filter_map(|hit| runtime_around(process, layout, *hit))
        .map(|(runtime, head)| (Some(runtime), head))
        .collect();
    places.dedup();
    let mut alone: Vec<Address> = hits.iter().map(|hit| hit.interpreter).collect();
    alone.sort_unstable();
    alone.dedup();
    alone.sort_by_cached_key(|&head| Reverse(walk_interpreters(process, layout, head).len()));
    places.extend(alone.into_iter().map(|head| (None, head)));
    places.truncate(MOST);
    places
}

/// The runtime structure that the word of this hit would lie in, as the head of its list or as its
/// main interpreter, and the head of its list, if both then lead to the same list.
fn runtime_around(process: &impl Target, layout: &Layout, hit: Hit) -> Option<(Address, Address)> {
    let offsets = layout.runtime?;
    [offsets.interpreters_head, offsets.interpreters_main]
        .into_iter()
        .map(|member| hit.place.before(member.offset()))
        .find_map(|runtime| {
            let read = |member: Field<Address>| member.read(process, runtime).ok();
            let head = read(offsets.interpreters_head)?;
            let main = read(offsets.interpreters_main)?;
            let listed = walk_interpreters(process, layout, head);
            let fits = listed.contains(&main) && listed.contains(&hit.interpreter);
            fits.then_some((runtime, head))
        })
}

/// The interpreter to check a layout on: the oldest that has a thread state. New ones may not be
/// complete yet, and from 3.13 on a sub-interpreter may have none between two uses.
fn proven_by(memory: &impl ReadMemory, layout: &Layout, head: Address) -> Address {
    let has_thread = |&interpreter: &Address| {
        let thread = layout.interpreter.threads_head.read(memory, interpreter);
        thread.is_ok_and(Address::may_be_object)
    };
    let listed = walk_interpreters(memory, layout, head);
    listed.into_iter().find(has_thread).unwrap_or(head)
}

/// Collects the rows that pass, and why the likeliest one did not.
#[derive(Default)]
struct Checks {
    passed: Vec<Candidate>,
    failed: Option<String>,
    /// As the likeliest row reads it.
    phase: Option<Phase>,
    /// The version that the image states.
    stated: Option<Version>,
}

impl Checks {
    /// Whether the row passes.
    fn try_row(
        &mut self,
        memory: &impl ReadMemory,
        row: Row,
        runtime: Option<Address>,
        statics: Statics,
        head: Address,
    ) -> bool {
        if head.is_null() {
            return false;
        }
        let interpreter = proven_by(memory, &row.layout, head);
        match self_check(memory, &row.layout, runtime, interpreter) {
            Ok(layout) => {
                self.passed.push(Candidate {
                    row: Row { layout, ..row },
                    runtime,
                    statics,
                    head,
                    stated: self.stated,
                });
                true
            }
            Err(mismatch) => {
                self.failed.get_or_insert_with(|| mismatch.to_string());
                false
            }
        }
    }

    fn finish(self, process: &impl Target, image: &Image) -> Result<Vec<Candidate>, LocateError> {
        if !self.passed.is_empty() {
            return Ok(self.passed);
        }
        match (self.phase, self.failed) {
            (Some(Phase::Running) | None, failed) => {
                let detail = failed.unwrap_or_else(|| "no interpreter is listed".to_owned());
                Err(unknown_layout(image, detail))
            }
            (Some(when), _) => Err(LocateError::NotInitialised {
                pid: process.pid(),
                when,
            }),
        }
    }
}

/// The version that the image exports as `Py_Version` (3.11 on).
fn stated_version(memory: &impl Target, image: &Image) -> Option<Version> {
    let symbol = image.find_dynamic_symbol(memory, "Py_Version")?;
    Version::from_hex(memory.read_at::<u32>(symbol.address).ok()?)
}

fn unknown_layout(image: &Image, detail: String) -> LocateError {
    LocateError::UnknownLayout {
        file: image.file.path.display().to_string(),
        detail,
    }
}
