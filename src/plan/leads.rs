//! Whether a row of a registry is there for the sake of a module: its value or its key is of the module,
//! or holds something of it without going through another module or class.

use crate::heap::kinds::Kind;
use crate::modules::picture::Picture;
use crate::plan::own::Own;
use crate::target::view::ViewMemory;
use std::collections::HashSet;

/// How far is looked, in references, and at how many objects.
const DEPTH: usize = 6;
const VISITED: usize = 2_000;

/// Whether `node` is of the set, or leads to it on a way of its own.
pub fn leads<M: ViewMemory>(picture: &Picture<'_, M>, own: &Own, node: u32) -> bool {
    let mut seen = HashSet::from([node]);
    let mut layer = vec![node];
    for _ in 0..=DEPTH {
        let mut next = Vec::new();
        for at in layer {
            if own.members.has(at) {
                return true;
            }
            if is_shared(picture, at) {
                continue;
            }
            for &to in picture.graph.referents(at) {
                if seen.len() < VISITED && seen.insert(to) {
                    next.push(to);
                }
            }
        }
        layer = next;
    }
    false
}

/// What belongs to nobody in particular: everything leads to modules and classes, and they to
/// everything.
fn is_shared<M: ViewMemory>(picture: &Picture<'_, M>, node: u32) -> bool {
    match picture.kind(node) {
        Some(Kind::Module) => true,
        // A class that no module gives was made for the one who has an instance of it.
        Some(Kind::Class) => {
            let mut referrers = picture.graph.referrers(node).iter();
            referrers.any(|&from| picture.namespaces.of_dict(from).is_some())
        }
        Some(Kind::Dict) => picture.namespaces.of_dict(node).is_some(),
        _ => false,
    }
}
