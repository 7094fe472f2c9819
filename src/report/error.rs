//! `pyunload.error/1`: why there is no answer.

use schemars::JsonSchema;
use serde::Serialize;

/// What a command says instead of its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Error {
    /// `pyunload.error/1`.
    pub schema: String,
    /// What went wrong.
    pub error: ErrorDetail,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ErrorDetail {
    /// The exit code.
    pub code: u8,
    /// What the exit code means, as a stable name.
    pub kind: String,
    /// What could not be done.
    pub message: String,
    /// The one true cause, in words.
    pub why: Option<String>,
    /// The cause as a stable name, where there is one.
    pub cause: Option<String>,
    /// What would help.
    pub help: String,
    /// The process it is about.
    pub pid: Option<i32>,
}
