//! Classes as memory has them: which words are classes at all, and what made them.

use super::look::Look;
use crate::address::Address;
use crate::pyobject::class::Flags;
use crate::target::memory::{ReadMemoryExt, word_in};
use crate::target::view::ViewMemory;

/// How many bases, or classes of classes, are followed.
pub(super) const BASES: usize = 64;
/// Largest plausible `tp_basicsize`, in bytes.
const LARGEST: i64 = 1 << 20;
/// Longest `tp_name` that is looked at, in bytes.
const NAME: usize = 256;
/// How many entries of `tp_members` are looked at.
const MEMBERS: u64 = 256;
/// `sizeof(PyMemberDef)`.
const MEMBER_SIZE: u64 = 40;

/// A class as memory has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Raw {
    pub(super) address: Address,
    pub(super) flags: Flags,
    pub(super) basicsize: i64,
    pub(super) itemsize: i64,
    pub(super) dictoffset: i64,
    pub(super) weaklistoffset: i64,
    pub(super) base: Address,
    pub(super) metatype: Address,
    pub(super) name: Address,
    pub(super) dealloc: Address,
}

impl Flags {
    /// `Py_TPFLAGS_READY`.
    const fn is_ready(self) -> bool {
        self.0 >> 12 & 1 == 1
    }

    /// `Py_TPFLAGS_HAVE_GC`.
    pub(super) const fn has_gc(self) -> bool {
        self.0 >> 14 & 1 == 1
    }

    /// `_Py_TPFLAGS_STATIC_BUILTIN`: the state of the class is in the interpreters. From 3.12 on.
    pub(super) const fn is_static_builtin(self) -> bool {
        self.0 >> 1 & 1 == 1
    }
}

pub(super) fn read<M: ViewMemory>(look: &Look<'_, M>, address: Address) -> Option<Raw> {
    let class = &look.layout.class;
    let bytes = look.view(address, class.size)?;
    let later = look.heap().later as usize;
    let rest = bytes.get(later..)?;
    let more = &look.heap().class;
    Some(Raw {
        address,
        flags: Flags(class.flags.get(bytes)?),
        basicsize: class.basicsize.get(bytes)?,
        itemsize: more.itemsize.get(rest)?,
        dictoffset: class.dictoffset.get(bytes)?,
        weaklistoffset: more.weaklistoffset.get(rest)?,
        base: class.base.get(bytes)?,
        metatype: look.layout.header.class.get(bytes)?,
        name: class.name.get(bytes)?,
        // `tp_dealloc` follows `tp_itemsize`.
        dealloc: word_in(rest, more.itemsize.offset() as usize + 8)?,
    })
}

/// Whether these bytes can be a class at all.
fn is_plausible<M: ViewMemory>(look: &Look<'_, M>, raw: &Raw) -> bool {
    let least = look.layout.header.size as i64;
    // Some static classes of old versions are used without ever being made ready.
    (raw.flags.is_ready() || !raw.flags.is_heap() && raw.dealloc.value() >= 0x1000)
        && (least..=LARGEST).contains(&raw.basicsize)
        && (0..=LARGEST).contains(&raw.itemsize)
        && look.word::<u64>(look.layout.header.refcount.of(raw.address)) != Some(0)
}

/// Whether a class lies at `address`: its metatype, and that one's, up to `type` itself, are
/// classes of classes.
pub(super) fn is_class<M: ViewMemory>(look: &Look<'_, M>, address: Address) -> bool {
    let mut at = address;
    for depth in 0..BASES {
        if !at.may_be_object() {
            return false;
        }
        let Some(raw) = read(look, at).filter(|raw| is_plausible(look, raw)) else {
            return false;
        };
        if depth > 0 && !raw.flags.is_type() {
            return false;
        }
        // Only `type` is its own class. So is, by its words, the head of an empty list of the
        // collector, and what follows it may look like flags.
        if raw.metatype == at {
            let name = look.memory.read_c_string_at(raw.name, NAME);
            return raw.flags.is_type() && name.is_ok_and(|name| name == b"type");
        }
        at = raw.metatype;
    }
    false
}

/// `tp_name` of a class made from C; `None` when a program made it: then `tp_name` points into the
/// text that is `ht_name`.
pub(super) fn c_name<M: ViewMemory>(look: &Look<'_, M>, raw: &Raw) -> Option<String> {
    if raw.flags.is_heap() {
        let text = look.word::<Address>(look.layout.class.heap_name.of(raw.address))?;
        let behind = raw.name.distance_from(text).unwrap_or(u64::MAX);
        // Names that are not ASCII are kept in UTF-8 elsewhere, but no class made from C has one.
        let utf8 = look.word::<Address>(text.offset(look.layout.text.ascii_size));
        if behind < 128 || utf8 == Some(raw.name) {
            return None;
        }
    }
    let name = look.memory.read_c_string_at(raw.name, NAME).ok()?;
    String::from_utf8(name).ok()
}

/// An entry of `tp_members` that is an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub(super) offset: u64,
    pub(super) name: Address,
}

/// The entries of `tp_members` that are objects (`T_OBJECT`, `T_OBJECT_EX`; `Include/structmember.h`).
pub(super) fn members<'l, M: ViewMemory>(
    look: &'l Look<'_, M>,
    class: Address,
) -> impl Iterator<Item = Member> + 'l {
    let first = look.member(class, look.heap().class.members);
    let first = first.filter(|at: &Address| !at.is_null());
    (0..MEMBERS)
        .map_while(move |number| {
            let at = first?.offset(number * MEMBER_SIZE);
            let bytes = look.view(at, MEMBER_SIZE)?;
            let word = |offset| word_in::<u64>(bytes, offset);
            let name = Address::new(word(0)?);
            (!name.is_null()).then_some((name, word(8)? as u32, word(16)?))
        })
        .filter(|&(_, form, offset)| matches!(form, 6 | 16) && offset < LARGEST as u64)
        .map(|(name, _, offset)| Member { offset, name })
}
