//! `demo`: starts a small Python program, shows the commands on it, and ends it.

use super::{attach, modules, unload};
use crate::cli::args::Which;
use crate::cli::args::{Cli, Command, DemoArgs};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Output;
use crate::cli::timings::Timings;
use crate::render::name;
use clap::Parser;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::Command as Program;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// The program; it also runs on 2.7.
const PROGRAM: &str = include_str!("demo_program.py");
/// Runs the program, without showing all of it in the command line.
const START: &str = "import os; exec(os.environ['SHOP'])";
/// How long it may take to end before it is ended.
const PATIENCE: Duration = Duration::from_secs(5);

/// The program while it runs. It ends with its input, so also when we are killed.
struct Shop {
    child: Child,
    pid: i32,
}

/// Runs the demonstration.
pub fn run(args: &DemoArgs, out: &mut Output) -> Exit {
    let python = args.python.clone().unwrap_or_else(|| "python3".into());
    let shop = match Shop::open(&python) {
        Ok(shop) => shop,
        Err(failure) => {
            out.failure(&failure, None);
            return failure.exit;
        }
    };
    let exit = show(&shop, out);
    if let Err(failure) = shop.close() {
        out.failure(&failure, None);
        return exit.and(failure.exit);
    }
    say(
        out,
        "\nThe program has been told to end, and has. Your own: pyunload ps, then attach PID.",
    );
    exit
}

/// Every step with a sentence before it; a step that fails is the last.
fn show(shop: &Shop, out: &mut Output) -> Exit {
    let pid = shop.pid;
    say(
        out,
        &format!(
            "A small shop with two plugins has been started as process {pid}. It is busy selling.\n\
         First of all, who is it? Nothing in it is stopped or changed for this:"
        ),
    );
    say_command(out, &format!("attach {pid}"));
    let exit = out.result(attach::run(&Which::Pid(pid), None, None), Some("attach"));
    if exit != Exit::Done {
        return exit;
    }
    say(
        out,
        "\nWhich of its modules come from the folder of plugins?",
    );
    let exit = show_plugins(pid, out);
    if exit != Exit::Done {
        return exit;
    }
    say(
        out,
        "\nThe shop has dropped its legacy plugin, but sys.modules still holds it, and its big table.\n\
         It can be unloaded while the shop goes on selling. This does change the process, at a safe\n\
         point, and then says how it is proven that the plugin is gone:",
    );
    let exit = unload_legacy(pid, out);
    if exit != Exit::Done {
        return exit;
    }
    say(out, "\nWhat is left of the plugins:");
    show_plugins(pid, out)
}

fn show_plugins(pid: i32, out: &mut Output) -> Exit {
    say_command(out, &format!("modules {pid} 'shop_plugins*'"));
    let patterns = ["shop_plugins*".to_owned()];
    let wanted = modules::Wanted {
        patterns: &patterns,
        ..modules::Wanted::default()
    };
    let report = modules::run(&Which::Pid(pid), &wanted, None, &mut Timings::start());
    out.result(report, Some("modules"))
}

fn unload_legacy(pid: i32, out: &mut Output) -> Exit {
    let line = format!("unload {pid} shop_plugins.legacy --yes");
    say_command(out, &line);
    let words = std::iter::once("pyunload").chain(line.split(' '));
    match Cli::parse_from(words).command {
        Command::Unload(args) => unload::run(&args, out, Some("unload")),
        _ => Exit::Fault,
    }
}

/// A sentence for a person; documents speak for themselves.
fn say(out: &mut Output, text: &str) {
    if !out.json {
        out.text(&format!("{text}\n"));
    }
}

fn say_command(out: &mut Output, command: &str) {
    say(
        out,
        &format!("\n$ {}", name(&format!("pyunload {command}"))),
    );
}

impl Shop {
    /// Starts the program and waits until it is ready.
    fn open(python: &Path) -> Result<Self, Failure> {
        let mut child = Program::new(python)
            .args(["-c", START])
            .env("SHOP", PROGRAM)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| not_started(python, &error))?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            // An unreadable line is no pid, which is told below.
            let _ = BufReader::new(stdout).read_line(&mut line);
        }
        match line.trim().strip_prefix("READY ").map(str::parse) {
            Some(Ok(pid)) => Ok(Shop { child, pid }),
            _ => {
                drop(child.stdin.take());
                let _ = child.kill();
                let _ = child.wait();
                Err(Failure::new(
                    Exit::NotPython,
                    format!("{} did not run the program of the demo", python.display()),
                    "give another one: pyunload demo --python PATH",
                ))
            }
        }
    }

    /// Lets it end: its input is closed.
    fn close(mut self) -> Result<(), Failure> {
        drop(self.child.stdin.take());
        let until = Instant::now() + PATIENCE;
        let failure = |why: String| {
            Failure::new(
                Exit::Fault,
                "the program of the demo did not end well",
                "please report this",
            )
            .because(why)
            .of(self.pid)
        };
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(failure(status.to_string())),
                Err(error) => return Err(failure(error.to_string())),
                Ok(None) if Instant::now() > until => break,
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        Err(failure(format!(
            "still running after {} s",
            PATIENCE.as_secs()
        )))
    }
}

fn not_started(python: &Path, error: &std::io::Error) -> Failure {
    let known: PathBuf = python.into();
    let message = match error.kind() {
        ErrorKind::NotFound => format!("no Python found: there is no {}", known.display()),
        _ => format!("{} cannot be started", known.display()),
    };
    Failure::new(
        Exit::Usage,
        message,
        "give the Python to start: pyunload demo --python PATH",
    )
    .because(error.to_string())
}
