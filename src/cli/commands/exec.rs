//! `exec`: runs Python in a process, and shows what a prompt would. The code itself is the consent.

use super::open::{Opened, open};
use crate::cli::args::ExecArgs;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Output;
use crate::control::consent::Consent;
use crate::control::error::ControlError;
use crate::inject::exec::{Answer, MAX_CODE, answer_room, parse, source};
use crate::inject::{InjectError, Kind, Ran, Refusal, Request, run_main};
use crate::render::traceback_text;
use crate::report::{Envelope, Exec, ExecStatus, Injection};
use crate::target::pause::PauseError;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

/// Runs the command, at the command line or in a session, where `line` is what was typed.
pub fn run(args: &ExecArgs, out: &mut Output, line: Option<&str>) -> Exit {
    match attempt(args) {
        Ok(report) => {
            out.answer(&report, line);
            if !out.json
                && let Some(text) = traceback_text(&report)
            {
                out.aside(&text);
            }
            exit_of(report.status)
        }
        Err(failure) => {
            out.failure(&failure, line);
            failure.exit
        }
    }
}

fn exit_of(status: ExecStatus) -> Exit {
    match status {
        ExecStatus::Ok => Exit::Done,
        ExecStatus::Raised => Exit::No,
        ExecStatus::Withdrawn => Exit::Withdrawn,
        ExecStatus::Started => Exit::Uncertain,
    }
}

fn attempt(args: &ExecArgs) -> Result<Exec, Failure> {
    let code = code_of(args)?;
    let opened = open(args.pid)?;
    let interpreter = opened.interpreter(args.interpreter)?;
    let envelope = Envelope::live("exec", Some(opened.target(interpreter)));
    match inject(args, &opened, &source(interpreter.modules, &code)) {
        Ok(ran) => understood(args.pid, envelope, &ran),
        Err(error) => without_end(args.pid, envelope, &error),
    }
}

fn inject(args: &ExecArgs, opened: &Opened, source: &str) -> Result<Ran, InjectError> {
    let request = Request {
        source,
        limit: Duration::from_secs_f64(args.limit),
        max_stop: Duration::from_millis(args.max_stop),
        override_switch: args.override_remote_debug_switch,
        interpreter: args.interpreter.unwrap_or_default(),
        beside_threads: args.force,
        parked: !args.no_parked,
        max_result: answer_room(),
    };
    let (process, image) = (&opened.process, &opened.located.image);
    let symbols = |name: &str| Some(image.find_symbol(process, name)?.address);
    let consent = Consent::given_by_user();
    run_main(process, &opened.located.python, &symbols, request, consent)
}

/// The code, from the command line or a file.
fn code_of(args: &ExecArgs) -> Result<String, Failure> {
    let code = match (&args.code, &args.file) {
        (Some(code), _) => code.clone(),
        (None, Some(file)) => read(file).map_err(|error| {
            let what = format!("the code in {} cannot be read", file.display());
            Failure::new(
                Exit::Usage,
                what,
                "give a text file in UTF-8, or - for standard input",
            )
            .because(error.to_string())
        })?,
        (None, None) => String::new(),
    };
    if code.len() > MAX_CODE {
        return Err(Failure::new(
            Exit::Usage,
            format!(
                "the code has {} bytes, and {MAX_CODE} are the most",
                code.len()
            ),
            "put it into a module that the process can import",
        ));
    }
    Ok(code)
}

fn read(file: &Path) -> std::io::Result<String> {
    // One byte more than is allowed tells that it is too much.
    let most = MAX_CODE as u64 + 1;
    let mut code = String::new();
    if file == Path::new("-") {
        std::io::stdin().take(most).read_to_string(&mut code)?;
    } else {
        std::fs::File::open(file)?
            .take(most)
            .read_to_string(&mut code)?;
    }
    Ok(code)
}

fn understood(pid: i32, envelope: Envelope, ran: &Ran) -> Result<Exec, Failure> {
    match parse(ran.status, &ran.value) {
        Answer::Executed(executed) => {
            let injection = Injection::new(ran, 1);
            let mut report = Exec::executed(envelope, injection, executed);
            if !report.truncated.is_empty() {
                let cut = report.truncated.join(" and ");
                let warning = format!("{cut} had more than 200 KiB; the rest was left out");
                report.envelope.warnings.push(warning);
            }
            Ok(report)
        }
        Answer::Moved => Err(Failure {
            cause: Some("module_table_moved"),
            ..Failure::new(
                Exit::Forbidden,
                "nothing was run",
                "programs that replace sys.modules, or run their main thread in a sub-interpreter, are not supported",
            )
            .because("sys.modules inside is not the table that was seen from outside")
            .of(pid)
        }),
        Answer::Prevented(what) => Err(Failure {
            cause: Some("raised"),
            ..Failure::new(
                Exit::Forbidden,
                "nothing was run",
                "is the program near its recursion limit, or does an audit hook of it forbid compile?",
            )
            .because(format!("{what} came before the code began"))
            .of(pid)
        }),
        Answer::Unreadable => {
            let why = "the code ran, and what it left could not be read".to_owned();
            Ok(Exec::without_end(envelope, ExecStatus::Started, why))
        }
    }
}

fn without_end(pid: i32, envelope: Envelope, error: &InjectError) -> Result<Exec, Failure> {
    let status = match error.kind() {
        Kind::Gone => return Err(Failure::gone(pid)),
        Kind::Withdrawn => ExecStatus::Withdrawn,
        Kind::Started => ExecStatus::Started,
        Kind::Refused => return Err(refused(pid, error)),
    };
    let why = format!("{error}; {}", error.help());
    Ok(Exec::without_end(envelope, status, why))
}

fn refused(pid: i32, error: &InjectError) -> Failure {
    let elsewhere = matches!(
        error,
        InjectError::Refused(Refusal::MainInterpreterOnly | Refusal::NobodyExecutes { .. })
    );
    let denied = matches!(
        error,
        InjectError::Refused(Refusal::Control(ControlError::Pause(
            PauseError::Denied { .. }
        )))
    );
    let (exit, cause) = match denied {
        true => (Exit::NotPermitted, "trace_denied"),
        false if elsewhere => (Exit::Forbidden, "sub_interpreter"),
        false => (Exit::Forbidden, "no_safe_point"),
    };
    Failure {
        cause: Some(cause),
        ..Failure::new(exit, "nothing was run", error.help())
            .because(error.to_string())
            .of(pid)
    }
}
