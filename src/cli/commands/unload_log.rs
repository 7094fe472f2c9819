//! `--record FILE`: who changed what, when, and how it ended, one line of JSON each.

use crate::cli::args::UnloadArgs;
use crate::cli::exit::{Exit, Failure};
use crate::report::Unload;
use serde::Serialize;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// One line of the file.
#[derive(Serialize)]
struct Line<'l> {
    schema: &'static str,
    /// Seconds since 1970, in UTC.
    unix_time: u64,
    /// The user id of whoever ran the tool.
    uid: u32,
    command: &'static str,
    pid: i32,
    names: Vec<&'l String>,
    force: bool,
    references: bool,
    /// What became of each module; empty when there was a failure.
    outcomes: Vec<(&'l str, serde_json::Value)>,
    remedies: Vec<&'l str>,
    /// Why it failed.
    error: Option<String>,
}

/// Appends how an unload ended.
///
/// # Errors
/// When the file cannot be written.
pub fn log(
    file: &Path,
    args: &UnloadArgs,
    answer: &Result<Unload, Failure>,
) -> Result<(), Failure> {
    let report = answer.as_ref().ok();
    let outcomes = report.map_or(&[][..], |report| &report.outcomes);
    let remedies = report.and_then(|report| report.plan.remedies.as_deref());
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let line = Line {
        schema: "pyunload.record/1",
        unix_time: now.map_or(0, |now| now.as_secs()),
        uid: std::fs::metadata("/proc/self").map_or(0, |own| own.uid()),
        command: "unload",
        pid: args.pid,
        names: args.names.iter().chain(&args.groups).collect(),
        force: args.force,
        references: args.references,
        outcomes: outcomes
            .iter()
            .map(|one| (&*one.name, serde_json::json!(one.outcome)))
            .collect(),
        remedies: remedies
            .unwrap_or_default()
            .iter()
            .filter(|one| one.by_unload)
            .map(|one| &*one.detail)
            .collect(),
        error: answer.as_ref().err().map(|failure| failure.message.clone()),
    };
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().append(true).create(true).open(file)?;
        let mut text = serde_json::to_string(&line).map_err(std::io::Error::other)?;
        text.push('\n');
        file.write_all(text.as_bytes())
    };
    write().map_err(|error| {
        let help = "what was done is told all the same; give a file that can be written";
        Failure::new(
            Exit::Usage,
            format!("cannot write {}", file.display()),
            help,
        )
        .because(error.to_string())
    })
}
