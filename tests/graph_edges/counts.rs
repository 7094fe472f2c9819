//! How many certain references lead to each object, against the count that it has.

use crate::{Table, class_name};
use pyunload::address::Address;
use pyunload::pyobject::edges::edge::Tier;
use pyunload::pyobject::edges::tracer::Tracer;
use pyunload::target::view::ViewMemory;
use std::collections::{BTreeMap, HashMap, HashSet};

/// What came of counting.
pub struct Counts {
    pub nodes: usize,
    /// Objects with more certain references than their count says, by what leads to them.
    pub over: BTreeMap<Address, Vec<String>>,
    /// Certain references that lead to no object, by what they lead from.
    pub invalid: Table,
}

/// Counts the certain references to everything that is reached.
pub fn count_references<M: ViewMemory>(tracer: &mut Tracer<'_, M>, walked: &[Address]) -> Counts {
    let mut queue: Vec<Address> = walked.to_vec();
    let mut counts: HashMap<Address, i64> = walked.iter().map(|&at| (at, 0)).collect();
    let mut invalid = HashSet::new();
    let mut next = 0;
    while let Some(&object) = queue.get(next) {
        next += 1;
        let mut found = Vec::new();
        tracer.visit(object, &mut |edge| found.push(edge));
        for edge in found.into_iter().filter(|edge| edge.tier != Tier::Possible) {
            let count = counts.entry(edge.to).or_insert_with(|| {
                queue.push(edge.to);
                0
            });
            *count += i64::from(edge.tier == Tier::Certain);
        }
        while let Some(&to) = queue.get(next).filter(|&&to| !tracer.is_object(to)) {
            invalid.insert(to);
            queue.swap_remove(next);
        }
    }
    let is_over = |tracer: &mut Tracer<'_, M>, to: Address, count: i64| {
        let refcount = tracer.refcount(to).filter(|refcount| !refcount.immortal);
        refcount.is_some_and(|refcount| count > refcount.count)
    };
    let mut over: BTreeMap<Address, Vec<String>> = counts
        .into_iter()
        .filter(|&(to, count)| !invalid.contains(&to) && is_over(tracer, to, count))
        .map(|(to, _)| (to, Vec::new()))
        .collect();
    let mut leads = Table::new();
    for &object in &queue {
        let mut found = Vec::new();
        tracer.visit(object, &mut |edge| found.push(edge));
        for edge in found.into_iter().filter(|edge| edge.tier == Tier::Certain) {
            let is_invalid = invalid.contains(&edge.to);
            if is_invalid || over.contains_key(&edge.to) {
                let holder = class_name(tracer, object.value());
                let label = tracer.label(object, edge.name);
                let lead = format!(
                    "{holder}{}",
                    if label.starts_with('[') { "[]" } else { &label }
                );
                if is_invalid {
                    *leads.entry(lead).or_default() += 1;
                } else if let Some(leads) = over.get_mut(&edge.to) {
                    leads.push(lead);
                }
            }
        }
    }
    Counts {
        nodes: queue.len(),
        over,
        invalid: leads,
    }
}

/// Objects that are over, by class and by what leads to them.
pub fn over_table<M: ViewMemory>(tracer: &mut Tracer<'_, M>, counts: &Counts) -> Table {
    let mut table = Table::new();
    for (to, leads) in &counts.over {
        let mut leads = leads.clone();
        leads.sort_unstable();
        leads.dedup();
        leads.truncate(4);
        let row = format!("{} <- {}", class_name(tracer, to.value()), leads.join(", "));
        *table.entry(row).or_default() += 1;
    }
    table
}
