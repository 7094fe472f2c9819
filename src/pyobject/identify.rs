//! From a process to the CPython in it: the candidate layout whose own `sys.hexversion` agrees.

use crate::address::Address;
use crate::cpython::layout::Layout;
use crate::cpython::locate::{
    Candidate, LEAST_WRITABLE, LocateError, find_candidates, find_home, from_scan, likely_files,
    phase_of, walk_interpreters,
};
use crate::cpython::phase::Phase;
use crate::cpython::python::{Interpreter, Python};
use crate::cpython::tables::{UnknownVersion, Variant, newest, rows_for};
use crate::cpython::version::{Build, Version};
use crate::elf::image::Image;
use crate::pyobject::dict::{self, Source};
use crate::pyobject::hash::TextHash;
use crate::pyobject::int;
use crate::pyobject::names::Names;
use crate::target::maps::{MappedFile, Maps};
use crate::target::memory::{ReadError, ReadMemory, ReadMemoryExt};
use crate::target::target::Target;
use std::thread;
use std::time::Duration;

/// A CPython and the image that holds its runtime.
#[derive(Debug)]
pub struct Located {
    /// What was found.
    pub python: Python,
    /// The executable or libpython it lies in.
    pub image: Image,
}

/// A live process may change under each look. So often is it looked at, after a pause that is
/// doubled from one millisecond.
const TRIES: u32 = 6;

/// Finds the one CPython of a process, and verifies it in memory. Nothing is stopped.
///
/// # Errors
/// [`LocateError`]: not a Python, not initialised, two Pythons, or a version or layout that is not
/// known.
pub fn find(process: &impl Target) -> Result<Located, LocateError> {
    settled(process, || {
        if let Some(located) = find_quickly(process) {
            return Ok(located);
        }
        let maps = process.maps()?;
        let mut search = Search::new(process, &maps);
        search.by_name()?;
        search.by_scan()?;
        search.finish()
    })
}

/// The one that has a name, from the mappings that may hold one alone. Whatever is not that simple is found out from
/// all mappings.
fn find_quickly(process: &impl Target) -> Option<Located> {
    let maps = process.maps_of_programs(LEAST_WRITABLE)?;
    let mut search = Search::new(process, &maps);
    search.by_name().ok()?;
    match search.failed {
        None => search.found.pop(),
        Some(_) => None,
    }
}

/// Looks until what was seen is of one run of one program, and makes sense; the last answer counts.
fn settled(
    process: &impl Target,
    look: impl Fn() -> Result<Located, LocateError>,
) -> Result<Located, LocateError> {
    let mut tries = 1;
    loop {
        let before = process.execution()?;
        let answer = look();
        let is_same = process.execution()? == before;
        let is_still = before.is_none();
        if is_same && (is_still || tries == TRIES || !may_pass(&answer)) {
            return answer;
        }
        if tries == TRIES {
            return Err(LocateError::Moving { pid: process.pid() });
        }
        thread::sleep(Duration::from_millis(1 << (tries - 1)));
        tries += 1;
    }
}

/// Whether an answer may come from reading while the target was writing.
fn may_pass(answer: &Result<Located, LocateError>) -> bool {
    matches!(
        answer,
        Err(LocateError::UnknownLayout { .. } | LocateError::Read(ReadError::Unmapped { .. }))
    )
}

struct Search<'s, T> {
    process: &'s T,
    maps: &'s Maps,
    likely: Vec<&'s MappedFile>,
    rest: Vec<&'s MappedFile>,
    found: Vec<Located>,
    failed: Option<(String, LocateError)>,
}

impl<'s, T: Target> Search<'s, T> {
    fn new(process: &'s T, maps: &'s Maps) -> Self {
        let (likely, rest) = likely_files(process, maps);
        Search {
            process,
            maps,
            likely,
            rest,
            found: Vec::new(),
            failed: None,
        }
    }

