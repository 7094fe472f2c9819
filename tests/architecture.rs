//! The floors of the house hold: a file imports its own floor and those below, never above; and
//! what touches a target is confined to the folders named here.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders and files of `src/`, lowest floor first.
const FLOORS: [&str; 14] = [
    "address", "target", "elf", "cpython", "pyobject", "heap", "modules", "plan", "control",
    "inject", "change", "report", "render", "cli",
];

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|&floor| floor == module)
}

/// A source file and the lines of it that are code, not comments.
struct Source {
    path: PathBuf,
    lines: Vec<String>,
}

impl Source {
    fn top_module(&self) -> String {
        let inside = self.path.strip_prefix("src").expect("below src");
        let first = inside.components().next().expect("not empty").as_os_str();
        first.to_string_lossy().trim_end_matches(".rs").to_owned()
    }

    fn places<'s>(
        &'s self,
        is_bad: impl Fn(&str) -> bool + 's,
    ) -> impl Iterator<Item = String> + 's {
        self.lines
            .iter()
            .filter(move |line| is_bad(line))
            .map(|line| format!("{}: {}", self.path.display(), line.trim()))
    }
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            let code = |line: &&str| !line.trim_start().starts_with("//");
            found.push(Source {
                path,
                lines: text.lines().filter(code).map(String::from).collect(),
            });
        }
    }
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    collect(Path::new("src"), &mut found);
    assert!(found.len() > 20, "the sources were not found");
    found
}

/// Top-level modules of this crate that a line names.
fn modules_named(line: &str) -> impl Iterator<Item = &str> {
    line.split("crate::").skip(1).filter_map(|rest| {
        rest.split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()
            .filter(|name| !name.is_empty())
    })
}

fn assert_none(what: &str, broken: impl Iterator<Item = String>) {
    let broken: Vec<String> = broken.collect();
    assert!(broken.is_empty(), "{what}:\n{}", broken.join("\n"));
}

/// Whether a line has `word` where a name begins: `nix::` is not in `unix::`.
fn mentions(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_')
    })
}

/// No line of code outside `allowed` contains one of `words`.
fn assert_confined(words: &[&str], allowed: &[&str]) {
    let sources = sources();
    let outside = sources
        .iter()
        .filter(|source| !allowed.iter().any(|prefix| source.path.starts_with(prefix)));
    let bad = |line: &str| words.iter().any(|word| mentions(line, word));
    assert_none(
        &format!("only allowed in {allowed:?}"),
        outside.flat_map(|s| s.places(bad)),
    );
}

#[test]
fn no_file_imports_a_floor_above_its_own() {
    let sources = sources();
    let broken = sources.iter().flat_map(|source| {
        let own = floor_of(&source.top_module()).unwrap_or(FLOORS.len());
        source.places(move |line| {
            modules_named(line).any(|name| floor_of(name).is_some_and(|other| other > own))
        })
    });
    assert_none("imports from a floor above", broken);
}

#[test]
fn the_control_floor_knows_no_python() {
    let sources = sources();
    let control = sources
        .iter()
        .filter(|source| source.top_module() == "control");
    let python = |line: &str| {
        modules_named(line).any(|name| floor_of(name).is_some_and(|floor| (3..8).contains(&floor)))
    };
    assert_none(
        "control imports a reader of Python",
        control.flat_map(|s| s.places(python)),
    );
}

#[test]
fn every_source_folder_has_a_floor() {
    let sources = sources();
    let strangers = sources
        .iter()
        .map(Source::top_module)
        .filter(|name| floor_of(name).is_none() && name != "lib" && name != "main");
    assert_none("on no floor", strangers);
}

#[test]
fn ptrace_is_used_only_where_a_process_is_stopped_or_changed() {
    assert_confined(
        &["ptrace::", "libc::ptrace", "PTRACE_"],
        &["src/target", "src/control"],
    );
}

#[test]
fn writing_to_a_process_is_confined_to_the_control_floor() {
    assert_confined(
        &["process_vm_writev", "write_at(", "write_all_at("],
        &["src/control"],
    );
}

#[test]
fn nothing_single_steps_or_pokes_into_text() {
    assert_confined(
        &["SINGLESTEP", "ptrace::step", "SINGLEBLOCK", "POKETEXT"],
        &[],
    );
}

#[test]
fn unsafe_code_lies_in_at_most_one_file() {
    let sources = sources();
    let files: Vec<_> = sources
        .iter()
        .filter(|source| {
            source
                .lines
                .iter()
                .any(|line| line.contains("allow(unsafe_code)"))
        })
        .map(|source| source.path.display())
        .collect();
    assert!(files.len() <= 1, "unsafe code in {files:?}");
}

#[test]
fn parts_of_other_crates_stay_in_the_folders_that_use_them() {
    assert_confined(&["nix::"], &["src/target", "src/control"]);
    assert_confined(&["procfs::"], &["src/target"]);
    assert_confined(
        &["goblin::", "gimli::", "object::read", "object::elf"],
        &["src/elf"],
    );
    assert_confined(&["rustix::", "seccompiler::", "notify::"], &["src/target"]);
    assert_confined(&["clap::"], &["src/cli"]);
}
