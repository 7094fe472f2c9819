//! What an unload would do: the verdict and its reason first.

use super::lines::{add_labelled, listed};
use super::{Answer, Look, bad, bytes, counted, escaped, good, name, thousands, warn};
use crate::report::{Document, Envelope, Plan, PredictedLeft, Remedy, Verdict};
use std::fmt::Write;

/// How many names of one kind are listed.
const LISTED: usize = 6;
/// Where the lines below the answer begin, behind their labels.
const INDENT: usize = 17;

impl Answer for Document<Plan> {
    fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    fn text(&self, look: &Look) -> String {
        let width = look.width.unwrap_or(100);
        text_of(&self.body, &self.envelope, width, false)
    }
}

/// A plan; of one that was to be done and is refused, that nothing was touched.
pub fn text_of(plan: &Plan, envelope: &Envelope, width: usize, is_refused: bool) -> String {
    let line = headline(plan);
    let mut text = super::roots::wrapped_colours(&line, 0, width) + "\n";
    if is_refused {
        let line = "Nothing was touched.";
        text += &(super::wrap::wrapped(line, 0, width) + "\n");
    }
    add_removed(&mut text, plan, width);
    add_remedies(&mut text, plan, width);
    add_blockers(&mut text, plan, width);
    add_predicted(&mut text, plan, width);
    add_dependents(&mut text, plan, width);
    let pid = envelope.target.as_ref().and_then(|target| target.pid);
    let next = super::wrap::wrapped(&next_text(plan, pid), 0, width);
    let _ = writeln!(text, "{next}");
    text
}

fn headline(plan: &Plan) -> String {
    let names = name(&escaped(&plan.names.join(", ")));
    let blockers = plan.blockers.as_deref().unwrap_or_default();
    let reason = blockers.first().map(|blocker| escaped(&blocker.detail));
    match plan.verdict {
        Some(Verdict::Clean) => format!(
            "{}: nothing outside holds {names}; unload takes all of it away.",
            good("clean")
        ),
        Some(Verdict::Remediable) => {
            let count = plan.remedies.as_ref().map_or(0, Vec::len);
            let verb = if count == 1 { "releases" } else { "release" };
            let remedies = match count {
                1 => "1 remedy".to_owned(),
                many => format!("{} remedies", thousands(many)),
            };
            format!(
                "{}: {remedies} {verb} all that holds {names}.",
                good("remediable")
            )
        }
        Some(Verdict::Blocked) => {
            let reason = reason.unwrap_or_else(|| "something is in the way".to_owned());
            format!("{}: {names} would stay alive: {reason}.", warn("blocked"))
        }
        Some(Verdict::Restart) => {
            let reason = reason
                .map(|reason| format!(": {reason}"))
                .unwrap_or_default();
            format!(
                "{}: {names} cannot leave a running process{reason}.",
                bad("restart")
            )
        }
        None => format!("{}: what holds {names} was not looked at.", warn("unknown")),
    }
}

fn add_removed(text: &mut String, plan: &Plan, width: usize) {
    let remove = &plan.remove;
    let attributes = &remove.parent_attributes;
    let mut label = "would remove";
    for (count, what, names) in [
        (remove.keys.len(), "key", &remove.keys),
        (remove.aliases.len(), "alias", &remove.aliases),
        (remove.stubs.len(), "empty key", &remove.stubs),
        (attributes.len(), "attribute", attributes),
    ] {
        if count > 0 {
            let names = listed(names.iter().map(String::as_str), LISTED);
            let line = format!("{}: {names}", counted(count, what));
            add_labelled(text, label, &line, INDENT, width);
            label = "";
        }
    }
    if let Some(references) = remove.references.as_deref().filter(|all| !all.is_empty()) {
        let names: Vec<String> = references
            .iter()
            .map(|one| format!("{}.{}", one.module, one.name))
            .collect();
        let names = listed(names.iter().map(String::as_str), LISTED);
        let line = format!("{}: {names}", counted(references.len(), "name"));
        add_labelled(text, label, &line, INDENT, width);
    }
    if !remove.borrowed.is_empty() {
        let names = listed(remove.borrowed.iter().map(String::as_str), LISTED);
        let line = format!("{names}, which belongs to a module that stays");
        add_labelled(text, "would keep", &line, INDENT, width);
    }
}

fn add_remedies(text: &mut String, plan: &Plan, width: usize) {
    let remedies = plan.remedies.as_deref().unwrap_or_default();
    for (label, by_unload) in [("would undo", true), ("would help", false)] {
        let mut label = label;
        let of_label = remedies.iter().filter(|one| one.by_unload == by_unload);
        let of_label: Vec<&Remedy> = of_label.collect();
        for remedy in of_label.iter().take(LISTED) {
            let mut line = escaped(&remedy.detail);
            if remedy.reversible {
                line += "   reversible";
            }
            if !by_unload {
                line += match remedy.kind.as_str() {
                    "delete_name" | "delete_attribute" => "   with --references",
                    _ => "   yours to do",
                };
            }
            add_labelled(text, label, &line, INDENT, width);
            label = "";
        }
        add_more(text, of_label.len(), width);
    }
}

