//! Runs a line of Python in a process through the library, as the commands do. For the tests,
//! which kill and stop it at every step.
//!
//! `driver pause PID TIMES` stops the process that often and tells how long each stop was, and how
//! many threads did not stand still in it. `driver PID SOURCE [LIMIT_MS [TIMES [MAX_RESULT]]]` prints one line a run and exits with the
//! kind of the error that ended it. `driver stack PID` tells what the main thread waits in.

use pyunload::control::consent::Consent;
use pyunload::control::libc::Libc;
use pyunload::inject::{self, InjectError, Kind, Request, Wake, parked_thread};
use pyunload::pyobject::identify;
use pyunload::target::pause::{Paused, StopLimits};
use pyunload::target::process::Process;
use pyunload::target::threads::{Thread, thread_ids};
use pyunload::target::watchdog::{WATCHDOG_ARGUMENT, Watchdog, watchdog_main};
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if arguments
        .first()
        .is_some_and(|first| first == WATCHDOG_ARGUMENT)
    {
        return watchdog_main(&arguments[1..]);
    }
    let text: Vec<String> = arguments
        .into_iter()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    match drive(&text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let kind = error.downcast_ref::<InjectError>().map(InjectError::kind);
            println!("error: {error}");
            ExitCode::from(match kind {
                Some(Kind::Refused) => 6,
                Some(Kind::Withdrawn) => 7,
                Some(Kind::Gone) => 8,
                Some(Kind::Started) => 10,
                None => 2,
            })
        }
    }
}

/// How long a stop may last; `DRIVER_MAX_STOP_US` makes it too short on purpose.
fn max_stop() -> Duration {
    let chosen = std::env::var("DRIVER_MAX_STOP_US").ok();
    let us = chosen.and_then(|text| text.parse().ok());
    Duration::from_micros(us.unwrap_or(1_000_000))
}

fn pause(pid: i32, times: u64) -> Result<(), Box<dyn Error>> {
    let process = Process::open(pid)?;
    let watchdog = Watchdog::start()?;
    let limits = StopLimits {
        max_stop: Duration::from_millis(1000),
        ..StopLimits::default()
    };
    for _ in 0..times {
        let paused = Paused::stop(&process, &watchdog, limits)?;
        let moving = thread_ids(&process)?
            .into_iter()
            .filter_map(|tid| Thread::look(&process, tid))
            .filter(|thread| thread.state != 't')
            .count();
        let threads = paused.thread_ids().len();
        println!(
            "paused {threads} threads, {moving} moving, {} us",
            paused.resume().as_micros()
        );
    }
    Ok(())
}

/// What the main thread waits in, as far as it is told without a stop, and its frames.
fn stack(pid: i32) -> Result<(), Box<dyn Error>> {
    let process = Process::open(pid)?;
    let located = identify::find(&process)?;
    let python = located
        .image
        .find_symbol(&process, "PyRun_StringFlags")
        .ok_or("no C API")?;
    let libc = Libc::find(&process, &process.maps()?)?;
    match parked_thread::foresee(&process, &libc, python.address) {
        None => println!("runs"),
        Some((sight, seen)) => {
            match seen {
                Ok(parked) => println!("parked in {}, {}", parked.method, parked.function),
                Err(unproven) => println!("unproven: {}", unproven.text()),
            }
            for line in parked_thread::main_frames(&process, &sight) {
                println!("  {line}");
            }
        }
    }
    Ok(())
}

fn drive(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    if let [word, pid, times] = arguments
        && word == "pause"
    {
        return pause(pid.parse()?, times.parse()?);
    }
    if let [word, pid] = arguments
        && word == "stack"
    {
        return stack(pid.parse()?);
    }
    let number = |index: usize, default: u64| {
        arguments
            .get(index)
            .map_or(Ok(default), |text| text.parse::<u64>())
    };
    let pid = i32::try_from(number(0, 0)?)?;
    let source = arguments.get(1).ok_or("no source")?;
    let request = Request {
        source,
        limit: Duration::from_millis(number(2, 10_000)?),
        max_stop: max_stop(),
        override_switch: false,
        interpreter: 0,
        beside_threads: std::env::var_os("DRIVER_BESIDE_THREADS").is_some(),
        parked: std::env::var_os("DRIVER_PARKED").is_some(),
        max_result: usize::try_from(number(4, 4096)?)?,
    };
    let process = Process::open(pid)?;
    let located = identify::find(&process)?;
    let symbols = |name: &str| Some(located.image.find_symbol(&process, name)?.address);
    for _ in 0..number(3, 1)? {
        let consent = Consent::given_by_user();
        let ran = inject::run_main(&process, &located.python, &symbols, request, consent)?;
        println!(
            "{:?} {} {}{} latency {} us, stopped {} us, GIL held {} us",
            ran.status,
            String::from_utf8_lossy(&ran.value),
            ran.route.name(),
            match ran.wake {
                Wake::None => "",
                Wake::Eintr => " woken",
                Wake::SelfPipe => " by its loop",
            },
            ran.latency_us,
            ran.stopped_us,
            ran.gil_held_us,
        );
    }
    Ok(())
}
