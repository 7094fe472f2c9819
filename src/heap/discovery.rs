//! Finds objects breadth first, several threads at a time.
//!
//! The objects found so far are given out in batches, each with a ticket. A thread reads the references
//! out of the objects of its batch, and looks up which of them lead to objects that are known already,
//! while the others do the same. What is new then gets its number, batch by batch in the order of the
//! tickets: so numbers do not depend on how many threads there are.

use super::graph::GraphError;
use super::progress::set_objects_read;
use super::slots::{SLOT_BITS, Slots};
use super::source::Source;
use super::threads::threads;
use crate::address::Address;
use crate::pyobject::edges::edge::{Edge, Tier};
use crate::target::own_memory::reserve;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{panicking, scope};

/// More references than this are not kept: 16 GB of them.
const MOST_LINKS: usize = u32::MAX as usize;

/// Objects that are read by one thread before the next are given out.
const BATCH: usize = 1 << 15;

/// Batches of seeds that may wait to be looked at.
const WAITING: usize = 16;

/// What the count of an object that is never freed is set to.
pub(super) const IMMORTAL: i32 = i32::MAX;

/// A graph that is being found.
pub struct Discovery<S> {
    pub(super) slots: Slots,
    pub(super) found: Found,
    workers: Vec<Worker<S>>,
    limit: usize,
}

/// What was found: a link has the slot of an object below, and its tier above.
#[derive(Default)]
pub(super) struct Found {
    /// The slot of each object.
    pub(super) nodes: Vec<u32>,
    /// The count of each, [`IMMORTAL`] of one that is never freed.
    pub(super) counts: Vec<i32>,
    pub(super) starts: Vec<u32>,
    pub(super) links: Vec<u32>,
    /// The positions of the links that are not certain.
    pub(super) unsure: Vec<u32>,
    /// Certain references that led to no object.
    pub(super) astray: usize,
}

/// One thread with what it knows, and what it has read of its batch.
struct Worker<S> {
    source: S,
    batch: Vec<u32>,
    edges: Vec<(Address, Tier)>,
    counts: Vec<i32>,
    /// How many links each object has.
    lengths: Vec<u32>,
    links: Vec<u32>,
    unsure: Vec<u32>,
    /// Which of the links lead to an object that was not known, and where that is.
    new: Vec<(usize, Address)>,
    astray: usize,
}

impl<S: Source + Clone + Send> Discovery<S> {
    /// Nothing is found yet; more than `limit` objects are an error.
    pub fn new(source: &S, limit: usize) -> Self {
        let ranges = source.ranges();
        let words: u64 = ranges.iter().map(|range| range.len() / 8).sum();
        Discovery {
            slots: Slots::within(&ranges),
            found: Found::with_room(words as usize, limit),
            workers: (0..threads())
                .map(|_| Worker::new(source.clone()))
                .collect(),
            limit,
        }
    }

    /// Takes in those that are objects of all addresses that `walk` gives, while it gives more.
    ///
    /// # Errors
    /// [`GraphError::TooMany`].
    pub fn seed<T>(
        &mut self,
        walk: impl FnOnce(&mut dyn FnMut(Address)) -> T,
    ) -> Result<T, GraphError> {
        let (sender, receiver) = sync_channel(WAITING);
        let receiver = Arc::new(Mutex::new(receiver));
        let (slots, workers) = (&self.slots, &mut self.workers);
        let (walked, mut batches) = scope(|scope| {
            let place = |worker| {
                let receiver = Arc::clone(&receiver);
                scope.spawn(move || Worker::place_all(worker, slots, &receiver))
            };
            let working: Vec<_> = workers.iter_mut().map(place).collect();
            // Only the threads have it: when none is left, nothing waits for one.
            drop(receiver);
            let walked = in_batches(walk, sender);
            let ended = working.into_iter().map(|thread| thread.join());
            let batches: Vec<Placed> = ended
                .flat_map(|end| end.unwrap_or_else(|panic| resume_unwind(panic)))
                .collect();
            (walked, batches)
        });
        batches.sort_unstable_by_key(|&(number, _)| number);
        for (_, batch) in batches {
            let batch = batch.ok_or(GraphError::TooMany {
                limit: self.found.nodes.len(),
            })?;
            self.found.nodes.extend(batch);
        }
        self.found.check(self.limit)?;
        Ok(walked)
    }

