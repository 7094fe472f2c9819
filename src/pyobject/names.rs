//! Looking up a few well-known names in many dicts.
//!
//! Names are interned: all dicts share one `str` object for `__file__`. So each key object is read
//! once, and recognised by its address from then on. When the hashes of all names are known, they
//! are looked up as the interpreter does: computed, where it is known how the target does it, else
//! learnt from the objects of the names. Until then, and in dicts where that does not work, all keys
//! are read.

use crate::address::{Address, AddressMap};
use crate::cpython::layout::Layout;
use crate::pyobject::batch::{self, Window};
use crate::pyobject::dict::{self, Entry, Limit, Proof, Source, Verdict};
use crate::pyobject::error::ObjectError;
use crate::pyobject::hash::{TextHash, hash_in};
use crate::pyobject::text;
use crate::target::memory::{ReadError, ReadMemory};

/// How many keys are read at once.
const AT_ONCE: usize = 1 << 16;
/// The longest name looked for, in bytes.
const LONGEST: usize = 32;
/// How many dicts are scanned at first to learn the hashes of the names; then so many times more.
const SCANNED: usize = 64;
/// How many dicts are walked at first to learn which objects the names are.
const WALKED: usize = 4;

/// A few names, and which key objects are known to be (or not to be) one of them.
#[derive(Debug)]
pub struct Names<const N: usize> {
    wanted: [&'static str; N],
    known: AddressMap<Option<u8>>,
    hashes: [Option<u64>; N],
}

/// What stands under the names in one dict, or why that is not known.
pub type Found<const N: usize> = Result<[Option<Address>; N], ObjectError>;

impl<const N: usize> Names<N> {
    /// Looks for these names, each at most 32 bytes of ASCII.
    pub fn new(wanted: [&'static str; N]) -> Self {
        Names {
            wanted,
            known: AddressMap::default(),
            hashes: [None; N],
        }
    }

    /// The hashes of the names need not be learnt.
    pub fn compute_hashes(&mut self, hash: &TextHash) {
        self.hashes = self.wanted.map(|name| Some(hash.of(name.as_bytes())));
    }

    /// Forgets which key objects are which: they may have been replaced by others.
    pub fn forget(&mut self) {
        self.known.clear();
    }

    /// The values under the names in each of these dicts. What each is known to have under one of them, if anything,
    /// spares asking it twice.
    ///
    /// # Errors
    /// As [`ReadMemory::read_some_at`]: the source as a whole is out of reach.
    pub fn find_in(
        &mut self,
        memory: &(impl ReadMemory + ?Sized),
        layout: &Layout,
        sources: &[Source],
        proof: Option<Proof<'_>>,
        limit: Limit,
    ) -> Result<Vec<Found<N>>, ReadError> {
        let mut found = Vec::with_capacity(sources.len());
        let (mut rest, mut proof, mut scanned) = (sources, proof, SCANNED);
        while !rest.is_empty() {
            let hashes = self.all_hashes(layout);
            let count = match hashes {
                Some(_) if found.is_empty() && self.known.is_empty() => WALKED,
                Some(_) => rest.len(),
                None => scanned,
            };
            let count = count.min(rest.len());
            let (now, later) = rest.split_at(count);
            let (proof_now, proof_later) = proof.map(|proof| proof.split_at(count)).unzip();
            found.extend(match hashes {
                Some(hashes) => self.walk(memory, layout, now, &hashes, proof_now, limit)?,
                None => self.scan(memory, layout, now, limit)?,
            });
            (rest, proof, scanned) = (later, proof_later, scanned.saturating_mul(4));
        }
        Ok(found)
    }

    /// The hashes of all names, when they are known and of use.
    fn all_hashes(&self, layout: &Layout) -> Option<[u64; N]> {
        let is_known = self.hashes.iter().all(Option::is_some);
        (is_known && dict::can_walk(layout)).then(|| self.hashes.map(Option::unwrap_or_default))
    }

    /// Looks at every entry.
    fn scan(
        &mut self,
        memory: &(impl ReadMemory + ?Sized),
        layout: &Layout,
        sources: &[Source],
        limit: Limit,
    ) -> Result<Vec<Found<N>>, ReadError> {
        let dicts = dict::read_many(memory, layout, sources, limit)?;
        let all = dicts.iter().flatten().flatten();
        self.learn(memory, layout, all.map(|entry| entry.key))?;
        let found = dicts.into_iter().map(|dict| Ok(self.find(&dict?)));
        Ok(found.collect())
    }

    /// Looks where the hashes lead to; scans the dicts in which they lead nowhere.
    fn walk(
        &mut self,
        memory: &(impl ReadMemory + ?Sized),
        layout: &Layout,
        sources: &[Source],
        hashes: &[u64; N],
        proof: Option<Proof<'_>>,
        limit: Limit,
    ) -> Result<Vec<Found<N>>, ReadError> {
        let judge = |key, name| match self.known.get(&key) {
            Some(&known) if known == Some(name as u8) => Verdict::Same,
            Some(_) => Verdict::Other,
            None => Verdict::Unknown,
        };
        let ways = dict::walk_many(memory, layout, sources, hashes, proof, judge)?;
        let candidates = ways.candidates.iter();
        self.learn(memory, layout, candidates.map(|found| found.entry.key))?;
        let mut found = vec![Ok([None; N]); sources.len()];
        for candidate in &ways.candidates {
            let entry = candidate.entry;
            if self.known.get(&entry.key) == Some(&Some(candidate.name as u8))
                && let Ok(values) = &mut found[candidate.source]
            {
                values[candidate.name] = Some(entry.value);
            }
        }
        self.scan_rest(memory, layout, sources, &ways.is_walked, &mut found, limit)?;
        Ok(found)
    }

    /// Scans the sources that are not done.
    fn scan_rest(
        &mut self,
        memory: &(impl ReadMemory + ?Sized),
        layout: &Layout,
        sources: &[Source],
        is_done: &[bool],
        found: &mut [Found<N>],
        limit: Limit,
    ) -> Result<(), ReadError> {
        let left: Vec<usize> = (0..sources.len())
            .filter(|&index| !is_done[index])
            .collect();
        let scanned: Vec<Source> = left.iter().map(|&index| sources[index]).collect();
        let scanned = self.scan(memory, layout, &scanned, limit)?;
        for (index, scanned) in left.into_iter().zip(scanned) {
            found[index] = scanned;
        }
        Ok(())
    }

    /// As [`Names::find_in`], for instances: those of one class share their keys. `at_hand` has
    /// bytes in which the values of each may be.
    ///
    /// # Errors
    /// As [`ReadMemory::read_some_at`]: the source as a whole is out of reach.
    pub fn find_in_instances(
        &mut self,
        memory: &(impl ReadMemory + ?Sized),
        layout: &Layout,
        sources: &[Source],
        at_hand: &[Option<Window<'_>>],
        limit: Limit,
    ) -> Result<Vec<Found<N>>, ReadError> {
        let shared = dict::read_shared_keys(memory, layout, sources);
        let keys = shared.values().flatten().copied();
        self.learn(memory, layout, keys.filter(|key| !key.is_null()))?;
        let places: AddressMap<[Option<usize>; N]> = shared
            .into_iter()
            .map(|(at, keys)| (at, self.places_in(&keys)))
            .collect();
        let wanted: Vec<(usize, Address, &[Option<usize>; N])> = sources
            .iter()
            .enumerate()
            .filter_map(|(index, source)| match source {
                Source::Values { keys, values } => Some((index, *values, places.get(keys)?)),
                Source::Dict(_) => None,
            })
            .collect();
        let span = |&(_, values, places): &(usize, Address, &[Option<usize>; N])| {
            let count = places.iter().flatten().max().map_or(0, |last| last + 1);
            dict::values_span(layout, values, count)
        };
        let mut found = vec![Ok([None; N]); sources.len()];
        let mut is_done = vec![false; sources.len()];
        let mut take = |&(source, _, places): &(usize, Address, &[Option<usize>; N]),
                        bytes: &[u8]| {
            let value = |place| dict::value_at(layout, bytes, place);
            let values = places.map(|place| place.map_or(Some(None), value));
            is_done[source] = values.iter().all(Option::is_some);
            found[source] = Ok(values.map(Option::flatten));
        };
        let mut outside = Vec::new();
        for wanted in wanted {
            let (at, size) = span(&wanted);
            match at_hand[wanted.0].and_then(|window| window.get(at, size)) {
                Some(bytes) => take(&wanted, bytes),
                None => outside.push(wanted),
            }
        }
        let spans: Vec<_> = outside.iter().map(span).collect();
        batch::visit_spans(memory, &spans, |index, bytes| take(&outside[index], bytes))?;
        self.scan_rest(memory, layout, sources, &is_done, &mut found, limit)?;
        Ok(found)
    }

    /// Where the names stand among these keys.
    fn places_in(&self, keys: &[Address]) -> [Option<usize>; N] {
        std::array::from_fn(|name| {
            let is_it = |key| self.known.get(key) == Some(&Some(name as u8));
            keys.iter().position(is_it)
        })
    }

    /// Reads the key objects that are not known yet.
    ///
    /// # Errors
    /// As [`ReadMemory::read_some_at`]: the source as a whole is out of reach.
    fn learn(
        &mut self,
        memory: &(impl ReadMemory + ?Sized),
        layout: &Layout,
        keys: impl IntoIterator<Item = Address>,
    ) -> Result<(), ReadError> {
        let mut new = Vec::new();
        for key in keys {
            self.known.entry(key).or_insert_with(|| {
                new.push(key);
                None
            });
        }
        for keys in new.chunks(AT_ONCE) {
            self.read_keys(memory, layout, keys)?;
        }
        Ok(())
    }

    /// The values under the names, in the order of the names.
    fn find(&self, entries: &[Entry]) -> [Option<Address>; N] {
        let mut found = [None; N];
        for entry in entries {
            if let Some(Some(name)) = self.known.get(&entry.key) {
                found[usize::from(*name)] = Some(entry.value);
            }
        }
        found
    }

    fn read_keys(
        &mut self,
        memory: &(impl ReadMemory + ?Sized),
        layout: &Layout,
        keys: &[Address],
    ) -> Result<(), ReadError> {
        let kind = text::native(layout);
        let heads = batch::read_blocks(memory, keys, text::header_size(layout) + LONGEST)?;
        let mut untold = Vec::new();
        for (&key, head) in keys.iter().zip(heads.iter()) {
            match text::ascii_in(layout, kind, head) {
                Some(ascii) => {
                    if let Some(name) = self.recognise(key, ascii) {
                        self.hashes[name] = hash_in(layout, head).or(self.hashes[name]);
                    }
                }
                None => untold.push((key, kind)),
            }
        }
        // Keys kept otherwise, such as instances of subclasses of str: few.
        let mut budget = (untold.len() * LONGEST * 4) as u64;
        let texts = text::read_many(memory, layout, &untold, &mut budget)?;
        for ((key, _), text) in untold.into_iter().zip(texts) {
            if let Ok(text::Text::Plain(text)) = text {
                self.recognise(key, text.as_bytes());
            }
        }
        Ok(())
    }

    fn recognise(&mut self, key: Address, ascii: &[u8]) -> Option<usize> {
        let name = self
            .wanted
            .iter()
            .position(|name| name.as_bytes() == ascii)?;
        self.known.insert(key, Some(name as u8));
        Some(name)
    }
}
