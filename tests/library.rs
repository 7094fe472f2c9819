//! A process with most of the standard library loaded: every reference to its modules is explained,
//! and its ghosts are those that its own collector knows.

mod common;
#[path = "holders/seen.rs"]
#[allow(dead_code)]
mod seen;

use common::{Interpreter, Target, on_every_interpreter, program};
use pyunload::modules::ghosts::{GhostKind, find_ghosts};
use pyunload::modules::kind::Kind;
use pyunload::modules::picture::Picture;
use seen::{Copied, with_picture};

/// The fewest modules that are loaded.
const MODULES: usize = 300;

/// References to modules made from C that nothing in memory has: `docs/REFERENCES.md` tells whose they
/// are. A stale word that looks like one may explain them, so they need not be found.
const HELD_FROM_C: [(&str, &str); 1] = [("2.7", "__builtin__ object 1")];

/// What is found of one process.
struct Found {
    modules: usize,
    /// References to modules made from Python and to their globals that nothing explains.
    unexplained: Vec<String>,
    /// The same of modules made from C.
    held_from_c: Vec<String>,
    /// `KIND ADDRESS NAME` of every ghost.
    ghosts: Vec<String>,
}

fn look(picture: &Picture<'_, Copied<'_>>) -> Found {
    let graph = &picture.graph;
    let mut found = Found {
        modules: 0,
        unexplained: Vec::new(),
        held_from_c: Vec::new(),
        ghosts: ghosts(picture),
    };
    for row in &picture.tables[0].rows {
        let is_c = matches!(row.kind, Kind::Extension | Kind::Builtin);
        found.modules += usize::from(row.dict.is_some());
        for (what, at) in [("object", Some(row.address)), ("globals", row.dict)] {
            let Some(node) = at
                .filter(|_| row.dict.is_some())
                .and_then(|at| graph.find(at))
            else {
                continue;
            };
            let held = graph.unexplained(node);
            if held != 0 && graph.refcount(node).is_some() {
                let list = match is_c {
                    true => &mut found.held_from_c,
                    false => &mut found.unexplained,
                };
                list.push(format!("{} {what} {held}", row.name));
            }
        }
    }
    found
}

fn ghosts(picture: &Picture<'_, Copied<'_>>) -> Vec<String> {
    let named = find_ghosts(picture).into_iter().map(|ghost| {
        let kind = match ghost.kind {
            GhostKind::Class => "class",
            GhostKind::Module | GhostKind::Globals => "globals",
        };
        let at = picture.graph.address(ghost.object).value();
        format!("{kind} {at:x} {}", ghost.name)
    });
    named.collect()
}

fn all_is_explained(interpreter: &Interpreter) -> Result<(), String> {
    if matches!(&*interpreter.build, "freethreaded" | "embed") {
        return Ok(());
    }
    let mut target = Target::start(interpreter, &program("library.py"), &[]);
    let found = with_picture(target.pid(), |picture| Ok(look(picture)))?;
    for ghost in &found.ghosts {
        println!("{} ghost {ghost}", interpreter.name);
        target.send(ghost);
    }
    println!(
        "{} {} modules {:?}",
        interpreter.name, found.modules, found.held_from_c
    );
    target.send("end");
    let judged = target.lines_until("DONE");
    if found.modules < MODULES {
        return Err(format!("only {} modules", found.modules));
    }
    let is_known = |held: &&String| HELD_FROM_C.contains(&(&*interpreter.name, &***held));
    let unknown = found.held_from_c.iter().filter(|held| !is_known(held));
    let unexplained: Vec<&String> = found.unexplained.iter().chain(unknown).collect();
    match judged.is_empty() && unexplained.is_empty() {
        true => Ok(()),
        false => Err(format!("ghosts {judged:?}, unexplained {unexplained:?}")),
    }
}

#[test]
fn a_process_with_most_of_the_standard_library_is_explained() {
    on_every_interpreter(all_is_explained);
}
