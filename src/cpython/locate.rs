//! Where the runtime of a CPython is, and which layout it may have.
//!
//! A runtime is found by symbol (`.dynsym` in memory, `.symtab` on disk), by the `.PyRuntime`
//! section, or, without any of them, by scanning writable memory (see [`scan`](super::scan)). A
//! place is only believed when its own pointers lead in a circle: interpreter, thread state, and
//! back. That leaves a few candidates; the floor above takes the one whose `sys.hexversion` agrees
//! with its layout.

use crate::address::Address;
use crate::cpython::debug_offsets::{DebugOffsets, DebugOffsetsError};
use crate::cpython::layout::Layout;
use crate::cpython::python::Statics;
use crate::cpython::scan;
use crate::cpython::self_check::self_check;
use crate::cpython::tables::{self, Row, Signs, UnknownVersion};
use crate::cpython::version::Version;
use crate::elf::image::Image;
use crate::target::maps::{MappedFile, Maps};
use crate::target::memory::{ReadError, ReadMemory, ReadMemoryExt};
use crate::target::process::{Process, ProcessError};

/// Why no CPython could be read in a process.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocateError {
    /// Nothing of the process holds a CPython runtime.
    #[error("process {pid} is not a CPython")]
    NotPython {
        /// The process.
        pid: i32,
    },
    /// A runtime is there, but no interpreter.
    #[error("the Python in process {pid} has no interpreter: {when}")]
    NotInitialised {
        /// The process.
        pid: i32,
        /// Before `Py_Initialize`, or after `Py_Finalize`.
        when: &'static str,
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
}

/// Where a runtime was found in an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// `_PyRuntime`, with its size in bytes where a symbol or section states it.
    Structure {
        /// Where it is.
        address: Address,
        /// `sizeof(_PyRuntimeState)`, a fingerprint of the row.
        size: Option<u64>,
    },
    /// The static `interp_head` of 2.7 and 3.6.
    Statics {
        /// Where the variable is.
        interp_head: Address,
    },
    /// Nothing names it.
    Unnamed,
}

/// The files that may hold a runtime: the executable, everything called libpython, then the rest.
pub fn likely_files<'m>(
    process: &Process,
    maps: &'m Maps,
) -> (Vec<&'m MappedFile>, Vec<&'m MappedFile>) {
    let named = |file: &MappedFile| {
        file.path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().contains("libpython"))
    };
    let runs = |file: &&MappedFile| maps.of_file(file).any(|mapping| mapping.execute);
    maps.files()
        .into_iter()
        .filter(runs)
        .partition(|file| process.is_executable(file) || named(file))
}

/// Looks for the runtime of one image.
pub fn find_home(process: &Process, image: &Image) -> Option<Home> {
    let structure = |symbol: crate::elf::image::Symbol| Home::Structure {
        address: symbol.address,
        size: (symbol.size > 0).then_some(symbol.size),
    };
    if let Some(symbol) = image.find_dynamic_symbol(process, "_PyRuntime") {
        return Some(structure(symbol));
    }
    if let Some(section) = image.find_section(process, ".PyRuntime") {
        return Some(Home::Structure {
            address: section.start,
            size: Some(section.len()),
        });
    }
    if let Some(symbol) = image.find_symbol(process, "_PyRuntime") {
        return Some(structure(symbol));
    }
    let old = image
        .find_symbol(process, "_PyThreadState_Current")
        .is_some();
    match image.find_symbol(process, "interp_head") {
        Some(symbol) if old => Some(Home::Statics {
            interp_head: symbol.address,
        }),
        _ => old.then_some(Home::Unnamed),
    }
}

/// The layouts that fit what is at `home`, most likely first.
///
/// # Errors
/// [`LocateError::NotInitialised`], [`LocateError::UnknownVersion`],
/// [`LocateError::UnknownLayout`] with the check that failed last.
pub fn find_candidates(
    process: &Process,
    maps: &Maps,
    image: &Image,
    home: Home,
) -> Result<Vec<Candidate>, LocateError> {
    match home {
        Home::Structure { address, size } => from_structure(process, image, address, size),
        Home::Statics { interp_head } => from_statics(process, image, interp_head),
        Home::Unnamed => Ok(from_scan(process, maps, image)),
    }
}

fn from_structure(
    process: &Process,
    image: &Image,
    runtime: Address,
    size: Option<u64>,
) -> Result<Vec<Candidate>, LocateError> {
    let offsets = match DebugOffsets::read_at(process, runtime) {
        Ok(offsets) => Some(offsets),
        Err(DebugOffsetsError::NoCookie) => None,
        Err(DebugOffsetsError::Unreadable(error)) => return Err(error.into()),
        Err(DebugOffsetsError::UnknownVersion { version, .. }) => {
            return Err(UnknownVersion {
                version,
                newest: tables::newest(),
            }
            .into());
        }
        Err(other) => return Err(unknown_layout(image, other.to_string())),
    };
    let version = offsets.as_ref().map(|offsets| offsets.version);
    let rows = match version.or_else(|| stated_version(process, image)) {
        Some(version) => tables::candidates(&Signs {
            version,
            runtime_size: size.or_else(|| offsets.as_ref()?.runtime_size()),
            free_threaded: offsets.as_ref().map(|offsets| offsets.free_threaded),
        })?,
        None => rows_of_size(size),
    };
    let mut checks = Checks::default();
    for mut row in rows {
        if let Some(offsets) = &offsets {
            match offsets.overlay(&row.layout) {
                Ok(layout) => row.layout = layout,
                Err(error) => {
                    checks.failed = Some(error.to_string());
                    continue;
                }
            }
        }
        let Some(runtime_layout) = row.layout.runtime else {
            continue;
        };
        let head = runtime_layout.interpreters_head.read(process, runtime)?;
        checks.try_row(process, row, Some(runtime), Statics::default(), head);
    }
    checks.finish(process, image)
}

