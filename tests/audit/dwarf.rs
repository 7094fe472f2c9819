//! Rows against the debug information of the very binaries.

use crate::interpreters::{self, Interpreter};
use object::{Object, ObjectSymbol};
use pyunload::cpython::audit::{SOURCES, audit, dwarf_answer};
use pyunload::cpython::tables::{Row, rows_for};
use pyunload::elf::dwarf::{DwarfError, Structures};
use std::path::{Path, PathBuf};

/// The file that holds the runtime: the shared library beside the program, or the program.
fn runtime_file(interpreter: &Interpreter) -> PathBuf {
    let program = interpreter.inside(&interpreter.program);
    let library = program
        .parent()
        .and_then(Path::parent)
        .map(|p| p.join("lib"));
    let shared = library
        .and_then(|library| std::fs::read_dir(library).ok())
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("libpython") && name.ends_with(".so.1.0")
        });
    shared.unwrap_or(program)
}

/// The separate debug file of a stripped binary, by its build id.
fn debug_file(interpreter: &Interpreter, elf: &object::File<'_>) -> Option<PathBuf> {
    let id = elf.build_id().ok()??;
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let path = format!("/usr/lib/debug/.build-id/{}/{}.debug", &hex[..2], &hex[2..]);
    let path = interpreter.inside(Path::new(&path));
    path.exists().then_some(path)
}

/// `sizeof(_PyRuntimeState)`, as the symbol says.
fn runtime_size(elf: &object::File<'_>) -> Option<u64> {
    elf.dynamic_symbols()
        .chain(elf.symbols())
        .find(|symbol| symbol.name() == Ok("_PyRuntime"))
        .map(|symbol| symbol.size())
}

fn row(interpreter: &Interpreter, size: Option<u64>) -> &'static Row {
    rows_for(interpreter.minor())
        .find(|row| row.layout.runtime.map(|runtime| runtime.size) == size)
        .unwrap_or_else(|| panic!("{}: no row has size {size:?}", interpreter.name))
}

/// Compares one interpreter with its row; says what is different, and whether there was anything
/// to compare with.
fn compare(interpreter: &Interpreter) -> Result<bool, String> {
    let bytes = std::fs::read(runtime_file(interpreter)).expect("a readable file");
    let elf = object::File::parse(&*bytes).expect("an ELF file");
    let row = row(interpreter, runtime_size(&elf));
    let structures = match Structures::parse(&bytes, SOURCES) {
        Err(DwarfError::Absent) => match debug_file(interpreter, &elf) {
            Some(path) => Structures::parse(&std::fs::read(path).expect("readable"), SOURCES),
            None => return Ok(false),
        },
        parsed => parsed,
    }
    .expect("debug information");
    let audit = audit(&row.layout, |name| dwarf_answer(&structures, name));
    eprintln!(
        "{}: {} values equal row {:?}; not described: {:?}",
        interpreter.name, audit.agree, row.name, audit.unknown
    );
    assert!(
        audit.agree > 45,
        "{}: too little compared",
        interpreter.name
    );
    let differences: Vec<String> = audit.differences.iter().map(ToString::to_string).collect();
    match differences.is_empty() {
        true => Ok(true),
        false => Err(format!("{}: {}", interpreter.name, differences.join("; "))),
    }
}

#[test]
fn every_row_says_what_the_debug_information_of_its_interpreter_says() {
    let mut failures = Vec::new();
    // The embedding hosts are stripped on purpose.
    let unstripped = |interpreter: &Interpreter| interpreter.build != "embed";
    for interpreter in interpreters::all().into_iter().filter(unstripped) {
        match compare(&interpreter) {
            Ok(true) => {}
            Ok(false) if interpreters::are_all_required() => {
                failures.push(format!("{}: no debug information", interpreter.name));
            }
            Ok(false) => eprintln!("{}: no debug information", interpreter.name),
            Err(failure) => failures.push(failure),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
