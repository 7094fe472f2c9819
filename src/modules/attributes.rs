//! The objects that the attributes of modules lead to: read once each, in batches.

use crate::address::Address;
use crate::cpython::layout::Layout;
use crate::pyobject::batch;
use crate::pyobject::class::{Class, Classes};
use crate::pyobject::error::ObjectError;
use crate::pyobject::header::{self, Header};
use crate::pyobject::text::{self, Kind, Text};
use crate::target::memory::{ReadError, ReadMemory};
use std::collections::HashMap;

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
#[derive(Debug, Default)]
pub(super) struct Objects {
    headers: HashMap<Address, Option<Header>>,
    pub(super) classes: Classes,
    texts: HashMap<Address, Result<Text, ObjectError>>,
}

impl Objects {
    /// Reads the headers of those objects that are not known yet, and their classes.
    pub(super) fn learn(
        &mut self,
        memory: &(impl ReadMemory + ?Sized),
        layout: &Layout,
        objects: impl IntoIterator<Item = Address>,
    ) -> Result<(), ReadError> {
        let mut new = Vec::new();
        for at in objects {
            self.headers.entry(at).or_insert_with(|| {
                new.push(at);
                None
            });
        }
        let blocks = batch::read_blocks(memory, &new, header::size(layout))?;
        let mut classes = Vec::new();
        for (&at, block) in new.iter().zip(blocks.iter()) {
            let header = header::parse(layout, block);
            classes.extend(header.map(|header| header.class));
            self.headers.insert(at, header);
        }
        self.classes.learn(memory, layout, classes)
    }

    /// Reads the text of those objects, learnt before, that are texts.
    pub(super) fn learn_texts(
        &mut self,
        memory: &(impl ReadMemory + ?Sized),
        layout: &Layout,
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
        let texts = text::read_many(memory, layout, &wanted, budget)?;
        let addresses = wanted.into_iter().map(|(at, _)| at);
        self.texts.extend(addresses.zip(texts));
        Ok(())
    }

    /// The header of an object that was learnt; `None` when it cannot be read.
    pub(super) fn header(&self, at: Address) -> Option<Header> {
        self.headers.get(&at).copied().flatten()
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
