//! Asking the interpreter to call the thunk: by a write into its queue, or by a call.
//!
//! Queue write (3.7 to 3.12): all threads stand still and nobody has the lock of the ring. We have
//! the target map a page, write thunk and data, then the slot, then `last`, which commits, then
//! the flags that make the main thread look. If we die before `last`, nothing is queued; after
//! it, the call is complete and runs a little later.
//!
//! Queue call (2.7, 3.6, 3.13 on): the ring has no address, or no single word commits. The main
//! thread is sent into a trampoline that calls `Py_AddPendingCall` and puts every register back.
//! One register write, then all threads go.

use crate::address::Address;
use crate::control::control::{Control, Onward};
use crate::control::error::ControlError;
use crate::control::libc::Libc;
use crate::control::scratch::{Owner, Scratch};
use crate::cpython::python::Python;
use crate::inject::assembler_x86_64::Assembler;
use crate::inject::error::Refusal;
use crate::inject::page::{self, Contents};
use crate::inject::parked_thread::ParkedCall;
use crate::inject::request::{Request, Route};
use crate::inject::ring::{Ring, RingState};
use crate::inject::safe_point::{check_gates, check_lock_wait, check_wait_of_python};
use crate::inject::thunk_x86_64::{self, Functions, Leaving};
use crate::inject::trampoline_x86_64::{self, Action};
use crate::target::process::Process;
use std::time::{Duration, Instant};

/// Everything that can be made ready before the target is stopped.
#[derive(Debug)]
pub(super) struct Prepared<'a> {
    pub(super) python: &'a Python,
    pub(super) libc: Libc,
    pub(super) ring: Option<Ring>,
    pub(super) route: Route,
    pub(super) max_result: usize,
    /// The way for a main thread that waits; `None` where it is not taken.
    pub(super) parked: Option<ParkedCall<'a>>,
    contents: Contents<'a>,
    code: Vec<u8>,
    trampoline: u64,
    stack_need: u64,
    owner: Owner,
}

/// A request that stands in the target's queue.
#[derive(Debug, Clone, Copy)]
pub(super) struct Armed {
    pub(super) scratch: Scratch,
    /// Where the result begins.
    pub(super) result: Address,
    /// How long the target stood still for it.
    pub(super) stopped: Duration,
    /// Whether the main thread runs it without the queue.
    pub(super) parked: bool,
}

/// The way for this Python.
///
/// # Errors
/// [`Refusal::QueueUnproven`].
pub(super) fn route_for(python: &Python) -> Result<(Route, Option<Ring>), Refusal> {
    let ring = Ring::of(python).filter(|_| python.layout.pending_proven);
    let route = match ring {
        Some(ring) if ring.commits_by_one_word() => Route::QueueWrite,
        _ => Route::QueueCall,
    };
    // Below 3.8 `Py_AddPendingCall` gives up when the lock is held; later it would wait for ever
    // in a thread that was hijacked while it held it, so the lock must be seen.
    if ring.is_none() && python.version.minor_pair() >= (3, 8) {
        return Err(Refusal::QueueUnproven {
            detail: "no table for this build",
        });
    }
    Ok((route, ring))
}

impl<'a> Prepared<'a> {
    /// Finds every address and assembles the code. Nothing is stopped.
    ///
    /// # Errors
    /// The reasons known before a stop.
    pub(super) fn new(
        process: &Process,
        python: &'a Python,
        symbols: &dyn Fn(&str) -> Option<Address>,
        libc: Libc,
        request: &Request<'a>,
        owner: Owner,
    ) -> Result<Self, Refusal> {
        let (route, ring) = route_for(python)?;
        let functions = Functions::of(python.version.major);
        let contents = Contents {
            source: request.source,
            capacity: request.max_result as u64,
            target_pid: pid_inside(process),
            builtins: if python.version.major >= 3 {
                "builtins"
            } else {
                "__builtin__"
            },
            resume_at: Address::NULL,
            functions: addresses(process, functions, symbols, &libc)?,
        };
        let mut assembler = Assembler::default();
        thunk_x86_64::assemble(
            &mut assembler,
            python.version.major,
            page::result(request.source),
            Leaving::Unmaps,
        );
        let xsave_size = crate::target::registers_x86_64::xsave_size();
        let trampoline =
            trampoline_x86_64::assemble(&mut assembler, functions, xsave_size, Action::Queue);
        let code = assembler.finish().ok_or(Refusal::TooLarge { limit: 0 })?;
        let parked = ParkedCall::new(python, symbols, &contents, owner);
        Ok(Prepared {
            parked: parked.filter(|_| request.parked),
            python,
            libc,
            ring,
            route,
            max_result: request.max_result,
            contents,
            code,
            trampoline: trampoline as u64,
            stack_need: trampoline_x86_64::stack_need(xsave_size),
            owner,
        })
    }

