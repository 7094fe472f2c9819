//! All objects with all references between them.
//!
//! Objects are found breadth first, from what the collector's lists and the roots name, and get
//! their numbers in that order. Each is looked at once. References that CPython's sources vouch for
//! are taken as they are. Words that only look like references are taken as long as the count of
//! their target is not explained by others: the collector's own idea, the count minus the
//! references found, decides (`Modules/gcmodule.c: subtract_refs`). What is then left of a count is
//! held from somewhere no reader knows: from C.

use super::links::Links;
use super::slots::{SLOT_BITS, Slots};
use super::source::{RootWord, Source};
use crate::address::Address;
use crate::pyobject::edges::edge::Tier;

/// More references than this are not kept: 16 GB of them.
const MOST_LINKS: usize = u32::MAX as usize;

/// Bits of a link below its tier.
const LINK: u32 = (1 << SLOT_BITS) - 1;

/// What the count of an object that is never freed is set to.
const IMMORTAL: i32 = i32::MAX;

/// Why there is no graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// More objects than were allowed, or more than fit.
    #[error("there are more than {limit} objects")]
    TooMany {
        /// How many were found.
        limit: usize,
    },
}

/// How well counts and references agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Audit {
    /// Objects.
    pub objects: usize,
    /// Objects that are never freed, whose counts mean nothing.
    pub immortal: usize,
    /// Objects with a count that is explained to the last reference.
    pub exact: usize,
    /// Objects with more references than were found: held from C.
    pub unexplained: usize,
    /// Objects with fewer references than were found: a sign of a wrong reference.
    pub over: usize,
    /// Words that should have been references and led to no object.
    pub astray: usize,
}

/// Objects and the references between them.
#[derive(Debug)]
pub struct Graph {
    nodes: Vec<Address>,
    slots: Slots,
    /// The number of the object with each rank.
    by_rank: Vec<u32>,
    out: Links,
    into: Links,
    counts: Vec<i32>,
    /// References of each that are not explained; negative when more were found than there are.
    balance: Vec<i32>,
    /// Objects with the root words that hold them: pairs of object and index of the word, sorted.
    rooted: Vec<(u32, u32)>,
    astray: usize,
}

impl Graph {
    /// Finds everything that `seeds` and `roots` lead to, at most `limit` objects.
    ///
    /// # Errors
    /// [`GraphError::TooMany`].
    pub fn build(
        source: &mut impl Source,
        seeds: impl IntoIterator<Item = Address>,
        roots: &[RootWord],
        limit: usize,
    ) -> Result<Graph, GraphError> {
        let mut found = Discovery::new(limit);
        for seed in seeds {
            found.add(source, seed)?;
        }
        // A word that only may hold something is no proof that there is an object.
        for root in roots.iter().filter(|root| root.tier != Tier::Possible) {
            found.add(source, root.to)?;
        }
        found.follow(source)?;
        Ok(found.into_graph(source, roots))
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Where an object is.
    pub fn address(&self, node: u32) -> Address {
        self.nodes[node as usize]
    }

    /// The number of the object at `at`.
    pub fn find(&self, at: Address) -> Option<u32> {
        let slot = self.slots.find(at)?;
        Some(self.by_rank[self.slots.rank(slot) as usize])
    }

    /// The objects that `node` refers to, each as often as it does.
    pub fn referents(&self, node: u32) -> &[u32] {
        self.out.of(node)
    }

    /// The objects that refer to `node`, each as often as it does.
    pub fn referrers(&self, node: u32) -> &[u32] {
        self.into.of(node)
    }

    /// The indices of the root words that hold `node`.
    pub fn roots_of(&self, node: u32) -> impl Iterator<Item = u32> {
        let start = self.rooted.partition_point(|&(of, _)| of < node);
        let of_node = move |&&(of, _): &&(u32, u32)| of == node;
        self.rooted[start..]
            .iter()
            .take_while(of_node)
            .map(|&(_, word)| word)
    }

    /// Its count of references; `None` for an object that is never freed.
    pub fn refcount(&self, node: u32) -> Option<i32> {
        Some(self.counts[node as usize]).filter(|&count| count != IMMORTAL)
    }

    /// References that nothing explains; negative when more were found than there are.
    pub fn unexplained(&self, node: u32) -> i32 {
        self.balance[node as usize]
    }

    /// Whether something other than an object holds it, or must be assumed to.
    pub fn is_root(&self, node: u32) -> bool {
        self.counts[node as usize] == IMMORTAL
            || self.balance[node as usize] > 0
            || self.roots_of(node).next().is_some()
    }

    /// How many references there are between objects.
    pub fn links(&self) -> usize {
        self.out.members()
    }

    /// How well counts and references agree.
    pub fn audit(&self) -> Audit {
        let mut audit = Audit {
            objects: self.len(),
            astray: self.astray,
            ..Audit::default()
        };
        for (&count, &balance) in self.counts.iter().zip(&self.balance) {
            *match (count, balance) {
                (IMMORTAL, _) => &mut audit.immortal,
                (_, 0) => &mut audit.exact,
                (_, 1..) => &mut audit.unexplained,
                (_, ..0) => &mut audit.over,
            } += 1;
        }
        audit
    }
}

/// A graph that is being found: links lead to slots, not to numbers yet.
struct Discovery {
    nodes: Vec<Address>,
    slots: Slots,
    /// The slot of each object.
    places: Vec<u32>,
    starts: Vec<u32>,
    links: Vec<u32>,
    limit: usize,
    astray: usize,
}

impl Discovery {
    fn new(limit: usize) -> Self {
        Discovery {
            nodes: Vec::new(),
            slots: Slots::default(),
            places: Vec::new(),
            starts: vec![0],
            links: Vec::new(),
            limit,
            astray: 0,
        }
    }

