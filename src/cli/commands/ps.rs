//! `ps`: the Python processes of this machine, and whether each can be looked at and changed.

use super::discover::looks_like_python;
use super::open::{Opened, open};
use crate::cli::exit::{Exit, Failure};
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
    let (python, modules, look) = match open(about.pid) {
        Ok(opened) => (
            Some(opened.located.python.version.to_string()),
            module_count(&opened),
            Ability::yes(),
        ),
        Err(failure) => (None, None, refusal(&failure)?),
    };
    Some(PsProcess {
        pid: about.pid,
        command: about.command.clone(),
        python,
        modules,
        change: change(about.pid, &look),
        look,
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

/// What forbids a change by the looks of it. That a change would find a safe point is not assessed
/// here, so there is no yes.
fn change(pid: i32, look: &Ability) -> Ability {
    if look.ok == Some(false) {
        return look.clone();
    }
    match denial_of_change(&Evidence::gather(pid)) {
        Some(denial) => Ability::no(denial.kind(), denial.to_string(), denial.help()),
        None => Ability {
            ok: None,
            ..Ability::yes()
        },
    }
}
