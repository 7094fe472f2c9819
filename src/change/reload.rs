//! Moves modules to the code that is on disk.
//!
//! The files are read and compiled outside, by a process with the rights of the target. What is
//! there is compared inside, at a safe point, and everything is set in one call, or nothing is. The
//! protocol inside is told in `inject/payload/reload.py`.

use crate::address::Address;
use crate::change::reload_answer::{Answer, Done, Problem, parse};
use crate::change::reload_child::{Compiled, compile};
use crate::change::reload_error::{Obstacle, ReloadError};
use crate::change::reload_files::{Candidate, choose, sources};
use crate::change::reload_source::{self, Moved, Strength};
use crate::change::target::Target;
use crate::cpython::python::{Interpreter, Python};
use crate::inject::{InjectError, Ran, Request, Status};
use crate::modules::inventory::inventory;
use crate::target::memory::{ReadError, ReadMemory, ReadMemoryExt};
use std::thread;
use std::time::{Duration, Instant};

/// Between two attempts.
const WAIT: Duration = Duration::from_millis(20);

/// What is to be reloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Modules by their exact names.
    pub names: Vec<String>,
    /// Packages with everything below them.
    pub groups: Vec<String>,
    /// How much may be done to them.
    pub strength: Strength,
}

/// What a reload would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The modules, what is imported before what imports it.
    pub modules: Vec<Candidate>,
    /// Modules of the groups that have no source.
    pub skipped: Vec<String>,
    /// What was found in the sources.
    pub compiled: Compiled,
    /// How much may be done.
    pub strength: Strength,
    /// What is incomplete.
    pub warnings: Vec<String>,
    table: Address,
    optimize: u8,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reloaded {
    /// What was planned.
    pub plan: Plan,
    /// What the program inside said.
    pub done: Done,
    /// How it was made to run.
    pub ran: Ran,
    /// How often it was tried.
    pub attempts: usize,
}

/// Reads the sources and compiles them. Nothing is stopped, nothing of the target runs.
///
/// # Errors
/// [`ReloadError`]; nothing was changed.
pub fn plan(target: Target<'_>, wanted: &Wanted) -> Result<Plan, ReloadError> {
    let Target {
        process,
        python,
        interpreter,
    } = target;
    let version = python.version;
    if version.minor_pair() < (3, 6) {
        let version = version.to_string();
        return Err(ReloadError::TooOld { version });
    }
    if wanted.strength != Strength::Fresh && has_audit_hook(process, python, interpreter)? {
        return Err(ReloadError::AuditHook);
    }
    let inventory = inventory(process, python, interpreter)?;
    let chosen = choose(process, &inventory.rows, &wanted.names, &wanted.groups)?;
    let compiled = if wanted.strength == Strength::Fresh {
        Compiled {
            modules: Vec::new(),
            imported: Vec::new(),
            order: chosen.modules.iter().map(|one| one.name.clone()).collect(),
        }
    } else {
        let sources = sources(&inventory.rows, &chosen, &version.to_string());
        compile(process, python, interpreter, &sources)?
    };
    refuse_broken(&chosen.modules, &compiled)?;
    let mut modules = chosen.modules;
    let place = |name: &str| compiled.order.iter().position(|one| one == name);
    modules.sort_by_key(|one| place(&one.name));
    Ok(Plan {
        modules,
        skipped: chosen.skipped,
        compiled,
        strength: wanted.strength,
        warnings: inventory.warnings,
        table: interpreter.modules,
        optimize: chosen.optimize,
    })
}

fn refuse_broken(modules: &[Candidate], compiled: &Compiled) -> Result<(), ReloadError> {
    for one in &compiled.modules {
        let candidate = modules.iter().find(|module| module.name == one.name);
        let file = candidate.map_or_else(|| one.name.clone(), |module| module.file.clone());
        if one.missing {
            let name = one.name.clone();
            return Err(ReloadError::NoFile { name, file });
        }
        if let Some(what) = &one.error {
            return Err(ReloadError::Source {
                file,
                line: one.line,
                what: what.clone(),
            });
        }
    }
    Ok(())
}

/// Whether Python code is called for every function that gets another code.
fn has_audit_hook(
    memory: &(impl ReadMemory + ?Sized),
    python: &Python,
    interpreter: &Interpreter,
) -> Result<bool, ReadError> {
    let keepers = &python.layout.heap.keepers;
    let Some(offset) = keepers.interpreter_member("audit_hooks") else {
        return Ok(false);
    };
    let hooks: u64 = memory.read_at(interpreter.address.offset(offset))?;
    Ok(hooks != 0)
}

/// Does what was planned. `run` runs Python in the target's main thread within the time it is given.
///
/// # Errors
/// [`ReloadError`]: nothing was changed, but for [`InjectError`]s of the kind `Started` and
/// [`ReloadError::BadAnswer`].
pub fn reload(
    plan: Plan,
    limit: Duration,
    mut run: impl FnMut(&str, Duration) -> Result<Ran, InjectError>,
) -> Result<Reloaded, ReloadError> {
    let began = Instant::now();
    let source = source(&plan);
    let mut attempts = 0;
    loop {
        attempts += 1;
        let ran = run(&source, limit)?;
        match understand(&ran, &plan) {
            Err(ReloadError::Importing) if began.elapsed() + WAIT < limit => thread::sleep(WAIT),
            Err(error) => return Err(error),
            Ok(done) => {
                return Ok(Reloaded {
                    plan,
                    done,
                    ran,
                    attempts,
                });
            }
        }
    }
}

/// Bytes of result that are asked for.
pub const MAX_RESULT: usize = Request::MAX_SIZE;

fn source(plan: &Plan) -> String {
    let modules: Vec<Moved<'_>> = plan
        .modules
        .iter()
        .map(|one| {
            let compiled = plan.compiled.modules.iter();
            let facts = compiled.clone().find(|found| found.name == one.name);
            Moved {
                key: &one.name,
                module: one.module,
                dict: one.dict,
                facts: facts.map_or("", |found| found.facts.as_str()),
            }
        })
        .collect();
    let imported = plan.compiled.imported.iter();
    reload_source::reload(plan.table, plan.optimize, plan.strength, &modules, imported)
}

fn understand(ran: &Ran, plan: &Plan) -> Result<Done, ReloadError> {
    if ran.status == Status::Raised {
        let exception = String::from_utf8_lossy(&ran.value).into_owned();
        return Err(ReloadError::Raised(exception));
    }
    let name = |module: usize| plan.modules[module].name.clone();
    let obstacle = |problem: Problem| Obstacle {
        module: name(problem.module),
        what: problem.what,
        name: problem.name,
        line: problem.line,
    };
    match parse(&ran.value, plan.modules.len()).ok_or(ReloadError::BadAnswer)? {
        Answer::Done(done) => Ok(done),
        Answer::Refused(problems) => Err(ReloadError::Refused(
            problems.into_iter().map(obstacle).collect(),
        )),
        Answer::StatementRaised {
            module,
            line,
            exception,
            message,
        } => Err(ReloadError::StatementRaised {
            module: name(module),
            line,
            exception,
            message,
        }),
        Answer::Moved => Err(ReloadError::Moved),
        Answer::Changed => Err(ReloadError::Changed),
        Answer::Importing => Err(ReloadError::Importing),
        Answer::Missing(module) => Err(ReloadError::Missing(module)),
        Answer::Failed(exception) => Err(ReloadError::Raised(exception)),
    }
}
