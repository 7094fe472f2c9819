//! Rows against the debug information of the very binaries.

use crate::common::{self, Interpreter, interpreters};
use object::{Object, ObjectSection, ObjectSymbol};
use pyunload::cpython::audit::{SOURCES, audit, dwarf_answer};
use pyunload::cpython::tables::{Row, rows_for};
use pyunload::elf::dwarf::{DwarfError, Structures};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The file that holds the runtime: the shared library beside the program, or the program.
pub fn runtime_file(interpreter: &Interpreter) -> PathBuf {
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
pub fn debug_file(interpreter: &Interpreter, elf: &object::File<'_>) -> Option<PathBuf> {
    let id = elf.build_id().ok()??;
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let path = format!("/usr/lib/debug/.build-id/{}/{}.debug", &hex[..2], &hex[2..]);
    let path = interpreter.inside(Path::new(&path));
    path.exists().then_some(path)
}

/// `sizeof(_PyRuntimeState)`, as the symbol says.
pub fn runtime_size(elf: &object::File<'_>) -> Option<u64> {
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
    for interpreter in interpreters().into_iter().filter(unstripped) {
        match compare(&interpreter) {
            Ok(true) => {}
            Ok(false) if common::is_ci() => {
                failures.push(format!("{}: no debug information", interpreter.name));
            }
            Ok(false) => eprintln!("{}: no debug information", interpreter.name),
            Err(failure) => failures.push(failure),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A shared library made from C sources by name, with debug information.
fn compile(sources: &[(&str, &str)]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let library = folder.path().join("library.so");
    let mut compiler = Command::new(std::env::var_os("CC").unwrap_or("gcc".into()));
    compiler
        .args(["-g", "-shared", "-fPIC", "-o"])
        .arg(&library);
    for (name, text) in sources {
        let file = folder.path().join(name);
        std::fs::write(&file, text).expect("written");
        compiler.arg(file);
    }
    assert!(compiler.status().expect("a C compiler").success());
    std::fs::read(library).expect("readable")
}

const ONE: &str = "
    struct hidden;
    typedef struct { long head; union { int refcount; long whole; }; struct hidden *link; } Object;
    typedef struct node {
        Object base;
        const struct { char flag; long deep[3]; struct { short x, y; } point; } inside;
        struct node *next;
        struct hidden *hidden;
    } Node;
    Node node;
    struct outer { struct { char c; volatile Node node; } held; } outer;
";
const OTHER: &str = "struct hidden { char first; long second; }; struct hidden hidden;";

#[test]
fn members_are_found_through_typedefs_qualifiers_and_anonymous_structures() {
    let library = compile(&[("one.c", ONE), ("other.c", OTHER)]);
    let structures = Structures::parse(&library, &["one.c"]).expect("debug information");
    let offset = |name, member| structures.offset_of(name, member);
    assert_eq!(structures.size_of("Object"), Some(24));
    assert_eq!(
        structures.size_of("struct node"),
        structures.size_of("Node")
    );
    assert_eq!(offset("Object", "refcount"), Some(8));
    assert_eq!(offset("Node", "base.whole"), Some(8));
    assert_eq!(offset("Node", "inside.point.y"), Some(24 + 32 + 2));
    assert_eq!(offset("struct outer", "held.node.next"), Some(8 + 24 + 40));
    assert_eq!(offset("Node", "inside.absent"), None);
    assert_eq!(offset("Node", "next.next"), None);
    assert_eq!(offset("Absent", "member"), None);
}

#[test]
fn a_structure_is_known_only_from_a_unit_that_was_read() {
    let library = compile(&[("one.c", ONE), ("other.c", OTHER)]);
    let one = Structures::parse(&library, &["one.c"]).expect("debug information");
    assert_eq!(one.offset_of("struct hidden", "second"), None);
    let both = Structures::parse(&library, &["one.c", "other.c"]).expect("debug information");
    assert_eq!(both.offset_of("struct hidden", "second"), Some(8));
}

#[test]
fn damaged_debug_information_is_an_error_or_an_absence_and_no_panic() {
    let library = compile(&[("one.c", ONE)]);
    let elf = object::File::parse(&*library).expect("an ELF file");
    for section in [".debug_info", ".debug_abbrev"] {
        let (start, length) = elf
            .section_by_name(section)
            .and_then(|s| s.file_range())
            .expect("there");
        for position in start..start + length {
            for damage in [0xff, 0x01, 0x80] {
                let mut damaged = library.clone();
                damaged[position as usize] ^= damage;
                if let Ok(structures) = Structures::parse(&damaged, &["one.c"]) {
                    let _ = structures.offset_of("Node", "inside.point.y");
                    let _ = structures.offset_of("struct outer", "held.node.next");
                }
            }
        }
    }
    for end in (0..library.len()).step_by(97) {
        assert!(Structures::parse(&library[..end], &["one.c"]).is_err());
    }
}

#[test]
fn a_file_without_debug_information_says_so() {
    let bytes = std::fs::read("/bin/true").expect("readable");
    assert_eq!(
        Structures::parse(&bytes, SOURCES).err(),
        Some(DwarfError::Absent)
    );
    assert!(matches!(
        Structures::parse(b"#!/bin/sh", SOURCES),
        Err(DwarfError::NotElf(_))
    ));
}
