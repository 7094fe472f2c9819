//! Core files of real interpreters, as gdb writes them: they say the same as the process did.

mod common;

use common::{Interpreter, Target, interpreter, is_ci, on_every_interpreter, program};
use pyunload::elf::core_file;
use pyunload::modules::inventory::inventory_of_still;
use pyunload::pyobject::identify;
use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

fn pyunload(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pyunload"));
    command.args(arguments).stdin(Stdio::null());
    command.output().expect("the program starts")
}

fn document(arguments: &[&str]) -> Value {
    let ended = pyunload(arguments);
    let text = String::from_utf8_lossy(&ended.stdout).into_owned();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text} {ended:?}"))
}

/// Whether gdb is here; in CI it must be.
fn has_gdb() -> bool {
    let found = Command::new("gcore")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    assert!(found || !is_ci(), "gcore is missing");
    if !found {
        println!("gcore is missing: not tested");
    }
    found
}

/// A core of `pid`, made by gdb.
fn gcore(pid: i32, folder: &Path) -> PathBuf {
    let prefix = folder.join("core");
    let ended = Command::new("gcore")
        .arg("-o")
        .arg(&prefix)
        .arg(pid.to_string())
        .output()
        .expect("gcore starts");
    let path = folder.join(format!("core.{pid}"));
    assert!(path.exists(), "{ended:?}");
    path
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn parked(interpreter: &Interpreter) -> Target {
    Target::start(interpreter, &program("idle.py"), &[]).at_rest()
}

#[test]
fn a_core_of_gdb_says_the_same_as_the_process() {
    if !has_gdb() {
        return;
    }
    on_every_interpreter(|interpreter| {
        let target = parked(interpreter);
        let folder = folder();
        let live = document(&["modules", &target.pid().to_string(), "--json"]);
        let path = gcore(target.pid(), folder.path());
        let path = path.to_str().expect("text");
        let core = document(&["modules", path, "--json"]);
        let envelope = ["consistency", "stopped_us"].map(|key| core[key].clone());
        if envelope != [Value::from("core"), Value::from(0)] {
            return Err(format!("{core}"));
        }
        if core["target"]["core"] != path || !core["target"]["pid"].is_null() {
            return Err(format!("{}", core["target"]));
        }
        for key in ["python", "build", "interpreters"] {
            if core["target"][key] != live["target"][key] {
                return Err(format!("{key}: {} {}", core["target"], live["target"]));
            }
        }
        match core["modules"] == live["modules"] {
            true => Ok(()),
            false => Err(format!("{} modules differ", interpreter.name)),
        }
    });
}

#[test]
fn a_session_on_a_core_answers_and_changes_nothing() {
    let Some(python) = interpreter("3.11").filter(|_| has_gdb()) else {
        return;
    };
    let target = parked(&python);
    let folder = folder();
    let path = gcore(target.pid(), folder.path());
    let path = path.to_str().expect("text");
    let ended = pyunload(&["attach", path, "-c", "modules sys", "-c", "summary"]);
    let text = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(ended.status.success(), "{ended:?}");
    assert!(text.contains(&format!("core {path}")), "{text}");
    assert!(text.contains("1 thread."), "{text}");
    for command in ["unload sys --yes", "doctor"] {
        let ended = pyunload(&["attach", path, "--json", "-c", command]);
        assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    }
}

/// Replaces every occurrence of `old` by `new`, which is as long, in the last part of a file, where
/// gdb puts the notes.
fn rename_in_notes(path: &Path, old: &str, new: &str) {
    const TAIL: u64 = 256 << 10;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .expect("a core");
    let start = file.metadata().expect("a file").len() - TAIL;
    let mut tail = vec![0; TAIL as usize];
    file.read_exact_at(&mut tail, start).expect("read");
    let places: Vec<usize> = tail
        .windows(old.len())
        .enumerate()
        .filter(|(_, window)| *window == old.as_bytes())
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty(), "{old} is not named");
    for at in places {
        file.write_all_at(new.as_bytes(), start + at as u64)
            .expect("written");
    }
}

