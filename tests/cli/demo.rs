//! `demo` shows everything on a program of its own and leaves nothing behind.

use crate::common::interpreter;
use crate::run::run;

#[test]
fn the_demo_shows_every_step_and_ends_its_program() {
    for name in ["3.8", "3.11", "3.13"] {
        let Some(python) = interpreter(name) else {
            continue;
        };
        let program = python.program.to_str().expect("a path");
        let ended = run(&["demo", "--python", program]);
        assert_eq!(ended.code, 0, "{name}: {ended:?}");
        for piece in [
            "CPython 3.",
            "\nshop_plugins.legacy\tsource\t",
            "\ngone: shop_plugins.legacy",
        ] {
            assert!(ended.stdout.contains(piece), "{piece}: {}", ended.stdout);
        }
        let first = ended.stdout.lines().next().expect("a line");
        let pid = first
            .split_whitespace()
            .find_map(|word| word.trim_end_matches('.').parse::<u32>().ok());
        let pid = pid.unwrap_or_else(|| panic!("no pid in {first}"));
        let left = std::fs::read_to_string(format!("/proc/{pid}/environ")).unwrap_or_default();
        assert!(!left.contains("SHOP="), "{name}: process {pid} is left");
    }
}

#[test]
fn the_demo_speaks_json_too() {
    let Some(python) = interpreter("3.11") else {
        return;
    };
    let program = python.program.to_str().expect("a path");
    let ended = run(&["demo", "--json", "--python", program]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let schemas: Vec<String> = ended
        .documents()
        .iter()
        .map(|document| document["schema"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(
        schemas,
        [
            "pyunload.attach/1",
            "pyunload.modules/1",
            "pyunload.unload/1",
            "pyunload.modules/1"
        ]
    );
}

#[test]
fn without_a_python_the_demo_says_how_to_give_one() {
    let ended = run(&["demo", "--python", "/nonexistent/python3"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
    assert!(ended.stderr.contains("no Python found"), "{}", ended.stderr);
    assert!(ended.stderr.contains("--python"), "{}", ended.stderr);
}

#[test]
fn a_program_that_is_no_python_ends_the_demo() {
    let ended = run(&["demo", "--python", "/bin/true"]);
    assert_eq!(ended.code, 5, "{ended:?}");
}
