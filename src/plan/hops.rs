//! Ways that a program inside the target can go: from the namespace of a loaded module to an object.

use crate::modules::picture::Picture;
use crate::plan::key::Key;
use crate::plan::step::Hop;
use crate::pyobject::edges::edge::EdgeName;
use crate::pyobject::text::Text;
use crate::target::view::ViewMemory;
use std::collections::{HashMap, HashSet, VecDeque};

/// Longest ways that are looked for, by names and by any reference, and the most objects that are looked at.
const HOPS: usize = 5;
const REFERENCES: usize = 12;
const VISITED: usize = 20_000;

/// Where ways begin.
pub struct Places {
    /// The key of each loaded module, by its globals dict.
    modules: HashMap<u32, Key>,
}

impl Places {
    /// Those of the main interpreter.
    pub fn of<M: ViewMemory>(picture: &Picture<'_, M>) -> Self {
        let rows = picture.tables.iter().take(1).flat_map(|table| &table.rows);
        let modules = rows
            .filter(|row| !row.name_is_repr)
            .filter_map(|row| Some((picture.graph.find(row.dict?)?, Key::new(&row.name))));
        Places {
            modules: modules.collect(),
        }
    }

    /// The key of the module with these globals.
    pub fn module(&self, dict: u32) -> Option<Key> {
        self.modules.get(&dict).cloned()
    }

    /// The hops along a way that begins in a globals dict; `None` where Python cannot go one.
    pub fn along<M: ViewMemory>(
        &self,
        picture: &Picture<'_, M>,
        dict: u32,
        way: &[u32],
    ) -> Option<Vec<Hop>> {
        let nodes: Vec<u32> = std::iter::once(dict).chain(way.iter().copied()).collect();
        let steps = nodes.windows(2);
        steps.map(|step| hop(picture, step[0], step[1])).collect()
    }

    /// A way to an object from any module, by names and indices.
    pub fn find<M: ViewMemory>(
        &self,
        picture: &Picture<'_, M>,
        node: u32,
    ) -> Option<(Key, Vec<Hop>)> {
        self.find_by(node, picture, HOPS, hop)
    }

    /// The same by any reference: the collector gives what an object refers to, also where that has no name in
    /// Python, and runs no code of the target for it, as looking up an attribute could.
    pub fn find_by_references<M: ViewMemory>(
        &self,
        picture: &Picture<'_, M>,
        node: u32,
    ) -> Option<(Key, Vec<Hop>)> {
        self.find_by(node, picture, REFERENCES, |picture, from, to| {
            let named = hop(picture, from, to);
            let named = named.filter(|hop| !matches!(hop, Hop::Attribute(_)));
            Some(named.unwrap_or(Hop::Referent(picture.graph.address(to))))
        })
    }

    fn find_by<M: ViewMemory>(
        &self,
        node: u32,
        picture: &Picture<'_, M>,
        longest: usize,
        hop: impl Fn(&Picture<'_, M>, u32, u32) -> Option<Hop>,
    ) -> Option<(Key, Vec<Hop>)> {
        let mut queue = VecDeque::from([(node, Vec::new())]);
        let mut seen = HashSet::from([node]);
        while let Some((at, way)) = queue.pop_front() {
            if let Some(key) = self.modules.get(&at) {
                return Some((key.clone(), way));
            }
            if way.len() == longest || seen.len() > VISITED {
                continue;
            }
            for &holder in picture.graph.referrers(at) {
                if !seen.insert(holder) {
                    continue;
                }
                if let Some(hop) = hop(picture, holder, at) {
                    let mut longer = vec![hop];
                    longer.extend(way.iter().cloned());
                    queue.push_back((holder, longer));
                }
            }
        }
        None
    }
}

fn hop<M: ViewMemory>(picture: &Picture<'_, M>, from: u32, to: u32) -> Option<Hop> {
    let names = picture.names_of(from, to).into_iter();
    let hops = names.filter_map(|name| match name {
        EdgeName::Value(key) => Some(Hop::Key(picture.text_at(key)?)),
        EdgeName::Instance(name) => Some(Hop::Attribute(picture.text_at(name)?)),
        EdgeName::Attribute(_) => {
            let label = picture.tracer().label(picture.graph.address(from), name);
            let name = label.strip_prefix('.')?;
            Some(Hop::Attribute(Text::Plain(name.to_owned())))
        }
        EdgeName::Item(index) => {
            let class = picture.class_name(from);
            matches!(&*class, "list" | "tuple").then_some(Hop::Item(index))
        }
        _ => None,
    });
    hops.into_iter().next()
}