    /// The slot of the object at `at`, which is new or known; `None` when there is no object.
    fn add(&mut self, source: &mut impl Source, at: Address) -> Result<Option<u32>, GraphError> {
        if let Some(slot) = self.slots.find(at) {
            return Ok(Some(slot));
        }
        if !at.may_be_object() || !source.is_object(at) {
            return Ok(None);
        }
        let limit = self.nodes.len();
        let slot = self.slots.insert(at).filter(|_| limit < self.limit);
        let slot = slot.ok_or(GraphError::TooMany { limit })?;
        self.nodes.push(at);
        self.places.push(slot);
        Ok(Some(slot))
    }

    fn follow(&mut self, source: &mut impl Source) -> Result<(), GraphError> {
        let mut edges = Vec::new();
        let mut next = 0;
        while let Some(&object) = self.nodes.get(next) {
            source.visit(object, &mut |edge| edges.push((edge.to, edge.tier)));
            for (to, tier) in edges.drain(..) {
                match self.add(source, to)? {
                    Some(slot) => self.links.push(slot | (tier as u32) << SLOT_BITS),
                    None => self.astray += usize::from(tier == Tier::Certain),
                }
            }
            if self.links.len() > MOST_LINKS {
                return Err(GraphError::TooMany { limit: next });
            }
            self.starts.push(self.links.len() as u32);
            next += 1;
        }
        Ok(())
    }

    fn into_graph(mut self, source: &impl Source, roots: &[RootWord]) -> Graph {
        self.slots.rank_all();
        let mut by_rank = vec![0; self.nodes.len()];
        for (number, &place) in self.places.iter().enumerate() {
            by_rank[self.slots.rank(place) as usize] = number as u32;
        }
        for link in &mut self.links {
            let number = by_rank[self.slots.rank(*link & LINK) as usize];
            *link = number | *link & !LINK;
        }
        let counts: Vec<i32> = self.nodes.iter().map(|&at| count_of(source, at)).collect();
        let mut graph = Graph {
            nodes: self.nodes,
            slots: self.slots,
            by_rank,
            out: Links::new(self.starts, self.links),
            into: Links::default(),
            balance: counts.clone(),
            counts,
            rooted: Vec::new(),
            astray: self.astray,
        };
        graph.balance_all(roots);
        graph.into = graph.out.reversed();
        graph
    }
}

/// A count as the graph keeps it.
fn count_of(source: &impl Source, at: Address) -> i32 {
    match source.refcount(at) {
        Some(count) if count.immortal => IMMORTAL,
        Some(count) => count.count.clamp(0, i64::from(IMMORTAL - 1)) as i32,
        None => 0,
    }
}

/// The balance: what explains the counts, the surest first.
impl Graph {
    fn balance_all(&mut self, roots: &[RootWord]) {
        for tier in [Tier::Certain, Tier::Probable, Tier::Possible] {
            self.admit_links(tier);
            self.admit_roots(roots, tier);
        }
        self.rooted.sort_unstable();
    }

    fn admit_links(&mut self, tier: Tier) {
        let (counts, balance) = (&self.counts, &mut self.balance);
        self.out.retain(|_, link| {
            let (number, of) = ((*link & LINK) as usize, *link >> SLOT_BITS);
            if of != tier as u32 {
                return true;
            }
            let is_admitted = admit(counts[number], &mut balance[number], tier);
            *link &= LINK;
            is_admitted
        });
    }

    fn admit_roots(&mut self, roots: &[RootWord], tier: Tier) {
        for (word, root) in roots.iter().enumerate() {
            if root.tier != tier {
                continue;
            }
            let Some(node) = self.find(root.to) else {
                continue;
            };
            let number = node as usize;
            if admit(self.counts[number], &mut self.balance[number], tier) {
                self.rooted.push((node, word as u32));
            }
        }
    }
}

/// Whether a reference to an object with this count is believed; if so it explains one unit.
fn admit(count: i32, balance: &mut i32, tier: Tier) -> bool {
    if count == IMMORTAL {
        return tier != Tier::Possible;
    }
    if tier != Tier::Certain && *balance <= 0 {
        return false;
    }
    *balance -= 1;
    true
}

#[cfg(test)]
#[path = "graph_tests.rs"]
pub(super) mod tests;
