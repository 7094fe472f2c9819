//! The references out of every kind of object.

use super::edge::{Edge, EdgeName, Tier};
use super::look::{Look, Shared};
use super::places;
use super::shape::{Body, Kind};
use super::shapes::Shapes;
use crate::address::{Address, AddressRange};
use crate::cpython::layout::{AttributesForm, RefcountForm};
use crate::cpython::python::Python;
use crate::pyobject::class;
use crate::pyobject::header::{self, Refcount};
use crate::target::memory::word_in;
use crate::target::view::ViewMemory;

/// Counts from here on are those of immortal objects on 3.12 and later.
const IMMORTAL: i64 = 0x3fff_ffff;
/// Counts from here on are those of the frozen objects of 3.11 and before.
const FROZEN: i64 = 900_000_000;

/// Knows the references out of every kind of object, and learns each class once. One for each
/// thread: clone it.
#[derive(Debug)]
pub struct Tracer<'m, M> {
    pub(super) look: Look<'m, M>,
    pub(super) python: &'m Python,
    pub(super) shapes: Shapes,
}

impl<M> Clone for Tracer<'_, M> {
    fn clone(&self) -> Self {
        Tracer {
            look: self.look.clone(),
            python: self.python,
            shapes: self.shapes.clone(),
        }
    }
}

impl<'m, M: ViewMemory> Tracer<'m, M> {
    /// Gathers what is the same for all objects: where interpreters keep the state of static types,
    /// their dicts of interned strings, the frames that run.
    pub fn new(memory: &'m M, python: &'m Python) -> Self {
        let mut look = Look {
            memory,
            layout: &python.layout,
            shared: Shared::default(),
        };
        look.shared = places::gather(&look, python);
        Tracer {
            look,
            python,
            shapes: Shapes::new(),
        }
    }

    /// The shape of the object at `at`, when its class is one.
    #[inline]
    pub(super) fn shape_of(&mut self, at: Address) -> Option<u32> {
        let class = self.look.word(self.look.layout.header.class.of(at))?;
        self.shapes.find(&self.look, class)
    }

    /// Whether an object begins at `at`: an aligned address, a plausible count, and a class that is
    /// one.
    pub fn is_object(&mut self, at: Address) -> bool {
        if !at.may_be_object() {
            return false;
        }
        let layout = self.look.layout;
        let Some(bytes) = self.look.view(at, layout.header.size) else {
            return false;
        };
        let Some(class) = layout.header.class.get(bytes) else {
            return false;
        };
        header::has_plausible_count(layout, bytes) && self.shapes.find(&self.look, class).is_some()
    }

    /// Gives every reference out of the object at `object` to `visit`, in no order.
    ///
    /// Certain ones are what CPython's sources say is owned; they are not checked. The others have
    /// been checked to lead to objects.
    pub fn visit(&mut self, object: Address, visit: &mut impl FnMut(Edge)) {
        let Some(index) = self.shape_of(object) else {
            return;
        };
        let shape = self.shapes.get(index);
        let look = &self.look;
        look.visit_words(object, shape, visit);
        look.visit_attributes(object, shape, visit);
        match shape.body {
            Body::Plain | Body::Int | Body::Bytes => {}
            Body::List => look.visit_list(object, visit),
            Body::Tuple { least } => look.visit_tuple(object, least, visit),
            Body::Dict => look.visit_dict(object, visit),
            Body::OrderedDict => {
                look.visit_dict(object, visit);
                look.visit_order(object, visit);
            }
            Body::Set => look.visit_set(object, visit),
            Body::Deque => look.visit_deque(object, visit),
            Body::Ring => look.visit_ring(object, visit),
            Body::Type => look.visit_type(object, visit),
            Body::Code => look.visit_code(object, visit),
            Body::Tee => look.visit_tee(object, visit),
            Body::Element => look.visit_element(object, visit),
            Body::Lru => look.visit_links(object, visit),
            Body::Pickler => look.visit_pickler(object, visit),
            Body::Unpickler => look.visit_unpickler(object, visit),
            Body::HamtItems => {
                let items = object.offset(32 + look.heap().later);
                look.visit_items(items, look.length(object), visit);
            }
            Body::HamtArray => {
                look.visit_items(object.offset(16 + look.heap().later), 32, visit);
            }
            Body::Aware(zone) => look.visit_zone(object, zone, visit),
            Body::Module => {
                look.visit_module(object, visit);
                self.visit_state(object, visit);
            }
            Body::Capsule => self.visit_capsule(object, visit),
            Body::Frame => self.visit_checked(visit, |look, visit| {
                look.visit_frame_object(object, visit);
            }),
            Body::Generator => self.visit_checked(visit, |look, visit| {
                look.visit_generator(object, visit);
            }),
        }
        self.visit_left_keys(object, index, visit);
        self.visit_probable(object, index, visit);
    }

