//! What is said of a module from outside.

use crate::common::wait_until_at_rest;
use pyunload::heap::statics::find_areas;
use pyunload::modules::picture::Picture;
use pyunload::plan::border::{Border, Root, find_border};
use pyunload::plan::cut::{Cut, cut};
use pyunload::plan::entries::{entries, holds};
use pyunload::plan::key::Key;
use pyunload::plan::own::{Cuts, Own};
use pyunload::plan::predict::{Left, find_left, predict};
use pyunload::plan::standing::{Standing, judge};
use pyunload::pyobject::identify;
use pyunload::target::copy::{Copy, CopyPlan};
use pyunload::target::process::Process;
use pyunload::target::threads::stack_pointers;
use pyunload::target::view::ViewMemory;
use std::collections::{BTreeSet, HashSet};

/// The memory that is looked at.
pub type Copied<'p> = Copy<&'p Process>;

/// More memory than any target of ours has.
const MEMORY: u64 = 4 << 30;

/// How often a picture is taken before it is believed that none can be.
const ATTEMPTS: usize = 10;

/// Runs `look` on a picture of the process. It waits for its input, so the copy needs no stop; but a
/// thread that waits with a time limit may wake up, as all of them do again and again on 2.7: then
/// the copy is made once more, as the commands do.
pub fn with_picture<T>(
    pid: i32,
    look: impl FnOnce(&Picture<'_, Copied<'_>>) -> Result<T, String>,
) -> Result<T, String> {
    let mut attempts = 1;
    loop {
        wait_until_at_rest(pid);
        let process = Process::open(pid).map_err(text)?;
        let python = identify::find(&process).map_err(text)?.python;
        let mut plan = CopyPlan::of(&process, MEMORY).map_err(text)?;
        plan.fill(&process).map_err(text)?;
        let copy = plan.over(&process);
        let areas = find_areas(
            &process,
            &process.maps().map_err(text)?,
            &stack_pointers(&process),
        );
        match Picture::take(&copy, &python, areas) {
            Err(error) if error.may_pass() && attempts < ATTEMPTS => attempts += 1,
            taken => return look(&taken.map_err(text)?),
        }
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// What unloading `names` takes away.
pub fn cut_of<M: ViewMemory>(picture: &Picture<'_, M>, names: &[&str]) -> Result<Cut, String> {
    let (memory, layout) = (picture.memory, &picture.python.layout);
    let names: Vec<Key> = names.iter().copied().map(Key::new).collect();
    let table = &picture.tables[0];
    let entries = entries(memory, layout, &table.rows, &names).map_err(text)?;
    let holds = |dict, name: &Key, child| holds(memory, layout, dict, name, child);
    cut(&entries, &names, holds).map_err(text)
}

/// What is said of one module.
#[derive(Debug)]
pub struct Seen {
    /// `kind remedy|blocked|permanent word` of every root.
    pub roots: BTreeSet<String>,
    /// The same with the ways, for a person.
    pub ways: Vec<String>,
    /// One letter for each kind of thing that would be left.
    pub left: String,
    /// Whether its shared library is foreseen to stay mapped.
    pub is_mapped: bool,
    /// Whether the search was cut short.
    pub is_cut: bool,
}

/// Looks at one module of the process.
pub fn look_at(pid: i32, name: &str) -> Result<Seen, String> {
    with_picture(pid, |picture| {
        let cut = cut_of(picture, &[name])?;
        let own = Own::of_cut(picture, &cut);
        let cuts = Cuts::of(picture, &cut);
        let border = find_border(picture, &own, &cuts);
        let left = find_left(picture, &cut, &cuts, &HashSet::new());
        let foreseen = predict(picture, &cut, &cuts, &HashSet::new());
        Ok(Seen {
            roots: roots_of(picture, &own, &border),
            ways: ways_of(picture, &own, &border),
            left: letters(&left),
            is_mapped: !foreseen.mapped.is_empty(),
            is_cut: border.is_cut,
        })
    })
}

fn letters(left: &Left) -> String {
    let kinds = [
        ('c', &left.classes),
        ('f', &left.functions),
        ('g', &left.dicts),
        ('m', &left.modules),
    ];
    let some = kinds.iter().filter(|(_, nodes)| !nodes.is_empty());
    let letters: String = some.map(|&(letter, _)| letter).collect();
    match letters.is_empty() {
        true => "-".into(),
        false => letters,
    }
}

/// The words for a root: what kind it is, and what can be done.
pub fn words_of(picture: &Picture<'_, Copied<'_>>, own: &Own, root: &Root) -> String {
    let judged = judge(picture, own, root);
    let standing = match judged.standing {
        Standing::Remediable(remedy) => format!("remedy {}", remedy.kind),
        Standing::Blocked { kind, .. } => format!("blocked {kind}"),
        Standing::Permanent { .. } => "permanent".into(),
    };
    format!("{} {standing}", judged.kind.word())
}

fn roots_of(picture: &Picture<'_, Copied<'_>>, own: &Own, border: &Border) -> BTreeSet<String> {
    let roots = border.roots.iter();
    roots.map(|root| words_of(picture, own, root)).collect()
}

/// The ways of all roots, for a person.
pub fn ways_of(picture: &Picture<'_, Copied<'_>>, own: &Own, border: &Border) -> Vec<String> {
    let way = |root: &Root| {
        let mut text = format!("{}: {:?}", words_of(picture, own, root), root.anchor);
        if let pyunload::plan::border::Anchor::Module(holder) = root.anchor {
            let described = picture.describe(holder);
            text = format!(
                "{}: {} {}{}",
                words_of(picture, own, root),
                described.kind,
                described.name,
                picture.label(holder, root.way[0])
            );
        }
        for (index, &node) in root.way.iter().enumerate() {
            let described = picture.describe(node);
            text += &format!(" -> {} {}", described.kind, described.name);
            if let Some(&next) = root.way.get(index + 1) {
                text += &picture.label(node, next);
            }
        }
        text
    };
    border.roots.iter().map(way).collect()
}

/// What is foreseen of a package.
#[derive(Debug)]
pub struct Globals {
    /// The `__name__` of every globals dict that would be left, sorted.
    pub names: Vec<String>,
    /// As in [`Seen`].
    pub roots: BTreeSet<String>,
}

/// Looks at a package of the process.
pub fn globals_left(pid: i32, package: &str) -> Result<Globals, String> {
    with_picture(pid, |picture| {
        let cut = cut_of(picture, &[package])?;
        let own = Own::of_cut(picture, &cut);
        let cuts = Cuts::of(picture, &cut);
        let border = find_border(picture, &own, &cuts);
        let left = find_left(picture, &cut, &cuts, &HashSet::new());
        let name = |&dict: &u32| {
            let namespace = picture.namespaces.of_dict(dict)?;
            Some(namespace.name.as_ref()?.escaped())
        };
        let mut names: Vec<String> = left.dicts.iter().filter_map(name).collect();
        names.sort_unstable();
        Ok(Globals {
            names,
            roots: roots_of(picture, &own, &border),
        })
    })
}
