//! Classes: their names, what they are subclasses of, and where their instances keep attributes.

use crate::address::{Address, AddressMap, AddressSet};
use crate::cpython::layout::Layout;
use crate::pyobject::batch;
use crate::pyobject::error::ObjectError;
use crate::pyobject::text;
use crate::target::memory::{ReadError, ReadMemory, ReadMemoryExt, word_in};

/// The longest chain of bases that is followed.
const DEPTH: usize = 64;
/// The longest `tp_name` that is read, in bytes.
const NAME_LIMIT: usize = 1024;
/// How much of a `tp_name` is read at first, in bytes.
const NAME_BLOCK: usize = 64;

/// `tp_flags` (`Include/object.h`): the bits that every version gives the same meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flags(pub u64);

impl Flags {
    const fn bit(self, bit: u32) -> bool {
        self.0 >> bit & 1 == 1
    }
    /// `Py_TPFLAGS_HEAPTYPE`: made by a `class` statement or from a spec.
    pub const fn is_heap(self) -> bool {
        self.bit(9)
    }
    /// `Py_TPFLAGS_INT_SUBCLASS`: `int` of 2.7. No bit of 3.x that an object's class carries.
    pub const fn is_plain_int(self) -> bool {
        self.bit(23)
    }
    /// `Py_TPFLAGS_LONG_SUBCLASS`: `int`, on 2.7 `long`.
    pub const fn is_int(self) -> bool {
        self.bit(24)
    }
    /// `Py_TPFLAGS_LIST_SUBCLASS`.
    pub const fn is_list(self) -> bool {
        self.bit(25)
    }
    /// `Py_TPFLAGS_TUPLE_SUBCLASS`.
    pub const fn is_tuple(self) -> bool {
        self.bit(26)
    }
    /// `Py_TPFLAGS_BYTES_SUBCLASS`: `bytes`, on 2.7 `str`.
    pub const fn is_bytes(self) -> bool {
        self.bit(27)
    }
    /// `Py_TPFLAGS_UNICODE_SUBCLASS`: `str`, on 2.7 `unicode`.
    pub const fn is_unicode(self) -> bool {
        self.bit(28)
    }
    /// `Py_TPFLAGS_DICT_SUBCLASS`.
    pub const fn is_dict(self) -> bool {
        self.bit(29)
    }
    /// `Py_TPFLAGS_TYPE_SUBCLASS`: instances are classes.
    pub const fn is_type(self) -> bool {
        self.bit(31)
    }
    /// How instances keep text; `None` when they are no text.
    pub const fn text_kind(self) -> Option<text::Kind> {
        if self.is_unicode() {
            Some(text::Kind::Unicode)
        } else if self.is_bytes() {
            Some(text::Kind::Bytes)
        } else {
            None
        }
    }
}

/// `PyTypeObject`, as far as it tells about instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// Where it is.
    pub address: Address,
    /// `__name__`.
    pub name: String,
    /// `tp_flags`.
    pub flags: Flags,
    /// `tp_base`; null for `object`.
    pub base: Address,
    /// `tp_basicsize`.
    pub basicsize: i64,
    /// `tp_dictoffset`.
    pub dictoffset: i64,
    /// `ht_cached_keys`: the keys that instances share; null where there are none.
    pub cached_keys: Address,
}

impl Class {
    /// `Py_TPFLAGS_MANAGED_DICT` (bit 4, from 3.11 on): the dict or values lie before an instance.
    pub fn has_managed_dict(&self, layout: &Layout) -> bool {
        layout.python >= (3, 11) && self.flags.bit(4)
    }

    /// `Py_TPFLAGS_INLINE_VALUES` (bit 2, from 3.13 on): the values lie behind an instance.
    pub fn has_inline_values(&self, layout: &Layout) -> bool {
        layout.python >= (3, 13) && self.flags.bit(2)
    }
}

/// The classes read so far, by address, with all their bases.
#[derive(Debug, Default)]
pub struct Classes {
    known: AddressMap<Result<Class, ObjectError>>,
}

impl Classes {
    /// Reads those of `classes` that are not known yet, and their bases.
    ///
    /// # Errors
    /// As [`ReadMemory::read_some_at`]: the source as a whole is out of reach.
    pub fn learn(
        &mut self,
        memory: &(impl ReadMemory + ?Sized),
        layout: &Layout,
        classes: impl IntoIterator<Item = Address>,
    ) -> Result<(), ReadError> {
        let mut wanted: AddressSet = classes.into_iter().collect();
        for _ in 0..DEPTH {
            wanted.retain(|at| !self.known.contains_key(at));
            if wanted.is_empty() {
                break;
            }
            let addresses: Vec<Address> = wanted.drain().collect();
            for (at, class) in addresses.iter().zip(read_many(memory, layout, &addresses)?) {
                if let Ok(class) = &class
                    && !class.base.is_null()
                {
                    wanted.insert(class.base);
                }
                self.known.insert(*at, class);
            }
        }
        Ok(())
    }

    /// The class at this address, when it was learnt and could be read.
    pub fn get(&self, at: Address) -> Option<&Class> {
        self.known.get(&at)?.as_ref().ok()
    }

    /// Its flags; none when it could not be read.
    pub fn flags(&self, at: Address) -> Flags {
        self.get(at).map_or(Flags(0), |class| class.flags)
    }

    /// The class at this address and its bases (`tp_base`), nearest first, as far as they are known.
    pub fn lineage(&self, at: Address) -> impl Iterator<Item = &Class> {
        std::iter::successors(self.get(at), |class| self.get(class.base)).take(DEPTH)
    }

