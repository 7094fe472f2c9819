//! What each object keeps alive alone: dominators, and the sizes they retain.
//!
//! An object dominates another when every way from the roots to that one leads over it; without it,
//! the other would be freed. The algorithm is semi-NCA (Georgiadis, 2005): semidominators by path
//! compression over a depth-first tree, then each immediate dominator by walking up from the
//! parent. Objects can be taken together as a group, so that what a module with all its functions
//! retains is told like that of one object.

use super::graph::Graph;

/// The object that stands for all roots; it has the number 0 in the depth-first order.
const NOTHING: u32 = u32::MAX;

/// Immediate dominators and retained sizes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dominators {
    /// Of each object, by its number in the graph: the bytes that only it keeps alive, its own
    /// among them; 0 for what no root leads to.
    retained: Vec<u64>,
    /// The immediate dominator; `NOTHING` for what hangs on the roots together, or on none.
    dominator: Vec<u32>,
}

impl Dominators {
    /// Of all objects that roots lead to. `size` is asked once for each; `group_of` gives the object
    /// that stands for the group of another, mostly itself. `is_dropped` names references that are
    /// not followed.
    pub fn of(
        graph: &Graph,
        mut size: impl FnMut(u32) -> u64,
        group_of: impl Fn(u32) -> u32,
        is_dropped: impl Fn(u32, u32) -> bool,
    ) -> Dominators {
        let tree = Tree::search(graph, &group_of, &is_dropped);
        let idom = tree.dominators(graph, &group_of, &is_dropped);
        let mut retained = vec![0; graph.len()];
        for node in 0..graph.len() as u32 {
            let group = group_of(node);
            if tree.order[group as usize] != NOTHING {
                retained[group as usize] += size(node);
            }
        }
        let mut dominator = vec![NOTHING; graph.len()];
        for number in (1..tree.nodes.len()).rev() {
            let above = idom[number] as usize;
            if above > 0 {
                let (node, over) = (tree.nodes[number], tree.nodes[above]);
                dominator[node as usize] = over;
                retained[over as usize] += retained[node as usize];
            }
        }
        Dominators {
            retained,
            dominator,
        }
    }

    /// Bytes that only this object, or the group it stands for, keeps alive.
    pub fn retained(&self, node: u32) -> u64 {
        self.retained[node as usize]
    }

    /// The nearest object without which this one would be freed.
    pub fn dominator(&self, node: u32) -> Option<u32> {
        Some(self.dominator[node as usize]).filter(|&over| over != NOTHING)
    }
}

/// A depth-first tree from the roots; 0 stands for the roots together.
struct Tree {
    /// The number of each object in the order of the search.
    order: Vec<u32>,
    /// The objects in that order; the first is no object.
    nodes: Vec<u32>,
    /// The number of each one's parent.
    parents: Vec<u32>,
}

impl Tree {
    fn search(
        graph: &Graph,
        group_of: &impl Fn(u32) -> u32,
        is_dropped: &impl Fn(u32, u32) -> bool,
    ) -> Tree {
        let mut tree = Tree {
            order: vec![NOTHING; graph.len()],
            nodes: vec![NOTHING],
            parents: vec![0],
        };
        let members = Members::of(graph, group_of);
        let mut stack: Vec<(u32, u32)> = Vec::new();
        for root in (0..graph.len() as u32).filter(|&node| graph.is_root(node)) {
            stack.push((group_of(root), 0));
            while let Some((node, parent)) = stack.pop() {
                if tree.order[node as usize] != NOTHING {
                    continue;
                }
                let number = tree.nodes.len() as u32;
                tree.order[node as usize] = number;
                tree.nodes.push(node);
                tree.parents.push(parent);
                for member in members.of_group(node) {
                    for &to in graph.referents(member) {
                        let group = group_of(to);
                        if tree.order[group as usize] == NOTHING && !is_dropped(member, to) {
                            stack.push((group, number));
                        }
                    }
                }
            }
        }
        tree
    }

    fn dominators(
        &self,
        graph: &Graph,
        group_of: &impl Fn(u32) -> u32,
        is_dropped: &impl Fn(u32, u32) -> bool,
    ) -> Vec<u32> {
        let members = Members::of(graph, group_of);
        let count = self.nodes.len();
        let mut forest = Forest::new(&self.parents);
        let mut semi: Vec<u32> = (0..count as u32).collect();
        let mut idom = self.parents.clone();
        for number in (1..count as u32).rev() {
            let node = self.nodes[number as usize];
            let mut best = self.parents[number as usize];
            for member in members.of_group(node) {
                if graph.is_root(member) {
                    best = 0;
                }
                for &from in graph.referrers(member) {
                    let before = self.order[group_of(from) as usize];
                    if before != NOTHING && before != number && !is_dropped(from, member) {
                        best = best.min(forest.lowest(before, number, &semi));
                    }
                }
            }
            semi[number as usize] = best;
            forest.labels[number as usize] = best;
        }
        for number in 1..count {
            let mut over = idom[number];
            while over > semi[number] {
                over = idom[over as usize];
            }
            idom[number] = over;
        }
        idom
    }
}

