//! The remote debugging interface of 3.14 and later (PEP 768): a path and a word in a thread state.
//!
//! All threads stand still. The path of a script is written, then the bit that makes the evaluation
//! loop look up, at last the word that says a script is waiting: dying before that word leaves
//! nothing, after it the script is complete. The interpreter clears the word, opens the path and runs
//! the script, in the thread whose state it is, between two bytecodes or when a system call of
//! CPython's own was interrupted. That interruption is given in the same stop where it is known to be
//! borne: `nudges`. There is one slot; what another debugger has put there is left alone, and what a
//! run of ours that is dead has left is cleared. The script (`remote_script.rs`) lies in memory of ours: if
//! we die first, the target finds no file and says so on its standard error; or in the target's `/tmp`:
//! then it runs all the same, and the next run removes it.

use crate::address::Address;
use crate::control::control::{Control, Onward};
use crate::control::error::ControlError;
use crate::control::shared_file::{maker_of, remove_left_for};
use crate::cpython::debug_offsets::DebugOffsets;
use crate::cpython::python::{Interpreter, Python};
use crate::inject::error::{BadResult, InjectError, Refusal};
use crate::inject::queued::{FIRST_NAP, longer};
use crate::inject::remote_script::Script;
use crate::inject::request::{Ran, Route, Wake};
use crate::inject::route::{Way, choose};
use crate::inject::run::{Given, Run};
use crate::inject::safe_point::{check_main_thread, find_state, refuse_finalizing};
use crate::pyobject::running::{innermost, name_and_file};
use crate::target::memory::{ReadMemory, ReadMemoryExt};
use crate::target::process::Process;
use std::time::{Duration, Instant};

/// `_PY_EVAL_PLEASE_STOP_BIT`: left over, it does nothing.
const PLEASE_STOP: u64 = 1 << 5;
/// `_Py_MAX_SCRIPT_PATH_SIZE`.
const PATH_SIZE: u64 = 512;
/// How many calls are searched for the script: of more, it was not seen to run.
const FRAMES: usize = 2000;
/// How long a script waits before its thread is looked at again.
const BEFORE_NUDGING: Duration = Duration::from_millis(50);

/// Where the slot is, from the target's own debug offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Slot {
    eval_breaker: u64,
    pending: u64,
    path: u64,
    enabled: Address,
}

impl Slot {
    /// The slot of an interpreter; `None` before 3.14.
    pub(super) fn of(
        memory: &(impl ReadMemory + ?Sized),
        python: &Python,
        interpreter: &Interpreter,
    ) -> Option<Self> {
        let offsets = DebugOffsets::read_at(memory, python.runtime?).ok()?;
        if offsets.version != python.version {
            return None;
        }
        let get = |name: &str| offsets.get(&format!("debugger_support.{name}"));
        let support = get("remote_debugger_support").filter(|&at| at < 4096 && at % 4 == 0)?;
        let (pending, path) = (get("debugger_pending_call")?, get("debugger_script_path")?);
        let fits = pending == 0 && path == 4 && get("debugger_script_path_size")? == PATH_SIZE;
        let eval_breaker = get("eval_breaker").filter(|&at| at < 4096 && at % 8 == 0)?;
        let enabled = get("remote_debugging_enabled").filter(|&at| at < 1 << 20)?;
        fits.then_some(Slot {
            eval_breaker,
            pending: support + pending,
            path: support + path,
            enabled: interpreter.address.offset(enabled),
        })
    }

    /// Whether a script waits in it.
    fn is_full(&self, memory: &(impl ReadMemory + ?Sized), state: Address) -> bool {
        memory.read_at::<u32>(state.offset(self.pending)) == Ok(1)
    }

    /// Whether the interpreter will look at it.
    pub(super) fn is_enabled(&self, memory: &(impl ReadMemory + ?Sized)) -> bool {
        memory.read_at::<u32>(self.enabled) == Ok(1)
    }

    /// Refuses when somebody else's script is waiting; what a dead run of ours left is no obstacle.
    fn refuse_taken(&self, control: &Control<'_>, state: Address) -> Result<(), Refusal> {
        let read = ControlError::Read;
        let pending = state.offset(self.pending);
        if control.read_at::<u32>(pending).map_err(read)? == 0 {
            return Ok(());
        }
        let path = control
            .read_bytes_at(state.offset(self.path), PATH_SIZE as usize)
            .map_err(read)?;
        let end = path.iter().position(|&byte| byte == 0);
        let path = String::from_utf8_lossy(&path[..end.unwrap_or(path.len())]).into_owned();
        match maker_of(&path) {
            Some(pid) if Process::open(pid).is_err() => Ok(control.write_u32(pending, 0)?),
            _ => Err(Refusal::SlotTaken { path }),
        }
    }
}

