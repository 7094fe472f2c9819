//! Proves, between the two phases, that only the record holds what was taken away.
//!
//! The modules are in the record, so their addresses are theirs. The reference to the record is taken out
//! of the graph, with those that the last remedies will take away: nothing of the modules may then be
//! alive.

use crate::change::look::{Seen, with_picture};
use crate::change::plan::Plan;
use crate::change::record::{HOME, find_in};
use crate::change::target::Target;
use crate::change::verify::Unproven;
use crate::modules::picture::Holder;
use crate::plan::border::{Anchor, Border, find_border};
use crate::plan::own::{Cuts, Own};
use crate::plan::predict::find_left;
use crate::pyobject::edges::roots::RootPlace;
use crate::target::pause::StopLimits;
use std::collections::HashSet;
use std::time::Duration;

/// How a holder is told: the way from it to what it holds.
pub type Tell<'t> = dyn Fn(&Seen<'_>, &Border) -> Vec<Vec<String>> + 't;

/// Who holds it besides the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// One way for each.
    pub paths: Vec<Vec<String>>,
    /// Whether all of it is in use by something that runs, which may pass.
    pub may_pass: bool,
}

/// Looks once. `None` when nothing else holds it.
///
/// # Errors
/// [`Unproven`].
pub fn prove(
    target: Target<'_>,
    limits: StopLimits,
    stopped: &mut Duration,
    plan: &Plan,
    tell: &Tell<'_>,
) -> Result<Option<Held>, Unproven> {
    with_picture(target, limits, stopped, |picture| {
        let own = Own::of_cut(picture, &plan.cut);
        let last = plan.steps.iter().filter(|step| step.word.is_last());
        let last: Vec<_> = last.cloned().collect();
        let mut cuts = Cuts::of(picture, &plan.cut).with_steps(picture, &last);
        if let Some((home, record)) = find_record(picture) {
            cuts = cuts.with_edge(home, record);
        }
        let left = find_left(picture, &plan.cut, &cuts, &HashSet::new());
        (!left.is_empty()).then(|| {
            let border = find_border(picture, &own, &cuts);
            Held {
                paths: tell(picture, &border),
                may_pass: border.roots.iter().all(|root| is_running(&root.anchor)),
            }
        })
    })
}

fn is_running(anchor: &Anchor) -> bool {
    match anchor {
        Anchor::Holder(Holder::Python(place, _)) => {
            matches!(place, RootPlace::Frame { .. } | RootPlace::Thread { .. })
        }
        Anchor::Holder(Holder::Word { .. }) | Anchor::HeldFromC(_) => true,
        Anchor::Module(_) | Anchor::Immortal => false,
    }
}

fn find_record(picture: &Seen<'_>) -> Option<(u32, u32)> {
    let layout = &picture.python.layout;
    let mut homes = picture.tables.iter().flat_map(|table| &table.rows);
    homes.find_map(|row| {
        let home = row.dict.filter(|_| row.name == HOME)?;
        let record = find_in(picture.memory, layout, home)?;
        Some((picture.graph.find(home)?, picture.graph.find(record)?))
    })
}
