//! `pyunload.watch/1`: one event of a watch.

use super::error::ErrorDetail;
use super::plan::Blocker;
use super::reload::{Reload, ReloadOutcome, ReloadStale};
use super::stale::StaleMember;
use super::unload::OutcomeKind;
use super::{Envelope, Target};
use schemars::JsonSchema;
use serde::Serialize;
use std::time::SystemTime;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WatchEvent {
    /// What every document begins with.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// What happened.
    pub event: WatchKind,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// `watching`: all members; `changed`: those whose file changed; `reloaded`: those with new code;
    /// `refused`: those that were to move; `ended`: none.
    pub modules: Vec<String>,
    /// `watching`: the folders that are watched; `changed`: the files, as the process sees them.
    pub files: Vec<String>,
    /// `changed`: the members that are stale now; `null` when it could not be told.
    pub stale: Option<Vec<StaleMember>>,
    /// `reloaded`: what became of each member.
    pub outcomes: Option<Vec<ReloadOutcome>>,
    /// `reloaded`: what goes on with old code.
    pub stale_references: Option<Vec<ReloadStale>>,
    /// `refused`: what asks for more than was allowed.
    pub blockers: Option<Vec<Blocker>>,
    /// `refused`: why, when it is not that.
    pub error: Option<ErrorDetail>,
    /// `ended`: why.
    pub reason: Option<Ending>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WatchKind {
    /// From now on nothing is missed.
    Watching,
    /// Files of members changed.
    Changed,
    /// The group was moved to the code on disk.
    Reloaded,
    /// It was not, and stays as it was.
    Refused,
    /// The watch is over.
    Ended,
}

/// Why a watch is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The process has ended.
    ProcessEnded,
    /// We were told to end.
    Signal,
}

impl WatchEvent {
    /// An event that says nothing more yet.
    pub fn new(event: WatchKind, target: Target) -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        WatchEvent {
            envelope: Envelope::live("watch", Some(target)),
            event,
            at_ms: now.map_or(0, |now| now.as_millis() as u64),
            modules: Vec::new(),
            files: Vec::new(),
            stale: None,
            outcomes: None,
            stale_references: None,
            blockers: None,
            error: None,
            reason: None,
        }
    }

    /// What a reload came to.
    pub fn of_reload(target: Target, report: Reload) -> Self {
        let (refused, half) = (report.is_refused(), report.is_half_done());
        let kind = match refused || half {
            true => WatchKind::Refused,
            false => WatchKind::Reloaded,
        };
        let moved = |one: &&ReloadOutcome| refused || one.outcome == OutcomeKind::Reloaded;
        let modules = report.outcomes.iter().filter(moved);
        let mut event = WatchEvent::new(kind, target);
        event.modules = modules.map(|one| one.name.clone()).collect();
        event.envelope.stopped_us = report.envelope.stopped_us;
        event.envelope.warnings = report.envelope.warnings;
        event.blockers = report.plan.blockers.filter(|_| refused);
        event.outcomes = Some(report.outcomes).filter(|_| !refused);
        event.stale_references = report.stale_references;
        event
    }
}
