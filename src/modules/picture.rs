//! A whole interpreter at one moment: the tables of modules, all objects, and who holds whom.

use crate::address::{Address, AddressRange};
use crate::cpython::layout::Layout;
use crate::cpython::python::{Interpreter, Python};
use crate::heap::discovery::Discovery;
use crate::heap::graph::{Graph, GraphError};
use crate::heap::kinds::Kinds;
use crate::heap::signal_table::find_signal_table;
use crate::heap::source::{RootWord, Source};
use crate::heap::statics::{Area, AreaKind, words_of};
use crate::heap::walk::{WalkError, walk_each};
use crate::modules::inventory::inventory_of_still;
use crate::modules::namespaces::Namespaces;
use crate::modules::row::ModuleRow;
use crate::modules::variables::{is_whole_container, own_references};
use crate::pyobject::class::Flags;
use crate::pyobject::edges::edge::{Edge, EdgeName, Tier};
use crate::pyobject::edges::roots::{Root, RootPlace};
use crate::pyobject::edges::tracer::Tracer;
use crate::pyobject::error::ObjectError;
use crate::pyobject::text::{self, Text};
use crate::target::memory::ReadError;
use crate::target::view::ViewMemory;
use std::cell::{RefCell, RefMut};
use std::collections::HashMap;

/// More objects than this are not taken in: 4 GB of our own memory.
const OBJECTS: usize = 50_000_000;

/// Why there is no picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// The lists of the collector cannot be walked.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// Lists broke off.
    #[error("the lists of the collector could not be followed to their end")]
    Torn,
    /// Too many objects.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A module table cannot be read.
    #[error(transparent)]
    Table(#[from] ObjectError),
    /// Memory could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl PictureError {
    /// Whether another copy of the same process may be whole.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            PictureError::Walk(WalkError::Collecting) | PictureError::Torn | PictureError::Table(_)
        )
    }
}

/// Something that is no object and holds one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// Part of the state of the interpreter.
    Python(RootPlace, EdgeName),
    /// A variable of a program or library, or a word of the stack.
    Word {
        /// In which of the picture's areas.
        area: u32,
        /// Where it is.
        at: Address,
    },
}

/// `sys.modules` of one interpreter.
#[derive(Debug, Clone)]
pub struct Table {
    /// The interpreter.
    pub interpreter: Interpreter,
    /// The rows, in their order.
    pub rows: Vec<ModuleRow>,
    /// What could not be read of it.
    pub warnings: Vec<String>,
}

/// What the collector of an interpreter is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CollectorState {
    /// Whether it runs by itself; `None` when that is not known.
    pub enabled: Option<bool>,
    /// Objects that it leaves alone (`gc.freeze`).
    pub frozen: usize,
}

/// Everything that is alive, and why.
pub struct Picture<'m, M> {
    /// The memory it was made from.
    pub memory: &'m M,
    /// Its CPython.
    pub python: &'m Python,
    /// All objects.
    pub graph: Graph,
    /// The module tables, that of the main interpreter first.
    pub tables: Vec<Table>,
    /// What namespaces there are, and whose functions and classes.
    pub namespaces: Namespaces,
    /// What the collector of each interpreter is set to.
    pub collectors: Vec<CollectorState>,
    /// Where C code may keep references.
    pub areas: Vec<Area>,
    /// What the root words of the graph are.
    holders: Vec<Holder>,
    tracer: RefCell<Tracer<'m, M>>,
    pub(super) kinds: Kinds<'m>,
}

impl<M: ViewMemory> Source for Tracer<'_, M> {
    fn ranges(&self) -> Vec<AddressRange> {
        Tracer::ranges(self)
    }
    fn is_object(&mut self, at: Address) -> bool {
        Tracer::is_object(self, at)
    }
    fn visit(&mut self, object: Address, visit: &mut impl FnMut(Edge)) {
        Tracer::visit(self, object, visit);
    }
    fn refcount(&self, object: Address) -> Option<crate::pyobject::header::Refcount> {
        Tracer::refcount(self, object)
    }
}

impl<'m, M: ViewMemory> Picture<'m, M> {
    /// Takes in everything. `areas` are where C code may keep references.
    ///
    /// # Errors
    /// [`PictureError`].
    pub fn take(memory: &'m M, python: &'m Python, areas: Vec<Area>) -> Result<Self, PictureError> {
        let mut tracer = Tracer::new(memory, python);
        let mut discovery = Discovery::new(&tracer, OBJECTS);
        let collectors = discovery.seed(|seed| walk_all(memory, python, seed))??;
        let (holders, words) = find_roots(memory, &python.layout, &mut tracer, &areas);
        let variables = holders.iter().zip(&words).filter(|(holder, _)| {
            matches!(holder, Holder::Word { area, .. }
                if matches!(areas[*area as usize].kind, AreaKind::Variables(_)))
        });
        let words_of_files = variables.map(|(_, word)| word.to);
        let containers = words_of_files.filter(|&to| is_whole_container(&mut tracer, to));
        discovery.seed(|seed| containers.for_each(seed))?;
        let graph = Graph::of(discovery, &words)?;
        let tables = read_tables(memory, python)?;
        let namespaces = Namespaces::of(memory, python, &graph, &tables)?;
        Ok(Picture {
            memory,
            python,
            graph,
            tables,
            namespaces,
            collectors,
            areas,
            holders,
            tracer: RefCell::new(tracer),
            kinds: Kinds::new(&python.layout),
        })
    }

