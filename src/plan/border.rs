//! Every reference that enters a module's own set from outside, and the roots they come from.
//!
//! A root is where a person would begin to look: a name in another module, a frame, a part of the
//! interpreter, a reference that C code holds. Ways to different roots share no object, so that who
//! removes one root does not find that another was behind it all the time; those whose ways do share one
//! are looked for afterwards, with the containers left out that are known.

use crate::heap::disjoint::{Anchors, Bounds, find_ways};
use crate::heap::kinds::Kind;
use crate::heap::reach::Reach;
use crate::modules::picture::{Holder, Picture};
use crate::plan::own::{Cuts, Own};
use crate::plan::registries::find_registry;
use crate::plan::standing::names_in;
use crate::pyobject::edges::edge::EdgeName;
use crate::target::view::ViewMemory;
use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;

/// The most ways that are told apart, and the most objects looked at for each.
const BOUNDS: Bounds = Bounds {
    ways: 200,
    visited: 2_000_000,
};

/// How often is looked for roots behind those that were found.
const BEHIND: usize = 8;

/// What a way begins at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Anchor {
    /// The globals of another module that is loaded, or its module object with the state that C code
    /// keeps there: the first object of the way is one of its values.
    Module(u32),
    /// Part of the state of the interpreter, of a thread or a frame, or a C variable.
    Holder(Holder),
    /// References that nothing explains.
    HeldFromC(i32),
    /// An object that is never freed.
    Immortal,
}

/// A root with the way from it into the set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Where it begins.
    pub anchor: Anchor,
    /// Objects from the anchored one to the member of the set that is held.
    pub way: Vec<u32>,
    /// How many references of the border lead back to it.
    pub references: usize,
}

/// A reference into the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crossing {
    /// The holder; `None` when what holds is no object, and the root is all there is.
    pub from: Option<u32>,
    /// The member.
    pub to: u32,
    /// Which root it comes from.
    pub root: usize,
}

/// The border of a set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Border {
    /// Roots, those with the shortest ways first.
    pub roots: Vec<Root>,
    /// Every reference into the set.
    pub crossings: Vec<Crossing>,
    /// Whether a search was cut short, so that there may be more roots.
    pub is_cut: bool,
    /// What is alive without the set: nothing else is kept from being freed by it.
    pub outside: Reach,
}

/// Finds the border of `own`, without the references in `cuts`.
pub fn find_border<M: ViewMemory>(picture: &Picture<'_, M>, own: &Own, cuts: &Cuts) -> Border {
    let graph = &picture.graph;
    let outside = Reach::of(graph, |from, to| {
        !own.members.has(to)
            && match from {
                Some(from) => !cuts.has(from, to),
                None => !cuts.frees(to),
            }
    });
    let mut survey = Survey {
        picture,
        own,
        cuts,
        outside,
        globals: globals_of_others(picture, own),
        border: Border::default(),
        passed: HashSet::new(),
        used: HashSet::new(),
    };
    let indirect = survey.find_direct();
    survey.find_indirect(&indirect);
    survey.find_behind(&indirect);
    survey.in_order()
}

/// The globals dicts and module objects that `sys.modules` gives, those of the set left out.
fn globals_of_others<M: ViewMemory>(picture: &Picture<'_, M>, own: &Own) -> HashSet<u32> {
    let all = picture.namespaces.all.iter();
    let loaded = all
        .filter(|namespace| namespace.is_loaded)
        .map(|namespace| namespace.dict);
    let rows = picture.tables.iter().flat_map(|table| &table.rows);
    // The module object as well as its globals: one made from C keeps things in its state.
    let given = rows.flat_map(|row| [row.dict, row.dict.map(|_| row.address)]);
    let given = given.filter_map(|at| picture.graph.find(at?));
    loaded
        .chain(given)
        .filter(|&dict| !own.members.has(dict))
        .collect()
}

struct Survey<'s, 'm, M> {
    picture: &'s Picture<'m, M>,
    own: &'s Own,
    cuts: &'s Cuts,
    outside: Reach,
    globals: HashSet<u32>,
    border: Border,
    /// Containers that a root is known for: what is found further leads past them.
    passed: HashSet<u32>,
    /// The same of what holds an object that is in no container.
    used: HashSet<(Anchor, u32)>,
}

