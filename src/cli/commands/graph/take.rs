//! Taking the picture: one stop, one copy, everything else afterwards.

use super::super::open::Opened;
use super::super::paused;
use super::super::picture::{Limits, Looked};
use super::super::snapshot_failure::fork_failure;
use super::super::subject::Subject;
use crate::cli::args::Snapshot;
use crate::cli::exit::{Exit, Failure};
use crate::cli::progress::with_progress;
use crate::control::consent::Consent;
use crate::control::control::Control;
use crate::control::snapshot_fork::{Forking, with_clone};
use crate::heap::graph::GraphError;
use crate::heap::statics::{Area, find_areas};
use crate::heap::walk::WalkError;
use crate::modules::picture::{Picture, PictureError};
use crate::report::Consistency;
use crate::target::again::until_it_suits;
use crate::target::copy::{Copy, CopyError, CopyPlan};
use crate::target::core_file::{Core, CoreThread};
use crate::target::halted::Halted;
use crate::target::memory::ReadError;
use crate::target::pause::{PauseError, StopLimits};
use crate::target::process::Process;
use crate::target::still::{self, StillError};
use crate::target::target::Target;
use crate::target::watchdog::Watchdog;
use std::time::Duration;

/// The memory of a process or core file, all of one moment.
type Memory<'p> = Copy<&'p (dyn Target + Sync)>;

/// A picture of it.
pub type Seen<'p> = Picture<'p, Memory<'p>>;

/// More memory of a core file than this is not looked at, in bytes.
const MOST_OF_CORE: u64 = 64 << 30;

/// Sure references that lead nowhere, as a share of all objects, from which on the copy is taken
/// for one that was caught in a change.
const ASTRAY: usize = 200;

