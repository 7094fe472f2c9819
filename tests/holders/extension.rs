//! The modules made from `tests/targets/held_from_c.c`: one library under several names.

use crate::common::{Interpreter, program};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// What `PyInit_...` the library has.
const NAMES: [&str; 4] = ["indexed", "copied", "mapped", "pointing"];

/// A folder with them, where an interpreter finds it.
pub struct Extension {
    _folder: TempDir,
    seen: String,
}

impl Extension {
    /// Compiles them: nothing of any CPython or libc is needed for that.
    pub fn build(interpreter: &Interpreter) -> Self {
        let folder = TempDir::with_prefix_in("pyunload-", interpreter.root.join("tmp"));
        let folder = folder.expect("a folder in the root");
        let [first, others @ ..] = NAMES.map(|name| folder.path().join(format!("{name}.so")));
        let compiled = Command::new(std::env::var_os("CC").unwrap_or("gcc".into()))
            .args(["-O1", "-shared", "-fPIC", "-nostdlib", "-o"])
            .arg(&first)
            .arg(program("held_from_c.c"))
            .status();
        assert!(
            compiled.is_ok_and(|status| status.success()),
            "a C compiler is needed"
        );
        for other in others {
            std::fs::copy(&first, other).expect("it is copied");
        }
        let inside = folder.path().strip_prefix(&interpreter.root);
        let seen = Path::new("/").join(inside.expect("below the root"));
        Extension {
            seen: seen.to_string_lossy().into_owned(),
            _folder: folder,
        }
    }

    /// The folder as the interpreter sees it.
    pub fn seen(&self) -> &str {
        &self.seen
    }
}
