//! What the five documents describe from which this tool began, in one run. The transcript is
//! docs/ORIGINS.md: `PYUNLOAD_TRANSCRIPT=1` writes it anew.

use crate::common::{Target, interpreter, program};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is written about a run, and the process it is about.
struct Run {
    target: Target,
    folder: PathBuf,
    /// The folder of the standard library's folder.
    library: String,
    text: String,
}

/// How long something took is another time each time, and on a busy machine says nothing.
fn without_times(said: &str) -> String {
    let lines = said
        .lines()
        .map(|line| match line.split_once("; threads held") {
            Some((head, _)) => head,
            None => line,
        });
    let kept =
        lines.filter(|line| !line.trim_start().starts_with("for ") || !line.ends_with(" ms"));
    kept.map(|line| format!("{line}\n")).collect()
}

impl Run {
    fn chapter(&mut self, title: &str, prose: &str) {
        self.text += &format!("\n## {title}\n\n{prose}\n");
    }

    /// Runs a command and notes what it said. The words are those behind the pid.
    fn ask(&mut self, command: &str, words: &[&str], exit: i32) -> String {
        let pid = self.target.pid().to_string();
        let slow: &[&str] = match command {
            "exec" | "reload" | "unload" => &["--limit", "60", "--max-stop", "5000"],
            "stale" => &[],
            _ => &["--max-stop", "5000"],
        };
        let output = Command::new(env!("CARGO_BIN_EXE_pyunload"))
            .args([command, &pid])
            .args(words)
            .args(slow)
            .output()
            .expect("the tool runs");
        let said = [&output.stdout[..], &output.stderr[..]].concat();
        let said = String::from_utf8(said).expect("text");
        assert_eq!(
            output.status.code(),
            Some(exit),
            "{command} {words:?}: {said}"
        );
        let shown = |word: &&str| match word.contains(|c: char| " ;()'".contains(c)) {
            true => format!("\"{word}\""),
            false => (*word).to_owned(),
        };
        let line: Vec<String> = words.iter().map(shown).collect();
        let folder = self.folder.to_str().expect("text");
        let plain = said.replace(folder, "/srv/app").replace(&pid, "4242");
        let plain = without_times(&plain.replace(&self.library, "/usr/lib"));
        self.text += &format!(
            "\n```\n$ pyunload {command} 4242 {}\n{plain}",
            line.join(" ")
        );
        if exit != 0 {
            self.text += &format!("(exit code {exit})\n");
        }
        self.text += "```\n";
        said
    }

    /// Runs Python in the process: its value.
    fn exec(&mut self, code: &str) -> String {
        self.ask("exec", &[code], 0).trim().to_owned()
    }

    fn edit(&mut self, name: &str, from: &str, to: &str) {
        let path = self.folder.join(name);
        let text = fs::read_to_string(&path).expect("it is there");
        assert!(text.contains(from), "{text}");
        fs::write(path, text.replace(from, to)).expect("written");
        self.text += &format!("\n`{name}` is edited: `{to}` instead of `{from}`.\n");
    }

    /// Requests served so far; none of them may have failed.
    fn served(&mut self) -> u64 {
        self.target.send("errors");
        let line = self.target.line();
        let (count, raised) = line.split_once(' ').expect("two words");
        assert_eq!(raised, "[]");
        count.parse().expect("a number")
    }
}

#[test]
fn the_five_behaviours_this_tool_began_from() {
    let Some(python) = interpreter("3.11") else {
        return;
    };
    let target = Target::start(&python, &program("origins.py"), &[]);
    let folder = PathBuf::from(&target.printed()[0]);
    let program = fs::canonicalize(&python.program).expect("it is there");
    let library = program.parent().and_then(Path::parent).expect("a prefix");
    let mut run = Run {
        target,
        folder,
        library: format!("{}", library.join("lib").display()),
        text: HEAD.to_owned(),
    };
    imported_anew(&mut run);
    both_ways(&mut run);
    reload_that_fails(&mut run);
    counts_explained(&mut run);
    one_stale_member(&mut run);
    if std::env::var_os("PYUNLOAD_TRANSCRIPT").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ORIGINS.md");
        fs::write(path, &run.text).expect("our folder");
    }
}

