//! `unload`: takes modules out of a running process, and proves it. The plan comes first.

use super::graph::plan as graph;
use super::open::{Opened, open};
use super::relatives;
use super::stale_group;
use super::unload_log::log;
use crate::change::answer::Restored;
use crate::change::error::UnloadError;
use crate::change::look::with_picture;
use crate::change::plan::{Plan, plan};
use crate::change::record;
use crate::change::target::Target;
use crate::change::unload::{Agreement, Hands, Limits, Wishes, unload};
use crate::cli::args::UnloadArgs;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Output;
use crate::cli::progress::with_progress;
use crate::control::consent::Consent;
use crate::control::error::ControlError;
use crate::inject::{InjectError, Kind, Ran, Refusal, Request, run_main};
use crate::plan::cut;
use crate::plan::key::Key;
use crate::plan::steps::Allowed;
use crate::render::plan_text;
use crate::report::{self, OutcomeKind, Unload, Verdict};
use crate::target::pause::{PauseError, StopLimits};
use std::io::{BufRead, IsTerminal};
use std::thread;
use std::time::Duration;

/// How often a plan is made before its no is believed, and the time between.
const LOOKS: usize = 4;
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Runs the command, at the command line or in a session, where `line` is what was typed.
pub fn run(args: &UnloadArgs, out: &mut Output, line: Option<&str>) -> Exit {
    let answer = attempt(args, out);
    if !args.dry_run
        && let Some(file) = &args.record
        && let Err(failure) = log(file, args, &answer)
    {
        out.failure(&failure, line);
    }
    match answer {
        Ok(report) => {
            out.answer(&report, line);
            exit_of(&report)
        }
        Err(failure) => {
            out.failure(&failure, line);
            failure.exit
        }
    }
}

/// What one look at all objects says.
struct Looked {
    report: report::Plan,
    planned: Plan,
    warnings: Vec<String>,
}

/// One unload from the command line.
struct Command<'c> {
    args: &'c UnloadArgs,
    opened: &'c Opened,
    names: Vec<Key>,
}

fn attempt(args: &UnloadArgs, out: &mut Output) -> Result<Unload, Failure> {
    check_consent(args, out)?;
    let opened = open(args.pid)?;
    let names = args.names.iter().chain(&args.groups);
    let command = Command {
        args,
        opened: &opened,
        names: names.map(|name| Key::new(name)).collect(),
    };
    if !args.stale {
        return command.unload(out);
    }
    let interpreter = opened.located.python.main();
    let group = stale_group::look(&opened, interpreter, &args.groups)?;
    let mut report = match group.is_stale() {
        true => command.unload(out)?,
        false => Unload::current(opened.target(interpreter), group.names, args.dry_run),
    };
    report.stale = Some(group.stale);
    report.envelope.warnings.extend(group.warnings);
    Ok(report)
}

fn refused(report: Unload, planned: &Plan) -> Unload {
    let mut names: Vec<String> = planned.cut.owned().map(|one| one.key.to_string()).collect();
    names.sort();
    report.refused(names)
}

/// What is in the way of a plan, each so that it is known again at another look. Something that runs is not:
/// the program inside waits until nobody is inside.
fn obstacles(plan: &report::Plan) -> Vec<Vec<String>> {
    let ghosts = plan.predicted.as_ref().map_or(&[][..], |all| &all.ghost);
    let is_no = matches!(plan.verdict, Some(Verdict::Blocked | Verdict::Restart));
    if !is_no && ghosts.is_empty() {
        return Vec::new();
    }
    let blockers = plan.blockers.as_deref().unwrap_or_default();
    let lasting = blockers.iter().filter(|one| one.kind != "frame");
    let mut all: Vec<Vec<String>> = lasting.map(place).collect();
    if !ghosts.is_empty() {
        let undone = plan.remedies.iter().flatten().filter(|one| !one.by_unload);
        all.extend(undone.map(|one| vec![one.kind.clone(), one.detail.clone()]));
    }
    if all.is_empty() && blockers.is_empty() {
        all.extend(ghosts.iter().map(|name| vec![name.clone()]));
    }
    all
}

/// Where a blocker is. How many references are in flight differs from look to look.
fn place(blocker: &report::Blocker) -> Vec<String> {
    let counts = usize::from(blocker.name.ends_with(graph::FROM_C));
    let path = blocker.path.iter().skip(counts).cloned();
    std::iter::once(blocker.kind.clone()).chain(path).collect()
}

