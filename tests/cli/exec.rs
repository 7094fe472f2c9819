//! `exec`: what a prompt would show, and how it ends.

use crate::common::{Interpreter, Target, interpreter, on_every_interpreter, program};
use crate::documents::{check, fields};
use crate::run::{Ended, run, run_with_input};
use std::process::Command;

fn busy(python: &Interpreter, arguments: &[&str]) -> Target {
    Target::start(python, &program("busy.py"), arguments)
}

/// Builds in which no code is run: no GIL, or no symbols of the C API.
pub fn is_supported(python: &Interpreter) -> bool {
    python.build != "freethreaded" && python.build != "embed"
}

/// With stops as long as they take on a machine that does much else.
fn exec(target: &Target, code: &str) -> Ended {
    let pid = target.pid().to_string();
    run(&["exec", &pid, code, "--max-stop", "2000"])
}

fn must(condition: bool, what: &Ended) -> Result<(), String> {
    if condition {
        Ok(())
    } else {
        Err(format!("{what:?}"))
    }
}

#[test]
fn it_shows_what_is_printed_and_the_value_at_the_end() {
    on_every_interpreter(|python| {
        if !is_supported(python) {
            return Ok(());
        }
        let target = busy(python, &[]);
        // Letters of one to four bytes, and what ends a literal.
        let code = "x = 6\nprint('h\u{e9}\u{20ac}\u{1f600}\\'\\\\', x)\nx * 7";
        let ended = exec(&target, code);
        let shown = "h\u{e9}\u{20ac}\u{1f600}'\\ 6\n42\n";
        must(ended.code == 0 && ended.stdout == shown, &ended)?;
        // Whether there is an expression at the end, and where it begins, is for the parser of this version to say.
        let values = [
            ("x = 1", ""),
            ("x = 1; x + 1", "2\n"),
            ("if True: x = 1; 2", ""),
            ("3 # x; 4", "3\n"),
            ("(5,\n 6)", "(5, 6)\n"),
            ("if True:\n  7", ""),
            ("x = (8,\n9)\nx", "(8, 9)\n"),
            ("\n\nx = 9\nx; x + 1\n\n", "10\n"),
            ("x = str\nx\\\n(1)", "'1'\n"),
            // What tells it has run nothing, and it is run where a line of a prompt is.
            ("import sys\nsys.n = getattr(sys, 'n', 0) + 1\nsys.n", "1\n"),
            ("x = 1\nlocals() is globals()", "True\n"),
        ];
        for (code, value) in values {
            let ended = exec(&target, code);
            must(ended.code == 0 && ended.stdout == value, &ended)?;
        }
        assert!(target.finish(), "the target computed something wrong");
        Ok(())
    });
}

#[test]
fn an_exception_is_told_with_its_place_and_ends_with_1() {
    on_every_interpreter(|python| {
        if !is_supported(python) {
            return Ok(());
        }
        let target = busy(python, &[]);
        let ended = exec(&target, "def f():\n    return [][1]\nprint('before')\nf()");
        let told = [
            "Traceback (most recent call last):",
            "  File \"<string>\", line 4, in <module>",
            "    f()",
            "  File \"<string>\", line 2, in f",
            "    return [][1]",
            "IndexError: list index out of range",
        ];
        let lines: Vec<&str> = ended.stderr.lines().collect();
        must(ended.code == 1 && ended.stdout == "before\n", &ended)?;
        must(lines == told, &ended)?;
        // As at a prompt: nothing of ours, and no second error that it came from.
        for code in ["1 +", "a b; c", "a = 1\nb c"] {
            let ended = exec(&target, code);
            let lines: Vec<&str> = ended.stderr.lines().collect();
            let (first, last) = (lines.first(), lines.last());
            must(ended.code == 1 && (3..=4).contains(&lines.len()), &ended)?;
            must(
                first.is_some_and(|line| line.starts_with("  File \"<string>\", line ")),
                &ended,
            )?;
            must(
                last.is_some_and(|line| line.starts_with("SyntaxError: ")),
                &ended,
            )?;
        }
        let ended = exec(&target, "raise SystemExit(3)");
        must(ended.code == 1, &ended)?;
        assert!(target.finish(), "the target ended by it");
        Ok(())
    });
}

