//! Ghosts: how many, then each module with its generations and the first holder of each.

use super::lines::add_labelled;
use super::path::path_text;
use super::roots::{groups, holder_text, remedy_text};
use super::{Align, Answer, Look, Table, bytes, counted, escaped, good, name, thousands, warn};
use crate::report::{Document, Envelope, Ghost, GhostKind, GhostState, Ghosts};
use std::fmt::Write;

/// How many ghosts are shown on a terminal.
const SHOWN: usize = 20;
/// Where the text of a ghost begins.
const INDENT: usize = 6;

impl Answer for Document<Ghosts> {
    fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    fn text(&self, look: &Look) -> String {
        let pid = self.envelope.target.as_ref().and_then(|target| target.pid);
        let Some(width) = look.width else {
            return plain(&self.body.ghosts, look, pid);
        };
        let mut text = headline(&self.body, width);
        text += &ghosts_text(&self.body.ghosts, look);
        if let Some(next) = next_text(&self.body.ghosts, pid) {
            let _ = writeln!(text, "\n{}", super::wrap::wrapped(&next, 0, width));
        }
        text
    }
}

fn headline(body: &Ghosts, width: usize) -> String {
    let of = body
        .name
        .as_deref()
        .map(|name| format!(" of {}", name_text(name)));
    let of = of.unwrap_or_default();
    let line = match body.ghosts.len() {
        0 => format!(
            "{}{of}: no code is alive that sys.modules no longer gives.",
            good("no ghosts")
        ),
        count => {
            let sizes: Option<u64> = body.ghosts.iter().map(|ghost| ghost.retained_bytes).sum();
            let sizes = sizes.map(|size| format!(", {}", bytes(size)));
            format!(
                "{}{of}{}: code that is alive, and sys.modules no longer gives.",
                warn(&counted(count, "ghost")),
                sizes.unwrap_or_default()
            )
        }
    };
    super::roots::wrapped_colours(&line, 0, width) + "\n"
}

fn name_text(text: &str) -> String {
    name(&escaped(text))
}

/// The ghosts of a list, module by module.
pub fn ghosts_text(ghosts: &[Ghost], look: &Look) -> String {
    let width = look.width.unwrap_or(100);
    let mut text = String::new();
    let mut last: Option<&str> = None;
    for ghost in ghosts.iter().take(SHOWN) {
        if last != Some(&ghost.module) {
            add_module(&mut text, ghost, ghosts);
        }
        last = Some(&ghost.module);
        add_ghost(&mut text, ghost, look, width);
    }
    if let Some(more) = ghosts.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        let _ = writeln!(text, "\nand {} more (--json lists all)", thousands(more));
    }
    text
}

fn add_module(text: &mut String, ghost: &Ghost, ghosts: &[Ghost]) {
    let same = ghosts.iter().filter(|other| other.module == ghost.module);
    let newest = same.filter_map(|other| other.generation).max().unwrap_or(0);
    let generations = match newest {
        0 | 1 => String::new(),
        many => format!("   {} old generations", thousands(many)),
    };
    let replaced = match ghost.replaced {
        true => "   loaded again since",
        false => "   no longer loaded",
    };
    let _ = writeln!(
        text,
        "\n{}{replaced}{generations}",
        name_text(&ghost.module)
    );
}

fn add_ghost(text: &mut String, ghost: &Ghost, look: &Look, width: usize) {
    let number = ghost
        .generation
        .map_or("-".to_owned(), |number| number.to_string());
    let what = match ghost.kind {
        GhostKind::Globals => "namespace".to_owned(),
        GhostKind::Module => "module object".to_owned(),
        GhostKind::Class => format!("class {}", escaped(&ghost.name)),
    };
    let address = match look.addresses {
        true => format!(" at {}", ghost.address.0),
        false => String::new(),
    };
    let line = format!("{what}{address}{}", contents(ghost));
    add_labelled(text, &format!("{number:>2}"), &line, INDENT, width);
    let groups = groups(ghost.holders.iter());
    let Some(root) = ghost.holders.first() else {
        let why = state_text(ghost.state);
        return add_labelled(text, "", why, INDENT, width);
    };
    let path = path_text(&root.path, look);
    let more = match groups.len() {
        0 | 1 => String::new(),
        many => format!("; and from {}", counted(many - 1, "other place")),
    };
    let holder = format!("held by {}: {path}{more}", holder_text(root));
    add_labelled(text, "", &holder, INDENT, width);
    let remedy = remedy_text(root);
    let remedy = anstream::adapter::strip_str(&remedy).to_string();
    add_labelled(text, "", &remedy, INDENT, width);
}

/// ": 12 functions, 3 classes, 1,000 instances, 83 kB".
fn contents(ghost: &Ghost) -> String {
    let mut parts = Vec::new();
    for (count, what) in [
        (ghost.functions, "function"),
        (ghost.classes, "class"),
        (ghost.instances, "instance"),
    ] {
        if count > 0 {
            parts.push(counted(count, what));
        }
    }
    parts.extend(ghost.retained_bytes.map(bytes));
    match parts.is_empty() {
        true => String::new(),
        false => format!(": {}", parts.join(", ")),
    }
}

fn state_text(state: GhostState) -> &'static str {
    match state {
        GhostState::Held => "held, but its holder was not found",
        GhostState::Garbage => "not held: the next garbage collection takes it",
        GhostState::CollectorOff => "not held: it stays because the collector is switched off",
        GhostState::Frozen => "not held: gc.freeze keeps it from the collector",
    }
}

