//! Running Python in real interpreters: it runs, it leaves nothing behind, it is refused where it
//! must be, it can be taken back, and the target survives the death of the tool at every step.

#[path = "../common/mod.rs"]
mod common;
mod driver;
mod event_loop;
mod health;
mod killed;
mod parked;
mod pause;

use common::{Interpreter, Target, interpreter, on_every_interpreter, program};
use driver::{Driver, Ended, GONE, REFUSED, WITHDRAWN};
use health::{eventually, is_unharmed, lasting_maps, runs_free};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pyunload::cpython::layout::PendingForm;
use pyunload::pyobject::identify;
use pyunload::target::memory::ReadMemoryExt;
use pyunload::target::process::Process;
use pyunload::target::threads::{Activity, Thread};
use std::io::{BufRead, BufReader};
use std::time::Duration;

/// Code whose result tells that it ran in the right place.
const WHERE: &str = "import sys; result = ('%d.%d' % sys.version_info[:2]).encode('ascii')";
const NOTHING: &str = "result = b''";

fn busy(interpreter: &Interpreter, arguments: &[&str]) -> Target {
    Target::start(interpreter, &program("busy.py"), arguments)
}

/// Builds in which no code is run: no GIL, or no symbols of the C API.
fn is_supported(interpreter: &Interpreter) -> bool {
    interpreter.build != "freethreaded" && interpreter.build != "embed"
}

fn must(condition: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if condition { Ok(()) } else { Err(what()) }
}

/// Runs `times` in a target, which must then be as before and still compute what it should.
fn injected_into(mut target: Target, source: &str, times: u32) -> Result<Ended, String> {
    let pid = target.pid();
    // The first run may load what compiling needs.
    let warm = Driver::new(pid, source, 20_000).run();
    must(warm.successes() == 1, || format!("first run: {warm:?}"))?;
    let before = lasting_maps(pid);
    let ended = Driver::new(pid, source, 20_000).times(times).run();
    must(ended.successes() == times as usize, || format!("{ended:?}"))?;
    is_unharmed(pid, &before)?;
    must(target.is_alive(), || "the target ended".into())?;
    must(target.finish(), || {
        "the target computed something wrong".into()
    })?;
    Ok(ended)
}

#[test]
fn code_runs_in_a_busy_target_a_hundred_times_and_leaves_nothing() {
    on_every_interpreter(|interpreter| {
        if !is_supported(interpreter) {
            return Ok(());
        }
        let ended = injected_into(busy(interpreter, &[]), WHERE, 100)?;
        let (major, minor) = interpreter.minor();
        let expected = format!("Ok {major}.{minor} ");
        must(
            ended.text.lines().all(|line| line.starts_with(&expected)),
            || ended.text.clone(),
        )
    });
}

#[test]
fn code_runs_among_allocating_threads_and_among_signals() {
    on_every_interpreter(|interpreter| {
        if !is_supported(interpreter) {
            return Ok(());
        }
        injected_into(busy(interpreter, &["threads"]), NOTHING, 10)?;
        injected_into(busy(interpreter, &["brief"]), NOTHING, 10)?;
        injected_into(busy(interpreter, &["timer"]), NOTHING, 30).map(drop)
    });
}

#[test]
fn builds_without_a_known_way_are_refused() {
    on_every_interpreter(|interpreter| {
        if is_supported(interpreter) {
            return Ok(());
        }
        let mut target = busy(interpreter, &[]);
        let before = lasting_maps(target.pid());
        let ended = Driver::new(target.pid(), NOTHING, 500).run();
        must(ended.code == Some(REFUSED), || format!("{ended:?}"))?;
        is_unharmed(target.pid(), &before)?;
        must(target.is_alive(), || "the target ended".into())
    });
}

#[test]
fn a_build_without_the_gil_runs_code_beside_its_threads_only_when_that_is_asked_for() {
    let Some(interpreter) = interpreter("3.13-freethreaded") else {
        return;
    };
    let mut target = busy(&interpreter, &["threads"]);
    let pid = target.pid();
    let refused = Driver::new(pid, NOTHING, 500).run();
    assert!(refused.text.contains("no GIL"), "{refused:?}");
    let run = |times| {
        Driver::new(pid, WHERE, 20_000)
            .beside_threads()
            .max_stop(10_000_000)
            .times(times)
            .run()
    };
    assert_eq!(run(1).successes(), 1);
    let before = lasting_maps(pid);
    let ended = run(20);
    assert_eq!(ended.successes(), 20, "{ended:?}");
    is_unharmed(pid, &before).expect("unharmed");
    assert!(target.is_alive() && target.finish());
}

