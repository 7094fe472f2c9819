//! `check`: assertions about modules, once or until they hold.

use super::facts::TargetFacts;
use super::picture::Picture;
use crate::cli::args::Which;
use crate::cli::exit::{Exit, Failure};
use crate::plan::check::{Assertion, Judged, judge, parse};
use crate::report::{Checked, CheckedAssertion, Document, Envelope, Ghost, Why};
use crate::target::process::Process;
use std::thread;
use std::time::{Duration, Instant};

/// First wait before another look; each is half as long again as the one before.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// Longest wait before another look.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// A target that is stopped for each look runs at least this many times as long.
const PAUSE_PER_STOP: u32 = 20;

/// The assertions that words stand for.
///
/// # Errors
/// When they stand for none.
pub fn assertions_of(words: &[String]) -> Result<Vec<Assertion>, Failure> {
    let help = "pyunload check --help lists the assertions; quote each, as in 'ghosts == 0'";
    let usage = |message: String| Failure::new(Exit::Usage, message, help);
    let assertions = parse(words).map_err(|error| usage(error.to_string()))?;
    match assertions.is_empty() {
        true => Err(usage("there is nothing to check".to_owned())),
        false => Ok(assertions),
    }
}

/// Judges assertions; with `wait` until all of them hold, at most so long.
///
/// # Errors
/// When the target cannot be looked at.
pub fn run(
    which: &Which,
    assertions: &[Assertion],
    picture: &Picture,
    wait: Option<Duration>,
) -> Result<Document<Checked>, Failure> {
    let process = match which {
        Which::Pid(pid) => Some(Process::open(*pid)?),
        Which::Core(_) => None,
    };
    // A core file does not change.
    let wait = wait.filter(|_| process.is_some());
    let began = Instant::now();
    let mut pause = FIRST_WAIT;
    let mut stopped = Duration::ZERO;
    loop {
        let left = wait.unwrap_or_default().saturating_sub(began.elapsed());
        let is_last = left.is_zero();
        if let Some(ended) = process.as_ref().filter(|process| !process.is_same()) {
            return Err(Failure::gone(ended.pid()));
        }
        match look(which, assertions, picture, is_last) {
            Ok(seen) => {
                stopped += seen.stopped;
                if is_last || seen.holds() {
                    return Ok(seen.document(assertions, stopped, began.elapsed()));
                }
                pause = pause.max(seen.stopped * PAUSE_PER_STOP);
            }
            Err(failure) if failure.exit == Exit::Changed && !is_last => {}
            Err(failure) => return Err(failure),
        }
        thread::sleep(pause.min(left));
        pause = (pause * 3 / 2).min(LONGEST_WAIT.max(pause));
    }
}

/// How the command ends.
pub fn exit_of(checked: &Checked) -> Exit {
    if checked.holds { Exit::Done } else { Exit::No }
}

/// One look at the target.
struct Seen {
    /// In the order of the assertions; `None` for one that was left out of this look.
    judged: Vec<Option<Judged>>,
    envelope: Envelope,
    stopped: Duration,
    /// Who holds the modules of those that do not hold.
    why: Vec<Why>,
    ghosts: Vec<Ghost>,
}

/// Judges what needs no stop first. What needs one is left out while other things do not hold yet,
/// unless this is the last look.
fn look(
    which: &Which,
    assertions: &[Assertion],
    picture: &Picture,
    is_last: bool,
) -> Result<Seen, Failure> {
    let opened = picture.open(which)?;
    let interpreter = opened.interpreter(picture.interpreter)?;
    let facts = TargetFacts::new(&opened, interpreter, picture.limits, assertions);
    let mut judged: Vec<Option<Judged>> = vec![None; assertions.len()];
    for needs_graph in [false, true] {
        let hold_so_far = judged.iter().flatten().all(|judged| judged.holds);
        if needs_graph && !hold_so_far && !is_last {
            break;
        }
        let these = assertions.iter().zip(&mut judged);
        for (assertion, judged) in these.filter(|(a, _)| a.needs_graph() == needs_graph) {
            *judged = Some(judge(assertion, &facts)?);
        }
    }
    let is_failing = |judged: &Option<Judged>| judged.as_ref().is_some_and(|one| !one.holds);
    let failing = assertions.iter().zip(&judged);
    let failing = failing.filter_map(|(assertion, judged)| is_failing(judged).then_some(assertion));
    let (why, ghosts) = facts.holders_of(failing);
    let mut envelope = Envelope::live("check", Some(opened.target(interpreter)));
    envelope.warnings = opened.warnings(facts.warnings());
    envelope.consistency = facts.consistency();
    Ok(Seen {
        judged,
        envelope,
        stopped: facts.stopped(),
        why,
        ghosts,
    })
}

impl Seen {
    fn holds(&self) -> bool {
        let holds = |judged: &Option<Judged>| judged.as_ref().is_some_and(|one| one.holds);
        self.judged.iter().all(holds)
    }

    fn document(
        mut self,
        assertions: &[Assertion],
        stopped: Duration,
        waited: Duration,
    ) -> Document<Checked> {
        self.envelope.stopped_us = u64::try_from(stopped.as_micros()).unwrap_or(u64::MAX);
        let holds = self.holds();
        let checked = assertions.iter().zip(self.judged);
        let checked = checked.filter_map(|(assertion, judged)| {
            let judged = judged?;
            Some(CheckedAssertion {
                text: assertion.to_string(),
                holds: judged.holds,
                evidence: judged.evidence,
            })
        });
        Document {
            envelope: self.envelope,
            body: Checked {
                holds,
                waited_ms: u64::try_from(waited.as_millis()).unwrap_or(u64::MAX),
                assertions: checked.collect(),
                why: self.why,
                ghosts: self.ghosts,
            },
        }
    }
}
