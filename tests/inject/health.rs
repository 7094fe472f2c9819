//! What a target must look like after anything was done to it.

use pyunload::control::scratch::Leftover;
use pyunload::pyobject::identify;
use pyunload::target::memory::ReadMemoryExt;
use pyunload::target::process::Process;
use pyunload::target::threads::{Thread, thread_ids};
use std::time::{Duration, Instant};

/// The mappings of a process that are neither heap nor stack nor arenas of an allocator, which
/// grow by themselves: those with a file, and whatever is executable or lies in our own range.
pub fn lasting_maps(pid: i32) -> Vec<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("it lives");
    let lasting = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.len() > 5 && words[5].starts_with('/') || words[1].contains('x')
    };
    text.lines().filter(lasting).map(str::to_owned).collect()
}

/// Waits until the process satisfies `check`, at most five seconds; the last complaint.
pub fn eventually(mut check: impl FnMut() -> Result<(), String>) -> Result<(), String> {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        match check() {
            Err(complaint) if Instant::now() >= deadline => return Err(complaint),
            Err(_) => std::thread::sleep(Duration::from_millis(2)),
            Ok(()) => return Ok(()),
        }
    }
}

/// No thread is stopped, nobody traces the process.
pub fn runs_free(pid: i32) -> Result<(), String> {
    let process = Process::open(pid).map_err(|error| error.to_string())?;
    let tracer = process
        .status()
        .map_err(|error| error.to_string())?
        .tracerpid;
    if tracer != 0 {
        return Err(format!("traced by {tracer}"));
    }
    for tid in thread_ids(&process).map_err(|error| error.to_string())? {
        let state = Thread::look(&process, tid).map_or('R', |thread| thread.state);
        if "tT".contains(state) {
            return Err(format!("thread {tid} is in state {state}"));
        }
    }
    Ok(())
}

/// Nothing of ours is mapped, and no signal is blocked in the main thread.
pub fn is_clean(pid: i32) -> Result<(), String> {
    let process = Process::open(pid).map_err(|error| error.to_string())?;
    let maps = process.maps().map_err(|error| error.to_string())?;
    let left = Leftover::find_all(&process, &maps).map_err(|error| error.to_string())?;
    if !left.is_empty() {
        return Err(format!("left behind: {left:?}"));
    }
    let status = process.status().map_err(|error| error.to_string())?;
    if status.sigblk != 0 {
        return Err(format!("signals blocked: {:#x}", status.sigblk));
    }
    Ok(())
}

/// The queue of pending calls is empty; true also where it has no known address.
pub fn queue_is_empty(pid: i32) -> Result<(), String> {
    let process = Process::open(pid).map_err(|error| error.to_string())?;
    let python = identify::find(&process)
        .map_err(|error| error.to_string())?
        .python;
    let pending = python.layout.pending;
    let Some(base) = python.place(pending.place, python.main()) else {
        return Ok(());
    };
    let first: i32 = process
        .read_at(pending.first.of(base))
        .map_err(|error| error.to_string())?;
    let last: i32 = process
        .read_at(pending.last.of(base))
        .map_err(|error| error.to_string())?;
    if first == last {
        Ok(())
    } else {
        Err(format!("the queue holds entries {first}..{last}"))
    }
}

/// All of it.
pub fn is_unharmed(pid: i32, maps_before: &[String]) -> Result<(), String> {
    eventually(|| {
        runs_free(pid)?;
        is_clean(pid)?;
        queue_is_empty(pid)?;
        let now = lasting_maps(pid);
        if now == maps_before {
            Ok(())
        } else {
            Err(format!("mappings changed:\n{maps_before:#?}\n{now:#?}"))
        }
    })
}
