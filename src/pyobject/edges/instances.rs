//! References of instances: their class, their attributes, and of modules, classes and code what is
//! kept outside of them.

use super::edge::{Edge, EdgeName, Tier};
use super::look::{Look, certain};
use super::shape::{DictSlot, Shape};
use crate::address::Address;
use crate::cpython::layout::{AttributesForm, IntForm, StateSize};
use crate::pyobject::class::Flags;
use crate::target::memory::word_in;
use crate::target::view::ViewMemory;

/// Largest `md_state` that is looked at, in bytes.
const STATE: u64 = 1 << 20;
impl<'m, M: ViewMemory> Look<'m, M> {
    /// The words of the C structure that own a reference, and the class when it counts instances.
    pub(super) fn visit_words(&self, object: Address, shape: &Shape, visit: &mut impl FnMut(Edge)) {
        if shape.is_heap {
            certain(visit, shape.class, EdgeName::Class);
        }
        if shape.owned.is_empty() {
            return;
        }
        let Some(bytes) = self.view(object, shape.extent) else {
            return;
        };
        for &(offset, name) in &shape.owned {
            let to = word_in(bytes, offset as usize).unwrap_or_default();
            let name = name.map_or(EdgeName::Word(offset as i32), EdgeName::Attribute);
            certain(visit, to, name);
        }
    }

    /// Attributes that are not at a fixed offset.
    pub(super) fn visit_attributes(
        &self,
        object: Address,
        shape: &Shape,
        visit: &mut impl FnMut(Edge),
    ) {
        match shape.dict {
            DictSlot::None | DictSlot::At(_) => {}
            DictSlot::FromEnd(before) => {
                let end = self.end_of(object, shape).next_multiple_of(8);
                let dict = self.word(object.offset(end).before(before));
                certain(
                    visit,
                    dict.unwrap_or_default(),
                    EdgeName::Attribute("__dict__"),
                );
            }
            DictSlot::Managed => self.visit_managed(object, shape, visit),
        }
    }

    fn visit_managed(&self, object: Address, shape: &Shape, visit: &mut impl FnMut(Edge)) {
        let before = |offset| {
            self.word::<Address>(object.before(offset))
                .unwrap_or_default()
        };
        let dict = EdgeName::Attribute("__dict__");
        match self.heap().attributes {
            AttributesForm::Dict => {}
            AttributesForm::Before { dict: at, values } => {
                certain(visit, before(at), dict);
                self.visit_shared(shape, before(values), None, visit);
            }
            AttributesForm::Tagged { word } => {
                let word = before(word);
                if word.is_aligned(2) {
                    certain(visit, word, dict);
                } else {
                    self.visit_shared(shape, word.offset(1), None, visit);
                }
            }
            AttributesForm::Inline { dict: at } => {
                certain(visit, before(at), dict);
                if shape.has_inline_values {
                    self.visit_inline(object.offset(shape.basicsize), shape, visit);
                }
            }
        }
    }

    /// Capacity, size, embedded, valid, and four bytes of padding; then the values
    /// (`PyDictValues`, from 3.13 on).
    fn visit_inline(&self, values: Address, shape: &Shape, visit: &mut impl FnMut(Edge)) {
        let Some(&[capacity, _, _, 1]) = self.view(values, 4) else {
            return;
        };
        self.visit_shared(shape, values.offset(8), Some(capacity.into()), visit);
    }

    /// Values whose names the class keeps.
    fn visit_shared(
        &self,
        shape: &Shape,
        values: Address,
        capacity: Option<u64>,
        visit: &mut impl FnMut(Edge),
    ) {
        if values.is_null() || shape.cached_keys.is_null() {
            return;
        }
        let Some(keys) = self.entries(shape.cached_keys) else {
            return;
        };
        let count = capacity.unwrap_or(keys.count);
        for (index, value) in self.words(values, count).iter().enumerate() {
            let name = keys.key(index as u64).unwrap_or_default();
            certain(visit, value, EdgeName::Instance(name));
        }
    }

    /// Where a variable-sized object ends, its `__dict__` included, in bytes from its start.
    pub(super) fn end_of(&self, object: Address, shape: &Shape) -> u64 {
        if shape.itemsize == 0 {
            return shape.basicsize;
        }
        let items = shape
            .itemsize
            .saturating_mul(self.item_count(object, shape));
        shape.basicsize.saturating_add(items)
    }

    /// How many items follow: of an `int` that is not what `ob_size` says.
    fn item_count(&self, object: Address, shape: &Shape) -> u64 {
        let length = self.layout.header.length.of(object);
        let length = self.word::<i64>(length).unwrap_or_default().unsigned_abs();
        match self.layout.int.form {
            IntForm::Tag(_) if shape.body == super::shape::Body::Int => length >> 3,
            _ => length,
        }
    }

    /// `md_dict`, `md_name`, and probably words of the state that a C module keeps.
    pub(super) fn visit_module(&self, module: Address, visit: &mut impl FnMut(Edge)) {
        let layout = &self.layout.module;
        let word = |at| self.word::<Address>(at).unwrap_or_default();
        certain(
            visit,
            word(layout.dict.of(module)),
            EdgeName::Attribute("__dict__"),
        );
        if let Some(name) = layout.name {
            certain(visit, word(name.of(module)), EdgeName::Attribute("md_name"));
        }
    }

