//! From parsed arguments to commands, one target after the other, and their answers to the output.

use super::args::{
    CheckArgs, Cli, Command, DoctorArgs, GhostsArgs, ModulesArgs, PlanArgs, RefsArgs, Scope,
    StaleArgs, Which, WhyArgs,
};
use super::commands::discover::{Chosen, choose, split_words};
use super::commands::picture::Picture;
use super::commands::{
    check as check_command, demo, doctor as doctor_command, exec, ghosts as ghosts_command,
    modules as modules_command, open, plan as plan_command, plan_reload, ps, refs as refs_command,
    reload, schema, snapshot, stale as stale_command, unload as unload_command, watch,
    why as why_command,
};
use super::exit::{Exit, Failure};
use super::output::Output;
use super::session;
use super::timings::Timings;
use crate::modules::inventory::READERS_MEMORY;
use crate::render::{Answer, Drawing};
use crate::report::Doctor;
use crate::target::second_thread::with_second_thread;
use std::sync::OnceLock;
use std::time::Duration;

/// Runs a command and says how it ended.
pub fn run(cli: &Cli, out: &mut Output) -> Exit {
    match &cli.command {
        Command::Attach(args) => session::attach(args, out),
        Command::Ps => out.result(Ok(ps::run()), None),
        Command::Doctor(args) => doctor(args, out, None),
        Command::Modules(args) => modules(args, out, None),
        Command::Refs(args) => refs(args, out, None),
        Command::Why(args) => why(args, out, None),
        Command::Ghosts(args) => ghosts(args, out, None),
        Command::Stale(args) => stale(args, out, None),
        Command::Plan(args) => plan(args, out, None),
        Command::Check(args) => check(args, out, None),
        Command::Unload(args) => unload_command::run(args, out, None),
        Command::Reload(args) => reload::run(args, out, None),
        Command::Watch(args) => watch::run(args, out),
        Command::Exec(args) => exec::run(args, out, None),
        Command::Snapshot(args) => out.result(snapshot::run(args), None),
        Command::Schema(args) => {
            out.document(&schema::run(args.command), None);
            Exit::Done
        }
        Command::Demo(args) => demo::run(args, out),
    }
}

/// `modules`, at the command line or in a session, where `line` is what was typed.
pub fn modules(args: &ModulesArgs, out: &mut Output, line: Option<&str>) -> Exit {
    let (targets, patterns) = match split_words(&args.words, !args.scope.all) {
        Ok(split) => split,
        Err(failure) => return out.result::<Doctor>(Err(failure), line),
    };
    let wanted = modules_command::Wanted {
        patterns,
        interpreter: args.interpreter,
        stop: args.pause.then(|| Duration::from_millis(args.max_stop)),
        sysroot: args.core.sysroot.as_deref(),
        json: out.is_for_a_program(),
    };
    out.look.addresses = args.addresses;
    let mut timings = Timings::start();
    let mut answer = |beside: Option<&modules_command::Beside<'_, '_>>| {
        for_each(&targets, args.scope, out, line, |which| {
            let report = modules_command::run(which, &wanted, beside, &mut timings)?;
            let none = report.modules.is_empty() && !patterns.is_empty();
            Ok((report, if none { Exit::No } else { Exit::Done }))
        })
    };
    let place = OnceLock::new();
    let exit = if args.pause {
        answer(None)
    } else {
        with_second_thread(READERS_MEMORY, |second| {
            let place = &place;
            answer(Some(&modules_command::Beside { second, place }))
        })
    };
    if args.timings {
        timings.mark("write the answer");
        out.aside(&timings.text());
    }
    exit
}

/// `doctor`, at the command line or in a session.
pub fn doctor(args: &DoctorArgs, out: &mut Output, line: Option<&str>) -> Exit {
    let processes: Vec<Which> = args.pids.iter().copied().map(Which::Pid).collect();
    for_each(&processes, args.scope, out, line, |which| {
        let report = doctor_command::run(open::pid_of(which)?)?;
        let exit = if report.can_look {
            Exit::Done
        } else {
            Exit::No
        };
        Ok((report, exit))
    })
}

/// `refs`, at the command line or in a session.
pub fn refs(args: &RefsArgs, out: &mut Output, line: Option<&str>) -> Exit {
    or_refuse(out, line, |out| {
        let (targets, name) = one_name(&args.words, args.scope)?;
        let picture = Picture::new(&args.picture);
        out.look.addresses = args.addresses;
        Ok(for_each(&targets, args.scope, out, line, |which| {
            Ok((refs_command::run(which, name, &picture)?, Exit::Done))
        }))
    })
}

/// `why`, at the command line or in a session.
pub fn why(args: &WhyArgs, out: &mut Output, line: Option<&str>) -> Exit {
    or_refuse(out, line, |out| {
        let (targets, name) = one_name(&args.words, args.scope)?;
        let picture = Picture::new(&args.picture);
        out.look.addresses = args.addresses;
        if args.dot {
            return Ok(for_each(&targets, args.scope, out, line, |which| {
                let report = why_command::run(which, name, &picture)?;
                Ok((Drawing(report), Exit::Done))
            }));
        }
        Ok(for_each(&targets, args.scope, out, line, |which| {
            Ok((why_command::run(which, name, &picture)?, Exit::Done))
        }))
    })
}

