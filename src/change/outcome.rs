//! What became of each module: judged by a fresh read of memory, never by the calls that were made.

use crate::change::answer::Done;
use crate::change::verify::{Proof, Unproven};
use crate::heap::remains::{Remain, RemainKind};
use crate::plan::cut::{Cut, Entry, Kind};
use crate::plan::key::Key;

/// How many classes of a ghost are named.
const NAMED: usize = 10;

/// What became of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// No module object, globals dict, function or class of it is left.
    Gone,
    /// The same, but tables of the standard library know its name.
    GoneNameOnly,
    /// No object of it is left; the shared library it came from stays mapped.
    Mapped,
    /// What was done to it was undone.
    RolledBack,
    /// Its names are gone; whether its code is could not be proven.
    Unlinked,
    /// Something of it is alive.
    Ghost,
}

/// One module and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleOutcome {
    /// Its key.
    pub name: Key,
    /// What became of it.
    pub outcome: Outcome,
    /// What is left of it.
    pub left: Left,
    /// The ways from whoever holds what is left; `None` where they are not known.
    pub paths: Option<Vec<Vec<String>>>,
}

/// What is left of a module, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Left {
    /// Module objects.
    pub modules: usize,
    /// Globals dicts.
    pub globals: usize,
    /// Python functions.
    pub functions: usize,
    /// Classes.
    pub classes: usize,
    /// Names of some of the classes.
    pub class_names: Vec<String>,
    /// How many of all these are frozen, so that no collection frees them.
    pub frozen: usize,
    /// Classes that may be of a newer copy.
    pub uncertain: usize,
}

/// Whether an entry is a module whose end is expected: not an alias, no stub, not borrowed.
pub fn is_owned(cut: &Cut, entry: &Entry) -> bool {
    entry.kind != Kind::Nothing
        && !cut.borrowed.contains(&entry.value)
        && cut.names.iter().any(|name| entry.key.is_within(name))
}

/// Every module of the cut as it is when everything was put back.
pub fn rolled_back(cut: &Cut) -> Vec<ModuleOutcome> {
    let owned = cut.entries().filter(|entry| is_owned(cut, entry));
    let mut outcomes: Vec<ModuleOutcome> = owned
        .map(|entry| ModuleOutcome {
            name: entry.key.clone(),
            outcome: Outcome::RolledBack,
            left: Left::default(),
            paths: None,
        })
        .collect();
    outcomes.sort_by(|left, right| left.name.cmp(&right.name));
    outcomes
}

/// The outcomes of all modules of the cut: packages before what lies in them.
pub fn outcomes(cut: &Cut, done: &Done, proof: Result<&Proof, &Unproven>) -> Vec<ModuleOutcome> {
    let owned = cut
        .entries()
        .enumerate()
        .filter(|(_, entry)| is_owned(cut, entry));
    let mut outcomes: Vec<ModuleOutcome> = owned
        .enumerate()
        .map(|(of, (index, entry))| {
            let left = proof.map_or_else(|_| Left::default(), |proof| left_of(proof, of));
            let behind = proof.ok().and_then(|proof| proof.behind.as_ref());
            ModuleOutcome {
                name: entry.key.clone(),
                outcome: outcome(entry, index, done, proof.is_ok(), &left),
                left,
                paths: behind.map(|behind| behind.paths[of].clone()),
            }
        })
        .collect();
    outcomes.sort_by(|left, right| left.name.cmp(&right.name));
    outcomes
}

fn outcome(entry: &Entry, index: usize, done: &Done, is_proven: bool, left: &Left) -> Outcome {
    let is_left = left.modules + left.globals + left.functions + left.classes > 0;
    // No list names an object that is no module: only its weak reference told of its end.
    let is_other = entry.kind == Kind::Other;
    if is_left || is_other && done.alive.contains(&index) {
        Outcome::Ghost
    } else if !is_proven || left.uncertain > 0 || is_other && done.unwatched.contains(&index) {
        Outcome::Unlinked
    } else if entry.kind == Kind::Extension {
        Outcome::Mapped
    } else if done.named.contains(&index) {
        Outcome::GoneNameOnly
    } else {
        Outcome::Gone
    }
}