/// The first child of the main thread of a process.
fn child_of(pid: i32) -> Option<i32> {
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    list.split_whitespace().next()?.parse().ok()
}

#[test]
fn a_target_that_waits_for_vfork_and_the_child_that_shares_its_memory_are_refused() {
    let Some(interpreter) = interpreter("3.11") else {
        return;
    };
    let mut target = Target::start(&interpreter, &program("forks.py"), &[]);
    let (pid, gate) = (target.pid(), target.printed()[0].clone());
    eventually(|| must(main_state(pid) == 'D', || "it does not wait".into())).expect("vfork");
    let parent = Driver::new(pid, NOTHING, 300).run();
    assert_eq!(parent.code, Some(REFUSED), "{parent:?}");
    assert!(parent.text.contains("waiting in vfork"), "{parent:?}");
    let child = child_of(pid).expect("a child");
    let child = Driver::new(child, NOTHING, 300).run();
    assert_eq!(child.code, Some(REFUSED), "{child:?}");
    assert!(child.text.contains("shares the memory"), "{child:?}");
    // Whoever opens the other end lets the child go on.
    drop(std::fs::OpenOptions::new().write(true).open(gate));
    let ended = Driver::new(pid, NOTHING, 20_000).run();
    assert_eq!(ended.successes(), 1, "{ended:?}");
    assert!(target.is_alive() && target.finish());
}

#[test]
fn an_exception_is_told_from_a_result_and_from_a_missing_one() {
    on_every_interpreter(|interpreter| {
        if !is_supported(interpreter) {
            return Ok(());
        }
        let target = busy(interpreter, &[]);
        let run = |source: &str| {
            Driver::new(target.pid(), source, 20_000)
                .times(1)
                .room(64)
                .run()
        };
        let raised = run("raise ValueError('no')");
        must(raised.text.starts_with("Raised ValueError('no'"), || {
            raised.text
        })?;
        let wrong = run("result = (");
        must(wrong.text.starts_with("Raised SyntaxError("), || wrong.text)?;
        let cut = run("raise ValueError('x' * 1000)");
        must(cut.text.starts_with("Raised ValueError('xxx"), || cut.text)?;
        let missing = run("pass");
        must(missing.text.contains("set no result"), || missing.text)?;
        let other = run("result = 7");
        must(other.text.contains("not bytes"), || other.text)?;
        let long = run("result = b'x' * 65");
        must(long.text.contains("longer than 64"), || long.text)?;
        let fits = run("result = b'x' * 64");
        must(
            fits.successes() == 1 && fits.text.contains(&"x".repeat(64)),
            || fits.text,
        )?;
        must(target.finish(), || {
            "the target computed something wrong".into()
        })
    });
}

#[test]
fn a_long_result_comes_back_whole() {
    let Some(interpreter) = interpreter("3.12") else {
        return;
    };
    let target = busy(&interpreter, &[]);
    let ended = Driver::new(target.pid(), "result = b'ab' * 100000", 20_000)
        .times(1)
        .room(200_000)
        .run();
    assert!(ended.text.contains(&"ab".repeat(100_000)));
    assert!(target.finish());
}

#[test]
fn a_waiting_target_is_refused_and_nothing_is_changed() {
    on_every_interpreter(|interpreter| {
        if has_remote_exec(interpreter) {
            return Ok(());
        }
        for how in ["sleep", "read"] {
            let mut target = Target::start(interpreter, &program("parked.py"), &[how]);
            let pid = target.pid();
            eventually(|| match main_state(pid) {
                'S' => Ok(()),
                state => Err(format!("state {state}")),
            })?;
            let before = std::fs::read(format!("/proc/{pid}/maps")).expect("it lives");
            let ended = Driver::new(pid, NOTHING, 200).run();
            must(ended.code == Some(REFUSED), || format!("{how}: {ended:?}"))?;
            let after = std::fs::read(format!("/proc/{pid}/maps")).expect("it lives");
            must(before == after, || format!("{how}: mappings changed"))?;
            runs_free(pid)?;
            must(target.is_alive(), || format!("{how}: the target ended"))?;
        }
        Ok(())
    });
}

