//! The tool is killed, stopped and told to end, at every step and at random: the target goes on, computes
//! what it should, and the next run clears away what is left.

use crate::common::{Target, interpreter, on_every_interpreter, program};
use crate::driver::{Driver, Ended, WITHDRAWN};
use crate::health::{self, eventually, is_unharmed, lasting_maps, runs_free};
use crate::{ASK, MARK, NOTHING, busy, is_supported, must};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pyunload::control::consent::Consent;
use pyunload::inject::{self, Refusal};
use pyunload::pyobject::identify;
use pyunload::target::process::Process;
use std::process::Child;
use std::time::{Duration, Instant};

/// One way into a target: the interpreter, what its main thread does, and what the driver is told.
struct Mechanism {
    name: &'static str,
    interpreter: &'static str,
    program: &'static str,
    how: &'static [&'static str],
    parked: bool,
}

const fn mechanism(
    name: &'static str,
    interpreter: &'static str,
    program: &'static str,
    how: &'static [&'static str],
) -> Mechanism {
    Mechanism {
        name,
        interpreter,
        program,
        how,
        parked: false,
    }
}

/// Every way of `src/inject/route.rs`.
const MECHANISMS: [Mechanism; 9] = [
    mechanism("queue, written", "3.11", "busy.py", &[]),
    mechanism(
        "queue, written, code attached",
        "3.11",
        "busy.py",
        &["mdwe"],
    ),
    mechanism("queue, called", "3.13", "busy.py", &["threads"]),
    mechanism("queue, called, no address", "2.7", "busy.py", &[]),
    mechanism("queue, woken from a lock", "3.12", "parked.py", &["lock"]),
    mechanism("queue, woken by its loop", "3.8", "waits.py", &["asyncio"]),
    Mechanism {
        parked: true,
        ..mechanism("in the middle of a wait", "3.11", "waits.py", &["sleep"])
    },
    mechanism("interface", "3.14-debian", "busy.py", &[]),
    mechanism("interface, woken", "3.15-debian", "parked.py", &["sleep"]),
];

impl Mechanism {
    fn target(&self) -> Option<Target> {
        let interpreter = interpreter(self.interpreter)?;
        Some(Target::start(
            &interpreter,
            &program(self.program),
            self.how,
        ))
    }

    fn driver(&self, pid: i32, source: &str, limit_ms: u64) -> Driver {
        // Long enough for a machine that does much else: how long a stop lasts is not asked here.
        let driver = Driver::new(pid, source, limit_ms).max_stop(10_000_000);
        if self.parked { driver.parked() } else { driver }
    }

    /// Two runs must succeed: the second finds what the target did only after the first had looked.
    fn runs_again(&self, pid: i32, before: &[String]) -> Result<(), String> {
        for _ in 0..2 {
            let again = self.driver(pid, NOTHING, 60_000).run();
            must(again.successes() == 1, || format!("then {again:?}"))?;
        }
        is_unharmed(pid, before)
    }
}

/// Whether to do in minutes what else is done in seconds.
fn is_thorough() -> bool {
    std::env::var_os("PYUNLOAD_THOROUGH").is_some()
}

/// Kills the driver at every step, from the first until a run completes.
fn survives_every_kill(target: Target) -> Result<u32, String> {
    survives_every_kill_of(target, |pid| Driver::new(pid, NOTHING, 60_000))
}

pub fn survives_every_kill_of(
    mut target: Target,
    driver: impl Fn(i32) -> Driver,
) -> Result<u32, String> {
    let pid = target.pid();
    driver(pid).run();
    let before = lasting_maps(pid);
    for step in 1..500 {
        let ended = driver(pid).killed_at(step).run();
        let context = |what: String| format!("killed at step {step}: {what}");
        eventually(|| runs_free(pid)).map_err(context)?;
        // On a loaded machine the target may not yet have done what it was made to do when the
        // first of these runs looks for leftovers; the second then finds them.
        for _ in 0..2 {
            let again = driver(pid).run();
            must(again.successes() == 1, || {
                context(format!("then {again:?}"))
            })?;
        }
        is_unharmed(pid, &before).map_err(context)?;
        must(target.is_alive(), || context("the target ended".into()))?;
        if ended.code.is_some() {
            return Ok(step - 1);
        }
    }
    Err("no run ever completed".into())
}

/// One interpreter for each way the queue is kept and written. All of them take long; that is for
/// `PYUNLOAD_THOROUGH=1`.
const EACH_QUEUE: [&str; 7] = ["2.7", "3.7", "3.9", "3.11", "3.12", "3.13", "3.15-debian"];

