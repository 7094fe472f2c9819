//! `unload`: takes modules out of a running process, and proves it. The plan comes first.

use super::open::{Opened, open};
use crate::change::error::UnloadError;
use crate::change::target::Target;
use crate::change::unload::{Agreement, Limits, Plan, Unloaded, plan, unload};
use crate::cli::args::UnloadArgs;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Output;
use crate::control::consent::Consent;
use crate::control::error::ControlError;
use crate::inject::{InjectError, Kind, Refusal, Request, run_main};
use crate::plan::cut;
use crate::plan::key::Key;
use crate::render::plan_text;
use crate::report::{OutcomeKind, Unload};
use crate::target::pause::{PauseError, StopLimits};
use std::io::{BufRead, IsTerminal};
use std::time::Duration;

/// Runs the command, at the command line or in a session, where `line` is what was typed.
pub fn run(args: &UnloadArgs, out: &mut Output, line: Option<&str>) -> Exit {
    match attempt(args, out) {
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

fn attempt(args: &UnloadArgs, out: &mut Output) -> Result<Unload, Failure> {
    let opened = open(args.pid)?;
    let python = &opened.located.python;
    let target = Target {
        process: &opened.process,
        python,
        interpreter: python.main(),
    };
    let about = || opened.target(target.interpreter);
    let names: Vec<Key> = args.names.iter().map(|name| Key::new(name)).collect();
    let planned = plan(target, &names).map_err(|error| failure(args.pid, error))?;
    if args.dry_run {
        return Ok(Unload::planned(about(), &planned));
    }
    let consent = ask(args, out, &Unload::planned(about(), &planned))?;
    let warnings = planned.warnings.clone();
    let unloaded = carry_out(args, &opened, target, planned, consent)
        .map_err(|error| failure(args.pid, error))?;
    Ok(Unload::done(about(), warnings, &unloaded))
}

fn carry_out(
    args: &UnloadArgs,
    opened: &Opened,
    target: Target<'_>,
    planned: Plan,
    consent: Consent,
) -> Result<Unloaded, UnloadError> {
    let stop = StopLimits {
        max_stop: Duration::from_millis(args.max_stop),
        ..StopLimits::default()
    };
    let limits = Limits {
        total: Duration::from_secs_f64(args.limit),
        stop,
    };
    let image = &opened.located.image;
    let symbols = |name: &str| Some(image.find_symbol(&opened.process, name)?.address);
    let agreement = if args.yes {
        Agreement::Names
    } else {
        Agreement::Plan
    };
    unload(target, planned, agreement, limits, |source, limit| {
        let request = Request {
            source,
            limit,
            max_stop: stop.max_stop,
            parked: !args.no_parked,
            max_result: Request::MAX_SIZE,
        };
        run_main(&opened.process, target.python, &symbols, request, consent)
    })
}

/// Shows the plan and asks; `--yes` is the answer where nobody can be asked.
fn ask(args: &UnloadArgs, out: &mut Output, planned: &Unload) -> Result<Consent, Failure> {
    if args.yes {
        return Ok(Consent::given_by_user());
    }
    let is_terminal = std::io::stdin().is_terminal() && out.look.width.is_some();
    if !is_terminal || out.json {
        return Err(Failure::new(
            Exit::Usage,
            "unload changes the process, and there is no terminal to ask on",
            "see the plan with --dry-run; go ahead with --yes",
        )
        .of(args.pid));
    }
    out.text(&plan_text(planned));
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
    match report.worst() {
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
        Kind::Started => (
            Exit::Uncertain,
            "unfinished",
            "the change has begun and its end was not seen",
        ),
        Kind::Refused if is_denied(error) => {
            (Exit::NotPermitted, "trace_denied", "nothing was changed")
        }
        Kind::Refused => (Exit::Forbidden, "no_safe_point", "nothing was changed"),
    };
    let failure = Failure::new(exit, message, error.help());
    with_cause(failure.because(error.to_string()).of(pid), cause)
}

fn is_denied(error: &InjectError) -> bool {
    matches!(
        error,
        InjectError::Refused(Refusal::Control(ControlError::Pause(
            PauseError::Denied { .. }
        )))
    )
}
