//! The collector's lists as the target itself gives them.

mod common;

use common::{Interpreter, Target, on_every_interpreter, program, wait_until_at_rest};
use pyunload::address::Address;
use pyunload::cpython::python::Python;
use pyunload::heap::remains::{Current, RemainKind, Remains, Sought, find_remains};
use pyunload::heap::walk::{WalkError, walk};
use pyunload::pyobject::identify;
use pyunload::pyobject::text::Text;
use pyunload::target::copy::CopyPlan;
use pyunload::target::process::Process;
use std::collections::HashSet;

/// More objects than any target of ours has.
const LIMIT: usize = 1 << 20;

/// The target waits for its input and nothing in it moves, so the copy needs no stop here.
fn copied_walk_is_get_objects(interpreter: &Interpreter) -> Result<(), String> {
    let target = Target::start(interpreter, &program("heap.py"), &[]).at_rest();
    let number = |line: &String| line.parse().expect("a number");
    let (first, rest) = target.printed().split_first().expect("it printed");
    let frozen: u64 = number(first);
    let told: HashSet<u64> = rest.iter().map(number).collect();
    let process = Process::open(target.pid()).map_err(|error| error.to_string())?;
    let located = identify::find(&process).map_err(|error| error.to_string())?;
    let mut plan = CopyPlan::of(&process, 1 << 30).map_err(|error| error.to_string())?;
    plan.fill(&process).map_err(|error| error.to_string())?;
    let copy = plan.over(&process);
    let python = located.python;
    let found = match walk(&copy, &python, python.main(), LIMIT) {
        Err(WalkError::Unlisted) if python.build.free_threaded => return Ok(()),
        other => other.map_err(|error| error.to_string())?,
    };
    if !found.walked.is_complete() {
        return Err(format!("lists are torn: {:?}", found.walked.torn));
    }
    if found.walked.frozen as u64 != frozen {
        return Err(format!(
            "{} frozen instead of {frozen}",
            found.walked.frozen
        ));
    }
    let found: HashSet<u64> = found.objects[found.walked.frozen..]
        .iter()
        .map(|at| at.value())
        .collect();
    // Since then the list of them all was made, and what printing and reading leaves behind.
    let (missing, more) = (
        told.difference(&found).count(),
        found.difference(&told).count(),
    );
    if missing > 4 || more > 40 || told.len() < 100 {
        return Err(format!("{missing} of {} missing, {more} more", told.len()));
    }
    Ok(())
}

#[test]
fn a_walk_of_a_copy_finds_what_get_objects_gives() {
    on_every_interpreter(copied_walk_is_get_objects);
}

/// What a case leaves behind: kinds with counts, and whether anything is uncertain.
fn remains_of_case(
    target: &mut Target,
    process: &Process,
    python: &Python,
    case: &str,
) -> Result<Remains, String> {
    target.send(case);
    let before = target.line();
    let lines = target.lines_until("DONE");
    wait_until_at_rest(target.pid());
    let addresses: Vec<Address> = before.split(' ').map(address_of).collect();
    let name = Text::Plain("doomed".into());
    let sought = Sought {
        name: name.clone(),
        own_name: Some(name),
        module: addresses[0],
        dict: Some(addresses[1]),
    };
    let mut current = Current::default();
    for line in lines {
        let [name, module, dict] = line.split(' ').collect::<Vec<_>>()[..] else {
            return Err(format!("not understood: {line}"));
        };
        let names = &mut current.names;
        names.insert(Text::Plain(name.into()), Some(address_of(dict)));
        current.modules.insert(address_of(module));
        current.dicts.insert(address_of(dict));
    }
    let mut plan = CopyPlan::of(process, 1 << 30).map_err(|error| error.to_string())?;
    plan.fill(process).map_err(|error| error.to_string())?;
    let copy = plan.over(process);
    let found = walk(&copy, python, python.main(), LIMIT).map_err(|error| error.to_string())?;
    find_remains(&copy, &python.layout, &found, &[sought], &current)
        .map_err(|error| error.to_string())
}

fn address_of(number: &str) -> Address {
    Address::new(number.parse().expect("a number"))
}

fn summary(remains: &Remains) -> String {
    let letter = |kind| match kind {
        RemainKind::Module => 'm',
        RemainKind::Globals => 'g',
        RemainKind::Function => 'f',
        RemainKind::Class => 'c',
    };
    let mut certain: Vec<char> = remains.certain.iter().map(|r| letter(r.kind)).collect();
    certain.sort_unstable();
    let mut text: String = certain.into_iter().collect();
    if remains.certain.iter().any(|remain| remain.frozen) {
        text.push_str(" frozen");
    }
    if !remains.uncertain.is_empty() {
        text.push_str(" uncertain");
    }
    text
}

fn remains_are_what_was_kept(interpreter: &Interpreter) -> Result<(), String> {
    if interpreter.build == "freethreaded" {
        return Ok(());
    }
    let mut target = Target::start(interpreter, &program("remains.py"), &[]);
    let process = Process::open(target.pid()).map_err(|error| error.to_string())?;
    let located = identify::find(&process).map_err(|error| error.to_string())?;
    let is_old = interpreter.minor() < (3, 0);
    // A function keeps its dict and all in it: two functions, two classes.
    let all_but_module = "ccffg";
    let mut cases = vec![("nothing", ""), ("newer", "")];
    if !is_old {
        // On 2.7 a dying module empties its dict, so that what was kept is left alone in it.
        cases.extend([
            ("dict", all_but_module),
            ("atoms", "g"),
            ("function", all_but_module),
            ("class", all_but_module),
            ("instance", all_but_module),
            ("module", "ccffgm"),
            ("newer and function", "cffg uncertain"),
        ]);
    }
    cases.extend([("bare class", "c"), ("newer and bare class", " uncertain")]);
    if interpreter.minor() >= (3, 7) {
        cases.extend([("frozen", "ccffg frozen")]);
    }
    for (case, expected) in cases {
        let remains = remains_of_case(&mut target, &process, &located.python, case)?;
        if summary(&remains) != expected || remains.unreadable.count > 0 {
            let unreadable = &remains.unreadable;
            return Err(format!("{case}: {}, {unreadable:?}", summary(&remains)));
        }
    }
    Ok(())
}

#[test]
fn what_is_left_of_a_module_is_found_and_nothing_else() {
    on_every_interpreter(remains_are_what_was_kept);
}
