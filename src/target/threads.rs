//! The threads of a process, as `/proc` shows them: nothing is stopped.

use crate::address::Address;
use crate::target::process::{Process, ProcessError};

/// A system call a thread is in, or that it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// On a processor, or waiting for one.
    Running,
    /// In the kernel, not in a system call: a page fault, or a stop.
    InKernel {
        /// Its stack pointer; 0 when the kernel does not tell.
        stack: u64,
    },
    /// In a system call.
    Syscall {
        /// Its number.
        number: i64,
        /// Its first argument.
        argument: u64,
        /// Stack pointer of the caller.
        stack: u64,
        /// Where the caller goes on.
        instruction: u64,
    },
    /// The kernel does not tell this user.
    Unknown,
}

/// One look at one thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// Its kernel thread id.
    pub tid: i32,
    /// The letter of `/proc/PID/task/TID/stat`: `R`, `S`, `D`, `T`, `t`, `Z`, ...
    pub state: char,
    /// What it is doing.
    pub activity: Activity,
    /// Where in the kernel it sleeps; empty when it does not, or the kernel does not tell.
    pub wait_channel: String,
    /// Times it gave up the processor and times it was taken off.
    pub switches: (u64, u64),
}

/// The ids of all threads, the main thread's first.
///
/// # Errors
/// [`ProcessError::NotFound`] when the process has ended.
pub fn thread_ids(process: &Process) -> Result<Vec<i32>, ProcessError> {
    let pid = process.pid();
    let entries = std::fs::read_dir(format!("/proc/{pid}/task"))
        .map_err(|_| ProcessError::NotFound { pid })?;
    let mut tids: Vec<i32> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    tids.sort_unstable_by_key(|&tid| (tid != pid, tid));
    Ok(tids)
}

impl Thread {
    /// Looks at a thread; `None` when it has ended.
    pub fn look(process: &Process, tid: i32) -> Option<Self> {
        let entry = format!("/proc/{}/task/{tid}", process.pid());
        let read = |name: &str| std::fs::read_to_string(format!("{entry}/{name}")).ok();
        let stat = read("stat")?;
        let status = read("status")?;
        let count = |name| status_field(&status, name)?.parse().ok();
        Some(Thread {
            tid,
            state: stat.rsplit_once(')')?.1.trim_start().chars().next()?,
            activity: activity(process, tid),
            wait_channel: read("wchan").filter(|name| name != "0").unwrap_or_default(),
            switches: (
                count("voluntary_ctxt_switches")?,
                count("nonvoluntary_ctxt_switches")?,
            ),
        })
    }

    /// Looks at the main thread.
    pub fn main(process: &Process) -> Option<Self> {
        Thread::look(process, process.pid())
    }
}

fn activity(process: &Process, tid: i32) -> Activity {
    let text = std::fs::read_to_string(format!("/proc/{}/task/{tid}/syscall", process.pid()));
    text.map_or(Activity::Unknown, |text| parse_activity(&text))
}

/// Where the stacks of its threads end, of those that are not on a processor.
pub fn stack_pointers(process: &Process) -> Vec<Address> {
    let tids = thread_ids(process).unwrap_or_default().into_iter();
    let stacks = tids.filter_map(|tid| match activity(process, tid) {
        Activity::Syscall { stack, .. } | Activity::InKernel { stack } => Some(Address::new(stack)),
        Activity::Running | Activity::Unknown => None,
    });
    stacks.collect()
}

/// Whether a thread waits for a child that shares its memory until it executes a program or ends:
/// `vfork`, or a `clone` like it. Such a thread cannot be stopped.
pub fn is_in_vfork(thread: &Thread) -> bool {
    const VFORK: i64 = 58;
    const CLONES: [i64; 2] = [56, 435];
    match thread.activity {
        Activity::Syscall { number: VFORK, .. } => thread.state != 'R',
        Activity::Syscall { number, .. } => CLONES.contains(&number) && thread.state == 'D',
        _ => false,
    }
}

/// The process whose memory this one shares, because it came from `vfork` and has not executed its
/// program yet.
pub fn vfork_parent(process: &Process) -> Option<i32> {
    let parent = Process::open(process.stat().ok()?.ppid).ok()?;
    let waits = |tid: &i32| Thread::look(&parent, *tid).is_some_and(|it| is_in_vfork(&it));
    let is_its_child = |tid: i32| {
        let list = format!("/proc/{}/task/{tid}/children", parent.pid());
        let children = std::fs::read_to_string(list).unwrap_or_default();
        let mut children = children.split_whitespace();
        children.any(|child| child.parse() == Ok(process.pid()))
    };
    let mut waiting = thread_ids(&parent).ok()?.into_iter().filter(waits);
    waiting.any(is_its_child).then(|| parent.pid())
}

/// Signals that wait for a thread and that it has not blocked, signal `n` in bit `n - 1`.
pub fn pending_signals(process: &Process, tid: i32) -> Option<u64> {
    let path = format!("/proc/{}/task/{tid}/status", process.pid());
    let status = std::fs::read_to_string(path).ok()?;
    let set = |name| u64::from_str_radix(status_field(&status, name)?, 16).ok();
    Some((set("SigPnd")? | set("ShdPnd")?) & !set("SigBlk")?)
}

/// The value of a line `name:\tvalue`.
pub(super) fn status_field<'s>(status: &'s str, name: &str) -> Option<&'s str> {
    status.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key == name).then_some(value.trim())
    })
}

/// `/proc/PID/task/TID/syscall`: `running`, or number, six arguments, sp and pc.
fn parse_activity(text: &str) -> Activity {
    let mut words = text.split_whitespace();
    let Some(first) = words.next() else {
        return Activity::Unknown;
    };
    if first == "running" {
        return Activity::Running;
    }
    let hex = |word: Option<&str>| u64::from_str_radix(word?.strip_prefix("0x")?, 16).ok();
    let Ok(number) = first.parse::<i64>() else {
        return Activity::Unknown;
    };
    let argument = hex(words.next());
    if number < 0 {
        let stack = argument.unwrap_or_default();
        return Activity::InKernel { stack };
    }
    match (argument, hex(words.nth(5)), hex(words.next())) {
        (Some(argument), Some(stack), Some(instruction)) => Activity::Syscall {
            number,
            argument,
            stack,
            instruction,
        },
        _ => Activity::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_syscall_gives_number_stack_and_instruction() {
        let line = "7 0x7ff 0x1 0xffffffff 0x0 0x0 0x0 0x7ffd10 0x7f22aa\n";
        assert_eq!(
            parse_activity(line),
            Activity::Syscall {
                number: 7,
                argument: 0x7ff,
                stack: 0x7ffd10,
                instruction: 0x7f22aa
            }
        );
        assert_eq!(parse_activity("running\n"), Activity::Running);
        assert_eq!(
            parse_activity("-1 0x7ffd10 0x7f22aa\n"),
            Activity::InKernel { stack: 0x7ffd10 }
        );
        assert_eq!(parse_activity("0 0x1\n"), Activity::Unknown);
    }

    #[test]
    fn we_ourselves_have_a_main_thread_that_comes_first() {
        let process = Process::open(std::process::id() as i32).expect("we exist");
        let tids = thread_ids(&process).expect("we run");
        assert_eq!(tids.first(), Some(&process.pid()));
        let main = Thread::main(&process).expect("it lives");
        assert!("RSD".contains(main.state));
    }
}
