//! What an unload would detach: pure, from one reading of sys.modules.

use super::key::Key;
use super::{nearest, untouchable};
use crate::address::Address;
use std::collections::{HashMap, HashSet};

/// An entry of sys.modules, as far as a cut needs it. Keys that are no `str` are left out before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// The value.
    pub value: Address,
    /// Its globals dict; `None` when it is no module object.
    pub dict: Option<Address>,
    /// What the value is.
    pub kind: Kind,
    /// Its `__name__`, when that is a `str`.
    pub own_name: Option<Key>,
}

/// What a value is, as far as a cut cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// None: a remembered miss of Python 2, or a blocked import.
    Nothing,
    /// A module from a shared library, which stays mapped.
    Extension,
    /// Any other module object.
    Module,
    /// No module object at all.
    Other,
}

/// What is to be detached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The packages asked for.
    pub names: Vec<Key>,
    /// Keys of the packages, leaf first, stubs left out.
    pub keys: Vec<Entry>,
    /// Keys of the packages whose value is None.
    pub stubs: Vec<Entry>,
    /// Other keys of the same objects.
    pub aliases: Vec<Entry>,
    /// Attributes of packages that stay.
    pub attributes: Vec<Attribute>,
    /// Values under keys of the packages that belong to a module that stays.
    pub borrowed: HashSet<Address>,
}

/// An attribute of a package that stays, holding a module that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Key of the package.
    pub parent: Key,
    /// Name of the attribute.
    pub name: Key,
    /// The module it holds.
    pub child: Address,
}

/// Why nothing may be detached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No key of sys.modules is this name or begins with it and a dot.
    #[error("no module {name} is loaded")]
    Unknown {
        /// The name asked for.
        name: String,
        /// Names that are there and look alike.
        nearest: Vec<String>,
    },
    /// A module that the interpreter cannot do without would go.
    #[error("{key} is never unloaded: {reason}")]
    Untouchable {
        /// Its key.
        key: String,
        /// What would break.
        reason: &'static str,
    },
    /// A module would lose its key although it is a module that is never unloaded.
    #[error("{key} is another name of {untouchable}, which is never unloaded: {reason}")]
    AnotherName {
        /// The key asked for.
        key: String,
        /// The module that stays.
        untouchable: String,
        /// What would break.
        reason: &'static str,
    },
}

impl Refusal {
    /// What to do instead.
    pub fn help(&self) -> String {
        match self {
            Refusal::Unknown { nearest, .. } if nearest.is_empty() => {
                "pyunload modules <pid> lists what is loaded".into()
            }
            Refusal::Unknown { nearest, .. } => format!("did you mean {}?", nearest.join(" or ")),
            Refusal::Untouchable { .. } | Refusal::AnotherName { .. } => {
                "name a module of the program; to get rid of this one, restart the process".into()
            }
        }
    }
}

impl Cut {
    /// Every entry that goes, in the order in which it goes: leaf first, aliases before.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.aliases.iter().chain(&self.stubs).chain(&self.keys)
    }

    /// The entries whose objects are expected to die.
    pub fn owned(&self) -> impl Iterator<Item = &Entry> {
        self.keys
            .iter()
            .filter(|entry| !self.borrowed.contains(&entry.value))
    }

    /// Whether another reading of the same target would detach the very same things, under the
    /// same keys: then consent to this one is consent to that.
    pub fn has_keys_of(&self, other: &Cut) -> bool {
        let keys = |cut: &Cut| -> HashSet<Key> {
            let entries = cut.entries();
            entries.map(|entry| entry.key.clone()).collect()
        };
        keys(self) == keys(other)
    }
}

