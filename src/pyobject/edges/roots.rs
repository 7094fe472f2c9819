//! What holds objects without being one: interpreters, thread states and their frames.

use super::edge::{Edge, EdgeName, Tier};
use super::places::{THREADS, threads};
use super::tracer::Tracer;
use crate::address::{Address, AddressRange, AddressSet};
use crate::cpython::layout::{FrameForm, FrameObjects, FrameStructures};
use crate::pyobject::running::{OWNED_BY_THREAD, structures};
use crate::target::view::ViewMemory;

/// Where a root is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RootPlace {
    /// A word of `PyInterpreterState`.
    Interpreter {
        /// The number of the interpreter.
        id: i64,
        /// Bytes from the start of the structure.
        offset: u32,
    },
    /// A callback of `atexit`.
    Exit {
        /// The number of the interpreter.
        id: i64,
        /// Which one, the oldest first.
        index: u32,
    },
    /// The handler of a signal.
    Signal {
        /// The signal.
        number: u32,
    },
    /// A word of `PyThreadState`.
    Thread {
        /// The thread state.
        thread: Address,
        /// Bytes from the start of the structure.
        offset: u32,
    },
    /// A word of a frame that runs, or that called one that does. From 3.11 on; before, frames are
    /// objects and the root is the word of the thread that leads to the first.
    Frame {
        /// The thread state.
        thread: Address,
        /// How many frames of the thread are younger.
        depth: u32,
        /// The code object, or null.
        code: Address,
    },
}

/// A word outside of all objects that leads to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Root {
    /// Where it is.
    pub place: RootPlace,
    /// The object.
    pub to: Address,
    /// What the word is called.
    pub name: EdgeName,
    /// How sure it is that the word owns a reference.
    pub tier: Tier,
}

impl<'m, M: ViewMemory> Tracer<'m, M> {
    /// Gives every word of interpreters, thread states and frames to `visit` that leads to an
    /// object.
    pub fn visit_roots(&mut self, visit: &mut impl FnMut(Root)) {
        self.visit_signals(visit);
        for interpreter in &self.python.interpreters {
            self.visit_exit_callbacks(interpreter, visit);
            self.visit_first_references(interpreter, visit);
            self.visit_identifiers(interpreter, visit);
            self.visit_interpreter(interpreter.id, interpreter.address, visit);
            for thread in threads(&self.look, interpreter.address) {
                self.visit_thread(thread, visit);
                match self.look.heap().frame {
                    FrameForm::Structures(form) => self.visit_frames(thread, &form, visit),
                    FrameForm::Objects(form) => self.visit_callers(thread, &form, visit),
                }
            }
        }
    }

    /// The states of all threads of all interpreters.
    pub fn thread_states(&self) -> AddressSet {
        let interpreters = self.python.interpreters.iter();
        interpreters
            .flat_map(|interpreter| threads(&self.look, interpreter.address))
            .collect()
    }

    /// The oldest thread of the main interpreter: the one that runs pending calls and handlers of
    /// signals.
    pub fn main_thread(&self) -> Option<Address> {
        let threads = threads(&self.look, self.python.main().address);
        let id = self.python.runtime.zip(self.look.layout.runtime);
        let id = id.and_then(|(at, runtime)| self.look.field(at, runtime.main_thread));
        let is_main = |thread: &&Address| {
            let own: Option<u64> = self.look.field(**thread, self.look.layout.thread.thread_id);
            id.is_some() && own == id
        };
        let main = threads.iter().find(is_main).or(threads.last());
        main.copied()
    }

    /// Words of the interpreter, but for its caches of types, which own nothing, and its state of
    /// static types, which counts as theirs.
    fn visit_interpreter(&mut self, id: i64, at: Address, visit: &mut impl FnMut(Root)) {
        let state = &self.look.heap().interpreter;
        let types = state.types.map_or(0..0, |types| {
            let end = types
                .extensions
                .unwrap_or(types.builtins + 200 * types.size);
            types.cache..end + 10 * types.size
        });
        let own: Vec<Address> = self
            .python
            .interpreters
            .iter()
            .map(|one| one.address)
            .collect();
        // From 3.11 on the first thread state lies in the interpreter's.
        let size = self.look.heap().thread_size;
        let threads: Vec<_> = threads(&self.look, at)
            .iter()
            .filter_map(|thread| thread.distance_from(at))
            .map(|start| start..start + size)
            .collect();
        let keepers = self.look.heap().keepers;
        let member = |offset| keepers.interpreter_member_at(offset);
        self.visit_struct(at, state.size, visit, member, |offset, to| {
            let is_in_thread = threads.iter().any(|thread| thread.contains(&offset));
            let is_left_out = types.contains(&offset)
                || keepers.borrowed().contains(&offset)
                || own.contains(&to)
                || is_in_thread;
            (!is_left_out).then_some(RootPlace::Interpreter {
                id,
                offset: offset as u32,
            })
        });
    }