/// Each with its path.
fn add_blockers(text: &mut String, plan: &Plan, width: usize) {
    let mut label = "in the way";
    let blockers = plan.blockers.as_deref().unwrap_or_default();
    for blocker in blockers.iter().take(LISTED) {
        let path: Vec<String> = blocker.path.iter().map(|part| escaped(part)).collect();
        let place = match path.is_empty() {
            true => escaped(&blocker.name),
            false => path.join(" -> "),
        };
        let line = format!("{place}: {}", escaped(&blocker.detail));
        add_labelled(text, label, &line, INDENT, width);
        label = "";
    }
    add_more(text, blockers.len(), width);
}

fn add_more(text: &mut String, count: usize, width: usize) {
    if count > LISTED {
        let line = format!("and {} more (--json lists all)", thousands(count - LISTED));
        add_labelled(text, "", &line, INDENT, width);
    }
}

fn add_predicted(text: &mut String, plan: &Plan, width: usize) {
    let Some(predicted) = &plan.predicted else {
        return;
    };
    if let Some(size) = predicted.retained_bytes.filter(|size| *size > 0) {
        let line = match predicted.gone.len() {
            0 => format!("{}, nearly all of it stays", bytes(size)),
            gone => format!("{} of {}", bytes(size), counted(gone, "module")),
        };
        add_labelled(text, "would free", &line, INDENT, width);
    }
    let mut label = "would stay";
    for left in predicted.left.iter().take(LISTED) {
        add_labelled(text, label, &left_text(left), INDENT, width);
        label = "";
    }
    let unknown = predicted.ghost.iter().filter(|name| {
        let is_same = |left: &PredictedLeft| left.name == **name;
        !predicted.left.iter().any(is_same)
    });
    let unknown: Vec<&str> = unknown.map(String::as_str).collect();
    if !unknown.is_empty() {
        let line = format!("{} as a ghost", listed(unknown.into_iter(), LISTED));
        add_labelled(text, label, &line, INDENT, width);
        label = "";
    }
    add_more(text, predicted.left.len(), width);
    if !predicted.mapped.is_empty() {
        let names = listed(predicted.mapped.iter().map(String::as_str), LISTED);
        let line = format!("the shared library of {names}, mapped until the process ends");
        add_labelled(text, label, &line, INDENT, width);
    }
}

fn left_text(left: &PredictedLeft) -> String {
    let mut parts = Vec::new();
    for (count, what) in [
        (left.functions, "function"),
        (left.classes, "class"),
        (left.instances, "instance"),
    ] {
        if count > 0 {
            parts.push(counted(count, what));
        }
    }
    parts.extend(left.retained_bytes.map(bytes));
    let parts = match parts.is_empty() {
        true => String::new(),
        false => format!(": {}", parts.join(", ")),
    };
    format!("{} as a ghost{parts}", escaped(&left.name))
}

fn add_dependents(text: &mut String, plan: &Plan, width: usize) {
    let mut label = "used by";
    let dependents = plan.dependents.as_deref().unwrap_or_default();
    for dependent in dependents.iter().take(LISTED) {
        let how = match dependent.how.as_str() {
            "import" => "imports it; runs on with the old module",
            "from_import" => "has names from it; runs on with the old ones",
            "subclass" => "has a subclass of a class of it",
            "instance" => "keeps instances of its classes",
            "registry" => "has registered something of it",
            other => other,
        };
        let line = format!("{}: {}", escaped(&dependent.module), escaped(how));
        add_labelled(text, label, &line, INDENT, width);
        label = "";
    }
    add_more(text, dependents.len(), width);
}

