//! The `pyunload` program.

use pyunload::target::watchdog::{WATCHDOG_ARGUMENT, watchdog_main};
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    if words.first().is_some_and(|word| word == WATCHDOG_ARGUMENT) {
        return watchdog_main(&words[1..]);
    }
    pyunload::cli::start::run(std::env::args_os()).into()
}