    /// Keys of a dict of attributes that are shared with older instances only: to 3.10 a class takes
    /// other keys when the dict of one instance grows, and no class owns the older any more
    /// (`_PyObjectDict_SetItem` in `Objects/dictobject.c`). Who of the instances stands for them is
    /// left to the counts.
    fn visit_left_keys(&mut self, object: Address, index: u32, visit: &mut impl FnMut(Edge)) {
        let shape = self.shapes.get(index);
        let (Some(offset), true, AttributesForm::Dict) =
            (shape.own_dict, shape.is_heap, self.look.heap().attributes)
        else {
            return;
        };
        let dict = self.look.word(object.offset(offset.into()));
        let own = shape.cached_keys;
        let keys = dict.and_then(|dict| self.look.shared_keys(dict));
        let Some(keys) = keys.filter(|&keys| keys != own) else {
            return;
        };
        let entries = self.look.entries(keys);
        for (to, _) in entries.iter().flat_map(|entries| entries.iter()) {
            if self.is_object(to) {
                visit(Edge {
                    to,
                    name: EdgeName::Attribute("ma_keys"),
                    tier: Tier::Probable,
                });
            }
        }
    }

    /// Passes on what `walk` gives, after it checked what is only possible.
    pub(super) fn visit_checked<V: FnMut(Edge)>(
        &mut self,
        visit: &mut V,
        walk: impl FnOnce(&Look<'m, M>, &mut dyn FnMut(Edge)),
    ) {
        let mut possible = Vec::new();
        walk(&self.look, &mut |edge| match edge.tier {
            Tier::Certain => visit(edge),
            Tier::Probable | Tier::Possible => possible.push(edge),
        });
        for edge in possible {
            if self.is_object(edge.to) {
                visit(edge);
            }
        }
    }

    /// Words that a C extension added to an object.
    fn visit_probable(&mut self, object: Address, index: u32, visit: &mut impl FnMut(Edge)) {
        let Some(&last) = self.shapes.get(index).probable.last() else {
            return;
        };
        let Some(bytes) = self.look.view(object, u64::from(last) + 8) else {
            return;
        };
        let mut others = Vec::new();
        for number in 0..self.shapes.get(index).probable.len() {
            let offset = self.shapes.get(index).probable[number];
            let to: Address = word_in(bytes, offset as usize).unwrap_or_default();
            if self.is_object(to) {
                visit(Edge {
                    to,
                    name: EdgeName::Word(offset as i32),
                    tier: Tier::Probable,
                });
            } else if to.may_be_object() && !self.shapes.get(index).states.contains(&to) {
                others.push((offset, to));
            }
        }
        self.visit_blocks(&others, visit);
    }

    /// What the pointer of a capsule leads to: a module made from C gives others its classes in a block
    /// (`sock_get_api` in `Modules/socketmodule.c`, 3.10). Whether an object there is owned is not known.
    fn visit_capsule(&mut self, capsule: Address, visit: &mut impl FnMut(Edge)) {
        let offset = self.look.layout.header.size;
        let pointer = self.look.word(capsule.offset(offset)).unwrap_or_default();
        self.visit_blocks(&[(offset as u32, pointer)], visit);
    }

    /// Words of the state of a C module, and of blocks that it leads to.
    fn visit_state(&mut self, module: Address, visit: &mut impl FnMut(Edge)) {
        let Some((state, size)) = self.look.module_state(module) else {
            return;
        };
        let mut others = Vec::new();
        let words = self.look.words(state, size / 8);
        for (index, to) in words.iter().enumerate() {
            let offset = index as u32 * 8;
            if self.is_object(to) {
                visit(Edge {
                    to,
                    name: EdgeName::Block { pointer: 0, offset },
                    tier: Tier::Probable,
                });
            } else if to.may_be_object() {
                others.push((offset, to));
            }
        }
        self.visit_blocks(&others, visit);
    }

    /// Where objects may begin.
    pub fn ranges(&self) -> Vec<AddressRange> {
        self.look.memory.viewed()
    }

    /// How many references there are to the object at `object`.
    pub fn refcount(&self, object: Address) -> Option<Refcount> {
        let bytes = self.look.view(object, self.look.layout.header.size)?;
        let refcount = header::parse(self.look.layout, bytes)?.refcount;
        let most = match self.look.layout.header.form {
            RefcountForm::Word => FROZEN,
            _ => IMMORTAL,
        };
        Some(Refcount {
            immortal: refcount.immortal || refcount.count >= most,
            ..refcount
        })
    }

    /// Dicts of interned strings: their references are not counted, and not given.
    pub fn interned(&self) -> &[Address] {
        &self.look.shared.interned
    }

    /// What kind of object lies at `object`.
    pub fn kind(&mut self, object: Address) -> Kind {
        match self.shape_of(object) {
            Some(index) => self.shapes.get(index).kind,
            None => Kind::Other,
        }
    }

    /// The class of the object at `object`.
    pub fn class_of(&self, object: Address) -> Option<Address> {
        self.look.word(self.look.layout.header.class.of(object))
    }

    /// Where in an object its class is, in bytes.
    pub fn class_offset(&self) -> u64 {
        self.look.layout.header.class.offset()
    }

    /// The name of the class at `class`, without control characters; its address when it cannot be
    /// read.
    pub fn class_name(&self, class: Address) -> String {
        let read = class::read(self.look.memory, self.look.layout, class);
        read.map_or_else(|_| class.to_string(), |class| class.name)
    }
}
