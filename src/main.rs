//! The `pyunload` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    pyunload::cli::start::run(std::env::args_os())
}
