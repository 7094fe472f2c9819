//! The objects that the attributes of modules lead to: read once each, in batches.

use crate::address::{Address, AddressMap};
use crate::cpython::layout::Layout;
use crate::pyobject::batch::{self, Window};
use crate::pyobject::class::{Class, Classes};
use crate::pyobject::error::ObjectError;
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
#[derive(Debug, Default)]
pub(super) struct Objects {
    /// Where in `known` each object stands. (Maps grow by moving what they hold: it is kept small.)
    places: AddressMap<u32>,
    known: Vec<Known>,
    texts: Vec<Result<Text, Box<ObjectError>>>,
    pub(super) classes: Classes,
}

/// What is known of one object.
#[derive(Debug, Default)]
struct Known {
    /// `None` when it cannot be read.
    header: Option<Header>,
    /// Where in `texts` its text stands.
    text: Option<u32>,
}

impl Objects {
    /// Nothing but these classes, with room for what `count` modules lead to.
    pub(super) fn of_modules(count: usize, classes: Classes) -> Self {
        let mut objects = Objects {
            classes,
            ..Objects::default()
        };
        // Name, module, file, cached file, spec and loader.
        objects.places.reserve(count * 6);
        objects.known.reserve(count * 6);
        objects.texts.reserve(count * 4);
        objects
    }

    /// Reads the headers of those objects that are not known yet, and their classes; of those whose
    /// class is known to be one of texts the text too, when it is short. Beside each object stands
    /// how many bytes before it are read along. `visit` gets the bytes of each: those before it, and
    /// as many as a text has that is read so.
    pub(super) fn learn(
        &mut self,
        memory: &(impl ReadMemory + ?Sized),
        layout: &Layout,
        objects: impl IntoIterator<Item = (Address, u64)>,
        budget: &mut u64,
        mut visit: impl FnMut(Address, Window<'_>),
    ) -> Result<(), ReadError> {
        let size = text::head_size(layout);
        let (mut spans, mut starts) = (Vec::new(), Vec::new());
        let first = self.known.len();
        for (at, before) in objects {
            self.places.entry(at).or_insert_with(|| {
                spans.push((at.before(before), size + before as usize));
                starts.push(at);
                (first + spans.len() - 1) as u32
            });
        }
        self.known.resize_with(first + spans.len(), Known::default);
        let (known, texts, classes) = (&mut self.known[first..], &mut self.texts, &self.classes);
        let mut met = Vec::new();
        batch::visit_spans(memory, &spans, |index, bytes| {
            let (at, from) = (starts[index], spans[index].0);
            let window = Window { from, bytes };
            let head = window.behind(at);
            let header = header::parse(layout, head);
            let class = header.map(|header| header.class);
            let kind = class.and_then(|class| classes.flags(class).text_kind());
            let text = kind.and_then(|kind| text::in_head(layout, kind, at, head, budget));
            if met.last() != class.as_ref() {
                met.extend(class);
            }
            visit(at, window);
            let text = text.map(|text| {
                texts.push(Ok(text));
                (texts.len() - 1) as u32
            });
            known[index] = Known { header, text };
        })?;
        self.classes.learn(memory, layout, met)
    }

    /// Reads the text of those objects, learnt before, that are texts and have not been read.
    pub(super) fn learn_texts(
        &mut self,
        memory: &(impl ReadMemory + ?Sized),
        layout: &Layout,
        objects: impl IntoIterator<Item = Address>,
        budget: &mut u64,
    ) -> Result<(), ReadError> {
        let mut wanted: Vec<(Address, Kind)> = objects
            .into_iter()
            .filter_map(|at| {
                let known = self.known(at).filter(|known| known.text.is_none())?;
                let class = self.classes.get(known.header?.class)?;
                Some((at, class.flags.text_kind()?))
            })
            .collect();
        wanted.sort_unstable_by_key(|&(at, _)| at);
        wanted.dedup();
        let texts = text::read_many(memory, layout, &wanted, budget)?;
        for ((at, _), text) in wanted.into_iter().zip(texts) {
            if let Some(&place) = self.places.get(&at) {
                self.known[place as usize].text = Some(self.texts.len() as u32);
                self.texts.push(text.map_err(Box::new));
            }
        }
        Ok(())
    }

    /// The header of an object that was learnt; `None` when it cannot be read.
    pub(super) fn header(&self, at: Address) -> Option<Header> {
        self.known(at)?.header
    }

    fn known(&self, at: Address) -> Option<&Known> {
        self.known.get(*self.places.get(&at)? as usize)
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
    pub(super) fn text(&self, at: Address) -> Option<&Result<Text, Box<ObjectError>>> {
        self.texts.get(self.known(at)?.text? as usize)
    }

    /// What an attribute whose value was learnt holds.
    pub(super) fn value(&self, at: Address) -> Value {
        match (self.text(at), self.is_none(at)) {
            (Some(Ok(text)), _) => return Value::Text(text.escaped()),
            (Some(Err(error)), _) => return Value::Unreadable(error.to_string()),
            (None, true) => return Value::Null,
            (None, false) => {}
        }
        match self.class_of(at) {
            Some(class) => Value::Other(class.name.clone()),
            None => Value::Unreadable(format!("no object at {at}")),
        }
    }

    /// The class of a loader and its bases, nearest first; of a loader that is a class, that class.
    /// The loader, and its own class, were learnt.
    pub(super) fn loader_names(&self, at: Address) -> Vec<&str> {
        let Some(header) = self.header(at) else {
            return Vec::new();
        };
        let is_class = self.classes.flags(header.class).is_type();
        let class = if is_class { at } else { header.class };
        let names = self.classes.lineage(class);
        names.map(|class| class.name.as_str()).collect()
    }
}
