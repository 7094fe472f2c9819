//! Assertions: whether they hold, each with what was found; then who holds what should be gone.

use super::ghosts::ghosts_text;
use super::lines::listed;
use super::why::why_text;
use super::{Align, Answer, Look, Table, bad, counted, escaped, good, thousands};
use crate::report::{Checked, Document, Envelope};
use serde_json::Value;
use std::fmt::Write;

/// How many names of the evidence are shown.
const LISTED: usize = 4;

impl Answer for Document<Checked> {
    fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    fn text(&self, look: &Look) -> String {
        let checked = &self.body;
        let mut text = match look.width {
            Some(_) => headline(checked) + "\n",
            None => String::new(),
        };
        let pid = self.envelope.target.as_ref().and_then(|target| target.pid);
        text += &table_text(checked, look, pid);
        for why in &checked.why {
            let _ = write!(text, "\n{}", why_text(why, look));
        }
        text += &ghosts_text(&checked.ghosts, look);
        text
    }
}

fn headline(checked: &Checked) -> String {
    let count = checked.assertions.len();
    let failing = checked.assertions.iter().filter(|one| !one.holds).count();
    let waited = match checked.waited_ms {
        0..1_000 => String::new(),
        ms => format!(", after {}.{} s", thousands(ms / 1_000), ms % 1_000 / 100),
    };
    match (checked.holds, count) {
        (true, 1) => format!("{}: it holds{waited}.", good("yes")),
        (true, _) => format!("{}: all {} hold{waited}.", good("yes"), thousands(count)),
        (false, 1) => format!("{}: it does not hold{waited}.", bad("no")),
        (false, _) => {
            let of = counted(count, "assertion");
            let verb = if failing == 1 { "does" } else { "do" };
            format!(
                "{}: {} of {of} {verb} not hold{waited}.",
                bad("no"),
                thousands(failing)
            )
        }
    }
}

fn table_text(checked: &Checked, look: &Look, pid: Option<i32>) -> String {
    let mut table = Table::new();
    let with_pid = look.several && look.width.is_none();
    if with_pid {
        table = table.column("PID", Align::Right);
    }
    table = table
        .column("HOLDS", Align::Left)
        .names("ASSERTION")
        .prose("FOUND");
    for one in &checked.assertions {
        let pid = pid.filter(|_| with_pid).map(|pid| pid.to_string());
        let holds = if one.holds { "yes" } else { "no" };
        let cells = [
            holds.to_owned(),
            escaped(&one.text),
            found_text(&one.evidence),
        ];
        table.row(pid.into_iter().chain(cells).collect());
    }
    let text = table.text(look.width);
    match text.split_once('\n') {
        Some((_titles, rows)) if look.continued && look.width.is_none() => rows.to_owned(),
        _ => text,
    }
}

/// Evidence in words: its fields, one after the other.
fn found_text(evidence: &Value) -> String {
    let Value::Object(fields) = evidence else {
        return escaped(&evidence.to_string());
    };
    let fields = fields.iter().map(|(name, value)| {
        let name = escaped(&name.replace('_', " "));
        match value {
            Value::Null => format!("{name}: not known"),
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(item_text).collect();
                match items.is_empty() {
                    true => format!("{name}: none"),
                    false => format!(
                        "{name}: {}",
                        listed(items.iter().map(String::as_str), LISTED)
                    ),
                }
            }
            value => format!("{name}: {}", escaped(&item_text(value))),
        }
    });
    fields.collect::<Vec<_>>().join("; ")
}

fn item_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => thousands(number),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Object(fields) => {
            let name = fields.get("name").and_then(Value::as_str).unwrap_or("?");
            match fields.get("generation").and_then(Value::as_u64) {
                Some(generation) => format!("{name} (generation {generation})"),
                None => name.to_owned(),
            }
        }
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::ghosts::examples::ghost;
    use crate::render::why::examples::tax;
    use crate::report::{CheckedAssertion, Target};
    use serde_json::json;
    use snapbox::{assert_data_eq, str};

    fn document() -> Document<Checked> {
        let one = |text: &str, holds, evidence| CheckedAssertion {
            text: text.into(),
            holds,
            evidence,
        };
        let ghosts = json!({ "count": 1, "ghosts": [
            { "kind": "globals", "name": "shop.plugins.tax", "generation": 1 },
        ] });
        Document {
            envelope: Envelope::live("check", Some(Target::process(4242))),
            body: Checked {
                holds: false,
                waited_ms: 2_345,
                assertions: vec![
                    one("absent shop.old", true, json!({ "loaded": [] })),
                    one("ghosts == 0", false, ghosts),
                    one("version x\u{1b} > 1", false, json!({ "version": null })),
                ],
                why: Vec::new(),
                ghosts: vec![ghost(1)],
            },
        }
    }

    fn text(document: &Document<Checked>, width: Option<usize>) -> String {
        let look = Look {
            width,
            ..Look::default()
        };
        anstream::adapter::strip_str(&document.text(&look)).to_string()
    }

    #[test]
    fn the_answer_comes_first_then_the_evidence_then_the_holders() {
        assert_data_eq!(
            text(&document(), Some(100)),
            str![[r#"
no: 2 of 3 assertions do not hold, after 2.3 s.
HOLDS  ASSERTION          FOUND
yes    absent shop.old    loaded: none
no     ghosts == 0        count: 1; ghosts: shop.plugins.tax (generation 1)
no     version x/x1b > 1  version: not known

shop.plugins.tax   loaded again since
   1  namespace: 12 functions, 3 classes, 1,000 instances, 83 kB
      held by an instance in a cache: [..]
...
"#]]
        );
    }

    #[test]
    fn in_a_log_the_holders_are_told_too() {
        let mut document = document();
        document.body.why = vec![tax()];
        let text = text(&document, None);
        assert!(
            text.starts_with("HOLDS\tASSERTION\tFOUND\nyes\tabsent shop.old\t"),
            "{text}"
        );
        assert!(
            text.contains("\n\nshop.plugins.tax is held from 2 places"),
            "{text}"
        );
    }

    #[test]
    fn all_or_one_that_holds_is_a_yes() {
        let mut document = document();
        document.body.assertions.truncate(1);
        (document.body.holds, document.body.waited_ms) = (true, 0);
        document.body.ghosts.clear();
        assert!(text(&document, Some(80)).starts_with("yes: it holds.\n"));
    }
}
