//! A Python of the target's own that misbehaves when it is asked to compile: the tool and the target
//! come to no harm, and are told.

use crate::common::{Target, interpreter};
use crate::{HOST, RATES, reload, stale};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A folder with a Python of its own: a copy of the program, and a standard library of which parts can
/// be replaced while it runs. In it a program to run, and `shop_rates`.
pub struct Place {
    folder: TempDir,
    program: PathBuf,
    library: PathBuf,
}

impl Place {
    pub fn make() -> Option<Place> {
        // One that every user can read.
        let python = interpreter("3.11-debian")?;
        let real = fs::canonicalize(&python.program).expect("it is there");
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        // A target of another user has to read it.
        open_to_all(folder.path());
        fs::create_dir_all(at("bin")).expect("made");
        fs::create_dir_all(at("lib/python3.11/encodings")).expect("made");
        let program = at("bin/python3.11");
        fs::copy(&real, &program).expect("copied");
        let library = real.parent().and_then(Path::parent).expect("a prefix");
        let library = library.join("lib/python3.11");
        for entry in fs::read_dir(&library).expect("a library") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_owned();
            if name != "encodings" {
                symlink(&path, at("lib/python3.11").join(name)).expect("linked");
            }
        }
        for entry in fs::read_dir(library.join("encodings")).expect("a package") {
            let path = entry.expect("an entry").path();
            if path.is_file() {
                let name = path.file_name().expect("a name");
                fs::copy(&path, at("lib/python3.11/encodings").join(name)).expect("copied");
            }
        }
        fs::write(at("host.py"), HOST).expect("written");
        fs::write(at("shop_rates.py"), RATES).expect("written");
        let library = at("lib/python3.11");
        Some(Place {
            folder,
            program,
            library,
        })
    }

    /// Starts the program with the Python that is here.
    pub fn start(&self, prepare: impl FnOnce(&mut Command)) -> Target {
        let mut command = Command::new(&self.program);
        command
            .arg(self.folder.path().join("host.py"))
            .arg(self.folder.path())
            .current_dir("/")
            .env("PYTHONDONTWRITEBYTECODE", "1");
        prepare(&mut command);
        Target::launch(command, tempfile::tempdir().expect("a folder"))
    }

    /// Whatever is started from now on runs this first.
    pub fn replace_encodings(&self, text: &str) {
        fs::write(self.library.join("encodings/__init__.py"), text).expect("written");
    }
}

fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("our folder");
}

/// Processes in whose command line `word` stands.
fn processes_with(word: &str) -> Vec<i32> {
    let all = pyunload::target::about::About::all().into_iter();
    all.filter(|about| about.command.contains(word))
        .map(|about| about.pid)
        .collect()
}

/// What it does, and the program of it. TARGET and FILE are put in.
const DEEDS: [(&str, &str); 7] = [
    (
        "says without end",
        "while True: posix.write(1, b'x' * 65536)",
    ),
    (
        "says what makes no sense",
        "posix.write(1, b'pyunload' + b'\\xff' * 1000)",
    ),
    ("says nothing", "posix._exit(0)"),
    (
        "forks without end",
        "
for _ in range(10000):
    try:
        posix.fork()
    except OSError:
        pass
",
    ),
    (
        "wants all memory",
        "
held = []
while True:
    held.append(bytes(1 << 26))
",
    ),
    (
        "kills",
        "
for pid in (posix.getppid(), TARGET):
    try:
        posix.kill(pid, 9)
    except OSError:
        pass
",
    ),
    (
        "writes",
        "
posix.open('FILE', posix.O_WRONLY | posix.O_CREAT)
",
    ),
];

#[test]
fn a_python_that_misbehaves_does_no_harm_and_is_told() {
    let Some(place) = Place::make() else {
        return;
    };
    let mut target = place.start(|_| {});
    let file = place.folder.path().join("written");
    let word = place.program.to_str().expect("text").to_owned();
    for (name, text) in DEEDS {
        let text = text.replace("TARGET", &target.pid().to_string());
        let text = text.replace("FILE", file.to_str().expect("text"));
        place.replace_encodings(&format!("import posix\n{text}"));
        harmless(name, &target);
        assert!(target.is_alive(), "{name}");
        assert!(!file.exists(), "{name}");
        assert_eq!(processes_with(&word), [target.pid()], "{name}");
    }
}

/// Both commands end, and tell that nothing was compiled.
fn harmless(name: &str, target: &Target) {
    let (exit, document) = stale(target.pid(), &["shop_rates"]);
    let warning = document["warnings"][0].as_str().unwrap_or_default();
    assert!(warning.contains("not compiled"), "{name}: {document}");
    assert_eq!(exit, 0, "{name}: {document}");
    let (exit, document) = reload(target.pid());
    assert_eq!(exit, 6, "{name}: {document}");
    assert_eq!(document["error"]["cause"], "not_compiled", "{name}");
}

/// Takes as long as such a process may take: `PYUNLOAD_THOROUGH` asks for it.
#[test]
fn a_python_that_never_answers_is_ended() {
    if std::env::var_os("PYUNLOAD_THOROUGH").is_none() {
        return;
    }
    let Some(place) = Place::make() else {
        return;
    };
    let mut target = place.start(|_| {});
    for text in ["while True: pass", "import time\ntime.sleep(1000)"] {
        place.replace_encodings(text);
        harmless(text, &target);
        assert!(target.is_alive());
        let word = place.program.to_str().expect("text");
        assert_eq!(processes_with(word), [target.pid()]);
    }
}
