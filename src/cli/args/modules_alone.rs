//! Understanding a line of `modules`, the shortest command, without building all other commands for it.

use super::{Cli, Command, ModulesArgs};
use clap::Parser;
use std::ffi::OsString;

/// `modules` and what all commands have.
#[derive(Debug, Parser)]
struct ModulesAlone {
    #[command(flatten)]
    args: ModulesArgs,
    #[arg(long)]
    json: bool,
}

impl Cli {
    /// What a command line says, as [`Parser::try_parse_from`] finds it.
    ///
    /// # Errors
    /// As there: also help is one.
    pub fn of_words(words: &[OsString]) -> Result<Cli, clap::Error> {
        // Whatever is not understood here is told by the parser of all.
        if words.get(1).is_some_and(|word| word == "modules")
            && let Ok(ModulesAlone { args, json }) = ModulesAlone::try_parse_from(&words[1..])
        {
            let command = Command::Modules(args);
            return Ok(Cli { command, json });
        }
        Cli::try_parse_from(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_the_same_as_to_the_parser_of_all_commands() {
        for line in [
            "modules 1 --json",
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
