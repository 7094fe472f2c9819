//! What an unload would do, and what it did.

use super::{Answer, Look, bad, escaped, good, name, thousands, warn};
use crate::report::{Envelope, Injection, Outcome, OutcomeKind, Plan, Proof, Remaining, Unload};
use std::fmt::Write;

/// How many names of one kind are listed.
const LISTED: usize = 6;

/// How many ways to each ghost are.
const WAYS: usize = 2;

impl Answer for Unload {
    fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    fn text(&self, look: &Look) -> String {
        let width = look.width.unwrap_or(100);
        if self.is_current() {
            let members = counted(self.outcomes.len(), "module");
            return format!("Nothing to do: none of {members} is stale.\n");
        }
        if self.dry_run {
            return plan_text(self, width) + "Dry run: nothing was changed.\n";
        }
        let Some(injection) = self.injection.as_ref() else {
            return refused_text(self, width);
        };
        let mut text = headline(self) + "\n";
        let stale = self.stale.iter().flatten();
        let stale: Vec<String> = stale.map(|one| escaped(&one.name).to_string()).collect();
        if !stale.is_empty() {
            add_line(&mut text, "stale", &stale.join(", "), width);
        }
        add_left(&mut text, &self.outcomes, width);
        add_held(&mut text, self, width);
        let undone = self.plan.remedies.as_deref().unwrap_or_default();
        let is_back = self.worst() == Some(OutcomeKind::RolledBack);
        for remedy in undone
            .iter()
            .filter(|one| one.by_unload && !is_back)
            .take(LISTED)
        {
            add_line(&mut text, "undid", &escaped(&remedy.detail), width);
        }
        add_line(&mut text, "how", &how_text(injection), width);
        if let Some(proof) = &self.proof {
            add_line(&mut text, "proof", &proof_text(self, proof), width);
        }
        if let Some(next) = next_text(self) {
            add_line(&mut text, "next", next, width);
        }
        text
    }
}

/// Who held it, when everything was put back.
fn add_held(text: &mut String, report: &Unload, width: usize) {
    for path in report.held_by.iter().flatten().take(LISTED) {
        let path: Vec<String> = path.iter().map(|part| escaped(part)).collect();
        add_line(text, "held by", &path.join(" -> "), width);
    }
}

/// A plan that was not begun: why, and what to do.
fn refused_text(report: &Unload, width: usize) -> String {
    super::plan::text_of(&report.plan, &report.envelope, width, true)
}

/// What would be done.
pub fn plan_text(report: &Unload, width: usize) -> String {
    super::plan::text_of(&report.plan, &report.envelope, width, false)
}

/// The answer in one line.
fn headline(report: &Unload) -> String {
    let subject = subject(&report.plan, report.outcomes.len());
    match report.worst() {
        None | Some(OutcomeKind::Gone) => format!("{}: {subject}.", good("gone")),
        Some(OutcomeKind::GoneNameOnly) => format!(
            "{}: {subject}. A name stays behind: loggers or source lines are kept under it.",
            good("gone")
        ),
        Some(OutcomeKind::Mapped) => format!(
            "{}: {subject}. Shared libraries stay mapped until the process ends.",
            good("gone")
        ),
        Some(OutcomeKind::RolledBack) => format!(
            "{}: {subject} would have stayed alive, so everything was put back.",
            warn("rolled back")
        ),
        Some(OutcomeKind::Unlinked) => format!(
            "{}: {subject} left sys.modules; that the code is gone was not proven.",
            warn("unlinked")
        ),
        Some(_) => {
            let left = report
                .outcomes
                .iter()
                .filter(|outcome| is_left(outcome))
                .count();
            format!(
                "{}: {subject} left sys.modules, but code of {} is still alive.",
                bad("ghost"),
                counted(left, "module")
            )
        }
    }
}

fn subject(plan: &Plan, modules: usize) -> String {
    let names = name(&escaped(&plan.names.join(", ")));
    match modules.saturating_sub(plan.names.len()) {
        0 => names,
        more => format!("{names} and {}", counted(more, "submodule")),
    }
}

fn is_left(outcome: &Outcome) -> bool {
    outcome.outcome == OutcomeKind::Ghost
}

