//! One line of a session, as a command.

use crate::cli::args::{ASSERTIONS, Line, LineCommand, PATTERNS, Which};
use crate::cli::exit::{Exit, Failure};
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};

/// The commands that take a target at the command line. In a session it is put in for them.
const TAKE_A_TARGET: [&str; 12] = [
    "modules", "doctor", "refs", "why", "ghosts", "stale", "plan", "check", "snapshot", "unload",
    "exec", "reload",
];

/// Those of them that begin their words with targets, with what follows in a session.
const TAKE_WORDS: [(&str, &str, &str); 7] = [
    ("modules", "PATTERN", "Names or patterns of modules"),
    ("refs", "MODULE", "The name of a module"),
    ("why", "NAME", "The name of a module"),
    ("ghosts", "NAME", "The name of a package or module"),
    ("stale", "PATTERN", "Names or patterns of modules"),
    ("plan", "NAME", "The names of packages or modules"),
    ("check", "ASSERTION", "Assertions"),
];

/// What a line asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Parsed {
    /// Nothing: it is empty or a comment.
    Nothing,
    /// Help, which is this text.
    Help(String),
    /// A command; and whether it is to be answered as JSON.
    Command(LineCommand, bool),
}

/// Parses a line of a session on a target.
///
/// # Errors
/// What is wrong with it.
pub fn parse(line: &str, which: &Which) -> Result<Parsed, Failure> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(Parsed::Nothing);
    }
    let Some(mut words) = words_of_line(line) else {
        return Err(Failure::new(
            Exit::Usage,
            "a quote is not closed",
            "close it, or put a backslash before it",
        ));
    };
    put_in_target(&mut words, which);
    let parsed = definitions()
        .try_get_matches_from(words)
        .and_then(|matches| Line::from_arg_matches(&matches));
    match parsed {
        Ok(line) => Ok(Parsed::Command(line.command, line.json)),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                Ok(Parsed::Help(error.render().to_string()))
            }
            _ => Err(usage(&error)),
        },
    }
}

/// The definitions, with help that does not speak of pids.
fn definitions() -> clap::Command {
    let line = Line::command().help_template("{all-args}");
    TAKE_WORDS
        .into_iter()
        .fold(line, |line, (name, words, help)| {
            line.mut_subcommand(name, |command| {
                let words = command_of_words(command, words, help);
                hidden(words, &["children", "all", "sysroot"])
            })
        })
        .mut_subcommand("modules", |command| command.after_help(PATTERNS))
        .mut_subcommand("check", |command| command.after_help(ASSERTIONS))
        .mut_subcommand("doctor", |command| {
            hidden(command, &["pids", "children", "all"]).override_usage("doctor [OPTIONS]")
        })
        .mut_subcommand("snapshot", |command| {
            command
                .override_usage("snapshot [OPTIONS] --output <FILE>")
                .mut_arg("pid", |arg| arg.hide(true).index(1))
        })
        .mut_subcommand("exec", |command| {
            command
                .override_usage("exec [OPTIONS] <CODE>")
                .mut_arg("pid", |arg| arg.hide(true).index(1))
                .mut_arg("code", |arg| arg.index(2))
                .after_help("")
        })
        .mut_subcommand("unload", |command| {
            // An argument that is changed moves behind the others, unless it has a place.
            command
                .override_usage("unload [OPTIONS] <NAME>...")
                .mut_arg("pid", |arg| arg.hide(true).index(1))
                .mut_arg("names", |arg| arg.index(2))
        })
        .mut_subcommand("reload", |command| {
            command
                .override_usage("reload [OPTIONS] <NAME>...")
                .mut_arg("pid", |arg| arg.hide(true).index(1))
                .mut_arg("names", |arg| arg.index(2))
        })
}

/// A command that takes words, called what they are in a session.
fn command_of_words(
    command: clap::Command,
    words: &'static str,
    help: &'static str,
) -> clap::Command {
    let usage = format!("{} [OPTIONS] [{words}]...", command.get_name());
    command
        .override_usage(usage)
        .mut_arg("words", |arg| arg.value_name(words).help(help))
        .after_help("")
}

