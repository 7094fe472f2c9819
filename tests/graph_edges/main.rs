//! The references of every kind of object, as the target's own collector gives them.
//!
//! The target keeps some hundred objects of every kind. Its memory is copied while it waits for a
//! line; then it writes what `gc.get_objects` and `gc.get_referents` say.

#[path = "../common/mod.rs"]
mod common;
mod counts;
mod left;

use common::{Interpreter, Target, on_every_interpreter, program};
use counts::{Counts, count_references, over_table};
use left::{Left, find_left};
use pyunload::address::Address;
use pyunload::heap::statics::find_areas;
use pyunload::heap::walk::walk;
use pyunload::pyobject::edges::Kind;
use pyunload::pyobject::edges::edge::{EdgeName, Tier};
use pyunload::pyobject::edges::tracer::Tracer;
use pyunload::pyobject::identify;
use pyunload::target::copy::CopyPlan;
use pyunload::target::process::Process;
use pyunload::target::threads::stack_pointers;
use pyunload::target::view::ViewMemory;
use std::collections::{BTreeMap, HashMap, HashSet};

/// More objects than the target has.
const LIMIT: usize = 1 << 22;

/// What the target said of itself.
struct Told {
    /// Referents of each object that the collector tracks.
    referents: HashMap<u64, Vec<u64>>,
    /// Module objects and their dicts.
    namespaces: HashSet<u64>,
}

fn ask(target: &mut Target, interpreter: &Interpreter) -> Told {
    let name = format!("/tmp/pyunload-zoo-{}", target.pid());
    target.send(&name);
    assert_eq!(target.line(), "DONE");
    let path = interpreter.inside(name.as_ref());
    let bytes = std::fs::read(&path).expect("the target wrote");
    std::fs::remove_file(&path).expect("it is there");
    let mut words = bytes
        .chunks_exact(8)
        .map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes")));
    let mut referents = HashMap::new();
    while let Some(object) = words.next().filter(|&object| object != 0) {
        let count = words.next().expect("a count") as usize;
        referents.insert(object, words.by_ref().take(count).collect());
    }
    Told {
        referents,
        namespaces: words.collect(),
    }
}

/// Counts by what leads to what.
type Table = BTreeMap<String, usize>;

/// What came of a comparison.
#[derive(Default)]
struct Score {
    objects: usize,
    missing_objects: usize,
    edges: usize,
    /// Edges found only as possible ones.
    possible: usize,
    /// Edges out of dicts of interned strings: no count of a string has them.
    uncounted: usize,
    /// Edges that lead through an object the collector does not track.
    through: usize,
    missed: Table,
    namespace_edges: usize,
    namespace_missed: Table,
    namespace_extra: Table,
    /// References that are found and not told, to see which kinds these are.
    extra: Table,
}

impl Score {
    fn recall(&self) -> f64 {
        let missed: usize = self.missed.values().sum();
        1.0 - missed as f64 / self.edges.max(1) as f64
    }
}

fn targets<M: ViewMemory>(tracer: &mut Tracer<'_, M>, object: u64) -> (HashSet<u64>, HashSet<u64>) {
    let (mut sure, mut possible) = (HashSet::new(), HashSet::new());
    tracer.visit(Address::new(object), &mut |edge| {
        match edge.tier {
            Tier::Certain | Tier::Probable => sure.insert(edge.to.value()),
            Tier::Possible => possible.insert(edge.to.value()),
        };
    });
    (sure, possible)
}

fn class_name<M: ViewMemory>(tracer: &mut Tracer<'_, M>, object: u64) -> String {
    let class = tracer.class_of(Address::new(object));
    class.map_or("?".into(), |class| tracer.class_name(class))
}

fn count(table: &mut Table, tracer: &mut Tracer<'_, impl ViewMemory>, holder: u64, to: u64) {
    let pair = format!(
        "{} -> {}",
        class_name(tracer, holder),
        class_name(tracer, to)
    );
    *table.entry(pair).or_default() += 1;
}

fn compare<M: ViewMemory>(tracer: &mut Tracer<'_, M>, found: &HashSet<u64>, told: &Told) -> Score {
    let mut score = Score {
        objects: told.referents.len(),
        ..Score::default()
    };
    for (&holder, referents) in &told.referents {
        if !found.contains(&holder) {
            score.missing_objects += 1;
            continue;
        }
        if tracer.interned().contains(&Address::new(holder)) {
            score.uncounted += referents.len();
            continue;
        }
        let (sure, possible) = targets(tracer, holder);
        let referents: HashSet<u64> = referents.iter().copied().collect();
        let mut inner = None;
        for &to in &referents {
            score.edges += 1;
            let is_namespace = told.namespaces.contains(&to);
            score.namespace_edges += usize::from(is_namespace);
            if sure.contains(&to) {
                continue;
            }
            if possible.contains(&to) {
                score.possible += 1;
                continue;
            }
            let inner = inner.get_or_insert_with(|| through(tracer, &sure));
            if inner.contains(&to) {
                score.through += 1;
                continue;
            }
            count(&mut score.missed, tracer, holder, to);
            if is_namespace {
                count(&mut score.namespace_missed, tracer, holder, to);
            }
        }
        for &to in sure.difference(&referents) {
            count(&mut score.extra, tracer, holder, to);
            if told.namespaces.contains(&to) {
                count(&mut score.namespace_extra, tracer, holder, to);
            }
        }
    }
    score
}

/// What is reached through C structures that are objects of their own, but that `tp_traverse` of
/// their only user looks through: links of an `lru_cache`, and what `ctypes` knows of a class.
const LOOKED_THROUGH: [&str; 2] = ["_lru_list_elem", "StgDict"];

