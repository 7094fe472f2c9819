//! A main thread that waits runs the code in the middle of its wait, where that is proven to be
//! harmless, waits on, and notices nothing.

use crate::common::{Interpreter, Target, interpreter, on_every_interpreter, program};
use crate::driver::{Driver, REFUSED};
use crate::health::{eventually, is_unharmed, lasting_maps, runs_free};
use crate::killed::survives_every_kill_of;
use crate::{NOTHING, WHERE, is_supported, main_state, main_wait, must};

/// What `waits.py` waits in, and the method that is recognised.
const WAITS: [(&str, &str); 12] = [
    ("sleep", "sleep"),
    ("select", "select"),
    ("poll", "poll"),
    ("epoll", "poll"),
    ("read", "read"),
    ("readline", "readinto"),
    ("accept", "_accept"),
    ("recv", "recv"),
    ("recv_into", "recv_into"),
    ("timed-recv", "recv"),
    ("waitpid", "waitpid"),
    ("flock", "flock"),
];

pub fn waiting(interpreter: &Interpreter, how: &str) -> Result<Target, String> {
    let target = Target::start(interpreter, &program("waits.py"), &[how]);
    let pid = target.pid();
    // It prints before it waits: only what lasts is the wait.
    let mut last = None;
    eventually(|| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        let now = main_wait(pid).filter(|_| main_state(pid) == 'S');
        let lasts = now.is_some() && now == last;
        last = now;
        must(lasts, || format!("{how}: it does not wait"))
    })?;
    Ok(target)
}

/// Whether the main thread waits in a call, which after a stop may show as `restart_syscall`.
pub fn waits_as(pid: i32, call: Option<i64>) -> Result<(), String> {
    let now = main_wait(pid);
    must(now == call || now == Some(219), || {
        format!("it waits in {now:?}")
    })
}

/// Whether this way is taken here at all.
fn is_taken(interpreter: &Interpreter) -> bool {
    // From 3.14 on the interface for debuggers reaches all these waits first.
    let is_known = (3, 8) <= interpreter.minor() && interpreter.minor() < (3, 14);
    is_supported(interpreter) && is_known && interpreter.build != "musl"
}

/// Stripped builds do not show the method of every wait: those are refused.
fn may_be_unproven(interpreter: &Interpreter, how: &str) -> bool {
    interpreter.name.contains("debian") && how == "select"
}

#[test]
fn a_main_thread_that_waits_in_a_known_method_runs_the_code_and_waits_on() {
    on_every_interpreter(|interpreter| {
        if !is_taken(interpreter) {
            return Ok(());
        }
        let mut failures = Vec::new();
        for (how, method) in WAITS {
            let outcome = runs_and_waits_on(interpreter, how, method);
            println!("{} {how}: {outcome:?}", interpreter.name);
            failures.extend(outcome.err());
        }
        must(failures.is_empty(), || failures.join("\n"))
    });
}

fn runs_and_waits_on(interpreter: &Interpreter, how: &str, method: &str) -> Result<String, String> {
    let mut target = waiting(interpreter, how)?;
    let pid = target.pid();
    let call = main_wait(pid);
    let seen = Driver::stack(pid).run().text;
    let first = Driver::new(pid, WHERE, 5_000).parked().run();
    if first.code == Some(REFUSED) && may_be_unproven(interpreter, how) {
        runs_free(pid)?;
        return Ok(first.text);
    }
    must(first.successes() == 1, || {
        format!("{how}: {first:?}\n{seen}")
    })?;
    let name = format!("parked in {method}, ");
    must(
        seen.starts_with(&name) || seen.starts_with("unproven: its stack could"),
        || format!("{how}: {seen}"),
    )?;
    let before = lasting_maps(pid);
    let ended = Driver::new(pid, WHERE, 20_000).parked().times(10).run();
    must(ended.successes() == 10, || format!("{how}: {ended:?}"))?;
    let (major, minor) = interpreter.minor();
    let expected = format!("Ok {major}.{minor} parked_thread");
    must(
        ended.text.lines().all(|line| line.starts_with(&expected)),
        || format!("{how}: {}", ended.text),
    )?;
    is_unharmed(pid, &before)?;
    eventually(|| waits_as(pid, call))?;
    must(target.is_alive(), || format!("{how}: the target ended"))?;
    Ok(ended.text.lines().last().unwrap_or_default().to_owned())
}

#[test]
fn a_waiting_target_survives_the_death_of_the_tool_at_every_step() {
    for (name, how) in [
        ("3.8", "sleep"),
        ("3.11", "read"),
        ("3.12", "epoll"),
        ("3.13", "sleep"),
    ] {
        let Some(interpreter) = interpreter(name) else {
            continue;
        };
        survives_every_kill_while_it_waits(&interpreter, how, Driver::parked);
    }
}

/// Kills the driver at every step, each time while the target waits: so each run is of this kind.
pub fn survives_every_kill_while_it_waits(
    interpreter: &Interpreter,
    how: &str,
    told: impl Fn(Driver) -> Driver,
) {
    let context = format!("{}, {how}", interpreter.name);
    let target = waiting(interpreter, how).expect(&context);
    let call = main_wait(target.pid());
    let steps = survives_every_kill_of(target, |pid| {
        eventually(|| waits_as(pid, call)).expect(&context);
        told(Driver::new(pid, NOTHING, 60_000))
    })
    .expect(&context);
    assert!(steps > 20, "{context}: only {steps} steps");
}
