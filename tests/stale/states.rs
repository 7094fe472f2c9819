//! Modules of all kinds, each edited, moved or taken away while the program runs.

use crate::common::{Interpreter, Target, interpreter, program};
use crate::stale;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const INTERPRETERS: [&str; 5] = ["2.7", "3.8", "3.11", "3.13", "3.14-debian"];

struct Program {
    target: Target,
    folder: PathBuf,
    is_old: bool,
}

impl Program {
    fn start(python: &Interpreter, arguments: &[&str]) -> Program {
        let target = Target::start(python, &program("states.py"), arguments);
        let folder = python.inside(Path::new(&target.printed()[0]));
        let is_old = python.minor() < (3, 0);
        Program {
            target,
            folder,
            is_old,
        }
    }

    /// The one module of this name.
    fn ask(&self, name: &str) -> Value {
        let (_, document) = stale(self.target.pid(), &[name]);
        assert_eq!(document["warnings"], json!([]), "{document}");
        let modules = document["modules"].as_array().expect("a list");
        assert_eq!(modules.len(), 1, "{document}");
        modules[0].clone()
    }

    fn state(&self, name: &str) -> String {
        let module = self.ask(name);
        module["state"].as_str().unwrap_or_default().to_owned()
    }

    fn edit(&self, name: &str, from: &str, to: &str) {
        let path = self.folder.join(name);
        let text = fs::read_to_string(&path).expect("it is there");
        assert!(text.contains(from));
        fs::write(&path, text.replace(from, to)).expect("written");
        // What is as old as the process to a second is not known to be newer.
        let later = SystemTime::now() + Duration::from_secs(5);
        let file = fs::File::options().write(true).open(path).expect("ours");
        file.set_modified(later).expect("ours");
    }
}

fn on_each(test: impl Fn(&Program)) {
    let only = std::env::var("PYUNLOAD_ONLY").ok();
    for name in INTERPRETERS {
        let is_chosen = |only: &String| only.split(',').any(|one| one == name);
        if !only.as_ref().is_none_or(is_chosen) {
            continue;
        }
        if let Some(python) = interpreter(name) {
            println!("{name}");
            test(&Program::start(&python, &[]));
        }
    }
}

#[test]
fn a_file_that_was_moved_along_the_search_path_is_found_and_compared() {
    on_each(|program| {
        let (one, two) = (program.folder.join("one/moved_one.py"), "two/moved_one.py");
        fs::rename(one, program.folder.join(two)).expect("moved");
        let module = program.ask("moved_one");
        assert_eq!(module["state"], "moved", "{module}");
        let detail = module["detail"].as_str().expect("a detail");
        assert!(detail.contains("m/two/moved_one.py"), "{module}");
        assert_eq!(module["changed"], json!([]), "{module}");
        program.edit(two, "19", "16");
        let module = program.ask("moved_one");
        assert_eq!(module["state"], "moved", "{module}");
        assert_eq!(module["changed"][0]["qualname"], "f", "{module}");
        fs::remove_file(program.folder.join("one/gone.py")).expect("removed");
        let module = program.ask("gone");
        assert_eq!(module["state"], "missing", "{module}");
    });
}

#[test]
fn archives_compiled_files_and_packages_without_a_file_are_compared() {
    on_each(|program| {
        for name in ["zipped", "only"] {
            let module = program.ask(name);
            assert_eq!(module["state"], "current", "{module}");
            assert_eq!(module["compared"], 1, "{module}");
        }
        let made = program.ask("made");
        assert_eq!(made["state"], "unknown", "{made}");
        assert!(made["detail"].is_string(), "{made}");
        if !program.is_old {
            assert_eq!(program.state("space"), "current");
            assert_eq!(program.state("space.inner"), "current");
            program.edit("space/inner.py", "19", "16");
            assert_eq!(program.state("space.inner"), "changed");
        }
        // Another archive, and a compiled file of another Python, in their places.
        fs::remove_file(program.folder.join("lib.zip")).expect("removed");
        assert_eq!(program.state("zipped"), "missing");
        let only = program.folder.join("only.pyc");
        let mut bytes = fs::read(&only).expect("it is there");
        bytes[0] ^= 0x55;
        fs::write(&only, bytes).expect("written");
        assert_eq!(program.state("only"), "other_version");
        fs::remove_file(&only).expect("removed");
        assert_eq!(program.state("only"), "missing");
    });
}

