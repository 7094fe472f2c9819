//! From the words of the command line to an exit code.

use super::args::Cli;
use super::dispatch;
use super::exit::{Exit, Failure};
use super::output::Output;
use clap::Parser;
use clap::error::ErrorKind;
use std::ffi::OsString;

/// Runs the tool with these words, the first of which is its own name.
pub fn run(words: impl IntoIterator<Item = OsString>) -> Exit {
    let words: Vec<OsString> = words.into_iter().collect();
    match Cli::try_parse_from(&words) {
        Ok(cli) => dispatch::run(&cli, &mut Output::new(cli.json)),
        Err(error) => refuse(&error, words.iter().any(|word| word == "--json")),
    }
}

/// Help is an answer; anything else is a wrong command line, in JSON for who asked for it.
fn refuse(error: &clap::Error, json: bool) -> Exit {
    let is_help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    );
    if json && !is_help {
        let text = error.render().to_string();
        let first = text.lines().next().unwrap_or_default();
        let message = first.strip_prefix("error: ").unwrap_or(first);
        let failure = Failure::new(Exit::Usage, message, "see: pyunload --help");
        Output::new(true).failure(&failure, None);
    } else {
        // Nothing can be said about an output that does not take what is said.
        let _ = error.print();
    }
    if is_help { Exit::Done } else { Exit::Usage }
}
