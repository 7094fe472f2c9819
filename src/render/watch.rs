//! An event of a watch: a line for it, and one for each thing there is to say.

use super::stale::what_name;
use super::{Answer, Look, bad, counted, escaped, good, name, warn};
use crate::report::{Ending, Envelope, ReloadWhat, StaleMember, WatchEvent, WatchKind};
use std::fmt::Write;

/// How many names of one kind are listed.
const LISTED: usize = 8;

impl Answer for WatchEvent {
    fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    fn text(&self, _look: &Look) -> String {
        let names = name(&listed(&self.modules));
        match self.event {
            WatchKind::Watching => format!(
                "watching {} in {}: {names}. Ctrl-C ends it.\n",
                counted(self.modules.len(), "module"),
                counted(self.files.len(), "folder"),
            ),
            WatchKind::Changed => changed(self, &names),
            WatchKind::Reloaded if self.modules.is_empty() => {
                format!(
                    "{}: the process runs this code already\n",
                    good("unchanged")
                )
            }
            WatchKind::Reloaded => reloaded(self, &names),
            WatchKind::Refused => refused(self, &names),
            WatchKind::Ended => match self.reason {
                Some(Ending::ProcessEnded) => "ended: the process has ended\n".to_owned(),
                _ => "ended: told to end\n".to_owned(),
            },
        }
    }
}

fn changed(event: &WatchEvent, names: &str) -> String {
    let Some(stale) = &event.stale else {
        return format!("{}: {names}\n", warn("written"));
    };
    if stale.is_empty() {
        return format!("{}: {names}, with the same code\n", good("written"));
    }
    let all: Vec<String> = stale.iter().map(|one| one.name.clone()).collect();
    let mut text = format!("{}: {}\n", bad("stale"), name(&listed(&all)));
    for member in stale.iter().take(LISTED) {
        add_member(&mut text, member);
    }
    text
}

fn add_member(text: &mut String, member: &StaleMember) {
    for change in member.changed.iter().take(LISTED) {
        let what = what_name(change.what);
        let place = format!("{} line {}", member.name, change.line);
        add(text, what, &format!("{} ({place})", change.qualname));
    }
}

fn reloaded(event: &WatchEvent, names: &str) -> String {
    let mut text = format!("{}: {names}\n", good("reloaded"));
    for outcome in event.outcomes.iter().flatten() {
        let is_told = |what| what != ReloadWhat::Moved && what != ReloadWhat::Kept;
        let changes = outcome.changes.iter().filter(|one| is_told(one.what));
        for change in changes.take(LISTED) {
            let what = match change.what {
                ReloadWhat::Added => "added",
                ReloadWhat::Removed => "removed",
                ReloadWhat::Constant => "constant",
                ReloadWhat::Replaced => "replaced",
                _ => "new code",
            };
            add(
                &mut text,
                what,
                &format!("{}.{}", outcome.name, change.qualname),
            );
        }
    }
    for old in event.stale_references.iter().flatten().take(LISTED) {
        let kind = old.kind.replace('_', " ");
        add(
            &mut text,
            "stays old",
            &format!("{}.{} ({kind})", old.module, old.name),
        );
    }
    text
}

fn refused(event: &WatchEvent, names: &str) -> String {
    let mut text = format!("{}: {names}\n", bad("not reloaded"));
    for blocker in event.blockers.iter().flatten().take(LISTED) {
        let kind = blocker.kind.replace('_', " ");
        add(
            &mut text,
            "needs more",
            &format!("{} {}: {kind}", blocker.name, blocker.detail),
        );
    }
    if let Some(error) = &event.error {
        add(
            &mut text,
            "why",
            error.why.as_deref().unwrap_or(&error.message),
        );
        add(&mut text, "help", &error.help);
    }
    text
}

fn listed(names: &[String]) -> String {
    let first = names.iter().take(LISTED).map(String::as_str);
    let first = first.collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(LISTED) {
        0 => escaped(&first),
        more => format!("{}, and {more} more", escaped(&first)),
    }
}

fn add(text: &mut String, label: &str, line: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  {label:<14} {}", escaped(line));
}
