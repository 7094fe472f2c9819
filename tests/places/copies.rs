//! Copies of interpreters, to be damaged.

use crate::common::{Interpreter, interpreter};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A copy of a program and, where it has one, of its libpython.
pub struct Copy {
    pub folder: TempDir,
    pub program: PathBuf,
    pub library: Option<PathBuf>,
    pub home: PathBuf,
}

/// Copies an interpreter that lives in our own root; `None` when it is missing.
pub fn copy(name: &str) -> Option<Copy> {
    let original = interpreter(name)?;
    let folder = TempDir::new().expect("a folder");
    let program = folder.path().join("python");
    fs::copy(&original.program, &program).expect("a copy");
    let library = library_of(&original).filter(|library| needs(&program, library));
    let library = library.map(|library| {
        let copied = folder.path().join(library.file_name().expect("a name"));
        fs::copy(&library, &copied).expect("a copy");
        copied
    });
    let home = prefix(&original);
    Some(Copy {
        folder,
        program,
        library,
        home,
    })
}

impl Copy {
    /// The command that runs the copy with the library modules of the original.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("LD_LIBRARY_PATH", self.folder.path());
        if self.library.is_some() {
            command.env("PYTHONHOME", &self.home);
        }
        command
    }

    /// The file that holds the runtime.
    pub fn runtime(&self) -> &Path {
        self.library.as_deref().unwrap_or(&self.program)
    }
}

/// Whether a program is linked to a library.
fn needs(program: &Path, library: &Path) -> bool {
    let output = Command::new("readelf").arg("-d").arg(program).output();
    let name = library.file_name().expect("a name").to_string_lossy();
    String::from_utf8_lossy(&output.expect("readelf runs").stdout).contains(&*name)
}

/// The folder that `bin/python` lies in, one further up.
pub fn prefix(interpreter: &Interpreter) -> PathBuf {
    let bin = interpreter.program.parent().expect("a folder");
    bin.parent().expect("a prefix").to_owned()
}

/// The libpython of an interpreter that has a shared one, as seen from its root.
pub fn library_of(interpreter: &Interpreter) -> Option<PathBuf> {
    let (major, minor) = interpreter.minor();
    let of_version = format!("libpython{major}.{minor}");
    ["lib", "lib/x86_64-linux-gnu"].iter().find_map(|folder| {
        let folder = prefix(interpreter).join(folder);
        let outside = interpreter.root.join(folder.strip_prefix("/").ok()?);
        let names = fs::read_dir(outside).ok()?;
        let name = names
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .find(|name| {
                name.starts_with(&of_version) && name.ends_with(".so.1.0") && !name.contains("d.")
            })?;
        Some(folder.join(name))
    })
}

/// Takes the section headers out of an ELF file: the loader does not need them.
pub fn drop_section_headers(file: &Path) {
    let mut bytes = fs::read(file).expect("readable");
    bytes[0x28..0x30].fill(0); // e_shoff
    bytes[0x3a..0x40].fill(0); // e_shentsize, e_shnum, e_shstrndx
    fs::write(file, bytes).expect("writable");
}
