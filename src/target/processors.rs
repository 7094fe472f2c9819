//! On which processors threads of ours run: never a matter of right or wrong, so that failures do not count.

use crate::target::process::Process;
use nix::sched::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity, sched_yield};
use nix::unistd::Pid;

/// Where this thread runs now; `None` where that is not told.
pub fn here() -> Option<usize> {
    sched_getcpu().ok()
}

/// Has the calling thread run on other processors than `taken`, when it runs there and may use others. Some kernels
/// put a new thread where the one that started it runs, and leave it there for longer than it lives.
pub fn keep_off(taken: usize) -> Stay {
    let before = allowed(THIS_THREAD).filter(|_| here() == Some(taken));
    let Some(mut others) = before else {
        return Stay { before: None };
    };
    let is_other = |number| others.is_set(number).unwrap_or(false) && number != taken;
    if (0..CpuSet::count()).any(is_other) && others.unset(taken).is_ok() {
        allow(&others);
    }
    Stay { before }
}

/// Keeps the calling thread off the processor of the main thread of another process, which is to run. Some kernels let a third
/// thread that wants this processor wait for all that the main thread does, though others are idle; one that a thread of
/// ours leaves again and again takes that third one over.
pub fn keep_off_main_thread_of(process: &Process) -> Stay {
    let last = process.stat().ok().and_then(|stat| stat.processor);
    match last.and_then(|number| usize::try_from(number).ok()) {
        Some(taken) => keep_off(taken),
        None => Stay { before: None },
    }
}

/// Lets a thread go first that waits for this processor. A program that starts is placed where its parent was not: often
/// where a thread of the target was just asleep, which some kernels leave waiting there for more than a millisecond.
pub fn give_way() {
    // It cannot fail.
    let _ = sched_yield();
}

/// Keeps the calling thread, and what it starts, on some processors, until this is dropped.
#[derive(Debug)]
#[must_use]
pub struct Stay {
    before: Option<CpuSet>,
}

impl Stay {
    /// On the one where it runs.
    pub fn here() -> Self {
        let mut only = CpuSet::new();
        let before = allowed(THIS_THREAD);
        if here().is_some_and(|here| only.set(here).is_ok()) && before.is_some() {
            allow(&only);
        }
        Stay { before }
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            allow(before);
        }
    }
}

/// Lets the calling thread run wherever the main thread of another process may.
pub fn run_where_it_may(process: i32) {
    if let Some(processors) = allowed(Pid::from_raw(process)) {
        allow(&processors);
    }
}

const THIS_THREAD: Pid = Pid::from_raw(0);

fn allowed(thread: Pid) -> Option<CpuSet> {
    sched_getaffinity(thread).ok()
}

fn allow(processors: &CpuSet) {
    let _ = sched_setaffinity(THIS_THREAD, processors);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(processors: &CpuSet) -> usize {
        let is_set = |&number: &usize| processors.is_set(number) == Ok(true);
        (0..CpuSet::count()).filter(is_set).count()
    }

    #[test]
    fn a_thread_keeps_off_a_processor_where_it_has_others_until_it_need_not() {
        let here = here().expect("it is told");
        let before = allowed(THIS_THREAD);
        let other = std::thread::spawn(move || {
            let stay = keep_off(here);
            let ran_at = super::here().expect("it is told");
            drop(stay);
            (ran_at, allowed(THIS_THREAD))
        });
        let (ran_at, after) = other.join().expect("no panic");
        assert_eq!(after, before);
        // It need not have begun here; where it has, it has left.
        if before.is_some_and(|all| count(&all) > 1) {
            assert_ne!(ran_at, here);
        }
    }

    #[test]
    fn what_stays_runs_on_one_processor_until_it_may_go() {
        let before = allowed(THIS_THREAD).expect("it is told");
        let stay = Stay::here();
        let within = allowed(THIS_THREAD).expect("it is told");
        drop(stay);
        assert_eq!(count(&within), 1);
        assert_eq!(allowed(THIS_THREAD), Some(before));
    }
}