    /// What knows the references out of an object.
    pub fn tracer(&self) -> RefMut<'_, Tracer<'m, M>> {
        self.tracer.borrow_mut()
    }

    /// What holds an object without being one.
    pub fn holders_of(&self, node: u32) -> Vec<Holder> {
        let words = self.graph.roots_of(node);
        words.map(|word| self.holders[word as usize]).collect()
    }

    /// The names under which one object refers to another, as often as the graph has it.
    pub fn names_of(&self, from: u32, to: u32) -> Vec<EdgeName> {
        let admitted = self
            .graph
            .referents(from)
            .iter()
            .filter(|&&node| node == to)
            .count();
        let wanted = self.graph.address(to);
        let mut found: Vec<(Tier, EdgeName)> = Vec::new();
        self.tracer().visit(self.graph.address(from), &mut |edge| {
            if edge.to == wanted {
                found.push((edge.tier, edge.name));
            }
        });
        found.sort_by_key(|&(tier, _)| tier);
        found
            .into_iter()
            .take(admitted)
            .map(|(_, name)| name)
            .collect()
    }

    /// What the first of these names is called: `['key']`, `.__globals__`.
    pub fn label(&self, from: u32, to: u32) -> String {
        match self.names_of(from, to).first() {
            Some(&name) => self.tracer().label(self.graph.address(from), name),
            None => String::new(),
        }
    }

    /// The class of an object.
    pub fn class_of(&self, node: u32) -> Option<Address> {
        let at = self.graph.address(node);
        self.python.layout.header.class.read(self.memory, at).ok()
    }

    /// The name of the class of an object.
    pub fn class_name(&self, node: u32) -> String {
        let class = self.class_of(node);
        class.map_or_else(|| "?".to_owned(), |class| self.tracer().class_name(class))
    }

    /// The `str` at `at`, on 2.7 also the `unicode`; `None` for anything else: a key may be any object.
    pub fn text_at(&self, at: Address) -> Option<Text> {
        let layout = &self.python.layout;
        let class = layout.header.class.read(self.memory, at).ok()?;
        let flags = layout.class.flags.read(self.memory, class).ok()?;
        let kind = Flags(flags).text_kind()?;
        let is_name = kind == text::Kind::Unicode || kind == text::native(layout);
        let read = is_name.then(|| text::read_kind(self.memory, layout, at, kind));
        read?.ok()
    }
}

/// Gives the objects of all lists of all interpreters to `visit`.
fn walk_all(
    memory: &impl ViewMemory,
    python: &Python,
    mut visit: &mut dyn FnMut(Address),
) -> Result<Vec<CollectorState>, PictureError> {
    let mut collectors = Vec::new();
    for interpreter in &python.interpreters {
        let walked = walk_each(memory, python, interpreter, OBJECTS, &mut visit)?;
        if !walked.is_complete() {
            return Err(PictureError::Torn);
        }
        collectors.push(CollectorState {
            enabled: is_enabled(memory, python, interpreter),
            frozen: walked.frozen,
        });
        if python.version.minor < 9 {
            break; // One collector for all interpreters.
        }
    }
    Ok(collectors)
}

fn is_enabled(
    memory: &impl ViewMemory,
    python: &Python,
    interpreter: &Interpreter,
) -> Option<bool> {
    let collector = &python.layout.collector;
    let base = python.place(collector.place, interpreter)?;
    Some(collector.enabled?.read(memory, base).ok()? != 0)
}

fn find_roots<M: ViewMemory>(
    memory: &M,
    layout: &Layout,
    tracer: &mut Tracer<'_, M>,
    areas: &[Area],
) -> (Vec<Holder>, Vec<RootWord>) {
    let (mut holders, mut words) = (Vec::new(), Vec::new());
    let mut add = |root: Root| {
        holders.push(Holder::Python(root.place, root.name));
        words.push(RootWord {
            to: root.to,
            tier: root.tier,
        });
    };
    tracer.visit_roots(&mut add);
    if !tracer.has_signals()
        && let Some(table) = find_signal_table(memory, areas, |at| tracer.is_object(at))
    {
        tracer.visit_signal_table(table, &mut add);
    }
    let class = tracer.class_offset();
    let borrowed = tracer.borrowed();
    let threads = tracer.thread_states();
    for (number, area) in areas.iter().enumerate() {
        let mut add = |at, to| {
            holders.push(Holder::Word {
                area: number as u32,
                at,
            });
            words.push(RootWord {
                to,
                tier: Tier::Possible,
            });
        };
        for (at, to) in words_of(memory, area) {
            if borrowed.iter().any(|range| range.contains(at)) {
                continue;
            }
            add(at, to);
            if area.kind == AreaKind::Stack {
                tracer.visit_bootstate(to, &threads, &mut |object| add(at, object));
            } else {
                let object = at.before(class);
                for _ in 0..own_references(memory, layout, tracer, [object, to]) {
                    add(object, object);
                }
            }
        }
    }
    (holders, words)
}

fn read_tables(memory: &impl ViewMemory, python: &Python) -> Result<Vec<Table>, PictureError> {
    let mut tables = Vec::new();
    for interpreter in &python.interpreters {
        let inventory = inventory_of_still(memory, python, interpreter)?;
        tables.push(Table {
            interpreter: *interpreter,
            rows: inventory.rows,
            warnings: inventory.warnings,
        });
    }
    Ok(tables)
}

/// Counts by name, the most frequent first.
pub fn count_by_name(names: impl IntoIterator<Item = String>) -> Vec<(String, usize)> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
    counts
}
