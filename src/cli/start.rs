//! From the words of the command line to an exit code.

use super::args::Cli;
use super::dispatch;
use super::exit::{Exit, Failure};
use super::output::Output;
use super::session::words_of;
use crate::target::processors::give_way;
use crate::target::twin::{INNER_ARGUMENT, TWIN_ARGUMENT, twin_main};
use crate::target::watchdog::{WATCHDOG_ARGUMENT, watchdog_main};
use clap::error::ErrorKind;
use std::ffi::OsString;
use std::panic::catch_unwind;
use std::process::ExitCode;

/// Runs the tool with these words, the first of which is its own name. Before a stop it starts
/// itself once more, as the watchdog of that stop.
pub fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    give_way();
    let words: Vec<OsString> = words.into_iter().collect();
    keep_freed_memory();
    if words.get(1).is_some_and(|word| word == WATCHDOG_ARGUMENT) {
        return watchdog_main(&words[2..]);
    }
    for (argument, is_inner) in [(TWIN_ARGUMENT, false), (INNER_ARGUMENT, true)] {
        if words.get(1).is_some_and(|word| word == argument) {
            return twin_main(&words[2..], is_inner);
        }
    }
    let json = words.iter().any(|word| word == "--json");
    // What unwinds on its way here has undone every stop.
    let ended = catch_unwind(|| match Cli::of_words(&words) {
        Ok(cli) => dispatch::run(&cli, &mut Output::new(cli.json)),
        Err(error) => refuse(&error, json),
    });
    ended.unwrap_or_else(|_| admit(json)).into()
}

/// Our own fault: what happened and where was said on standard error when it happened.
fn admit(json: bool) -> Exit {
    let failure = Failure::new(
        Exit::Fault,
        "pyunload itself has failed",
        "please report this with what is said above it, and with pyunload --version",
    );
    Output::new(json).failure(&failure, None);
    failure.exit
}

/// Lets the allocator use freed memory again instead of giving it back to the kernel, which returns
/// it page by page and filled with zeroes: a large part of the time of a short command. glibc keeps
/// blocks up to the size of the largest one that was ever freed (`M_MMAP_THRESHOLD`, mallopt(3)).
fn keep_freed_memory() {
    const KEPT: usize = 16 << 20;
    drop(std::hint::black_box(Vec::<u8>::with_capacity(KEPT)));
}

/// Help is an answer; anything else is a wrong command line, in JSON for who asked for it.
fn refuse(error: &clap::Error, json: bool) -> Exit {
    let is_help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    );
    if json && !is_help {
        let (message, tip) = words_of(error);
        let help = tip.unwrap_or_else(|| "see: pyunload --help".to_owned());
        let failure = Failure::new(Exit::Usage, message, help);
        Output::new(true).failure(&failure, None);
    } else {
        // Nothing can be said about an output that does not take what is said.
        let _ = error.print();
    }
    if is_help { Exit::Done } else { Exit::Usage }
}
