//! Ways from some objects back to what holds them that share no object: as many as there are.
//!
//! One shortest way names one holder; whoever removes that finds the next. The most ways that have
//! no object in common are a maximum flow with room for one in each object (Menger's theorem): a way
//! is sought breadth first, and may push earlier ones aside.

use super::graph::Graph;
use foldhash::fast::RandomState;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};

/// Where a way may lead and end.
pub trait Anchors {
    /// Whether something holds `node` at which a way ends.
    fn is_anchored(&self, node: u32) -> bool;
    /// Whether a way may lead through `node`.
    fn may_pass(&self, node: u32) -> bool;
}

/// How far is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The most ways.
    pub ways: usize,
    /// The most objects looked at for each.
    pub visited: usize,
}

/// Ways that were found, the shortest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ways {
    /// Each from the object that is held to the one that is anchored.
    pub ways: Vec<Vec<u32>>,
    /// Whether a bound was met, so that there may be more.
    pub is_cut: bool,
}

/// Finds ways that begin at `sources`, of which each may have any number, and lead over other
/// objects, each of which is on one way only, to an anchored one.
pub fn find_ways(graph: &Graph, sources: &[u32], anchors: &impl Anchors, bounds: Bounds) -> Ways {
    let mut flow = Flow {
        graph,
        anchors,
        order: sources,
        sources: sources.iter().copied().collect(),
        ends: HashMap::default(),
        begins: HashMap::default(),
    };
    let mut count = 0;
    let is_cut = loop {
        if count == bounds.ways {
            break true;
        }
        match flow.find_another(bounds.visited) {
            Search::Found(arcs) => flow.apply(&arcs),
            Search::Exhausted => break false,
            Search::Cut => break true,
        }
        count += 1;
    };
    let mut ways = flow.ways();
    ways.sort_by(|left, right| left.len().cmp(&right.len()).then_with(|| left.cmp(right)));
    Ways { ways, is_cut }
}

/// An object has two sides: a way comes in at one and leaves for a holder at the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Side {
    In,
    Out,
}

type State = (u32, Side);
type Map<K, V> = HashMap<K, V, RandomState>;

/// What a way has at one of its objects: another object, or that it begins or ends there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Source(u32),
    Node(u32),
    Anchor,
}

/// A step of a new way: one more arc, or one of an earlier way taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arc {
    Begin(u32, u32),
    Add(u32, u32),
    Cancel(u32, u32),
    End(u32),
}

enum Search {
    Found(Vec<Arc>),
    Exhausted,
    Cut,
}

struct Flow<'g, A> {
    graph: &'g Graph,
    anchors: &'g A,
    /// The sources in an order that is always the same, and as a set.
    order: &'g [u32],
    sources: HashSet<u32, RandomState>,
    /// For each object on a way, what comes after it and before it.
    ends: Map<u32, Next>,
    begins: Map<u32, Next>,
}

impl<A: Anchors> Flow<'_, A> {
    fn find_another(&self, limit: usize) -> Search {
        let mut from: Map<State, Option<State>> = HashMap::default();
        let mut source_of: Map<u32, u32> = HashMap::default();
        let mut queue = VecDeque::new();
        for &source in self.order {
            for holder in self.holders(source) {
                if let Entry::Vacant(entry) = from.entry((holder, Side::In)) {
                    entry.insert(None);
                    source_of.insert(holder, source);
                    queue.push_back((holder, Side::In));
                }
            }
        }
        while let Some(state) = queue.pop_front() {
            if from.len() > limit {
                return Search::Cut;
            }
            if self.may_end_at(state) {
                return Search::Found(arcs_to(state, &from, &source_of));
            }
            for next in self.next_of(state) {
                if let Entry::Vacant(entry) = from.entry(next) {
                    entry.insert(Some(state));
                    queue.push_back(next);
                }
            }
        }
        Search::Exhausted
    }

    fn holders(&self, node: u32) -> impl Iterator<Item = u32> {
        let may_enter =
            |holder: &u32| !self.sources.contains(holder) && self.anchors.may_pass(*holder);
        self.graph.referrers(node).iter().copied().filter(may_enter)
    }

    fn may_end_at(&self, (node, side): State) -> bool {
        side == Side::Out
            && self.anchors.is_anchored(node)
            && self.ends.get(&node) != Some(&Next::Anchor)
    }

    fn next_of(&self, (node, side): State) -> Vec<State> {
        let is_used = self.begins.contains_key(&node);
        match side {
            Side::In if !is_used => vec![(node, Side::Out)],
            // Another way leads through: it may be turned back to where it came from.
            Side::In => match self.begins.get(&node) {
                Some(&Next::Node(before)) => vec![(before, Side::Out)],
                _ => Vec::new(),
            },
            Side::Out => {
                let taken = self.ends.get(&node);
                let mut next: Vec<State> = self
                    .holders(node)
                    .filter(|&holder| taken != Some(&Next::Node(holder)))
                    .map(|holder| (holder, Side::In))
                    .collect();
                if is_used {
                    next.push((node, Side::In));
                }
                next
            }
        }
    }

    /// Takes back what the new way takes back, then adds what it adds.
    fn apply(&mut self, arcs: &[Arc]) {
        for arc in arcs {
            if let Arc::Cancel(before, after) = arc {
                self.ends.remove(before);
                self.begins.remove(after);
            }
        }
        for arc in arcs {
            match *arc {
                Arc::Begin(source, first) => {
                    self.begins.insert(first, Next::Source(source));
                }
                Arc::Add(before, after) => {
                    self.ends.insert(before, Next::Node(after));
                    self.begins.insert(after, Next::Node(before));
                }
                Arc::End(last) => {
                    self.ends.insert(last, Next::Anchor);
                }
                Arc::Cancel(..) => {}
            }
        }
    }

    fn ways(&self) -> Vec<Vec<u32>> {
        let first = |(&first, &next): (&u32, &Next)| match next {
            Next::Source(source) => Some(vec![source, first]),
            Next::Node(_) | Next::Anchor => None,
        };
        let mut ways: Vec<Vec<u32>> = self.begins.iter().filter_map(first).collect();
        for way in &mut ways {
            while let Some(&Next::Node(next)) = way.last().and_then(|node| self.ends.get(node)) {
                way.push(next);
            }
        }
        ways
    }
}

