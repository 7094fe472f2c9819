//! Facts about a target, each looked up when it is asked for first: sys.modules and the mappings
//! while it runs; all objects, for which it is stopped, only when an assertion needs them.

use super::graph::{self, GraphFacts};
use super::open::Opened;
use super::picture::{Limits, Looked};
use super::subject::Subject;
use crate::cli::exit::Failure;
use crate::cpython::python::Interpreter;
use crate::modules::inventory::Inventory;
use crate::modules::kind::Kind;
use crate::modules::row::ModuleRow;
use crate::plan::check::{Assertion, Facts, GhostFact};
use crate::report::{Consistency, Ghost, GhostKind, Root, Why};
use crate::target::target::Target;
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::time::Duration;

/// What stands among the holders for those that were not listed.
const MORE: &str = "...";

/// The facts of one look at a target.
pub struct TargetFacts<'t> {
    opened: &'t Opened<Subject>,
    interpreter: &'t Interpreter,
    limits: Limits,
    /// The modules that the graph is asked about.
    names: BTreeSet<String>,
    inventory: OnceCell<Inventory>,
    graph: OnceCell<Looked<GraphFacts>>,
}

impl<'t> TargetFacts<'t> {
    /// The facts for these assertions; nothing is looked up yet.
    pub fn new(
        opened: &'t Opened<Subject>,
        interpreter: &'t Interpreter,
        limits: Limits,
        assertions: &[Assertion],
    ) -> Self {
        let of_graph = assertions.iter().filter(|one| one.needs_graph());
        TargetFacts {
            opened,
            interpreter,
            limits,
            names: of_graph
                .filter_map(|one| Some(one.name()?.to_owned()))
                .collect(),
            inventory: OnceCell::new(),
            graph: OnceCell::new(),
        }
    }

    /// How the pieces of what was looked up hang together.
    pub fn consistency(&self) -> Consistency {
        let graph = self.graph.get();
        graph.map_or(Consistency::Live, |looked| looked.consistency)
    }

    /// How long the target stood still.
    pub fn stopped(&self) -> Duration {
        self.graph
            .get()
            .map_or(Duration::ZERO, |graph| graph.stopped)
    }

    /// What was skipped or is not certain.
    pub fn warnings(&self) -> Vec<String> {
        let of_table = self.inventory.get().map(|table| table.warnings.clone());
        let of_graph = self.graph.get().map(|looked| looked.warnings.clone());
        let all = of_table.into_iter().chain(of_graph);
        all.flatten().collect()
    }

    /// Who holds the modules of these assertions, and their ghosts; nothing where all objects were
    /// not looked at.
    pub fn holders_of<'a>(
        &self,
        assertions: impl Iterator<Item = &'a Assertion>,
    ) -> (Vec<Why>, Vec<Ghost>) {
        let (mut why, mut ghosts) = (Vec::new(), Vec::new());
        let Some(graph) = self.graph.get() else {
            return (why, ghosts);
        };
        for assertion in assertions {
            let of_ghosts = matches!(
                assertion,
                Assertion::Ghosts(..) | Assertion::Generations(..)
            );
            let name = assertion.name();
            if of_ghosts {
                let these = graph.body.ghosts.iter();
                add_new(&mut ghosts, these.filter(|ghost| is_of(ghost, name)));
            } else {
                let these = graph.body.why.iter();
                add_new(&mut why, these.filter(|why| Some(&*why.name) == name));
            }
        }
        (why, ghosts)
    }

    fn table(&self) -> Result<&Inventory, Failure> {
        or_look(&self.inventory, || self.opened.inventory(self.interpreter))
    }

    fn graph(&self) -> Result<&GraphFacts, Failure> {
        let look = || graph::check_facts(self.opened, self.interpreter, &self.names, self.limits);
        Ok(&or_look(&self.graph, look)?.body)
    }

    fn row(&self, name: &str) -> Result<Option<&ModuleRow>, Failure> {
        let rows = self.table()?.rows.iter();
        Ok(rows.filter(gives).find(|row| row.name == name))
    }

    fn why(&self, name: &str) -> Result<Option<&Why>, Failure> {
        let mut whys = self.graph()?.why.iter();
        Ok(whys.find(|why| why.name == name && why.alive))
    }
}

