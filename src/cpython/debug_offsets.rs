//! `_Py_DebugOffsets`: what a target says about its own layout, from 3.13 on.
//!
//! The structure lies at offset 0 of `_PyRuntime`: the cookie `xdebugpy`, the version, the flag
//! for free threading, then one 64-bit number a field. Fields are inserted in the middle from
//! version to version, so each is known by its name. The numbers are the target's: each is checked
//! against the size of its structure before a table takes it over. Two traps of the structure: 0
//! may mean absent, and a few numbers do not count from the structure they are listed under
//! (`interpreter_state.gil_runtime_state_*`, `debugger_support.debugger_*`, which count from the
//! structure named before them).

use crate::address::Address;
use crate::cpython::layout::{Field, IntForm, Layout, Place, at};
use crate::cpython::version::Version;
use crate::target::memory::{ReadError, ReadMemory, Word, word_in};

mod names;
use names::names_in;

/// The first bytes of the structure, and so of `_PyRuntime`.
pub const COOKIE: &[u8; 8] = b"xdebugpy";

/// Cookie, version and flag.
const HEAD: usize = 24;

/// The newest minor version whose fields are known.
const NEWEST: u8 = 15;

/// No structure of CPython is larger; a number beyond is not a size.
const LARGEST_STRUCTURE: u64 = 1 << 24;

/// What a target says about its own layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebugOffsets {
    /// The version it was built as.
    pub version: Version,
    /// Whether it was built without the GIL.
    pub free_threaded: bool,
    numbers: Vec<u64>,
}

/// Why debug offsets cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DebugOffsetsError {
    /// The memory could not be read.
    #[error("reading the debug offsets: {0}")]
    Unreadable(#[from] ReadError),
    /// The bytes do not begin with the cookie: before 3.13, or not a runtime.
    #[error("no debug offsets: the cookie is missing")]
    NoCookie,
    /// The version field is no version.
    #[error("debug offsets with the impossible version {hex:#010x}")]
    NoVersion {
        /// What stands there.
        hex: u64,
    },
    /// A version whose fields are not known.
    #[error("debug offsets of CPython {version} are not known; the newest known are of 3.{newest}")]
    UnknownVersion {
        /// The version they state.
        version: Version,
        /// The newest minor version of Python 3 that is known.
        newest: u8,
    },
    /// Fewer bytes than the version has fields.
    #[error("debug offsets end after {got} of {wanted} bytes")]
    Truncated {
        /// Bytes the version has.
        wanted: usize,
        /// Bytes there are.
        got: usize,
    },
    /// Offsets of one version were to be laid over the table of another.
    #[error("debug offsets of CPython {version} do not belong to a table for {}.{}", table.0, table.1)]
    OtherTable {
        /// The version they state.
        version: Version,
        /// The table's minor version.
        table: (u8, u8),
    },
    /// A number that cannot be what its name says.
    #[error("debug offset {field} = {value} is impossible")]
    Impossible {
        /// `group.member`.
        field: &'static str,
        /// What stands there.
        value: u64,
    },
}

impl DebugOffsets {
    /// Reads the structure at the start of the runtime.
    ///
    /// # Errors
    /// [`DebugOffsetsError::NoCookie`] where there is none; else as [`DebugOffsets::parse`].
    pub fn read_at(
        memory: &(impl ReadMemory + ?Sized),
        runtime: Address,
    ) -> Result<Self, DebugOffsetsError> {
        let mut bytes = vec![0; size_in(NEWEST)];
        let got = memory.read_some_at(runtime, &mut bytes)?;
        Self::parse(&bytes[..got])
    }

