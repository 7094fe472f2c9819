//! The function that the interpreter calls at its safe point, with the GIL held.
//!
//! In C it would read:
//!
//! ```c
//! int thunk(void *unused) {
//!     state = RUNNING;
//!     if (cancel || getpid() != target_pid) { outcome = CANCELLED; goto leave; }
//!     clock_gettime(CLOCK_MONOTONIC, &began);
//!     PyErr_Fetch(&type, &value, &traceback);
//!     globals = PyDict_New();
//!     PyDict_SetItemString(globals, "__builtins__", PyImport_AddModule("builtins"));
//!     PyRun_StringFlags(source, Py_file_input, globals, globals, NULL);
//!     ... copy the bytes named `result`, or the repr of the exception ...
//!     Py_DecRef(globals);
//!     PyErr_Restore(type, value, traceback);
//!     clock_gettime(CLOCK_MONOTONIC, &ended);
//! leave:
//!     state = outcome;
//!     return munmap(this_page, 4096);
//! }
//! ```
//!
//! The last line is a jump, so that the last instruction executed in the page is the one that
//! leaves it: whoever dies, no thread comes back to memory that is gone. `munmap` returns 0, which
//! for a pending call means success; the thunk never reports failure, which the interpreter would
//! raise as an exception in the middle of the program.

use crate::control::scratch::PAGE;
use crate::inject::assembler_x86_64::Register::{
    R8, R12, R13, R14, Rax, Rbp, Rbx, Rcx, Rdi, Rdx, Rsi,
};
use crate::inject::assembler_x86_64::{Assembler, Data, If, Label, Register};
use crate::inject::page::{self, Failure, State};

/// `Py_file_input` (`Include/compile.h`).
const FILE_INPUT: u32 = 257;
const CLOCK_MONOTONIC: u32 = 1;
const GETPID: u32 = 39;

/// Names of the functions the thunk calls, in the order of their places in the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Functions {
    /// Those of CPython.
    pub(super) python: [&'static str; 14],
    /// Those of the C library.
    pub(super) c: [&'static str; 2],
}

impl Functions {
    /// The names on this version. Python 2 has `str` for bytes, and its `repr` gives one.
    pub(super) fn of(major: u8) -> Self {
        let three = major >= 3;
        let [as_string, repr_to_bytes] = if three {
            ["PyBytes_AsStringAndSize", "PyUnicode_AsUTF8String"]
        } else {
            // The second is not called: `repr` already gives bytes.
            ["PyString_AsStringAndSize", "PyObject_Repr"]
        };
        Functions {
            python: [
                "PyErr_Fetch",
                "PyErr_Restore",
                "PyErr_Clear",
                "PyErr_NormalizeException",
                "PyDict_New",
                "PyImport_AddModule",
                "PyDict_SetItemString",
                "PyDict_GetItemString",
                "PyRun_StringFlags",
                "PyObject_Repr",
                repr_to_bytes,
                as_string,
                "Py_DecRef",
                "Py_AddPendingCall",
            ],
            c: ["clock_gettime", "munmap"],
        }
    }

    /// Where the address of a function is kept. The name is one of ours.
    fn place(&self, name: &str) -> Data {
        let all = self.python.iter().chain(&self.c);
        let index = all.clone().position(|&known| known == name);
        page::function(index.unwrap_or_default())
    }

    /// Where the address of `Py_AddPendingCall` is kept.
    pub(super) fn add_pending_call(&self) -> Data {
        self.place("Py_AddPendingCall")
    }

    /// Where the address of the C library's function behind those named here is kept.
    pub(super) fn one_more(&self) -> Data {
        self.further(0)
    }

    /// Where the addresses of functions behind those named here are kept.
    pub(super) fn further(&self, index: usize) -> Data {
        page::function(self.python.len() + self.c.len() + index)
    }
}

/// Stack slots: the exception that was set before, the bytes of the result, the new exception.
const BEFORE: u8 = 0;
const BYTES: u8 = 24;
const BYTES_LENGTH: u8 = 32;
const RAISED: u8 = 40;
const SLOTS: u32 = 64;
/// Registers that belong to the caller. An odd number of pushes aligns the stack for calls.
const KEPT: [Register; 5] = [Rbx, Rbp, R12, R13, R14];

struct Thunk<'a> {
    a: &'a mut Assembler,
    functions: Functions,
    result: Data,
    /// Where the namespace is dropped and the exception of before restored.
    finish: Label,
}

/// How the thunk ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaving {
    /// With the jump that unmaps its page.
    Unmaps,
    /// It returns to the trampoline that called it; the tool unmaps.
    Returns,
}

