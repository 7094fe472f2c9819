//! All objects with all references between them.
//!
//! Objects are found breadth first, from what the collector's lists and the roots name, and get
//! their numbers in that order. Each is looked at once. References that CPython's sources vouch for
//! are taken as they are. Words that only look like references are taken as long as the count of
//! their target is not explained by others: the collector's own idea, the count minus the
//! references found, decides (`Modules/gcmodule.c: subtract_refs`). What is then left of a count is
//! held from somewhere no reader knows: from C.

use super::discovery::{Discovery, Found, IMMORTAL};
use super::links::{Links, Times};
use super::nodes::NodeSet;
use super::slots::{SLOT_BITS, Slots};
use super::source::{RootWord, Source};
use super::threads::{change_parts, on_parts, threads};
use crate::address::Address;
use crate::pyobject::edges::edge::Tier;
use crate::target::own_memory::in_huge_pages;
use std::thread::scope;

/// Bits of a link below its tier.
const LINK: u32 = (1 << SLOT_BITS) - 1;

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
    /// The slot of each object.
    nodes: Vec<u32>,
    slots: Slots,
    /// The number of the object with each rank.
    by_rank: Vec<u32>,
    out: Links,
    into: Links,
    /// References of each that are not explained; negative when more were found than there are.
    /// [`IMMORTAL`] of an object that is never freed. What was found is in `into` and `rooted`: so the
    /// count itself need not be kept.
    balance: Vec<i32>,
    /// Objects with the root words that hold them: pairs of object and index of the word, sorted.
    rooted: Vec<(u32, u32)>,
    /// The objects among them.
    held: NodeSet,
    astray: usize,
}

impl Graph {
    /// Everything that what was found and `roots` lead to.
    ///
    /// # Errors
    /// [`GraphError::TooMany`].
    pub fn of<S: Source + Clone + Send>(
        mut discovery: Discovery<S>,
        roots: &[RootWord],
    ) -> Result<Graph, GraphError> {
        // A word that only may hold something is no proof that there is an object.
        let held = roots.iter().filter(|root| root.tier != Tier::Possible);
        discovery.seed(|seed| held.for_each(|root| seed(root.to)))?;
        discovery.follow()?;
        let Discovery { slots, found, .. } = discovery;
        Ok(Graph::from_found(found, slots, roots))
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
        self.slots.address(self.nodes[node as usize])
    }

    /// Has each worker look at a part of all objects, at the same time: their numbers, and where they
    /// are. The results are in the order of the parts.
    pub fn on_parts<W: Send, R: Send>(
        &self,
        workers: &mut [W],
        work: impl Fn(&mut W, &mut dyn Iterator<Item = (u32, Address)>) -> R + Sync,
    ) -> Vec<R> {
        on_parts(workers, &self.nodes, |worker, first, part| {
            let slots = part.iter().enumerate();
            let mut objects =
                slots.map(|(index, &slot)| ((first + index) as u32, self.slots.address(slot)));
            work(worker, &mut objects)
        })
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
        let balance = self.balance[node as usize];
        let found = self.referrers(node).len() + self.roots_of(node).count();
        (balance != IMMORTAL).then(|| balance.saturating_add_unsigned(found as u32))
    }

    /// References that nothing explains; negative when more were found than there are.
    pub fn unexplained(&self, node: u32) -> i32 {
        self.balance[node as usize]
    }

    /// Whether something other than an object holds it, or must be assumed to.
    pub fn is_root(&self, node: u32) -> bool {
        // Of an object that is never freed it is the largest number.
        self.balance[node as usize] > 0 || self.held.has(node)
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
        for &balance in &self.balance {
            *match balance {
                IMMORTAL => &mut audit.immortal,
                0 => &mut audit.exact,
                1.. => &mut audit.unexplained,
                ..0 => &mut audit.over,
            } += 1;
        }
        audit
    }
}