/// The first few modules of which something is left, and how many more there are.
fn add_left(text: &mut String, outcomes: &[Outcome], width: usize) {
    let left: Vec<&Outcome> = outcomes.iter().filter(|one| is_left(one)).collect();
    for outcome in left.iter().take(LISTED) {
        add_line(text, "left", &left_text(outcome), width);
        for path in outcome.paths.iter().flatten().take(WAYS) {
            let path: Vec<String> = path.iter().map(|part| escaped(part)).collect();
            add_line(text, "held by", &path.join(" -> "), width);
        }
    }
    let Some(more) = left.get(LISTED..).filter(|more| !more.is_empty()) else {
        return;
    };
    let functions: usize = more.iter().map(|one| one.left.functions).sum();
    let classes: usize = more.iter().map(|one| one.left.classes).sum();
    let line = format!(
        "{} more, with {} and {}; --json names them all",
        counted(more.len(), "module"),
        counted(functions, "function"),
        counted(classes, "class")
    );
    add_line(text, "left", &line, width);
}

fn left_text(outcome: &Outcome) -> String {
    let left = &outcome.left;
    let mut parts = Vec::new();
    if left.modules > 0 {
        parts.push("the module object".to_owned());
    }
    if left.globals > 0 {
        parts.push("its namespace".to_owned());
    }
    if left.functions > 0 {
        parts.push(counted(left.functions, "function"));
    }
    if left.classes > 0 {
        let names: Vec<String> = left.class_names.iter().map(|name| escaped(name)).collect();
        let more = if left.classes > names.len() {
            ", ..."
        } else {
            ""
        };
        let count = counted(left.classes, "class");
        parts.push(format!("{count} ({}{more})", names.join(", ")));
    }
    if parts.is_empty() {
        parts.push("the object itself".to_owned());
    }
    let frozen = if is_frozen(left) {
        "; kept by gc.freeze"
    } else {
        ""
    };
    format!("{}: {}{frozen}", escaped(&outcome.name), parts.join(", "))
}

fn is_frozen(left: &Remaining) -> bool {
    left.frozen > 0
}

pub(super) fn how_text(injection: &Injection) -> String {
    let tries = match injection.attempts {
        1 => String::new(),
        many => format!("; at the {} attempt", ordinal(many)),
    };
    format!(
        "{}; threads held for {}, GIL for {}{tries}",
        injection.route.words(),
        milliseconds(injection.stopped_us),
        milliseconds(injection.gil_held_us)
    )
}

fn proof_text(report: &Unload, proof: &Proof) -> String {
    let Some(objects) = proof.objects.filter(|_| proof.complete) else {
        let why = proof.why.as_deref().unwrap_or("it could not be made");
        return format!("none: {}", escaped(why));
    };
    let held = format!("threads held for {}", milliseconds(proof.stopped_us));
    let again = match &proof.loaded_again[..] {
        [] => String::new(),
        again => {
            let first = escaped(&again[0]);
            format!(
                ". Loaded again since then: {first}{}",
                if again.len() > 1 { ", ..." } else { "" }
            )
        }
    };
    let uncertain: usize = report.outcomes.iter().map(|o| o.left.uncertain).sum();
    let found = match report.worst() {
        Some(OutcomeKind::Ghost) => "this is all that is left of it in",
        Some(OutcomeKind::Unlinked) if uncertain > 0 => {
            return format!(
                "{} may be of the old or of the new copy, among {} objects; {held}{again}",
                counted(uncertain, "class"),
                thousands(objects)
            );
        }
        _ => "no module, namespace, function or class of it is left in",
    };
    format!("{found} {} objects; {held}{again}", thousands(objects))
}

fn next_text(report: &Unload) -> Option<&'static str> {
    match report.worst()? {
        OutcomeKind::Ghost => Some(
            "whoever holds it keeps the old code running: find the holder and let it go, or restart \
             the process",
        ),
        OutcomeKind::RolledBack => Some(
            "let the holder go, then unload again; --references deletes names of other modules; --force \
             leaves its code alive",
        ),
        OutcomeKind::Unlinked => {
            Some("a longer stop may give the proof: --max-stop MS; or look with pyunload modules")
        }
        _ => None,
    }
}

