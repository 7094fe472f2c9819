//! Rows against the headers that came with each interpreter, asked through the C compiler.

use crate::common::{Interpreter, interpreters};
use pyunload::cpython::audit::{Answer, Audit, audit};
use pyunload::cpython::tables::{Row, Variant, rows_for};
use std::collections::HashMap;
use std::process::Command;

/// What the headers say, by name.
struct Headers(HashMap<String, i64>);

impl Headers {
    fn ask(interpreter: &Interpreter, macros: &[&str]) -> Self {
        let output = Command::new("scripts/offsets/offsets")
            .arg(&interpreter.name)
            .args(macros)
            .output()
            .expect("scripts/offsets/offsets runs");
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(
            output.status.success(),
            "{}: {}",
            interpreter.name,
            String::from_utf8_lossy(&output.stderr)
        );
        let pair = |line: &str| {
            let (name, value) = line.split_once(' ').expect("two words");
            (name.to_owned(), value.parse().expect("a number"))
        };
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Headers(lines.map(pair).collect())
    }

    fn answer(&self, name: &str) -> Answer {
        match self.0.get(name) {
            None => panic!("scripts/offsets/fields.txt does not know {name}"),
            Some(&value) => u64::try_from(value).map_or(Answer::Absent, Answer::Is),
        }
    }

    fn audit(&self, row: &Row) -> Audit {
        audit(&row.layout, |name| self.answer(name))
    }

    /// The row of this kind of build whose runtime has the size the headers give it.
    fn row(&self, minor: (u8, u8), variant: Variant) -> Option<&'static Row> {
        let size = self.answer("runtime.size");
        rows_for(minor).find(|row| {
            let stated = match row.layout.runtime {
                Some(runtime) => Answer::Is(runtime.size),
                None => Answer::Absent,
            };
            row.variant == variant && stated == size
        })
    }
}

fn variant_of(interpreter: &Interpreter) -> Variant {
    match interpreter.build.as_str() {
        "debug" if interpreter.minor() >= (3, 12) => Variant::Debug,
        "freethreaded" => Variant::FreeThreaded,
        _ => Variant::Default,
    }
}

/// Compares one build's headers with its row; says what is different.
fn compare(interpreter: &Interpreter, macros: &[&str], variant: Variant) -> Result<(), String> {
    let headers = Headers::ask(interpreter, macros);
    let build = format!("{} {}", interpreter.name, macros.join(" "));
    let Some(row) = headers.row(interpreter.minor(), variant) else {
        return Err(format!(
            "{build}: no {variant:?} row has runtime.size {:?}",
            headers.answer("runtime.size")
        ));
    };
    let audit = headers.audit(row);
    assert!(audit.agree > 40, "{build}: only {} compared", audit.agree);
    assert_eq!(audit.unknown, Vec::<&str>::new());
    eprintln!("{build}: {} values equal row {:?}", audit.agree, row.name);
    let differences: Vec<String> = audit.differences.iter().map(ToString::to_string).collect();
    match differences.is_empty() {
        true => Ok(()),
        false => Err(format!("{build}: {}", differences.join("; "))),
    }
}

fn compare_all(builds: impl Iterator<Item = (Interpreter, Vec<&'static str>, Variant)>) {
    let failures: Vec<String> = builds
        .filter_map(|(interpreter, macros, variant)| compare(&interpreter, &macros, variant).err())
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn with_headers() -> impl Iterator<Item = Interpreter> {
    interpreters()
        .into_iter()
        .filter(|interpreter| interpreter.build != "embed")
}

#[test]
fn every_row_says_what_the_headers_of_its_interpreter_say() {
    compare_all(with_headers().map(|interpreter| {
        let variant = variant_of(&interpreter);
        (interpreter, vec![], variant)
    }));
}

#[test]
fn rows_with_trace_refs_say_what_the_headers_say_with_that_macro() {
    let builds = with_headers()
        .filter(|interpreter| interpreter.minor() <= (3, 12) && interpreter.build == "release");
    compare_all(
        builds.map(|interpreter| (interpreter, vec!["-DPy_TRACE_REFS=1"], Variant::TraceRefs)),
    );
}

#[test]
fn free_threaded_rows_say_what_the_headers_say_with_that_macro() {
    let builds = with_headers()
        .filter(|interpreter| interpreter.minor() >= (3, 14) && interpreter.build == "release");
    compare_all(builds.map(|interpreter| {
        (
            interpreter,
            vec!["-DPy_GIL_DISABLED=1"],
            Variant::FreeThreaded,
        )
    }));
}

#[test]
fn rows_without_perf_trampoline_say_what_the_headers_say_without_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let header = folder.path().join("first.h");
    let text = "#include \"pyconfig.h\"\n#undef PY_HAVE_PERF_TRAMPOLINE\n";
    std::fs::write(&header, text).expect("written");
    let header = header.to_str().expect("text");
    let differences: Vec<String> = with_headers()
        .filter(|interpreter| interpreter.name == "3.12" || interpreter.name == "3.13-debian")
        .filter_map(|interpreter| {
            compare(&interpreter, &["-include", header], Variant::Default).err()
        })
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
