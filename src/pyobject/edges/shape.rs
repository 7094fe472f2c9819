//! What instances of a class consist of, learnt once for each class.
//!
//! A class is understood from the first of its bases whose C structure is known. What lies between
//! that structure and `tp_basicsize` was added by classes made in Python, whose words are slots, or
//! by C extensions, whose words are probably references; those that `tp_members` names certainly
//! are.

use super::classes::{BASES, Member, Raw, c_name, is_class, members, read};
use super::look::Look;
use crate::address::Address;
use crate::cpython::layout::AttributesForm;
use crate::pyobject::class::Flags;
use crate::target::view::ViewMemory;

/// How many words of an instance are looked at besides its items: 32 KiB.
const MOST_WORDS: usize = 4096;

/// A coarse kind of object, as a person names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A module object.
    Module,
    /// A dict.
    Dict,
    /// A class.
    Type,
    /// A Python function.
    Function,
    /// A code object.
    Code,
    /// A frame object.
    Frame,
    /// A generator, coroutine or asynchronous generator.
    Generator,
    /// A list.
    List,
    /// A tuple.
    Tuple,
    /// A set or frozenset.
    Set,
    /// A cell of a closure.
    Cell,
    /// A bound method.
    Method,
    /// A weak reference or proxy.
    Weakref,
    /// Text: `str`, on 2.7 `str` and `unicode`.
    Text,
    /// An integer.
    Int,
    /// An instance of a class made in Python.
    Instance,
    /// Anything else.
    Other,
}

/// What has to be followed besides plain words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// Nothing.
    Plain,
    Int,
    /// Bytes or text in one piece behind the object.
    Bytes,
    List,
    Tuple {
        /// Items that every instance has: of a `structseq` more than its length says.
        least: u64,
    },
    Dict,
    OrderedDict,
    Set,
    Deque,
    Ring,
    Module,
    Type,
    Code,
    Frame,
    Generator,
    /// `itertools._tee_dataobject`
    Tee,
    Element,
    /// `functools._lru_cache_wrapper`, with a list of links.
    Lru,
    /// `_pickle.Pickler`, with a table of what it has pickled.
    Pickler,
    /// `_pickle.Unpickler`, with an array of what it has made.
    Unpickler,
    /// A pointer that C code hands to other C code.
    Capsule,
    /// `hamt_bitmap_node` and `hamt_collision_node`
    HamtItems,
    /// `hamt_array_node`
    HamtArray,
    /// `datetime` and `time`: the zone is there only when a flag says so.
    Aware(u64),
}

/// Where the dict of an instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DictSlot {
    None,
    At(u64),
    /// Before the end of a variable-sized instance.
    FromEnd(u64),
    Managed,
}

/// What instances of a class consist of.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub(super) class: Address,
    pub(super) kind: Kind,
    pub(super) body: Body,
    pub(super) is_heap: bool,
    pub(super) has_gc: bool,
    pub(super) has_inline_values: bool,
    pub(super) basicsize: u64,
    pub(super) itemsize: u64,
    pub(super) dict: DictSlot,
    /// Where in an instance its dict is, when that is one of the words in `owned`.
    pub(super) own_dict: Option<u32>,
    /// `ht_cached_keys`, or null.
    pub(super) cached_keys: Address,
    /// Words that own a reference: offset, and the name of the C member where there is one.
    pub(super) owned: Vec<(u32, Option<&'static str>)>,
    /// Whether `owned` has the members of a known structure.
    pub(super) has_structure: bool,
    /// How much of an instance has to be in view for `owned`.
    pub(super) extent: u64,
    /// Words that may be references.
    pub(super) probable: Vec<u32>,
    /// States of the modules that its classes are of: instances may lead there, and own nothing of
    /// it.
    pub(super) states: Vec<Address>,
}

/// What instances of the class at `address` consist of; `None` when there is no class.
pub(super) fn learn<M: ViewMemory>(look: &Look<'_, M>, address: Address) -> Option<Shape> {
    if !is_class(look, address) {
        return None;
    }
    let raw = read(look, address)?;
    let mut shape = Shape {
        class: address,
        kind: Kind::Other,
        body: Body::Plain,
        is_heap: raw.flags.is_heap(),
        has_gc: raw.flags.has_gc(),
        has_inline_values: has_inline_values(look, raw.flags),
        basicsize: raw.basicsize as u64,
        itemsize: raw.itemsize as u64,
        dict: dict_slot(look, &raw),
        own_dict: None,
        cached_keys: cached_keys(look, &raw),
        owned: Vec::new(),
        has_structure: false,
        extent: 0,
        probable: Vec::new(),
        states: Vec::new(),
    };
    let mut least = 0;
    let mut at = raw;
    for depth in 0..BASES {
        let name = c_name(look, &at);
        if depth == 0 && name.is_none() {
            shape.kind = Kind::Instance;
        }
        if shape.take(look, &at, name.as_deref()) {
            break;
        }
        shape.states.extend(state_of(look, &at));
        least = least.max(items_named(look, &at, name.is_some()));
        match read(look, at.base) {
            Some(base) => at = base,
            None => break,
        }
    }
    if let Body::Tuple { .. } = shape.body {
        shape.body = Body::Tuple { least };
    }
    shape.finish(look, &raw);
    Some(shape)
}

