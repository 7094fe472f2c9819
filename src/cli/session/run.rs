//! The course of a session: the summary, then line after line until there is none.

use super::line::{Parsed, parse};
use super::prompt::Prompt;
use crate::cli::args::{AttachArgs, CoreArgs, LineCommand, Which};
use crate::cli::commands::{attach, exec, modules, reload, snapshot, unload};
use crate::cli::dispatch;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Output;
use crate::cli::timings::Timings;
use crate::render::{dim, escaped};
use crate::target::process::Process;
use std::io::{BufRead, IsTerminal};
use std::path::Path;

/// What is said before the first prompt.
const WELCOME: &str = "Looking only: nothing in the process has been touched. Type help.\n";

/// A session on one process or core file.
struct Session<'o> {
    which: Which,
    /// The process, to notice when its pid names another one.
    process: Option<Process>,
    core: CoreArgs,
    interpreter: Option<i64>,
    out: &'o mut Output,
}

/// Whether there is more to come after a line.
enum Next {
    Go(Exit),
    End(Exit),
}

/// Runs a session to its end. At a prompt it ends well however its commands did; as a script it
/// ends as the first command that did not.
pub fn attach(args: &AttachArgs, out: &mut Output) -> Exit {
    match Session::begin(args, out) {
        Ok(mut session) => session.run(args),
        Err(failure) => {
            out.failure(&failure, Some("attach"));
            failure.exit
        }
    }
}

impl<'o> Session<'o> {
    fn begin(args: &AttachArgs, out: &'o mut Output) -> Result<Self, Failure> {
        let process = match args.target {
            Which::Pid(pid) => Some(Process::open(pid)?),
            Which::Core(_) => None,
        };
        let sysroot = args.core.sysroot.as_deref();
        let summary = attach::run(&args.target, args.interpreter, sysroot)?;
        out.answer(&summary, Some("attach"));
        Ok(Session {
            which: args.target.clone(),
            process,
            core: args.core.clone(),
            interpreter: args.interpreter,
            out,
        })
    }

    fn run(&mut self, args: &AttachArgs) -> Exit {
        if !args.commands.is_empty() {
            return self.run_all(args.commands.iter().cloned());
        }
        if let Some(script) = &args.script {
            return match lines_of(script) {
                Ok(lines) => self.run_all(lines.into_iter()),
                Err(failure) => self.failed(&failure, "attach"),
            };
        }
        let stdin = std::io::stdin();
        if !stdin.is_terminal() || self.out.look.width.is_none() {
            return self.run_all(stdin.lock().lines().map_while(Result::ok));
        }
        match Prompt::new(&self.which, self.module_names()) {
            Ok(prompt) => {
                self.out.text(&dim(WELCOME));
                self.run_all(prompt);
                Exit::Done
            }
            Err(error) => {
                let failure = Failure::new(
                    Exit::Fault,
                    "this terminal cannot be used",
                    "give commands with -c, or through a pipe",
                );
                self.failed(&failure.because(error.to_string()), "attach")
            }
        }
    }

    fn run_all(&mut self, lines: impl Iterator<Item = String>) -> Exit {
        let mut exit = Exit::Done;
        for line in lines {
            match self.run_line(&line) {
                Next::Go(end) => exit = exit.and(end),
                Next::End(end) => return exit.and(end),
            }
            if self.out.is_closed() {
                return exit;
            }
        }
        exit
    }

    fn run_line(&mut self, line: &str) -> Next {
        let (command, json) = match parse(line, &self.which) {
            Ok(Parsed::Nothing) => return Next::Go(Exit::Done),
            Ok(Parsed::Help(text)) => {
                // Among documents there is no place for prose.
                match self.out.json {
                    true => self.out.aside(&text),
                    false => self.out.text(&text),
                }
                return Next::Go(Exit::Done);
            }
            Ok(Parsed::Command(command, json)) => (command, json),
            Err(failure) => return Next::Go(self.failed(&failure, line)),
        };
        if command == LineCommand::Quit {
            return Next::End(Exit::Done);
        }
        if let Some(process) = self.process.as_ref().filter(|process| !process.is_same()) {
            let failure = Failure::gone(process.pid());
            return Next::End(self.failed(&failure, line));
        }
        let always_json = self.out.json;
        self.out.json |= json;
        let exit = self.run_command(&command, line);
        self.out.json = always_json;
        Next::Go(exit)
    }