#[test]
fn replaced_attributes_are_told_with_who_replaced_them() {
    on_each(|program| {
        let module = program.ask("patched");
        assert_eq!(module["state"], "current", "{module}");
        let expected = json!([
            {"attribute": "K.m", "by": "patcher"},
            {"attribute": "f", "by": "patcher"},
        ]);
        assert_eq!(module["patched"], expected, "{module}");
    });
}

#[test]
fn another_version_of_the_package_is_told_as_such() {
    on_each(|program| {
        assert_eq!(program.state("versioned"), "current");
        program.edit("versioned.py", "1.0", "1.1");
        let module = program.ask("versioned");
        assert_eq!(module["state"], "other_version", "{module}");
        let detail = module["detail"].as_str().expect("a detail");
        assert!(detail.contains("1.1") && detail.contains("1.0"), "{module}");
    });
}

/// `what name` of what is otherwise.
fn changed(module: &Value) -> Vec<String> {
    let changed = module["changed"].as_array().expect("a list").iter();
    let word = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    changed
        .map(|one| format!("{} {}", word(one, "what"), word(one, "qualname")))
        .collect()
}

#[test]
fn edited_constants_are_told_and_state_is_none() {
    on_each(|program| {
        assert_eq!(
            program.state("consts"),
            "current",
            "what the program sets is not edited"
        );
        program.edit("consts.py", "LIMIT = 5", "LIMIT = 6");
        let module = program.ask("consts");
        assert_eq!(module["state"], "changed", "{module}");
        assert_eq!(changed(&module), ["constant LIMIT"], "{module}");
        assert_eq!(module["changed"][0]["line"], 1, "{module}");
        program.edit("consts.py", "(1, 2)", "(1, 3)");
        let module = program.ask("consts");
        let expected = ["constant LIMIT", "constant K.SIZE"];
        assert_eq!(changed(&module), expected, "{module}");
        program.edit("only_consts.py", "5", "6");
        let module = program.ask("only_consts");
        assert_eq!(changed(&module), ["constant LIMIT"], "{module}");
    });
}

#[test]
fn a_file_that_was_touched_is_current_also_where_the_program_set_a_constant() {
    on_each(|program| {
        program.edit("touched.py", "19", "19");
        let module = program.ask("touched");
        assert_eq!(module["state"], "current", "{module}");
        program.edit("touched.py", "19", "16");
        let module = program.ask("touched");
        assert!(changed(&module).contains(&"code f".to_owned()), "{module}");
    });
}

#[test]
fn an_extension_is_compared_by_its_build_id() {
    let Some(python) = interpreter("3.11") else {
        return;
    };
    let real = fs::canonicalize(&python.program).expect("it is there");
    let library = real.parent().and_then(Path::parent).expect("a prefix");
    let library = library.join("lib/python3.11/lib-dynload");
    let at = |name: &str| library.join(format!("{name}.cpython-311-x86_64-linux-gnu.so"));
    let path = at("_statistics");
    let program = Program::start(&python, &[path.to_str().expect("text")]);
    let module = program.ask("_statistics");
    assert_eq!(module["state"], "current", "{module}");
    assert_eq!(module["evidence"], "build_id", "{module}");
    let file = program.folder.join(path.file_name().expect("a name"));
    // Another build takes its place, as an update does it.
    fs::copy(at("_queue"), program.folder.join("new")).expect("copied");
    fs::rename(program.folder.join("new"), &file).expect("renamed");
    let module = program.ask("_statistics");
    assert_eq!(module["state"], "changed", "{module}");
    fs::remove_file(&file).expect("removed");
    assert_eq!(program.state("_statistics"), "missing");
}