const HEAD: &str = "# Five behaviours, in one run\n\n\
    What the documents describe from which this tool began, done to one process that goes on serving requests in four\n\
    threads. Made by `tests/reload/origins.rs`, on CPython 3.11; the pid and the folder are put in afterwards.\n";

const ANSWER: &str = "import edited; edited.answer()";

fn imported_anew(run: &mut Run) {
    run.chapter(
        "An edited module, imported anew",
        "To edit a module and to import it again changes nothing: its key is in `sys.modules`. Without the key, and\n\
         without whatever else holds it, the next import runs the new source.",
    );
    assert_eq!(run.exec(ANSWER), "1");
    run.edit("edited.py", "return 1", "return 2");
    assert_eq!(run.exec(ANSWER), "1");
    run.ask("stale", &["edited"], 0);
    let said = run.ask("unload", &["edited", "--yes"], 0);
    assert!(said.starts_with("gone"), "{said}");
    assert_eq!(run.exec(ANSWER), "2");
}

const BOTH: &str = "import bar; bar.both()";

fn both_ways(run: &mut Run) {
    run.chapter(
        "Two modules, and two ways",
        "`bar` has both `import foo` and `from foo import answer`. A reload reaches both. To delete the key and import\n\
         again renews only who imports: `bar` stays with the old module, which is a ghost from then on.",
    );
    assert_eq!(run.exec(BOTH), "(1, 1)");
    run.edit("foo.py", "return 1", "return 2");
    let said = run.ask("reload", &["foo", "--yes"], 0);
    assert!(said.starts_with("reloaded"), "{said}");
    assert_eq!(run.exec(BOTH), "(2, 2)");
    run.edit("foo.py", "return 2", "return 3");
    let code = "import sys; del sys.modules['foo']; import foo, bar; (foo.answer(), bar.both())";
    assert_eq!(run.exec(code), "(3, (2, 2))");
    let said = run.ask("ghosts", &["foo"], 0);
    assert!(said.contains("foo") && said.contains("bar"), "{said}");
}

fn reload_that_fails(run: &mut Run) {
    run.chapter(
        "A reload that has to fail",
        "`importlib.reload` raises when the key is gone, or stands for another object. So does this one, before it\n\
         touches anything.",
    );
    let code = "import importlib, sys, edited; del sys.modules['edited']; importlib.reload(edited)";
    let said = run.ask("exec", &[code], 1);
    assert!(said.contains("not in sys.modules"), "{said}");
    let said = run.ask("reload", &["edited", "--yes"], 1);
    assert!(said.contains("edited is not loaded"), "{said}");
    run.exec("import sys, types; sys.modules['replaced'] = types.SimpleNamespace(answer=5)");
    let said = run.ask("reload", &["replaced", "--yes"], 1);
    assert!(said.contains("no module that was imported"), "{said}");
}

fn counts_explained(run: &mut Run) {
    run.chapter(
        "A reference count, explained",
        "\"Above 3 it is hard to unload\" is an artefact of counting. Each reference has a holder, and a name.",
    );
    let said = run.ask("refs", &["bar"], 0);
    assert!(
        said.contains("sys.modules") || said.contains("['bar']"),
        "{said}"
    );
    let said = run.ask("why", &["foo"], 0);
    assert!(said.contains("foo"), "{said}");
}

fn one_stale_member(run: &mut Run) {
    run.chapter(
        "A group, because one member is stale",
        "Four threads import and call `shop.cart` all the time. `shop.tax` is edited; the whole group moves, or is cleared\n\
         so that the next request imports all of it anew.",
    );
    let before = run.served();
    let group = ["--stale", "--group", "shop", "--yes"];
    let said = run.ask("reload", &group, 0);
    assert!(said.starts_with("current"), "{said}");
    run.edit("shop/tax.py", "return 19", "return 16");
    let said = run.ask("reload", &group, 0);
    assert!(said.starts_with("reloaded"), "{said}");
    assert_eq!(run.exec("import shop.cart; shop.cart.total()"), "116");
    run.edit("shop/tax.py", "return 16", "return 7");
    let said = run.ask("unload", &group, 0);
    assert!(said.starts_with("gone"), "{said}");
    assert_eq!(run.exec("import shop.cart; shop.cart.total()"), "107");
    let after = run.served();
    assert!(after > before);
    run.text += "\nNone of the requests failed meanwhile.\n";
}