#[test]
fn its_document_is_what_the_schema_says() {
    let Some(python) = interpreter("3.11") else {
        return;
    };
    let target = busy(&python, &[]);
    let pid = target.pid().to_string();
    let document = run(&["exec", &pid, "print(1); 'a'", "--json"]).document();
    check("exec", &document).expect("valid");
    let body = ["injection", "status", "value", "stdout", "exception"];
    assert_eq!(fields(&document)[5..10], body);
    assert_eq!(document["schema"], "pyunload.exec/1");
    assert_eq!(document["status"], "ok");
    assert_eq!(document["value"], "'a'");
    assert_eq!(document["stdout"], "1\n");
    assert_eq!(document["injection"]["route"], "pending_call");
    let raised = run(&["exec", &pid, "{}['k']", "--json"]).document();
    check("exec", &raised).expect("valid");
    assert_eq!(raised["status"], "raised");
    assert_eq!(raised["exception"]["type"], "KeyError");
    assert_eq!(raised["exception"]["message"], "'k'");
}

#[test]
fn long_output_is_cut_and_said_to_be() {
    let Some(python) = interpreter("3.13") else {
        return;
    };
    let target = busy(&python, &[]);
    let pid = target.pid().to_string();
    let code = "print('x' * 300000); 'y' * 300000";
    let document = run(&["exec", &pid, code, "--json"]).document();
    assert_eq!(
        document["truncated"],
        serde_json::json!(["stdout", "value"])
    );
    assert_eq!(document["stdout"].as_str().map(str::len), Some(200 << 10));
    assert_eq!(document["warnings"].as_array().map(Vec::len), Some(1));
}

#[test]
fn code_comes_from_a_file_standard_input_and_a_session_too() {
    let Some(python) = interpreter("3.11") else {
        return;
    };
    let target = busy(&python, &[]);
    let pid = target.pid().to_string();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "1 + 1\n").expect("written");
    let path = file.path().to_string_lossy();
    assert_eq!(run(&["exec", &pid, "--file", &path]).stdout, "2\n");
    let ended = run_with_input(&["exec", &pid, "--file", "-"], "2 + 2");
    assert_eq!(ended.stdout, "4\n", "{ended:?}");
    let ended = run_with_input(&["attach", &pid], "exec {'a b': 3}['a b']\n");
    assert!(ended.stdout.ends_with("3\n"), "{ended:?}");
    assert_eq!(run(&["exec", &pid]).code, 2);
}

/// Runs code of which the end is not seen within `limit` seconds; what is said of it.
fn why_started(pid: &str, limit: &str, code: &str) -> String {
    let ended = run(&["exec", pid, "--limit", limit, code, "--json"]);
    assert_eq!(ended.code, 10, "{ended:?}");
    let document = ended.document();
    check("exec", &document).expect("valid");
    assert_eq!(document["status"], "started");
    document["warnings"][0].as_str().expect("a text").to_owned()
}

#[test]
fn code_that_does_not_end_in_time_is_said_to_have_started() {
    for name in ["3.11", "3.14-debian"] {
        let Some(python) = interpreter(name) else {
            continue;
        };
        let target = busy(&python, &[]);
        let pid = target.pid().to_string();
        let why = why_started(&pid, "2", "import time; time.sleep(6)");
        assert!(why.contains("the code began to run"), "{name}: {why}");
        assert!(target.finish());
    }
}

/// A target, and the file that its standard error goes into.
fn start_with_errors(
    python: &Interpreter,
    name: &str,
    arguments: &[&str],
) -> (Target, tempfile::NamedTempFile) {
    let errors = tempfile::NamedTempFile::new().expect("a file");
    let file = errors.reopen().expect("the same file");
    let to_file = |command: &mut Command| {
        command.stderr(file);
    };
    let target = Target::start_with(python, &program(name), arguments, to_file);
    (target, errors)
}

#[test]
fn an_answer_for_which_nobody_waits_any_more_is_dropped_without_a_word() {
    const LONG: &str = "import sys, time; time.sleep(2); sys.over = 1";
    for name in ["3.14-debian", "3.15-debian"] {
        let Some(python) = interpreter(name) else {
            continue;
        };
        let (target, errors) = start_with_errors(&python, "busy.py", &[]);
        let pid = target.pid().to_string();
        let why = why_started(&pid, "1", LONG);
        assert!(why.contains("the code began to run"), "{name}: {why}");
        std::thread::sleep(std::time::Duration::from_secs(3));
        let ended = run(&["exec", &pid, "__import__('sys').over"]);
        assert_eq!(ended.stdout, "1\n", "{name}: {ended:?}");
        assert!(target.finish(), "{name}");
        let told = std::fs::read_to_string(errors.path()).expect("text");
        assert_eq!(told, "", "{name}");
    }
}

