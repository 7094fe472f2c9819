//! Reading code objects from memory, of every version, whatever the interpreter made of them since.

use super::instructions::{Originals, restore};
use super::{Code, Constant};
use crate::address::Address;
use crate::cpython::code_members::{CodeMembers, InstructionsForm, LocalsForm, Monitoring};
use crate::cpython::layout::Layout;
use crate::cpython::opcodes::Opcodes;
use crate::pyobject::class::{Class, Classes};
use crate::pyobject::error::ObjectError;
use crate::pyobject::text::{self, Kind, Text};
use crate::pyobject::{header, int, sequence};
use crate::target::memory::{ReadMemory, ReadMemoryExt, Word};
use std::collections::HashSet;

/// How deep code objects and tuples are followed.
const DEPTH: usize = 64;
/// How many objects are visited for one code object with all that is in it.
const VISITS: u32 = 1 << 18;
/// The longest `bytes` and instructions, in bytes.
const LONGEST: u64 = 1 << 22;
/// The most slots of a set that are looked at.
const SLOTS: u64 = 1 << 16;
/// The kinds of locals in `co_localspluskinds` (`Include/internal/pycore_code.h`).
const LOCAL: u8 = 0x20;
const CELL: u8 = 0x40;
const FREE: u8 = 0x80;

/// Reads code objects; what is learnt of classes is kept from one to the next.
pub struct CodeReader<'m, M: ?Sized> {
    memory: &'m M,
    layout: &'m Layout,
    members: &'static CodeMembers,
    classes: Classes,
    visits: u32,
}

/// The instructions of the code object at `at`, as `co_code` gives them.
///
/// # Errors
/// As [`CodeReader::read`].
pub fn read_instructions(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    at: Address,
) -> Result<Vec<u8>, ObjectError> {
    let mut reader = CodeReader::new(memory, layout).ok_or(ObjectError::OtherClass {
        at,
        what: "code object of a version that is known",
    })?;
    reader.visits = VISITS;
    reader.instructions(at)
}

impl<'m, M: ReadMemory + ?Sized> CodeReader<'m, M> {
    /// A reader; `None` for a version whose code objects are not known.
    pub fn new(memory: &'m M, layout: &'m Layout) -> Option<Self> {
        Some(CodeReader {
            memory,
            layout,
            members: CodeMembers::of(layout.python)?,
            classes: Classes::default(),
            visits: 0,
        })
    }

    /// Reads the code object at `at` with all code in it.
    ///
    /// # Errors
    /// [`ObjectError`]; [`ObjectError::OtherClass`] when it is none, or has an instruction that stands
    /// for another one which is not found.
    pub fn read(&mut self, at: Address) -> Result<Code, ObjectError> {
        self.visits = VISITS;
        self.code(at, DEPTH)
    }