#[test]
fn a_library_that_is_missing_is_named_and_can_be_given() {
    let Some(python) = interpreter("3.11").filter(|_| has_gdb()) else {
        return;
    };
    let target = parked(&python);
    let folder = folder();
    let path = gcore(target.pid(), folder.path());
    let text = path.to_str().expect("text");
    let whole = document(&["modules", text, "--json"]);
    let library = "libpython3.11.so.1.0";
    rename_in_notes(&path, library, "libpythoX3.11.so.1.0");
    let missing = pyunload(&["modules", text, "--json"]);
    let said = String::from_utf8_lossy(&missing.stdout).into_owned();
    assert!(said.contains("libpythoX3.11.so.1.0"), "{said}");
    assert!(said.contains("--sysroot"), "{said}");

    let sysroot = folder.path().join("files");
    std::fs::create_dir(&sysroot).expect("a folder");
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", target.pid())).expect("maps");
    let line = maps
        .lines()
        .find(|line| line.ends_with(library))
        .expect("it is mapped");
    let original = &line[line.find('/').expect("a path")..];
    let given = sysroot.join("libpythoX3.11.so.1.0");
    std::fs::copy(original, &given).expect("copied");
    let root = sysroot.to_str().expect("text");
    let found = document(&["modules", text, "--sysroot", root, "--json"]);
    assert_eq!(found["modules"], whole["modules"]);

    // Another build of it: not used.
    let file = OpenOptions::new().write(true).open(&given).expect("a file");
    file.write_all_at(&[0xff; 64], 0x300).expect("written");
    let other = pyunload(&["modules", text, "--sysroot", root, "--json"]);
    let said = String::from_utf8_lossy(&other.stdout).into_owned();
    assert!(said.contains("another file is there"), "{said}");
}

/// A place in a file of `length` bytes; the same ones in every run.
fn places(length: u64) -> impl Iterator<Item = u64> {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    std::iter::from_fn(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Some(state % length)
    })
}

fn look(path: &Path) -> Option<usize> {
    let core = core_file::open(path, None).ok()?;
    let python = identify::find(&core).ok()?.python;
    let inventory = inventory_of_still(&core, &python, python.main()).ok()?;
    Some(inventory.rows.len())
}

/// One bit in a thousand places: a hundred in headers and notes, some where the modules are, the
/// rest anywhere.
#[test]
fn a_flipped_bit_anywhere_does_no_harm() {
    let Some(python) = interpreter("3.11").filter(|_| has_gdb()) else {
        return;
    };
    let target = parked(&python);
    let folder = folder();
    let path = gcore(target.pid(), folder.path());
    let rows = look(&path).expect("it can be read");
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .expect("a core");
    let length = file.metadata().expect("a file").len();
    let headers = places(0x1000).take(100);
    let notes = places(32 << 10).map(|at| length - 1 - at).take(200);
    let objects = object_places(&file, length).into_iter().take(400);
    let anywhere = places(length).take(300);
    let mut understood = 0;
    for (index, at) in headers
        .chain(notes)
        .chain(objects)
        .chain(anywhere)
        .enumerate()
    {
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).expect("read");
        let flipped = byte[0] ^ 1 << (index % 8);
        file.write_all_at(&[flipped], at).expect("written");
        understood += usize::from(look(&path) == Some(rows));
        file.write_all_at(&byte, at).expect("written");
    }
    assert_eq!(look(&path), Some(rows), "everything was put back");
    assert!((300..1000).contains(&understood), "{understood}");
}

/// Places where the words stand that the reader follows: near a text that every table of modules
/// has, spread by the size of a dict entry.
fn object_places(file: &File, length: u64) -> Vec<u64> {
    let mut found = Vec::new();
    let mut block = vec![0; 1 << 20];
    for start in (0..length - block.len() as u64).step_by(block.len()) {
        file.read_exact_at(&mut block, start).expect("read");
        let hits = block
            .windows(18)
            .enumerate()
            .filter(|(_, window)| *window == b"_frozen_importlib\0");
        for (at, _) in hits {
            let near = (0..200).map(|step| (start + at as u64 + step * 24).saturating_sub(2400));
            found.extend(near);
        }
    }
    assert!(found.len() >= 400, "the names of modules are in the core");
    found
}