    /// Follows all references out of what was found.
    pub(super) fn follow(&mut self) -> Result<(), GraphError> {
        let queue = Queue {
            state: Mutex::new(State {
                found: &mut self.found,
                limit: self.limit,
                next: 0,
                given: 0,
                taken: 0,
                outcome: Ok(()),
                is_broken: false,
            }),
            moved: Condvar::new(),
        };
        let (queue, slots) = (&queue, &self.slots);
        scope(|scope| {
            for worker in &mut self.workers {
                scope.spawn(move || worker.follow(slots, queue));
            }
        });
        queue.lock().outcome
    }
}

/// Sends what `walk` gives in numbered batches.
fn in_batches<T>(
    walk: impl FnOnce(&mut dyn FnMut(Address)) -> T,
    sender: SyncSender<Numbered<Address>>,
) -> T {
    let mut number = 0;
    let mut batch = Vec::with_capacity(BATCH);
    let walked = walk(&mut |at| {
        batch.push(at);
        if batch.len() == BATCH {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            // When nobody receives it, all threads have panicked: the caller passes that on.
            let _ = sender.send((number, full));
            number += 1;
        }
    });
    let _ = sender.send((number, batch));
    walked
}

/// What the threads share.
struct Queue<'f> {
    state: Mutex<State<'f>>,
    /// A batch was taken in, or it is over.
    moved: Condvar,
}

struct State<'f> {
    found: &'f mut Found,
    limit: usize,
    /// The first object that was not given out.
    next: usize,
    /// How many batches were given out, and how many of them were taken in.
    given: usize,
    taken: usize,
    outcome: Result<(), GraphError>,
    /// Whether a thread has panicked: its batch will never be taken in.
    is_broken: bool,
}

impl State<'_> {
    fn is_over(&self) -> bool {
        self.is_broken || self.outcome.is_err()
    }
}

impl<'f> Queue<'f> {
    fn lock(&self) -> MutexGuard<'_, State<'f>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives out a batch with its ticket; `None` when there will be no more.
    fn give(&self, batch: &mut Vec<u32>) -> Option<usize> {
        let mut state = self.lock();
        loop {
            let rest = state.found.nodes.get(state.next..).unwrap_or_default();
            if !rest.is_empty() && !state.is_over() {
                batch.clear();
                batch.extend(rest.iter().take(BATCH));
                state.next += batch.len();
                state.given += 1;
                return Some(state.given - 1);
            }
            if state.is_over() || state.taken == state.given {
                return None;
            }
            state = self.wait(state);
        }
    }

    /// Takes in what a thread has read of its batch, when it is its turn.
    fn take<S>(&self, slots: &Slots, worker: &Worker<S>, ticket: usize) {
        let mut state = self.lock();
        while state.taken != ticket && !state.is_over() {
            state = self.wait(state);
        }
        if !state.is_over() {
            let limit = state.limit;
            state.outcome = state.found.take(slots, worker, limit);
            state.taken += 1;
        }
        self.moved.notify_all();
    }

    fn wait<'g>(&self, state: MutexGuard<'g, State<'f>>) -> MutexGuard<'g, State<'f>> {
        self.moved
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets the others end when a thread panics.
struct Alarm<'q, 'f>(&'q Queue<'f>);

impl Drop for Alarm<'_, '_> {
    fn drop(&mut self) {
        if panicking() {
            self.0.lock().is_broken = true;
            self.0.moved.notify_all();
        }
    }
}

impl Found {
    /// Room for what so many words can hold at most. It becomes memory only where it is used, and so
    /// nothing has to be moved when more is found.
    fn with_room(words: usize, limit: usize) -> Self {
        // The smallest object has two words.
        let objects = limit.min(words / 2);
        let mut found = Found::default();
        reserve(&mut found.nodes, objects);
        reserve(&mut found.counts, objects);
        reserve(&mut found.starts, objects + 1);
        reserve(&mut found.links, words.min(MOST_LINKS));
        found.starts.push(0);
        found
    }

    fn check(&self, limit: usize) -> Result<(), GraphError> {
        match self.nodes.len() > limit {
            true => Err(GraphError::TooMany { limit }),
            false => Ok(()),
        }
    }

