//! Floor 11: what the commands answer, as plain data. This is the JSON contract, version 1: fields
//! are added, never renamed or removed. Units are in the names; nothing here formats.

mod address;
mod attach;
mod doctor;
mod envelope;
mod error;
mod modules;
mod plan;
mod ps;
mod snapshot;
mod unload;

pub use address::ReportAddress;
pub use attach::{Attach, ModuleCounts};
pub use doctor::{Check, Doctor};
pub use envelope::{Build, Consistency, Envelope, Target};
pub use error::{Error, ErrorDetail};
pub use modules::{Module, ModuleKind, Modules};
pub use plan::{Plan, Remove};
pub use ps::{Ability, Ps, PsProcess};
pub use snapshot::{Snapshot, SnapshotMethod};
pub use unload::{
    Collector, Injection, Outcome, OutcomeKind, Proof, Remaining, Route, Unload, Wake,
};