/// Rows for a runtime that does not state its version (3.7 to 3.10, or a stripped host): those of
/// its size; all of them, with nothing proven about their queues, when no row has it.
fn rows_of_size(size: Option<u64>) -> Vec<Row> {
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
        with_runtime().map(tables::unproven).collect()
    } else {
        fitting
    }
}

fn from_statics(
    process: &Process,
    image: &Image,
    interp_head: Address,
) -> Result<Vec<Candidate>, LocateError> {
    let head = process.read_at(interp_head)?;
    let statics = Statics {
        generations: image
            .find_dynamic_symbol(process, "_PyGC_generation0")
            .and_then(|symbol| process.read_at(symbol.address).ok()),
    };
    let mut checks = Checks::default();
    for row in tables::ROWS
        .iter()
        .filter(|row| row.layout.runtime.is_none())
    {
        checks.try_row(process, row.clone(), None, statics, head);
    }
    checks.finish(process, image)
}

/// Every layout tried on the interpreters that a scan of the image's writable memory gives. The size
/// of the runtime is not known then, so nothing is proven about queues, unless the debug offsets of
/// the runtime say it.
pub fn from_scan(process: &Process, maps: &Maps, image: &Image) -> Vec<Candidate> {
    let ranges = scan::writable_ranges(maps, image);
    let mut checks = Checks::default();
    for row in tables::ROWS {
        let hits = scan::find_interpreters(process, maps, &ranges, &row.layout);
        let Some(head) = newest(process, &row.layout, &hits) else {
            continue;
        };
        let runtime = hits
            .iter()
            .find_map(|hit| runtime_around(process, &row.layout, *hit));
        if let Some(runtime) = runtime
            && DebugOffsets::read_at(process, runtime).is_ok()
        {
            return from_structure(process, image, runtime, None).unwrap_or_default();
        }
        checks.try_row(
            process,
            tables::unproven(row),
            runtime,
            Statics::default(),
            head,
        );
    }
    checks.passed
}

/// The interpreter from which the list of all of them is longest: its head.
fn newest(process: &Process, layout: &Layout, hits: &[scan::Hit]) -> Option<Address> {
    hits.iter()
        .map(|hit| hit.interpreter)
        .max_by_key(|&interpreter| walk_interpreters(process, layout, interpreter).len())
}

/// The runtime structure whose list head the word of this hit would be, if its pointer to the main
/// interpreter leads to an interpreter of that list.
fn runtime_around(process: &Process, layout: &Layout, hit: scan::Hit) -> Option<Address> {
    let offsets = layout.runtime?;
    let runtime = hit.place.before(offsets.interpreters_head.offset());
    let main = offsets.interpreters_main.read(process, runtime).ok()?;
    walk_interpreters(process, layout, hit.interpreter)
        .contains(&main)
        .then_some(runtime)
}

/// Collects the rows that pass, and why the last one did not.
#[derive(Default)]
struct Checks {
    passed: Vec<Candidate>,
    failed: Option<String>,
    empty: bool,
}

impl Checks {
    fn try_row(
        &mut self,
        memory: &impl ReadMemory,
        row: Row,
        runtime: Option<Address>,
        statics: Statics,
        head: Address,
    ) {
        if head.is_null() {
            self.empty = true;
            return;
        }
        match self_check(memory, &row.layout, runtime, head) {
            Ok(layout) => {
                self.passed.push(Candidate {
                    row: Row { layout, ..row },
                    runtime,
                    statics,
                    head,
                });
            }
            Err(mismatch) => self.failed = Some(mismatch.to_string()),
        }
    }

    fn finish(self, process: &Process, image: &Image) -> Result<Vec<Candidate>, LocateError> {
        match (self.passed.is_empty(), self.failed) {
            (false, _) => Ok(self.passed),
            (true, Some(detail)) if !self.empty => Err(unknown_layout(image, detail)),
            _ => Err(LocateError::NotInitialised {
                pid: process.pid(),
                when: "it has not been initialised yet, or has been finalised",
            }),
        }
    }
}

/// The version that the image exports as `Py_Version` (3.11 on).
fn stated_version(memory: &Process, image: &Image) -> Option<Version> {
    let symbol = image.find_dynamic_symbol(memory, "Py_Version")?;
    Version::from_hex(memory.read_at::<u32>(symbol.address).ok()?)
}

fn unknown_layout(image: &Image, detail: String) -> LocateError {
    LocateError::UnknownLayout {
        file: image.file.path.display().to_string(),
        detail,
    }
}

/// All interpreters from `head` on, oldest first, bounded and cut at the first repetition.
pub fn walk_interpreters(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    head: Address,
) -> Vec<Address> {
    const MOST: usize = 4096;
    let mut found = Vec::new();
    let mut next = head;
    while !next.is_null() && found.len() < MOST && !found.contains(&next) {
        found.push(next);
        next = layout
            .interpreter
            .next
            .read(memory, next)
            .unwrap_or(Address::NULL);
    }
    found.reverse();
    found
}
