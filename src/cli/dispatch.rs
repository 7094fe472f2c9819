//! From parsed arguments to commands, one target after the other, and their answers to the output.

use super::args::{Cli, Command, DoctorArgs, ModulesArgs, Scope, Which};
use super::commands::discover::{Chosen, choose, split_words};
use super::commands::{
    demo, doctor as doctor_command, modules as modules_command, open, ps, schema, snapshot,
    unload as unload_command,
};
use super::exit::{Exit, Failure};
use super::output::Output;
use super::session;
use super::timings::Timings;
use crate::render::Answer;
use crate::report::Doctor;
use std::time::Duration;

/// Runs a command and says how it ended.
pub fn run(cli: &Cli, out: &mut Output) -> Exit {
    match &cli.command {
        Command::Attach(args) => session::attach(args, out),
        Command::Ps => out.result(Ok(ps::run()), None),
        Command::Doctor(args) => doctor(args, out, None),
        Command::Modules(args) => modules(args, out, None),
        Command::Unload(args) => unload_command::run(args, out, None),
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
    };
    out.look.addresses = args.addresses;
    let mut timings = Timings::start();
    let exit = for_each(&targets, args.scope, out, line, |which| {
        let report = modules_command::run(which, &wanted, &mut timings)?;
        let none = report.modules.is_empty() && !patterns.is_empty();
        Ok((report, if none { Exit::No } else { Exit::Done }))
    });
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