#[test]
fn the_target_survives_the_death_of_the_tool_at_every_step() {
    on_every_interpreter(|interpreter| {
        let chosen = is_thorough() || EACH_QUEUE.contains(&interpreter.name.as_str());
        if !chosen || !is_supported(interpreter) {
            return Ok(());
        }
        let steps = survives_every_kill(busy(interpreter, &[]))?;
        println!("{}: killed at {steps} steps", interpreter.name);
        // The interface for debuggers takes a few writes and brings no page.
        let least = if interpreter.minor() >= (3, 14) {
            5
        } else {
            20
        };
        must(steps > least, || format!("only {steps} steps"))
    });
}

#[test]
fn a_target_with_threads_or_in_a_lock_survives_the_death_of_the_tool_at_every_step() {
    for name in ["3.11", "3.13"] {
        let Some(interpreter) = interpreter(name) else {
            continue;
        };
        let steps = survives_every_kill(busy(&interpreter, &["threads"])).expect(name);
        assert!(steps > 30, "{name}: only {steps} steps");
        let parked = Target::start(&interpreter, &program("parked.py"), &["lock"]);
        let steps = survives_every_kill(parked).expect(name);
        assert!(steps > 20, "{name}, in a lock: only {steps} steps");
    }
}

#[test]
fn a_target_that_may_have_no_new_code_survives_the_death_of_the_tool_at_every_step() {
    for name in ["3.11", "3.13"] {
        let Some(interpreter) = interpreter(name) else {
            continue;
        };
        let usual = survives_every_kill(busy(&interpreter, &[])).expect(name);
        let steps = survives_every_kill(busy(&interpreter, &["mdwe"])).expect(name);
        assert!(
            steps > usual,
            "{name}: {steps} steps, and {usual} where code may be made"
        );
    }
}

#[test]
fn a_target_with_the_interface_survives_the_death_of_the_tool_at_every_step_while_it_waits() {
    for name in ["3.14-debian", "3.15-debian"] {
        let Some(interpreter) = interpreter(name) else {
            continue;
        };
        let parked = Target::start(&interpreter, &program("parked.py"), &["sleep"]);
        let steps = survives_every_kill(parked).expect(name);
        assert!(steps > 6, "{name}: only {steps} steps");
        println!("{name}: killed at {steps} steps");
    }
}

