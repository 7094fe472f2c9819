//! Compiles sources with the Python of the target, in a twin of it (`target/twin.rs`): a process that
//! has the rights of the target and no more, and limits. What it says is data.

use crate::cpython::python::{Interpreter, Python};
use crate::modules::stale::survey::Surveying;
use crate::target::process::Process;
use crate::target::twin::{self, TwinError};
use crate::target::twin_limits::Limits;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::time::Duration;

/// The program that it runs.
const PROGRAM: &str = concat!(
    include_str!("reload_facts.py"),
    include_str!("reload_child.py")
);
/// How long it may take, and how much it may say, in bytes.
const LIMITS: Limits = Limits {
    time: Duration::from_secs(60),
    output: 256 << 20,
};

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
    /// The process was not possible, or had to be ended.
    #[error(transparent)]
    Twin(#[from] TwinError),
    /// A host that embeds Python, and no Python beside it.
    #[error("its program is no Python by its name, and none was found beside it")]
    NoPython,
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
        /// What is wrong about its answer.
        detail: String,
    },
}

/// Compiles.
///
/// # Errors
/// [`CompileError`]; a source that cannot be compiled is an answer.
pub fn compile(
    process: &Process,
    python: &Python,
    interpreter: &Interpreter,
    sources: &Sources,
) -> Result<Compiled, CompileError> {
    let surveying = Surveying {
        process,
        python,
        interpreter,
    };
    let (path, is_own) = surveying.program().ok_or(CompileError::NoPython)?;
    let program = twin::Program::of(&path, is_own);
    let arguments = ["-I", "-S", "-B", "-c", PROGRAM].map(OsStr::new);
    let request = serde_json::to_vec(sources).map_err(|error| failed(&error))?;
    let answer = twin::run(process, program, &arguments, request, LIMITS)?;
    understand(&answer, sources)
}

fn understand(answer: &[u8], sources: &Sources) -> Result<Compiled, CompileError> {
    if answer.is_empty() {
        return Err(failed(&"it did not answer"));
    }
    let document: serde_json::Value =
        serde_json::from_slice(answer).map_err(|error| failed(&error))?;
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

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn an_answer_of_a_python_that_misbehaves_is_none() {
        let sources = Sources {
            optimize: 0,
            version: "3.11.7".into(),
            modules: Vec::new(),
            others: Vec::new(),
        };
        for answer in ["", "hello", "[]", "{}", "{\"modules\": 3}"] {
            let understood = understand(answer.as_bytes(), &sources);
            assert!(
                matches!(understood, Err(CompileError::Failed { .. })),
                "{answer}"
            );
        }
        let deep = "[".repeat(100_000);
        assert!(understand(deep.as_bytes(), &sources).is_err());
        let other = understand(br#"{"error": "version", "version": "3.12.0"}"#, &sources);
        assert!(
            matches!(other, Err(CompileError::Version { .. })),
            "{other:?}"
        );
    }
}