    /// The structure from its bytes; more bytes may follow.
    ///
    /// # Errors
    /// When the bytes are not debug offsets of a known version.
    pub fn parse(bytes: &[u8]) -> Result<Self, DebugOffsetsError> {
        if !bytes.starts_with(COOKIE) {
            return Err(DebugOffsetsError::NoCookie);
        }
        let truncated = |wanted| DebugOffsetsError::Truncated {
            wanted,
            got: bytes.len(),
        };
        let hex: u64 = word_in(bytes, 8).ok_or_else(|| truncated(HEAD))?;
        let flag: u64 = word_in(bytes, 16).ok_or_else(|| truncated(HEAD))?;
        let version = u32::try_from(hex)
            .ok()
            .and_then(Version::from_hex)
            .ok_or(DebugOffsetsError::NoVersion { hex })?;
        if version.major != 3 || !(13..=NEWEST).contains(&version.minor) {
            return Err(DebugOffsetsError::UnknownVersion {
                version,
                newest: NEWEST,
            });
        }
        let size = size_in(version.minor);
        let numbers = bytes.get(HEAD..size).ok_or_else(|| truncated(size))?;
        Ok(DebugOffsets {
            version,
            free_threaded: flag != 0,
            numbers: numbers
                .chunks_exact(8)
                .filter_map(|word| word_in(word, 0))
                .collect(),
        })
    }

    /// The number called `group.member`; `None` when this version has no such field.
    pub fn get(&self, field: &str) -> Option<u64> {
        let (group, member) = field.split_once('.')?;
        let position = names_in(self.version.minor).position(|name| name == (group, member))?;
        self.numbers.get(position).copied()
    }

    /// `sizeof(_PyRuntimeState)`, which picks the row.
    pub fn runtime_size(&self) -> Option<u64> {
        self.get("runtime_state.size")
    }

    /// The table with every field that the target states laid over it.
    ///
    /// # Errors
    /// When the table is for another minor version, or a number cannot be what its name says.
    pub fn overlay(&self, table: &Layout) -> Result<Layout, DebugOffsetsError> {
        if table.python != self.version.minor_pair() {
            return Err(DebugOffsetsError::OtherTable {
                version: self.version,
                table: table.python,
            });
        }
        let mut layout = table.clone();
        self.overlay_states(&mut layout)?;
        self.overlay_classes(&mut layout)?;
        self.overlay_containers(&mut layout)?;
        self.overlay_scalars(&mut layout)?;
        Ok(layout)
    }

    fn overlay_states(&self, layout: &mut Layout) -> Result<(), DebugOffsetsError> {
        if let Some(runtime) = &mut layout.runtime {
            self.size("runtime_state.size", &mut runtime.size)?;
            self.lay("runtime_state.finalizing", &mut runtime.finalizing)?;
            self.lay(
                "runtime_state.interpreters_head",
                &mut runtime.interpreters_head,
            )?;
        }
        let interpreter = &mut layout.interpreter;
        self.lay_some("interpreter_state.id", &mut interpreter.id)?;
        self.lay("interpreter_state.next", &mut interpreter.next)?;
        self.lay(
            "interpreter_state.threads_head",
            &mut interpreter.threads_head,
        )?;
        self.lay(
            "interpreter_state.imports_modules",
            &mut interpreter.modules,
        )?;
        self.lay("interpreter_state.sysdict", &mut interpreter.sysdict)?;
        if let Some(collector) = self.offset("interpreter_state.gc", 8)? {
            layout.collector.place = Place::Interpreter(collector);
        }
        self.lay_some("gc.collecting", &mut layout.collector.collecting)?;
        let thread = &mut layout.thread;
        self.lay("thread_state.next", &mut thread.next)?;
        self.lay("thread_state.interp", &mut thread.interpreter)?;
        self.lay("thread_state.thread_id", &mut thread.thread_id)?;
        self.lay_some(
            "thread_state.native_thread_id",
            &mut thread.native_thread_id,
        )
    }

    fn overlay_classes(&self, layout: &mut Layout) -> Result<(), DebugOffsetsError> {
        self.size("pyobject.size", &mut layout.header.size)?;
        self.lay("pyobject.ob_type", &mut layout.header.class)?;
        self.lay("list_object.ob_size", &mut layout.header.length)?;
        let class = &mut layout.class;
        self.size("type_object.size", &mut class.size)?;
        self.lay("type_object.tp_name", &mut class.name)?;
        self.lay("type_object.tp_flags", &mut class.flags)?;
        self.lay("type_object.tp_basicsize", &mut class.basicsize)?;
        self.lay("type_object.tp_dictoffset", &mut class.dictoffset)?;
        self.size("heap_type_object.size", &mut class.heap_size)
    }

