//! A second thread of our own, started before there is work for it: until it runs, and has memory, takes
//! as long as reading a hundred modules.

use crate::target::own_memory::{Room, make_ready};
use crate::target::processors::{here, keep_off};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, RecvError, Sender, TryRecvError, channel};
use std::thread::{Builder, scope, yield_now};
use std::time::{Duration, Instant};

/// So long who waits for the other stays awake: being woken up takes longer than most of these waits.
const AWAKE: Duration = Duration::from_micros(500);

/// What it is asked to do.
type Job<'env> = Box<dyn FnOnce() + Send + 'env>;

/// The other thread, which waits for work.
#[derive(Debug)]
pub struct SecondThread<'env> {
    /// `None` where the system has no second thread for us, and when it has ended.
    jobs: RefCell<Option<Sender<Job<'env>>>>,
    /// Memory for this thread, which the other one had the kernel make.
    room: Receiver<Room>,
}

/// Does `work` with a second thread at hand. Each of both is given `memory` bytes in advance.
pub fn with_second_thread<'env, T>(
    memory: usize,
    work: impl FnOnce(&SecondThread<'env>) -> T,
) -> T {
    scope(|scope| {
        let (sender, jobs) = channel::<Job<'env>>();
        let (give, room) = channel();
        let mut ours = Room::new(memory);
        let starter = here();
        let thread = Builder::new().spawn_scoped(scope, move || {
            let _stay = starter.map(keep_off);
            make_ready(memory);
            ours.fill();
            // Nobody takes it where there was nothing to do.
            let _ = give.send(ours);
            while let Ok(job) = wait_for(&jobs) {
                job();
            }
        });
        // Where it was put on our processor, it gets the turn in which it leaves that.
        yield_now();
        work(&SecondThread {
            jobs: RefCell::new(thread.is_ok().then_some(sender)),
            room,
        })
    })
}

/// As [`Receiver::recv`]; stays awake for a short time, in which any other thread may have the processor.
fn wait_for<T>(from: &Receiver<T>) -> Result<T, RecvError> {
    let end = Instant::now() + AWAKE;
    while Instant::now() < end {
        match from.try_recv() {
            Ok(got) => return Ok(got),
            Err(TryRecvError::Disconnected) => return Err(RecvError),
            Err(TryRecvError::Empty) => yield_now(),
        }
    }
    from.recv()
}

impl<'env> SecondThread<'env> {
    /// Does one thing here and another there, at the same time where that can be.
    pub fn both<A, B: Send + 'env>(
        &self,
        here: impl FnOnce() -> A,
        there: impl FnOnce() -> B + Send + 'env,
    ) -> (A, B) {
        let Some(jobs) = self.jobs.borrow().clone() else {
            return (here(), there());
        };
        let (done, result) = channel();
        let job = Box::new(move || {
            // Who waits for it hears of a panic, too.
            let _ = done.send(catch_unwind(AssertUnwindSafe(there)));
        });
        // It lives as long as we do, and takes every job.
        let _ = jobs.send(job);
        // Its memory is ours again, and is used from here on.
        drop(self.room.try_recv());
        let first = here();
        match wait_for(&result) {
            Ok(Ok(second)) => (first, second),
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_) => unreachable!("a job always answers"),
        }
    }

    /// Has it do something, which nobody waits for here; `false` where there is no such thread.
    pub fn begin(&self, work: impl FnOnce() + Send + 'env) -> bool {
        let jobs = self.jobs.borrow();
        jobs.as_ref()
            .is_some_and(|jobs| jobs.send(Box::new(work)).is_ok())
    }

    /// Lets it end: there is no more work for it.
    pub fn end(&self) {
        self.jobs.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_things_are_done_again_and_again() {
        let words = ["one", "two"];
        let lengths = with_second_thread(4096, |second| {
            let both = || second.both(|| words[0].len(), || words[1].to_owned());
            [both(), both()]
        });
        assert_eq!(lengths, [(3, "two".to_owned()), (3, "two".to_owned())]);
    }

    #[test]
    fn what_was_begun_is_done_before_it_ends() {
        let (done, result) = channel();
        let begun = with_second_thread(4096, |second| {
            second.begin(move || done.send(1).expect("we wait"))
        });
        assert_eq!(result.recv().ok(), begun.then_some(1));
    }

    #[test]
    fn a_panic_there_is_one_here() {
        let ended = std::panic::catch_unwind(|| {
            with_second_thread(4096, |second| second.both(|| 1, || panic!("there")).0)
        });
        assert!(ended.is_err());
    }
}