    fn take<S>(
        &mut self,
        slots: &Slots,
        worker: &Worker<S>,
        limit: usize,
    ) -> Result<(), GraphError> {
        let before = self.links.len();
        let too_many = GraphError::TooMany {
            limit: self.nodes.len(),
        };
        if before + worker.links.len() > MOST_LINKS {
            return Err(too_many);
        }
        self.links.extend_from_slice(&worker.links);
        for &(index, at) in &worker.new {
            let (slot, is_new) = slots.insert(at).ok_or(too_many)?;
            self.links[before + index] |= slot;
            if is_new {
                self.nodes.push(slot);
            }
        }
        let position = |&index: &u32| before as u32 + index;
        self.unsure.extend(worker.unsure.iter().map(position));
        self.counts.extend_from_slice(&worker.counts);
        let mut end = before as u32;
        self.starts.extend(worker.lengths.iter().map(|length| {
            end += length;
            end
        }));
        self.astray += worker.astray;
        set_objects_read(self.counts.len());
        self.check(limit)
    }
}

impl<S: Source> Worker<S> {
    fn new(source: S) -> Self {
        Worker {
            source,
            batch: Vec::new(),
            edges: Vec::new(),
            counts: Vec::new(),
            lengths: Vec::new(),
            links: Vec::new(),
            unsure: Vec::new(),
            new: Vec::new(),
            astray: 0,
        }
    }

    fn is_object(&mut self, at: Address) -> bool {
        at.may_be_object() && self.source.is_object(at)
    }

    /// Adds the objects of all batches that it gets; returns the slots of those that are new, and
    /// `None` for a batch that did not fit.
    fn place_all(
        &mut self,
        slots: &Slots,
        seeds: &Mutex<Receiver<Numbered<Address>>>,
    ) -> Vec<Placed> {
        let next = || seeds.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let mut all = Vec::new();
        while let Ok((number, batch)) = next() {
            let objects = batch.into_iter().filter(|&at| self.is_object(at));
            let placed: Option<Vec<(u32, bool)>> = objects.map(|at| slots.insert(at)).collect();
            let new = |(slot, is_new): (u32, bool)| is_new.then_some(slot);
            all.push((
                number,
                placed.map(|placed| placed.into_iter().filter_map(new).collect()),
            ));
        }
        all
    }

    /// Reads batches until there are no more.
    fn follow(&mut self, slots: &Slots, queue: &Queue<'_>) {
        let _alarm = Alarm(queue);
        while let Some(ticket) = queue.give(&mut self.batch) {
            self.read(slots);
            queue.take(slots, self, ticket);
        }
    }

    /// Reads the references out of the objects of its batch.
    fn read(&mut self, slots: &Slots) {
        self.counts.clear();
        self.lengths.clear();
        self.links.clear();
        self.unsure.clear();
        self.new.clear();
        self.astray = 0;
        let mut edges = std::mem::take(&mut self.edges);
        let batch = std::mem::take(&mut self.batch);
        for &slot in &batch {
            let object = slots.address(slot);
            let before = self.links.len();
            let keep = &mut |edge: Edge| edges.push((edge.to, edge.tier));
            self.source.visit(object, keep);
            for (to, tier) in edges.drain(..) {
                self.add(slots, to, tier);
            }
            self.counts.push(count_of(&self.source, object));
            self.lengths.push((self.links.len() - before) as u32);
            if self.links.len() > MOST_LINKS {
                break; // Too many for a graph: that is told when they are taken.
            }
        }
        self.edges = edges;
        self.batch = batch;
    }

    fn add(&mut self, slots: &Slots, to: Address, tier: Tier) {
        let known = slots.find(to);
        if known.is_none() && !self.is_object(to) {
            self.astray += usize::from(tier == Tier::Certain);
            return;
        }
        if tier != Tier::Certain {
            self.unsure.push(self.links.len() as u32);
        }
        if known.is_none() {
            self.new.push((self.links.len(), to));
        }
        self.links
            .push(known.unwrap_or_default() | (tier as u32) << SLOT_BITS);
    }
}

/// A batch with its number, and what became of it.
type Numbered<T> = (usize, Vec<T>);
type Placed = (usize, Option<Vec<u32>>);

/// A count as the graph keeps it.
fn count_of(source: &impl Source, at: Address) -> i32 {
    match source.refcount(at) {
        Some(count) if count.immortal => IMMORTAL,
        Some(count) => count.count.clamp(0, i64::from(IMMORTAL - 1)) as i32,
        None => 0,
    }
}
