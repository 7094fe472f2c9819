//! `pyunload.snapshot/1`: a core file that was written.

use super::Envelope;
use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `snapshot`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Snapshot {
    /// What every document begins with.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// The file.
    pub file: String,
    /// Its length in bytes; pages that never existed are holes in it and take no room.
    pub bytes: u64,
    /// How the moment was kept.
    pub method: SnapshotMethod,
    /// Pages of memory in the file.
    pub pages: u64,
    /// How many threads the process had.
    pub threads: usize,
}

/// How a moment of a process is kept while it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotMethod {
    /// It was stopped while its memory was copied.
    Copy,
    /// It was made to clone itself, and the clone was copied.
    Fork,
}
