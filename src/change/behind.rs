//! Who keeps what an unload has left.

use crate::change::look::{Memory, Seen, areas};
use crate::change::prove::Tell;
use crate::change::target::Target;
use crate::heap::remains::Remains;
use crate::modules::picture::Picture;
use crate::plan::border::{Anchor, Border, find_border};
use crate::plan::own::{Cuts, Own};
use crate::plan::standing::names_in;

/// Who keeps what is left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Behind {
    /// For each of the modules that were sought, the ways from whoever holds something of it.
    pub paths: Vec<Vec<Vec<String>>>,
    /// Names of other modules that hold something of them.
    pub names: Vec<Name>,
}

/// A name in a module.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The module.
    pub module: String,
    /// The name.
    pub name: String,
    /// What it holds.
    pub kind: String,
}

/// Works it out in the copy in which it was found. `None` when nothing is left, or all objects together
/// cannot be understood.
pub(super) fn behind(
    copy: &Memory<'_>,
    target: Target<'_>,
    sought: usize,
    remains: &Remains,
    tell: &Tell<'_>,
) -> Option<Behind> {
    if remains.certain.is_empty() {
        return None;
    }
    let picture = Picture::take(copy, target.python, areas(target, copy)).ok()?;
    let mut behind = Behind::default();
    for of in 0..sought {
        let left = remains.certain.iter().filter(|remain| remain.of == of);
        let nodes = left.filter_map(|remain| picture.graph.find(remain.address));
        let nodes: Vec<u32> = nodes.collect();
        let border = nodes.first().map_or_else(Border::default, |&first| {
            find_border(&picture, &Own::of_members(first, &nodes), &Cuts::default())
        });
        behind.paths.push(tell(&picture, &border));
        behind.names.extend(names(&picture, &border));
    }
    behind.names.sort();
    behind.names.dedup();
    Some(behind)
}

/// The names of modules that hold the set directly.
fn names(picture: &Seen<'_>, border: &Border) -> Vec<Name> {
    let mut found = Vec::new();
    for root in &border.roots {
        let (Anchor::Module(dict), &[held]) = (root.anchor, &root.way[..]) else {
            continue;
        };
        let Some(module) = picture.module_name(dict) else {
            continue;
        };
        let names = names_in(picture, dict, held).into_iter();
        found.extend(names.map(|name| Name {
            module: module.clone(),
            name,
            kind: picture.describe(held).kind,
        }));
    }
    found
}