impl Facts for TargetFacts<'_> {
    type Error = Failure;

    fn keys_within(&self, name: &str) -> Result<Vec<String>, Failure> {
        let keys = self.table()?.rows.iter().filter(gives).map(|row| &row.name);
        Ok(keys.filter(|key| is_within(key, name)).cloned().collect())
    }

    fn loaded(&self, name: &str) -> Result<bool, Failure> {
        Ok(self.row(name)?.is_some())
    }

    fn version(&self, name: &str) -> Result<Option<String>, Failure> {
        Ok(self.row(name)?.and_then(|row| row.version.clone()))
    }

    fn refcount(&self, name: &str) -> Result<Option<i64>, Failure> {
        let counted = self.row(name)?.filter(|row| !row.immortal);
        Ok(counted.and_then(|row| row.refcount))
    }

    fn ghosts(&self, name: Option<&str>) -> Result<Vec<GhostFact>, Failure> {
        let ghosts = self.graph()?.ghosts.iter();
        let fact = |ghost: &Ghost| GhostFact {
            kind: ghost.kind.as_str().to_owned(),
            name: ghost.name.clone(),
            generation: ghost.generation,
        };
        Ok(ghosts
            .filter(|ghost| is_of(ghost, name))
            .map(fact)
            .collect())
    }

    fn generations(&self, name: &str) -> Result<u64, Failure> {
        let loaded = u64::from(self.loaded(name)?);
        let ghosts = self.graph()?.ghosts.iter();
        let (mut numbers, mut unnumbered) = (BTreeSet::new(), 0);
        for ghost in ghosts.filter(|ghost| ghost.module == name) {
            match ghost.generation {
                Some(number) => _ = numbers.insert(number),
                None => unnumbered += u64::from(ghost.kind == GhostKind::Globals),
            }
        }
        Ok(loaded + numbers.len() as u64 + unnumbered)
    }

    fn holders(&self, name: &str) -> Result<Option<Vec<String>>, Failure> {
        let Some(why) = self.why(name)? else {
            return Ok(None);
        };
        let roots = why.roots.iter().filter(|root| !root.detached_by_unload);
        let holders: BTreeSet<&str> = roots
            .map(holder)
            .chain(why.is_cut.then_some(MORE))
            .collect();
        Ok(Some(holders.into_iter().map(str::to_owned).collect()))
    }

    fn retained(&self, name: &str) -> Result<Option<u64>, Failure> {
        Ok(self.why(name)?.and_then(|why| why.retained_bytes))
    }

    fn mapped(&self, file: &str) -> Result<Option<String>, Failure> {
        let process = &self.opened.process;
        let maps = process
            .maps()
            .map_err(|error| Failure::from(error).of(process.pid()))?;
        let files = maps.files().into_iter().map(|mapped| &mapped.path);
        let found = files.filter(|path| path.ends_with(file)).min();
        Ok(found.map(|path| path.to_string_lossy().into_owned()))
    }
}

/// What a root is called in `held-by`: the module in which it lies, or else its kind.
fn holder(root: &Root) -> &str {
    let module = root.module.as_deref();
    module.unwrap_or(root.root_kind.as_str())
}

/// Whether a key gives something: a None blocks an import, or remembers that one failed.
fn gives(row: &&ModuleRow) -> bool {
    !matches!(row.kind, Kind::Stub | Kind::Blocked)
}

fn is_of(ghost: &Ghost, name: Option<&str>) -> bool {
    name.is_none_or(|name| is_within(&ghost.module, name))
}

fn is_within(key: &str, package: &str) -> bool {
    let rest = key.strip_prefix(package);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn add_new<'a, T: Clone + PartialEq + 'a>(all: &mut Vec<T>, more: impl Iterator<Item = &'a T>) {
    for one in more {
        if !all.contains(one) {
            all.push(one.clone());
        }
    }
}

/// What is in the cell; where it is empty, what `look` finds.
fn or_look<T>(
    cell: &OnceCell<T>,
    look: impl FnOnce() -> Result<T, Failure>,
) -> Result<&T, Failure> {
    if let Some(known) = cell.get() {
        return Ok(known);
    }
    let found = look()?;
    Ok(cell.get_or_init(|| found))
}
