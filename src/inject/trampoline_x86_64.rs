//! The code a hijacked thread runs: it queues or calls the thunk and puts everything back.
//!
//! In C, apart from registers: `errno` is kept around `Py_AddPendingCall(thunk, NULL)`, or, in a
//! thread that waits without the GIL, around
//!
//! ```c
//! if (PyGILState_Check()) queued = 1;
//! else { state = PyGILState_Ensure(); thunk(); PyGILState_Release(state); }
//! ```
//!
//! General
//! registers, flags, the whole vector and floating point state (`xsave`) and the red zone are
//! kept, then the thread jumps to where it would have gone on. No tracer is needed from the first
//! instruction on, so whoever dies, the thread finds its way.

use crate::control::sigframe_x86_64::RED_ZONE;
use crate::inject::assembler_x86_64::Register::{
    R8, R9, R12, R13, R14, R15, Rax, Rbp, Rbx, Rcx, Rdi, Rdx, Rsi, Rsp,
};
use crate::inject::assembler_x86_64::{Assembler, If, Register};
use crate::inject::page;
use crate::inject::thunk_x86_64::Functions;

/// The registers kept besides the stack pointer; r10 and r11 are pushed by their bytes.
const FIRST: [Register; 9] = [Rax, Rcx, Rdx, Rbx, Rbp, Rsi, Rdi, R8, R9];
const LAST: [Register; 4] = [R12, R13, R14, R15];

/// Bytes of stack the trampoline and what it calls may use, for an xsave image of this size.
pub(super) fn stack_need(xsave_size: u32) -> u64 {
    const FOR_THE_CALL: u64 = 16 * 1024;
    2 * RED_ZONE + u64::from(xsave_size) + FOR_THE_CALL
}

/// The one thing a trampoline does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Queues the thunk.
    Queue,
    /// Takes the GIL, which this thread must have released, calls the thunk, releases the GIL.
    Call,
}

/// What [`Action::Call`] needs besides, in the order of [`Functions::further`] behind the first.
pub(super) const GIL_FUNCTIONS: [&str; 3] = [
    "PyGILState_Check",
    "PyGILState_Ensure",
    "PyGILState_Release",
];

/// Writes the trampoline at the end of the code and returns where it begins. `xsave_size` is the
/// size of the processor's xsave image, a multiple of 64.
pub(super) fn assemble(
    a: &mut Assembler,
    functions: Functions,
    xsave_size: u32,
    action: Action,
) -> usize {
    debug_assert_eq!(xsave_size % 64, 0);
    let start = a.here();
    a.bytes(&[0x48, 0x8d, 0x64, 0x24, 0x80]); // lea -128(%rsp),%rsp: touches no flags
    a.bytes(&[0x9c]); // pushfq
    FIRST.into_iter().for_each(|register| a.push(register));
    a.bytes(&[0x41, 0x52, 0x41, 0x53]); // push %r10; push %r11
    LAST.into_iter().for_each(|register| a.push(register));
    a.copy(Rbp, Rsp);
    a.bytes(&[0xfc]); // cld
    a.bytes(&[0x48, 0x83, 0xe4, 0xc0]); // and $-64,%rsp
    a.grow_stack(xsave_size);
    save_vectors(a);
    act(a, functions, action);
    all_features(a);
    a.bytes(&[0x48, 0x0f, 0xae, 0x2c, 0x24]); // xrstor64 (%rsp)
    a.copy(Rsp, Rbp);
    LAST.into_iter().rev().for_each(|register| a.pop(register));
    a.bytes(&[0x41, 0x5b, 0x41, 0x5a]); // pop %r11; pop %r10
    FIRST.into_iter().rev().for_each(|register| a.pop(register));
    a.bytes(&[0x9d]); // popfq
    a.bytes(&[0x48, 0x8d, 0xa4, 0x24, 0x80, 0, 0, 0]); // lea 128(%rsp),%rsp
    a.jump_through(page::RESUME_AT);
    start
}

/// Saves the vector and floating point state on the stack, then gives the call a fresh one.
fn save_vectors(a: &mut Assembler) {
    // The header of the image must be zero before xsave.
    a.clear(Rax);
    a.bytes(&[0x48, 0x8d, 0xbc, 0x24, 0, 2, 0, 0]); // lea 512(%rsp),%rdi
    a.set(Rcx, 8);
    a.bytes(&[0xf3, 0x48, 0xab]); // rep stosq
    all_features(a);
    a.bytes(&[0x48, 0x0f, 0xae, 0x24, 0x24]); // xsave64 (%rsp)
    a.bytes(&[0xdb, 0xe3]); // fninit
    a.load_mxcsr(page::MXCSR);
}

/// edx:eax = all features.
fn all_features(a: &mut Assembler) {
    a.set(Rax, u32::MAX);
    a.set(Rdx, u32::MAX);
}

fn act(a: &mut Assembler, functions: Functions, action: Action) {
    a.call(functions.one_more()); // __errno_location
    a.copy(R12, Rax);
    a.bytes(&[0x8b, 0x18]); // mov (%rax),%ebx
    a.store_value(page::PHASE, 1);
    match action {
        Action::Queue => queue_thunk(a, functions),
        Action::Call => call_thunk(a, functions),
    }
    a.bytes(&[0x41, 0x89, 0x1c, 0x24]); // mov %ebx,(%r12)
    a.store_value(page::PHASE, 2);
}

fn queue_thunk(a: &mut Assembler, functions: Functions) {
    a.address_of_code(Rdi, 0); // the thunk stands first
    a.clear(Rsi);
    a.call(functions.add_pending_call());
    a.store_half(page::QUEUED, Rax);
}

fn call_thunk(a: &mut Assembler, functions: Functions) {
    let [check, ensure, release] = [1, 2, 3].map(|index| functions.further(index));
    let (held, done) = (a.label(), a.label());
    a.call(check);
    a.test_eax();
    a.jump_if(If::NotZero, held);
    a.call(ensure);
    a.copy(R13, Rax);
    a.address_of_code(Rax, 0); // the thunk stands first
    a.bytes(&[0xff, 0xd0]); // call *%rax
    a.copy(Rdi, R13);
    a.call(release);
    a.jump(done);
    a.place(held);
    a.store_value(page::QUEUED, 1);
    a.place(done);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_with_the_jump_back_and_begins_below_the_red_zone() {
        let mut a = Assembler::default();
        a.bytes(&[0x90; 7]);
        let start = assemble(&mut a, Functions::of(3), 2752, Action::Call);
        let code = a.finish().expect("fits");
        assert_eq!(start, 7);
        assert_eq!(code[start..start + 5], [0x48, 0x8d, 0x64, 0x24, 0x80]);
        assert_eq!(code[code.len() - 6..code.len() - 4], [0xff, 0x25]);
    }
}