fn has_inline_values<M: ViewMemory>(look: &Look<'_, M>, flags: Flags) -> bool {
    matches!(look.heap().attributes, AttributesForm::Inline { .. }) && flags.0 >> 2 & 1 == 1
}

/// `Py_TPFLAGS_MANAGED_DICT` is bit 4, from 3.11 on.
fn dict_slot<M: ViewMemory>(look: &Look<'_, M>, raw: &Raw) -> DictSlot {
    let is_managed = look.heap().attributes != AttributesForm::Dict && raw.flags.0 >> 4 & 1 == 1;
    match raw.dictoffset {
        _ if is_managed => DictSlot::Managed,
        0 => DictSlot::None,
        offset @ 1.. => DictSlot::At(offset as u64),
        offset => DictSlot::FromEnd(offset.unsigned_abs()),
    }
}

fn cached_keys<M: ViewMemory>(look: &Look<'_, M>, raw: &Raw) -> Address {
    let field = look.heap().class.cached_keys;
    field
        .filter(|_| raw.flags.is_heap())
        .and_then(|field| look.member(raw.address, field))
        .unwrap_or_default()
}

impl Shape {
    /// Takes over what instances have of the class `at` of this C name. Whether all that is below
    /// it is known thereby.
    fn take<M: ViewMemory>(&mut self, look: &Look<'_, M>, at: &Raw, name: Option<&str>) -> bool {
        let later = look.heap().later;
        let size = (at.basicsize as u64).saturating_sub(later);
        let structure = name.and_then(|name| look.heap().structures.find(name, size));
        // A structure says all: that of a base may be another one (`_io.StringIO` is no `_IOBase`).
        let is_first = !self.has_structure;
        for (name, offset) in structure
            .iter()
            .filter(|_| is_first)
            .flat_map(|structure| structure.members())
        {
            let name = name.rsplit('.').next();
            self.owned.push(((offset + later) as u32, name));
        }
        self.has_structure |= structure.is_some();
        if let Some(kind) = structure.and_then(|structure| kind_of(structure.name)) {
            self.kind = kind;
        }
        if let Some((body, kind)) = name.and_then(|name| body_of(look, name)) {
            if matches!(body, Body::Pickler | Body::Unpickler) {
                self.add_segment(look, at, false, 0);
            }
            self.body = body;
            if kind != Kind::Other {
                self.kind = kind;
            }
            return true;
        }
        if !self.has_structure {
            let base = read(look, at.base);
            let from = base.map_or(look.layout.header.size as i64, |base| base.basicsize);
            self.add_segment(look, at, name.is_none(), from);
        }
        false
    }

    /// The words that `at` added to its base, which ends at `from`.
    fn add_segment<M: ViewMemory>(
        &mut self,
        look: &Look<'_, M>,
        at: &Raw,
        is_python: bool,
        from: i64,
    ) {
        // Behind the structure there are items.
        let flags = at.flags;
        if at.itemsize != 0 && (is_python || flags.is_tuple() || flags.is_int() || flags.is_bytes())
        {
            return;
        }
        let own: Vec<Member> = members(look, at.address).collect();
        let first = (from.max(look.layout.header.size as i64) as u64).next_multiple_of(8);
        let mut offset = first;
        // Hostile: any size may be stated, and that of a base be larger than the class.
        while offset + 8 <= at.basicsize as u64 && self.words() < MOST_WORDS {
            if is_python || own.iter().any(|member| member.offset == offset) {
                self.owned.push((offset as u32, None));
            } else {
                self.probable.push(offset as u32);
            }
            offset += 8;
        }
    }

    fn words(&self) -> usize {
        self.owned.len() + self.probable.len()
    }

