//! Making a parked main thread run the code itself: the way when no other is left.
//!
//! The main thread waits in a system call and has released the GIL. To the rest of the program it
//! then makes no difference whether it or another thread takes the GIL and runs some Python. So it
//! is sent, by one register write, into a trampoline that saves everything, takes the GIL, calls the
//! thunk, releases the GIL, and puts everything back. It then goes on as if a signal had ended its
//! wait: with EINTR, upon which CPython looks at signals and waits on with what is left of its
//! time. So a signal that came meanwhile is not lost, and no wait ends early or late.
//!
//! Who restores what: the trampoline everything, whoever dies. If we die before the register write,
//! nothing happened but a mapping, which the next run gives back. Nobody but us unmaps: only when the
//! trampoline says it is through, and no instruction pointer and no word on the stack points into it.
//!
//! Only the main thread is stopped: no other one ever reads the request, runs in its mapping, or writes what
//! the gates look at, but for an end of the interpreter by another thread, which can as well begin after any stop.
//!
//! Gates, all under the stop: the interpreter is not ending; this is its main thread; no restartable
//! sequence, no shadow stack; it waits, right behind a `syscall`; its stack, followed by `.eh_frame`,
//! is on the positive list of [`recognise`](super::recognise); there is room on the stack for Python.
//! The last gate is in the trampoline: a thread that has the GIL after all runs nothing.

use crate::address::Address;
use crate::control::control::{Control, Onward};
use crate::control::error::ControlError;
use crate::control::libc::Libc;
use crate::control::scratch::{Owner, Scratch};
use crate::cpython::python::Python;
use crate::inject::assembler_x86_64::Assembler;
use crate::inject::error::Refusal;
use crate::inject::page::{self, Contents, State};
use crate::inject::parked_thread::recognise::Unproven;
use crate::inject::parked_thread::stack::{Sight, foresee};
use crate::inject::pending_call::Armed;
use crate::inject::safe_point::{refuse_finalizing, refuse_other_main_thread};
use crate::inject::thunk_x86_64::{self, Functions, Leaving};
use crate::inject::trampoline_x86_64::{self, Action, GIL_FUNCTIONS};
use crate::inject::withdraw::{is_in_use, read_snapshot};
use crate::target::memory::ReadMemoryExt;
use crate::target::process::Process;

/// What [`Owner::mechanism`] says of a mapping made here.
pub(in crate::inject) const MECHANISM: u32 = 2;
/// Stack that compiling and running Python may need, besides the trampoline.
const STACK_FOR_PYTHON: u64 = 256 << 10;
/// Stack searched for addresses of our code: signal frames are far smaller.
const SEARCHED_STACK: usize = 16 << 10;

/// The code and data of one request, made before the target is stopped.
#[derive(Debug)]
pub(in crate::inject) struct ParkedCall<'a> {
    python: &'a Python,
    contents: Contents<'a>,
    code: Vec<u8>,
    trampoline: u64,
    stack_need: u64,
    owner: Owner,
}

/// Whether this way is taken with this Python: its version, its build, what it exports.
fn is_known(python: &Python, symbols: &dyn Fn(&str) -> Option<Address>) -> bool {
    // 3.5 brought PEP 475; below 3.8 nobody has tried.
    python.version.minor_pair() >= (3, 8)
        && !python.build.free_threaded
        && GIL_FUNCTIONS.iter().all(|name| symbols(name).is_some())
}

/// Whether the main thread waits where it would run code by this way, as far as that can be told
/// without a stop.
pub(in crate::inject) fn is_open_to(
    process: &Process,
    python: &Python,
    symbols: &dyn Fn(&str) -> Option<Address>,
    libc: &Libc,
) -> bool {
    let code = symbols(GIL_FUNCTIONS[0]).filter(|_| is_known(python, symbols));
    code.is_some_and(|code| look(process, libc, code).is_ok())
}

/// What is needed to follow the stack of the main thread; `python` is any address in CPython's code.
fn look(process: &Process, libc: &Libc, python: Address) -> Result<Sight, Unproven> {
    match foresee(process, libc, python).ok_or(Unproven::Call)? {
        (sight, Ok(_)) => Ok(sight),
        // Without all registers a stack is often followed some way only; without tables of the C
        // library (musl has none) a stop shows no more.
        (sight, Err(Unproven::NotFollowed)) if sight.has_library() => Ok(sight),
        (_, Err(unproven)) => Err(unproven),
    }
}