    /// Whether instances are module objects: `module` is the only static class of that name.
    pub fn is_module(&self, at: Address) -> bool {
        self.lineage(at)
            .any(|class| !class.flags.is_heap() && class.name == "module")
    }
}

/// Reads the class at `at`.
///
/// # Errors
/// [`ObjectError::Unreadable`], [`ObjectError::Malformed`].
pub fn read(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    at: Address,
) -> Result<Class, ObjectError> {
    read_many(memory, layout, &[at])
        .map_err(ObjectError::reading(at, "class"))?
        .pop()
        .unwrap_or_else(|| Err(ObjectError::cut(at, "class", 1, 0)))
}

/// Reads `__qualname__` of a class: of a heap class what it holds, else its `__name__`.
///
/// # Errors
/// As [`text::read`].
pub fn read_qualified_name(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    class: &Class,
) -> Result<String, ObjectError> {
    if !class.flags.is_heap() || layout.python < (3, 0) {
        return Ok(class.name.clone());
    }
    let member = layout.class.heap_name.of(class.address).offset(QUALNAME);
    let at = memory
        .read_at(member)
        .map_err(ObjectError::reading(class.address, "class"))?;
    text::read(memory, layout, at).map(|name| name.escaped())
}

/// `ht_qualname` comes two words behind `ht_name` (`Include/cpython/object.h`, 3.6 to 3.15).
const QUALNAME: u64 = 16;
/// `ht_cached_keys` comes three words behind `ht_name` (3.6 to 3.15).
const CACHED_KEYS: u64 = 24;

/// The members of a class before its names are read.
struct Raw {
    address: Address,
    name: Address,
    heap_name: Option<Address>,
    class: Class,
}

fn read_many(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    addresses: &[Address],
) -> Result<Vec<Result<Class, ObjectError>>, ReadError> {
    let raws = read_members(memory, layout, addresses)?;
    let names: Vec<Address> = raws.iter().flatten().map(|raw| raw.name).collect();
    let heap_names: Vec<_> = raws
        .iter()
        .flatten()
        .filter_map(|raw| Some((raw.heap_name?, text::native(layout))))
        .collect();
    let name_blocks = batch::read_blocks(memory, &names, NAME_BLOCK)?;
    let mut budget = u64::MAX;
    let mut heap_names = text::read_many(memory, layout, &heap_names, &mut budget)?.into_iter();
    let mut name_blocks = name_blocks.iter();
    let mut classes = Vec::with_capacity(raws.len());
    for raw in raws {
        let Ok(raw) = raw else {
            classes.push(raw.map(|raw| raw.class));
            continue;
        };
        let block = name_blocks.next().unwrap_or_default();
        let heap_name = raw.heap_name.and_then(|_| heap_names.next());
        let name = match heap_name {
            Some(name) => name.map(|name| name.escaped()),
            None => static_name(memory, &raw, block),
        };
        classes.push(name.map(|name| Class { name, ..raw.class }));
    }
    Ok(classes)
}

/// `__name__` of a static class: what follows the last dot of `tp_name`.
fn static_name(
    memory: &(impl ReadMemory + ?Sized),
    raw: &Raw,
    block: &[u8],
) -> Result<String, ObjectError> {
    let whole = match block.iter().position(|&byte| byte == 0) {
        Some(end) => block[..end].to_vec(),
        None => memory
            .read_c_string_at(raw.name, NAME_LIMIT)
            .map_err(ObjectError::reading(raw.address, "class"))?,
    };
    let name = whole.rsplit(|&byte| byte == b'.').next();
    Ok(String::from_utf8_lossy(name.unwrap_or_default()).into_owned())
}

fn read_members(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    addresses: &[Address],
) -> Result<Vec<Result<Raw, ObjectError>>, ReadError> {
    let size = layout
        .class
        .dictoffset
        .offset()
        .max(layout.class.base.offset()) as usize
        + 8;
    let heap: Vec<Address> = addresses
        .iter()
        .map(|&at| layout.class.heap_name.of(at))
        .collect();
    let statics = batch::read_blocks(memory, addresses, size)?;
    // A static class ends before these; what is read then is not looked at.
    let heaps = batch::read_blocks(memory, &heap, CACHED_KEYS as usize + 8)?;
    let raws = addresses.iter().zip(statics.iter().zip(heaps.iter()));
    Ok(raws
        .map(|(&at, (bytes, heap))| {
            parse(layout, at, bytes, heap)
                .ok_or_else(|| ObjectError::cut(at, "class", size, bytes.len()))
        })
        .collect())
}

fn parse(layout: &Layout, at: Address, bytes: &[u8], heap: &[u8]) -> Option<Raw> {
    let members = &layout.class;
    let flags = Flags(members.flags.get(bytes)?);
    let heap = flags.is_heap().then_some(heap);
    let cached_keys = heap.filter(|_| layout.python >= (3, 6));
    Some(Raw {
        address: at,
        name: members.name.get(bytes)?,
        heap_name: heap.and_then(|heap| word_in(heap, 0)),
        class: Class {
            address: at,
            name: String::new(),
            flags,
            base: members.base.get(bytes)?,
            basicsize: members.basicsize.get(bytes)?,
            dictoffset: members.dictoffset.get(bytes)?,
            cached_keys: cached_keys
                .and_then(|heap| word_in(heap, CACHED_KEYS as usize))
                .unwrap_or_default(),
        },
    })
}
