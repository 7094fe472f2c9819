//! Loaded code against the files: what is stale first, function by function.

use super::{Answer, Look, bad, counted, dim, escaped, good, name, warn};
use crate::report::{Envelope, Stale, StaleModule, StaleState, StaleWhat};

impl Answer for Stale {
    fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    fn text(&self, look: &Look) -> String {
        let mut text = verdict(self);
        for module in &self.modules {
            let is_worth = module.state != StaleState::Current || !module.patched.is_empty();
            if is_worth && (shows_unknown(self) || module.state != StaleState::Unknown) {
                text.push_str(&of_module(module));
            }
        }
        let _ = look;
        text.push_str(&footer(self));
        text
    }
}

/// What cannot be told is listed only where few modules were asked for.
fn shows_unknown(report: &Stale) -> bool {
    report.modules.len() <= 20
}

fn stale(report: &Stale) -> impl Iterator<Item = &StaleModule> {
    report
        .modules
        .iter()
        .filter(|module| module.state.is_stale())
}

fn verdict(report: &Stale) -> String {
    let count = stale(report).count();
    let all = report.modules.len();
    match (all, count) {
        (0, _) => format!("{}: no module has such a name\n", warn("nothing")),
        (_, 0) => {
            let of = counted(all, "module");
            format!(
                "{}: no function of {of} differs from its file\n",
                good("current")
            )
        }
        _ => {
            let of = counted(all, "module");
            format!(
                "{}: {count} of {of} run other code than is on disk\n",
                bad("stale")
            )
        }
    }
}

fn of_module(module: &StaleModule) -> String {
    let file = module.file.as_deref().unwrap_or("no file");
    let state = state_name(module.state);
    let state = match module.state {
        StaleState::Current => state.to_owned(),
        other if other.is_stale() => bad(state),
        _ => warn(state),
    };
    let title = name(&escaped(&module.name));
    let mut text = format!("\n{title}  {state}  {}\n", dim(&escaped(file)));
    if let Some(detail) = &module.detail {
        text.push_str(&format!("  {}\n", escaped(detail)));
    }
    for change in &module.changed {
        let what = what_name(change.what);
        let qualname = escaped(&change.qualname);
        text.push_str(&format!("  line {:<5} {qualname}  {what}\n", change.line));
    }
    for patch in &module.patched {
        let attribute = escaped(&patch.attribute);
        text.push_str(&format!(
            "  {attribute}  replaced by {}\n",
            escaped(&patch.by)
        ));
    }
    text
}

fn state_name(state: StaleState) -> &'static str {
    match state {
        StaleState::Current => "current",
        StaleState::Changed => "changed on disk",
        StaleState::Missing => "missing on disk",
        StaleState::Moved => "moved on disk",
        StaleState::OtherVersion => "other version on disk",
        StaleState::Unreadable => "unreadable on disk",
        StaleState::Unknown => "unknown",
    }
}

/// What is otherwise, for a person.
pub fn what_name(what: StaleWhat) -> &'static str {
    match what {
        StaleWhat::Code => "changed",
        StaleWhat::Added => "only on disk",
        StaleWhat::Removed => "only in memory",
        StaleWhat::Constant => "other value",
    }
}

fn footer(report: &Stale) -> String {
    let functions: usize = report.modules.iter().map(|module| module.compared).sum();
    let unknown = report
        .modules
        .iter()
        .filter(|module| module.state == StaleState::Unknown)
        .count();
    let mut text = format!("Compared {}", counted(functions, "function"));
    if unknown > 0 {
        text.push_str(&format!(
            "; of {} it cannot be told",
            counted(unknown, "module")
        ));
    }
    let mut text = format!(
        "\n{}\n",
        dim(&format!("{text}. Read live; nothing ran in the process."))
    );
    if stale(report).next().is_some() {
        text.push_str("Next: reload moves it to the code on disk; plan --reload says what that would change.\n");
    }
    text
}
