//! The references to a module: how many are explained first, then each.

use super::path::{object_text, shortened};
use super::{Align, Answer, Look, Table, counted, escaped, name, thousands};
use crate::report::{Accounted, Document, Envelope, HeldBy, Refs, Via};
use std::fmt::Write;

/// How many lines are shown of each list on a terminal.
const SHOWN: usize = 20;
/// This many references that differ only in their holder are shown as one line.
const ALIKE: usize = 4;

impl Answer for Document<Refs> {
    fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    fn text(&self, look: &Look) -> String {
        let pid = self.envelope.target.as_ref().and_then(|target| target.pid);
        match look.width {
            Some(width) => aligned(&self.body, look, width, pid),
            None => plain(&self.body, look, pid),
        }
    }
}

fn aligned(refs: &Refs, look: &Look, width: usize, pid: Option<i32>) -> String {
    let module = &refs.module;
    let mut text = format!(
        "{} has {}.\n",
        name(&escaped(&module.object.name)),
        account_text(module, "reference")
    );
    add_list(&mut text, module, look, width);
    if let Some(globals) = &refs.globals {
        let account = account_text(globals, "reference");
        let _ = writeln!(text, "\nIts namespace has {account}.");
        add_list(&mut text, globals, look, width);
    }
    let pid = pid.map_or("PID".to_owned(), |pid| pid.to_string());
    let module = escaped(&module.object.name);
    let next = format!("Next: pyunload why {pid} {module} follows them to who holds it.");
    let _ = writeln!(text, "\n{}", super::wrap::wrapped(&next, 0, width));
    text
}

/// "7 references, all explained".
fn account_text(accounted: &Accounted, what: &str) -> String {
    let found = counted(accounted.explained, what);
    match (accounted.object.refcount, accounted.unexplained) {
        (Some(count), Some(0)) => format!("{}, all explained", counted(count, what)),
        (Some(count), Some(held)) if held > 0 => format!(
            "{}, of which {} not explained: held from C",
            counted(count, what),
            thousands(held)
        ),
        (Some(count), Some(over)) => format!(
            "{}, and {} more were found than are counted",
            counted(count, what),
            thousands(over.unsigned_abs())
        ),
        _ if accounted.object.immortal => format!("{found} that were found; CPython counts none"),
        _ => format!("{found} that were found; how many are counted is not known"),
    }
}

/// A line of the list: how many, by whom, as what, where.
type Line = (usize, String, String, String, &'static str);

fn add_list(text: &mut String, accounted: &Accounted, look: &Look, width: usize) {
    let lines = lines_of(&accounted.references, look);
    if lines.is_empty() {
        return;
    }
    let mut table = Table::new()
        .column("", Align::Right)
        .names("HOLDER")
        .prose("AS")
        .prose("IN MODULE")
        .column("WHERE", Align::Left);
    for (count, holder, edge, module, via) in lines.iter().take(SHOWN).cloned() {
        table.row(vec![thousands(count), holder, edge, module, via.into()]);
    }
    *text += &table.text(Some(width));
    if let Some(more) = lines.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        let _ = writeln!(
            text,
            "and {} more lines (--json lists all)",
            thousands(more)
        );
    }
}

fn lines_of(references: &[HeldBy], look: &Look) -> Vec<Line> {
    // Kind, edge, module and place, and those that have them in common.
    let mut groups: Vec<(Kinship<'_>, Vec<&HeldBy>)> = Vec::new();
    let mut known = std::collections::HashMap::new();
    for one in references {
        let kinship = kinship(one);
        let index = *known.entry(kinship.clone()).or_insert(groups.len());
        match groups.get_mut(index) {
            Some((_, members)) => members.push(one),
            None => groups.push((kinship, vec![one])),
        }
    }
    let mut lines = Vec::new();
    for ((kind, edge, module, via), members) in groups {
        let module = module.map(escaped).unwrap_or_default();
        if members.len() >= ALIKE && !look.addresses {
            let holder = counted(members.len(), &escaped(kind));
            let holder = holder
                .split_once(' ')
                .map_or("", |(_, noun)| noun)
                .to_owned();
            lines.push((members.len(), holder, edge, module, via_text(via)));
            continue;
        }
        lines.extend(members.into_iter().map(|one| {
            let edge = shortened(&escaped(&one.edge));
            let holder = object_text(&one.holder, look);
            (1, holder, edge, module.clone(), via_text(via))
        }));
    }
    lines
}

type Kinship<'r> = (&'r str, String, Option<&'r str>, Via);

fn kinship(one: &HeldBy) -> Kinship<'_> {
    let edge = match one.edge.starts_with('[') {
        true => "[..]".to_owned(),
        false => shortened(&escaped(&one.edge)),
    };
    (&one.holder.kind, edge, one.module.as_deref(), one.via)
}

