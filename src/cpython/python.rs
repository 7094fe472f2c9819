//! The CPython found in a target: everything the floors above need to read it.

use crate::address::Address;
use crate::cpython::layout::{GcForm, Layout, Place};
use crate::cpython::version::{Build, Version};
use crate::target::memory::{ReadError, ReadMemory};
use crate::target::pause::StopLimits;
use std::time::Duration;

/// One interpreter of the runtime: the main one or a sub-interpreter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interpreter {
    /// Its number: 0 for the main one; counted from the oldest where the version has no `id`.
    pub id: i64,
    /// Its `PyInterpreterState`.
    pub address: Address,
    /// Its `sys.modules` (`interp.modules`).
    pub modules: Address,
    /// The namespace of its `sys`.
    pub sysdict: Address,
}

/// Static variables of 2.7 and 3.6, which have no runtime structure. Absent ones had no symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statics {
    /// `generations`, the array of collector generations.
    pub generations: Option<Address>,
}

/// A CPython whose place, version and layout have been verified in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Python {
    /// Its version, from `sys.hexversion` in memory.
    pub version: Version,
    /// How it was built.
    pub build: Build,
    /// The table that fits, with the target's own debug offsets laid over it from 3.13 on.
    pub layout: Layout,
    /// `_PyRuntime`; `None` before 3.7, and when only an interpreter was found by scanning.
    pub runtime: Option<Address>,
    /// Static variables of versions without a runtime structure.
    pub statics: Statics,
    /// The first two words of `_Py_HashSecret`, the key of its hashes; `None` where it has no symbol.
    pub hash_secret: Option<(u64, u64)>,
    /// Whether it is being finalised: it can still be looked at while its modules are taken apart,
    /// but nothing may be changed any more.
    pub finalizing: bool,
    /// All interpreters, the main one first.
    pub interpreters: Vec<Interpreter>,
}

impl Python {
    /// The main interpreter. There always is one: without it no `Python` is made.
    pub fn main(&self) -> &Interpreter {
        &self.interpreters[0]
    }

    /// What a stop of its process may cost, which may stand still for `max_stop`.
    pub fn stop_limits(&self, max_stop: Duration) -> StopLimits {
        StopLimits {
            max_stop,
            // Python 2 does not call again what a stop has interrupted (PEP 475 came with 3.5).
            refuse_epoll_wait: self.version.major < 3,
            ..StopLimits::default()
        }
    }

    /// The interpreter with this number.
    pub fn interpreter(&self, id: i64) -> Option<&Interpreter> {
        self.interpreters
            .iter()
            .find(|interpreter| interpreter.id == id)
    }

    /// Where a part of the interpreter lies, or `None` when it hangs on a runtime structure or a
    /// symbol that was not found.
    pub fn place(&self, place: Place, interpreter: &Interpreter) -> Option<Address> {
        match place {
            Place::Static => None,
            Place::Runtime(offset) => Some(self.runtime?.offset(u64::from(offset))),
            Place::Interpreter(offset) => Some(interpreter.address.offset(u64::from(offset))),
        }
    }

    /// Whether a collection is in progress in any interpreter: then the lists of the collector are
    /// not whole. Versions before 3.7 do not tell.
    ///
    /// # Errors
    /// As [`ReadMemory::read_some_at`].
    pub fn is_collecting(&self, memory: &impl ReadMemory) -> Result<bool, ReadError> {
        let collector = &self.layout.collector;
        let Some(collecting) = collector.collecting else {
            return Ok(false);
        };
        for interpreter in &self.interpreters {
            if let Some(base) = self.place(collector.place, interpreter)
                && collecting.read(memory, base)? != 0
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// `generations[0]` of the collector of `interpreter`, from where its lists are walked; `None`
    /// for builds that keep no lists.
    pub fn generations(&self, interpreter: &Interpreter) -> Option<Address> {
        let collector = &self.layout.collector;
        if self.layout.gc_head.form == GcForm::Unlisted {
            return None;
        }
        match self.place(collector.place, interpreter) {
            Some(base) => Some(collector.generations.of(base)),
            None => self.statics.generations,
        }
    }
}