impl<M: ViewMemory> Survey<'_, '_, M> {
    /// Members that a root or another module holds itself. Returns the crossings from anything else.
    fn find_direct(&mut self) -> Vec<(u32, u32)> {
        let graph = &self.picture.graph;
        let mut indirect = Vec::new();
        for member in self.own.members.iter() {
            let holders = self.picture.holders_of(member).into_iter();
            for holder in holders.filter(|holder| !self.cuts.empties(holder)) {
                self.add_direct(Anchor::Holder(holder), None, member);
            }
            let unexplained = graph.unexplained(member);
            if unexplained > 0 && graph.refcount(member).is_some() {
                self.add_direct(Anchor::HeldFromC(unexplained), None, member);
            }
            for &from in graph.referrers(member) {
                if self.own.members.has(from) || self.cuts.has(from, member) {
                    continue;
                }
                if self.globals.contains(&from) {
                    self.add_direct(Anchor::Module(from), Some(from), member);
                } else if self.outside.has(from) && !self.cuts.is_table(from) {
                    indirect.push((from, member));
                }
            }
        }
        indirect
    }

    fn add_direct(&mut self, anchor: Anchor, from: Option<u32>, to: u32) {
        let known = |root: &Root| root.anchor == anchor && root.way == [to];
        let root = match self.border.roots.iter().position(known) {
            Some(root) => root,
            None => self.add_root(anchor, vec![to]),
        };
        self.cross(from, to, root);
    }

    fn add_root(&mut self, anchor: Anchor, way: Vec<u32>) -> usize {
        self.border.roots.push(Root {
            anchor,
            way,
            references: 0,
        });
        self.border.roots.len() - 1
    }

    fn cross(&mut self, from: Option<u32>, to: u32, root: usize) {
        self.border.roots[root].references += 1;
        self.border.crossings.push(Crossing { from, to, root });
    }

    fn find_indirect(&mut self, indirect: &[(u32, u32)]) {
        let mut root_of: HashMap<u32, usize> = HashMap::new();
        for way in self.find_ways(indirect) {
            let Some(anchor) = way.last().and_then(|&last| self.anchor_of(last)) else {
                continue;
            };
            let reversed: Vec<u32> = way.iter().rev().copied().collect();
            let root = self.add_root(anchor, reversed);
            root_of.extend(way[1..].iter().map(|&node| (node, root)));
        }
        for &(from, to) in indirect {
            match self.root_behind(from, to, &mut root_of) {
                Some(root) => self.cross(Some(from), to, root),
                None => self.border.is_cut = true,
            }
        }
    }

    fn find_ways(&mut self, indirect: &[(u32, u32)]) -> Vec<Vec<u32>> {
        let mut sources: Vec<u32> = indirect.iter().map(|&(_, member)| member).collect();
        sources.sort_unstable();
        sources.dedup();
        let found = find_ways(&self.picture.graph, &sources, &*self, BOUNDS);
        self.border.is_cut |= found.is_cut;
        found.ways
    }

    /// Roots whose ways have an object in common with one that is known: an object in two registries is
    /// held by both. A container that several names lead to is one holder: who takes the row out of it
    /// need not know the names.
    fn find_behind(&mut self, indirect: &[(u32, u32)]) {
        let mut known = 0;
        for _ in 0..BEHIND {
            let new = known..self.border.roots.len();
            known = new.end;
            if !self.pass(new) {
                return;
            }
            for way in self.find_ways(indirect) {
                let Some(anchor) = way.last().and_then(|&last| self.anchor_of(last)) else {
                    continue;
                };
                let root = self.add_root(anchor, way.iter().rev().copied().collect());
                let is_first = |&&(from, to): &&(u32, u32)| (to, from) == (way[0], way[1]);
                self.border.roots[root].references = indirect.iter().filter(is_first).count();
            }
        }
    }

    /// Leaves out what these roots are known for; whether that is anything.
    fn pass(&mut self, roots: Range<usize>) -> bool {
        let before = self.passed.len() + self.used.len();
        for root in &self.border.roots[roots] {
            let mut steps = root.way.windows(2);
            match steps.find(|step| self.is_row(step[0], step[1])) {
                Some(step) => self.passed.insert(step[0]),
                None if root.way.len() > 1 => self.used.insert((root.anchor, root.way[0])),
                None => false,
            };
        }
        self.passed.len() + self.used.len() > before
    }

    /// Whether one object has another as an item, a value or an attribute of its own.
    fn is_row(&self, from: u32, to: u32) -> bool {
        let names = self.picture.names_of(from, to);
        let is_own = |name: &EdgeName| {
            use EdgeName::{Instance, Item, Key, Member, Value};
            matches!(name, Item(_) | Key | Value(_) | Member | Instance(_))
        };
        names.iter().any(is_own)
    }