/// Whether it has the remote debugging interface.
fn has_remote_exec(interpreter: &Interpreter) -> bool {
    interpreter.minor() >= (3, 14) && is_supported(interpreter)
}

#[test]
fn a_waiting_target_is_reached_by_the_remote_debugging_interface_and_waits_on() {
    on_every_interpreter(|interpreter| {
        if !has_remote_exec(interpreter) {
            return Ok(());
        }
        for (how, number) in [("sleep", 230), ("read", 0)] {
            let mut target = Target::start(interpreter, &program("parked.py"), &[how]);
            let pid = target.pid();
            let waits = || match main_wait(pid) {
                Some(call) if call == number || call == 219 => Ok(()),
                other => Err(format!("{how}: in {other:?}")),
            };
            eventually(waits)?;
            Driver::new(pid, WHERE, 20_000).run();
            let before = lasting_maps(pid);
            let ended = Driver::new(pid, WHERE, 20_000).times(20).run();
            must(ended.successes() == 20, || format!("{how}: {ended:?}"))?;
            must(ended.text.contains(" remote_exec woken "), || {
                format!("{how}: {ended:?}")
            })?;
            is_unharmed(pid, &before)?;
            eventually(waits)?;
            must(target.is_alive(), || format!("{how}: the target ended"))?;
        }
        Ok(())
    });
}

#[test]
fn remote_debugging_that_is_switched_off_is_honoured_on_every_way() {
    for name in ["2.7", "3.8", "3.11", "3.13", "3.15-debian"] {
        let Some(interpreter) = interpreter(name) else {
            continue;
        };
        let mut target = Target::start_with(&interpreter, &program("busy.py"), &[], |command| {
            command.env("PYTHON_DISABLE_REMOTE_DEBUG", "");
        });
        let before = lasting_maps(target.pid());
        let ended = Driver::new(target.pid(), NOTHING, 500).run();
        assert_eq!(ended.code, Some(REFUSED), "{name}: {ended:?}");
        assert!(ended.text.contains("switched off"), "{name}: {ended:?}");
        is_unharmed(target.pid(), &before).expect(name);
        assert!(target.is_alive(), "{name}");
    }
}

#[test]
fn a_target_that_waits_for_a_lock_is_woken_runs_the_code_and_waits_on() {
    on_every_interpreter(|interpreter| {
        if !is_supported(interpreter) || interpreter.minor() < (3, 6) {
            return Ok(());
        }
        for how in ["lock", "thread", "join", "timed"] {
            let mut target = Target::start(interpreter, &program("parked.py"), &[how]);
            let pid = target.pid();
            let waiting = || match main_wait(pid) {
                Some(202 | 219) => Ok(()),
                other => Err(format!("{how}: not in a lock but {other:?}")),
            };
            eventually(waiting)?;
            let warm = Driver::new(pid, WHERE, 20_000).run();
            must(warm.successes() == 1, || format!("{how}: {warm:?}"))?;
            let before = lasting_maps(pid);
            let ended = Driver::new(pid, WHERE, 20_000).times(5).run();
            must(ended.successes() == 5, || format!("{how}: {ended:?}"))?;
            must(ended.text.contains(" woken "), || {
                format!("{how}: {ended:?}")
            })?;
            is_unharmed(pid, &before)?;
            eventually(waiting)?;
            must(target.is_alive(), || format!("{how}: the target ended"))?;
        }
        Ok(())
    });
}

/// The number of the system call the main thread is in.
fn main_wait(pid: i32) -> Option<i64> {
    let process = Process::open(pid).expect("it lives");
    match Thread::main(&process)?.activity {
        Activity::Syscall { number, .. } => Some(number),
        _ => None,
    }
}

fn main_state(pid: i32) -> char {
    let process = Process::open(pid).expect("it lives");
    process.stat().expect("it lives").state
}

#[test]
fn a_stopped_target_stays_stopped() {
    let Some(interpreter) = interpreter("3.11") else {
        return;
    };
    let target = busy(&interpreter, &[]);
    let pid = Pid::from_raw(target.pid());
    kill(pid, Signal::SIGSTOP).expect("it lives");
    let stopped = || match main_state(target.pid()) {
        'T' => Ok(()),
        state => Err(format!("state {state}")),
    };
    eventually(stopped).expect("it stops");
    let ended = Driver::new(target.pid(), NOTHING, 500).run();
    assert_eq!(ended.code, Some(REFUSED), "{ended:?}");
    assert_eq!(stopped(), Ok(()));
    kill(pid, Signal::SIGCONT).expect("it lives");
    eventually(|| runs_free(target.pid())).expect("it goes on");
    assert!(target.finish());
}