    /// The class of an object.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn class_of(&mut self, at: Address) -> Result<Class, ObjectError> {
        let class = header::read(self.memory, self.layout, at)?.class;
        self.class_at(class)
    }

    /// A class.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn class_at(&mut self, class: Address) -> Result<Class, ObjectError> {
        self.classes
            .learn(self.memory, self.layout, [class])
            .map_err(ObjectError::reading(class, "class"))?;
        let found = self.classes.get(class).cloned();
        found.ok_or(ObjectError::OtherClass {
            at: class,
            what: "class",
        })
    }

    fn place(&self, at: Address, offset: u32) -> Address {
        at.offset(u64::from(offset)).offset(self.layout.heap.later)
    }

    fn word<T: Word>(&self, at: Address, offset: u32) -> Result<T, ObjectError> {
        let place = self.place(at, offset);
        (self.memory.read_at(place)).map_err(ObjectError::reading(at, "code object"))
    }

    fn count_visit(&mut self, at: Address) -> Result<(), ObjectError> {
        self.visits = self.visits.checked_sub(1).ok_or(ObjectError::TooLarge {
            at,
            what: "code object",
            size: u64::from(VISITS) + 1,
            limit: u64::from(VISITS),
        })?;
        Ok(())
    }

    fn code(&mut self, at: Address, depth: usize) -> Result<Code, ObjectError> {
        self.count_visit(at)?;
        let class = self.class_of(at)?;
        if class.name != "code" || class.flags.is_heap() {
            return Err(ObjectError::OtherClass {
                at,
                what: "code object",
            });
        }
        let members = self.members;
        let optional = |offset: Option<u32>| offset.map_or(Ok(0), |offset| self.word(at, offset));
        let arguments = [
            self.word(at, members.argument_count)?,
            optional(members.positional_only)?,
            optional(members.keyword_only)?,
        ];
        let [locals, free, cells] = self.variables(at)?;
        let qualname = members.qualname.map(|offset| self.name(at, offset));
        let exceptions = members.exception_table.map(|offset| self.bytes(at, offset));
        let constants = self.word(at, members.constants)?;
        Ok(Code {
            name: self.name(at, members.name)?,
            qualname: qualname.transpose()?,
            file: self.name(at, members.file)?,
            first_line: self.word(at, members.first_line)?,
            arguments,
            flags: self.word(at, members.flags)?,
            names: self.names(at, members.names)?,
            locals,
            free,
            cells,
            instructions: self.instructions(at)?,
            exceptions: exceptions.transpose()?.unwrap_or_default(),
            lines: self.bytes(at, members.line_table)?,
            constants: self.constants(constants, depth)?,
        })
    }

    fn name(&self, at: Address, offset: u32) -> Result<String, ObjectError> {
        let text = self.word(at, offset)?;
        text::read(self.memory, self.layout, text).map(|text| text.escaped())
    }

    fn names(&self, at: Address, offset: u32) -> Result<Vec<String>, ObjectError> {
        let tuple = self.word(at, offset)?;
        let items = sequence::read_tuple(self.memory, self.layout, tuple)?;
        let kind = text::native(self.layout);
        let wanted: Vec<(Address, Kind)> = items.iter().map(|&item| (item, kind)).collect();
        let texts = text::read_many(self.memory, self.layout, &wanted, &mut { LONGEST })
            .map_err(ObjectError::reading(tuple, "names"))?;
        let names = texts.into_iter().map(|text| Ok(text?.escaped()));
        names.collect()
    }

    /// `co_varnames`, `co_freevars`, `co_cellvars`.
    fn variables(&self, at: Address) -> Result<[Vec<String>; 3], ObjectError> {
        match self.members.locals {
            LocalsForm::Three(locals, free, cells) => Ok([
                self.names(at, locals)?,
                self.names(at, free)?,
                self.names(at, cells)?,
            ]),
            LocalsForm::Kinds(names, kinds) => {
                let names = self.names(at, names)?;
                let kinds = self.bytes(at, kinds)?;
                let of = |kind: u8| -> Vec<String> {
                    let both = names.iter().zip(&kinds);
                    both.filter(|(_, own)| **own & kind != 0)
                        .map(|(name, _)| name.clone())
                        .collect()
                };
                Ok([of(LOCAL), of(FREE), of(CELL)])
            }
        }
    }

    /// A member that is a `bytes` (on 2.7 a `str`).
    fn bytes(&self, at: Address, offset: u32) -> Result<Vec<u8>, ObjectError> {
        self.bytes_at(self.word(at, offset)?)
    }

    fn bytes_at(&self, at: Address) -> Result<Vec<u8>, ObjectError> {
        let unreadable = |cause| ObjectError::reading(at, "bytes")(cause);
        let length = self.layout.header.length.read(self.memory, at);
        let size = bounded(at, length.map_err(unreadable)?)?;
        let data = at.offset(self.layout.bytes.data);
        self.memory.read_bytes_at(data, size).map_err(unreadable)
    }

    fn instructions(&self, at: Address) -> Result<Vec<u8>, ObjectError> {
        let (start, monitoring, executors) = match self.members.instructions {
            InstructionsForm::Bytes(offset) => return self.bytes(at, offset),
            InstructionsForm::Adaptive {
                at,
                monitoring,
                executors,
            } => (at, monitoring, executors),
        };
        let opcodes = Opcodes::of(self.layout.python).ok_or(ObjectError::OtherClass {
            at,
            what: "code object of a version that is known",
        })?;
        let unreadable = |cause| ObjectError::reading(at, "instructions")(cause);
        let mut unit = 0;
        // A tracer may come or go between the reading of an instruction and that of its original.
        for _ in 0..8 {
            let units = self.layout.header.length.read(self.memory, at);
            let units = bounded(at, units.map_err(unreadable)?)?;
            let rewritten = self.memory.read_bytes_at(self.place(at, start), 2 * units);
            let kept = Kept {
                reader: self,
                code: at,
                monitoring,
                executors,
            };
            match restore(opcodes, &rewritten.map_err(unreadable)?, &kept) {
                Ok(code) => return Ok(code),
                Err(index) => unit = index as u64,
            }
        }
        Err(ObjectError::Malformed {
            at,
            what: "code object",
            detail: "the instruction that cannot be restored",
            value: unit,
        })
    }

    fn constants(&mut self, at: Address, depth: usize) -> Result<Vec<Constant>, ObjectError> {
        let items = sequence::read_tuple(self.memory, self.layout, at)?;
        items
            .into_iter()
            .map(|item| self.constant(item, depth))
            .collect()
    }

    /// Reads a constant.
    ///
    /// # Errors
    /// As [`CodeReader::read`].
    pub fn read_constant(&mut self, at: Address) -> Result<Constant, ObjectError> {
        self.visits = VISITS;
        self.constant(at, DEPTH)
    }

    fn constant(&mut self, at: Address, depth: usize) -> Result<Constant, ObjectError> {
        self.count_visit(at)?;
        let class = self.class_of(at)?;
        if class.flags.is_heap() || depth == 0 {
            return Ok(Constant::Other(class.name));
        }
        let (memory, layout) = (self.memory, self.layout);
        let is_old = layout.python < (3, 0);
        let integer = |at| match is_old {
            true => int::read_plain(memory, layout, at),
            false => int::read(memory, layout, at),
        };
        Ok(match class.name.as_str() {
            "NoneType" => Constant::None,
            "ellipsis" => Constant::Ellipsis,
            "bool" => Constant::Bool(integer(at)?.to_i64() != Some(0)),
            "int" => Constant::Int(integer(at)?),
            "long" => Constant::Long(int::read(memory, layout, at)?),
            "float" => Constant::Float(self.bits(at, 0)?),
            "complex" => Constant::Complex(self.bits(at, 0)?, self.bits(at, 8)?),
            "tuple" => Constant::Tuple(self.constants(at, depth - 1)?),
            "frozenset" => self.frozenset(at, depth - 1)?,
            "slice" => self.slice(at, depth - 1)?,
            "code" => Constant::Code(Box::new(self.code(at, depth - 1)?)),
            _ => match class.flags.text_kind() {
                Some(Kind::Bytes) => Constant::Bytes(self.bytes_at(at)?),
                Some(Kind::Unicode) => {
                    Constant::Text(whole(text::read_kind(memory, layout, at, Kind::Unicode)?))
                }
                None => Constant::Other(class.name),
            },
        })
    }

    fn bits(&self, at: Address, offset: u64) -> Result<u64, ObjectError> {
        let place = at.offset(self.layout.header.size + offset);
        (self.memory.read_at(place)).map_err(ObjectError::reading(at, "float"))
    }

    /// `start`, `stop` and `step` follow the header (`Include/sliceobject.h`).
    fn slice(&mut self, at: Address, depth: usize) -> Result<Constant, ObjectError> {
        let mut part = |index: u64| {
            let item = self.bits(at, 8 * index)?;
            self.constant(Address::new(item), depth)
        };
        Ok(Constant::Slice(Box::new([part(0)?, part(1)?, part(2)?])))
    }

    /// A set behind its header: `fill`, `used`, `mask`, `table` (`Include/cpython/setobject.h`).
    fn frozenset(&mut self, at: Address, depth: usize) -> Result<Constant, ObjectError> {
        let slots = self.bits(at, 16)?.saturating_add(1);
        if slots > SLOTS {
            return Err(ObjectError::TooLarge {
                at,
                what: "frozenset",
                size: slots,
                limit: SLOTS,
            });
        }
        let table = Address::new(self.bits(at, 24)?);
        let entries = self.memory.read_bytes_at(table, slots as usize * 16);
        let entries = entries.map_err(ObjectError::reading(at, "frozenset"))?;
        // An entry is a key and its hash; 2.7 has the hash first.
        let key = self.layout.heap.set_key as usize;
        let keys: HashSet<u64> = entries
            .chunks_exact(16)
            .filter_map(|entry| crate::target::memory::word_in(entry, key))
            .filter(|&key| key != 0)
            .collect();
        let items: Result<Vec<Constant>, ObjectError> = keys
            .into_iter()
            .map(|key| self.constant(Address::new(key), depth))
            .collect();
        Ok(Constant::frozenset(items?))
    }
}