fn via_text(via: Via) -> &'static str {
    match via {
        Via::Heap => "heap",
        Via::Frame => "frame",
        Via::Interpreter => "interpreter",
        Via::Static => "static",
        Via::Stack => "stack",
    }
}

/// One line for each reference, and one for those that are not explained.
fn plain(refs: &Refs, look: &Look, pid: Option<i32>) -> String {
    let mut table = Table::new();
    if look.several {
        table = table.column("PID", Align::Right);
    }
    table = table
        .column("OF", Align::Left)
        .names("HOLDER")
        .prose("AS")
        .prose("MODULE")
        .column("WHERE", Align::Left);
    let lists = [
        ("module", Some(&refs.module)),
        ("globals", refs.globals.as_ref()),
    ];
    for (of, accounted) in lists {
        let Some(accounted) = accounted else { continue };
        let references = accounted.references.iter().map(|one| {
            let module = one.module.as_deref().map(escaped).unwrap_or_default();
            let holder = object_text(&one.holder, look);
            vec![holder, escaped(&one.edge), module, via_text(one.via).into()]
        });
        let unexplained = accounted.unexplained.filter(|count| *count != 0);
        let rest = unexplained.map(|count| vec!["unexplained".to_owned(), count.to_string()]);
        for cells in references.chain(rest) {
            let pid = pid.filter(|_| look.several).map(|pid| pid.to_string());
            let front = pid.into_iter().chain([of.to_owned()]);
            table.row(front.chain(cells).collect());
        }
    }
    let text = table.text(None);
    match text.split_once('\n') {
        Some((_titles, rows)) if look.continued => rows.to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;
    use crate::render::path::examples::object;
    use crate::report::{Counted, Target};
    use snapbox::{assert_data_eq, str};

    fn held_by(kind: &str, name: &str, edge: &str, module: &str) -> HeldBy {
        HeldBy {
            holder: object(kind, Some(name)),
            edge: edge.into(),
            via: Via::Heap,
            module: Some(module.into()),
        }
    }

    fn accounted(references: Vec<HeldBy>, refcount: i64) -> Accounted {
        let explained = references.len() as u64;
        Accounted {
            object: Counted {
                name: "json".into(),
                address: Address::new(0x7f00_0000_1000).into(),
                refcount: Some(refcount),
                immortal: false,
            },
            references,
            explained,
            unexplained: Some(refcount - explained as i64),
        }
    }

    fn document() -> Document<Refs> {
        let functions =
            (0..38).map(|n| held_by("function", &format!("f{n}"), ".__globals__", "json"));
        Document {
            envelope: Envelope::live("refs", Some(Target::process(4242))),
            body: Refs {
                module: accounted(
                    vec![
                        held_by("dict", "sys.modules", "['json']", "sys"),
                        held_by("globals", "shop\u{1b}", "['json']", "shop"),
                    ],
                    2,
                ),
                globals: Some(accounted(functions.collect(), 39)),
            },
        }
    }

    #[test]
    fn the_account_comes_first_and_what_is_alike_is_one_line() {
        let look = Look {
            width: Some(80),
            ..Look::default()
        };
        let text = document().text(&look);
        assert_data_eq!(
            anstream::adapter::strip_str(&text).to_string(),
            str![[r#"
json has 2 references, all explained.
   HOLDER       AS        IN MODULE  WHERE
1  sys.modules  ['json']  sys        heap
1  shop/x1b     ['json']  shop       heap

Its namespace has 39 references, of which 1 not explained: held from C.
    HOLDER     AS            IN MODULE  WHERE
38  functions  .__globals__  json       heap

Next: pyunload why 4242 json follows them to who holds it.

"#]]
        );
    }

    #[test]
    fn plain_columns_list_everything() {
        let text = document().text(&Look::default());
        let columns = |line: &str| line.split('\t').count();
        assert_eq!(text.lines().count(), 1 + 2 + 38 + 1);
        assert!(text.lines().all(|line| columns(line) == 5), "{text}");
        assert!(text.ends_with("globals\tunexplained\t1\t-\t-\n"), "{text}");
    }

    #[test]
    fn every_account_is_told_as_it_is() {
        let of = |refcount, unexplained, immortal| {
            let mut one = accounted(vec![held_by("dict", "sys.modules", "['json']", "sys")], 1);
            (one.object.refcount, one.unexplained) = (refcount, unexplained);
            one.object.immortal = immortal;
            account_text(&one, "reference")
        };
        assert_eq!(of(Some(1), Some(0), false), "1 reference, all explained");
        assert!(of(Some(0), Some(-1), false).contains("1 more were found"));
        assert!(of(None, None, true).contains("CPython counts none"));
    }
}