    /// Queues the request and lets the target go.
    ///
    /// # Errors
    /// [`Refusal`]: nothing was queued, what had been mapped was given back.
    pub(super) fn arm(&self, control: Control<'_>, onward: Onward) -> Result<Armed, Refusal> {
        let state = check_gates(&control, self.python, self.ring.as_ref())?;
        if onward == Onward::Woken {
            self.check_lock_wait(&control)?;
        }
        if self.route == Route::QueueCall {
            // The trampoline runs in the thread itself, whose stack grows under it.
            control.check_stack_can_grow(self.stack_need)?;
        }
        let scratch = Scratch::borrow(&control, &self.libc, self.contents.size())?;
        if let Err(error) = self.fill(&control, scratch, onward) {
            // What failed first is the cause; a page that cannot be given back is found later.
            let _ = scratch.give_back(&control, &self.libc);
            return Err(error.into());
        }
        let stopped = match (self.route, self.ring, state) {
            (Route::QueueWrite, Some(ring), Some(state)) => {
                if let Err(error) = write_entry(&control, &ring, state, scratch) {
                    let _ = scratch.give_back(&control, &self.libc);
                    return Err(error.into());
                }
                let since = Instant::now();
                match onward {
                    Onward::AsItWas => control.resume(),
                    // Queued it is; a thread that cannot be woken is waited for like any other.
                    Onward::Woken => control.wake_main().unwrap_or_else(|_| since.elapsed()),
                }
            }
            _ => control.hijack_main(scratch.code().offset(self.trampoline), onward)?,
        };
        Ok(Armed {
            scratch,
            result: scratch
                .data()
                .offset(u64::from(page::result(self.contents.source).0)),
            stopped,
            parked: false,
        })
    }

    /// Whether the main thread waits for a lock and may be woken.
    ///
    /// # Errors
    /// As [`check_lock_wait`].
    pub(super) fn check_lock_wait(&self, control: &Control<'_>) -> Result<(), Refusal> {
        check_lock_wait(control, self.libc.file(), self.in_python())
    }

    /// Whether it is CPython itself that has the main thread wait in its system call.
    ///
    /// # Errors
    /// [`Refusal::ForeignWait`].
    pub(super) fn check_wait_of_python(&self, control: &Control<'_>) -> Result<(), Refusal> {
        check_wait_of_python(control, self.libc.file(), self.in_python())
    }

    /// Any function of the C API tells which image is CPython's.
    fn in_python(&self) -> Address {
        self.contents.functions.first().copied().unwrap_or_default()
    }

    fn fill(
        &self,
        control: &Control<'_>,
        scratch: Scratch,
        onward: Onward,
    ) -> Result<(), ControlError> {
        let resume_at = Address::new(control.onward_registers(onward)?.rip);
        let contents = Contents {
            resume_at,
            ..self.contents.clone()
        };
        scratch.fill(
            control,
            &self.libc,
            &self.code,
            &contents.to_bytes(),
            self.owner,
        )?;
        if self.route == Route::QueueCall {
            control.write_u32(scratch.data().offset(u64::from(page::COMMITTED.0)), 1)?;
        }
        Ok(())
    }
}

/// Slot, commit, wake: in this order, so that dying between them only delays the call. An error
/// means that nothing was queued.
fn write_entry(
    control: &Control<'_>,
    ring: &Ring,
    state: RingState,
    scratch: Scratch,
) -> Result<(), ControlError> {
    let mut entry = scratch.code().value().to_le_bytes().to_vec();
    entry.extend_from_slice(&scratch.data().value().to_le_bytes());
    control.write(ring.slot(state.last), &entry)?;
    control.write_u32(scratch.data().offset(u64::from(page::COMMITTED.0)), 1)?;
    control.write_u32(ring.last_at(), ring.next(state.last).unsigned_abs())?;
    for flag in ring.flags() {
        // Queued it is; without the flag it only waits for the next reason to look.
        let _ = control.write_u32(flag, 1);
    }
    Ok(())
}

/// The pid by which the target knows itself, in its own pid namespace.
pub(super) fn pid_inside(process: &Process) -> i32 {
    process
        .status()
        .ok()
        .and_then(|status| status.nspid?.last().copied())
        .unwrap_or_else(|| process.pid())
}

fn addresses(
    process: &Process,
    functions: Functions,
    symbols: &dyn Fn(&str) -> Option<Address>,
    libc: &Libc,
) -> Result<Vec<Address>, Refusal> {
    let python = functions
        .python
        .into_iter()
        .map(|name| (name, symbols(name)));
    let c = functions
        .c
        .into_iter()
        .chain(["__errno_location"])
        .map(|name| (name, libc.function(process, name)));
    python
        .chain(c)
        .map(|(name, address)| address.ok_or(Refusal::NoSymbol { name }))
        .collect()
}