/// A line of the list below the answer, wrapped to `width`.
fn add_line(text: &mut String, label: &str, content: &str, width: usize) {
    const INDENT: usize = 12;
    let room = width.saturating_sub(INDENT).max(20);
    let mut line = String::new();
    let mut lines = Vec::new();
    for word in content.split(' ') {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    for (number, line) in lines.iter().enumerate() {
        let label = if number == 0 { label } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {label:<10}{line}");
    }
}

fn counted(count: usize, what: &str) -> String {
    let many = match what {
        "class" => format!("{what}es"),
        _ => format!("{what}s"),
    };
    let what = if count == 1 { what } else { &many };
    format!("{} {what}", thousands(count))
}

fn ordinal(number: usize) -> String {
    let ending = match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{}{ending}", thousands(number))
}

fn milliseconds(microseconds: u64) -> String {
    let tenths = (microseconds + 50) / 100;
    format!("{}.{} ms", thousands(tenths / 10), tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Remove, Target};

    fn report(outcome: OutcomeKind, left: Remaining) -> Unload {
        let mut envelope = Envelope::live("unload", Some(Target::process(4242)));
        envelope.stopped_us = 3200;
        let outcomes = ["shop.legacy", "shop.legacy.old"].map(|name| Outcome {
            name: name.into(),
            outcome,
            left: left.clone(),
            paths: None,
        });
        Unload {
            envelope,
            plan: Plan {
                names: vec!["shop.legacy".into()],
                verdict: None,
                remove: Remove {
                    keys: vec!["shop.legacy.old".into(), "shop.legacy".into()],
                    parent_attributes: vec!["shop.legacy".into()],
                    ..Remove::default()
                },
                blockers: None,
                remedies: None,
                dependents: None,
                predicted: None,
            },
            dry_run: false,
            injection: Some(Injection {
                route: crate::report::Route::PendingCall,
                wake: crate::report::Wake::None,
                latency_us: 800,
                stopped_us: 213,
                gil_held_us: 3149,
                attempts: 1,
            }),
            outcomes: outcomes.to_vec(),
            proof: Some(Proof {
                complete: true,
                objects: Some(1_204_331),
                why: None,
                stopped_us: 2_987,
                loaded_again: Vec::new(),
            }),
            collector: None,
            held_by: None,
            stale_references: None,
            freed_bytes: None,
            stale: None,
        }
    }

    fn text(report: &Unload) -> String {
        let look = Look {
            width: Some(100),
            ..Look::default()
        };
        anstream::adapter::strip_str(&report.text(&look)).to_string()
    }

    #[test]
    fn gone_says_so_first_and_then_how_and_why_it_is_known() {
        let expected = "\
gone: shop.legacy and 1 submodule.
  how       pending call on the main thread; threads held for 0.2 ms, GIL for 3.1 ms
  proof     no module, namespace, function or class of it is left in 1,204,331 objects; threads held
            for 3.0 ms
";
        assert_eq!(
            text(&report(OutcomeKind::Gone, Remaining::default())),
            expected
        );
    }

    #[test]
    fn a_ghost_says_what_is_left_and_what_to_do() {
        let left = Remaining {
            globals: 1,
            functions: 12,
            classes: 1,
            class_names: vec!["Rate\u{1b}".into()],
            ..Remaining::default()
        };
        let text = text(&report(OutcomeKind::Ghost, left));
        assert!(text.starts_with(
            "ghost: shop.legacy and 1 submodule left sys.modules, but code of 2 modules"
        ));
        assert!(
            text.contains("shop.legacy: its namespace, 12 functions, 1 class (Rate"),
            "{text}"
        );
        assert!(
            !text.contains('\u{1b}') && text.contains("  next  "),
            "{text}"
        );
    }

    #[test]
    fn what_was_put_back_names_the_holder() {
        let mut report = report(OutcomeKind::RolledBack, Remaining::default());
        report.proof = None;
        report.held_by = Some(vec![vec!["shop.cart['taken']".into(), "function f".into()]]);
        let text = text(&report);
        let first =
            "rolled back: shop.legacy and 1 submodule would have stayed alive, so everything";
        assert!(text.starts_with(first), "{text}");
        let holder = "  held by   shop.cart['taken'] -> function f\n";
        assert!(text.contains(holder), "{text}");
    }

    #[test]
    fn unlinked_says_what_was_not_proven() {
        let mut report = report(OutcomeKind::Unlinked, Remaining::default());
        report.proof = Some(Proof {
            complete: false,
            objects: None,
            why: Some("the collector is running".into()),
            stopped_us: 0,
            loaded_again: Vec::new(),
        });
        let text = text(&report);
        assert!(text.starts_with("unlinked: "), "{text}");
        assert!(
            text.contains("proof     none: the collector is running"),
            "{text}"
        );
    }

    #[test]
    fn a_dry_run_shows_the_plan_only() {
        let mut report = report(OutcomeKind::Gone, Remaining::default());
        (report.dry_run, report.injection) = (true, None);
        let text = text(&report);
        assert!(
            text.contains("\n  would remove   2 keys: shop.legacy.old, shop.legacy\n"),
            "{text}"
        );
        assert!(text.ends_with("Dry run: nothing was changed.\n"));
    }
}
