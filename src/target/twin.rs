//! A process that has the target's view and no more power than the target, to run its program in.
//!
//! Who does what: the tool starts itself anew with a hidden argument. That process joins every
//! namespace of the target that is not ours (once more through a child, because a pid namespace is
//! only that of children), changes to its root, takes on its groups, gid and uid, drops every
//! capability but those of the target to read files, sets `no_new_privs`, limits (processor time,
//! memory, open files, no writing of files, no processes), and a filter of system calls that leaves
//! reading files and computing; then it executes the target's program with no environment. What it
//! could not take on exactly ends it with a refusal. It dies with the tool, and the tool ends it when
//! it is over its time or says more than allowed. All of what it says is hostile.

use super::twin_limits::{self, Limits};
use super::twin_rights::{Namespaces, Rights};
use crate::target::process::Process;
use nix::unistd::{chdir, chroot, fchdir, fexecve};
use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// The hidden first argument that makes our program a twin.
pub const TWIN_ARGUMENT: &str = "__twin";
/// The same, behind a pid namespace.
pub const INNER_ARGUMENT: &str = "__twin_inner";
/// What a twin says first when it could not become one.
const REFUSED: &[u8] = b"refused: ";
/// The longest refusal that is read, in bytes.
const LONGEST_REFUSAL: usize = 400;

/// Which program is run.
#[derive(Debug, Clone, Copy)]
pub enum Program<'p> {
    /// The one that the target runs, even when it was deleted; with its first argument.
    Own(&'p Path),
    /// Another one, by its path as the target sees it.
    At(&'p Path),
}

impl<'p> Program<'p> {
    /// The one at a path, as the target sees it; `is_own` when the target itself runs it.
    pub fn of(path: &'p Path, is_own: bool) -> Self {
        match is_own {
            true => Program::Own(path),
            false => Program::At(path),
        }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TwinError {
    /// It could not be started.
    #[error("a process with the rights of the target cannot be started: {detail}")]
    NotStarted {
        /// What the kernel said.
        detail: String,
    },
    /// It could not take on what the target has.
    #[error("a process with the rights of the target and no more is not possible: {detail}")]
    Refused {
        /// What was not possible.
        detail: String,
    },
    /// It said more than is allowed.
    #[error("the target's program said more than it was asked for")]
    TooMuch,
    /// It took longer than is allowed.
    #[error("the target's program took longer than {seconds} s")]
    TooLong {
        /// The time it had, in seconds.
        seconds: u64,
    },
}

/// Runs a program as a twin of `target`: what it printed. `input` is given to it.
///
/// # Errors
/// [`TwinError`].
pub fn run(
    target: &Process,
    program: Program<'_>,
    arguments: &[&OsStr],
    input: Vec<u8>,
    limits: Limits,
) -> Result<Vec<u8>, TwinError> {
    let mut child = start(target, program, arguments, limits)?;
    let answer = converse(&mut child, input, limits);
    // It may have ended by itself; it must have ended before its pid is given away.
    let _ = child.kill();
    let _ = child.wait();
    let answer = answer?;
    match answer.strip_prefix(REFUSED) {
        Some(detail) => {
            let detail = &detail[..detail.len().min(LONGEST_REFUSAL)];
            Err(TwinError::Refused {
                detail: String::from_utf8_lossy(detail).into_owned(),
            })
        }
        None => Ok(answer),
    }
}

fn start(
    target: &Process,
    program: Program<'_>,
    arguments: &[&OsStr],
    limits: Limits,
) -> Result<Child, TwinError> {
    let (kind, path) = match program {
        Program::Own(path) => ("own", path),
        Program::At(path) => ("at", path),
    };
    Command::new("/proc/self/exe")
        .arg(TWIN_ARGUMENT)
        .arg(target.pid().to_string())
        .arg(target.start_ticks().to_string())
        .arg(limits.time.as_secs().to_string())
        .arg(kind)
        .arg(path)
        .args(arguments)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| TwinError::NotStarted {
            detail: error.to_string(),
        })
}

/// Gives it its input and takes what it says, within the limits.
fn converse(child: &mut Child, input: Vec<u8>, limits: Limits) -> Result<Vec<u8>, TwinError> {
    let (Some(mut to), Some(mut from)) = (child.stdin.take(), child.stdout.take()) else {
        return Ok(Vec::new());
    };
    // It may end before it has read everything: then its answer says so. Both threads end when it
    // has been killed, at the latest.
    std::thread::spawn(move || to.write_all(&input));
    let (sender, parts) = channel();
    std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count) = from.read(&mut buffer) {
            if count == 0 || sender.send(buffer[..count].to_vec()).is_err() {
                break;
            }
        }
    });
    let deadline = Instant::now() + limits.time;
    let mut answer = Vec::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match parts.recv_timeout(left) {
            Ok(part) if answer.len() + part.len() > limits.output => {
                return Err(TwinError::TooMuch);
            }
            Ok(part) => answer.extend(part),
            Err(RecvTimeoutError::Disconnected) => return Ok(answer),
            Err(RecvTimeoutError::Timeout) => {
                let seconds = limits.time.as_secs();
                return Err(TwinError::TooLong { seconds });
            }
        }
    }
}