/// What stands before the script of the remote debugging interface, for an answer in `place`.
fn constants(place: &std::path::Path, (device, inode): (u64, u64)) -> String {
    format!(
        "import os\nPID = os.getpid()\nPLACE = {place:?}\nFILE = ({device}, {inode})\nROOM = 100\n\
         SOURCE = 'result = b\"done\"'\n"
    )
}

#[test]
fn a_file_that_only_has_the_name_of_the_answer_is_left_alone() {
    use std::os::unix::fs::MetadataExt;
    const SCRIPT: &str = include_str!("../../src/inject/payload/remote.py");
    let Some(python) = interpreter("3.11") else {
        return;
    };
    let file = tempfile::NamedTempFile::new().expect("a file");
    let own = std::fs::metadata(file.path()).expect("there");
    let length_after = |identity: (u64, u64)| {
        let script = constants(file.path(), identity) + SCRIPT;
        let ended = Command::new(&python.program).args(["-c", &script]).output();
        let ended = ended.expect("python runs");
        assert!(
            ended.status.success() && ended.stderr.is_empty(),
            "{ended:?}"
        );
        std::fs::metadata(file.path()).expect("there").len()
    };
    assert_eq!(length_after((own.dev(), own.ino() + 1)), 0);
    assert_eq!(length_after((own.dev(), own.ino())), 64 + 4);
}

#[test]
fn code_that_an_audit_hook_stopped_is_said_to_have_been_taken_not_to_have_begun() {
    for name in ["3.14-debian", "3.15-debian"] {
        let Some(python) = interpreter(name) else {
            continue;
        };
        let (target, errors) = start_with_errors(&python, "soak.py", &["audited"]);
        let pid = target.pid().to_string();
        let code = "__import__('os').write(2, b'it ran')";
        let why = why_started(&pid, "5", code);
        assert!(why.contains("none of it was seen to run"), "{name}: {why}");
        assert!(why.contains("an audit hook"), "{name}: {why}");
        let told = std::fs::read_to_string(errors.path()).expect("text");
        assert_eq!(told.matches("the hook of the program").count(), 2, "{told}");
        assert!(!told.contains("it ran"), "{name}: {told}");
    }
}

#[test]
fn a_sub_interpreter_is_reached_where_a_thread_executes_it_and_refused_where_none_does() {
    const WHERE: &str = "__import__('_interpreters').get_current()[0]";
    for name in ["3.14-debian", "3.15-debian"] {
        let Some(python) = interpreter(name) else {
            continue;
        };
        let target = Target::start(&python, &program("subinterpreters.py"), &[]);
        let pid = target.pid().to_string();
        let numbers: Vec<&str> = target.printed().iter().map(String::as_str).collect();
        let [running, idle] = numbers[..] else {
            panic!("{numbers:?}")
        };
        for _ in 0..5 {
            let ended = run(&["exec", &pid, "--interpreter", running, WHERE]);
            assert_eq!(ended.stdout, format!("{running}\n"), "{name}: {ended:?}");
        }
        let main = run(&["exec", &pid, WHERE]);
        assert_eq!(main.stdout, "0\n", "{name}: {main:?}");
        let ended = run(&["exec", &pid, "--interpreter", idle, WHERE]);
        assert_eq!(ended.code, 6, "{name}: {ended:?}");
        assert!(ended.stderr.contains("no thread executes"), "{ended:?}");
        assert!(target.finish(), "{name}");
    }
    let Some(python) = interpreter("3.13") else {
        return;
    };
    let target = Target::start(&python, &program("subinterpreters.py"), &[]);
    let pid = target.pid().to_string();
    let ended = run(&["exec", &pid, "--interpreter", "1", "1"]);
    assert_eq!(ended.code, 6, "{ended:?}");
    assert!(ended.stderr.contains("main interpreter only"), "{ended:?}");
}
