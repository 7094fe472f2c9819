//! Programs and libraries that were stripped, deleted, replaced, or never had a name.

use crate::common::interpreter;
use crate::copies::{copy, drop_section_headers};
use crate::oracle::{Answer, Known, command, must, without_map_files};
use std::fs;
use std::path::Path;
use std::process::Command;

fn assert_read_both_ways(known: &Known) -> Answer {
    known.assert_read_by(&mut without_map_files());
    known.assert_read()
}

fn version_of(answer: &Answer) -> &str {
    answer.document["target"]["python"]
        .as_str()
        .expect("a version")
}

#[test]
fn a_program_that_was_deleted_is_read() {
    for name in ["2.7", "3.6", "3.9", "3.13", "3.11-debian"] {
        let Some(copy) = copy(name) else {
            continue;
        };
        let known = Known::launch(copy.command());
        fs::remove_file(&copy.program).expect("deleted");
        if let Some(library) = &copy.library {
            fs::remove_file(library).expect("deleted");
        }
        assert_read_both_ways(&known);
    }
}

/// A package manager renames the new file over the old one: the path leads to another version.
#[test]
fn a_libpython_that_was_replaced_is_read_as_the_one_that_runs() {
    for (name, other) in [
        ("3.9", "3.12"),
        ("2.7", "3.6"),
        ("3.6", "3.11"),
        ("3.13", "3.8"),
    ] {
        let (Some(old), Some(new)) = (copy(name), copy(other)) else {
            continue;
        };
        let known = Known::launch(old.command());
        fs::rename(new.runtime(), old.runtime()).expect("replaced");
        let answer = assert_read_both_ways(&known);
        assert!(version_of(&answer).starts_with(name), "{answer:?}");
    }
}

/// As above, but the old file keeps another name, so that the kernel does not call it deleted.
#[test]
fn a_libpython_that_was_moved_away_and_replaced_is_read_as_the_one_that_runs() {
    let (Some(old), Some(new)) = (copy("3.6"), copy("3.11")) else {
        return;
    };
    let known = Known::launch(old.command());
    fs::rename(old.runtime(), old.folder.path().join("kept")).expect("moved");
    fs::rename(new.runtime(), old.runtime()).expect("replaced");
    let answer = assert_read_both_ways(&known);
    assert!(version_of(&answer).starts_with("3.6"), "{answer:?}");
}

#[test]
fn a_stripped_library_is_read() {
    for name in ["2.7", "3.6", "3.7", "3.10", "3.12"] {
        let Some(copy) = copy(name) else {
            continue;
        };
        must(Command::new("strip").arg(copy.runtime()));
        assert_read_both_ways(&Known::launch(copy.command()));
    }
}

#[test]
fn a_program_without_symbols_or_section_names_is_read() {
    for name in [
        "2.7",
        "3.6",
        "3.11-debian",
        "embed-3.11-static",
        "embed-3.11-static-pie",
    ] {
        let Some(copy) = copy(name) else {
            continue;
        };
        must(Command::new("strip").arg(copy.runtime()));
        drop_section_headers(copy.runtime());
        let answer = assert_read_both_ways(&Known::launch(copy.command()));
        let shared = &answer.document["target"]["build"]["shared_libpython"];
        assert_eq!(*shared, copy.library.is_some(), "{name}");
    }
}

#[test]
fn a_stripped_host_is_read() {
    for name in ["embed-3.11-static", "embed-3.11-static-pie"] {
        if let Some(host) = interpreter(name) {
            Known::start(&host, |_| {}).assert_read();
        }
    }
}

#[test]
fn a_program_that_was_started_through_its_loader_is_read() {
    const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";
    for name in ["2.7", "3.12", "3.11-debian", "embed-3.11-static-pie"] {
        let Some(python) = interpreter(name) else {
            continue;
        };
        let known = Known::launch({
            let mut loader = Command::new(LOADER);
            loader.arg(&python.program);
            loader
        });
        let answer = known.assert_read();
        let shared = &answer.document["target"]["build"]["shared_libpython"];
        assert_eq!(
            *shared,
            python.build == "release" && name != "3.11-debian",
            "{name}"
        );
    }
}

/// The program is a file that never had a path.
#[test]
fn a_program_that_lies_in_memory_only_is_read() {
    let (Some(launcher), Some(python)) = (interpreter("3.12"), interpreter("3.11-debian")) else {
        return;
    };
    let text = "import os, sys\n\
                fd = os.memfd_create('python', 0)\n\
                os.write(fd, open(sys.argv[1], 'rb').read())\n\
                os.execve('/proc/self/fd/%d' % fd, ['python'] + sys.argv[2:], {'PYTHONHOME': '/usr'})";
    let mut exec = Command::new(&launcher.program);
    exec.arg("-c").arg(text).arg(&python.program);
    assert_read_both_ways(&Known::launch(exec));
}

/// A program that maps its own library once more, as data, and in front of the loaded one.
#[test]
fn a_library_that_is_also_mapped_as_data_is_read_where_it_was_loaded() {
    let Some(python) = interpreter("3.9") else {
        return;
    };
    let text = fs::read_to_string(crate::common::program("names.py")).expect("the program");
    let library = crate::copies::library_of(&python).expect("a library");
    let mapped = format!(
        "import mmap\nf = open({library:?}, 'rb')\n\
         kept = [mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) for _ in range(4)]\n{text}"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("mapped.py");
    fs::write(&script, mapped).expect("written");
    let known = Known::launch_file(Command::new(&python.program), &script);
    let maps = fs::read_to_string(format!("/proc/{}/maps", known.pid)).expect("maps");
    let first_pages = |line: &&str| line.contains("libpython") && line.contains(" 00000000 ");
    assert!(maps.lines().filter(first_pages).count() > 1, "{maps}");
    known.assert_read();
}

#[test]
fn a_debugger_that_embeds_python_is_read() {
    if !Path::new("/usr/bin/gdb").exists() {
        println!("gdb is missing: not tested");
        return;
    }
    let text = fs::read_to_string(crate::common::program("names.py")).expect("the program");
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("names.py");
    fs::write(&script, text).expect("written");
    let gdb = command(&["gdb", "-q", "-nx", "-batch", "-x"]);
    let answer = Known::launch_file(gdb, &script).assert_read();
    assert_eq!(answer.document["target"]["build"]["shared_libpython"], true);
}
