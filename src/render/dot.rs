//! The paths of `why` as a digraph in the language of Graphviz.

use super::path::{object_text, shortened};
use super::roots::{holder_text, remedy_text};
use super::{Answer, Look, escaped};
use crate::report::{Document, Envelope, Object, Why};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

/// An answer of `why` that is to be drawn.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Drawing(pub Document<Why>);

impl Answer for Drawing {
    fn envelope(&self) -> &Envelope {
        &self.0.envelope
    }

    fn text(&self, look: &Look) -> String {
        dot(&self.0.body, look)
    }
}

/// The drawing. Paths that pass the same object meet in it.
pub fn dot(why: &Why, look: &Look) -> String {
    let mut nodes = Nodes {
        numbers: HashMap::new(),
        text: String::new(),
        look,
    };
    let mut edges: BTreeSet<String> = BTreeSet::new();
    let mut roots = String::new();
    for (index, root) in why.roots.iter().enumerate() {
        let label = format!("{}\n{}", holder_text(root), remedy_text(root));
        let _ = writeln!(
            roots,
            "  r{index} [shape=note, label={}];",
            quoted(&plain(&label))
        );
        let numbers: Vec<usize> = root
            .path
            .iter()
            .enumerate()
            .map(|(place, step)| nodes.number(&step.object, (index, place)))
            .collect();
        if let Some(first) = numbers.first() {
            edges.insert(format!("  r{index} -> n{first} [style=dashed];"));
        }
        for (step, pair) in root.path.iter().zip(numbers.windows(2)) {
            let label = step.edge.as_deref().map(|edge| shortened(&escaped(edge)));
            let label = quoted(&label.unwrap_or_default());
            edges.insert(format!("  n{} -> n{} [label={label}];", pair[0], pair[1]));
        }
    }
    let edges: Vec<String> = edges.into_iter().collect();
    format!(
        "digraph {} {{\n  rankdir=LR;\n  node [shape=box];\n{}{roots}{}\n}}\n",
        quoted(&format!("why {}", escaped(&why.name))),
        nodes.text,
        edges.join("\n")
    )
}

/// Which object is which: by address, or, without one, by its place on its path.
#[derive(PartialEq, Eq, Hash)]
enum Identity {
    At(u64),
    Place(usize, usize),
}

struct Nodes<'l> {
    numbers: HashMap<Identity, usize>,
    text: String,
    look: &'l Look,
}

impl Nodes<'_> {
    fn number(&mut self, object: &Object, (root, place): (usize, usize)) -> usize {
        let identity = match object.address {
            Some(address) => Identity::At(address.0.value()),
            None => Identity::Place(root, place),
        };
        let next = self.numbers.len();
        let number = *self.numbers.entry(identity).or_insert(next);
        if number == next {
            let label = quoted(&object_text(object, self.look));
            let _ = writeln!(self.text, "  n{number} [label={label}];");
        }
        number
    }
}

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

/// A string of the language. A line end is drawn as one; a backslash stands for itself.
fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", text.replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;
    use crate::render::why::examples::tax;
    use crate::report::ReportAddress;

    /// As in memory: every object somewhere else, but for the namespace in which all paths end.
    fn tax_in_memory() -> Why {
        let mut why = tax();
        let mut next = 0x1000;
        for root in &mut why.roots {
            for step in &mut root.path {
                next += 16;
                let is_end = step.edge.is_none() && step.object.kind == "globals";
                let at = if is_end { 0x10 } else { next };
                step.object.address = Some(ReportAddress(Address::new(at)));
            }
        }
        why
    }

    #[test]
    fn paths_meet_in_the_module_and_every_root_is_a_note() {
        let text = dot(&tax_in_memory(), &Look::default());
        assert!(
            text.starts_with("digraph \"why shop.plugins.tax\" {\n"),
            "{text}"
        );
        assert!(text.ends_with("}\n"));
        assert_eq!(
            text.matches("[label=\"shop.plugins.tax\"];").count(),
            2,
            "{text}"
        );
        assert_eq!(text.matches("shape=note").count(), 3);
        assert!(text.contains("[label=\".__globals__\"];"), "{text}");
        assert!(
            text.contains("an exit handler\\nremedy: atexit.unregister(flush)"),
            "{text}"
        );
    }

    #[test]
    fn quotes_and_controls_cannot_leave_their_string() {
        let mut why = tax_in_memory();
        why.name = "a\"];\u{1b}x\n".into();
        why.roots[0].path[0].edge = Some("['\"]; evil [\\']".into());
        let text = dot(&why, &Look::default());
        assert!(
            text.contains("digraph \"why a\\\"];\\\\x1bx\\\\n\" {"),
            "{text}"
        );
        assert!(text.contains("label=\"['\\\"]; evil [\\\\']\""), "{text}");
        assert!(!text.contains('\u{1b}'));
    }
}