#[test]
fn a_traced_target_is_refused() {
    let Some(interpreter) = interpreter("3.11") else {
        return;
    };
    let mut target = Target::start(&interpreter, &program("traced.py"), &[]);
    let ended = Driver::new(target.pid(), NOTHING, 500).run();
    assert_eq!(ended.code, Some(REFUSED), "{ended:?}");
    assert!(
        ended.text.contains("already traced by process"),
        "{ended:?}"
    );
    assert!(target.is_alive());
}

#[test]
fn while_the_lock_of_the_queue_is_held_nothing_is_queued() {
    // From 3.14 on a main thread that runs is reached without the queue.
    for name in ["3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"] {
        let Some(interpreter) = interpreter(name) else {
            continue;
        };
        let mut target = Target::start(&interpreter, &program("locked.py"), &[]);
        let before = lasting_maps(target.pid());
        target.send(&lock_of(target.pid()));
        target.line();
        let ended = Driver::new(target.pid(), NOTHING, 300).run();
        assert_eq!(ended.code, Some(REFUSED), "{name}: {ended:?}");
        assert!(ended.text.contains("holds the lock"), "{name}: {ended:?}");
        target.send("free");
        target.line();
        is_unharmed(target.pid(), &before).expect(name);
        let ended = Driver::new(target.pid(), NOTHING, 20_000).run();
        assert_eq!(ended.successes(), 1, "{name}: {ended:?}");
    }
}

/// The line that makes the target take the lock of its own queue.
fn lock_of(pid: i32) -> String {
    let process = Process::open(pid).expect("it lives");
    let python = identify::find(&process).expect("it is Python").python;
    let pending = python.layout.pending;
    let base = python.place(pending.place, python.main()).expect("a queue");
    let place = pending.lock.of(base);
    match pending.form {
        PendingForm::Indexed => {
            let lock: u64 = process.read_at(place).expect("mapped");
            format!("semaphore {lock}")
        }
        PendingForm::Counted => format!("mutex {}", place.value()),
    }
}

#[test]
fn a_seccomp_filter_is_asked_before_anything_is_done() {
    for name in ["3.8", "3.11", "3.13"] {
        let Some(interpreter) = interpreter(name) else {
            continue;
        };
        for (answer, code) in [("allow", 0), ("kill", REFUSED), ("fail", REFUSED)] {
            let mut target = Target::start(&interpreter, &program("filtered.py"), &[answer]);
            let before = lasting_maps(target.pid());
            let ended = Driver::new(target.pid(), NOTHING, 20_000).run();
            assert_eq!(ended.code, Some(code), "{name}, {answer}: {ended:?}");
            assert_eq!(ended.text.contains("seccomp"), code == REFUSED, "{ended:?}");
            is_unharmed(target.pid(), &before).expect(answer);
            assert!(target.is_alive(), "{name}, {answer}");
        }
    }
}

#[test]
fn a_target_that_may_have_no_new_code_runs_ours_also_in_an_ipc_namespace_of_its_own() {
    for name in ["3.8", "3.11", "3.13"] {
        let Some(interpreter) = interpreter(name) else {
            continue;
        };
        let mut target = busy(&interpreter, &["mdwe", "apart"]);
        let before = lasting_maps(target.pid());
        for _ in 0..3 {
            let ended = Driver::new(target.pid(), NOTHING, 20_000).run();
            assert_eq!(ended.successes(), 1, "{name}: {ended:?}");
        }
        is_unharmed(target.pid(), &before).expect(name);
        assert!(target.is_alive(), "{name}");
    }
}

/// Marks the interpreter, for ever visible.
const MARK: &str = "import sys; sys._pyunload_mark = 1; result = b''";
const ASK: &str = "import sys; result = repr(hasattr(sys, '_pyunload_mark')).encode('ascii')";

