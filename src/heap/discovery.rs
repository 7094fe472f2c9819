//! Finds objects breadth first, several threads at a time.
//!
//! The objects found so far are taken in batches. Each thread reads the references out of a part of
//! the batch, and looks up which of them lead to objects that are known already. What is new then
//! gets its number from one thread, in the order of the references: so numbers do not depend on how
//! many threads there are.

use super::graph::GraphError;
use super::progress::set_objects_read;
use super::slots::{SLOT_BITS, Slots};
use super::source::Source;
use super::threads::{on_parts, threads};
use crate::address::Address;
use crate::pyobject::edges::edge::{Edge, Tier};
use crate::target::own_memory::in_huge_pages;

/// More references than this are not kept: 16 GB of them.
const MOST_LINKS: usize = u32::MAX as usize;

/// Objects that are worked on together.
const BATCH: usize = 1 << 17;

/// A graph that is being found: a link has the slot of an object below, and its tier above.
pub(super) struct Discovery {
    /// The slot of each object.
    pub(super) nodes: Vec<u32>,
    pub(super) slots: Slots,
    pub(super) starts: Vec<u32>,
    pub(super) links: Vec<u32>,
    /// Certain references that led to no object.
    pub(super) astray: usize,
    limit: usize,
}

/// One thread with what it knows, and what it has read of the batch.
pub(super) struct Worker<S> {
    pub(super) source: S,
    edges: Vec<(Address, Tier)>,
    /// References out of each object.
    counts: Vec<u32>,
    links: Vec<u32>,
    /// Which of the links lead to an object that was not known, and where that is.
    new: Vec<(usize, Address)>,
    astray: usize,
}

impl Discovery {
    /// Nothing is found yet; more than `limit` objects are an error.
    pub(super) fn new(limit: usize) -> Self {
        Discovery {
            nodes: Vec::new(),
            slots: Slots::default(),
            starts: vec![0],
            links: Vec::new(),
            astray: 0,
            limit,
        }
    }

    /// Takes in those of `seeds` that are objects.
    pub(super) fn seed<S: Source + Send>(
        &mut self,
        workers: &mut [Worker<S>],
        seeds: &[Address],
    ) -> Result<(), GraphError> {
        for batch in seeds.chunks(BATCH) {
            let objects = on_parts(workers, batch, |worker, _, part| {
                let is_object = |at: &&Address| worker.is_object(**at);
                part.iter().filter(is_object).copied().collect::<Vec<_>>()
            });
            for at in objects.into_iter().flatten() {
                self.place(at)?;
            }
        }
        Ok(())
    }

    /// Follows all references out of what was found.
    pub(super) fn follow<S: Source + Send>(
        &mut self,
        workers: &mut [Worker<S>],
    ) -> Result<(), GraphError> {
        let mut next = 0;
        while next < self.nodes.len() {
            let end = self.nodes.len().min(next + BATCH);
            let (batch, slots) = (&self.nodes[next..end], &self.slots);
            let busy = on_parts(workers, batch, |worker, _, part| worker.read(slots, part)).len();
            for worker in &workers[..busy] {
                self.take(worker)?;
            }
            next = end;
            set_objects_read(next);
        }
        Ok(())
    }

    /// The slot of the object at `at`, which is new or known.
    fn place(&mut self, at: Address) -> Result<u32, GraphError> {
        if let Some(slot) = self.slots.find(at) {
            return Ok(slot);
        }
        let limit = self.nodes.len();
        let slot = self.slots.insert(at).filter(|_| limit < self.limit);
        let slot = slot.ok_or(GraphError::TooMany { limit })?;
        self.nodes.push(slot);
        Ok(slot)
    }

    fn take<S>(&mut self, worker: &Worker<S>) -> Result<(), GraphError> {
        let before = self.links.len();
        if before + worker.links.len() > MOST_LINKS {
            let limit = self.nodes.len();
            return Err(GraphError::TooMany { limit });
        }
        self.links.extend_from_slice(&worker.links);
        in_huge_pages(&mut self.links);
        in_huge_pages(&mut self.nodes);
        in_huge_pages(&mut self.starts);
        for &(index, at) in &worker.new {
            self.links[before + index] |= self.place(at)?;
        }
        let mut end = before as u32;
        self.starts.extend(worker.counts.iter().map(|count| {
            end += count;
            end
        }));
        self.astray += worker.astray;
        Ok(())
    }
}

impl<S: Source> Worker<S> {
    /// As many as work together, each with a source of its own.
    pub(super) fn all(source: &S) -> Vec<Self>
    where
        S: Clone,
    {
        let one = || Worker {
            source: source.clone(),
            edges: Vec::new(),
            counts: Vec::new(),
            links: Vec::new(),
            new: Vec::new(),
            astray: 0,
        };
        (0..threads()).map(|_| one()).collect()
    }

    fn is_object(&mut self, at: Address) -> bool {
        at.may_be_object() && self.source.is_object(at)
    }

    /// Reads the references out of some objects.
    fn read(&mut self, slots: &Slots, objects: &[u32]) {
        self.counts.clear();
        self.links.clear();
        self.new.clear();
        self.astray = 0;
        let mut edges = std::mem::take(&mut self.edges);
        for &slot in objects {
            let object = slots.address(slot);
            let before = self.links.len();
            let keep = &mut |edge: Edge| edges.push((edge.to, edge.tier));
            self.source.visit(object, keep);
            for (to, tier) in edges.drain(..) {
                self.add(slots, to, tier);
            }
            self.counts.push((self.links.len() - before) as u32);
            if self.links.len() > MOST_LINKS {
                break; // Too many for a graph: that is told when they are taken.
            }
        }
        self.edges = edges;
    }

    fn add(&mut self, slots: &Slots, to: Address, tier: Tier) {
        let above = (tier as u32) << SLOT_BITS;
        if let Some(slot) = slots.find(to) {
            self.links.push(slot | above);
        } else if self.is_object(to) {
            self.new.push((self.links.len(), to));
            self.links.push(above);
        } else {
            self.astray += usize::from(tier == Tier::Certain);
        }
    }
}