/// A text in the one form that equal texts have.
fn whole(text: Text) -> Text {
    match text {
        Text::Bytes(bytes) => Text::Plain(bytes.iter().map(|&byte| char::from(byte)).collect()),
        other => other,
    }
}

fn bounded(at: Address, length: i64) -> Result<usize, ObjectError> {
    match u64::try_from(length) {
        Ok(size) if size <= LONGEST => Ok(size as usize),
        _ => Err(ObjectError::TooLarge {
            at,
            what: "bytes",
            size: length as u64,
            limit: LONGEST,
        }),
    }
}

/// What is kept beside a code object.
struct Kept<'r, 'm, M: ?Sized> {
    reader: &'r CodeReader<'m, M>,
    code: Address,
    monitoring: Option<Monitoring>,
    executors: Option<u32>,
}

impl<M: ReadMemory + ?Sized> Kept<'_, '_, M> {
    fn pointer(&self, at: Address, offset: u32) -> Option<Address> {
        let place = at.offset(u64::from(offset));
        let found: Address = self.reader.memory.read_at(place).ok()?;
        (!found.is_null()).then_some(found)
    }

    fn monitoring(&self) -> Option<(Monitoring, Address)> {
        let monitoring = self.monitoring?;
        let code = self.code.offset(self.reader.layout.heap.later);
        Some((monitoring, self.pointer(code, monitoring.at)?))
    }

    fn byte(&self, at: Address) -> Option<u8> {
        self.reader.memory.read_at(at).ok()
    }
}

impl<M: ReadMemory + ?Sized> Originals for Kept<'_, '_, M> {
    fn behind_line(&self, index: usize) -> Option<u8> {
        let (monitoring, data) = self.monitoring()?;
        let lines = self.pointer(data, monitoring.lines)?;
        let place = monitoring.form.place(self.byte(lines)?, index as u64);
        self.byte(lines.offset(place))
    }

    fn behind_instruction(&self, index: usize) -> Option<u8> {
        let (monitoring, data) = self.monitoring()?;
        let opcodes = self.pointer(data, monitoring.instructions)?;
        self.byte(opcodes.offset(index as u64))
    }

    /// `vm_data` comes behind the header with its length and `trace` (`_PyExecutorObject`).
    fn behind_executor(&self, number: u8) -> Option<(u8, u8)> {
        let later = self.reader.layout.heap.later;
        let array = self.pointer(self.code.offset(later), self.executors?)?;
        let executor = self.pointer(array.offset(8 + 8 * u64::from(number)), 0)?;
        let data = executor.offset(32 + later);
        Some((self.byte(data)?, self.byte(data.offset(1))?))
    }
}