    /// Takes away what is no reference, or is one already.
    fn finish<M: ViewMemory>(&mut self, look: &Look<'_, M>, raw: &Raw) {
        let mut excluded = vec![];
        let mut at = Some(*raw);
        for _ in 0..BASES {
            let Some(class) = at else { break };
            excluded.push(class.weaklistoffset);
            at = (!class.base.is_null())
                .then(|| read(look, class.base))
                .flatten();
        }
        let is_excluded = |offset: u32| excluded.contains(&i64::from(offset));
        // Of classes and modules it is a member that is told otherwise.
        if matches!(self.body, Body::Type | Body::Module) {
            self.dict = DictSlot::None;
        }
        if let DictSlot::At(offset) = self.dict {
            self.owned.retain(|&(other, _)| u64::from(other) != offset);
            self.owned.push((offset as u32, Some("__dict__")));
            self.own_dict = Some(offset as u32);
            self.dict = DictSlot::None;
        }
        self.owned.retain(|&(offset, _)| !is_excluded(offset));
        self.owned.sort_unstable();
        self.owned.dedup_by_key(|&mut (offset, _)| offset);
        let owned: Vec<u32> = self.owned.iter().map(|&(offset, _)| offset).collect();
        self.probable
            .retain(|offset| !is_excluded(*offset) && !owned.contains(offset));
        self.extent = owned.last().map_or(0, |&offset| u64::from(offset) + 8);
    }
}

/// The state of the module that a class made from a spec is of (`ht_module`).
fn state_of<M: ViewMemory>(look: &Look<'_, M>, raw: &Raw) -> Option<Address> {
    let field = look.heap().class.module.filter(|_| raw.flags.is_heap())?;
    let module: Address = look.member(raw.address, field)?;
    let (state, _) = look.module_state(module).filter(|_| !module.is_null())?;
    Some(state)
}

/// How many items the members of a class made from C name: those of a `structseq`, which has more
/// of them than its length says (`Objects/structseq.c`).
fn items_named<M: ViewMemory>(look: &Look<'_, M>, raw: &Raw, is_c: bool) -> u64 {
    if !is_c || !raw.flags.is_tuple() {
        return 0;
    }
    let last = members(look, raw.address).map(|member| member.offset).max();
    last.map_or(0, |last| {
        (last + 8).saturating_sub(look.layout.tuple.items) / 8
    })
}

/// The classes whose instances are more than their words, or are known to own nothing.
fn body_of<M: ViewMemory>(look: &Look<'_, M>, name: &str) -> Option<(Body, Kind)> {
    Some(match name {
        "object" => (Body::Plain, Kind::Other),
        "type" => (Body::Type, Kind::Type),
        "dict" | "frozendict" => (Body::Dict, Kind::Dict),
        "tuple" => (Body::Tuple { least: 0 }, Kind::Tuple),
        "int" | "long" => (Body::Int, Kind::Int),
        "str" | "unicode" => (Body::Bytes, Kind::Text),
        "bytes" => (Body::Bytes, Kind::Other),
        "list" => (Body::List, Kind::List),
        "set" | "frozenset" => (Body::Set, Kind::Set),
        "module" => (Body::Module, Kind::Module),
        "code" => (Body::Code, Kind::Code),
        "frame" => (Body::Frame, Kind::Frame),
        "generator" | "coroutine" | "async_generator" => (Body::Generator, Kind::Generator),
        "collections.deque" => (Body::Deque, Kind::Other),
        "collections.OrderedDict" => (Body::OrderedDict, Kind::Dict),
        "_queue.SimpleQueue" if look.heap().ring.is_some() => (Body::Ring, Kind::Other),
        "itertools._tee_dataobject" | "itertools.tee_dataobject" => (Body::Tee, Kind::Other),
        "xml.etree.ElementTree.Element" | "Element" => (Body::Element, Kind::Other),
        "hamt_bitmap_node" | "hamt_collision_node" => (Body::HamtItems, Kind::Other),
        "functools._lru_cache_wrapper" => (Body::Lru, Kind::Other),
        "_pickle.Pickler" => (Body::Pickler, Kind::Other),
        "_pickle.Unpickler" => (Body::Unpickler, Kind::Other),
        "PyCapsule" => (Body::Capsule, Kind::Other),
        "hamt_array_node" => (Body::HamtArray, Kind::Other),
        "datetime.datetime" => (Body::Aware(40), Kind::Other),
        "datetime.time" => (Body::Aware(32), Kind::Other),
        "float" | "complex" | "NoneType" | "NotImplementedType" | "ellipsis" | "bytearray"
        | "decimal.Decimal" | "array.array" | "datetime.date" | "datetime.timedelta"
        | "range_iterator" | "rangeiterator" | "xrange" | "_random.Random" | "select.epoll" => {
            (Body::Plain, Kind::Other)
        }
        _ => return None,
    })
}

fn kind_of(structure: &str) -> Option<Kind> {
    Some(match structure {
        "PyFunctionObject" => Kind::Function,
        "PyCellObject" => Kind::Cell,
        "PyMethodObject" => Kind::Method,
        "PyWeakReference" => Kind::Weakref,
        _ => return None,
    })
}
