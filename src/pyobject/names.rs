//! Looking up a few well-known names in many dicts.
//!
//! Names are interned: all dicts share one `str` object for `__file__`. So each key object is read
//! once, and recognised by its address from then on.

use crate::address::Address;
use crate::cpython::layout::Layout;
use crate::pyobject::batch;
use crate::pyobject::dict::Entry;
use crate::pyobject::hash::AddressMap;
use crate::pyobject::text;
use crate::target::memory::{ReadError, ReadMemory};

/// How many keys are read at once.
const AT_ONCE: usize = 1 << 16;
/// The longest name looked for, in bytes.
const LONGEST: usize = 32;

/// A few names, and which key objects are known to be (or not to be) one of them.
#[derive(Debug)]
pub struct Names<const N: usize> {
    wanted: [&'static str; N],
    known: AddressMap<Option<u8>>,
}

impl<const N: usize> Names<N> {
    /// Looks for these names, each at most 32 bytes of ASCII.
    pub fn new(wanted: [&'static str; N]) -> Self {
        Names {
            wanted,
            known: AddressMap::default(),
        }
    }

    /// Reads the key objects that are not known yet.
    ///
    /// # Errors
    /// As [`ReadMemory::read_some_at`]: the source as a whole is out of reach.
    pub fn learn<'e>(
        &mut self,
        memory: &(impl ReadMemory + ?Sized),
        layout: &Layout,
        entries: impl IntoIterator<Item = &'e Entry>,
    ) -> Result<(), ReadError> {
        let mut new = Vec::new();
        for entry in entries {
            self.known.entry(entry.key).or_insert_with(|| {
                new.push(entry.key);
                None
            });
        }
        for keys in new.chunks(AT_ONCE) {
            self.read_keys(memory, layout, keys)?;
        }
        Ok(())
    }

    /// The values under the names, in the order of the names.
    pub fn find(&self, entries: &[Entry]) -> [Option<Address>; N] {
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
                Some(ascii) => self.recognise(key, ascii),
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

    fn recognise(&mut self, key: Address, ascii: &[u8]) {
        let name = self.wanted.iter().position(|name| name.as_bytes() == ascii);
        if let Some(name) = name {
            self.known.insert(key, Some(name as u8));
        }
    }
}