fn left_of(proof: &Proof, of: usize) -> Left {
    let is_of = |remain: &&Remain| remain.of == of;
    let mut left = Left {
        uncertain: proof.remains.uncertain.iter().filter(is_of).count(),
        ..Left::default()
    };
    for remain in proof.remains.certain.iter().filter(is_of) {
        match remain.kind {
            RemainKind::Module => left.modules += 1,
            RemainKind::Globals => left.globals += 1,
            RemainKind::Function => left.functions += 1,
            RemainKind::Class => {
                left.classes += 1;
                if left.class_names.len() < NAMED {
                    left.class_names.push(remain.name.clone());
                }
            }
        }
        left.frozen += usize::from(remain.frozen);
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;
    use crate::heap::remains::Remains;
    use crate::plan::cut::cut;

    fn entry(key: &str, kind: Kind) -> Entry {
        Entry {
            key: Key::new(key),
            value: Address::new(0x1000 + key.len() as u64),
            dict: (kind != Kind::Other).then_some(Address::new(0x2000)),
            kind,
            own_name: Some(Key::new(key)),
        }
    }

    fn outcome_of(kind: Kind, done: &Done, remains: Option<Remains>) -> Outcome {
        let cut = cut(&[entry("pkg", kind)], &[Key::new("pkg")], |_, _, _| false).expect("may go");
        let proof = remains.map(|remains| Proof {
            objects: 1,
            remains,
            present: Vec::new(),
            behind: None,
        });
        let proof = proof.as_ref().ok_or(&Unproven::Torn);
        outcomes(&cut, done, proof)[0].outcome
    }

    fn remains(kind: RemainKind) -> Remains {
        let remain = Remain {
            kind,
            of: 0,
            name: "pkg".into(),
            address: Address::new(0x3000),
            frozen: false,
        };
        Remains {
            certain: vec![remain],
            ..Remains::default()
        }
    }

    #[test]
    fn without_a_proof_nothing_is_gone() {
        let done = Done::default();
        assert_eq!(outcome_of(Kind::Module, &done, None), Outcome::Unlinked);
        assert_eq!(outcome_of(Kind::Extension, &done, None), Outcome::Unlinked);
    }

    #[test]
    fn any_object_that_is_left_makes_a_ghost() {
        for kind in [
            RemainKind::Module,
            RemainKind::Globals,
            RemainKind::Function,
            RemainKind::Class,
        ] {
            let outcome = outcome_of(Kind::Module, &Done::default(), Some(remains(kind)));
            assert_eq!(outcome, Outcome::Ghost);
        }
    }

    #[test]
    fn a_library_stays_mapped_and_plain_code_is_gone() {
        let none = || Some(Remains::default());
        let done = Done::default();
        assert_eq!(outcome_of(Kind::Module, &done, none()), Outcome::Gone);
        assert_eq!(outcome_of(Kind::Extension, &done, none()), Outcome::Mapped);
    }

    #[test]
    fn a_name_that_is_left_is_said_and_no_code() {
        let done = Done {
            named: [0].into(),
            ..Done::default()
        };
        let outcome = outcome_of(Kind::Module, &done, Some(Remains::default()));
        assert_eq!(outcome, Outcome::GoneNameOnly);
        let outcome = outcome_of(Kind::Module, &done, Some(remains(RemainKind::Globals)));
        assert_eq!(outcome, Outcome::Ghost);
    }

    #[test]
    fn a_class_of_either_copy_leaves_it_open() {
        let mut left = remains(RemainKind::Class);
        std::mem::swap(&mut left.certain, &mut left.uncertain);
        let outcome = outcome_of(Kind::Module, &Done::default(), Some(left));
        assert_eq!(outcome, Outcome::Unlinked);
    }

    #[test]
    fn of_a_value_that_is_no_module_only_its_weak_reference_tells() {
        let none = || Some(Remains::default());
        let seen = Done {
            alive: [0].into(),
            ..Done::default()
        };
        assert_eq!(outcome_of(Kind::Other, &seen, none()), Outcome::Ghost);
        let unseen = Done {
            unwatched: [0].into(),
            ..Done::default()
        };
        assert_eq!(outcome_of(Kind::Other, &unseen, none()), Outcome::Unlinked);
        assert_eq!(
            outcome_of(Kind::Other, &Done::default(), none()),
            Outcome::Gone
        );
    }
}