/// Takes in the whole target and gives what was seen to `look`: of a process from a copy made in one
/// stop.
///
/// # Errors
/// When it cannot be stopped, copied or understood; a process runs on as before.
pub fn with_picture<T>(
    opened: &Opened<Subject>,
    limits: Limits,
    look: impl Fn(&Seen<'_>) -> T,
) -> Result<Looked<T>, Failure> {
    if opened.located.python.build.free_threaded {
        return Err(free_threaded(opened.process.pid()));
    }
    with_progress("looking", || match &opened.process {
        Subject::Process(process) => of_process(opened, process, limits, look),
        Subject::Core(core) => of_core(opened, core, look),
    })
}

fn of_core<T>(
    opened: &Opened<Subject>,
    core: &Core,
    look: impl Fn(&Seen<'_>) -> T,
) -> Result<Looked<T>, Failure> {
    let read = |error: ReadError| Failure::from(error);
    let mut plan = CopyPlan::of_core(core, MOST_OF_CORE).map_err(|error| {
        let help = "look at it on a machine with more memory";
        Failure::new(Exit::NotUnderstood, "the core file is too large", help)
            .because(error.to_string())
    })?;
    plan.fill(core).map_err(read)?;
    let copy: Memory<'_> = plan.over(core);
    let areas = find_areas(core, &Target::maps(core)?, &core.stack_pointers());
    let picture = Picture::take(&copy, &opened.located.python, areas)
        .map_err(|error| failure(opened, &error))?;
    let mut warnings = warnings_of(&picture);
    let astray = picture.graph.audit().astray;
    if astray > 0 {
        warnings.push(format!(
            "{astray} references lead to memory that the core does not hold"
        ));
    }
    Ok(Looked {
        body: look(&picture),
        consistency: Consistency::Core,
        stopped: Duration::ZERO,
        warnings,
    })
}

fn of_process<T>(
    opened: &Opened<Subject>,
    process: &Process,
    limits: Limits,
    look: impl Fn(&Seen<'_>) -> T,
) -> Result<Looked<T>, Failure> {
    let pid = process.pid();
    let stop = opened.located.python.stop_limits(limits.max_stop);
    let watchdog = Watchdog::start().map_err(|error| stop_failure(pid, error.into()))?;
    let mut stopped = Duration::ZERO;
    let seen = until_it_suits(Unseen::may_pass, || {
        let halted = Halted::look(process);
        let copy: Memory<'_> = match limits.snapshot {
            // What stands still anyway is only read.
            Snapshot::Fork if halted.is_none() => {
                copy_of_clone(opened, process, &watchdog, stop, &mut stopped)?
            }
            Snapshot::Copy | Snapshot::Fork => still::copy(process, &watchdog, stop, &mut stopped)
                .map_err(|error| copy_failure(process, error))?,
        };
        let maps = process.maps().map_err(Failure::from)?;
        let areas = find_areas(process, &maps, copy.stacks());
        let picture = take(&copy, opened, areas).map_err(|error| match halted {
            Some(_) => Unseen::Failure(failure_of_halted(process.pid(), &error)),
            None => Unseen::Picture(error),
        })?;
        let mut warnings = warnings_of(&picture);
        if halted.is_some() {
            warnings.push("a signal has stopped the target, and it stays stopped".to_owned());
        }
        Ok((look(&picture), warnings))
    });
    match seen {
        Ok((body, warnings)) => Ok(Looked {
            body,
            consistency: Consistency::Snapshot,
            stopped,
            warnings,
        }),
        Err(Unseen::Failure(failure)) => Err(failure),
        Err(Unseen::Picture(error)) => Err(failure(opened, &error)),
    }
}

/// Why there is no picture of a process.
enum Unseen {
    /// It could not be copied, or another copy would be no better.
    Failure(Failure),
    /// What was copied could not be understood.
    Picture(PictureError),
}

impl Unseen {
    fn may_pass(&self) -> bool {
        match self {
            Unseen::Failure(_) => false,
            Unseen::Picture(error) => error.may_pass(),
        }
    }
}

impl From<Failure> for Unseen {
    fn from(failure: Failure) -> Self {
        Unseen::Failure(failure)
    }
}

/// A process that a signal has stopped looks the same however often it is looked at.
fn failure_of_halted(pid: i32, error: &PictureError) -> Failure {
    Failure {
        cause: Some("stopped"),
        ..Failure::new(
            Exit::Forbidden,
            format!("the objects of {pid} cannot be told while it is stopped where it is"),
            "let it go on with kill -CONT, and look at it then",
        )
    }
    .because(error.to_string())
    .of(pid)
}

/// Why it was not stopped. Without a stop nothing can be said: a graph of a running process is wrong.
fn stop_failure(pid: i32, error: PauseError) -> Failure {
    let help = match error {
        PauseError::Stopped { .. } => "let it go on with kill -CONT, or take a core and give that",
        PauseError::Traced { .. } => {
            "detach the other tracer, or let it write a core and give that"
        }
        PauseError::InEpollWait { .. } => {
            "take a core with gcore at a moment that suits, and give that"
        }
        PauseError::Late { .. } => "try again later, or allow a longer stop with --max-stop MS",
        PauseError::Watchdog(_) | PauseError::Failed { .. } => {
            "nothing is stopped without it: try again"
        }
        PauseError::Gone { .. } | PauseError::Denied { .. } => return paused::failure(pid, error),
    };
    Failure {
        message: format!("cannot stop {pid} to copy it"),
        help: help.to_owned(),
        ..paused::failure(pid, error)
    }
}

/// A copy of a clone of the process, which goes on meanwhile.
fn copy_of_clone<'p>(
    opened: &Opened<Subject>,
    process: &'p Process,
    watchdog: &Watchdog,
    limits: StopLimits,
    stopped: &mut Duration,
) -> Result<Memory<'p>, Failure> {
    let python = &opened.located.python;
    let forking = Forking {
        process,
        watchdog,
        limits,
        // Who names this method has been told what it does.
        consent: Consent::given_by_user(),
    };
    let at_rest = |control: &Control<'_>| Ok(!python.is_collecting(control)?);
    let cloned = with_clone(forking, at_rest, |fork| {
        let mut plan = CopyPlan::of(fork.child(), u64::MAX)?;
        plan.fill(fork.child())?;
        let threads = fork.threads().iter();
        Ok(plan.with_stacks(threads.filter_map(CoreThread::stack_pointer).collect()))
    })
    .map_err(|error| fork_failure(process, &error))?;
    *stopped += cloned.stopped;
    let plan = cloned
        .done
        .map_err(|error: CopyError| copy_failure(process, error.into()))?;
    Ok(plan.over(process))
}

