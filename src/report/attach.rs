//! `pyunload.attach/1`: the summary with which a session begins.

use super::Envelope;
use schemars::JsonSchema;
use serde::Serialize;

/// What a session says of its target first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Attach {
    /// What every document begins with.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// Command line of the target, or its name where it has none.
    pub process: String,
    /// How long it has been running, in seconds.
    pub uptime_s: Option<u64>,
    /// How many threads it has.
    pub threads: Option<u64>,
    /// Its modules, counted.
    pub modules: ModuleCounts,
}

/// How many entries of sys.modules are of which kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct ModuleCounts {
    /// All of them.
    pub total: usize,
    /// From `.py` files.
    pub source: usize,
    /// From `.pyc` files alone.
    pub sourceless: usize,
    /// From shared libraries.
    pub extension: usize,
    /// Compiled into the interpreter.
    pub builtin: usize,
    /// Bytecode compiled into the interpreter.
    pub frozen: usize,
    /// Packages without a file of their own.
    pub namespace: usize,
    /// The None of Python 2's failed implicit relative imports.
    pub stub: usize,
    /// Names that a None blocks.
    pub blocked: usize,
    /// Anything else.
    pub other: usize,
}
