//! Whether assertions hold: pure, from facts that are asked for one by one. A fact that is not there
//! (a version that is no text, a refcount of what is not loaded) makes an assertion about it false:
//! nobody can tell that it holds.

use super::assertion::{Assertion, Comparison};
use super::version;
use serde_json::{Value, json};
use std::cmp::Ordering;

/// How many names the evidence lists.
const LISTED: usize = 20;

/// What is known of a process.
pub trait Facts {
    /// Why a fact cannot be had.
    type Error;

    /// The keys of sys.modules that are `name` or below it and give something.
    fn keys_within(&self, name: &str) -> Result<Vec<String>, Self::Error>;
    /// Whether sys.modules gives it.
    fn loaded(&self, name: &str) -> Result<bool, Self::Error>;
    /// Its `__version__`, where it is text.
    fn version(&self, name: &str) -> Result<Option<String>, Self::Error>;
    /// References to the module object; `None` also where CPython does not count them.
    fn refcount(&self, name: &str) -> Result<Option<i64>, Self::Error>;
    /// The ghosts of it and everything below it, or all.
    fn ghosts(&self, name: Option<&str>) -> Result<Vec<GhostFact>, Self::Error>;
    /// Copies of its code that are alive.
    fn generations(&self, name: &str) -> Result<u64, Self::Error>;
    /// Who holds it, but for what an unload detaches; `None` when it is neither loaded nor alive.
    fn holders(&self, name: &str) -> Result<Option<Vec<String>>, Self::Error>;
    /// Bytes that only it keeps.
    fn retained(&self, name: &str) -> Result<Option<u64>, Self::Error>;
    /// Path of the shared library with this path or end of a path, if it is mapped.
    fn mapped(&self, file: &str) -> Result<Option<String>, Self::Error>;
}

/// A ghost, as evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GhostFact {
    /// What it is, as in documents.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its number among those of its name.
    pub generation: Option<u64>,
}

/// An assertion, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Whether it holds.
    pub holds: bool,
    /// What was found.
    pub evidence: Value,
}

/// Judges an assertion.
///
/// # Errors
/// When a fact cannot be had.
pub fn judge<F: Facts>(assertion: &Assertion, facts: &F) -> Result<Judged, F::Error> {
    let judged = |holds, evidence| Judged { holds, evidence };
    Ok(match assertion {
        Assertion::Absent(name) => {
            let keys = facts.keys_within(name.as_str())?;
            judged(keys.is_empty(), json!({ "loaded": listed(&keys) }))
        }
        Assertion::Loaded(name) => {
            let loaded = facts.loaded(name.as_str())?;
            judged(loaded, json!({ "loaded": loaded }))
        }
        Assertion::Version(name, how, wanted) => {
            let found = facts.version(name.as_str())?;
            let order = found.as_ref().map(|found| version::compare(found, wanted));
            judged(holds(*how, order), json!({ "version": found }))
        }
        Assertion::Refcount(name, how, wanted) => {
            let found = facts.refcount(name.as_str())?;
            let order = found.map(|found| i128::from(found).cmp(&i128::from(*wanted)));
            judged(holds(*how, order), json!({ "refcount": found }))
        }
        Assertion::Ghosts(name, how, wanted) => {
            let found = facts.ghosts(name.as_ref().map(|name| name.as_str()))?;
            let order = (found.len() as u64).cmp(wanted);
            judged(how.holds(order), ghosts_evidence(&found))
        }
        Assertion::Generations(name, how, wanted) => {
            let found = facts.generations(name.as_str())?;
            judged(
                how.holds(found.cmp(wanted)),
                json!({ "generations": found }),
            )
        }
        Assertion::HeldBy(name, only) => {
            let found = facts.holders(name.as_str())?;
            let allowed = |holder: &&String| only.iter().any(|one| one.as_str() == *holder);
            let others: Option<Vec<&String>> = found
                .as_ref()
                .map(|found| found.iter().filter(|holder| !allowed(holder)).collect());
            let holds = others.as_ref().is_some_and(Vec::is_empty);
            judged(holds, json!({ "holders": found, "others": others }))
        }
        Assertion::Retained(name, how, wanted) => {
            let found = facts.retained(name.as_str())?;
            let order = found.map(|found| found.cmp(wanted));
            judged(holds(*how, order), json!({ "retained_bytes": found }))
        }
        Assertion::Mapped(file) => {
            let found = facts.mapped(file)?;
            judged(found.is_some(), json!({ "path": found }))
        }
    })
}