    fn visit_thread(&mut self, thread: Address, visit: &mut impl FnMut(Root)) {
        let size = self.look.heap().thread_size;
        let keepers = self.look.heap().keepers;
        let member = |offset| keepers.thread_member_at(offset);
        self.visit_struct(thread, size, visit, member, |offset, _| {
            Some(RootPlace::Thread {
                thread,
                offset: offset as u32,
            })
        });
    }

    fn visit_struct(
        &mut self,
        at: Address,
        size: u64,
        visit: &mut impl FnMut(Root),
        member: impl Fn(u64) -> Option<&'static str>,
        place: impl Fn(u64, Address) -> Option<RootPlace>,
    ) {
        for offset in (0..size).step_by(8) {
            let to: Address = self.look.word(at.offset(offset)).unwrap_or_default();
            // Most words are nothing of the kind, and the place takes longer to tell.
            if to.may_be_object()
                && let Some(place) = place(offset, to)
                && self.is_object(to)
            {
                let member = member(offset);
                visit(Root {
                    place,
                    to,
                    name: member.map_or(EdgeName::Word(offset as i32), EdgeName::Attribute),
                    tier: match member {
                        Some(_) => Tier::Certain,
                        None => Tier::Probable,
                    },
                });
            }
        }
    }

    fn visit_frames(
        &mut self,
        thread: Address,
        form: &FrameStructures,
        visit: &mut impl FnMut(Root),
    ) {
        // Entry frames own nothing.
        let frames = structures(self.look.memory, form, thread);
        let with_code = frames.filter(|&(_, owner)| owner < form.entry_owner);
        for (depth, (frame, owner)) in with_code.enumerate() {
            // Frames in generators and frame objects are theirs.
            if owner == OWNED_BY_THREAD {
                self.visit_frame(thread, depth as u32, frame, form, visit);
            }
        }
    }

    /// Parts of the states of interpreters that own nothing; the variables of CPython can contain such a state.
    pub fn borrowed(&self) -> Vec<AddressRange> {
        let part = self.look.heap().keepers.borrowed();
        let interpreters = self.python.interpreters.iter();
        let parts = interpreters.map(|one| {
            AddressRange::new(one.address.offset(part.start), one.address.offset(part.end))
        });
        parts.collect()
    }

    /// Frame objects that called the one that runs: each is owned by the C code that executes it, to
    /// 3.10 (`PyEval_EvalFrameEx`). The word of the thread stands for them.
    fn visit_callers(
        &mut self,
        thread: Address,
        form: &FrameObjects,
        visit: &mut impl FnMut(Root),
    ) {
        let word = self.look.heap().keepers.thread_member("frame");
        let Some(offset) = word else { return };
        let mut seen = AddressSet::default();
        let mut frame = self
            .look
            .field(thread, form.thread)
            .unwrap_or(Address::NULL);
        while seen.len() < THREADS && seen.insert(frame) {
            frame = self.look.member(frame, form.back).unwrap_or_default();
            if !self.is_object(frame) {
                return;
            }
            visit(Root {
                place: RootPlace::Thread {
                    thread,
                    offset: offset as u32,
                },
                to: frame,
                name: EdgeName::Attribute("frame"),
                tier: Tier::Probable,
            });
        }
    }

    fn visit_frame(
        &mut self,
        thread: Address,
        depth: u32,
        frame: Address,
        form: &FrameStructures,
        visit: &mut impl FnMut(Root),
    ) {
        let code = self.look.code_of(frame, form).unwrap_or_default();
        let place = RootPlace::Frame {
            thread,
            depth,
            code,
        };
        let mut give = |edge: Edge| {
            visit(Root {
                place,
                to: edge.to,
                name: edge.name,
                tier: edge.tier,
            });
        };
        self.visit_checked(&mut give, |look, mut visit| {
            look.visit_structure(frame, form, false, &mut visit);
        });
    }
}
