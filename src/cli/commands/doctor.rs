//! `doctor`: every precondition for looking, tested one after the other. Nothing is stopped.

use super::open::{Opened, may_read, open};
use crate::cli::exit::{Exit, Failure};
use crate::inject::{Comes, Prospect, Route, assess};
use crate::render::{duration, thousands};
use crate::report::{Check, Doctor, Envelope, Target};
use crate::target::about::{About, foreign_namespaces};
use crate::target::access::{Evidence, denial_of_change, explain_refused_look};
use crate::target::process::Process;

/// Tests the preconditions.
///
/// # Errors
/// When there is no such process to speak of.
pub fn run(pid: i32) -> Result<Doctor, Failure> {
    let process = Process::open(pid)?;
    let evidence = Evidence::gather(pid);
    let mut checks = vec![process_check(pid), memory_check(&process)];
    let mut target = Target::process(pid);
    let mut opened = None;
    if checks.iter().all(|check| check.ok != Some(false)) {
        match open(pid) {
            Ok(found) => {
                target = found.target(found.located.python.main());
                checks.extend(python_checks(&found));
                opened = Some(found);
            }
            Err(failure) if failure.exit == Exit::Changed => return Err(failure),
            Err(failure) => checks.push(failed("python", failure)),
        }
    }
    checks.extend(surroundings(&evidence));
    Ok(Doctor {
        envelope: Envelope::live("doctor", Some(target)),
        can_look: checks.iter().all(|check| check.ok != Some(false)),
        checks,
        route: route(&evidence, opened.as_ref()),
    })
}

fn failed(name: &str, failure: Failure) -> Check {
    Check::fails(name, failure.why.unwrap_or(failure.message), failure.help)
}

fn process_check(pid: i32) -> Check {
    let Some(about) = About::of(pid) else {
        return Check::fact("process", "it has just ended");
    };
    let up = about.uptime_s.map(|s| format!(", up {}", duration(s)));
    Check::holds(
        "process",
        format!("{}{}", about.command, up.unwrap_or_default()),
    )
}

/// Not asked but tried: reads one byte of it.
fn memory_check(process: &Process) -> Check {
    if may_read(process) {
        return Check::holds("memory", "can be read");
    }
    let denial = explain_refused_look(&Evidence::gather(process.pid()));
    Check::fails("memory", denial.to_string(), denial.help())
}

fn python_checks(opened: &Opened) -> Vec<Check> {
    let python = &opened.located.python;
    let build = [
        (python.build.debug, "debug"),
        (python.build.trace_refs, "traced references"),
        (python.build.free_threaded, "free-threaded"),
        (python.build.shared_libpython, "shared libpython"),
    ];
    let build: Vec<&str> = build.iter().filter(|b| b.0).map(|b| b.1).collect();
    let build = match build.is_empty() {
        true => String::new(),
        false => format!(" ({})", build.join(", ")),
    };
    let mut checks = vec![
        Check::holds(
            "python",
            format!(
                "CPython {}{build} in {}",
                python.version,
                opened.located.image.file.path.display()
            ),
        ),
        Check::holds(
            "layout",
            "proven: interpreter, thread state and sys.hexversion agree with it",
        ),
    ];
    for interpreter in &python.interpreters {
        let name = match interpreter.id {
            0 => "modules".to_owned(),
            id => format!("modules of interpreter {id}"),
        };
        checks.push(match opened.inventory(interpreter) {
            Ok(inventory) if inventory.warnings.is_empty() => Check::holds(
                &name,
                format!("{} read, consistent", thousands(inventory.rows.len())),
            ),
            Ok(inventory) => Check::holds(
                &name,
                format!(
                    "{} read, with warnings: {}",
                    thousands(inventory.rows.len()),
                    inventory.warnings.join("; ")
                ),
            ),
            Err(failure) => failed(&name, failure),
        });
    }
    checks
}

/// What is around it: neither good nor bad for looking.
fn surroundings(evidence: &Evidence) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Some(about) = About::of(evidence.pid) {
        checks.push(Check::fact("threads", thousands(about.threads)));
    }
    if let Some((tracer, name)) = &evidence.tracer {
        checks.push(Check::fact(
            "tracer",
            format!("process {tracer} ({name}) is tracing it"),
        ));
    }
    if matches!(evidence.state, Some('T' | 't')) {
        checks.push(Check::fact(
            "state",
            "stopped; stays so while it is looked at",
        ));
    }
    if let Some(theirs) = &evidence.theirs {
        let filter = match theirs.filtered {
            true => "a filter is on",
            false => "none",
        };
        checks.push(Check::fact("seccomp", filter));
    }
    checks.push(match foreign_namespaces(evidence.pid) {
        None => Check::fact("namespaces", "not shown to this user"),
        Some(foreign) if foreign.is_empty() => Check::fact("namespaces", "the same as ours"),
        Some(foreign) => Check::fact(
            "namespaces",
            format!(
                "of its own: {}; files are opened as it sees them",
                foreign.join(", ")
            ),
        ),
    });
    checks
}

/// What a change would meet, as far as it can be told without a stop.
fn route(evidence: &Evidence, opened: Option<&Opened>) -> String {
    if let Some(denial) = denial_of_change(evidence) {
        return format!("no: {denial}; {}", denial.help());
    }
    let Some(opened) = opened else {
        return "no: it cannot be looked at".to_owned();
    };
    let image = &opened.located.image;
    let symbols = |name: &str| Some(image.find_symbol(&opened.process, name)?.address);
    match assess(&opened.process, &opened.located.python, &symbols) {
        Err(error) => format!("no: {error}; {}", error.help()),
        Ok(prospect) => {
            let filtered = evidence.theirs.as_ref().is_some_and(|it| it.filtered);
            words(&prospect, filtered)
        }
    }
}

fn words(prospect: &Prospect, filtered: bool) -> String {
    let threads = match prospect.threads {
        1 => "its one thread".to_owned(),
        many => format!("its {} threads", thousands(many)),
    };
    let ms = prospect.stop_us as f64 / 1000.0;
    let stop =
        format!("{threads} would stand still for about {ms:.1} ms, longer on a busy machine");
    // The interface for debuggers needs no memory of the target's.
    let filter = match filtered && prospect.route != Route::RemoteExec {
        true => {
            "; it is refused if the seccomp filter forbids new executable memory, which only a stop shows"
        }
        false => "",
    };
    format!("{}{filter}; {stop}", way(prospect))
}

fn way(prospect: &Prospect) -> String {
    let route = prospect.route.name();
    match &prospect.comes {
        Comes::Itself => format!(
            "yes, by {route}: the main thread runs and would come to its safe point by itself; a stop \
             shows the rest"
        ),
        Comes::Woken => format!(
            "yes, by {route}: the main thread waits, and would be woken by an EINTR if the wait is \
             CPython's own, which only a stop shows"
        ),
        Comes::ByItsLoop => format!(
            "yes, by {route}: the main thread waits in an event loop of asyncio, and would be woken by the loop's \
             own wake-up pipe; a stop shows the rest"
        ),
        Comes::WhileWaiting => format!(
            "yes, by {route}: the main thread waits with the GIL released, and would run the code in \
             the middle of that wait if a stop confirms it; --no-parked forbids that"
        ),
        Comes::Later { wait_channel } => format!(
            "later, by {route}: the main thread waits in the kernel ({}); as soon as it runs Python \
             code it comes to its safe point",
            if wait_channel.is_empty() {
                "?"
            } else {
                wait_channel
            }
        ),
    }
}