/// The semidominators seen so far, with compressed paths.
struct Forest {
    ancestors: Vec<u32>,
    labels: Vec<u32>,
    path: Vec<u32>,
}

impl Forest {
    fn new(parents: &[u32]) -> Self {
        Forest {
            ancestors: parents.to_vec(),
            labels: (0..parents.len() as u32).collect(),
            path: Vec::new(),
        }
    }

    /// The lowest semidominator on the way up from `from`, as far as objects behind `number` go.
    fn lowest(&mut self, from: u32, number: u32, semi: &[u32]) -> u32 {
        if from <= number {
            return from;
        }
        let mut at = from;
        while self.ancestors[at as usize] > number {
            self.path.push(at);
            at = self.ancestors[at as usize];
        }
        let top = self.ancestors[at as usize];
        let mut label = self.labels[at as usize].min(semi[at as usize]);
        self.labels[at as usize] = label;
        while let Some(below) = self.path.pop() {
            label = label.min(self.labels[below as usize]);
            self.labels[below as usize] = label;
            self.ancestors[below as usize] = top;
        }
        label
    }
}

/// The members of each group that has more than one.
struct Members {
    sorted: Vec<(u32, u32)>,
}

impl Members {
    fn of(graph: &Graph, group_of: &impl Fn(u32) -> u32) -> Self {
        let grouped = (0..graph.len() as u32).filter(|&node| group_of(node) != node);
        let mut sorted: Vec<(u32, u32)> = grouped.map(|node| (group_of(node), node)).collect();
        sorted.sort_unstable();
        Members { sorted }
    }

    /// The object that stands for the group, and the others.
    fn of_group(&self, group: u32) -> impl Iterator<Item = u32> {
        let start = self.sorted.partition_point(|&(of, _)| of < group);
        let others = self.sorted[start..]
            .iter()
            .take_while(move |&&(of, _)| of == group);
        std::iter::once(group).chain(others.map(|&(_, node)| node))
    }
}

#[cfg(test)]
mod tests {
    use super::super::graph::tests::{Fake, at};
    use super::super::reach::Reach;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_two_hold_is_retained_by_neither_and_what_one_holds_by_it() {
        let edges: &[(u64, &[u64])] = &[
            (0, &[1, 2]),
            (1, &[3, 4]),
            (2, &[3]),
            (3, &[5]),
            (4, &[]),
            (5, &[]),
        ];
        let graph = Fake::of(edges, &[0]);
        let node = |number| graph.find(at(number)).expect("a node");
        let found = Dominators::of(&graph, |_| 10, |node| node, |_, _| false);
        let retained = |number| found.retained(node(number));
        assert_eq!([0, 1, 2, 3, 4, 5].map(retained), [60, 20, 10, 20, 10, 10]);
        assert_eq!(found.dominator(node(3)), Some(node(0)));
        assert_eq!(found.dominator(node(0)), None);
    }

    #[test]
    fn a_group_retains_what_its_members_hold_together() {
        let edges: &[(u64, &[u64])] = &[(0, &[1, 2]), (1, &[3]), (2, &[3]), (3, &[])];
        let graph = Fake::of(edges, &[0]);
        let node = |number| graph.find(at(number)).expect("a node");
        let (one, two) = (node(1), node(2));
        let group = |node| if node == two { one } else { node };
        let found = Dominators::of(&graph, |_| 10, group, |_, _| false);
        assert_eq!(found.retained(one), 30);
    }

    proptest! {
        /// The oracle: without the object, what no root leads to any more is what it retains.
        #[test]
        fn retained_is_what_is_not_reached_without_it(
            edges in proptest::collection::vec((0u64..12, 0u64..12), 0..40),
            held in proptest::collection::vec(0u64..12, 1..3),
        ) {
            let lists: Vec<(u64, Vec<u64>)> = (0..12)
                .map(|from| (from, edges.iter().filter(|edge| edge.0 == from).map(|edge| edge.1).collect()))
                .collect();
            let slices: Vec<(u64, &[u64])> = lists.iter().map(|(from, to)| (*from, &to[..])).collect();
            let graph = Fake::of(&slices, &held);
            let found = Dominators::of(&graph, |_| 1, |node| node, |_, _| false);
            let all = Reach::of(&graph, |_, _| true);
            for node in 0..graph.len() as u32 {
                let without = Reach::of(&graph, |_, to| to != node);
                let lost = without.unreached().filter(|&other| all.has(other)).count();
                prop_assert_eq!(found.retained(node), lost as u64);
            }
        }
    }
}