/// Whether a main thread that waits here bears an EINTR: CPython calls these in loops that look
/// whether there is something to do, and go on with what is left of the time (PEP 475). `pause` and
/// `sigwait` are not among them: they would return early, or never look.
pub(super) fn nudges(number: i64, wait_channel: &str) -> bool {
    // read, poll, select, accept, recvfrom, recvmsg, wait4, flock, clock_nanosleep, epoll_wait,
    // waitid, pselect6, ppoll, epoll_pwait, accept4.
    const BORNE: [i64; 15] = [
        0, 7, 23, 43, 45, 47, 61, 73, 230, 232, 247, 270, 271, 281, 288,
    ];
    const RESTART_SYSCALL: i64 = 219;
    let restarted = ["hrtimer_nanosleep", "do_nanosleep", "poll_schedule_timeout"];
    let is_restarted =
        || number == RESTART_SYSCALL && restarted.iter().any(|n| wait_channel.starts_with(n));
    BORNE.contains(&number) || is_restarted()
}

/// What became of a script that was to be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Withdrawal {
    TakenBack,
    Ended,
    Begun,
    /// It is not in the slot any more, and was not seen to run.
    Taken,
}

impl Run<'_> {
    /// Puts the script into the slot of the main thread, in one stop.
    ///
    /// # Errors
    /// [`Refusal`]: nothing is waiting there.
    pub(super) fn arm_script(&mut self, slot: Slot, onward: Onward) -> Result<Given, Refusal> {
        let control = self.seize()?;
        let outcome = self.write_script(&control, slot, onward);
        let began = Instant::now();
        if outcome.is_ok() && onward == Onward::Woken {
            // Armed it is; a thread that does not wait any more looks by itself.
            let woken = control.wake_main();
            if woken.is_ok() {
                self.wake = Wake::Eintr;
            }
            self.stopped += woken.unwrap_or_else(|_| began.elapsed());
        } else {
            self.stopped += control.resume();
        }
        outcome.map(|state| Given::Script(slot, state))
    }

    /// Writes path, bit and word. An error means that nothing is waiting.
    fn write_script(
        &self,
        control: &Control<'_>,
        slot: Slot,
        onward: Onward,
    ) -> Result<Address, Refusal> {
        let Some(script) = self.script else {
            return Err(Refusal::ForeignWait);
        };
        let python = self.prepared.python;
        if onward == Onward::Woken {
            control.onward_registers(onward)?;
            self.prepared.check_wait_of_python(control)?;
        }
        let state = match self.means.elsewhere {
            Some(interpreter) => {
                refuse_finalizing(control, python)?;
                newest_state(control, python, &interpreter)?
            }
            None => {
                check_main_thread(control, python)?;
                find_state(control, python, control.main_registers()?.fs_base)?
            }
        };
        slot.refuse_taken(control, state)?;
        let mut path = script.path().as_bytes().to_vec();
        path.push(0);
        control.write(state.offset(slot.path), &path)?;
        let breaker = state.offset(slot.eval_breaker);
        let bits: u64 = control.read_at(breaker).map_err(ControlError::Read)?;
        control.write(breaker, &(bits | PLEASE_STOP).to_le_bytes())?;
        control.write_u32(state.offset(slot.pending), 1)?;
        Ok(state)
    }

    /// Waits until the script has ended; `None` when the main thread has begun to wait where this
    /// way does not reach it, and nothing was left in the slot.
    ///
    /// # Errors
    /// As `run_main`.
    pub(super) fn wait_for_script(
        &mut self,
        slot: Slot,
        state: Address,
    ) -> Result<Option<Ran>, InjectError> {
        let began = Instant::now();
        let _stay = self.keep_off_main_thread();
        let mut nap = FIRST_NAP;
        let mut next_look = began + BEFORE_NUDGING;
        loop {
            if self.has_script_ended().map_err(InjectError::NotWithdrawn)? {
                return self.script_ended(began).map(Some);
            }
            if self.process.has_ended() {
                return Err(InjectError::Gone);
            }
            let signal = self.interruption.wait(nap);
            if signal.is_some() || self.is_late() {
                return self.give_up(slot, state, began, signal).map(Some);
            }
            nap = longer(nap);
            if Instant::now() >= next_look && slot.is_full(self.process, state) {
                let seen = self.main_thread.watch();
                match choose(&self.means, &seen) {
                    Some(Way::Interface(_, Onward::Woken)) => self.nudge(),
                    // It waits where only another way reaches it.
                    Some(Way::Queue(_) | Way::WhileWaiting)
                        if self.take_script_back(slot, state)? == Withdrawal::TakenBack =>
                    {
                        self.seen = Some(seen);
                        return Ok(None);
                    }
                    _ => {}
                }
                next_look = Instant::now() + 4 * BEFORE_NUDGING;
            }
        }
    }

    fn give_up(
        &mut self,
        slot: Slot,
        state: Address,
        began: Instant,
        signal: Option<i32>,
    ) -> Result<Ran, InjectError> {
        let waited = began.elapsed();
        match (self.take_script_back(slot, state)?, signal) {
            (Withdrawal::Ended, _) => self.script_ended(began),
            (Withdrawal::Begun, _) => Err(InjectError::Unfinished { waited }),
            (Withdrawal::Taken, _) => Err(InjectError::Taken { waited }),
            (Withdrawal::TakenBack, Some(signal)) => Err(InjectError::Interrupted { signal }),
            (Withdrawal::TakenBack, None) => Err(InjectError::Withdrawn { waited }),
        }
    }

    fn has_script_ended(&self) -> Result<bool, ControlError> {
        self.script.map_or(Ok(false), Script::has_ended)
    }

    /// The main thread has begun to wait since: it is interrupted where that is known to be borne.
    fn nudge(&mut self) {
        let prepared = self.prepared;
        self.wake_if(|control| prepared.check_wait_of_python(control));
    }

    /// Takes the script out of the slot, or sees that the interpreter has taken it.
    fn take_script_back(&mut self, slot: Slot, state: Address) -> Result<Withdrawal, InjectError> {
        let control = self.seize().map_err(InjectError::NotWithdrawn)?;
        let outcome = self.take_back_stopped(&control, slot, state);
        self.stopped += control.resume();
        outcome.map_err(InjectError::NotWithdrawn)
    }

    fn take_back_stopped(
        &self,
        control: &Control<'_>,
        slot: Slot,
        state: Address,
    ) -> Result<Withdrawal, ControlError> {
        if self.has_script_ended()? {
            return Ok(Withdrawal::Ended);
        }
        let pending = state.offset(slot.pending);
        if control.read_at::<u32>(pending)? == 0 {
            // It may be about to begin: between the two the file is read and compiled.
            return Ok(match self.runs(control, state) {
                true => Withdrawal::Begun,
                false => Withdrawal::Taken,
            });
        }
        control.write_u32(pending, 0)?;
        Ok(Withdrawal::TakenBack)
    }

    /// Whether our script (`remote.py`) is among what the thread runs. It has no way to say so itself before its program,
    /// because a call of the kernel may cost it the GIL.
    fn runs(&self, control: &Control<'_>, state: Address) -> bool {
        let layout = &self.prepared.python.layout;
        let calls = innermost(control, layout, state, FRAMES).unwrap_or_default();
        calls.iter().any(|call| {
            let of_call = name_and_file(control, layout, call.code);
            of_call.is_some_and(|(name, _)| name.as_str() == Some("pyunload_script"))
        })
    }

    fn script_ended(&self, began: Instant) -> Result<Ran, InjectError> {
        // Ours was in the slot, so nobody waits for what dead runs left.
        remove_left_for(self.process.pid(), |pid| Process::open(pid).is_ok());
        let (status, value, gil_held_us) = match self.script {
            Some(script) => script.result()?,
            None => return Err(InjectError::BadResult(BadResult::Unreadable)),
        };
        Ok(Ran {
            status,
            value,
            route: Route::RemoteExec,
            wake: self.wake,
            latency_us: began.elapsed().as_micros() as u64,
            stopped_us: self.stopped.as_micros() as u64,
            gil_held_us,
        })
    }
}

/// The newest thread state of an interpreter: of the thread that executes it now, if any does.
///
/// # Errors
/// [`Refusal::NobodyExecutes`].
pub(super) fn newest_state(
    memory: &(impl ReadMemory + ?Sized),
    python: &Python,
    interpreter: &Interpreter,
) -> Result<Address, Refusal> {
    let head = python.layout.interpreter.threads_head;
    let state = head
        .read(memory, interpreter.address)
        .map_err(ControlError::Read)?;
    let number = interpreter.id;
    match state.is_null() {
        true => Err(Refusal::NobodyExecutes { number }),
        false => Ok(state),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleep_read_and_poll_are_nudged_but_pause_and_sigwait_are_not() {
        assert!(nudges(230, "") && nudges(0, "pipe_read") && nudges(7, ""));
        assert!(nudges(219, "hrtimer_nanosleep") && !nudges(219, "futex_wait_queue"));
        assert!(!nudges(34, "") && !nudges(128, "") && !nudges(202, ""));
    }
}