impl Graph {
    /// Gives numbers to what was found, and balances it.
    fn from_found(mut found: Found, mut slots: Slots, roots: &[RootWord]) -> Graph {
        slots.rank_all();
        let by_rank = numbers_by_rank(&found.nodes, &slots);
        change_parts(&mut found.links, |_, links| {
            for link in links {
                let number = by_rank[slots.rank(*link & LINK) as usize];
                *link = number | *link & !LINK;
            }
        });
        let mut graph = Graph {
            nodes: found.nodes,
            slots,
            by_rank,
            out: Links::new(found.starts, found.links),
            into: Links::default(),
            balance: found.counts,
            rooted: Vec::new(),
            held: NodeSet::default(),
            astray: found.astray,
        };
        let times = graph.balance_all(roots, found.unsure);
        graph.into = graph.out.reversed(times);
        graph
    }
}

/// The number of the object with each rank. Each thread writes those of its part of the slots.
fn numbers_by_rank(nodes: &[u32], slots: &Slots) -> Vec<u32> {
    let mut by_rank = vec![0; nodes.len()];
    in_huge_pages(&mut by_rank);
    scope(|scope| {
        let mut rest = &mut by_rank[..];
        for border in slots.borders(threads()).windows(2) {
            let [(first, lowest), (end, highest)] = *border else {
                continue;
            };
            let part;
            (part, rest) = rest.split_at_mut((highest - lowest) as usize);
            scope.spawn(move || {
                for (number, &slot) in nodes.iter().enumerate() {
                    if (first..end).contains(&slot) {
                        part[(slots.rank(slot) - lowest) as usize] = number as u32;
                    }
                }
            });
        }
    });
    by_rank
}

/// The balance: what explains the counts, the surest first.
impl Graph {
    /// Decides which of the links at the positions `unsure` are believed, and drops the others. Returns
    /// how many links lead to each object.
    fn balance_all(&mut self, roots: &[RootWord], mut unsure: Vec<u32>) -> Times {
        // Links that are not certain yet are no numbers of objects.
        let mut times = self.out.times();
        self.admit_certain(&times);
        self.admit_roots(roots, Tier::Certain);
        for tier in [Tier::Probable, Tier::Possible] {
            unsure.retain(|&position| !self.admit_link(position, tier, &mut times));
            self.admit_roots(roots, tier);
        }
        if !unsure.is_empty() {
            self.out.retain(|_, link| *link <= LINK);
        }
        self.rooted.sort_unstable();
        self.held = NodeSet::of(self.rooted.iter().map(|&(node, _)| node));
        times
    }

    /// Certain references are believed whatever the count says: it is enough to count them.
    fn admit_certain(&mut self, times: &Times) {
        change_parts(&mut self.balance, |first, balance| {
            let times = &times.all()[first..];
            for (balance, &times) in balance.iter_mut().zip(times) {
                if *balance != IMMORTAL {
                    *balance = balance.saturating_sub_unsigned(times);
                }
            }
        });
    }

    /// Admits the link at this position if it is of `tier` and is believed; whether it was.
    fn admit_link(&mut self, position: u32, tier: Tier, times: &mut Times) -> bool {
        let link = self.out.get(position);
        let number = link & LINK;
        let is_admitted =
            link >> SLOT_BITS == tier as u32 && admit(&mut self.balance[number as usize], tier);
        if is_admitted {
            self.out.set(position, number);
            times.add(number);
        }
        is_admitted
    }

    fn admit_roots(&mut self, roots: &[RootWord], tier: Tier) {
        for (word, root) in roots.iter().enumerate() {
            if root.tier != tier {
                continue;
            }
            let Some(node) = self.find(root.to) else {
                continue;
            };
            if admit(&mut self.balance[node as usize], tier) {
                self.rooted.push((node, word as u32));
            }
        }
    }
}

/// Whether a reference to an object with this balance is believed; if so it explains one unit.
fn admit(balance: &mut i32, tier: Tier) -> bool {
    if *balance == IMMORTAL {
        return tier != Tier::Possible;
    }
    if tier != Tier::Certain && *balance <= 0 {
        return false;
    }
    *balance = balance.saturating_sub(1);
    true
}

#[cfg(test)]
#[path = "graph_tests.rs"]
pub(super) mod tests;
