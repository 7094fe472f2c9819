//! Graphs made from small fakes, for the tests of this floor.

use super::*;
use crate::address::AddressRange;
use crate::pyobject::edges::edge::{Edge, EdgeName};
use crate::pyobject::header::Refcount;
use std::collections::BTreeMap;

/// Objects with a count and references; object `n` lies at [`at`]`(n)`.
#[derive(Clone, Default)]
pub struct Fake(BTreeMap<Address, (i64, Vec<(Address, Tier)>)>);

pub fn at(number: u64) -> Address {
    Address::new(0x7f00_0000_0000 + number * 16)
}

impl Fake {
    pub fn with(mut self, number: u64, count: i64, to: &[(u64, Tier)]) -> Self {
        let edges = to.iter().map(|&(to, tier)| (at(to), tier)).collect();
        self.0.insert(at(number), (count, edges));
        self
    }

    /// Objects with sure references, and the counts that these make; `held` is held by a root.
    pub fn of(edges: &[(u64, &[u64])], held: &[u64]) -> Graph {
        let mut counts: BTreeMap<u64, i64> = BTreeMap::new();
        for &to in edges.iter().flat_map(|(_, to)| to.iter()).chain(held) {
            *counts.entry(to).or_default() += 1;
        }
        let mut fake = Fake::default();
        for &(from, to) in edges {
            let to: Vec<_> = to.iter().map(|&to| (to, Tier::Certain)).collect();
            fake = fake.with(from, counts.get(&from).copied().unwrap_or(0), &to);
        }
        let roots: Vec<RootWord> = held.iter().map(|&to| root(to, Tier::Certain)).collect();
        let seeds: Vec<Address> = edges.iter().map(|&(from, _)| at(from)).collect();
        graph_of(&fake, &seeds, &roots, 1000).expect("a small graph")
    }
}

fn graph_of(
    fake: &Fake,
    seeds: &[Address],
    roots: &[RootWord],
    limit: usize,
) -> Result<Graph, GraphError> {
    let mut discovery = Discovery::new(fake, limit);
    discovery.seed(|seed| seeds.iter().for_each(|&at| seed(at)))?;
    Graph::of(discovery, roots)
}

impl Source for Fake {
    fn ranges(&self) -> Vec<AddressRange> {
        let (first, last) = (self.0.keys().next(), self.0.keys().next_back());
        let range = first
            .zip(last)
            .map(|(&first, last)| AddressRange::new(first, last.offset(16)));
        range.into_iter().collect()
    }
    fn is_object(&mut self, at: Address) -> bool {
        self.0.contains_key(&at)
    }
    fn visit(&mut self, object: Address, visit: &mut impl FnMut(Edge)) {
        for &(to, tier) in &self.0[&object].1 {
            visit(Edge {
                to,
                tier,
                name: EdgeName::Class,
            });
        }
    }
    fn refcount(&self, object: Address) -> Option<Refcount> {
        let &(count, _) = self.0.get(&object)?;
        Some(Refcount {
            count,
            immortal: count >= 1 << 31,
        })
    }
}

pub fn root(to: u64, tier: Tier) -> RootWord {
    RootWord { to: at(to), tier }
}

const SURE: Tier = Tier::Certain;

fn build(fake: Fake, seeds: &[u64], roots: &[RootWord]) -> Graph {
    let seeds: Vec<Address> = seeds.iter().map(|&number| at(number)).collect();
    graph_of(&fake, &seeds, roots, 1000).expect("a small graph")
}

#[test]
fn a_reference_is_found_from_both_of_its_ends_as_often_as_it_is_there() {
    let fake = Fake::default()
        .with(1, 0, &[(2, SURE), (2, SURE)])
        .with(2, 2, &[]);
    let graph = build(fake, &[1], &[]);
    let two = graph.find(at(2)).expect("found through 1");
    assert_eq!(graph.referrers(two), [0, 0]);
    assert_eq!(graph.referents(0), [two, two]);
    assert_eq!(graph.unexplained(two), 0);
}

#[test]
fn a_doubtful_reference_counts_only_while_the_count_has_room() {
    let doubt = [(3, Tier::Probable), (3, Tier::Possible)];
    let fake = Fake::default()
        .with(1, 0, &[(3, SURE)])
        .with(2, 0, &doubt)
        .with(3, 2, &[]);
    let graph = build(fake, &[1, 2], &[]);
    let three = graph.find(at(3)).expect("found");
    assert_eq!(graph.referrers(three).len(), 2);
    assert_eq!(graph.referents(1), [three]);
    assert_eq!(graph.audit().over, 0);
}

#[test]
fn what_no_reference_explains_is_held_from_c() {
    let fake = Fake::default().with(1, 3, &[(1, SURE)]);
    let graph = build(fake, &[1], &[root(1, SURE)]);
    assert_eq!(graph.unexplained(0), 1);
    assert_eq!(graph.roots_of(0).collect::<Vec<_>>(), [0]);
    assert!(graph.is_root(0));
}

#[test]
fn a_word_that_only_may_hold_something_never_holds_the_immortal() {
    let fake = Fake::default().with(1, 1 << 31, &[]);
    let graph = build(
        fake,
        &[1],
        &[root(1, Tier::Possible), root(1, Tier::Probable)],
    );
    assert_eq!(graph.roots_of(0).collect::<Vec<_>>(), [1]);
    assert_eq!(graph.refcount(0), None);
}

#[test]
fn a_sure_reference_to_no_object_is_counted_as_astray() {
    let fake = Fake::default().with(1, 0, &[(9, SURE), (9, Tier::Probable)]);
    assert_eq!(build(fake, &[1], &[]).audit().astray, 1);
}

#[test]
fn more_objects_than_allowed_are_an_error() {
    let fake = Fake::default().with(1, 0, &[(2, SURE)]).with(2, 1, &[]);
    let built = graph_of(&fake, &[at(1)], &[], 1);
    assert_eq!(built.err(), Some(GraphError::TooMany { limit: 1 }));
}