    fn overlay_containers(&self, layout: &mut Layout) -> Result<(), DebugOffsetsError> {
        self.size("dict_object.size", &mut layout.dict.size)?;
        self.lay_some("dict_object.ma_keys", &mut layout.dict.keys)?;
        self.lay_some("dict_object.ma_values", &mut layout.dict.values)?;
        self.lay("list_object.ob_item", &mut layout.list.items)?;
        self.start("tuple_object.ob_item", &mut layout.tuple.items)
    }

    fn overlay_scalars(&self, layout: &mut Layout) -> Result<(), DebugOffsetsError> {
        self.lay("unicode_object.state", &mut layout.text.state)?;
        self.lay("unicode_object.length", &mut layout.text.length)?;
        self.size(
            "unicode_object.asciiobject_size",
            &mut layout.text.ascii_size,
        )?;
        self.size(
            "unicode_object.compactunicodeobject_size",
            &mut layout.text.compact_size,
        )?;
        self.start("bytes_object.ob_sval", &mut layout.bytes.data)?;
        if let IntForm::Tag(tag) = &mut layout.int.form {
            self.lay("long_object.lv_tag", tag)?;
        }
        self.start("long_object.ob_digit", &mut layout.int.digits)
    }

    /// The offset of a member of `width` bytes: inside its structure, aligned, and not 0, which
    /// would mean absent: none of the members asked for is the first of its structure.
    fn offset(&self, field: &'static str, width: u64) -> Result<Option<u32>, DebugOffsetsError> {
        let Some(value) = self.get(field) else {
            return Ok(None);
        };
        let inside = value
            .checked_add(width)
            .is_some_and(|behind| behind <= self.structure_size(field));
        if value == 0 || !inside || !value.is_multiple_of(width) {
            return Err(DebugOffsetsError::Impossible { field, value });
        }
        Ok(Some(value as u32))
    }

    /// Lays the number over a member, if this version states it.
    fn lay<T: Word>(
        &self,
        field: &'static str,
        member: &mut Field<T>,
    ) -> Result<(), DebugOffsetsError> {
        if let Some(offset) = self.offset(field, T::SIZE as u64)? {
            *member = at(offset);
        }
        Ok(())
    }

    /// As [`Self::lay`], for a member that this version has but others do not.
    fn lay_some<T: Word>(
        &self,
        field: &'static str,
        member: &mut Option<Field<T>>,
    ) -> Result<(), DebugOffsetsError> {
        match member {
            Some(member) => self.lay(field, member),
            None => Ok(()),
        }
    }

    /// Lays the number over the offset of items at the end of a structure.
    fn start(&self, field: &'static str, member: &mut u64) -> Result<(), DebugOffsetsError> {
        match self.get(field) {
            None => Ok(()),
            Some(value) if value > 0 && value <= self.structure_size(field) => {
                *member = value;
                Ok(())
            }
            Some(value) => Err(DebugOffsetsError::Impossible { field, value }),
        }
    }

    /// Lays the number over a size.
    fn size(&self, field: &'static str, member: &mut u64) -> Result<(), DebugOffsetsError> {
        match self.get(field) {
            None => Ok(()),
            Some(value) if value > 0 && value <= LARGEST_STRUCTURE => {
                *member = value;
                Ok(())
            }
            Some(value) => Err(DebugOffsetsError::Impossible { field, value }),
        }
    }

    /// What the target says is the size of the structure a field lies in.
    fn structure_size(&self, field: &str) -> u64 {
        let group = field.split_once('.').map_or("", |(group, _)| group);
        let stated = names_in(self.version.minor)
            .position(|name| name == (group, "size"))
            .and_then(|position| self.numbers.get(position));
        stated.map_or(LARGEST_STRUCTURE, |&size| size.min(LARGEST_STRUCTURE))
    }
}

/// `sizeof(_Py_DebugOffsets)` of a minor version.
fn size_in(minor: u8) -> usize {
    HEAD + 8 * names_in(minor).count()
}

#[cfg(test)]
mod tests;