/// Works out what unloading `names` detaches. `holds` tells whether an attribute of the module with
/// this globals dict is this object.
///
/// # Errors
/// [`Refusal`]: a name that is not there, or a module that must stay.
pub fn cut(
    entries: &[Entry],
    names: &[Key],
    holds: impl Fn(Address, &Key, Address) -> bool,
) -> Result<Cut, Refusal> {
    let is_asked_for = |key: &Key| names.iter().any(|name| key.is_within(name));
    for name in names {
        if !entries.iter().any(|entry| entry.key.is_within(name)) {
            return Err(unknown(name, entries));
        }
    }
    let (stubs, mut keys): (Vec<Entry>, Vec<Entry>) = entries
        .iter()
        .filter(|entry| is_asked_for(&entry.key))
        .cloned()
        .partition(|entry| entry.kind == Kind::Nothing);
    keys.sort_by_key(|entry| std::cmp::Reverse(entry.key.depth()));
    let borrowed = find_borrowed(entries, &keys, is_asked_for);
    let owned: HashSet<Address> = keys
        .iter()
        .filter(|entry| entry.dict.is_some() && !borrowed.contains(&entry.value))
        .map(|entry| entry.value)
        .collect();
    let aliases = entries
        .iter()
        .filter(|entry| !is_asked_for(&entry.key) && owned.contains(&entry.value))
        .cloned();
    let mut cut = Cut {
        names: names.to_vec(),
        keys,
        stubs,
        aliases: aliases.collect(),
        attributes: Vec::new(),
        borrowed,
    };
    check_touchable(&cut)?;
    cut.attributes = find_attributes(entries, &cut, holds);
    Ok(cut)
}

fn unknown(name: &Key, entries: &[Entry]) -> Refusal {
    let keys: Vec<String> = entries.iter().map(|entry| entry.key.to_string()).collect();
    let name = name.to_string();
    Refusal::Unknown {
        nearest: nearest::nearest(&name, keys.iter().map(String::as_str)),
        name,
    }
}

/// Modules that a package lists under a key of its own although they live elsewhere, as
/// `requests.packages.urllib3`: their own name is that of a key that stays.
fn find_borrowed(
    entries: &[Entry],
    keys: &[Entry],
    is_asked_for: impl Fn(&Key) -> bool,
) -> HashSet<Address> {
    let staying: HashMap<&Key, Address> = entries
        .iter()
        .filter(|entry| !is_asked_for(&entry.key))
        .map(|entry| (&entry.key, entry.value))
        .collect();
    let is_borrowed = |entry: &&Entry| {
        let own_name = entry.own_name.as_ref();
        own_name.and_then(|name| staying.get(name)) == Some(&entry.value)
    };
    let borrowed = keys.iter().filter(is_borrowed);
    borrowed.map(|entry| entry.value).collect()
}

fn check_touchable(cut: &Cut) -> Result<(), Refusal> {
    let going = cut.entries().map(|entry| &entry.key);
    for key in cut.names.iter().chain(going) {
        let is_alias = cut.aliases.iter().any(|alias| alias.key == *key);
        if let Some(found) = untouchable::find(key).filter(|_| !is_alias) {
            return Err(Refusal::Untouchable {
                key: key.to_string(),
                reason: found.reason,
            });
        }
    }
    for alias in &cut.aliases {
        if let Some(found) = untouchable::find(&alias.key) {
            let same = cut.keys.iter().find(|entry| entry.value == alias.value);
            return Err(Refusal::AnotherName {
                key: same.map_or_else(String::new, |entry| entry.key.to_string()),
                untouchable: alias.key.to_string(),
                reason: found.reason,
            });
        }
    }
    Ok(())
}