    fn images(&self) -> impl Iterator<Item = Image> + use<'s, T> {
        let (process, maps) = (self.process, self.maps);
        let files = self.likely.clone().into_iter().chain(self.rest.clone());
        files.flat_map(move |file| Image::read_all(process, maps, file))
    }

    /// Looks for a named runtime in each file. A runtime without an interpreter is no error as long
    /// as another file has one.
    fn by_name(&mut self) -> Result<(), LocateError> {
        for image in self.images() {
            if let Some(home) = find_home(self.process, &image) {
                let candidates = find_candidates(self.process, self.maps, &image, home);
                self.take(image, candidates)?;
            }
        }
        Ok(())
    }

    /// Scans what is left when nothing has a name.
    fn by_scan(&mut self) -> Result<(), LocateError> {
        if !self.found.is_empty() || self.failed.is_some() {
            return Ok(());
        }
        for image in self.images() {
            let candidates = from_scan(self.process, self.maps, &image);
            if !candidates.is_empty() {
                self.take(image, Ok(candidates))?;
            }
        }
        Ok(())
    }

    fn take(
        &mut self,
        image: Image,
        candidates: Result<Vec<Candidate>, LocateError>,
    ) -> Result<(), LocateError> {
        let secret = hash_secret(self.process, &image);
        let confirm = |candidates| confirm(self.process, &image, candidates, secret);
        match candidates.and_then(confirm) {
            Ok(python) => {
                let mut python = with_place_of(python, self.process, &image);
                python.hash_secret = secret;
                self.found.push(Located { python, image });
            }
            Err(error) => self.fail(name_of(&image), error),
        }
        self.second().map_or(Ok(()), |(first, second)| {
            Err(LocateError::TwoPythons {
                pid: self.process.pid(),
                first,
                second,
            })
        })
    }

    /// Of two failures the one of a runtime that has, or had, an interpreter counts.
    fn fail(&mut self, name: String, error: LocateError) {
        match &self.failed {
            Some((_, known)) if !is_idle(known) => {}
            _ => self.failed = Some((name, error)),
        }
    }

    /// The names of two runtimes that have interpreters, understood or not.
    fn second(&self) -> Option<(String, String)> {
        let failed = self
            .failed
            .iter()
            .filter(|(_, error)| !is_idle(error))
            .map(|(name, _)| name.clone());
        let mut names = self
            .found
            .iter()
            .map(|located| name_of(&located.image))
            .chain(failed);
        names.next().zip(names.next())
    }

    fn finish(mut self) -> Result<Located, LocateError> {
        match (self.found.pop(), self.failed) {
            (Some(located), _) => Ok(located),
            (None, Some((_, error))) => Err(error),
            (None, None) => Err(LocateError::NotPython {
                pid: self.process.pid(),
            }),
        }
    }
}

/// Whether a runtime is there, but nothing runs in it.
fn is_idle(error: &LocateError) -> bool {
    matches!(
        error,
        LocateError::NotInitialised {
            when: Phase::Before | Phase::After | Phase::Unsettled,
            ..
        }
    )
}

fn name_of(image: &Image) -> String {
    image.file.path.display().to_string()
}

/// Completes the build: a debug build exports names that others lack, and a runtime outside the
/// executable lies in a shared libpython.
fn with_place_of(mut python: Python, process: &impl Target, image: &Image) -> Python {
    let exports = |name| image.find_dynamic_symbol(process, name).is_some();
    python.build.debug |= exports("_Py_NegativeRefcount") || exports("_Py_NegativeRefCount");
    python.build.shared_libpython = !image.is_program && !process.is_executable(&image.file);
    python
}

/// The key of its hashes, where it has a name.
fn hash_secret(process: &impl Target, image: &Image) -> Option<(u64, u64)> {
    let symbol = image.find_dynamic_symbol(process, "_Py_HashSecret")?;
    let (first, second) = (symbol.address, symbol.address.offset(8));
    Some((process.read_at(first).ok()?, process.read_at(second).ok()?))
}

/// Takes the first candidate whose `sys.hexversion` is of the minor version its layout is for; a
/// program may have changed that value, then what the image itself states counts.
fn confirm(
    process: &impl Target,
    image: &Image,
    candidates: Vec<Candidate>,
    secret: Option<(u64, u64)>,
) -> Result<Python, LocateError> {
    let (mut other, mut when, mut stated) = (None, Phase::Running, None);
    for candidate in candidates {
        let layout = &candidate.row.layout;
        let mut phase = phase_of(process, image, &candidate)?;
        let interpreters = read_interpreters(process, &candidate);
        let Some(main) = interpreters.first().filter(|first| first.id == 0) else {
            when = phase;
            continue;
        };
        if phase == Phase::Running && is_emptied(process, layout, main.sysdict) {
            phase = Phase::Ending;
        }
        let fits = |version: &Version| version.minor_pair() == layout.python;
        let hexversion = hexversion(process, layout, main.sysdict, secret);
        if phase == Phase::Starting || (phase == Phase::Ending && hexversion.is_none()) {
            when = phase;
        } else if let Some(version) = hexversion.filter(fits) {
            let version = candidate.stated.filter(fits).unwrap_or(version);
            return Ok(python_from(candidate, version, phase, interpreters));
        } else if let Some(version) = candidate.stated.filter(fits) {
            stated = stated.or(Some(python_from(candidate, version, phase, interpreters)));
        } else {
            other = hexversion;
        }
    }
    match (stated, other) {
        (Some(python), _) => Ok(python),
        (None, Some(version)) if rows_for(version.minor_pair()).next().is_none() => {
            Err(UnknownVersion {
                version,
                newest: newest(),
            }
            .into())
        }
        _ if when != Phase::Running => Err(LocateError::NotInitialised {
            pid: process.pid(),
            when,
        }),
        _ => Err(LocateError::UnknownLayout {
            file: name_of(image),
            detail: "sys.hexversion could not be read with any of them".to_owned(),
        }),
    }
}