fn take<'p>(
    copy: &'p Memory<'p>,
    opened: &'p Opened<Subject>,
    areas: Vec<Area>,
) -> Result<Seen<'p>, PictureError> {
    let picture = Picture::take(copy, &opened.located.python, areas)?;
    let audit = picture.graph.audit();
    if audit.astray > audit.objects / ASTRAY {
        return Err(PictureError::Torn);
    }
    Ok(picture)
}

/// What whoever looks at the process should know of it.
pub fn warnings_of(picture: &Seen<'_>) -> Vec<String> {
    let tables = picture.tables.iter();
    let mut warnings: Vec<String> = tables.flat_map(|table| table.warnings.clone()).collect();
    if picture
        .collectors
        .iter()
        .any(|state| state.enabled == Some(false))
    {
        warnings.push("the collector of the target is switched off: garbage stays".to_owned());
    }
    let frozen: usize = picture.collectors.iter().map(|state| state.frozen).sum();
    if frozen > 0 {
        warnings.push(format!(
            "{frozen} objects are frozen: no collection frees them"
        ));
    }
    warnings
}

fn free_threaded(pid: i32) -> Failure {
    Failure {
        cause: Some("free_threaded"),
        ..Failure::new(
            Exit::NotUnderstood,
            "this is a free-threaded build, which keeps no list of its objects",
            "modules, doctor and ps work on it; who holds a module cannot be told yet",
        )
    }
    .of(pid)
}

fn failure(opened: &Opened<Subject>, error: &PictureError) -> Failure {
    let pid = opened.process.pid();
    let why = error.to_string();
    let (exit, help) = match error {
        PictureError::Walk(WalkError::Collecting) => (
            Exit::Withdrawn,
            "it collects garbage all the time: try again later",
        ),
        PictureError::Torn | PictureError::Table(_) if opened.process.is_same() => (
            Exit::Changed,
            "it changed each time it was looked at: try again",
        ),
        PictureError::Graph(GraphError::TooMany { .. }) => {
            (Exit::NotUnderstood, "this is more than is looked through")
        }
        _ if !opened.process.is_same() => return Failure::gone(pid),
        _ => (
            Exit::NotUnderstood,
            "pyunload doctor tells what is understood of it",
        ),
    };
    Failure::new(exit, format!("the objects of {pid} cannot be told"), help)
        .because(why)
        .of(pid)
}

fn copy_failure(process: &Process, error: StillError) -> Failure {
    const MEBIBYTE: u64 = 1 << 20;
    let pid = process.pid();
    match error {
        StillError::Pause(error) => stop_failure(pid, error),
        StillError::TooLong {
            bytes,
            foreseen,
            allowed,
        } => Failure {
            cause: Some("stop_too_long"),
            ..Failure::new(
                Exit::Forbidden,
                format!(
                    "a stop of {} ms is foreseen, and --max-stop allows {} ms",
                    foreseen.as_millis(),
                    allowed.as_millis()
                ),
                format!("allow it with --max-stop {}", foreseen.as_millis() * 2),
            )
        }
        .because(format!(
            "it has {} MiB of its own to copy",
            bytes.div_ceil(MEBIBYTE)
        ))
        .of(pid),
        StillError::Copy(CopyError::Process(error)) => error.into(),
        StillError::Copy(error) => Failure::new(
            Exit::Forbidden,
            format!("{pid} cannot be copied"),
            "take a core of it with other tools, and give that",
        )
        .because(error.to_string())
        .of(pid),
        StillError::Read(error) if process.is_same() => Failure::from(error).of(pid),
        StillError::Read(_) => Failure::gone(pid),
    }
}