fn through<M: ViewMemory>(tracer: &mut Tracer<'_, M>, sure: &HashSet<u64>) -> HashSet<u64> {
    let mut inner = HashSet::new();
    for &to in sure {
        if LOOKED_THROUGH.contains(&class_name(tracer, to).as_str()) {
            inner.extend(targets(tracer, to).0);
        }
    }
    inner
}

/// A line of the table in `docs/REFERENCES.md`.
fn row(interpreter: &Interpreter, score: &Score, counts: &Counts, left: &Left) -> String {
    let sum = |table: &Table| table.values().sum::<usize>();
    let cells = [
        interpreter.name.clone(),
        interpreter.version.clone(),
        score.objects.to_string(),
        score.missing_objects.to_string(),
        score.edges.to_string(),
        sum(&score.missed).to_string(),
        format!("{:.5}", score.recall()),
        score.through.to_string(),
        score.uncounted.to_string(),
        score.namespace_edges.to_string(),
        sum(&score.namespace_missed).to_string(),
        sum(&score.namespace_extra).to_string(),
        counts.nodes.to_string(),
        counts.over.len().to_string(),
        left.ints.to_string(),
        left.others.len().to_string(),
    ];
    format!("| {} |", cells.join(" | "))
}

fn top(table: &Table, most: usize) -> String {
    let mut rows: Vec<(&String, &usize)> = table.iter().collect();
    rows.sort_by_key(|&(_, count)| std::cmp::Reverse(*count));
    let rows = rows.iter().take(most);
    rows.map(|(pair, count)| format!("\n    {count} {pair}"))
        .collect()
}

fn references_are_those_of_the_collector(interpreter: &Interpreter) -> Result<(), String> {
    if interpreter.build == "freethreaded" || interpreter.build == "embed" {
        return Ok(());
    }
    let mut target = Target::start(interpreter, &program("graph_zoo.py"), &[]).at_rest();
    let process = Process::open(target.pid()).map_err(|error| error.to_string())?;
    let python = identify::find(&process)
        .map_err(|error| error.to_string())?
        .python;
    // The target waits for its input and nothing in it moves, so the copy needs no stop here.
    let mut plan = CopyPlan::of(&process, 1 << 30).map_err(|error| error.to_string())?;
    plan.fill(&process).map_err(|error| error.to_string())?;
    let copy = plan.over(&process);
    let walked = walk(&copy, &python, python.main(), LIMIT).map_err(|error| error.to_string())?;
    let found: HashSet<u64> = walked.objects.iter().map(|at| at.value()).collect();
    let told = ask(&mut target, interpreter);
    let mut tracer = Tracer::new(&copy, &python);
    let score = compare(&mut tracer, &found, &told);
    let counts = count_references(&mut tracer, &walked.objects);
    let table = over_table(&mut tracer, &counts);
    let areas = find_areas(
        &process,
        &process.maps().map_err(|error| error.to_string())?,
        &stack_pointers(&process),
    );
    let left = find_left(&copy, &python, areas)?;
    println!("{}", row(interpreter, &score, &counts, &left));
    for one in &left.others {
        println!("  unexplained: {one}");
    }
    println!("  missed:{}", top(&score.missed, 25));
    println!("  namespaces missed:{}", top(&score.namespace_missed, 20));
    println!("  namespaces extra:{}", top(&score.namespace_extra, 20));
    println!("  not told:{}", top(&score.extra, 40));
    println!("  over:{}", top(&table, 25));
    println!("  lead nowhere:{}", top(&counts.invalid, 10));
    threads_are_seen(&mut tracer)?;
    check(&score, &counts)?;
    match left.others.len() <= left::MOST {
        true => Ok(()),
        false => Err(format!("{} objects are not explained", left.others.len())),
    }
}

/// The local variable `keeping` of each of the four threads that wait is found, as a root or in a
/// frame object that a root leads to.
fn threads_are_seen<M: ViewMemory>(tracer: &mut Tracer<'_, M>) -> Result<(), String> {
    let mut roots = Vec::new();
    tracer.visit_roots(&mut |root| roots.push(root));
    let mut labels: Vec<String> = Vec::new();
    let mut looked_at = HashSet::new();
    for root in roots {
        labels.push(tracer.label(root.to, root.name));
        let mut frame = root.to;
        while tracer.kind(frame) == Kind::Frame && looked_at.insert(frame) {
            let mut edges = Vec::new();
            tracer.visit(frame, &mut |edge| edges.push(edge));
            labels.extend(edges.iter().map(|edge| tracer.label(frame, edge.name)));
            let back = edges
                .iter()
                .find(|edge| edge.name == EdgeName::Attribute("f_back"));
            frame = back.map_or(Address::NULL, |edge| edge.to);
        }
    }
    let seen = labels
        .iter()
        .filter(|label| label.as_str() == " local variable keeping")
        .count();
    match seen {
        4 => Ok(()),
        _ => Err(format!("{seen} threads are seen instead of 4")),
    }
}

fn check(score: &Score, counts: &Counts) -> Result<(), String> {
    if score.objects < 10_000 || score.namespace_edges < 500 {
        return Err("the target told too little".into());
    }
    if score.missing_objects > 0 {
        return Err(format!("{} objects are missing", score.missing_objects));
    }
    if !score.namespace_missed.is_empty() || !score.namespace_extra.is_empty() {
        return Err("references to namespaces differ".into());
    }
    if counts.over.len() * 1000 > counts.nodes {
        return Err(format!("{} objects are over", counts.over.len()));
    }
    match score.recall() >= 0.999 {
        true => Ok(()),
        false => Err(format!("recall is {:.5}", score.recall())),
    }
}

#[test]
fn references_from_memory_are_those_the_collector_follows() {
    on_every_interpreter(references_are_those_of_the_collector);
}