    /// The root that a holder hangs on: the one whose way is met first on the way back; a new one
    /// when an anchor is met before.
    fn root_behind(
        &mut self,
        from: u32,
        to: u32,
        root_of: &mut HashMap<u32, usize>,
    ) -> Option<usize> {
        let mut next_of: HashMap<u32, u32> = HashMap::from([(from, to)]);
        let mut queue = VecDeque::from([from]);
        while let Some(node) = queue.pop_front() {
            let way = || {
                let step = |node: &u32| next_of.get(node).copied();
                let way: Vec<u32> = std::iter::successors(Some(node), step).collect();
                way
            };
            let known = root_of.get(&node).copied();
            let root = match (known, self.anchor_of(node)) {
                (Some(root), _) => Some(root),
                (None, Some(anchor)) => Some(self.add_root(anchor, way())),
                (None, None) => None,
            };
            if let Some(root) = root {
                let on_way = way();
                root_of.extend(on_way[..on_way.len() - 1].iter().map(|&node| (node, root)));
                return Some(root);
            }
            if next_of.len() > BOUNDS.visited {
                return None;
            }
            for &holder in self.picture.graph.referrers(node) {
                if self.may_pass(holder) && !next_of.contains_key(&holder) {
                    next_of.insert(holder, node);
                    queue.push_back(holder);
                }
            }
        }
        None
    }

    /// What holds an object at which a way can begin, what people know best first: a known registry,
    /// another name of a module, the state of one made from C.
    fn anchor_of(&self, node: u32) -> Option<Anchor> {
        let mut modules: Vec<u32> = self.modules_with(node).collect();
        if modules.len() > 1 {
            modules.sort_by_key(|&from| match self.picture.kind(from) {
                Some(Kind::Module) => 2,
                _ => usize::from(!self.is_registry(from, node)),
            });
        }
        let first = modules.first().map(|&from| Anchor::Module(from));
        first.or_else(|| self.anchor_besides(node))
    }

    /// Globals and module objects that have an object.
    fn modules_with(&self, node: u32) -> impl Iterator<Item = u32> {
        let known = move |&from: &u32| {
            self.globals.contains(&from)
                && !self.cuts.has(from, node)
                && !self.used.contains(&(Anchor::Module(from), node))
        };
        let referrers = self.picture.graph.referrers(node).iter();
        referrers.copied().filter(known)
    }

    fn is_registry(&self, dict: u32, node: u32) -> bool {
        let module = self.picture.module_name(dict).unwrap_or_default();
        let names = names_in(self.picture, dict, node);
        names
            .iter()
            .any(|name| find_registry(&module, name).is_some())
    }

    /// What holds an object that no module has.
    fn anchor_besides(&self, node: u32) -> Option<Anchor> {
        let graph = &self.picture.graph;
        let holders = self.picture.holders_of(node).into_iter();
        let holders = holders
            .filter(|holder| !self.cuts.empties(holder))
            .map(Anchor::Holder);
        let counted = match (graph.refcount(node), graph.unexplained(node)) {
            (None, _) => Some(Anchor::Immortal),
            (Some(_), held @ 1..) => Some(Anchor::HeldFromC(held)),
            _ => None,
        };
        let mut all = holders.chain(counted);
        all.find(|anchor| !self.used.contains(&(*anchor, node)))
    }

    fn in_order(self) -> Border {
        let mut border = self.border;
        let mut order: Vec<usize> = (0..border.roots.len()).collect();
        order.sort_by_key(|&root| (border.roots[root].way.len(), root));
        let mut place = vec![0; order.len()];
        for (new, &old) in order.iter().enumerate() {
            place[old] = new;
        }
        for crossing in &mut border.crossings {
            crossing.root = place[crossing.root];
        }
        border.outside = self.outside;
        border.roots = order
            .iter()
            .map(|&root| border.roots[root].clone())
            .collect();
        border
    }
}

impl<M: ViewMemory> Anchors for Survey<'_, '_, M> {
    fn is_anchored(&self, node: u32) -> bool {
        self.modules_with(node).next().is_some() || self.anchor_besides(node).is_some()
    }

    fn may_pass(&self, node: u32) -> bool {
        self.outside.has(node)
            && !self.own.members.has(node)
            && !self.globals.contains(&node)
            && !self.cuts.is_table(node)
            && !self.passed.contains(&node)
    }
}
