//! What one moment can be had of: a running process, which is copied in a stop or cloned, and a core
//! file, which is one moment already.

use super::open::Opened;
use super::paused;
use super::picture::Limits;
use super::snapshot_failure::fork_failure;
use crate::cli::args::Snapshot;
use crate::cli::exit::{Exit, Failure};
use crate::control::consent::Consent;
use crate::control::control::Control;
use crate::control::snapshot_fork::{Forking, with_clone};
use crate::cpython::python::Interpreter;
use crate::modules::inventory::Inventory;
use crate::report::Consistency;
use crate::target::copy::{Copy, CopyError, CopyPlan};
use crate::target::core_file::Core;
use crate::target::memory::ReadMemory;
use crate::target::pause::StopLimits;
use crate::target::process::Process;
use crate::target::still::{self, StillError};
use crate::target::target::Target;
use crate::target::watchdog::Watchdog;
use std::time::Duration;

/// A copy, whatever it was made of.
pub type AnyCopy<'p> = Copy<&'p (dyn ReadMemory + Sync)>;

/// What one moment can be had of.
pub trait Moment: Target + Sync + Sized {
    /// How the pieces of an answer from such a moment hang together.
    const CONSISTENCY: Consistency;

    /// One moment of it; `stopped` grows by how long it stood still for that.
    ///
    /// # Errors
    /// When it cannot be had.
    fn moment<'p>(
        opened: &'p Opened<Self>,
        limits: Limits,
        stopped: &mut Duration,
    ) -> Result<AnyCopy<'p>, Failure>;

    /// Its sys.modules.
    ///
    /// # Errors
    /// When the table as a whole cannot be read.
    fn inventory(opened: &Opened<Self>, interpreter: &Interpreter) -> Result<Inventory, Failure>;

    /// Whether it is still what it was when it was opened.
    fn is_unchanged(&self) -> bool;
}

impl Moment for Core {
    const CONSISTENCY: Consistency = Consistency::Core;

    fn moment<'p>(
        opened: &'p Opened<Self>,
        _limits: Limits,
        _stopped: &mut Duration,
    ) -> Result<AnyCopy<'p>, Failure> {
        /// More memory than this is not looked through.
        const MOST: u64 = 64 << 30;
        let core = &opened.process;
        let copied = CopyPlan::of_core(core, MOST).and_then(|mut plan| {
            plan.fill(core)?;
            Ok(plan)
        });
        let plan = copied.map_err(|error| {
            let help = "was it written to its end?";
            Failure::new(Exit::NotUnderstood, "the core cannot be read", help)
                .because(error.to_string())
        })?;
        Ok(plan.over(core))
    }

    fn inventory(opened: &Opened<Self>, interpreter: &Interpreter) -> Result<Inventory, Failure> {
        opened.inventory(interpreter)
    }

    fn is_unchanged(&self) -> bool {
        true
    }
}

impl Moment for Process {
    const CONSISTENCY: Consistency = Consistency::Snapshot;

    fn moment<'p>(
        opened: &'p Opened<Self>,
        limits: Limits,
        stopped: &mut Duration,
    ) -> Result<AnyCopy<'p>, Failure> {
        let pid = opened.process.pid();
        let stop = StopLimits {
            max_stop: limits.max_stop,
            // Python 2 does not call again what a stop has interrupted (PEP 475 came with 3.5).
            refuse_epoll_wait: opened.located.python.version.major < 3,
        };
        let watchdog = Watchdog::start().map_err(|error| paused::failure(pid, error.into()))?;
        let plan = match limits.snapshot {
            Snapshot::Copy => still::copy(&opened.process, &watchdog, stop, stopped)
                .map_err(|error| copy_failure(opened, error))?,
            Snapshot::Fork => copy_of_clone(opened, &watchdog, stop, stopped)?,
        };
        Ok(plan.over(&opened.process))
    }

    fn inventory(opened: &Opened<Self>, interpreter: &Interpreter) -> Result<Inventory, Failure> {
        opened.inventory(interpreter)
    }

    fn is_unchanged(&self) -> bool {
        self.is_same()
    }
}

/// A copy of a clone of the process, which goes on meanwhile.
fn copy_of_clone(
    opened: &Opened,
    watchdog: &Watchdog,
    limits: StopLimits,
    stopped: &mut Duration,
) -> Result<CopyPlan, Failure> {
    let process = &opened.process;
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
        Ok(plan)
    })
    .map_err(|error| fork_failure(process, &error))?;
    *stopped += cloned.stopped;
    cloned
        .done
        .map_err(|error: CopyError| copy_failure(opened, error.into()))
}

fn copy_failure(opened: &Opened, error: StillError) -> Failure {
    const MEBIBYTE: u64 = 1 << 20;
    let pid = opened.process.pid();
    match error {
        StillError::Pause(error) => paused::failure(pid, error),
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
        StillError::Read(error) if opened.process.is_same() => Failure::from(error).of(pid),
        StillError::Read(_) => Failure::gone(pid),
    }
}
