//! Rows against the memory of running interpreters: the right one passes every self-check, and the
//! rows of other versions do not.

use crate::common::{Interpreter, Target as Running, interpreters, program};
use object::{Object, ObjectSection, ObjectSymbol};
use pyunload::address::Address;
use pyunload::cpython::debug_offsets::{DebugOffsets, DebugOffsetsError};
use pyunload::cpython::layout::Place;
use pyunload::cpython::self_check::{check_list, self_check};
use pyunload::cpython::tables::{ROWS, Row, Signs, Variant, candidates, rows_for};
use pyunload::cpython::version::Version;
use pyunload::target::maps::{MappedFile, Maps};
use pyunload::target::memory::ReadMemoryExt;
use pyunload::target::process::Process;
use std::io::Read;

/// A symbol or section, in memory.
#[derive(Debug, Clone, Copy)]
struct Found {
    address: Address,
    size: u64,
}

/// A running interpreter with its runtime located by the symbols of its files.
struct Target {
    process: Process,
    runtime: Option<Found>,
    interpreter: Address,
    generations: Option<Address>,
    _running: Running,
}

fn target(interpreter: &Interpreter) -> Target {
    let running = Running::start(interpreter, &program("idle.py"), &[]);
    let process = Process::open(running.pid()).expect("it runs");
    let maps = process.maps().expect("its maps can be read");
    let find = |name| find(&process, &maps, name);
    let runtime = find("_PyRuntime");
    let first = match runtime {
        Some(runtime) => {
            let row = rows_for(interpreter.minor()).next().expect("a row");
            let members = row.layout.runtime.expect("a runtime");
            members.interpreters_main.of(runtime.address)
        }
        None => find("interp_head").expect("a static list").address,
    };
    Target {
        interpreter: process.read_at(first).expect("readable"),
        generations: find("generations").map(|found| found.address),
        runtime,
        process,
        _running: running,
    }
}

fn find(process: &Process, maps: &Maps, name: &str) -> Option<Found> {
    let python = |file: &&MappedFile| file.path.to_string_lossy().contains("python");
    maps.files()
        .into_iter()
        .filter(python)
        .find_map(|file| find_in(process, maps, file, name))
}

fn find_in(process: &Process, maps: &Maps, mapped: &MappedFile, name: &str) -> Option<Found> {
    let first = maps.of_file(mapped).next()?;
    let mut bytes = Vec::new();
    process
        .open_mapped(mapped, first)?
        .read_to_end(&mut bytes)
        .ok()?;
    let file = object::File::parse(&*bytes).ok()?;
    let bias = match file.kind() {
        object::ObjectKind::Executable => 0,
        _ => first.range.start.value(),
    };
    let symbol = file
        .dynamic_symbols()
        .chain(file.symbols())
        .find(|symbol| symbol.is_definition() && symbol.name() == Ok(name))
        .map(|symbol| (symbol.address(), symbol.size()));
    let section = || {
        let section = file.section_by_name(".PyRuntime")?;
        (name == "_PyRuntime").then_some((section.address(), section.size()))
    };
    let (address, size) = symbol.or_else(section)?;
    Some(Found {
        address: Address::new(address + bias),
        size,
    })
}

impl Target {
    fn debug_offsets(&self) -> Option<DebugOffsets> {
        match DebugOffsets::read_at(&self.process, self.runtime?.address) {
            Err(DebugOffsetsError::NoCookie) => None,
            offsets => Some(offsets.expect("debug offsets are understood")),
        }
    }

    /// As a locator picks rows: signs, debug offsets over the row, self-checks.
    fn fitting(&self, version: Version) -> Vec<Row> {
        let offsets = self.debug_offsets();
        assert_eq!(offsets.is_some(), version.minor_pair() >= (3, 13));
        let signs = Signs {
            version,
            runtime_size: self.runtime.map(|found| found.size),
            free_threaded: offsets.as_ref().map(|offsets| offsets.free_threaded),
        };
        let rows = candidates(&signs).expect("the version is known");
        rows.into_iter()
            .filter_map(|row| self.checked(row, offsets.as_ref()))
            .collect()
    }

    /// The row as memory corrects it; `None` when it does not fit.
    fn checked(&self, row: Row, offsets: Option<&DebugOffsets>) -> Option<Row> {
        if let Some(offsets) = offsets {
            let stated = offsets.overlay(&row.layout).expect("plausible");
            assert_eq!(stated, row.layout, "the debug offsets differ from the row");
        }
        let runtime = self.runtime.map(|found| found.address);
        match self_check(&self.process, &row.layout, runtime, self.interpreter) {
            Ok(layout) => Some(Row { layout, ..row }),
            Err(mismatch) => {
                eprintln!("    {}: {mismatch}", row.name);
                None
            }
        }
    }

    fn only_fitting(&self, interpreter: &Interpreter) -> Row {
        let mut fitting = self.fitting(version_of(interpreter));
        assert_eq!(fitting.len(), 1, "{}: {fitting:?}", interpreter.name);
        fitting.remove(0)
    }
}

fn version_of(interpreter: &Interpreter) -> Version {
    let (major, minor) = interpreter.minor();
    Version {
        major,
        minor,
        micro: 0,
        level: 0xf,
        serial: 0,
    }
}

/// The interpreters whose runtime has a symbol or section to find it by.
fn named() -> impl Iterator<Item = Interpreter> {
    interpreters()
        .into_iter()
        .filter(|interpreter| interpreter.build != "embed")
}

#[test]
fn exactly_one_row_fits_each_interpreter_and_its_queue_is_proven() {
    for interpreter in named() {
        let target = target(&interpreter);
        let row = target.only_fitting(&interpreter);
        let generations = row.layout.collector.generations.offset();
        eprintln!(
            "{}: {}, generations {generations}",
            interpreter.name, row.name
        );
        assert!(row.layout.pending_proven, "{}", interpreter.name);
        assert_eq!(
            row.variant == Variant::FreeThreaded,
            interpreter.build == "freethreaded"
        );
        if let Some(generations) = target.generations {
            assert_eq!(
                check_list(&target.process, &row.layout, generations),
                Ok(())
            );
        }
    }
}

#[test]
fn the_rows_of_other_versions_fit_no_interpreter() {
    for interpreter in named() {
        let target = target(&interpreter);
        let runtime = target.runtime.map(|found| found.address);
        let others = ROWS
            .iter()
            .filter(|row| row.layout.python != interpreter.minor());
        for row in others {
            let checked = self_check(&target.process, &row.layout, runtime, target.interpreter);
            assert!(
                checked.is_err(),
                "{} passes as {}",
                interpreter.name,
                row.name
            );
        }
    }
}

#[test]
fn the_queue_is_found_where_the_row_has_it_even_if_no_row_has() {
    for interpreter in named().filter(|interpreter| interpreter.minor() >= (3, 13)) {
        let target = target(&interpreter);
        let row = target.only_fitting(&interpreter);
        let mut unknown = row.layout.clone();
        unknown.pending_proven = false;
        unknown.pending.place = Place::Runtime(8);
        let runtime = target.runtime.map(|found| found.address);
        let found = self_check(&target.process, &unknown, runtime, target.interpreter);
        assert_eq!(found, Ok(row.layout), "{}", interpreter.name);
    }
}