/// The arcs of the way that ends in `end`.
fn arcs_to(end: State, from: &Map<State, Option<State>>, source_of: &Map<u32, u32>) -> Vec<Arc> {
    let mut arcs = vec![Arc::End(end.0)];
    let mut at = end;
    while let Some(&Some(before)) = from.get(&at) {
        match (before, at) {
            ((left, Side::Out), (right, Side::In)) if left != right => {
                arcs.push(Arc::Add(left, right));
            }
            ((left, Side::In), (right, Side::Out)) if left != right => {
                arcs.push(Arc::Cancel(right, left));
            }
            _ => {}
        }
        at = before;
    }
    arcs.extend(source_of.get(&at.0).map(|&source| Arc::Begin(source, at.0)));
    arcs
}

#[cfg(test)]
mod tests {
    use super::super::graph::tests::{Fake, at};
    use super::*;

    /// Ways end at what the object 0 holds.
    struct FromZero<'g>(&'g Graph);

    impl Anchors for FromZero<'_> {
        fn is_anchored(&self, node: u32) -> bool {
            let zero = self.0.find(at(0)).expect("the anchor");
            self.0.referrers(node).contains(&zero)
        }
        fn may_pass(&self, node: u32) -> bool {
            self.0.address(node) != at(0)
        }
    }

    const BOUNDS: Bounds = Bounds {
        ways: 10,
        visited: 1000,
    };

    /// Ways of a graph from object 9 back to object 0, as numbers of objects.
    fn ways_of(edges: &[(u64, &[u64])], bounds: Bounds) -> (Vec<Vec<u64>>, bool) {
        let graph = Fake::of(edges, &[0]);
        let source = graph.find(at(9)).expect("the source");
        let found = find_ways(&graph, &[source], &FromZero(&graph), bounds);
        let number = |&node: &u32| (graph.address(node).value() - at(0).value()) / 16;
        let ways = found
            .ways
            .iter()
            .map(|way| way.iter().map(number).collect());
        (ways.collect(), found.is_cut)
    }

    #[test]
    fn two_registries_that_hold_one_object_are_two_ways() {
        let edges: &[(u64, &[u64])] = &[(0, &[1, 2]), (1, &[9]), (2, &[9]), (9, &[])];
        assert_eq!(ways_of(edges, BOUNDS).0, [[9, 1], [9, 2]]);
    }

    #[test]
    fn a_thousand_holders_in_one_container_are_one_way() {
        let edges: &[(u64, &[u64])] = &[
            (0, &[1]),
            (1, &[2, 3, 4]),
            (2, &[9]),
            (3, &[9]),
            (4, &[9]),
            (9, &[]),
        ];
        assert_eq!(ways_of(edges, BOUNDS).0.len(), 1);
    }

    #[test]
    fn a_short_way_is_pushed_aside_when_that_makes_room_for_two() {
        // The shortest way is 9 1 4; only 9 1 3 and 9 2 4 have nothing in common.
        let edges: &[(u64, &[u64])] = &[
            (0, &[4, 5]),
            (5, &[3]),
            (3, &[1]),
            (4, &[1, 2]),
            (1, &[9]),
            (2, &[6]),
            (6, &[9]),
            (9, &[]),
        ];
        let (ways, is_cut) = ways_of(edges, BOUNDS);
        assert_eq!(ways, [[9, 1, 3, 5], [9, 6, 2, 4]]);
        assert!(!is_cut);
    }

    #[test]
    fn a_bound_that_was_met_is_told() {
        let edges: &[(u64, &[u64])] = &[(0, &[1, 2]), (1, &[9]), (2, &[9]), (9, &[])];
        let (ways, is_cut) = ways_of(edges, Bounds { ways: 1, ..BOUNDS });
        assert_eq!((ways.len(), is_cut), (1, true));
        let (ways, is_cut) = ways_of(
            edges,
            Bounds {
                visited: 0,
                ..BOUNDS
            },
        );
        assert_eq!((ways.len(), is_cut), (0, true));
    }

    #[test]
    fn a_circle_leads_nowhere() {
        let edges: &[(u64, &[u64])] = &[(0, &[]), (1, &[2, 9]), (2, &[1]), (9, &[])];
        assert_eq!(ways_of(edges, BOUNDS), (vec![], false));
    }
}