#[test]
fn a_request_that_is_taken_back_never_runs() {
    on_every_interpreter(|interpreter| {
        if !is_supported(interpreter) {
            return Ok(());
        }
        let target = busy(interpreter, &["long"]);
        let pid = target.pid();
        let before = lasting_maps(pid);
        // Sooner or later one is queued in a long call; those that ran unmarked the target before.
        let withdrawn = (0..40).find_map(|_| {
            let unmark = "import sys; sys.__dict__.pop('_pyunload_mark', 0); result = b''";
            Driver::new(pid, unmark, 60_000).run();
            let ended = Driver::new(pid, MARK, 60).run();
            (ended.code == Some(WITHDRAWN)).then_some(ended)
        });
        must(withdrawn.is_some(), || "it was never in a long call".into())?;
        let asked = Driver::new(pid, ASK, 60_000).run();
        must(asked.text.contains("Ok False"), || asked.text)?;
        is_unharmed(pid, &before)?;
        must(target.finish(), || {
            "the target computed something wrong".into()
        })
    });
}

/// Where an entry cannot be taken out of the queue it stays there until the main thread comes to it.
#[test]
fn requests_that_stay_in_the_queue_are_no_obstacle_to_the_next() {
    for name in ["2.7", "3.6", "3.13"] {
        let Some(interpreter) = interpreter(name) else {
            continue;
        };
        let target = busy(&interpreter, &["long"]);
        let pid = target.pid();
        let before = lasting_maps(pid);
        let is_withdrawn = || Driver::new(pid, MARK, 60).run().code == Some(WITHDRAWN);
        assert!((0..40).any(|_| is_withdrawn()), "{name}: never in a call");
        for _ in 0..3 {
            let next = Driver::new(pid, NOTHING, 60).run();
            let known = matches!(next.code, Some(0 | WITHDRAWN));
            assert!(known, "{name}: {next:?}");
        }
        let last = Driver::new(pid, NOTHING, 60_000).run();
        assert_eq!(last.successes(), 1, "{name}: {last:?}");
        is_unharmed(pid, &before).expect(name);
        assert!(target.finish(), "{name}");
    }
}

#[test]
fn a_stop_that_takes_too_long_is_given_up_and_harms_nothing() {
    for name in ["3.11", "3.13"] {
        let Some(interpreter) = interpreter(name) else {
            continue;
        };
        let target = busy(&interpreter, &["threads"]);
        let pid = target.pid();
        Driver::new(pid, NOTHING, 20_000).run();
        let before = lasting_maps(pid);
        let mut given_up = 0;
        for us in (0..60).map(|step| step * 50) {
            let ended = Driver::new(pid, NOTHING, 20_000).max_stop(us).run();
            // 0 it was quick enough; 6 it gave up; 10 it could not take back; or the watchdog.
            let known = matches!(ended.code, Some(0 | REFUSED | 10) | None);
            assert!(known, "{name}, {us} us: {ended:?}");
            given_up += u32::from(ended.code != Some(0));
            eventually(|| runs_free(pid)).expect("it runs");
        }
        assert!(given_up > 5, "{name}: {given_up}");
        for _ in 0..2 {
            let ended = Driver::new(pid, NOTHING, 20_000).run();
            assert_eq!(ended.successes(), 1, "{name}: {ended:?}");
        }
        is_unharmed(pid, &before).expect(name);
        assert!(target.finish(), "{name}");
    }
}

#[test]
fn a_target_that_is_killed_during_a_run_is_gone_and_nothing_else_is_said() {
    for name in ["3.11", "3.13"] {
        let Some(interpreter) = interpreter(name) else {
            continue;
        };
        for delay in 0..10 {
            let mut target = busy(&interpreter, &["threads"]);
            let driver = Driver::new(target.pid(), NOTHING, 20_000).times(1_000_000);
            let mut driver = driver.start();
            let output = BufReader::new(driver.stdout.take().expect("a pipe"));
            let mut lines = output.lines().map_while(Result::ok);
            let first = lines.next();
            // Not to wait for something: to meet another moment each time.
            std::thread::sleep(Duration::from_millis(7 * delay));
            kill(Pid::from_raw(target.pid()), Signal::SIGKILL).expect("it lives");
            let last = lines.last().or(first);
            let code = driver.wait().expect("it ends").code();
            assert_eq!(code, Some(GONE), "{name}: {last:?}");
            eventually(|| must(!target.is_alive(), || "still there".into())).expect(name);
        }
    }
}
