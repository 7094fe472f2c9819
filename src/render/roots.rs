//! The places that hold a module: those that are alike as one, each with its path and remedy.

use super::path::path_text;
use super::wrap::wrapped;
use super::{Look, dim, escaped, name, thousands};
use crate::report::{Instances, Root, RootKind};
use std::fmt::Write;

/// How many groups are shown.
const SHOWN: usize = 8;
/// Where the text of a group begins.
const INDENT: usize = 5;

/// Roots that differ only in which one they are.
pub struct Group<'r> {
    first: &'r Root,
    /// How many there are.
    roots: usize,
    references: u64,
    instances: Option<Instances>,
}

/// The roots in groups, those of most roots and references first in their order.
pub fn groups<'r>(roots: impl Iterator<Item = &'r Root>) -> Vec<Group<'r>> {
    let mut groups: Vec<Group<'r>> = Vec::new();
    for root in roots {
        match groups.iter_mut().find(|group| is_alike(group.first, root)) {
            Some(group) => group.add(root),
            None => groups.push(Group {
                first: root,
                roots: 1,
                references: root.count,
                instances: root.instances.clone(),
            }),
        }
    }
    groups
}

/// Alike is what the same remedy releases in the same kind of place; without a remedy, what lies in
/// the same module and is called the same.
fn is_alike(a: &Root, b: &Root) -> bool {
    let same_remedy = a.remedy.is_some() || a.module == b.module;
    (a.root_kind, &a.holder, &a.remedy) == (b.root_kind, &b.holder, &b.remedy)
        && same_remedy
        && (a.holder.is_some() || a.module == b.module)
}

impl Group<'_> {
    fn add(&mut self, root: &Root) {
        self.roots += 1;
        self.references = self.references.saturating_add(root.count);
        match (&mut self.instances, &root.instances) {
            (Some(all), Some(more)) => {
                all.count = all.count.saturating_add(more.count);
                if all.class != more.class {
                    all.class = String::new();
                }
            }
            (all @ None, more) => *all = more.clone(),
            (Some(_), None) => {}
        }
    }

    /// What it is, in words, and how much of it there is.
    pub fn title(&self) -> String {
        let many = match self.roots {
            1 => String::new(),
            roots => format!(", {} of them", thousands(roots)),
        };
        let amount = match &self.instances {
            Some(instances) => format!("   {}", instances_text(instances)),
            None if self.references > self.roots as u64 => {
                format!("   {} references", thousands(self.references))
            }
            None => String::new(),
        };
        format!("{}{many}{}", name(&holder_text(self.first)), dim(&amount))
    }
}

/// "1,204 objects of class Rate".
fn instances_text(instances: &Instances) -> String {
    let noun = if instances.count == 1 {
        "object"
    } else {
        "objects"
    };
    let count = thousands(instances.count);
    match instances.class.as_str() {
        "" => format!("{count} {noun}"),
        class => format!("{count} {noun} of class {}", escaped(class)),
    }
}

/// The place in words.
pub fn holder_text(root: &Root) -> String {
    if let Some(holder) = &root.holder {
        return escaped(holder);
    }
    let words = match (root.root_kind, &root.module) {
        (RootKind::ModuleTable, Some(module)) => return format!("module {}", escaped(module)),
        (RootKind::ModuleTable, None) => "a loaded module",
        (RootKind::Frame, _) => "a function that is running",
        (RootKind::Thread, _) => "the state of a thread",
        (RootKind::Interpreter, _) => "a table of the interpreter",
        (RootKind::Registry, _) => "a registry of the standard library",
        (RootKind::Extension, _) => "the state of an extension module",
        (RootKind::CHeld, _) => "C code, out of sight",
        (RootKind::Collector, _) => "nothing: the collector has not taken it",
        (RootKind::Other, _) => "something unknown",
    };
    words.to_owned()
}

/// What would release the module from a root.
pub fn remedy_text(root: &Root) -> String {
    let Some(remedy) = &root.remedy else {
        return "no remedy is known".to_owned();
    };
    let mut marks = String::new();
    if remedy.reversible {
        marks += "   reversible";
    }
    if !remedy.safe {
        marks += "   not done by unload";
    }
    format!("remedy: {}{}", escaped(&remedy.description), dim(&marks))
}

/// Writes numbered groups, each in its lines, with an empty line before each.
pub fn add_groups(text: &mut String, groups: &[Group<'_>], look: &Look, width: usize) {
    for (index, group) in groups.iter().take(SHOWN).enumerate() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\n{:>3}  {}", index + 1, wrapped_title(group, width));
        add_body(text, group.first, look, width);
    }
    if let Some(more) = groups.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        let _ = writeln!(
            text,
            "\n     and {} more (--json lists all)",
            thousands(more)
        );
    }
}

fn wrapped_title(group: &Group<'_>, width: usize) -> String {
    wrapped_colours(&group.title(), INDENT, width)
}

fn add_body(text: &mut String, root: &Root, look: &Look, width: usize) {
    let pad = " ".repeat(INDENT);
    if !root.path.is_empty() {
        let path = wrapped(&path_text(&root.path, look), INDENT, width);
        let _ = writeln!(text, "{pad}{path}");
    }
    let remedy = wrapped_colours(&remedy_text(root), INDENT, width);
    let _ = writeln!(text, "{pad}{remedy}");
}

/// Wraps text that carries colours: where it does not fit in a line, without them.
pub fn wrapped_colours(text: &str, indent: usize, width: usize) -> String {
    use unicode_width::UnicodeWidthStr;
    let plain = anstream::adapter::strip_str(text).to_string();
    match indent + plain.width() <= width {
        true => text.to_owned(),
        false => wrapped(&plain, indent, width),
    }
}

#[cfg(test)]
pub mod examples {
    //! Roots for tests.

    use crate::render::path::examples::{cache_path, step};
    use crate::report::{Instances, Root, RootKind, RootRemedy};

    /// A cache of `shop.cart`.
    pub fn cache() -> Root {
        Root {
            path: cache_path(),
            root_kind: RootKind::ModuleTable,
            holder: Some("an instance in a cache".into()),
            module: Some("shop.cart".into()),
            count: 1_204,
            instances: Some(Instances {
                class: "Rate".into(),
                count: 1_204,
            }),
            detached_by_unload: false,
            remedy: Some(RootRemedy {
                kind: "drop".into(),
                description: "drop the entries (yours to do)".into(),
                safe: false,
                reversible: false,
            }),
        }
    }

    /// An exit handler.
    pub fn at_exit() -> Root {
        Root {
            path: vec![
                step("interpreter", "0", ".atexit[0]"),
                step("function", "flush", ".__globals__"),
                step("globals", "shop.plugins.tax", ""),
            ],
            root_kind: RootKind::Interpreter,
            holder: Some("an exit handler".into()),
            module: Some("atexit".into()),
            count: 1,
            instances: None,
            detached_by_unload: false,
            remedy: Some(RootRemedy {
                kind: "atexit_unregister".into(),
                description: "atexit.unregister(flush)".into(),
                safe: true,
                reversible: true,
            }),
        }
    }

    /// Its own place in sys.modules.
    pub fn own_key() -> Root {
        Root {
            path: vec![
                step("dict", "sys.modules", "['shop.plugins.tax']"),
                step("module", "shop.plugins.tax", ".__dict__"),
                step("globals", "shop.plugins.tax", ""),
            ],
            holder: None,
            module: None,
            instances: None,
            count: 1,
            root_kind: RootKind::ModuleTable,
            detached_by_unload: true,
            remedy: None,
        }
    }
}
