//! `reload`: moves modules of a running process to the code on disk. The plan comes first.

use super::open::{Opened, open};
use super::stale_group::{self, StaleGroup};
use super::unload::{inject_failure, with_cause};
use crate::change::reload::{MAX_RESULT, Plan, Reloaded, Wanted, plan, reload};
use crate::change::reload_child::CompileError;
use crate::change::reload_error::ReloadError;
use crate::change::reload_source::Strength;
use crate::change::target::Target;
use crate::cli::args::ReloadArgs;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Output;
use crate::control::consent::Consent;
use crate::inject::{InjectError, Refusal, Request, run_main};
use crate::render::reload_plan_text;
use crate::report::Reload;
use crate::target::twin::TwinError;
use std::io::{BufRead, IsTerminal};
use std::time::Duration;

/// The cause of a failure when we were told to end by a signal.
pub const INTERRUPTED: &str = "interrupted";

/// Runs the command, at the command line or in a session, where `line` is what was typed.
pub fn run(args: &ReloadArgs, out: &mut Output, line: Option<&str>) -> Exit {
    match attempt(args, out) {
        Ok(report) => {
            out.answer(&report, line);
            if report.is_refused() || report.is_half_done() {
                Exit::No
            } else {
                Exit::Done
            }
        }
        Err(failure) => {
            out.failure(&failure, line);
            failure.exit
        }
    }
}

fn attempt(args: &ReloadArgs, out: &mut Output) -> Result<Reload, Failure> {
    attempt_on(&open(args.pid)?, args, out)
}

/// Reloads modules of a process that is open already.
///
/// # Errors
/// Why nothing was changed, or why it is not known.
pub fn attempt_on(opened: &Opened, args: &ReloadArgs, out: &mut Output) -> Result<Reload, Failure> {
    let python = &opened.located.python;
    let target = Target {
        process: &opened.process,
        python,
        interpreter: python.main(),
    };
    let about = || opened.target(target.interpreter);
    let wanted = wanted(args);
    let group = match args.stale {
        true => Some(stale_group::look(opened, target.interpreter, &args.groups)?),
        false => None,
    };
    let told = |report| with_group(report, group.as_ref());
    if let Some(group) = group.as_ref().filter(|group| !group.is_stale()) {
        let names = group.names.clone();
        let report = Reload::current(about(), wanted.strength, names, args.dry_run);
        return Ok(told(report));
    }
    let planned = plan(target, &wanted).map_err(|error| failure(args.pid, error))?;
    let report = told(Reload::planned(about(), &planned));
    if args.dry_run {
        return Ok(report);
    }
    let consent = ask(args, out, &report)?;
    let report = match carry_out(args, opened, target, planned.clone(), consent) {
        Ok(reloaded) => Reload::done(about(), &reloaded),
        Err(ReloadError::Refused(obstacles)) => Reload::refused(about(), &planned, &obstacles),
        Err(error) => return Err(failure(args.pid, error)),
    };
    Ok(told(report))
}

/// Adds which members were stale, when that was asked.
fn with_group(mut report: Reload, group: Option<&StaleGroup>) -> Reload {
    if let Some(group) = group {
        report.stale = Some(group.stale.clone());
        report.envelope.warnings.extend(group.warnings.clone());
    }
    report
}

fn wanted(args: &ReloadArgs) -> Wanted {
    Wanted {
        names: args.names.clone(),
        groups: args.groups.clone(),
        strength: match (args.execute, args.whole, args.fresh) {
            (_, _, true) => Strength::Fresh,
            (_, true, _) => Strength::Whole,
            (true, ..) => Strength::Execute,
            _ => Strength::Code,
        },
    }
}

fn carry_out(
    args: &ReloadArgs,
    opened: &Opened,
    target: Target<'_>,
    planned: Plan,
    consent: Consent,
) -> Result<Reloaded, ReloadError> {
    let limit = Duration::from_secs_f64(args.limit);
    let image = &opened.located.image;
    let symbols = |name: &str| Some(image.find_symbol(&opened.process, name)?.address);
    reload(planned, limit, |source, limit| {
        let request = Request {
            source,
            limit,
            max_stop: Duration::from_millis(args.max_stop),
            max_result: MAX_RESULT,
            // The route through a parked thread has not been tried with a reload.
            parked: false,
            override_switch: false,
            interpreter: 0,
            beside_threads: false,
        };
        run_main(&opened.process, target.python, &symbols, request, consent)
    })
}

/// Shows the plan and asks; `--yes` is the answer where nobody can be asked.
fn ask(args: &ReloadArgs, out: &mut Output, planned: &Reload) -> Result<Consent, Failure> {
    if args.yes {
        return Ok(Consent::given_by_user());
    }
    let is_terminal = std::io::stdin().is_terminal() && out.look.width.is_some();
    if !is_terminal || out.json {
        return Err(Failure::new(
            Exit::Usage,
            "reload changes the process, and there is no terminal to ask on",
            "see the plan with --dry-run; go ahead with --yes",
        )
        .of(args.pid));
    }
    out.text(&reload_plan_text(planned));
    out.text("Go ahead? [y/N] ");
    let mut answer = String::new();
    // Whatever cannot be read is no yes.
    let _ = std::io::stdin().lock().read_line(&mut answer);
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(Consent::given_by_user());
    }
    Err(Failure::new(Exit::No, "nothing was changed", "answer y to go ahead").of(args.pid))
}

/// Why there is no plan, or nothing was reloaded.
pub(super) fn failure(pid: i32, error: ReloadError) -> Failure {
    let help = error.help();
    let why = error.to_string();
    let (exit, cause) = match error {
        ReloadError::Unreadable(error) => return Failure::from(error).of(pid),
        ReloadError::Read(error) => return Failure::from(error).of(pid),
        ReloadError::Inject(
            error @ (InjectError::Interrupted { .. }
            | InjectError::Refused(Refusal::Interrupted { .. })),
        ) => return with_cause(inject_failure(pid, &error), INTERRUPTED),
        ReloadError::Inject(error) => return inject_failure(pid, &error),
        ReloadError::NotLoaded { .. } => {
            return with_cause(Failure::new(Exit::No, why, help).of(pid), "not_loaded");
        }
        ReloadError::NotSource { .. } => (Exit::No, "no_source"),
        ReloadError::NoFile { .. } | ReloadError::Missing(_) => (Exit::No, "missing_file"),
        ReloadError::Source { .. } => (Exit::No, "syntax_error"),
        ReloadError::Refused(_) => (Exit::No, "needs_more"),
        ReloadError::StatementRaised { .. } => (Exit::No, "statement_raised"),
        ReloadError::Compile(CompileError::Twin(TwinError::Refused { .. })) => {
            (Exit::NotPermitted, "other_rights")
        }
        ReloadError::Compile(_) => (Exit::Forbidden, "not_compiled"),
        ReloadError::TooOld { .. } => (Exit::Forbidden, "too_old"),
        ReloadError::AuditHook => (Exit::Forbidden, "audit_hook"),
        ReloadError::Changed => (Exit::Changed, "modules_changed"),
        ReloadError::Moved => (Exit::Forbidden, "module_table_moved"),
        ReloadError::Importing => (Exit::Forbidden, "importing"),
        ReloadError::Raised(_) => (Exit::Forbidden, "raised"),
        ReloadError::BadAnswer => {
            let message = "what became of the modules is not known";
            let failure = Failure::new(Exit::Uncertain, message, help).because(why);
            return with_cause(failure.of(pid), "bad_answer");
        }
    };
    let failure = Failure::new(exit, "nothing was changed", help).because(why);
    with_cause(failure.of(pid), cause)
}
