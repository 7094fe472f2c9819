//! Understanding a plain line of `modules`, the shortest command, without building a parser for it: that takes 0.1 ms of
//! six for `modules` alone, and more for all commands.

use super::{Cli, Command, CoreArgs, MAX_STOP_MS, ModulesArgs, Scope};
use clap::Parser;
use std::ffi::OsString;

impl Cli {
    /// What a command line says, as [`Parser::try_parse_from`] finds it.
    ///
    /// # Errors
    /// As there: also help is one.
    pub fn of_words(words: &[OsString]) -> Result<Cli, clap::Error> {
        plain_modules(words).map_or_else(|| Cli::try_parse_from(words), Ok)
    }
}

/// `modules`, some words, and perhaps `--json`; `None` for any other line.
fn plain_modules(words: &[OsString]) -> Option<Cli> {
    let words: Option<Vec<&str>> = words.get(1..)?.iter().map(|word| word.to_str()).collect();
    let words = words?;
    let (options, plain): (Vec<&str>, Vec<&str>) =
        words.iter().partition(|word| word.starts_with('-'));
    let (&"modules", words) = plain.split_first()? else {
        return None;
    };
    let json = match options[..] {
        [] => false,
        ["--json"] => true,
        _ => return None,
    };
    (!words.is_empty()).then(|| Cli {
        command: Command::Modules(ModulesArgs {
            words: words.iter().map(|&word| word.to_owned()).collect(),
            core: CoreArgs { sysroot: None },
            scope: Scope {
                children: false,
                all: false,
            },
            interpreter: None,
            pause: false,
            max_stop: MAX_STOP_MS,
            addresses: false,
            timings: false,
        }),
        json,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_the_same_as_to_the_parser_of_all_commands() {
        for line in [
            "modules 1 --json",
            "modules 1 2 shop.*",
            "modules --json 1",
            "modules --json",
            "modules 1 --json --json",
            "modules 1 -",
            "modules 1 2 shop.* --pause --max-stop 7 --addresses --interpreter 1",
            "modules --all --children -- -odd",
            "modules",
            "modules 1 --max-stop 7",
            "modules 1 --version",
            "modules help",
            "modules --help",
            "modules 1 --unknown",
            "--json modules 1",
            "ps --json",
            "module 1",
        ] {
            let words = ["pyunload"].into_iter().chain(line.split(' '));
            let words: Vec<OsString> = words.map(OsString::from).collect();
            let text = |error: clap::Error| error.to_string();
            let (ours, all) = (Cli::of_words(&words), Cli::try_parse_from(&words));
            assert_eq!(ours.map_err(text), all.map_err(text), "{line}");
        }
    }
}
