//! What a reload would do, and what it did.

use super::unload::how_text;
use super::{Answer, Look, bad, counted, escaped, good, name, warn};
use crate::report::{Envelope, OutcomeKind, Reload, ReloadOutcome, ReloadWhat};
use std::fmt::Write;

/// How many names of one kind are listed.
const LISTED: usize = 8;

impl Answer for Reload {
    fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    fn text(&self, _look: &Look) -> String {
        if self.is_current() {
            let names = name(&escaped(&self.plan.names.join(", ")));
            return format!("{}: {names}. Nothing to reload.\n", good("current"));
        }
        if self.dry_run {
            return reload_plan_text(self) + "Dry run: nothing was changed.\n";
        }
        let mut text = headline(self) + "\n";
        if self.is_refused() {
            add_blockers(&mut text, self);
            return text;
        }
        for outcome in &self.outcomes {
            add_outcome(&mut text, outcome);
        }
        let rebound = self
            .rebound
            .iter()
            .map(|one| format!("{}.{}", one.module, one.name));
        add_list(&mut text, "rebound", rebound.collect());
        let stale = self.stale_references.iter().flatten();
        let stale = stale.map(|one| {
            let kind = one.kind.replace('_', " ");
            format!("{}.{} ({kind})", one.module, one.name)
        });
        add_list(&mut text, "stays old", stale.collect());
        if let Some(injection) = &self.injection {
            add_line(&mut text, "how", &how_text(injection));
        }
        text
    }
}

/// What would be done.
pub fn reload_plan_text(report: &Reload) -> String {
    let what = match report.strength.as_str() {
        "code" => "compare them with their sources and set new code; nothing of them would run",
        "execute" => "run what changed in a scratch namespace, then set it",
        "whole" => "run them in a scratch namespace, then set what they made",
        _ => "run their sources in place, as importlib.reload does; there is no way back",
    };
    let names = &report.plan.names;
    let mut text = format!(
        "Reloading {} would {what}.\n",
        name(&escaped(&names.join(", ")))
    );
    let stale = report.stale.iter().flatten();
    add_list(
        &mut text,
        "stale",
        stale.map(|one| one.name.clone()).collect(),
    );
    add_list(&mut text, "no source", report.skipped.clone());
    let effects = report.side_effects.iter();
    let effects = effects.map(|one| format!("{} line {}: {}()", one.module, one.line, one.call));
    add_list(&mut text, "may call", effects.collect());
    text
}

fn headline(report: &Reload) -> String {
    let all = report.outcomes.len();
    let names = name(&escaped(&report.plan.names.join(", ")));
    let of = |kind| {
        report
            .outcomes
            .iter()
            .filter(move |one| one.outcome == kind)
    };
    if report.is_refused() {
        return format!("{}: {names}. Nothing was changed.", bad("refused"));
    }
    if report.is_half_done() {
        return format!("{}: {names} raised half-way.", bad("half done"));
    }
    let reloaded: Vec<&str> = of(OutcomeKind::Reloaded)
        .map(|one| one.name.as_str())
        .collect();
    match reloaded.len() {
        0 => format!("{}: {names}.", good("unchanged")),
        some if some == all => format!("{}: {names}.", good("reloaded")),
        _ => format!(
            "{}: {}. Unchanged: {}.",
            good("reloaded"),
            name(&escaped(&reloaded.join(", "))),
            counted(all - reloaded.len(), "module")
        ),
    }
}

fn add_outcome(text: &mut String, outcome: &ReloadOutcome) {
    let of = |wanted: ReloadWhat| {
        let found = outcome.changes.iter().filter(move |one| one.what == wanted);
        found
            .map(|one| format!("{}.{}", outcome.name, one.qualname))
            .collect::<Vec<String>>()
    };
    add_list(text, "new code", of(ReloadWhat::Code));
    add_list(text, "added", of(ReloadWhat::Added));
    add_list(text, "removed", of(ReloadWhat::Removed));
    add_list(text, "constant", of(ReloadWhat::Constant));
    add_list(text, "replaced", of(ReloadWhat::Replaced));
    add_list(text, "kept", of(ReloadWhat::Kept));
    let lines = |lines: &[u64]| {
        let lines = lines.iter().map(u64::to_string).collect::<Vec<_>>();
        lines.join(", ")
    };
    if !outcome.ran.is_empty() {
        add_line(
            text,
            "ran",
            &format!("{} lines {}", outcome.name, lines(&outcome.ran)),
        );
    }
    if !outcome.not_compared.is_empty() && outcome.outcome == OutcomeKind::Reloaded {
        let line = format!(
            "{} lines {}: not known whether they changed; not run",
            outcome.name,
            lines(&outcome.not_compared)
        );
        add_line(text, "not seen", &line);
    }
}

fn add_blockers(text: &mut String, report: &Reload) {
    for blocker in report.plan.blockers.iter().flatten() {
        let place = match blocker.detail.as_str() {
            "" => String::new(),
            detail => format!(" ({detail})"),
        };
        let line = format!("{}{place}: {}", blocker.name, reason(&blocker.kind));
        add_line(text, "needs more", &warn(&escaped(&line)));
    }
    let is_broken = |kind: &str| matches!(kind, "layout" | "metaclass");
    let blockers = report.plan.blockers.iter().flatten();
    let next = if blockers.clone().any(|one| is_broken(&one.kind)) {
        "restart the process, or --fresh, which leaves instances with the old class"
    } else {
        "reload --execute runs these statements; nothing is changed if one raises"
    };
    add_line(text, "next", next);
}

/// A word of the program inside, for a person.
fn reason(kind: &str) -> String {
    let text = match kind {
        "signature" => "its arguments changed",
        "defaults" => "its default values changed",
        "decorators" => "its decorators changed, or it was replaced at run time",
        "closure" => "it uses other variables of its surroundings",
        "bases" => "its base classes changed",
        "slots" => "its __slots__ changed",
        "fields" => "its fields changed",
        "layout" => "its instances would have another layout",
        "metaclass" => "its metaclass watches what is set",
        "new_class" => "a new class",
        "new_name" | "statement" => "a statement that has to run",
        "statement_gone" => "a statement that ran is gone",
        "import" => "a module that is not loaded yet",
        "class_attribute" => "the class reads it when it is made",
        "ambiguous" => "several functions of this name are alive",
        "not_found" => "the function could not be found",
        "not_a_class" => "it is no class any more",
        other => return other.replace('_', " "),
    };
    text.to_owned()
}

fn add_list(text: &mut String, label: &str, names: Vec<String>) {
    if names.is_empty() {
        return;
    }
    let listed: Vec<String> = names.iter().take(LISTED).map(|one| escaped(one)).collect();
    let more = match names.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    add_line(text, label, &format!("{}{more}", listed.join(", ")));
}

fn add_line(text: &mut String, label: &str, line: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  {label:<10} {line}");
}
