//! `ps`: the Python processes of this machine, and whether each can be looked at and changed.

use super::discover::looks_like_python;
use super::open::{Opened, open};
use crate::cli::exit::{Exit, Failure};
use crate::inject::refuse_at_sight;
use crate::report::{Ability, Envelope, Ps, PsProcess};
use crate::target::about::About;
use crate::target::access::{Evidence, denial_of_change};

/// Lists them. What vanishes while it is looked at is left out.
pub fn run() -> Ps {
    let processes = About::all()
        .iter()
        .filter(|about| looks_like_python(about))
        .filter_map(process)
        .collect();
    Ps {
        envelope: Envelope::live("ps", None),
        processes,
    }
}

fn process(about: &About) -> Option<PsProcess> {
    let row = |python, modules, look, change| PsProcess {
        pid: about.pid,
        command: about.command.clone(),
        python,
        modules,
        look,
        change,
    };
    Some(match open(about.pid) {
        Ok(opened) => row(
            Some(opened.located.python.version.to_string()),
            module_count(&opened),
            Ability::yes(),
            change(&opened),
        ),
        Err(failure) => {
            let no = refusal(&failure)?;
            row(None, None, no.clone(), no)
        }
    })
}

/// Why it cannot be looked at; `None` when it is no Python after all, or has ended.
fn refusal(failure: &Failure) -> Option<Ability> {
    match failure.exit {
        Exit::NoProcess | Exit::Changed => None,
        Exit::NotPython if failure.cause != Some("unknown_version") => None,
        exit => Some(Ability::no(
            failure.cause.unwrap_or(exit.kind()),
            failure
                .why
                .clone()
                .unwrap_or_else(|| failure.message.clone()),
            failure.help.clone(),
        )),
    }
}

/// How many items sys.modules of the main interpreter has: one read.
fn module_count(opened: &Opened) -> Option<u64> {
    let python = &opened.located.python;
    let used = python.layout.dict.used;
    let count = used.read(&opened.process, python.main().modules).ok()?;
    u64::try_from(count).ok()
}

/// What forbids a change, by what can be seen without a stop. Whether there will be a safe point is
/// only known when one is waited for, so there is no yes.
fn change(opened: &Opened) -> Ability {
    let pid = opened.process.pid();
    if let Some(denial) = denial_of_change(&Evidence::gather(pid)) {
        return Ability::no(denial.kind(), denial.to_string(), denial.help());
    }
    match refuse_at_sight(&opened.process, &opened.located.python) {
        Err(error) => Ability::no("no_route", error.to_string(), error.help().to_owned()),
        Ok(()) => Ability {
            ok: None,
            ..Ability::yes()
        },
    }
}
