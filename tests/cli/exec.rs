//! `exec`: what a prompt would show, how it ends, and that nothing of it stays.

use crate::common::{Interpreter, Target, interpreter, on_every_interpreter, program};
use crate::documents::{check, fields};
use crate::run::{Ended, run, run_with_input};

fn busy(python: &Interpreter, arguments: &[&str]) -> Target {
    Target::start(python, &program("busy.py"), arguments)
}

/// Builds in which no code is run: no GIL, or no symbols of the C API.
fn is_supported(python: &Interpreter) -> bool {
    python.build != "freethreaded" && python.build != "embed"
}

fn exec(target: &Target, code: &str) -> Ended {
    run(&["exec", &target.pid().to_string(), code])
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
        let ended = exec(&target, "x = 6\nprint('h\u{e9}', x)\nx * 7");
        let shown = "h\u{e9} 6\n42\n";
        must(ended.code == 0 && ended.stdout == shown, &ended)?;
        let ended = exec(&target, "x = 1");
        must(ended.code == 0 && ended.stdout.is_empty(), &ended)?;
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
            "  File \"<exec>\", line 4, in <module>",
            "    f()",
            "  File \"<exec>\", line 2, in f",
            "    return [][1]",
            "IndexError: list index out of range",
        ];
        let lines: Vec<&str> = ended.stderr.lines().collect();
        must(ended.code == 1 && ended.stdout == "before\n", &ended)?;
        must(lines == told, &ended)?;
        let ended = exec(&target, "1 +");
        must(ended.code == 1, &ended)?;
        must(ended.stderr.contains("SyntaxError: "), &ended)?;
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

#[test]
fn code_that_does_not_end_in_time_is_said_to_have_started() {
    let Some(python) = interpreter("3.11") else {
        return;
    };
    let target = busy(&python, &[]);
    let pid = target.pid().to_string();
    let code = "import time; time.sleep(2)";
    let ended = run(&["exec", &pid, "--limit", "0.3", code, "--json"]);
    assert_eq!(ended.code, 10, "{ended:?}");
    let document = ended.document();
    check("exec", &document).expect("valid");
    assert_eq!(document["status"], "started");
    assert!(target.finish());
}

/// What of a process code that changes nothing must leave as it was.
const STATE: &str = "import sys, signal, threading
main = sys.modules['__main__'].__dict__
(sorted(sys.modules), sys.path, sorted(main), threading.active_count(), sys.stdout is sys.__stdout__,
 [signal.getsignal(n) for n in range(1, 30)])";

#[test]
fn nothing_of_it_stays() {
    on_every_interpreter(|python| {
        if !is_supported(python) {
            return Ok(());
        }
        let target = busy(python, &["threads"]);
        let pid = target.pid();
        let of_kernel = || {
            let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}"));
            let status = read("status").expect("it lives");
            // SigQ is what is queued for the whole user.
            let names = ["SigPnd", "SigBlk", "SigIgn", "SigCgt", "Threads"];
            let kept = |line: &&str| names.iter().any(|name| line.starts_with(name));
            let status: Vec<String> = status.lines().filter(kept).map(str::to_owned).collect();
            let list = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("it lives");
            let mut files: Vec<String> = list
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .collect();
            files.sort();
            (status, files, read("environ").expect("it lives"))
        };
        let before = of_kernel();
        let first = exec(&target, STATE);
        must(first.code == 0, &first)?;
        for _ in 0..5 {
            let ended = exec(
                &target,
                "def f(n): return n and f(n - 1)\nprint('a'); f(9); 1/0",
            );
            must(ended.code == 1, &ended)?;
        }
        let last = exec(&target, STATE);
        must(first.stdout == last.stdout, &last)?;
        // From 3.14 on the interpreter closes our script only after that has given its answer.
        crate::run::until(
            &format!("{}: {before:?} is all there is", python.name),
            || before == of_kernel(),
        );
        assert!(target.finish(), "the target computed something wrong");
        Ok(())
    });
}
