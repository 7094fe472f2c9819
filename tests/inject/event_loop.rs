//! A main thread that waits in a loop of asyncio is woken by the loop's own socket, runs what is in its queue, and
//! waits on. Nothing is written where it is not sure whose socket it is.

use crate::common::{Interpreter, interpreter, on_every_interpreter};
use crate::driver::{Driver, REFUSED};
use crate::health::{eventually, is_unharmed, lasting_maps, runs_free};
use crate::parked::{survives_every_kill_while_it_waits, waiting, waits_as};
use crate::{NOTHING, WHERE, is_supported, main_wait, must};

/// Whether a request comes into the queue without the main thread here.
fn is_taken(interpreter: &Interpreter) -> bool {
    is_supported(interpreter) && ((3, 7)..(3, 13)).contains(&interpreter.minor())
}

/// What its descriptors lead to.
fn descriptors(pid: i32) -> Vec<String> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("it lives");
    let mut all: Vec<String> = entries
        .map(|entry| {
            let path = entry.expect("listed").path();
            format!("{path:?} {:?}", std::fs::read_link(&path))
        })
        .collect();
    all.sort();
    all
}

#[test]
fn a_loop_that_waits_is_woken_by_its_own_socket_runs_the_code_and_waits_on() {
    on_every_interpreter(|interpreter| {
        if !is_taken(interpreter) {
            return Ok(());
        }
        let mut target = waiting(interpreter, "asyncio")?;
        let pid = target.pid();
        let call = main_wait(pid);
        // The first run may load what compiling needs.
        let warm = Driver::new(pid, WHERE, 20_000).run();
        must(warm.successes() == 1, || format!("{warm:?}"))?;
        let (before, open) = (lasting_maps(pid), descriptors(pid));
        let ended = Driver::new(pid, WHERE, 20_000).times(20).run();
        must(ended.successes() == 20, || format!("{ended:?}"))?;
        let (major, minor) = interpreter.minor();
        let expected = format!("Ok {major}.{minor} pending_call by its loop ");
        must(
            ended.text.lines().all(|line| line.starts_with(&expected)),
            || ended.text.clone(),
        )?;
        is_unharmed(pid, &before)?;
        must(descriptors(pid) == open, || {
            format!("{:?}, not {open:?}", descriptors(pid))
        })?;
        eventually(|| waits_as(pid, call))?;
        must(target.is_alive(), || "the target ended".into())
    });
}

#[test]
fn what_may_be_another_loop_or_another_socket_is_not_written_to() {
    for (name, how) in [
        ("3.8", "asyncio-speaks"),
        ("3.11", "asyncio-speaks"),
        ("3.12", "asyncio-listens"),
        ("3.11", "selector"),
        ("3.7", "epoll"),
    ] {
        let Some(interpreter) = interpreter(name) else {
            continue;
        };
        let mut target = waiting(&interpreter, how).expect(name);
        let pid = target.pid();
        let (before, call) = (lasting_maps(pid), main_wait(pid));
        // Without leave to run the code in the middle of the wait there is no other way.
        let ended = Driver::new(pid, NOTHING, 500).run();
        assert_eq!(ended.code, Some(REFUSED), "{name}, {how}: {ended:?}");
        runs_free(pid).expect(name);
        is_unharmed(pid, &before).expect(name);
        eventually(|| waits_as(pid, call)).expect(name);
        assert!(target.is_alive(), "{name}, {how}");
    }
}

#[test]
fn a_loop_survives_the_death_of_the_tool_at_every_step() {
    for name in ["3.7", "3.12"] {
        let Some(interpreter) = interpreter(name) else {
            continue;
        };
        survives_every_kill_while_it_waits(&interpreter, "asyncio", |driver| driver);
    }
}
