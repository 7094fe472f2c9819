//! A document: the envelope, then the answer itself.

use super::Envelope;
use schemars::JsonSchema;
use serde::Serialize;

/// What a command answers, behind what every document begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "{B}")]
pub struct Document<B> {
    /// What every document begins with.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// The answer.
    #[serde(flatten)]
    pub body: B,
}