/// `ghosts`, at the command line or in a session.
pub fn ghosts(args: &GhostsArgs, out: &mut Output, line: Option<&str>) -> Exit {
    or_refuse(out, line, |out| {
        let (targets, names) = split_words(&args.words, !args.scope.all)?;
        let name = match names {
            [] => None,
            [name] => Some(name.as_str()),
            [_, second, ..] => return Err(too_many(second)),
        };
        let picture = Picture::new(&args.picture);
        out.look.addresses = args.addresses;
        Ok(for_each(&targets, args.scope, out, line, |which| {
            let report = ghosts_command::run(which, name, &picture)?;
            let none = report.body.ghosts.is_empty() && name.is_some();
            Ok((report, if none { Exit::No } else { Exit::Done }))
        }))
    })
}

/// `stale`, at the command line or in a session.
pub fn stale(args: &StaleArgs, out: &mut Output, line: Option<&str>) -> Exit {
    or_refuse(out, line, |out| {
        let (targets, patterns) = split_words(&args.words, !args.scope.all)?;
        let wanted = stale_command::Wanted {
            patterns,
            groups: &args.groups,
            interpreter: args.interpreter,
        };
        let asked = !patterns.is_empty() || !args.groups.is_empty();
        Ok(for_each(&targets, args.scope, out, line, |which| {
            let report = stale_command::run(which, &wanted)?;
            let exit = stale_command::exit(&report, asked);
            Ok((report, exit))
        }))
    })
}

/// `plan`, at the command line or in a session.
pub fn plan(args: &PlanArgs, out: &mut Output, line: Option<&str>) -> Exit {
    or_refuse(out, line, |out| {
        let (targets, names) = split_words(&args.words, !args.scope.all)?;
        if names.is_empty() {
            return Err(no_name());
        }
        if args.reload {
            return Ok(for_each(&targets, args.scope, out, line, |which| {
                let report = plan_reload::run(which, names)?;
                Ok((report, Exit::Done))
            }));
        }
        let picture = Picture::new(&args.picture);
        Ok(for_each(&targets, args.scope, out, line, |which| {
            let report = plan_command::run(which, names, &picture)?;
            let exit = plan_command::exit_of(&report.body);
            Ok((report, exit))
        }))
    })
}

/// `check`, at the command line or in a session.
pub fn check(args: &CheckArgs, out: &mut Output, line: Option<&str>) -> Exit {
    or_refuse(out, line, |out| {
        let (targets, words) = split_words(&args.words, !args.scope.all)?;
        let assertions = check_command::assertions_of(words)?;
        let picture = Picture::new(&args.picture);
        let wait = args.wait.map(Duration::from_secs_f64);
        Ok(for_each(&targets, args.scope, out, line, |which| {
            let report = check_command::run(which, &assertions, &picture, wait)?;
            let exit = check_command::exit_of(&report.body);
            Ok((report, exit))
        }))
    })
}

/// Runs a command whose arguments may turn out to be wrong.
fn or_refuse(
    out: &mut Output,
    line: Option<&str>,
    command: impl FnOnce(&mut Output) -> Result<Exit, Failure>,
) -> Exit {
    command(out).unwrap_or_else(|failure| {
        out.failure(&failure, line);
        failure.exit
    })
}

/// The pids that words begin with, and the one name that follows.
fn one_name(words: &[String], scope: Scope) -> Result<(Vec<Which>, &str), Failure> {
    let (targets, names) = split_words(words, !scope.all)?;
    match names {
        [] => Err(no_name()),
        [name] => Ok((targets, name)),
        [_, second, ..] => Err(too_many(second)),
    }
}

fn no_name() -> Failure {
    Failure::new(
        Exit::Usage,
        "no module is named",
        "give its name behind the pid; pyunload modules PID lists them",
    )
}

fn too_many(second: &str) -> Failure {
    Failure::new(
        Exit::Usage,
        format!("one module at a time: {second} is one too many"),
        "pids come first, then one name",
    )
}

/// Answers for every process chosen. Of those that were found and not named, the ones that turn
/// out to be no Python, or have ended, are passed over.
fn for_each<A: Answer>(
    named: &[Which],
    scope: Scope,
    out: &mut Output,
    line: Option<&str>,
    mut command: impl FnMut(&Which) -> Result<(A, Exit), Failure>,
) -> Exit {
    let chosen = choose(named, scope);
    let is_only = chosen.len() == 1;
    out.look.several = chosen.len() > 1;
    out.look.continued = false;
    let mut exit = Exit::Done;
    for Chosen { which, named } in chosen {
        if out.is_closed() {
            break;
        }
        exit = exit.and(match command(&which) {
            Ok((answer, exit)) => {
                out.answer(&answer, line);
                out.look.continued = true;
                if is_only && line.is_none() {
                    // The tool ends now, and its memory with it: to free each text takes longer.
                    std::mem::forget(answer);
                }
                exit
            }
            Err(failure) if !named && is_beside_the_point(&failure) => Exit::Done,
            Err(failure) => {
                out.failure(&failure, line);
                failure.exit
            }
        });
    }
    exit
}

fn is_beside_the_point(failure: &Failure) -> bool {
    match failure.exit {
        Exit::NoProcess | Exit::Changed => true,
        Exit::NotPython => failure.cause != Some("unknown_version"),
        _ => false,
    }
}