impl Command<'_> {
    /// The plan, the consent, and the change.
    fn unload(&self, out: &mut Output) -> Result<Unload, Failure> {
        let args = self.args;
        let fail = |error| failure(args.pid, error);
        let mut warnings: Vec<String> = relatives::warning(args.pid).into_iter().collect();
        if record::is_there(self.target()) {
            if !args.yes || args.dry_run {
                let text =
                    "an unload was cut short here; with --yes what it took away is put back first";
                warnings.push(text.to_owned());
            } else {
                warnings.push(self.reclaim().map_err(fail)?.to_owned());
            }
        }
        plan(self.target(), &self.names).map_err(fail)?;
        let planned = with_progress("planning", || self.plan(warnings));
        let (report, planned, is_no) = planned.map_err(fail)?;
        if args.dry_run {
            return Ok(report);
        }
        if is_no && !args.force {
            return Ok(refused(report, &planned));
        }
        let consent = ask(args, out, &report)?;
        self.carry_out(report, planned, consent).map_err(fail)
    }

    fn target(&self) -> Target<'_> {
        let python = &self.opened.located.python;
        Target {
            process: &self.opened.process,
            python,
            interpreter: python.main(),
        }
    }

    fn stop(&self) -> StopLimits {
        let python = &self.opened.located.python;
        python.stop_limits(Duration::from_millis(self.args.max_stop))
    }

    fn total(&self) -> Duration {
        Duration::from_secs_f64(self.args.limit)
    }

    /// Plans; whether it is better left undone.
    fn plan(&self, warnings: Vec<String>) -> Result<(Unload, Plan, bool), UnloadError> {
        let mut stopped = Duration::ZERO;
        let (looked, is_no) = self.decide(&mut stopped)?;
        let about = self.opened.target(self.target().interpreter);
        let warnings = warnings.into_iter().chain(looked.warnings).collect();
        let stopped_us = stopped.as_micros() as u64;
        let report = Unload::planned(about, looked.report, warnings, stopped_us);
        Ok((report, looked.planned, is_no))
    }

    /// Soft is the default: whatever would leave code behind is not begun. A no is asked for again: at one
    /// moment a running program has references in flight, in frames and in C code, that are no holders. Only
    /// what is in the way at every look is.
    fn decide(&self, stopped: &mut Duration) -> Result<(Looked, bool), UnloadError> {
        let mut looked = self.look(stopped)?;
        let mut lasting = obstacles(&looked.report);
        for _ in 1..LOOKS {
            if lasting.is_empty() || !looked.planned.is_seen {
                break;
            }
            thread::sleep(BETWEEN_LOOKS);
            looked = self.look(stopped)?;
            let now = obstacles(&looked.report);
            lasting.retain(|one| now.contains(one));
        }
        let is_no = !lasting.is_empty() && looked.planned.is_seen;
        Ok((looked, is_no))
    }

    /// Plans once: from all objects, or, where they cannot be looked at and the user insists, from the
    /// module table.
    fn look(&self, stopped: &mut Duration) -> Result<Looked, UnloadError> {
        let target = self.target();
        let seen = with_picture(target, self.stop(), stopped, |picture| {
            let answer = graph::answer(picture, target.interpreter, &self.names, self.allowed());
            answer.map(|(report, planned)| Looked {
                report,
                planned,
                warnings: graph::warnings_of(picture),
            })
        });
        match seen {
            Ok(answer) => answer,
            Err(error) if self.args.force => {
                let planned = plan(target, &self.names)?;
                let warning = format!("nothing was looked at: {error}");
                let warnings = planned.warnings.iter().cloned().chain([warning]).collect();
                Ok(Looked {
                    report: report::Plan::from(&planned.cut),
                    planned,
                    warnings,
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    fn allowed(&self) -> Allowed {
        Allowed {
            references: self.args.references,
            force: self.args.force,
        }
    }

    fn run(&self, source: &str, limit: Duration, consent: Consent) -> Result<Ran, InjectError> {
        let image = &self.opened.located.image;
        let symbols = |name: &str| Some(image.find_symbol(&self.opened.process, name)?.address);
        let request = Request {
            source,
            limit,
            max_stop: self.stop().max_stop,
            override_switch: self.args.override_remote_debug_switch,
            interpreter: 0,
            beside_threads: false,
            parked: !self.args.no_parked,
            max_result: Request::MAX_SIZE,
        };
        let python = &self.opened.located.python;
        run_main(&self.opened.process, python, &symbols, request, consent)
    }

    /// Puts back what an unload that was cut short has taken away.
    fn reclaim(&self) -> Result<&'static str, UnloadError> {
        let consent = Consent::given_by_user();
        let mut run = |source: &str, limit| self.run(source, limit, consent);
        let (restored, _) = record::put_back(0, self.total(), &mut run)?;
        Ok(match restored {
            Restored::Dropped | Restored::Occupied => {
                "an unload was cut short here; the program has loaded its modules again, so it was ended"
            }
            _ => "an unload was cut short here; what it had taken away was put back first",
        })
    }

    fn carry_out(
        &self,
        report: Unload,
        planned: Plan,
        consent: Consent,
    ) -> Result<Unload, UnloadError> {
        let wishes = Wishes {
            agreement: match self.args.yes {
                true => Agreement::Names,
                false => Agreement::Plan,
            },
            force: self.args.force,
            limits: Limits {
                total: self.total(),
                stop: self.stop(),
            },
        };
        let mut replan = || {
            let (looked, is_no) = self.decide(&mut Duration::default())?;
            match is_no && !self.args.force {
                true => Err(UnloadError::Changed),
                false => Ok(looked.planned),
            }
        };
        let hands = Hands {
            run: &mut |source, limit| self.run(source, limit, consent),
            replan: &mut replan,
            tell: &graph::tell,
        };
        let target = self.target();
        let unloaded = with_progress("unloading", || {
            unload(target, planned, number(), wishes, hands)
        })?;
        Ok(report.done(&unloaded))
    }
}

/// Tells this run from others: when it began, and who it is.
fn number() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.map_or(1, |now| now.as_nanos() as u64);
    now.rotate_left(20) ^ u64::from(std::process::id())
}

/// Whether somebody can be asked who has not agreed yet: known before anything is looked at.
fn check_consent(args: &UnloadArgs, out: &Output) -> Result<(), Failure> {
    let is_terminal = std::io::stdin().is_terminal() && out.look.width.is_some();
    if args.yes || args.dry_run || is_terminal && !out.json {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Usage,
        "unload changes the process, and there is no terminal to ask on",
        "see the plan with --dry-run; go ahead with --yes",
    )
    .of(args.pid))
}

/// Shows the plan and asks.
fn ask(args: &UnloadArgs, out: &mut Output, planned: &Unload) -> Result<Consent, Failure> {
    if args.yes {
        return Ok(Consent::given_by_user());
    }
    out.text(&plan_text(planned, out.look.width.unwrap_or(100)));
    out.text("Go ahead? [y/N] ");
    let mut answer = String::new();
    // Whatever cannot be read is no yes.
    let _ = std::io::stdin().lock().read_line(&mut answer);
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(Consent::given_by_user());
    }
    Err(Failure::new(Exit::No, "nothing was changed", "answer y to go ahead").of(args.pid))
}

