//! What is alive: everything that roots lead to, and a shortest way to each.

use super::graph::Graph;
use super::nodes::NodeSet;
use crate::target::own_memory::in_huge_pages;

/// Which objects were reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    reached: NodeSet,
    /// How many objects there are.
    count: usize,
}

impl Reach {
    /// What all roots lead to. `may_pass` is asked for each reference whether it still holds; a root is
    /// asked for as a reference from nothing.
    pub fn of(graph: &Graph, mut may_pass: impl FnMut(Option<u32>, u32) -> bool) -> Reach {
        let count = graph.len();
        let mut reached = NodeSet::with_room(count);
        let mut behind = Vec::new();
        for node in 0..count as u32 {
            let is_alive = reached.has(node) || graph.is_root(node) && may_pass(None, node);
            if !is_alive {
                continue;
            }
            reached.insert(node);
            behind.push(node);
            while let Some(from) = behind.pop() {
                for &to in graph.referents(from) {
                    if !reached.has(to) && may_pass(Some(from), to) {
                        reached.insert(to);
                        // The loop comes to the others, which are most: numbers are in the order in which
                        // objects were found.
                        if to < node {
                            behind.push(to);
                        }
                    }
                }
            }
        }
        Reach { reached, count }
    }

    /// Whether it was reached.
    pub fn has(&self, node: u32) -> bool {
        self.reached.has(node)
    }

    /// What of the objects that were not reached is alive because of `members`, these included:
    /// what a root leads to over at least one of them. It is for the caller to know that whatever
    /// was kept from being passed leads to one of them.
    pub fn kept_by(&self, graph: &Graph, members: &NodeSet) -> NodeSet {
        let is_alive = |&member: &u32| {
            let mut referrers = graph.referrers(member).iter();
            graph.is_root(member) || referrers.any(|&from| self.has(from))
        };
        let missing = |&node: &u32| !self.has(node);
        let mut queue: Vec<u32> = members.iter().filter(missing).filter(is_alive).collect();
        let mut kept = NodeSet::of(queue.iter().copied());
        while let Some(node) = queue.pop() {
            for &to in graph.referents(node).iter().filter(|to| missing(to)) {
                if kept.insert(to) {
                    queue.push(to);
                }
            }
        }
        kept
    }

    /// The objects that were not reached.
    pub fn unreached(&self) -> impl Iterator<Item = u32> {
        (0..self.count as u32).filter(|&node| !self.has(node))
    }
}

/// Marks an object that was not reached, and one that is a root.
const UNREACHED: u32 = u32::MAX;
const ROOT: u32 = u32::MAX - 1;

/// A shortest way from a root to each object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// From where each object was reached first.
    from: Vec<u32>,
}

impl Paths {
    /// To all objects that are alive: found breadth first.
    pub fn of(graph: &Graph) -> Paths {
        let mut from = Vec::with_capacity(graph.len());
        in_huge_pages(&mut from);
        from.resize(graph.len(), UNREACHED);
        let (mut front, mut next) = (Vec::new(), Vec::new());
        for node in (0..graph.len() as u32).filter(|&node| graph.is_root(node)) {
            from[node as usize] = ROOT;
            front.push(node);
        }
        while !front.is_empty() {
            for node in front.drain(..) {
                for &to in graph.referents(node) {
                    if from[to as usize] == UNREACHED {
                        from[to as usize] = node;
                        next.push(to);
                    }
                }
            }
            std::mem::swap(&mut front, &mut next);
        }
        Paths { from }
    }

    /// The way to an object, from a root to itself; empty when it was not reached.
    pub fn to(&self, node: u32) -> Vec<u32> {
        let mut path = Vec::new();
        let mut at = node;
        while at != ROOT && self.from[at as usize] != UNREACHED {
            path.push(at);
            at = self.from[at as usize];
        }
        path.reverse();
        path
    }
}

#[cfg(test)]
mod tests {
    use super::super::graph::tests::{Fake, at};
    use super::*;

    #[test]
    fn a_set_keeps_what_is_alive_over_it_only_and_no_garbage() {
        // 1 and 4 are roots; 9 and 8 hold each other; 2 and 9 are the set.
        let edges: &[(u64, &[u64])] = &[
            (1, &[2]),
            (2, &[3, 5]),
            (3, &[]),
            (4, &[5]),
            (5, &[]),
            (8, &[9]),
            (9, &[8]),
        ];
        let graph = Fake::of(edges, &[1, 4]);
        let node = |number| graph.find(at(number)).expect("a node");
        let members = NodeSet::of([2, 9].map(node));
        let outside = Reach::of(&graph, |_, to| !members.has(to));
        let kept = outside.kept_by(&graph, &members);
        assert_eq!(kept, NodeSet::of([2, 3].map(node)));
    }

    #[test]
    fn what_a_cut_leaves_without_a_root_is_not_reached() {
        let edges: &[(u64, &[u64])] = &[(1, &[2]), (2, &[3]), (3, &[2, 4]), (4, &[])];
        let graph = Fake::of(edges, &[1, 4]);
        let node = |number| graph.find(at(number)).expect("a node");
        let all = Reach::of(&graph, |_, _| true);
        assert!(all.has(node(3)));
        assert_eq!(Paths::of(&graph).to(node(3)), [1, 2, 3].map(node));
        let cut = Reach::of(&graph, |from, to| (from, to) != (Some(node(1)), node(2)));
        assert_eq!(cut.unreached().collect::<Vec<_>>(), [node(2), node(3)]);
        assert!(cut.has(node(4)) && !cut.has(node(3)));
    }
}