/// Hides those of these arguments that the command has.
fn hidden(command: clap::Command, names: &[&'static str]) -> clap::Command {
    command.mut_args(|arg| match names.contains(&arg.get_id().as_str()) {
        true => arg.hide(true),
        false => arg,
    })
}

/// The words of a line. Everything behind `exec` is code as it stands, unless it begins with an
/// option, or is one word in quotes, as at a shell. `None` when a quote is not closed.
fn words_of_line(line: &str) -> Option<Vec<String>> {
    let code = line
        .strip_prefix("exec ")
        .map(str::trim)
        .filter(|code| !code.is_empty() && !code.starts_with('-'));
    let words = shlex::split(line);
    let Some(code) = code else { return words };
    let is_one_word = words.is_some_and(|words| words.len() == 2);
    let code = match is_one_word && code.starts_with(['\'', '"']) {
        true => shlex::split(code)?.concat(),
        false => code.to_owned(),
    };
    Some(vec!["exec".to_owned(), code])
}

/// Puts the target behind the command, unless somebody wrote it there.
fn put_in_target(words: &mut Vec<String>, which: &Which) {
    let takes_one = words
        .first()
        .is_some_and(|word| TAKE_A_TARGET.contains(&word.as_str()));
    let target = which.to_string();
    if takes_one && words.get(1) != Some(&target) {
        words.insert(1, target);
    }
}

/// What clap says of a wrong line, without its decoration; its tip, if it has one, is the help.
fn usage(error: &clap::Error) -> Failure {
    let (message, tip) = words_of(error);
    let help = tip.unwrap_or_else(|| "help lists the commands and options".to_owned());
    Failure::new(Exit::Usage, message, help)
}

/// The message of an error of clap, and its tip.
pub fn words_of(error: &clap::Error) -> (String, Option<String>) {
    let text = error.render().to_string();
    // What is missing is listed on the lines behind the first.
    let head: Vec<&str> = text
        .lines()
        .take_while(|line| !line.trim().is_empty())
        .map(str::trim)
        .collect();
    let head = head.join(" ");
    let message = head.strip_prefix("error: ").unwrap_or(&head).to_owned();
    let tip = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("tip: "));
    (message, tip.map(str::to_owned))
}

/// The names of all commands, for completion.
pub fn command_names() -> Vec<String> {
    let mut names: Vec<String> = Line::command()
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    names.push("help".to_owned());
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns_of(line: &str) -> Vec<String> {
        match parse(line, &Which::Pid(4242)) {
            Ok(Parsed::Command(LineCommand::Modules(args), _)) => args.words,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_pid_of_the_session_is_put_in_once() {
        assert_eq!(
            patterns_of("modules 'shop.*' json"),
            ["4242", "shop.*", "json"]
        );
        assert_eq!(patterns_of("modules 4242 json"), ["4242", "json"]);
        assert_eq!(patterns_of("modules"), ["4242"]);
    }

    #[test]
    fn the_pid_comes_before_the_names_of_unload_too() {
        match parse("unload json --yes", &Which::Pid(4242)) {
            Ok(Parsed::Command(LineCommand::Unload(args), _)) => {
                assert_eq!((args.pid, args.names), (4242, vec!["json".to_owned()]));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_stands_behind_exec_is_code_as_it_is() {
        let code_of = |line: &str| match parse(line, &Which::Pid(4242)) {
            Ok(Parsed::Command(LineCommand::Exec(args), _)) => (args.pid, args.code),
            other => panic!("{other:?}"),
        };
        let code = |code: &str| (4242, Some(code.to_owned()));
        let line = "exec import sys; sys.modules['a b'] # it's";
        assert_eq!(code_of(line), code("import sys; sys.modules['a b'] # it's"));
        assert_eq!(code_of("exec 'len([])'"), code("len([])"));
        assert_eq!(code_of("exec --limit 3 '1 + 1'"), code("1 + 1"));
    }

    #[test]
    fn a_word_that_is_nearly_a_command_is_answered_with_that_command() {
        let failure = parse("modulez", &Which::Pid(1)).expect_err("no such command");
        assert!(failure.help.contains("'modules'"), "{}", failure.help);
    }

    #[test]
    fn empty_lines_and_comments_ask_for_nothing() {
        assert_eq!(parse("  ", &Which::Pid(1)), Ok(Parsed::Nothing));
        assert_eq!(parse("# modules", &Which::Pid(1)), Ok(Parsed::Nothing));
    }

    #[test]
    fn a_line_can_ask_for_json() {
        let parsed = parse("modules --json", &Which::Pid(1));
        assert!(matches!(parsed, Ok(Parsed::Command(_, true))), "{parsed:?}");
    }

    #[test]
    fn help_is_an_answer_and_an_unknown_command_is_not() {
        assert!(matches!(parse("help", &Which::Pid(1)), Ok(Parsed::Help(_))));
        assert!(matches!(
            parse("modules --help", &Which::Pid(1)),
            Ok(Parsed::Help(_))
        ));
        let failure = parse("modulez", &Which::Pid(1)).expect_err("no such command");
        assert_eq!(failure.exit, Exit::Usage);
        let failure = parse("modules 'shop", &Which::Pid(1)).expect_err("an open quote");
        assert_eq!(failure.exit, Exit::Usage);
    }
}