/// What is not known holds in no way.
fn holds(how: Comparison, order: Option<Ordering>) -> bool {
    order.is_some_and(|order| how.holds(order))
}

fn listed(names: &[String]) -> &[String] {
    &names[..names.len().min(LISTED)]
}

fn ghosts_evidence(found: &[GhostFact]) -> Value {
    let each = found.iter().take(LISTED).map(
        |ghost| json!({ "kind": ghost.kind, "name": ghost.name, "generation": ghost.generation }),
    );
    json!({ "count": found.len(), "ghosts": each.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::check::parse;
    use std::convert::Infallible;

    /// A process with json 2.0.9, two ghosts of shop.tax, and one library.
    struct Fake;

    impl Facts for Fake {
        type Error = Infallible;

        fn keys_within(&self, name: &str) -> Result<Vec<String>, Infallible> {
            Ok(match name {
                "json" => vec!["json".into(), "json.decoder".into()],
                _ => Vec::new(),
            })
        }
        fn loaded(&self, name: &str) -> Result<bool, Infallible> {
            Ok(name == "json")
        }
        fn version(&self, name: &str) -> Result<Option<String>, Infallible> {
            Ok((name == "json").then(|| "2.0.9".into()))
        }
        fn refcount(&self, name: &str) -> Result<Option<i64>, Infallible> {
            Ok((name == "json").then_some(7))
        }
        fn ghosts(&self, name: Option<&str>) -> Result<Vec<GhostFact>, Infallible> {
            let ghost = |generation| GhostFact {
                kind: "globals".into(),
                name: "shop.tax".into(),
                generation: Some(generation),
            };
            Ok(match name {
                None | Some("shop") => vec![ghost(1), ghost(2)],
                _ => Vec::new(),
            })
        }
        fn generations(&self, name: &str) -> Result<u64, Infallible> {
            Ok(if name == "shop.tax" { 2 } else { 0 })
        }
        fn holders(&self, name: &str) -> Result<Option<Vec<String>>, Infallible> {
            Ok((name == "shop.tax").then(|| vec!["shop.cart".into(), "atexit".into()]))
        }
        fn retained(&self, name: &str) -> Result<Option<u64>, Infallible> {
            Ok((name == "shop.tax").then_some(1_500_000))
        }
        fn mapped(&self, file: &str) -> Result<Option<String>, Infallible> {
            Ok((file == "_json.so").then(|| "/lib/_json.so".into()))
        }
    }

    fn judged(text: &str) -> Judged {
        let assertions = parse(&[text.to_owned()]).expect("an assertion");
        let Ok(judged) = judge(&assertions[0], &Fake);
        judged
    }

    #[test]
    fn what_is_so_holds() {
        for text in [
            "absent shop",
            "loaded json",
            "version json == 2.0.9",
            "version json < 2.0.10",
            "refcount json <= 7",
            "refcount json != 8",
            "ghosts == 2",
            "ghosts json == 0",
            "generations shop.tax > 1",
            "held-by shop.tax ONLY atexit,shop.cart,shop.views",
            "retained shop.tax <= 1.5MB",
            "extension-mapped _json.so",
        ] {
            assert!(judged(text).holds, "{text}");
        }
    }

    #[test]
    fn what_is_not_so_does_not_hold() {
        for text in [
            "absent json",
            "loaded shop",
            "version json >= 2.1",
            "refcount json <= 3",
            "ghosts == 0",
            "ghosts shop == 0",
            "generations shop.tax <= 1",
            "held-by shop.tax ONLY atexit",
            "retained shop.tax < 1MiB",
            "extension-mapped _csv.so",
        ] {
            assert!(!judged(text).holds, "{text}");
        }
    }

    #[test]
    fn what_is_not_known_holds_in_no_way() {
        for text in [
            "version shop == 1",
            "version shop != 1",
            "refcount shop <= 3",
            "held-by shop ONLY atexit",
            "retained shop < 10MB",
        ] {
            assert!(!judged(text).holds, "{text}");
        }
    }

    #[test]
    fn the_evidence_says_what_was_found() {
        let evidence = |text| judged(text).evidence;
        assert_eq!(
            evidence("absent json"),
            json!({ "loaded": ["json", "json.decoder"] })
        );
        assert_eq!(
            evidence("held-by shop.tax ONLY atexit"),
            json!({ "holders": ["shop.cart", "atexit"], "others": ["shop.cart"] })
        );
        assert_eq!(evidence("ghosts == 0")["count"], 2);
        assert_eq!(evidence("version shop == 1"), json!({ "version": null }));
    }
}
