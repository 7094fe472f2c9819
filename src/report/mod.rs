//! Floor 11: what the commands answer, as plain data. This is the JSON contract, version 1: fields
//! are added, never renamed or removed. Units are in the names; nothing here formats.

mod address;
mod attach;
mod check;
mod doctor;
mod document;
mod envelope;
mod error;
mod exec;
mod forecast;
mod ghosts;
mod holder;
mod injection;
mod modules;
mod plan;
mod ps;
mod refs;
mod reload;
mod rows;
mod snapshot;
mod stale;
mod unload;
mod watch;
mod why;

pub use address::ReportAddress;
pub use attach::{Attach, ModuleCounts};
pub use check::{Checked, CheckedAssertion};
pub use doctor::{Check, Doctor};
pub use document::Document;
pub use envelope::{Build, Consistency, Envelope, Target};
pub use error::{Error, ErrorDetail};
pub use exec::{Exec, ExecStatus, RaisedException};
pub use forecast::{Forecast, ForecastModule, ForecastMove, PlanReload};
pub use ghosts::{Ghost, GhostKind, GhostState, Ghosts};
pub use holder::{Instances, Object, Root, RootKind, RootRemedy, Step};
pub use injection::{Injection, Route, Wake};
pub use modules::{Module, ModuleKind, Modules};
pub use plan::{
    Blocker, Dependent, Plan, Predicted, PredictedLeft, Reference, Remedy, Remove, Verdict,
};
pub use ps::{Ability, Ps, PsProcess};
pub use refs::{Accounted, Counted, HeldBy, Refs, Via};
pub use reload::{
    Rebound, Reload, ReloadChange, ReloadOutcome, ReloadStale, ReloadWhat, SideEffect,
};
pub use rows::Rows;
pub use snapshot::{Snapshot, SnapshotMethod};
pub use stale::{
    Stale, StaleChange, StaleEvidence, StaleMember, StaleModule, StalePatch, StaleState, StaleWhat,
};
pub use unload::{Collector, Outcome, OutcomeKind, Proof, Remaining, Unload};
pub use watch::{Ending, WatchEvent, WatchKind};
pub use why::{Account, Border, Why};
