//! Stopping real programs: every thread stands still, goes on afterwards, and notices nothing.

use crate::common::{Target, on_every_interpreter, program};
use crate::driver::Driver;
use crate::health::{eventually, runs_free};
use crate::{busy, main_wait, must};

const EPOLL_WAITS: [i64; 3] = [232, 281, 441];

#[test]
fn every_thread_stands_still_during_a_stop_and_runs_after_it() {
    on_every_interpreter(|interpreter| {
        let target = busy(interpreter, &["threads"]);
        let ended = Driver::pause(target.pid(), 10).run();
        let stops: Vec<&str> = ended.text.lines().collect();
        must(stops.len() == 10, || format!("{ended:?}"))?;
        must(stops.iter().all(|stop| stop.contains(" 0 moving")), || {
            format!("{ended:?}")
        })?;
        must(
            stops.iter().all(|stop| stop.contains("paused 5 threads")),
            || format!("{ended:?}"),
        )?;
        eventually(|| runs_free(target.pid()))?;
        must(target.finish(), || "the target ended badly".into())
    });
}

#[test]
fn a_wait_in_epoll_goes_on_after_a_stop_even_where_an_interruption_would_end_the_program() {
    on_every_interpreter(|interpreter| {
        let mut target = Target::start(interpreter, &program("idle.py"), &[]);
        let pid = target.pid();
        let waiting = || match main_wait(pid) {
            Some(number) if EPOLL_WAITS.contains(&number) => Ok(()),
            other => Err(format!("in system call {other:?}")),
        };
        eventually(waiting)?;
        let ended = Driver::pause(pid, 50).run();
        must(ended.text.lines().count() == 50, || format!("{ended:?}"))?;
        eventually(waiting)?;
        must(target.is_alive(), || "the target ended".into())
    });
}

#[test]
fn a_wait_with_a_time_limit_is_never_too_short() {
    for name in ["2.7", "3.6", "3.11", "3.13", "3.15-debian"] {
        let Some(interpreter) = crate::common::interpreter(name) else {
            continue;
        };
        let target = Target::start(&interpreter, &program("idle.py"), &["timed"]);
        let mut stops = 0;
        while stops < 500 && target_waits(target.pid()) {
            Driver::pause(target.pid(), 5).run();
            stops += 5;
        }
        assert!(stops > 20, "{name}");
        assert!(target.finish(), "{name}");
    }
}

fn target_waits(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z"))
}
