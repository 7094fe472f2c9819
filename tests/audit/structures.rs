//! What the tables say that C structures own, against the debug information of the interpreters,
//! that of their extension modules included.

use crate::common::{Interpreter, interpreters};
use crate::dwarf::{debug_file, runtime_file, runtime_size};
use pyunload::cpython::audit::named_members;
use pyunload::cpython::layout::Layout;
use pyunload::cpython::tables::{Row, rows_for};
use pyunload::elf::dwarf::Structures;
use std::path::{Path, PathBuf};

/// The source files that define the structures.
const SOURCES: &[&str] = &[
    "funcobject.c",
    "cellobject.c",
    "methodobject.c",
    "classobject.c",
    "descrobject.c",
    "enumobject.c",
    "sliceobject.c",
    "rangeobject.c",
    "traceback.c",
    "typeobject.c",
    "listobject.c",
    "tupleobject.c",
    "setobject.c",
    "dictobject.c",
    "odictobject.c",
    "iterobject.c",
    "unicodeobject.c",
    "bytesobject.c",
    "bytearrayobject.c",
    "codeobject.c",
    "genobject.c",
    "context.c",
    "hamt.c",
    "memoryobject.c",
    "exceptions.c",
    "genericaliasobject.c",
    "unionobject.c",
    "namespaceobject.c",
    "bltinmodule.c",
    "frameobject.c",
    "typevarobject.c",
    "weakrefobject.c",
    "picklebufobject.c",
    "fileobject.c",
    "capsule.c",
    "templateobject.c",
    "interpolationobject.c",
    "lazyimportobject.c",
    "sentinelobject.c",
    "_functoolsmodule.c",
    "_collectionsmodule.c",
    "itertoolsmodule.c",
    "_operator.c",
    "operator.c",
    "_queuemodule.c",
    "_threadmodule.c",
    "threadmodule.c",
    "stringio.c",
    "textio.c",
    "bytesio.c",
    "bufferedio.c",
    "fileio.c",
    "iobase.c",
    "_sre.c",
    "sre.c",
    "_elementtree.c",
    "_json.c",
    "_asynciomodule.c",
    "_datetimemodule.c",
    "_ctypes.c",
    "callproc.c",
    "callbacks.c",
    "cfield.c",
    "stgdict.c",
    "arraymodule.c",
    "_csv.c",
    "_struct.c",
    "_abc.c",
    "posixmodule.c",
    "Python-ast.c",
];

/// Extension modules that are files of their own, where they are.
const EXTENSIONS: [&str; 16] = [
    "_queue",
    "_ctypes",
    "_asyncio",
    "_elementtree",
    "_csv",
    "_struct",
    "_datetime",
    "_json",
    "array",
    "itertools",
    "_collections",
    "_functools",
    "operator",
    "_io",
    "datetime",
    "_pickle",
];

/// The debug information of a file, in itself or beside.
fn described(interpreter: &Interpreter, path: &Path) -> Option<Structures> {
    let bytes = std::fs::read(path).ok()?;
    if let Ok(structures) = Structures::parse(&bytes, SOURCES) {
        return Some(structures);
    }
    let elf = object::File::parse(&*bytes).ok()?;
    let beside = debug_file(interpreter, &elf)?;
    Structures::parse(&std::fs::read(beside).ok()?, SOURCES).ok()
}

/// The files of extension modules.
fn extensions(interpreter: &Interpreter) -> Vec<PathBuf> {
    let (major, minor) = interpreter.minor();
    let program = interpreter.inside(&interpreter.program);
    let folder = program
        .parent()
        .and_then(Path::parent)
        .map(|prefix| prefix.join(format!("lib/python{major}.{minor}/lib-dynload")));
    let is_debug = interpreter.build == "debug";
    let entries = folder.and_then(|folder| std::fs::read_dir(folder).ok());
    let files = entries.into_iter().flatten().filter_map(Result::ok);
    files
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let module = name.split('.').next().unwrap_or_default();
            let tag = format!("{major}{minor}d-");
            EXTENSIONS.contains(&module) && name.contains(&tag) == is_debug
        })
        .collect()
}

/// The row whose runtime has this size.
fn row(interpreter: &Interpreter, size: Option<u64>) -> Option<&'static Row> {
    rows_for(interpreter.minor()).find(|row| row.layout.runtime.map(|runtime| runtime.size) == size)
}

/// How many members agree, and what is different.
fn compare(layout: &Layout, witnesses: &[Structures]) -> (usize, Vec<String>) {
    let mut agree = 0;
    let mut differences = Vec::new();
    for (structure, member, table) in named_members(&layout.heap) {
        let said: Vec<u64> = witnesses
            .iter()
            .filter_map(|witness| witness.offset_of(structure, member))
            .collect();
        if said.contains(&table) {
            agree += 1;
        } else if !said.is_empty() {
            differences.push(format!(
                "{structure}.{member}: table {table}, witness {said:?}"
            ));
        }
    }
    (agree, differences)
}

#[test]
fn what_structures_own_is_where_the_debug_information_has_it() {
    let mut failures = Vec::new();
    for interpreter in interpreters() {
        if interpreter.build == "embed" {
            continue;
        }
        let file = runtime_file(&interpreter);
        let bytes = std::fs::read(&file).expect("a readable file");
        let elf = object::File::parse(&*bytes).expect("an ELF file");
        let Some(row) = row(&interpreter, runtime_size(&elf)) else {
            failures.push(format!("{}: no row", interpreter.name));
            continue;
        };
        let Some(main) = described(&interpreter, &file) else {
            continue;
        };
        let mut witnesses = vec![main];
        let more = extensions(&interpreter);
        witnesses.extend(more.iter().filter_map(|path| described(&interpreter, path)));
        let (agree, differences) = compare(&row.layout, &witnesses);
        eprintln!("{}: {agree} members agree", interpreter.name);
        assert!(agree > 150, "{}: only {agree} compared", interpreter.name);
        failures.extend(
            differences
                .into_iter()
                .map(|difference| format!("{}: {difference}", interpreter.name)),
        );
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