fn find_attributes(
    entries: &[Entry],
    cut: &Cut,
    holds: impl Fn(Address, &Key, Address) -> bool,
) -> Vec<Attribute> {
    let going: HashSet<&Key> = cut.entries().map(|entry| &entry.key).collect();
    let dict_of: HashMap<&Key, Address> = entries
        .iter()
        .filter(|entry| !going.contains(&entry.key))
        .filter_map(|entry| Some((&entry.key, entry.dict?)))
        .collect();
    let candidates = cut.keys.iter().chain(&cut.aliases);
    candidates
        .filter_map(|entry| {
            let (parent, name) = entry.key.parent()?;
            let dict = *dict_of.get(&parent)?;
            holds(dict, &name, entry.value).then_some(Attribute {
                parent,
                name,
                child: entry.value,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, value: u64, own_name: &str) -> Entry {
        Entry {
            key: Key::new(key),
            value: Address::new(value),
            dict: Some(Address::new(value + 0x1000)),
            kind: Kind::Module,
            own_name: Some(Key::new(own_name)),
        }
    }

    fn stub(key: &str) -> Entry {
        Entry {
            dict: None,
            kind: Kind::Nothing,
            own_name: None,
            ..entry(key, 0x9990, "")
        }
    }

    fn named(entries: &[Entry]) -> Vec<String> {
        entries.iter().map(|entry| entry.key.to_string()).collect()
    }

    fn cut_of(entries: &[Entry], name: &str) -> Result<Cut, Refusal> {
        cut(entries, &[Key::new(name)], |_, _, _| true)
    }

    #[test]
    fn a_package_goes_leaf_first_and_its_namesake_stays() {
        let entries = [
            entry("pkg", 0x10, "pkg"),
            entry("pkg.a", 0x20, "pkg.a"),
            entry("pkg.a.b", 0x30, "pkg.a.b"),
            entry("pkg2", 0x40, "pkg2"),
            stub("pkg.os"),
        ];
        let cut = cut_of(&entries, "pkg").expect("may go");
        assert_eq!(named(&cut.keys), ["pkg.a.b", "pkg.a", "pkg"]);
        assert_eq!(named(&cut.stubs), ["pkg.os"]);
        assert!(cut.aliases.is_empty() && cut.attributes.is_empty());
    }

    #[test]
    fn another_key_of_the_same_object_goes_along() {
        let entries = [
            entry("pkg", 0x10, "pkg"),
            entry("six.moves", 0x10, "pkg"),
            entry("six", 0x50, "six"),
        ];
        let cut = cut_of(&entries, "pkg").expect("may go");
        assert_eq!(named(&cut.aliases), ["six.moves"]);
        assert_eq!(cut.attributes[0].parent, Key::new("six"));
    }

    #[test]
    fn a_module_that_lives_elsewhere_loses_the_borrowed_key_only() {
        let entries = [
            entry("requests", 0x10, "requests"),
            entry("requests.packages.urllib3", 0x20, "urllib3"),
            entry("urllib3", 0x20, "urllib3"),
        ];
        let cut = cut_of(&entries, "requests").expect("may go");
        assert!(cut.aliases.is_empty());
        assert_eq!(cut.owned().count(), 1);
        assert_eq!(cut.keys.len(), 2);
    }

    #[test]
    fn nothing_is_no_alias_of_another_none() {
        let entries = [stub("pkg.os"), stub("other.os")];
        let cut = cut_of(&entries, "pkg").expect("may go");
        assert!(cut.aliases.is_empty());
    }

    #[test]
    fn the_attribute_of_a_package_that_stays_goes_when_it_is_the_module() {
        let entries = [entry("pkg", 0x10, "pkg"), entry("pkg.a", 0x20, "pkg.a")];
        let cut = cut(&entries, &[Key::new("pkg.a")], |dict, name, child| {
            dict == Address::new(0x1010) && *name == Key::new("a") && child == Address::new(0x20)
        });
        let attribute = &cut.expect("may go").attributes[0];
        assert_eq!(
            (&attribute.parent, &attribute.name),
            (&Key::new("pkg"), &Key::new("a"))
        );
    }

    #[test]
    fn an_unknown_name_is_refused_with_what_looks_like_it() {
        let entries = [entry("shop.tax", 0x10, "shop.tax")];
        let refusal = cut_of(&entries, "tax").expect_err("is not there");
        assert_eq!(refusal.help(), "did you mean shop.tax?");
    }

    #[test]
    fn what_the_interpreter_needs_is_refused_under_any_name() {
        let entries = [
            entry("os", 0x10, "os"),
            entry("os.path", 0x20, "posixpath"),
            entry("posixpath", 0x20, "posixpath"),
            entry("mine", 0x10, "mine"),
        ];
        assert!(matches!(
            cut_of(&entries, "os"),
            Err(Refusal::Untouchable { .. })
        ));
        assert!(matches!(
            cut_of(&entries, "os.path"),
            Err(Refusal::Untouchable { .. })
        ));
        assert!(matches!(
            cut_of(&entries, "mine"),
            Err(Refusal::AnotherName { .. })
        ));
    }
}