    /// The state of a C module, and its size in bytes.
    pub(super) fn module_state(&self, module: Address) -> Option<(Address, u64)> {
        let form = self.heap().module_state?;
        let state = self
            .member(module, form.state)
            .filter(|at: &Address| !at.is_null())?;
        let size = match form.size {
            StateSize::Module(size) => self.member(module, size)?,
            StateSize::Definition(size) => {
                let definition = self.word(self.layout.module.definition?.of(module))?;
                self.member(definition, size)
                    .filter(|_| !definition.is_null())?
            }
        };
        let size = u64::try_from(size).ok().filter(|&size| size <= STATE)?;
        Some((state, size))
    }

    pub(super) fn visit_type(&self, class: Address, visit: &mut impl FnMut(Edge)) {
        let layout = &self.layout.class;
        let more = &self.heap().class;
        let Some(flags) = self.word(layout.flags.of(class)).map(Flags) else {
            return;
        };
        let words = [
            ("__dict__", self.word(layout.dict.of(class))),
            ("__bases__", self.member(class, more.bases)),
            ("__mro__", self.word(layout.mro.of(class))),
            ("tp_cache", self.member(class, more.cache)),
        ];
        for (name, to) in words {
            certain(visit, to.unwrap_or_default(), EdgeName::Attribute(name));
        }
        self.visit_base(class, flags, visit);
        let subclasses = self.member(class, more.subclasses).unwrap_or_default();
        if flags.is_static_builtin() && self.heap().interpreter.types.is_some() {
            self.visit_static_state(class, subclasses, visit);
        } else {
            certain(visit, subclasses, EdgeName::Attribute("tp_subclasses"));
        }
        if flags.is_heap() {
            self.visit_heap_type(class, visit);
        }
    }

    /// `tp_base`. Where the C source of a static class states it, it is not counted
    /// (`PyType_Ready`, `Objects/typeobject.c`).
    fn visit_base(&self, class: Address, flags: Flags, visit: &mut impl FnMut(Edge)) {
        let base: Option<Address> = self.word(self.layout.class.base.of(class));
        if let Some(to) = base.filter(|base| !base.is_null()) {
            let tier = match flags.is_heap() {
                true => Tier::Certain,
                false => Tier::Probable,
            };
            visit(Edge {
                to,
                name: EdgeName::Attribute("__base__"),
                tier,
            });
        }
    }

    fn visit_heap_type(&self, class: Address, visit: &mut impl FnMut(Edge)) {
        let more = &self.heap().class;
        let name = self.layout.class.heap_name;
        certain(
            visit,
            self.word(name.of(class)).unwrap_or_default(),
            EdgeName::Attribute("__name__"),
        );
        for (name, field) in [
            ("__slots__", Some(more.slots)),
            ("__qualname__", more.qualname),
            ("ht_module", more.module),
        ] {
            let to = field.and_then(|field| self.member(class, field));
            certain(visit, to.unwrap_or_default(), EdgeName::Attribute(name));
        }
        // The keys that instances share are owned once, by the keys object: the class stands for it.
        let keys = more.cached_keys.and_then(|field| self.member(class, field));
        let keys: Address = keys.unwrap_or_default();
        let entries = self.entries(keys).filter(|_| !keys.is_null());
        for (key, _) in entries.iter().flat_map(|entries| entries.iter()) {
            certain(visit, key, EdgeName::Attribute("ht_cached_keys"));
        }
    }

    /// What each interpreter keeps of a static builtin type. `tp_subclasses` is a number, from 1 on,
    /// of builtin types and then of those of extensions (`Objects/typeobject.c`, 3.12 to 3.15).
    fn visit_static_state(&self, class: Address, number: Address, visit: &mut impl FnMut(Edge)) {
        let (Some(form), Some(index)) =
            (self.heap().interpreter.types, number.value().checked_sub(1))
        else {
            return;
        };
        for &(builtins, extensions) in &self.shared.static_types {
            let entry = [Some(builtins), extensions]
                .into_iter()
                .flatten()
                .map(|array| array.offset(index.wrapping_mul(form.size)))
                .find(|&entry| self.word(entry) == Some(class));
            let Some(entry) = entry else { continue };
            for (name, field) in [("__dict__", form.dict), ("tp_subclasses", form.subclasses)] {
                let to = self.field(entry, field).unwrap_or_default();
                certain(visit, to, EdgeName::Attribute(name));
            }
        }
    }

    /// What was computed from a code object and is kept with it: `_PyCoCached` has `co_code`,
    /// `co_varnames`, `co_cellvars`, `co_freevars` (`Include/cpython/code.h`, from 3.12 on).
    pub(super) fn visit_code(&self, code: Address, visit: &mut impl FnMut(Edge)) {
        let cached = self.heap().code.cached;
        let cached = cached.and_then(|field| self.member::<Address>(code, field));
        let Some(cached) = cached.filter(|at| !at.is_null()) else {
            return;
        };
        let names = ["co_code", "co_varnames", "co_cellvars", "co_freevars"];
        for (name, to) in names.into_iter().zip(self.words(cached, 4).iter()) {
            certain(visit, to, EdgeName::Attribute(name));
        }
    }

    /// `tzinfo` of a `datetime` or `time`: `hastzinfo` says whether there is room for it.
    pub(super) fn visit_zone(&self, object: Address, zone: u64, visit: &mut impl FnMut(Edge)) {
        let object = object.offset(self.heap().later);
        if self.word::<u8>(object.offset(24)) == Some(1) {
            let zone = self.word(object.offset(zone)).unwrap_or_default();
            certain(visit, zone, EdgeName::Attribute("tzinfo"));
        }
    }
}
