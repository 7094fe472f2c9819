//! The objects that the attributes of modules lead to: read once each, in batches.

use crate::address::Address;
use crate::cpython::layout::Layout;
use crate::pyobject::batch::{self, Blocks};
use crate::pyobject::class::{Class, Classes};
use crate::pyobject::error::ObjectError;
use crate::pyobject::hash::AddressMap;
use crate::pyobject::header::{self, Header};
use crate::pyobject::text::{self, Kind, Text};
use crate::target::memory::{ReadError, ReadMemory};

/// What an attribute holds, when a text was hoped for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// The text; with Python's escapes where it is not plain.
    Text(String),
    /// `None`.
    Null,
    /// An object of another class.
    Other(String),
    /// Why it could not be read.
    Unreadable(String),
}

/// Headers and classes of objects, and the text of some, by address.
#[derive(Debug)]
pub(super) struct Objects<'l> {
    layout: &'l Layout,
    /// Which block holds the beginning of each object, and where in it.
    places: AddressMap<(u32, u32)>,
    blocks: Vec<Blocks>,
    pub(super) classes: Classes,
    texts: AddressMap<Result<Text, ObjectError>>,
}

impl<'l> Objects<'l> {
    /// None are known.
    pub(super) fn new(layout: &'l Layout) -> Self {
        Objects {
            layout,
            places: AddressMap::default(),
            blocks: Vec::new(),
            classes: Classes::default(),
            texts: AddressMap::default(),
        }
    }

    /// Reads the beginning of those objects that are not known yet, enough of each to see its header
    /// and most texts whole; and their classes.
    pub(super) fn learn(
        &mut self,
        memory: &(impl ReadMemory + ?Sized),
        objects: impl IntoIterator<Item = Address>,
    ) -> Result<(), ReadError> {
        let mut new = Vec::new();
        let batch = self.blocks.len() as u32;
        for at in objects {
            self.places.entry(at).or_insert_with(|| {
                new.push(at);
                (batch, new.len() as u32 - 1)
            });
        }
        let blocks = batch::read_blocks(memory, &new, text::head_size(self.layout))?;
        let headers = blocks
            .iter()
            .filter_map(|block| header::parse(self.layout, block));
        let classes: Vec<Address> = headers.map(|header| header.class).collect();
        self.blocks.push(blocks);
        self.classes.learn(memory, self.layout, classes)
    }

    /// Reads the text of those objects, learnt before, that are texts.
    pub(super) fn learn_texts(
        &mut self,
        memory: &(impl ReadMemory + ?Sized),
        objects: impl IntoIterator<Item = Address>,
        budget: &mut u64,
    ) -> Result<(), ReadError> {
        let mut wanted: Vec<(Address, Kind)> = objects
            .into_iter()
            .filter(|at| !self.texts.contains_key(at))
            .filter_map(|at| Some((at, self.class_of(at)?.flags.text_kind()?)))
            .collect();
        wanted.sort_unstable_by_key(|&(at, _)| at);
        wanted.dedup();
        let with_heads: Vec<_> = wanted
            .iter()
            .map(|&(at, kind)| ((at, kind), self.head(at)))
            .collect();
        let texts = text::read_behind(memory, self.layout, &with_heads, budget)?;
        let addresses = wanted.into_iter().map(|(at, _)| at);
        self.texts.extend(addresses.zip(texts));
        Ok(())
    }

    /// The first bytes of an object that was learnt; none when it cannot be read.
    pub(super) fn head(&self, at: Address) -> &[u8] {
        let place = self.places.get(&at).copied();
        let block = place.and_then(|(batch, index)| {
            let blocks = self.blocks.get(batch as usize)?;
            Some(blocks.get(index as usize))
        });
        block.unwrap_or_default()
    }

    /// The header of an object that was learnt; `None` when it cannot be read.
    pub(super) fn header(&self, at: Address) -> Option<Header> {
        header::parse(self.layout, self.head(at))
    }

    /// The class of an object that was learnt.
    pub(super) fn class_of(&self, at: Address) -> Option<&Class> {
        self.classes.get(self.header(at)?.class)
    }

    /// Whether the object is `None`, whose class has no other instance.
    pub(super) fn is_none(&self, at: Address) -> bool {
        self.class_of(at)
            .is_some_and(|class| class.name == "NoneType" && !class.flags.is_heap())
    }

    /// The text of an object whose text was learnt.
    pub(super) fn text(&self, at: Address) -> Option<&Result<Text, ObjectError>> {
        self.texts.get(&at)
    }

    /// What an attribute whose value was learnt holds.
    pub(super) fn value(&self, at: Address) -> Value {
        if self.is_none(at) {
            return Value::Null;
        }
        match (self.text(at), self.class_of(at)) {
            (Some(Ok(text)), _) => Value::Text(text.escaped()),
            (Some(Err(error)), _) => Value::Unreadable(error.to_string()),
            (None, Some(class)) => Value::Other(class.name.clone()),
            (None, None) => Value::Unreadable(format!("no object at {at}")),
        }
    }

    /// The class of a loader and its bases, nearest first; of a loader that is a class, that class.
    /// The loader, and its own class, were learnt.
    pub(super) fn loader_names(&self, at: Address) -> Vec<String> {
        let Some(header) = self.header(at) else {
            return Vec::new();
        };
        let is_class = self.classes.flags(header.class).is_type();
        let class = if is_class { at } else { header.class };
        let names = self.classes.lineage(class);
        names.map(|class| class.name.clone()).collect()
    }
}