/// What our program does when started as a twin: `arguments` are those behind the hidden one. Only
/// comes back to say that it was not possible.
pub fn twin_main(arguments: &[OsString], is_inner: bool) -> ExitCode {
    if let Err(detail) = become_twin(arguments, is_inner) {
        let mut out = std::io::stdout();
        // Whoever asked sees an empty answer otherwise.
        let _ = out.write_all(&[REFUSED, detail.as_bytes()].concat());
        let _ = out.flush();
    }
    ExitCode::FAILURE
}

fn become_twin(arguments: &[OsString], is_inner: bool) -> Result<(), String> {
    let [pid, start, seconds, kind, path, rest @ ..] = arguments else {
        return Err("wrong arguments".into());
    };
    let number = |text: &OsString| text.to_str().and_then(|text| text.parse::<u64>().ok());
    let pid = number(pid).and_then(|pid| i32::try_from(pid).ok());
    let target = pid.and_then(|pid| Process::open(pid).ok());
    let target = target
        .filter(|target| Some(target.start_ticks()) == number(start))
        .ok_or("the target has ended")?;
    twin_limits::die_with_parent()?;
    let rights = Rights::of(&target)?;
    let namespaces = Namespaces::of(&target)?;
    if !is_inner && namespaces.are_for_children() {
        namespaces.join_those_of_children()?;
        return pass_on(arguments);
    }
    let own = format!("/proc/{}/exe", target.pid());
    let program = match kind.to_str() {
        Some("own") => Some(File::open(&own).map_err(|error| format!("its program: {error}"))?),
        _ => None,
    };
    let root = File::open(format!("/proc/{}/root", target.pid()))
        .map_err(|error| format!("its root: {error}"))?;
    namespaces.join()?;
    enter(&root)?;
    let program = match program {
        Some(program) => program,
        None => File::open(Path::new(path)).map_err(|error| format!("its Python: {error}"))?,
    };
    rights.take_on()?;
    let seconds = number(seconds).unwrap_or(1);
    twin_limits::restrict(&target, Duration::from_secs(seconds))?;
    execute(&program, path, rest)
}

/// The root of the target as our own, unless it is already.
fn enter(root: &File) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    let theirs = root.metadata().map(identity);
    let ours = std::fs::metadata("/").map(identity);
    if theirs.is_ok() && theirs.ok() == ours.ok() {
        return chdir("/").map_err(|error| format!("its root: {error}"));
    }
    fchdir(root)
        .and_then(|()| chroot("."))
        .and_then(|()| chdir("/"))
        .map_err(|error| format!("its root: {error}"))
}

/// Starts the inner twin, a child and so inside the namespace, and waits for it.
fn pass_on(arguments: &[OsString]) -> Result<(), String> {
    let ended = Command::new("/proc/self/exe")
        .arg(INNER_ARGUMENT)
        .args(arguments)
        .env_clear()
        .status();
    match ended {
        Ok(_) => std::process::exit(0),
        Err(error) => Err(format!("its pid namespace: {error}")),
    }
}

fn execute(program: &File, path: &OsString, rest: &[OsString]) -> Result<(), String> {
    let words = [path].into_iter().chain(rest);
    let words: Result<Vec<CString>, _> = words.map(|word| CString::new(word.as_bytes())).collect();
    let words = words.map_err(|error| error.to_string())?;
    let environment: [CString; 0] = [];
    match fexecve(program, &words, &environment) {
        Err(error) => Err(format!("its program: {error}")),
        Ok(never) => match never {},
    }
}
