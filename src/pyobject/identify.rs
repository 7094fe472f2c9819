//! From a process to the CPython in it: the candidate layout whose own `sys.hexversion` agrees.

use crate::address::Address;
use crate::cpython::layout::Layout;
use crate::cpython::locate::{
    Candidate, Home, LocateError, find_candidates, find_home, from_scan, likely_files,
    walk_interpreters,
};
use crate::cpython::python::{Interpreter, Python};
use crate::cpython::tables::{UnknownVersion, Variant, newest, rows_for};
use crate::cpython::version::{Build, Version};
use crate::elf::image::Image;
use crate::pyobject::dict;
use crate::pyobject::int;
use crate::target::maps::{MappedFile, Maps};
use crate::target::memory::ReadMemory;
use crate::target::process::Process;

/// A CPython and the image that holds its runtime.
#[derive(Debug)]
pub struct Located {
    /// What was found.
    pub python: Python,
    /// The executable or libpython it lies in.
    pub image: Image,
}

/// Finds the one CPython of a process, and verifies it in memory. Nothing is stopped.
///
/// # Errors
/// [`LocateError`]: not a Python, not initialised, two Pythons, or a version or layout that is not
/// known.
pub fn find(process: &Process) -> Result<Located, LocateError> {
    let maps = process.maps()?;
    let (likely, rest) = likely_files(process, &maps);
    let mut search = Search {
        process,
        maps: &maps,
        found: Vec::new(),
        failed: None,
    };
    search.look_into(&likely)?;
    if search.found.is_empty() && search.failed.is_none() {
        search.look_into(&rest)?;
    }
    if search.found.is_empty() && search.failed.is_none() {
        search.scan(&likely);
    }
    search.finish()
}

struct Search<'s> {
    process: &'s Process,
    maps: &'s Maps,
    found: Vec<Located>,
    failed: Option<LocateError>,
}

impl Search<'_> {
    /// Looks for a named runtime in each of `files`. A runtime without an interpreter is no error
    /// as long as another file has one.
    fn look_into(&mut self, files: &[&MappedFile]) -> Result<(), LocateError> {
        for file in files {
            let Ok(image) = Image::read(self.process, self.maps, file) else {
                continue;
            };
            let Some(home) = find_home(self.process, &image) else {
                continue;
            };
            self.take(image, home);
            if let [first, second] = &self.found[..] {
                return Err(LocateError::TwoPythons {
                    pid: self.process.pid(),
                    first: first.image.file.path.display().to_string(),
                    second: second.image.file.path.display().to_string(),
                });
            }
        }
        Ok(())
    }

    fn take(&mut self, image: Image, home: Home) {
        let python = find_candidates(self.process, self.maps, &image, home)
            .and_then(|candidates| confirm(self.process, &image, candidates));
        match python {
            Ok(python) => {
                let python = with_place_of(python, self.process, &image);
                self.found.push(Located { python, image });
            }
            Err(error) => self.failed = Some(error),
        }
    }

    fn scan(&mut self, files: &[&MappedFile]) {
        for file in files {
            let Ok(image) = Image::read(self.process, self.maps, file) else {
                continue;
            };
            let candidates = from_scan(self.process, self.maps, &image);
            if let Ok(python) = confirm(self.process, &image, candidates) {
                let python = with_place_of(python, self.process, &image);
                self.found.push(Located { python, image });
                return;
            }
        }
    }

    fn finish(mut self) -> Result<Located, LocateError> {
        match (self.found.pop(), self.failed) {
            (Some(located), _) => Ok(located),
            (None, Some(error)) => Err(error),
            (None, None) => Err(LocateError::NotPython {
                pid: self.process.pid(),
            }),
        }
    }
}

/// Completes the build: a debug build exports names that others lack, and a runtime outside the
/// executable lies in a shared libpython.
fn with_place_of(mut python: Python, process: &Process, image: &Image) -> Python {
    let exports = |name| image.find_dynamic_symbol(process, name).is_some();
    python.build.debug |= exports("_Py_NegativeRefcount") || exports("_Py_NegativeRefCount");
    python.build.shared_libpython = !process.is_executable(&image.file);
    python
}

/// Takes the first candidate whose `sys.hexversion` is of the minor version its layout is for.
fn confirm(
    memory: &Process,
    image: &Image,
    candidates: Vec<Candidate>,
) -> Result<Python, LocateError> {
    let mut other = None;
    for candidate in candidates {
        let interpreters = read_interpreters(memory, &candidate.row.layout, candidate.head);
        let Some(main) = interpreters.first() else {
            continue;
        };
        let Some(version) = hexversion(memory, &candidate.row.layout, main.sysdict) else {
            continue;
        };
        if version.minor_pair() == candidate.row.layout.python {
            return Ok(python_from(candidate, version, interpreters));
        }
        other = Some(version);
    }
    match other {
        Some(version) if rows_for(version.minor_pair()).next().is_none() => Err(UnknownVersion {
            version,
            newest: newest(),
        }
        .into()),
        _ => Err(LocateError::UnknownLayout {
            file: image.file.path.display().to_string(),
            detail: "sys.hexversion could not be read with any of them".to_owned(),
        }),
    }
}

fn python_from(candidate: Candidate, version: Version, interpreters: Vec<Interpreter>) -> Python {
    let variant = candidate.row.variant;
    let trace_refs = variant == Variant::TraceRefs;
    Python {
        version,
        build: Build {
            debug: variant == Variant::Debug || (trace_refs && version.minor_pair() < (3, 8)),
            trace_refs,
            free_threaded: variant == Variant::FreeThreaded,
            shared_libpython: false,
        },
        layout: candidate.row.layout,
        runtime: candidate.runtime,
        statics: candidate.statics,
        interpreters,
    }
}

/// `sys.hexversion` as memory has it.
fn hexversion(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    sysdict: Address,
) -> Option<Version> {
    let value = dict::find(memory, layout, sysdict, "hexversion").ok()??;
    let read = if layout.python.0 == 2 {
        int::read_plain
    } else {
        int::read
    };
    let hex = read(memory, layout, value).ok()?.to_i64()?;
    Version::from_hex(u32::try_from(hex).ok()?)
}

/// The interpreters, main first. Versions without `id` count from the oldest, which is the main
/// one: new ones are put before the head of the list.
pub fn read_interpreters(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    head: Address,
) -> Vec<Interpreter> {
    let mut interpreters: Vec<Interpreter> = walk_interpreters(memory, layout, head)
        .into_iter()
        .enumerate()
        .filter_map(|(index, address)| {
            let id = match layout.interpreter.id {
                Some(field) => field.read(memory, address).ok()?,
                None => index as i64,
            };
            Some(Interpreter {
                id,
                address,
                modules: layout.interpreter.modules.read(memory, address).ok()?,
                sysdict: layout.interpreter.sysdict.read(memory, address).ok()?,
            })
        })
        .collect();
    interpreters.sort_by_key(|interpreter| interpreter.id);
    interpreters
}