/// Numbers that look random and are the same in every run (xorshift).
fn next_of(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

/// Kills the driver `times` times, each time at a random moment of its run.
fn survives_random_kills(mechanism: &Mechanism, times: u32) -> Result<(), String> {
    let Some(mut target) = mechanism.target() else {
        return Ok(());
    };
    let pid = target.pid();
    mechanism.driver(pid, NOTHING, 60_000).run();
    let before = lasting_maps(pid);
    let began = Instant::now();
    mechanism.driver(pid, NOTHING, 60_000).run();
    let mut whole = began.elapsed().as_micros() as u64;
    let (mut seed, mut killed) = (0x9E37_79B9_7F4A_7C15 ^ pid as u64, 0);
    for turn in 1..=times {
        let mut child = mechanism.driver(pid, NOTHING, 60_000).start();
        // Not to wait for something: to meet another moment each time.
        std::thread::sleep(Duration::from_micros(next_of(&mut seed) % whole));
        // It may have ended by now.
        let _ = child.kill();
        let code = child.wait().map_err(|error| error.to_string())?.code();
        killed += u32::from(code.is_none());
        // How long a whole run takes changes with what else the machine does.
        whole = if code.is_none() {
            whole * 9 / 8
        } else {
            whole / 2
        }
        .clamp(2_000, 5_000_000);
        let context = |what: String| format!("{}, kill {turn}: {what}", mechanism.name);
        eventually(|| runs_free(pid)).map_err(context)?;
        if turn % 5 == 0 || turn == times {
            mechanism.runs_again(pid, &before).map_err(context)?;
        }
        must(target.is_alive(), || context("the target ended".into()))?;
    }
    println!("{}: killed {killed} times of {times}", mechanism.name);
    must(killed > times / 4, || format!("killed only {killed} times"))?;
    must(mechanism.program != "busy.py" || target.finish(), || {
        "the target computed something wrong".into()
    })
}

#[test]
fn a_target_survives_the_death_of_the_tool_at_random_moments() {
    let chosen = std::env::var("PYUNLOAD_KILLS").ok();
    let times = chosen.and_then(|text| text.parse().ok()).unwrap_or(10);
    for mechanism in &MECHANISMS {
        survives_random_kills(mechanism, times).expect(mechanism.name);
    }
}

/// Whether it ended within the time.
fn ends_within(child: &mut Child, time: Duration) -> bool {
    let deadline = Instant::now() + time;
    while Instant::now() < deadline {
        if matches!(child.try_wait(), Ok(Some(_))) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

/// Stops the driver at a step. Either it held the target, and is killed by its watchdog; or not, and
/// the target runs meanwhile. Whether it came as far as the step.
fn survives_a_stop_at(mechanism: &Mechanism, pid: i32, step: u32) -> Result<bool, String> {
    let driver = mechanism.driver(pid, NOTHING, 60_000).max_stop(300_000);
    let mut child = driver.stopped_at(step).start();
    let id = Pid::from_raw(child.id() as i32);
    let stopped = || {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        stat.contains(") T ")
    };
    let mut reached = false;
    while !ends_within(&mut child, Duration::from_millis(20)) {
        reached |= stopped();
        if stopped() && !ends_within(&mut child, Duration::from_secs(2)) {
            runs_free(pid)?;
            kill(id, Signal::SIGCONT).map_err(|error| error.to_string())?;
        }
    }
    let code = child.wait().map_err(|error| error.to_string())?.code();
    eventually(|| runs_free(pid))?;
    Ok(reached || code.is_none())
}

#[test]
fn a_tool_that_is_stopped_at_any_step_is_ended_by_its_watchdog_while_it_holds_the_target() {
    for mechanism in &MECHANISMS {
        let Some(mut target) = mechanism.target() else {
            continue;
        };
        let pid = target.pid();
        mechanism.driver(pid, NOTHING, 60_000).run();
        let before = lasting_maps(pid);
        // A prime number, so that another set of steps is met in each mechanism.
        let each = if is_thorough() { 1 } else { 11 };
        let mut steps = 0;
        for step in (2..500).step_by(each) {
            let reached = survives_a_stop_at(mechanism, pid, step);
            let reached = reached.unwrap_or_else(|why| panic!("{}, {step}: {why}", mechanism.name));
            if !reached {
                break;
            }
            steps += 1;
        }
        println!("{}: stopped at {steps} steps", mechanism.name);
        assert!(steps > 0, "{}", mechanism.name);
        mechanism.runs_again(pid, &before).expect(mechanism.name);
        assert!(target.is_alive(), "{}", mechanism.name);
        assert!(mechanism.program != "busy.py" || target.finish());
    }
}

/// Sends the signal to a driver whose request waits behind a long call; whether it was taken back.
fn is_taken_back(pid: i32, signal: Signal) -> bool {
    let child = Driver::new(pid, MARK, 60_000).start();
    std::thread::sleep(Duration::from_millis(70));
    // It may have ended by now.
    let _ = kill(Pid::from_raw(child.id() as i32), signal);
    let ended = Ended::of(&child.wait_with_output().expect("it ends"));
    ended.code == Some(WITHDRAWN) && ended.text.contains("told to end by signal")
}

#[test]
fn a_signal_to_the_tool_takes_the_request_back_and_it_never_runs() {
    const UNMARK: &str = "import sys; sys.__dict__.pop('_pyunload_mark', 0); result = b''";
    let signals = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];
    for (name, signals) in [
        ("3.11", &signals[..]),
        ("3.13", &signals[..1]),
        ("3.14-debian", &signals[..1]),
    ] {
        let Some(interpreter) = interpreter(name) else {
            continue;
        };
        for &signal in signals {
            let target = busy(&interpreter, &["long"]);
            let pid = target.pid();
            Driver::new(pid, UNMARK, 60_000).run();
            let before = lasting_maps(pid);
            // One may have run before the signal: then the mark is taken away, and it is tried again.
            let taken_back = (0..40).any(|_| {
                let taken_back = is_taken_back(pid, signal);
                if !taken_back {
                    Driver::new(pid, UNMARK, 60_000).run();
                }
                taken_back
            });
            assert!(taken_back, "{name}: {signal} never met a queued request");
            let asked = Driver::new(pid, ASK, 60_000).run();
            assert!(asked.text.contains("Ok False"), "{name}: {asked:?}");
            is_unharmed(pid, &before).expect("unharmed");
            assert!(target.finish());
        }
    }
}

#[test]
fn reclaiming_twice_is_as_good_as_once() {
    let Some(interpreter) = interpreter("3.11") else {
        return;
    };
    let target = busy(&interpreter, &[]);
    let process = Process::open(target.pid()).expect("it lives");
    let python = identify::find(&process).expect("it is Python").python;
    let reclaim = || {
        inject::reclaim(
            &process,
            &python,
            Duration::from_secs(1),
            Consent::given_by_user(),
        )
    };
    assert!(matches!(reclaim(), Ok(cleared) if cleared.given_back == 0));
    // The library's watchdog is the program itself, which a test is not.
    let ended = Driver::new(target.pid(), NOTHING, 20_000)
        .killed_at(15)
        .run();
    assert_eq!(ended.code, None);
    assert!(matches!(reclaim(), Err(Refusal::Watchdog(_))));
    for _ in 0..2 {
        let again = Driver::new(target.pid(), NOTHING, 20_000).run();
        assert_eq!(again.successes(), 1, "{again:?}");
        health::is_clean(target.pid()).expect("clean");
    }
}
