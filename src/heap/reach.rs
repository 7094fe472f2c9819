//! What is alive: everything that roots lead to, with a shortest way to each.

use super::graph::Graph;
use super::nodes::NodeSet;
use crate::target::own_memory::in_huge_pages;

/// Marks an object that was not reached, and one that is a root.
const UNREACHED: u32 = u32::MAX;
const ROOT: u32 = u32::MAX - 1;

/// Which objects were reached, and from where each was reached first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    from: Vec<u32>,
}

impl Reach {
    /// Follows all references from all roots, breadth first. `may_pass` is asked for each reference
    /// whether it still holds; a root is asked for as a reference from nothing.
    pub fn of(graph: &Graph, mut may_pass: impl FnMut(Option<u32>, u32) -> bool) -> Reach {
        let mut from = Vec::with_capacity(graph.len());
        in_huge_pages(&mut from);
        from.resize(graph.len(), UNREACHED);
        let (mut front, mut next) = (Vec::new(), Vec::new());
        for node in 0..graph.len() as u32 {
            if graph.is_root(node) && may_pass(None, node) {
                from[node as usize] = ROOT;
                front.push(node);
            }
        }
        while !front.is_empty() {
            for node in front.drain(..) {
                for &to in graph.referents(node) {
                    if from[to as usize] == UNREACHED && may_pass(Some(node), to) {
                        from[to as usize] = node;
                        next.push(to);
                    }
                }
            }
            std::mem::swap(&mut front, &mut next);
        }
        Reach { from }
    }

    /// Whether it was reached.
    pub fn has(&self, node: u32) -> bool {
        self.from[node as usize] != UNREACHED
    }

    /// The way to an object, from a root to itself; empty when it was not reached.
    pub fn path_to(&self, node: u32) -> Vec<u32> {
        let mut path = Vec::new();
        let mut at = node;
        while at != ROOT && self.from[at as usize] != UNREACHED {
            path.push(at);
            at = self.from[at as usize];
        }
        path.reverse();
        path
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
        let numbered = self.from.iter().enumerate();
        numbered.filter_map(|(node, &from)| (from == UNREACHED).then_some(node as u32))
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
        assert_eq!(all.path_to(node(3)), [1, 2, 3].map(node));
        let cut = Reach::of(&graph, |from, to| (from, to) != (Some(node(1)), node(2)));
        assert_eq!(cut.unreached().collect::<Vec<_>>(), [node(2), node(3)]);
        assert!(cut.has(node(4)) && cut.path_to(node(3)).is_empty());
    }
}