fn exit_of(report: &Unload) -> Exit {
    match report.worst().filter(|_| !report.is_current()) {
        None
        | Some(
            OutcomeKind::Gone
            | OutcomeKind::GoneNameOnly
            | OutcomeKind::Mapped
            | OutcomeKind::Reloaded,
        ) => Exit::Done,
        Some(_) => Exit::No,
    }
}

/// Why there is no plan, or nothing was unloaded.
pub fn failure(pid: i32, error: UnloadError) -> Failure {
    let help = error.help();
    let why = error.to_string();
    let (exit, cause, message) = match error {
        UnloadError::Unreadable(error) => return Failure::from(error).of(pid),
        UnloadError::Read(error) => return Failure::from(error).of(pid),
        UnloadError::Inject(error) => return inject_failure(pid, &error),
        UnloadError::Refused(cut::Refusal::Unknown { .. }) => {
            let failure = Failure::new(Exit::No, why, help).of(pid);
            return with_cause(failure, "not_loaded");
        }
        UnloadError::Refused(_) => (Exit::Forbidden, "untouchable", "nothing was changed"),
        UnloadError::Changed => (Exit::Changed, "modules_changed", "nothing was changed"),
        UnloadError::Moved => (Exit::Forbidden, "module_table_moved", "nothing was changed"),
        UnloadError::Importing { .. } => (Exit::Forbidden, "importing", "nothing was changed"),
        UnloadError::Running { .. } => (Exit::No, "running", "blocked: nothing was changed"),
        UnloadError::Raised { .. } => (Exit::Forbidden, "raised", "nothing was changed"),
        UnloadError::RemedyRaised { .. } => (Exit::No, "remedy_raised", "nothing was changed"),
        UnloadError::Unseen(_) => (Exit::Forbidden, "not_seen", "nothing was changed"),
        UnloadError::Recorded => (Exit::Forbidden, "recorded", "nothing was changed"),
        UnloadError::NotRestored { .. } => (
            Exit::Uncertain,
            "not_restored",
            "not everything could be put back",
        ),
        UnloadError::BadAnswer => (
            Exit::Uncertain,
            "bad_answer",
            "what became of the modules is not known",
        ),
    };
    with_cause(
        Failure::new(exit, message, help).because(why).of(pid),
        cause,
    )
}

pub(super) fn with_cause(failure: Failure, cause: &'static str) -> Failure {
    Failure {
        cause: Some(cause),
        ..failure
    }
}

pub(super) fn inject_failure(pid: i32, error: &InjectError) -> Failure {
    let (exit, cause, message) = match error.kind() {
        Kind::Gone => return Failure::gone(pid),
        Kind::Withdrawn => (
            Exit::Withdrawn,
            "withdrawn",
            "nothing was changed, and nothing will be",
        ),
        Kind::Started => (Exit::Uncertain, "unfinished", started(error)),
        Kind::Refused if is_denied(error) => {
            (Exit::NotPermitted, "trace_denied", "nothing was changed")
        }
        Kind::Refused => (Exit::Forbidden, "no_safe_point", "nothing was changed"),
    };
    let failure = Failure::new(exit, message, error.help());
    with_cause(failure.because(error.to_string()).of(pid), cause)
}

fn started(error: &InjectError) -> &'static str {
    match error {
        InjectError::Taken { .. } => "whether the change has begun is not known",
        _ => "the change has begun and its end was not seen",
    }
}

fn is_denied(error: &InjectError) -> bool {
    matches!(
        error,
        InjectError::Refused(Refusal::Control(ControlError::Pause(
            PauseError::Denied { .. }
        )))
    )
}
