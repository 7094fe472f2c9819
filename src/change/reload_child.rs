//! Compiles sources with the Python of the target, in a process of its own that has the rights of
//! the target and no more.
//!
//! The program of the target is foreign code. It is started only when this very process has the
//! same rights as the target: user, groups, capabilities, namespaces, the ban on new privileges and
//! the system call filter. It runs with `-I -S`, without an environment, with a limit of memory
//! that it sets itself first, and is ended when its time is over. What it says is data.

use crate::target::process::Process;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The program that it runs.
const PROGRAM: &str = concat!(
    include_str!("reload_facts.py"),
    include_str!("reload_child.py")
);
/// How long it may take.
const TIME: Duration = Duration::from_secs(60);
/// Bytes of an answer that are read at most.
const LONGEST: u64 = 256 << 20;
/// Lines of `/proc/PID/status` that are rights.
const RIGHTS: [&str; 11] = [
    "Uid",
    "Gid",
    "Groups",
    "CapInh",
    "CapPrm",
    "CapEff",
    "CapBnd",
    "CapAmb",
    "NoNewPrivs",
    "Seccomp",
    "Seccomp_filters",
];
/// Namespaces that must be the same.
const NAMESPACES: [&str; 7] = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];

/// A source to be compiled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// The key of its module.
    pub name: String,
    /// `__package__`.
    pub package: String,
    /// The path of the file as the target sees it.
    pub file: String,
    /// That of its cached file.
    pub cached: Option<String>,
}

/// Sources, and the sources of others that may import from them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sources {
    /// `sys.flags.optimize` of the target.
    pub optimize: u8,
    /// The version of the target.
    pub version: String,
    /// What is to be compiled.
    pub modules: Vec<Source>,
    /// Of these only the imports are asked.
    pub others: Vec<Source>,
}

/// What was found in them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Compiled {
    /// One for each source, in their order.
    pub modules: Vec<CompiledModule>,
    /// (module, name there, module of the sources, name in it) of each from-import.
    pub imported: Vec<(String, String, String, String)>,
    /// The names of the sources, what is imported before what imports it.
    pub order: Vec<String>,
}

/// What was found in one source.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CompiledModule {
    /// The key of its module.
    pub name: String,
    /// Its facts, marshalled, in hexadecimal.
    #[serde(default)]
    pub facts: String,
    /// (line, name) of what is called when the module runs.
    #[serde(default)]
    pub calls: Vec<(u64, String)>,
    /// Whether its file is missing, or none that is read.
    #[serde(default)]
    pub missing: bool,
    /// Why it cannot be compiled.
    pub error: Option<String>,
    /// Where.
    #[serde(default)]
    pub line: u64,
}

/// Why nothing was compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// This process has other rights than the target.
    #[error("the Python of the target would run with other rights than the target ({what})")]
    OtherRights {
        /// Which of them differ first.
        what: String,
    },
    /// The program of the target is no Python.
    #[error("{program} is no Python that could compile")]
    NoPython {
        /// The program.
        program: String,
    },
    /// It is another version.
    #[error("the Python on disk is {found}, the process runs {wanted}")]
    Version {
        /// On disk.
        found: String,
        /// In memory.
        wanted: String,
    },
    /// It failed.
    #[error("the compiling process failed: {detail}")]
    Failed {
        /// The end of what it said.
        detail: String,
    },
}

/// Compiles.
///
/// # Errors
/// [`CompileError`]; a source that cannot be compiled is an answer.
pub fn compile(process: &Process, sources: &Sources) -> Result<Compiled, CompileError> {
    same_rights(process.pid())?;
    let mut command = command(process)?;
    let request = serde_json::to_vec(sources).map_err(|error| failed(&error))?;
    let mut child = command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(&error))?;
    let output = talk(&mut child, request);
    let document: serde_json::Value =
        serde_json::from_slice(&output?).map_err(|error| failed(&error))?;
    if document.get("error").is_some() {
        let found = document["version"].as_str().unwrap_or("unknown").to_owned();
        let wanted = sources.version.clone();
        return Err(CompileError::Version { found, wanted });
    }
    let compiled: Compiled = serde_json::from_value(document).map_err(|error| failed(&error))?;
    check(&compiled, sources)?;
    Ok(compiled)
}

/// Nothing of it is believed that is not of the form that was asked for: the facts become a part of
/// a program.
fn check(compiled: &Compiled, sources: &Sources) -> Result<(), CompileError> {
    let names: Vec<&str> = sources
        .modules
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    let answered: Vec<&str> = compiled
        .modules
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    let mut ordered: Vec<&str> = compiled.order.iter().map(String::as_str).collect();
    let mut wanted = names.clone();
    ordered.sort_unstable();
    wanted.sort_unstable();
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if names == answered && ordered == wanted && compiled.modules.iter().all(|m| is_hex(&m.facts)) {
        return Ok(());
    }
    Err(failed(&"its answer is not of the agreed form"))
}

