//! Help, and what is said to a wrong command line.

use crate::run::run;
use snapbox::{assert_data_eq, str};

#[test]
fn the_help_names_every_command_and_every_exit_code() {
    let ended = run(&["--help"]);
    assert_eq!(ended.code, 0);
    for command in [
        "attach", "ps", "doctor", "modules", "refs", "why", "ghosts", "plan", "check", "unload",
        "stale", "reload", "watch", "schema", "demo",
    ] {
        assert!(
            ended.stdout.contains(&format!("\n  {command} ")),
            "{command}"
        );
    }
    for code in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 70] {
        assert!(ended.stdout.contains(&format!("  {code}  ")), "{code}");
    }
    assert!(!ended.stdout.contains("watchdog"), "a hidden command");
}

#[test]
fn the_help_of_modules_shows_how_it_is_used() {
    let ended = run(&["modules", "-h"]);
    assert_data_eq!(
        ended.stdout,
        str![[r#"
Show sys.modules: name, kind, references, version, file

Usage: pyunload modules [OPTIONS] [PID|CORE|PATTERN]...

Arguments:
  [PID|CORE|PATTERN]...  One or more pids or core files, then names or patterns of modules

Options:
      --sysroot <DIR>    Look for the programs and libraries that a core file leaves out below this
                         folder
      --children         Also their Python child processes, and theirs
      --all              All Python processes of this machine
      --interpreter <N>  Which interpreter; 0 is the main one
      --pause            Stop the process while it is read, so that everything is of one moment
      --max-stop <MS>    The longest a stop may last, in milliseconds [default: 200]
      --addresses        Show the addresses of modules and their globals
      --json             Answer as JSON: one document per target, errors included
  -h, --help             Print help

A pattern is a name, or has *, ? and [..]; * also matches dots. With patterns the exit code is 1
when none of the modules matches.

Examples:
  pyunload modules 4242
  pyunload modules 4242 'shop.*' requests
  pyunload modules 4242 --children --json
  pyunload modules core.4242 --sysroot image/

"#]]
    );
}

#[test]
fn a_wrong_option_is_a_wrong_usage() {
    let ended = run(&["modules", "1", "--wrong"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
    assert!(ended.stderr.contains("--wrong"), "{}", ended.stderr);
}

#[test]
fn a_wrong_option_is_told_as_a_document_to_who_asked_for_documents() {
    let ended = run(&["modules", "1", "--wrong", "--json"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (2, ""));
    let document = ended.document();
    assert_eq!(document["schema"], "pyunload.error/1");
    assert_eq!(document["error"]["code"], 2);
    assert_eq!(document["error"]["kind"], "usage");
}

#[test]
fn a_name_where_a_pid_belongs_is_told_in_two_lines() {
    let ended = run(&["modules", "json"]);
    assert_eq!(ended.code, 2);
    assert_data_eq!(
        ended.stderr,
        str![[r#"
error: no process is named: "json" is neither a pid (a whole number above 0) nor the path of a core file
  help  begin with a pid or a core file, as in: pyunload modules 4242; pyunload ps lists them

"#]]
    );
}
