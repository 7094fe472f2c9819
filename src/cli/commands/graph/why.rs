//! Who holds a module.

use super::holders::{object, roots};
use super::plan::{detached, verdict_of};
use super::take::Seen;
use crate::cpython::python::Interpreter;
use crate::modules::namespaces::Namespace;
use crate::plan::border::{Border, find_border};
use crate::plan::key::Key;
use crate::plan::own::{Cuts, Own};
use crate::report::{self, Account, Why};

/// The answer; `None` when nothing of the module is alive.
pub fn answer(picture: &Seen<'_>, interpreter: &Interpreter, name: &str) -> Option<Why> {
    let (own, loaded) = own_set(picture, interpreter, name)?;
    let cuts = Cuts::of_modules(picture, &own);
    let border = find_border(picture, &own, &cuts);
    Some(Why {
        name: name.to_owned(),
        alive: true,
        loaded,
        verdict: verdict_of(picture, &own, &border, name),
        roots: roots(picture, &own, &border, |root| detached(picture, root, name)),
        is_cut: border.is_cut,
        border: crossings(picture, &border),
        account: account(picture, &own),
        retained_bytes: Some(retained(picture, &own, &border)),
    })
}

/// Everything of a package that is loaded; when nothing of it is, its newest ghost.
fn own_set(picture: &Seen<'_>, interpreter: &Interpreter, name: &str) -> Option<(Own, bool)> {
    let package = Key::new(name);
    let mut tables = picture.tables.iter();
    let table = tables.find(|table| table.interpreter.id == interpreter.id)?;
    let is_of = |key: &str| Key::new(key).is_within(&package);
    let rows = table.rows.iter().filter(|row| is_of(&row.name));
    let dicts = rows.filter_map(|row| picture.graph.find(row.dict?));
    let named = |namespace: &&Namespace| {
        let own = namespace.name.as_ref().map(Key::from);
        own.is_none_or(|own| own.is_within(&package))
    };
    let loaded: Vec<&Namespace> = dicts
        .filter_map(|dict| picture.namespaces.of_dict(dict))
        .filter(named)
        .collect();
    if !loaded.is_empty() {
        return Some((Own::of(loaded), true));
    }
    let text = crate::pyobject::text::Text::from(&package);
    let ghosts = picture.namespaces.named(&text);
    let newest = ghosts.max_by_key(|namespace| namespace.dict)?;
    Some((Own::of([newest]), false))
}

fn crossings(picture: &Seen<'_>, border: &Border) -> Vec<report::Border> {
    let crossings = border.crossings.iter();
    crossings
        .filter_map(|crossing| {
            let from = crossing.from?;
            Some(report::Border {
                from: object(picture, from),
                edge: picture.label(from, crossing.to),
                to: object(picture, crossing.to),
                root: Some(crossing.root),
            })
        })
        .collect()
}

/// The count of the globals of the module itself, accounted for.
fn account(picture: &Seen<'_>, own: &Own) -> Option<Account> {
    let graph = &picture.graph;
    let &globals = own.dicts.first()?;
    let refcount = graph.refcount(globals)?;
    let unexplained = graph.unexplained(globals);
    let referrers = graph.referrers(globals).iter();
    let inside = referrers.filter(|&&from| own.members.has(from)).count() as i64;
    let explained = i64::from(refcount) - i64::from(unexplained);
    Some(Account {
        refcount: refcount.into(),
        inside: inside as u64,
        outside: explained.saturating_sub(inside).max(0) as u64,
        unexplained: unexplained.into(),
    })
}

/// Bytes of the set and of everything that only it keeps alive. Every reference that is cut leads to
/// a member.
fn retained(picture: &Seen<'_>, own: &Own, border: &Border) -> u64 {
    let graph = &picture.graph;
    let kept = border.outside.kept_by(graph, &own.members);
    let mut tracer = picture.tracer();
    kept.iter()
        .map(|node| tracer.size(graph.address(node)))
        .sum()
}