fn failed(error: &dyn std::fmt::Display) -> CompileError {
    CompileError::Failed {
        detail: error.to_string(),
    }
}

fn talk(child: &mut Child, request: Vec<u8>) -> Result<Vec<u8>, CompileError> {
    let mut input = child.stdin.take().ok_or_else(|| failed(&"no input"))?;
    let output = child.stdout.take().ok_or_else(|| failed(&"no output"))?;
    let errors = child.stderr.take().ok_or_else(|| failed(&"no errors"))?;
    let writer = thread::spawn(move || {
        // One that ends early says why on its standard error.
        let _ = input.write_all(&request);
    });
    let reader = thread::spawn(move || read_up_to(output, LONGEST));
    let complaints = thread::spawn(move || read_up_to(errors, 64 << 10));
    let until = Instant::now() + TIME;
    let status = loop {
        match child.try_wait().map_err(|error| failed(&error))? {
            Some(status) => break Some(status),
            None if Instant::now() > until => break None,
            None => thread::sleep(Duration::from_millis(2)),
        }
    };
    if status.is_none() {
        // It is ours, and not waited for yet: its pid is its own.
        let _ = child.kill();
        let _ = child.wait();
        return Err(failed(&"it took too long"));
    }
    let _ = writer.join();
    let output = reader.join().unwrap_or_default();
    let complaint = complaints.join().unwrap_or_default();
    match status {
        Some(status) if status.success() => Ok(output),
        _ => {
            let text = String::from_utf8_lossy(&complaint);
            Err(failed(&text.lines().last().unwrap_or("it said nothing")))
        }
    }
}

fn read_up_to(from: impl Read, limit: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What could not be read is missing, and then nothing of it is believed.
    let _ = from.take(limit).read_to_end(&mut bytes);
    bytes
}

/// The Python of the target, below the root of the target.
fn command(process: &Process) -> Result<Command, CompileError> {
    let (program, _) = process
        .executable()
        .ok_or_else(|| failed(&"its program is not known"))?;
    let root =
        fs::read_link(format!("/proc/{}/root", process.pid())).map_err(|error| failed(&error))?;
    let is_python = |path: &Path| {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        name.starts_with("python")
    };
    if !is_python(&program) {
        return Err(CompileError::NoPython {
            program: program.display().to_string(),
        });
    }
    let mut command = if root == Path::new("/") {
        Command::new(program)
    } else {
        let inside = program.strip_prefix(&root).unwrap_or(&program);
        let mut command = Command::new("chroot");
        command
            .arg(PathBuf::from(format!("/proc/{}/root", process.pid())))
            .arg(Path::new("/").join(inside));
        command
    };
    command.args(["-I", "-S", "-c", PROGRAM]).current_dir("/");
    Ok(command)
}

/// Whether this process and the target may do the same.
fn same_rights(pid: i32) -> Result<(), CompileError> {
    let other = |what: &str| CompileError::OtherRights {
        what: what.to_owned(),
    };
    let ours = fs::read_to_string("/proc/self/status").map_err(|error| failed(&error))?;
    let theirs =
        fs::read_to_string(format!("/proc/{pid}/status")).map_err(|error| failed(&error))?;
    for right in RIGHTS {
        if line_of(&ours, right) != line_of(&theirs, right) {
            return Err(other(right));
        }
    }
    for namespace in NAMESPACES {
        let link = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/{namespace}")).ok();
        if link("self") != link(&pid.to_string()) {
            return Err(other(namespace));
        }
    }
    Ok(())
}

/// What a line of `/proc/PID/status` says.
fn line_of<'s>(status: &'s str, name: &str) -> Option<Vec<&'s str>> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(line.split_whitespace().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_status_is_found_by_its_whole_name() {
        let status = "Uid:\t0\t0\nSeccomp:\t0\nSeccomp_filters:\t2\n";
        assert_eq!(line_of(status, "Seccomp"), Some(vec!["0"]));
        assert_eq!(line_of(status, "Cap"), None);
    }

    #[test]
    fn our_own_rights_are_the_same_as_ours() {
        assert_eq!(same_rights(std::process::id() as i32), Ok(()));
    }

    #[test]
    fn facts_that_are_no_hexadecimal_do_not_become_a_program() {
        let source = Source {
            name: "m".into(),
            package: String::new(),
            file: "m.py".into(),
            cached: None,
        };
        let sources = Sources {
            optimize: 0,
            version: "3.11.7".into(),
            modules: vec![source],
            others: Vec::new(),
        };
        let answer = |facts: &str| Compiled {
            modules: vec![CompiledModule {
                name: "m".into(),
                facts: facts.into(),
                calls: Vec::new(),
                missing: false,
                error: None,
                line: 0,
            }],
            imported: Vec::new(),
            order: vec!["m".into()],
        };
        assert!(check(&answer("00ff"), &sources).is_ok());
        assert!(check(&answer("'+evil()+'"), &sources).is_err());
    }
}
