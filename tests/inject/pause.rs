//! Stopping real programs: every thread stands still, goes on afterwards, and notices nothing.

use crate::common::{Interpreter, Target, interpreter, on_every_interpreter, program};
use crate::driver::{Driver, Ended};
use crate::health::{eventually, runs_free};
use crate::{busy, main_wait, must};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

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
fn threads_that_begin_and_end_all_the_time_are_no_obstacle() {
    on_every_interpreter(|interpreter| {
        let target = busy(interpreter, &["brief"]);
        let pid = target.pid();
        let ended = Driver::pause(pid, 200).run();
        let stops = ended.text.lines().filter(|stop| stop.contains(" 0 moving"));
        must(ended.code == Some(0) && stops.count() == 200, || {
            format!("{ended:?}")
        })?;
        eventually(|| runs_free(pid))?;
        must(target.finish(), || "the target ended badly".into())
    });
}

/// Ends a target in some way while it is being stopped again and again.
fn ends_while_it_is_stopped(
    interpreter: &Interpreter,
    end: impl FnOnce(&mut Target),
) -> Result<(), String> {
    let mut target = busy(interpreter, &["brief"]);
    let pid = target.pid();
    let driver = Driver::pause(pid, 1_000_000).start();
    let traced = eventually(|| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        must(!status.contains("TracerPid:\t0"), || "not yet".into())
    });
    end(&mut target);
    let ended = Ended::of(&driver.wait_with_output().expect("the driver ends"));
    traced?;
    let last = ended.text.lines().last().unwrap_or_default();
    must(last == format!("error: process {pid} has ended"), || {
        format!("{ended:?}")
    })?;
    eventually(|| must(!target.is_alive(), || "it is still there".into()))
}

#[test]
fn a_target_that_ends_while_it_is_stopped_has_ended_and_nothing_else_is_said() {
    let Some(interpreter) = interpreter("3.11") else {
        return;
    };
    for _ in 0..10 {
        ends_while_it_is_stopped(&interpreter, Target::close).expect("by itself");
        ends_while_it_is_stopped(&interpreter, |target| {
            kill(Pid::from_raw(target.pid()), Signal::SIGKILL).expect("it lives");
        })
        .expect("killed");
    }
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