/// Writes the thunk at the beginning of the code page. `result` is where its result goes.
pub(super) fn assemble(a: &mut Assembler, major: u8, result: Data, leaving: Leaving) {
    debug_assert_eq!(a.here(), 0);
    let finish = a.label();
    let leave = a.label();
    let mut thunk = Thunk {
        a,
        functions: Functions::of(major),
        result,
        finish,
    };
    thunk.enter(leave);
    thunk.run();
    thunk.copy_result();
    thunk.end(finish, leave, leaving);
}

// rbx: the outcome. r12: the namespace. r13: an object to drop. r14: a copy of a length.
impl Thunk<'_> {
    fn call(&mut self, name: &str) {
        let place = self.functions.place(name);
        self.a.call(place);
    }

    fn enter(&mut self, leave: Label) {
        KEPT.into_iter().for_each(|register| self.a.push(register));
        self.a.grow_stack(SLOTS);
        self.a.store_value(page::STATE, State::RUNNING);
        // mfence: whoever cancels either sees RUNNING, or is seen.
        self.a.bytes(&[0x0f, 0xae, 0xf0]);
        self.a.set(Rbx, State::CANCELLED);
        self.a.compare_value(page::CANCEL, 0);
        self.a.jump_if(If::NotZero, leave);
        // A child forked since then has a copy of the queue, but the request was not for it.
        self.a.set(Rax, GETPID);
        self.a.bytes(&[0x0f, 0x05]); // syscall
        self.a.compare_half(Rax, page::TARGET_PID);
        self.a.jump_if(If::NotZero, leave);
        self.time(page::BEGAN);
        self.fetch_exception(BEFORE);
    }

    fn time(&mut self, into: Data) {
        self.a.set(Rdi, CLOCK_MONOTONIC);
        self.a.address_of(Rsi, into);
        self.call("clock_gettime");
    }

    fn fetch_exception(&mut self, slot: u8) {
        self.exception_slots(slot);
        self.call("PyErr_Fetch");
    }

    fn exception_slots(&mut self, slot: u8) {
        self.a.address_of_stack(Rdi, slot);
        self.a.address_of_stack(Rsi, slot + 8);
        self.a.address_of_stack(Rdx, slot + 16);
    }

    /// Makes a namespace and runs the source in it.
    fn run(&mut self) {
        let (no_namespace, made) = (self.a.label(), self.a.label());
        self.call("PyDict_New");
        self.a.copy(R12, Rax);
        self.a.test(Rax);
        self.a.jump_if(If::Zero, no_namespace);
        self.a.address_of(Rdi, page::BUILTINS_MODULE);
        self.call("PyImport_AddModule"); // borrowed
        self.a.test(Rax);
        self.a.jump_if(If::Zero, no_namespace);
        self.a.copy(Rdi, R12);
        self.a.address_of(Rsi, page::BUILTINS_KEY);
        self.a.copy(Rdx, Rax);
        self.call("PyDict_SetItemString");
        self.a.test_eax();
        self.a.jump_if(If::Zero, made);
        self.a.place(no_namespace);
        self.fail(Failure::NO_NAMESPACE);
        self.a.place(made);
        self.run_source();
    }

    fn run_source(&mut self) {
        let ran = self.a.label();
        self.a.address_of(Rdi, page::SOURCE);
        self.a.set(Rsi, FILE_INPUT);
        self.a.copy(Rdx, R12);
        self.a.copy(Rcx, R12);
        self.a.clear(R8);
        self.call("PyRun_StringFlags");
        self.a.test(Rax);
        self.a.jump_if(If::NotZero, ran);
        self.describe_exception();
        self.a.place(ran);
        self.a.copy(Rdi, Rax);
        self.call("Py_DecRef");
    }

    /// The source raised: the result is the repr of the exception, cut where the room ends.
    fn describe_exception(&mut self) {
        let drop_exception = self.a.label();
        self.fetch_exception(RAISED);
        self.exception_slots(RAISED);
        self.call("PyErr_NormalizeException");
        self.a.load_stack(Rdi, RAISED + 8);
        self.call("PyObject_Repr");
        self.a.copy(R13, Rax);
        self.a.test(Rax);
        self.a.jump_if(If::Zero, drop_exception);
        if self.functions.python[10] == "PyUnicode_AsUTF8String" {
            self.a.copy(Rdi, Rax);
            self.call("PyUnicode_AsUTF8String");
            self.a.copy(R14, Rax);
            self.drop_object(R13);
            self.a.copy(R13, R14);
            self.a.test(R13);
            self.a.jump_if(If::Zero, drop_exception);
        }
        self.copy_bytes_of(R13, drop_exception, None);
        self.drop_object(R13);
        self.a.place(drop_exception);
        for slot in [RAISED, RAISED + 8, RAISED + 16] {
            self.a.load_stack(Rdi, slot);
            self.call("Py_DecRef"); // does nothing for NULL
        }
        self.fail(Failure::RAISED);
    }

    fn drop_object(&mut self, object: Register) {
        self.a.copy(Rdi, object);
        self.call("Py_DecRef");
    }

    /// Copies the bytes named `result`.
    fn copy_result(&mut self) {
        let (found, not_bytes, too_long) = (self.a.label(), self.a.label(), self.a.label());
        self.a.copy(Rdi, R12);
        self.a.address_of(Rsi, page::RESULT_KEY);
        self.call("PyDict_GetItemString"); // borrowed, and raises nothing
        self.a.test(Rax);
        self.a.jump_if(If::NotZero, found);
        self.fail(Failure::NO_RESULT);
        self.a.place(found);
        self.copy_bytes_of(Rax, not_bytes, Some(too_long));
        self.a.set(Rbx, State::DONE);
        self.a.jump(self.finish);
        self.a.place(not_bytes);
        self.fail(Failure::NOT_BYTES);
        self.a.place(too_long);
        self.fail(Failure::TOO_LONG);
    }

    /// Copies the contents of a bytes object to the result; without `too_long` it is cut.
    fn copy_bytes_of(&mut self, object: Register, not_bytes: Label, too_long: Option<Label>) {
        self.a.copy(Rdi, object);
        self.a.address_of_stack(Rsi, BYTES);
        self.a.address_of_stack(Rdx, BYTES_LENGTH);
        let as_string = self.functions.python[11];
        self.call(as_string);
        self.a.test_eax();
        self.a.jump_if(If::NotZero, not_bytes);
        self.a.load_stack(Rcx, BYTES_LENGTH);
        self.a.compare(Rcx, page::CAPACITY);
        if let Some(too_long) = too_long {
            self.a.jump_if(If::Above, too_long);
        } else {
            let fits = self.a.label();
            let cut = self.a.label();
            self.a.jump_if(If::Above, cut);
            self.a.jump(fits);
            self.a.place(cut);
            self.a.load(Rcx, page::CAPACITY);
            self.a.place(fits);
        }
        self.a.store(page::RESULT_LENGTH, Rcx);
        self.a.load_stack(Rsi, BYTES);
        self.a.address_of(Rdi, self.result);
        self.a.bytes(&[0xfc, 0xf3, 0xa4]); // cld; rep movsb
    }

    fn fail(&mut self, failure: u32) {
        self.a.store_value(page::FAILURE, failure);
        self.a.set(Rbx, State::FAILED);
        self.a.jump(self.finish);
    }

    fn end(&mut self, finish: Label, leave: Label, leaving: Leaving) {
        self.a.place(finish);
        self.drop_object(R12); // does nothing for NULL
        // Dropping the namespace may have left an exception of some destructor.
        self.call("PyErr_Clear");
        self.a.load_stack(Rdi, BEFORE);
        self.a.load_stack(Rsi, BEFORE + 8);
        self.a.load_stack(Rdx, BEFORE + 16);
        self.call("PyErr_Restore");
        self.time(page::ENDED);
        self.a.place(leave);
        self.a.address_of_code(Rdi, 0);
        self.a.set(Rsi, PAGE as u32);
        // Loaded before the store of the final state, after which the data may be gone.
        let munmap = self.functions.place("munmap");
        self.a.load(Rax, munmap);
        self.a.bytes(&[0x0f, 0xae, 0xf0]); // mfence
        self.a.store_half(page::STATE, Rbx);
        self.a.shrink_stack(SLOTS);
        KEPT.into_iter()
            .rev()
            .for_each(|register| self.a.pop(register));
        match leaving {
            Leaving::Unmaps => self.a.bytes(&[0xff, 0xe0]), // jmp *%rax
            Leaving::Returns => self.a.bytes(&[0xc3]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(major: u8) -> Vec<u8> {
        let mut assembler = Assembler::default();
        assemble(&mut assembler, major, Data(4096), Leaving::Unmaps);
        assembler.finish().expect("fits its page")
    }

    #[test]
    fn the_last_instruction_is_the_jump_that_leaves_the_page() {
        for major in [2, 3] {
            assert_eq!(code(major)[code(major).len() - 2..], [0xff, 0xe0]);
        }
    }

    #[test]
    fn the_stack_is_aligned_for_calls() {
        // The caller's call pushed 8 bytes; the sum must be a multiple of 16.
        assert_eq!((8 + 8 * KEPT.len() as u32 + SLOTS) % 16, 0);
    }

    #[test]
    fn every_function_has_a_place_of_its_own() {
        for major in [2, 3] {
            let functions = Functions::of(major);
            let mut places: Vec<u32> = functions
                .python
                .iter()
                .chain(&functions.c)
                .map(|name| functions.place(name).0)
                .collect();
            let count = if major == 2 { 15 } else { 16 };
            places.sort_unstable();
            places.dedup();
            assert_eq!(places.len(), count);
        }
    }
}