impl<'a> ParkedCall<'a> {
    /// Assembles the code; `None` for versions and builds in which this way is not taken, or that
    /// do not export what it needs. `contents` are those of a queued request.
    pub(in crate::inject) fn new(
        python: &'a Python,
        symbols: &dyn Fn(&str) -> Option<Address>,
        contents: &Contents<'a>,
        owner: Owner,
    ) -> Option<Self> {
        if !is_known(python, symbols) {
            return None;
        }
        let mut contents = contents.clone();
        for name in GIL_FUNCTIONS {
            contents.functions.push(symbols(name)?);
        }
        let functions = Functions::of(python.version.major);
        let mut assembler = Assembler::default();
        thunk_x86_64::assemble(
            &mut assembler,
            python.version.major,
            page::result(contents.source),
            Leaving::Returns,
        );
        let xsave_size = crate::target::registers_x86_64::xsave_size();
        let trampoline =
            trampoline_x86_64::assemble(&mut assembler, functions, xsave_size, Action::Call);
        Some(ParkedCall {
            python,
            contents,
            code: assembler.finish()?,
            trampoline: trampoline as u64,
            stack_need: trampoline_x86_64::stack_need(xsave_size) + STACK_FOR_PYTHON,
            owner: Owner {
                mechanism: MECHANISM,
                ..owner
            },
        })
    }

    /// Reads what is needed to follow the stack, and looks whether the wait is on the list, as far
    /// as that can be told without a stop.
    ///
    /// # Errors
    /// [`Unproven`]: it is not, and a stop would not show more.
    pub(in crate::inject) fn look(
        &self,
        process: &Process,
        libc: &Libc,
    ) -> Result<Sight, Unproven> {
        // Any function of the C API tells which image is CPython's.
        let python = self.contents.functions.first().copied();
        look(process, libc, python.unwrap_or_default())
    }

    /// Sends the main thread into the trampoline and lets the target go.
    ///
    /// # Errors
    /// [`Refusal`]: nothing ran, what had been mapped was given back.
    pub(in crate::inject) fn arm(
        &self,
        control: Control<'_>,
        libc: &Libc,
        sight: &Sight,
    ) -> Result<Armed, Refusal> {
        self.check_gates(&control, sight)?;
        let scratch = Scratch::borrow(&control, libc, self.contents.size())?;
        if let Err(error) = self.fill(&control, libc, scratch) {
            // What failed first is the cause; a page that cannot be given back is found later.
            let _ = scratch.give_back(&control, libc);
            return Err(error.into());
        }
        let stopped = control.hijack_main(scratch.code().offset(self.trampoline), Onward::Woken)?;
        Ok(Armed {
            scratch,
            result: scratch
                .data()
                .offset(u64::from(page::result(self.contents.source).0)),
            stopped,
            parked: true,
        })
    }

    fn check_gates(&self, control: &Control<'_>, sight: &Sight) -> Result<(), Refusal> {
        refuse_finalizing(control, self.python)?;
        refuse_other_main_thread(control, self.python)?;
        control.check_registers_may_be_set()?;
        let onward = control.onward_registers(Onward::Woken)?;
        let behind = Address::new(onward.rip).before(2);
        let instruction: [u8; 2] = control
            .read_bytes_at(behind, 2)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .unwrap_or_default();
        if instruction != [0x0f, 0x05] {
            return Err(ControlError::NotWaiting.into());
        }
        control.check_stack_can_grow(self.stack_need)?;
        let registers = control.main_registers()?;
        sight
            .recognise_stopped(control, &registers)
            .map_err(|why| Refusal::ParkedUnproven { why })?;
        Ok(())
    }

    fn fill(
        &self,
        control: &Control<'_>,
        libc: &Libc,
        scratch: Scratch,
    ) -> Result<(), ControlError> {
        let resume_at = Address::new(control.onward_registers(Onward::Woken)?.rip);
        let contents = Contents {
            resume_at,
            ..self.contents.clone()
        };
        scratch.fill(control, libc, &self.code, &contents.to_bytes(), self.owner)?;
        control.write_u32(scratch.data().offset(u64::from(page::COMMITTED.0)), 1)
    }
}

/// What was found of an earlier request of this kind, or of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::inject) enum Left {
    /// Given back.
    Nothing,
    /// The main thread is in it. If it has not begun, it will do nothing.
    Busy,
}

/// Gives the memory of a request back when the main thread is through with it, or never entered it.
///
/// # Errors
/// [`ControlError`]: it stays mapped.
pub(in crate::inject) fn give_back(
    control: &Control<'_>,
    libc: &Libc,
    scratch: Scratch,
) -> Result<Left, ControlError> {
    let snapshot = read_snapshot(control, scratch)?;
    // Phase 1: it is inside, perhaps in a function called from there.
    if snapshot.is_in_trampoline() || is_in_use(control, scratch)? || is_on_stack(control, scratch)?
    {
        if snapshot.state == State::Armed {
            control.write_u32(scratch.data().offset(u64::from(page::CANCEL.0)), 1)?;
        }
        return Ok(Left::Busy);
    }
    scratch.give_back(control, libc)?;
    Ok(Left::Nothing)
}

/// Whether a signal handler of the main thread will return into the code. A word left over from
/// before looks the same; then the memory stays a little longer.
fn is_on_stack(control: &Control<'_>, scratch: Scratch) -> Result<bool, ControlError> {
    let stack = Address::new(control.main_registers()?.rsp);
    let words = crate::elf::unwind::Stack::read(control, stack, SEARCHED_STACK);
    Ok(words.words().any(|word| scratch.code_contains(word)))
}