fn python_from(
    candidate: Candidate,
    version: Version,
    phase: Phase,
    interpreters: Vec<Interpreter>,
) -> Python {
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
        hash_secret: None,
        finalizing: phase == Phase::Ending,
        interpreters,
    }
}

/// Whether `sys.path` is None, the first thing that 2.7 does to its modules when it ends
/// (`PyImport_Cleanup` of `Python/import.c`); it has no other sign that could be found.
fn is_emptied(memory: &(impl ReadMemory + ?Sized), layout: &Layout, sysdict: Address) -> bool {
    let class = || {
        let path = dict::find(memory, layout, sysdict, "path").ok()??;
        let class = layout.header.class.read(memory, path).ok()?;
        let name = layout.class.name.read(memory, class).ok()?;
        memory.read_c_string_at(name, 9).ok()
    };
    layout.python.0 == 2 && class().as_deref() == Some(b"NoneType")
}

/// `sys.hexversion` as memory has it.
fn hexversion(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    sysdict: Address,
    secret: Option<(u64, u64)>,
) -> Option<Version> {
    let value = find_by_hash(memory, layout, sysdict, "hexversion", secret)
        .or_else(|| dict::find(memory, layout, sysdict, "hexversion").ok()?)?;
    let read = if layout.python.0 == 2 {
        int::read_plain
    } else {
        int::read
    };
    let hex = read(memory, layout, value).ok()?.to_i64()?;
    Version::from_hex(u32::try_from(hex).ok()?)
}

/// The value under a name, when the version hashes it as usual; `None` says nothing.
fn find_by_hash(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    at: Address,
    name: &'static str,
    secret: Option<(u64, u64)>,
) -> Option<Address> {
    let mut names = Names::new([name]);
    names.compute_hashes(&TextHash::usual(layout, secret?));
    let found = names.find_in(memory, layout, &[Source::Dict(at)], None, dict::SINGLE);
    found.ok()?.pop()?.ok()?[0]
}

/// The interpreters, main first, as far as they are complete. A live target may make and end some
/// while they are read: what is no longer listed afterwards is left out.
///
/// Versions without `id` count from the oldest, which is the main one: new ones are put before the
/// head of the list.
fn read_interpreters(memory: &impl Target, candidate: &Candidate) -> Vec<Interpreter> {
    let layout = &candidate.row.layout;
    let listed = walk_interpreters(memory, layout, candidate.head);
    let mut interpreters: Vec<Interpreter> = listed
        .into_iter()
        .enumerate()
        .filter_map(|(index, address)| read_interpreter(memory, layout, index, address))
        .collect();
    let members = layout.runtime.zip(candidate.runtime);
    let head = members.map(|(members, runtime)| members.interpreters_head.read(memory, runtime));
    let head = head.and_then(Result::ok).unwrap_or(candidate.head);
    let still = walk_interpreters(memory, layout, head);
    interpreters.retain(|interpreter| still.contains(&interpreter.address));
    interpreters.sort_by_key(|interpreter| interpreter.id);
    interpreters
}

/// One interpreter; `None` when it is not complete (yet, or any more).
fn read_interpreter(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    index: usize,
    address: Address,
) -> Option<Interpreter> {
    let members = &layout.interpreter;
    let id = match members.id {
        Some(field) => field.read(memory, address).ok()?,
        None => index as i64,
    };
    let modules = members.modules.read(memory, address).ok()?;
    let sysdict = members.sysdict.read(memory, address).ok()?;
    let is_complete = id >= 0 && modules.may_be_object() && sysdict.may_be_object();
    is_complete.then_some(Interpreter {
        id,
        address,
        modules,
        sysdict,
    })
}
