//! Links the tool itself statically, where the C compiler has the static libraries: finding, mapping and
//! relocating shared ones is a good part of the time of a tool that ends after a few milliseconds.
//!
//! `-C target-feature=+crt-static` would do the same, but only with `--target`: it forbids procedural macros
//! otherwise. So each shared library that rustc names is led to the static one, by a script of the linker.
//! Where one is missing, the tool is linked as usual. Tests and examples always are.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// What rustc names behind the crates, and what stands for it.
const LIBRARIES: [(&str, &[&str]); 7] = [
    ("gcc_s", &["libgcc_eh.a", "libc.a"]),
    ("util", &["libutil.a"]),
    ("rt", &["librt.a"]),
    ("pthread", &["libpthread.a"]),
    ("m", &["libm.a"]),
    ("dl", &["libdl.a"]),
    ("c", &["libgcc_eh.a", "libc.a"]),
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is_gnu = env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|found| found == "gnu");
    let is_here = env::var("TARGET") == env::var("HOST");
    if !is_gnu || !is_here {
        return;
    }
    let folder = PathBuf::from(env::var_os("OUT_DIR").expect("cargo gives it")).join("static");
    fs::create_dir_all(&folder).expect("a folder of our own");
    for (name, files) in LIBRARIES {
        let found: Option<Vec<String>> = files.iter().map(|file| path_of(file)).collect();
        let Some(found) = found else {
            return;
        };
        let script = format!("GROUP(\"{}\")\n", found.join("\" \""));
        fs::write(folder.join(format!("lib{name}.a")), script).expect("a file of our own");
    }
    println!("cargo:rustc-link-arg-bin=pyunload=-L{}", folder.display());
    println!("cargo:rustc-link-arg-bin=pyunload=-static-pie");
}

/// Where the C compiler has a library; `None` where it has none.
fn path_of(file: &str) -> Option<String> {
    let mut compiler = Command::new("cc");
    let answer = compiler.arg(format!("-print-file-name={file}")).output();
    let path = String::from_utf8(answer.ok()?.stdout).ok()?;
    let path = path.trim();
    path.starts_with('/').then(|| path.to_owned())
}