    fn run_command(&mut self, command: &LineCommand, line: &str) -> Exit {
        let mut command = command.clone();
        if let Some(interpreter) = interpreter_of(&mut command) {
            *interpreter = interpreter.or(self.interpreter);
        }
        if let Some(core) = core_of(&mut command) {
            core.sysroot = core.sysroot.take().or(self.core.sysroot.clone());
        }
        let (out, line) = (&mut *self.out, Some(line));
        match &command {
            LineCommand::Modules(args) => dispatch::modules(args, out, line),
            LineCommand::Doctor(args) => dispatch::doctor(args, out, line),
            LineCommand::Refs(args) => dispatch::refs(args, out, line),
            LineCommand::Why(args) => dispatch::why(args, out, line),
            LineCommand::Ghosts(args) => dispatch::ghosts(args, out, line),
            LineCommand::Stale(args) => dispatch::stale(args, out, line),
            LineCommand::Plan(args) => dispatch::plan(args, out, line),
            LineCommand::Check(args) => dispatch::check(args, out, line),
            LineCommand::Unload(args) => unload::run(args, out, line),
            LineCommand::Reload(args) => reload::run(args, out, line),
            LineCommand::Exec(args) => exec::run(args, out, line),
            LineCommand::Snapshot(args) => out.result(snapshot::run(args), line),
            LineCommand::Summary => {
                let sysroot = self.core.sysroot.as_deref();
                out.result(attach::run(&self.which, self.interpreter, sysroot), line)
            }
            LineCommand::Quit => Exit::Done,
        }
    }

    fn failed(&mut self, failure: &Failure, line: &str) -> Exit {
        self.out.failure(failure, Some(line));
        failure.exit
    }

    /// What completion knows; nothing when it cannot be read just now.
    fn module_names(&self) -> Vec<String> {
        let wanted = modules::Wanted {
            interpreter: self.interpreter,
            sysroot: self.core.sysroot.as_deref(),
            ..modules::Wanted::default()
        };
        let report = modules::run(&self.which, &wanted, None, &mut Timings::start());
        let rows = report.iter().flat_map(|report| report.modules.iter());
        rows.map(|module| escaped(&module.name)).collect()
    }
}

/// The interpreter a command names, or that of the session.
fn interpreter_of(command: &mut LineCommand) -> Option<&mut Option<i64>> {
    match command {
        LineCommand::Modules(args) => Some(&mut args.interpreter),
        LineCommand::Exec(args) => Some(&mut args.interpreter),
        LineCommand::Refs(args) => Some(&mut args.picture.interpreter),
        LineCommand::Why(args) => Some(&mut args.picture.interpreter),
        LineCommand::Ghosts(args) => Some(&mut args.picture.interpreter),
        LineCommand::Stale(args) => Some(&mut args.interpreter),
        LineCommand::Plan(args) => Some(&mut args.picture.interpreter),
        LineCommand::Check(args) => Some(&mut args.picture.interpreter),
        LineCommand::Doctor(_)
        | LineCommand::Unload(_)
        | LineCommand::Reload(_)
        | LineCommand::Snapshot(_)
        | LineCommand::Summary
        | LineCommand::Quit => None,
    }
}

/// Where a command looks for what a core file leaves out.
fn core_of(command: &mut LineCommand) -> Option<&mut CoreArgs> {
    match command {
        LineCommand::Modules(args) => Some(&mut args.core),
        LineCommand::Refs(args) => Some(&mut args.picture.core),
        LineCommand::Why(args) => Some(&mut args.picture.core),
        LineCommand::Ghosts(args) => Some(&mut args.picture.core),
        LineCommand::Plan(args) => Some(&mut args.picture.core),
        LineCommand::Check(args) => Some(&mut args.picture.core),
        LineCommand::Stale(_)
        | LineCommand::Doctor(_)
        | LineCommand::Unload(_)
        | LineCommand::Reload(_)
        | LineCommand::Exec(_)
        | LineCommand::Snapshot(_)
        | LineCommand::Summary
        | LineCommand::Quit => None,
    }
}

fn lines_of(script: &Path) -> Result<Vec<String>, Failure> {
    let text = std::fs::read_to_string(script).map_err(|error| {
        Failure::new(
            Exit::Usage,
            format!("cannot read {}", script.display()),
            "give the path of a text file with one command a line",
        )
        .because(error.to_string())
    })?;
    Ok(text.lines().map(str::to_owned).collect())
}