fn next_text(ghosts: &[Ghost], pid: Option<i32>) -> Option<String> {
    let pid = pid.map_or("PID".to_owned(), |pid| pid.to_string());
    let held = ghosts.iter().find(|ghost| ghost.state == GhostState::Held);
    match held {
        Some(ghost) => Some(format!(
            "Next: pyunload why {pid} {} shows every place that holds it.",
            escaped(&ghost.module)
        )),
        None if ghosts.is_empty() => None,
        None => Some("Next: nothing holds them; they go when the program collects garbage.".into()),
    }
}

fn plain(ghosts: &[Ghost], look: &Look, pid: Option<i32>) -> String {
    let mut table = Table::new();
    if look.several {
        table = table.column("PID", Align::Right);
    }
    table = table.names("NAME");
    for title in [
        "GENERATION",
        "KIND",
        "FUNCTIONS",
        "CLASSES",
        "INSTANCES",
        "BYTES",
        "STATE",
    ] {
        table = table.column(title, Align::Left);
    }
    if look.addresses {
        table = table.column("ADDRESS", Align::Left);
    }
    table = table.prose("HOLDER");
    for ghost in ghosts {
        let pid = pid.filter(|_| look.several).map(|pid| pid.to_string());
        let number = |number: Option<u64>| number.map(|n| n.to_string()).unwrap_or_default();
        let mut cells: Vec<String> = pid.into_iter().collect();
        cells.extend([
            escaped(&ghost.name),
            number(ghost.generation),
            ghost.kind.as_str().to_owned(),
            ghost.functions.to_string(),
            ghost.classes.to_string(),
            ghost.instances.to_string(),
            number(ghost.retained_bytes),
            state_name(ghost.state).to_owned(),
        ]);
        cells.extend(look.addresses.then(|| ghost.address.0.to_string()));
        cells.extend(ghost.holders.first().map(holder_text));
        table.row(cells);
    }
    let text = table.text(None);
    match text.split_once('\n') {
        Some((_titles, rows)) if look.continued => rows.to_owned(),
        _ => text,
    }
}

fn state_name(state: GhostState) -> &'static str {
    match state {
        GhostState::Held => "held",
        GhostState::Garbage => "garbage",
        GhostState::CollectorOff => "collector_off",
        GhostState::Frozen => "frozen",
    }
}

#[cfg(test)]
pub mod examples {
    //! Ghosts for tests.

    use crate::address::Address;
    use crate::render::roots::examples::{at_exit, cache};
    use crate::report::{Ghost, GhostKind, GhostState};

    /// An old generation of `shop.plugins.tax`.
    pub fn ghost(generation: u64) -> Ghost {
        Ghost {
            kind: GhostKind::Globals,
            name: "shop.plugins.tax".into(),
            module: "shop.plugins.tax".into(),
            replaced: true,
            generation: Some(generation),
            address: Address::new(0x7f00_0000_1000).into(),
            functions: 12,
            classes: 3,
            instances: 1_000,
            retained_bytes: Some(83_200),
            state: GhostState::Held,
            holders: vec![cache(), at_exit()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::examples::ghost;
    use super::*;
    use crate::report::Target;
    use snapbox::{assert_data_eq, str};

    fn document(ghosts: Vec<Ghost>) -> Document<Ghosts> {
        Document {
            envelope: Envelope::live("ghosts", Some(Target::process(4242))),
            body: Ghosts { name: None, ghosts },
        }
    }

    fn text(ghosts: Vec<Ghost>, width: Option<usize>) -> String {
        let look = Look {
            width,
            ..Look::default()
        };
        anstream::adapter::strip_str(&document(ghosts).text(&look)).to_string()
    }

    #[test]
    fn ghosts_are_shown_by_module_with_their_holder() {
        let garbage = Ghost {
            state: GhostState::Garbage,
            holders: Vec::new(),
            ..ghost(2)
        };
        assert_data_eq!(
            text(vec![ghost(1), garbage], Some(100)),
            str![[r#"
2 ghosts, 166 kB: code that is alive, and sys.modules no longer gives.

shop.plugins.tax   loaded again since   2 old generations
   1  namespace: 12 functions, 3 classes, 1,000 instances, 83 kB
      held by an instance in a cache: shop.cart._cache['eu'] -> Rate instance.__class__ -> class
      Rate['compute'] -> function Rate.compute.__globals__ -> shop.plugins.tax; and from 1 other
      place
      remedy: drop the entries (yours to do)   not done by unload
   2  namespace: 12 functions, 3 classes, 1,000 instances, 83 kB
      not held: the next garbage collection takes it

Next: pyunload why 4242 shop.plugins.tax shows every place that holds it.

"#]]
        );
    }

    #[test]
    fn none_is_an_answer_too() {
        let expected = "no ghosts: no code is alive that sys.modules no longer gives.\n";
        assert_eq!(text(Vec::new(), Some(100)), expected);
    }

    #[test]
    fn a_long_list_says_how_much_it_leaves_out_and_lines_fit() {
        let text = text((1..=30).map(ghost).collect(), Some(70));
        assert!(text.contains("and 10 more (--json lists all)"), "{text}");
        assert!(
            text.lines().all(|line| line.chars().count() <= 70),
            "{text}"
        );
    }

    #[test]
    fn plain_columns_list_all_of_them() {
        let text = text((1..=30).map(ghost).collect(), None);
        assert_eq!(text.lines().count(), 31);
        assert!(
            text.lines().all(|line| line.split('\t').count() == 9),
            "{text}"
        );
        assert!(text.contains("\nshop.plugins.tax\t3\tglobals\t12\t3\t1000\t83200\theld\t"));
    }
}