fn next_text(plan: &Plan, pid: Option<i32>) -> String {
    let pid = pid.map_or("PID".to_owned(), |pid| pid.to_string());
    let names = escaped(&plan.names.join(" "));
    let first = escaped(plan.names.first().map_or("", String::as_str));
    let ghosts = plan.predicted.as_ref().map_or(0, |all| all.ghost.len());
    let remedies = plan.remedies.as_deref().unwrap_or_default();
    let is_reference = |one: &Remedy| one.kind.starts_with("delete_");
    let mut others = remedies.iter().filter(|one| !one.by_unload);
    let is_references = others.all(is_reference);
    match plan.verdict {
        Some(Verdict::Clean) => {
            format!("Next: pyunload unload {pid} {names} does it and proves it.")
        }
        Some(Verdict::Remediable) if ghosts == 0 => {
            format!("Next: pyunload unload {pid} {names} does all of it and proves it.")
        }
        Some(Verdict::Remediable) if is_references => format!(
            "Next: pyunload unload {pid} {names} --references deletes the names as well; without, its \
             code would stay, and nothing is touched."
        ),
        Some(Verdict::Remediable) => format!(
            "Next: do what would help in the program, then pyunload unload {pid} {names}; before, \
             nothing is touched."
        ),
        Some(Verdict::Blocked) => format!(
            "Next: pyunload why {pid} {first} shows every holder; let them go, and plan again."
        ),
        Some(Verdict::Restart) => "Next: restart the process to be rid of it.".to_owned(),
        None => format!("Next: pyunload why {pid} {first} shows who holds it."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Blocker, Dependent, Predicted, Remove, Target};
    use snapbox::{assert_data_eq, str};

    fn plan(verdict: Verdict) -> Plan {
        Plan {
            names: vec!["shop.plugins.tax".into()],
            verdict: Some(verdict),
            remove: Remove {
                keys: vec!["shop.plugins.tax._rates".into(), "shop.plugins.tax".into()],
                parent_attributes: vec!["shop.plugins.tax".into()],
                ..Remove::default()
            },
            blockers: Some(Vec::new()),
            remedies: Some(vec![Remedy {
                kind: "atexit_unregister".into(),
                detail: "atexit.unregister(flush)".into(),
                safe: true,
                reversible: true,
                by_unload: true,
            }]),
            dependents: Some(vec![Dependent {
                module: "shop.views".into(),
                how: "from_import".into(),
            }]),
            predicted: Some(Predicted {
                gone: vec!["shop.plugins.tax".into()],
                ghost: Vec::new(),
                mapped: Vec::new(),
                retained_bytes: Some(1_300_000),
                left: Vec::new(),
            }),
        }
    }

    fn text(plan: Plan, width: usize) -> String {
        let document = Document {
            envelope: Envelope::live("plan", Some(Target::process(4242))),
            body: plan,
        };
        let look = Look {
            width: Some(width),
            ..Look::default()
        };
        anstream::adapter::strip_str(&document.text(&look)).to_string()
    }

    fn blocked() -> Plan {
        let mut plan = plan(Verdict::Blocked);
        plan.blockers = Some(vec![Blocker {
            kind: "instances".into(),
            name: "class Rate".into(),
            detail: "1,204 instances would keep the old code alive".into(),
            path: vec!["shop.cart._cache['eu']".into(), "Rate instance".into()],
        }]);
        plan.predicted = Some(Predicted {
            gone: Vec::new(),
            ghost: vec!["shop.plugins.tax".into()],
            mapped: vec!["shop.plugins._fast".into()],
            retained_bytes: Some(0),
            left: vec![PredictedLeft {
                name: "shop.plugins.tax".into(),
                functions: 12,
                classes: 3,
                instances: 1_204,
                retained_bytes: Some(1_300_000),
            }],
        });
        plan
    }

    #[test]
    fn a_plan_that_is_blocked_says_why_and_what_would_stay() {
        assert_data_eq!(
            text(blocked(), 100),
            str![[r#"
blocked: shop.plugins.tax would stay alive: 1,204 instances would keep the old code alive.
  would remove   2 keys: shop.plugins.tax._rates, shop.plugins.tax
                 1 attribute: shop.plugins.tax
  would undo     atexit.unregister(flush)   reversible
  in the way     shop.cart._cache['eu'] -> Rate instance: 1,204 instances would keep the old code
                 alive
  would stay     shop.plugins.tax as a ghost: 12 functions, 3 classes, 1,204 instances, 1.3 MB
                 the shared library of shop.plugins._fast, mapped until the process ends
  used by        shop.views: has names from it; runs on with the old ones
Next: pyunload why 4242 shop.plugins.tax shows every holder; let them go, and plan again.

"#]]
        );
    }

    #[test]
    fn a_plan_that_can_be_done_says_how_to_do_it() {
        let clean = text(plan(Verdict::Clean), 100);
        let next = "Next: pyunload unload 4242 shop.plugins.tax does it and proves it.\n";
        assert!(clean.ends_with(next), "{clean}");
        let text = text(plan(Verdict::Remediable), 100);
        assert!(
            text.starts_with("remediable: 1 remedy releases all that holds shop.plugins.tax.\n")
        );
        assert!(
            text.contains("  would free     1.3 MB of 1 module\n"),
            "{text}"
        );
        assert!(text.contains("does all of it and proves it"), "{text}");
        let mut ghost = plan(Verdict::Remediable);
        ghost.predicted = blocked().predicted;
        ghost.remedies.as_mut().expect("one")[0].by_unload = false;
        let text = self::text(ghost, 100);
        assert!(text.contains("Next: do what would help"), "{text}");
    }

    #[test]
    fn lines_fit_a_narrow_terminal_and_hostile_names_do_no_harm() {
        let mut plan = blocked();
        plan.names = vec!["a\u{1b}[2J".into()];
        let text = text(plan, 60);
        assert!(
            text.lines().all(|line| line.chars().count() <= 60),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn what_was_not_looked_at_is_not_called_clean() {
        let mut plan = plan(Verdict::Clean);
        plan.verdict = None;
        assert!(
            text(plan, 100).starts_with("unknown: what holds shop.plugins.tax was not looked at")
        );
    }
}
