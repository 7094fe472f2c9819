//! References of frames and generators.
//!
//! Local variables are always owned by their frame. What is on its evaluation stack is known while
//! the frame does not run; while it does, the top of its stack is in a register of the processor,
//! and each word up to the largest size is possibly a reference.

use super::edge::{Edge, EdgeName, Tier};
use super::look::{Look, certain};
use crate::address::Address;
use crate::cpython::layout::{Field, FrameForm, FrameObjects, FrameStructures, StackTop};
use crate::pyobject::header;
use crate::pyobject::running::tagless;
use crate::target::view::ViewMemory;

/// `owner` of a frame that lies in its frame object (`FRAME_OWNED_BY_FRAME_OBJECT`).
const OWNED_BY_OBJECT: u8 = 2;
/// Largest plausible number of locals or stack slots.
const SLOTS: u64 = 1 << 20;

/// The words of a frame behind its named members.
#[derive(Debug, Clone, Copy)]
struct Slots {
    code: Address,
    at: Address,
    locals: u64,
    /// Words in use, locals included.
    used: u64,
    /// Words of which it is not known whether they are in use.
    open: u64,
    tagged: bool,
}

impl<M: ViewMemory> Look<'_, M> {
    fn number(&self, code: Address, field: Field<i32>) -> u64 {
        let number = self.member::<i32>(code, field).unwrap_or_default();
        u64::try_from(number).unwrap_or_default().min(SLOTS)
    }

    fn visit_slots(&self, slots: Slots, visit: &mut dyn FnMut(Edge)) {
        let words = self.words(slots.at, slots.used);
        for (index, word) in words.iter().enumerate() {
            let index = index as u64;
            let name = match index.checked_sub(slots.locals) {
                None => EdgeName::Local {
                    code: slots.code,
                    index: index as u32,
                },
                Some(depth) => EdgeName::Stack(depth as u32),
            };
            match slots.tagged {
                true => self.untagged(visit, word, name),
                false => certain(visit, word, name),
            }
        }
        let open = self.words(slots.at.offset(slots.used * 8), slots.open);
        for (index, to) in open.iter().enumerate() {
            let depth = slots.used.saturating_sub(slots.locals) + index as u64;
            visit(Edge {
                to,
                name: EdgeName::Stack(depth as u32),
                tier: Tier::Possible,
            });
        }
    }

    /// A frame object. Edges of the tier [`Tier::Possible`] still have to be checked.
    pub(super) fn visit_frame_object(&self, frame: Address, visit: &mut dyn FnMut(Edge)) {
        match self.heap().frame {
            FrameForm::Objects(form) => self.visit_old_frame(frame, &form, visit),
            FrameForm::Structures(form) => {
                for (name, offset) in form.object_members.members() {
                    let to = self.word(frame.offset(offset + self.heap().later));
                    certain(visit, to.unwrap_or_default(), EdgeName::Attribute(name));
                }
                let inner: Address = self.member(frame, form.object_frame).unwrap_or_default();
                if self.field(inner, form.owner) == Some(OWNED_BY_OBJECT) {
                    self.visit_structure(inner, &form, false, visit);
                }
            }
        }
    }

    fn visit_old_frame(&self, frame: Address, form: &FrameObjects, visit: &mut dyn FnMut(Edge)) {
        let names = ["f_back", "f_code", "f_builtins", "f_globals", "f_locals"];
        let word = |at: Address| self.word(at.offset(self.heap().later)).unwrap_or_default();
        for (index, name) in names.into_iter().enumerate() {
            let to = word(form.back.of(frame).offset(index as u64 * 8));
            certain(visit, to, EdgeName::Attribute(name));
        }
        certain(
            visit,
            word(form.trace.of(frame)),
            EdgeName::Attribute("f_trace"),
        );
        for (index, name) in ["f_exc_type", "f_exc_value", "f_exc_traceback"]
            .into_iter()
            .enumerate()
        {
            let at = form
                .exceptions
                .map(|field| field.of(frame).offset(index as u64 * 8));
            certain(
                visit,
                at.map_or(Address::NULL, word),
                EdgeName::Attribute(name),
            );
        }
        self.visit_slots(self.old_slots(frame, form), visit);
    }

    fn old_slots(&self, frame: Address, form: &FrameObjects) -> Slots {
        let code: Address = self.member(frame, form.code).unwrap_or_default();
        let at = frame.offset(form.locals + self.heap().later);
        let stack: Address = self.member(frame, form.value_stack).unwrap_or_default();
        let locals = stack.distance_from(at).unwrap_or(0) / 8;
        let locals = locals.min(SLOTS);
        let depth = match form.top {
            StackTop::Pointer(top) => self
                .member::<Address>(frame, top)
                .and_then(|top| Some(top.distance_from(stack)? / 8)),
            StackTop::Depth(depth) => self
                .member::<i32>(frame, depth)
                .and_then(|depth| u64::try_from(depth).ok()),
            StackTop::Count(_) | StackTop::Tagged(_) => None,
        };
        let room = self.number(code, self.heap().code.stack_size);
        let is_running = depth.is_none() && self.shared.running.contains(&frame);
        Slots {
            code,
            at,
            locals,
            used: locals + depth.unwrap_or(0).min(room),
            open: if is_running { room } else { 0 },
            tagged: false,
        }
    }

    /// A generator with a frame of its own.
    pub(super) fn visit_generator(&self, generator: Address, visit: &mut dyn FnMut(Edge)) {
        let (Some(form), FrameForm::Structures(frames)) =
            (self.heap().generator, self.heap().frame)
        else {
            return;
        };
        let state: i8 = self.member(generator, form.state).unwrap_or(form.ended);
        let frame = generator.offset(form.frame + self.heap().later);
        if state < form.ended {
            self.visit_structure(frame, &frames, state == form.running, visit);
        } else if form.keeps_code {
            self.visit_word(frame, &frames, ("f_code", frames.code), visit);
        }
    }

    /// `_PyInterpreterFrame`. Edges of the tier [`Tier::Possible`] still have to be checked.
    pub(super) fn visit_structure(
        &self,
        frame: Address,
        form: &FrameStructures,
        is_running: bool,
        visit: &mut dyn FnMut(Edge),
    ) {
        let word = |field| self.field::<Address>(frame, field).unwrap_or_default();
        self.visit_word(frame, form, ("f_code", form.code), visit);
        self.visit_word(frame, form, ("f_func", form.function), visit);
        certain(visit, word(form.locals), EdgeName::Attribute("f_locals"));
        certain(visit, word(form.object), EdgeName::Attribute("frame_obj"));
        if let Some(slots) = self.slots(frame, form, is_running) {
            self.visit_slots(slots, visit);
        }
    }

    /// A member of a frame that has a tag where the words of its stack have one.
    fn visit_word(
        &self,
        frame: Address,
        form: &FrameStructures,
        (name, field): (&'static str, Field<Address>),
        visit: &mut dyn FnMut(Edge),
    ) {
        let word = self.field(frame, field).unwrap_or_default();
        match form.top {
            StackTop::Tagged(_) => self.untagged(visit, word, EdgeName::Attribute(name)),
            _ => certain(visit, word, EdgeName::Attribute(name)),
        }
    }

    /// A `_PyStackRef` (`Include/internal/pycore_stackref.h`, 3.14 and 3.15): the two low bits are
    /// 00 for a reference that is owned, 11 for a number, and 01 for a reference to an immortal
    /// object or one that somebody else owns.
    fn untagged(&self, visit: &mut dyn FnMut(Edge), word: Address, name: EdgeName) {
        let to = tagless(word);
        match word.value() & 3 {
            0 => certain(visit, to, name),
            1 if self.is_immortal(to) => certain(visit, to, name),
            _ => {}
        }
    }

    fn is_immortal(&self, object: Address) -> bool {
        let bytes = self.view(object, self.layout.header.size);
        bytes
            .and_then(|bytes| header::parse(self.layout, bytes))
            .is_some_and(|header| header.refcount.immortal)
    }

    fn slots(&self, frame: Address, form: &FrameStructures, is_running: bool) -> Option<Slots> {
        let code = tagless(self.field(frame, form.code)?);
        let at = frame.offset(form.localsplus);
        let locals = self.number(code, self.heap().code.locals_plus?);
        let room = self.number(code, self.heap().code.stack_size);
        let used = match form.top {
            StackTop::Count(count) => u64::try_from(self.field(frame, count)?).ok(),
            StackTop::Tagged(top) => {
                let top: Address = self.field(frame, top)?;
                top.distance_from(at).map(|length| length / 8)
            }
            StackTop::Pointer(_) | StackTop::Depth(_) => None,
        };
        let tagged = matches!(form.top, StackTop::Tagged(_));
        let used = used.filter(|&used| used <= locals + room && (tagged || !is_running));
        Some(Slots {
            code,
            at,
            locals,
            used: used.unwrap_or(locals),
            open: if used.is_none() { room } else { 0 },
            tagged,
        })
    }

    /// The code object of a frame.
    pub(super) fn code_of(&self, frame: Address, form: &FrameStructures) -> Option<Address> {
        Some(tagless(self.field(frame, form.code)?))
    }
}
