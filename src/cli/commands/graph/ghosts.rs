//! Code that is alive under names that sys.modules no longer gives.

use super::holders::roots;
use super::take::Seen;
use crate::heap::dominators::Dominators;
use crate::modules::ghosts::{Ghost, GhostKind, GhostState, find_ghosts};
use crate::plan::border::find_border;
use crate::plan::key::Key;
use crate::plan::own::{Cuts, Own};
use crate::report;
use std::collections::HashMap;

/// The ghosts of a package, or all of them; CPython's own are left out.
pub fn answer(picture: &Seen<'_>, name: Option<&str>) -> Vec<report::Ghost> {
    let package = name.map(Key::new);
    let is_of = |ghost: &Ghost| {
        let key = Key::new(&ghost.name);
        package
            .as_ref()
            .is_none_or(|package| key.is_within(package))
    };
    let ghosts: Vec<Ghost> = find_ghosts(picture)
        .into_iter()
        .filter(|ghost| !ghost.is_cpythons_own && is_of(ghost))
        .collect();
    let retained = retained(picture, &ghosts);
    let numbered = ghosts.iter().zip(retained);
    numbered
        .map(|(ghost, retained)| report_of(picture, ghost, retained))
        .collect()
}

fn report_of(picture: &Seen<'_>, ghost: &Ghost, retained: u64) -> report::Ghost {
    let module = match ghost.kind {
        GhostKind::Class => ghost.name.rsplit_once('.').map_or("", |(module, _)| module),
        GhostKind::Globals | GhostKind::Module => &ghost.name,
    };
    let rows = picture.tables.iter().flat_map(|table| &table.rows);
    let own = Own::of_members(ghost.object, &ghost.members);
    let border = match ghost.state {
        GhostState::Held => find_border(picture, &own, &Cuts::default()),
        GhostState::Garbage | GhostState::GarbageWhileOff => Default::default(),
    };
    report::Ghost {
        kind: match ghost.kind {
            GhostKind::Module => report::GhostKind::Module,
            GhostKind::Globals => report::GhostKind::Globals,
            GhostKind::Class => report::GhostKind::Class,
        },
        replaced: rows.clone().any(|row| row.name == module),
        module: module.to_owned(),
        name: ghost.name.clone(),
        generation: Some(ghost.generation.into()),
        address: picture.graph.address(ghost.object).into(),
        functions: ghost.functions as u64,
        classes: ghost.classes as u64,
        instances: ghost.instances as u64,
        retained_bytes: Some(retained),
        state: match ghost.state {
            GhostState::Held => report::GhostState::Held,
            GhostState::Garbage => report::GhostState::Garbage,
            GhostState::GarbageWhileOff => report::GhostState::CollectorOff,
        },
        holders: roots(picture, &own, &border, |_| false),
    }
}

/// What each ghost keeps alive with all its members together.
fn retained(picture: &Seen<'_>, ghosts: &[Ghost]) -> Vec<u64> {
    if ghosts.is_empty() {
        return Vec::new();
    }
    let pairs = |ghost: &Ghost| -> Vec<(u32, u32)> {
        let object = ghost.object;
        ghost
            .members
            .iter()
            .map(|&member| (member, object))
            .collect()
    };
    let group: HashMap<u32, u32> = ghosts.iter().flat_map(pairs).collect();
    let mut tracer = picture.tracer();
    let found = Dominators::of(
        &picture.graph,
        |node| tracer.size(picture.graph.address(node)),
        |node| group.get(&node).copied().unwrap_or(node),
        |_, _| false,
    );
    ghosts
        .iter()
        .map(|ghost| found.retained(ghost.object))
        .collect()
}
