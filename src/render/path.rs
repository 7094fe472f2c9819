//! A path of references, as a person reads it: `shop.cart._cache['eu'] -> Rate instance`.

use super::{Look, escaped};
use crate::report::{Object, Step};

/// No part of a path is longer: keys can be whole documents.
const LONGEST_PART: usize = 48;

/// What an object is called.
pub fn object_text(object: &Object, look: &Look) -> String {
    let name = object.name.as_deref().map(|name| shortened(&escaped(name)));
    let text = match (object.kind.as_str(), name) {
        (kind, None) => escaped(kind),
        ("instance", Some(class)) => format!("{class} instance"),
        ("module" | "globals" | "thread" | "static" | "dict", Some(name)) => name,
        (kind, Some(name)) => format!("{} {name}", escaped(kind)),
    };
    match object.address.filter(|_| look.addresses) {
        Some(address) => format!("{text} at {}", address.0),
        None => text,
    }
}

/// A path in one line, from its root to its end.
pub fn path_text(path: &[Step], look: &Look) -> String {
    path_parts(path, look).join(" -> ")
}

/// A path in parts, one for each object that has a name, from its root to its end.
pub fn path_parts(path: &[Step], look: &Look) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for (index, step) in without_table(path).iter().enumerate() {
        let before = path_before(without_table(path), index);
        let is_new = look.addresses || step.object.name.is_some();
        match parts.last_mut() {
            Some(last) if before.is_some_and(|before| is_namespace_of(before, step)) => {
                *last = object_text(&step.object, look);
            }
            // What has no name is only passed through.
            Some(_) if !is_new => {}
            _ => parts.push(object_text(&step.object, look)),
        }
        if let (Some(edge), Some(part)) = (&step.edge, parts.last_mut()) {
            part.push_str(&edge_text(edge, &step.object));
        }
    }
    parts
}

fn path_before(path: &[Step], index: usize) -> Option<&Step> {
    index.checked_sub(1).map(|before| &path[before])
}

/// That a module is in sys.modules says nothing, when the path goes on in its namespace.
fn without_table(path: &[Step]) -> &[Step] {
    let is_table = |step: &Step| step.object.name.as_deref() == Some("sys.modules");
    match path {
        [table, _, _, _, ..] if is_table(table) => &path[1..],
        path => path,
    }
}

/// A module and its globals are one thing to a person.
fn is_namespace_of(module: &Step, globals: &Step) -> bool {
    (module.object.kind.as_str(), globals.object.kind.as_str()) == ("module", "globals")
        && module.object.name == globals.object.name
}

/// A reference as Python would write it: names in a namespace are attributes.
fn edge_text(edge: &str, of: &Object) -> String {
    let key = edge
        .strip_prefix("['")
        .and_then(|key| key.strip_suffix("']"));
    match key.filter(|key| of.kind == "globals" && is_identifier(key)) {
        Some(name) => format!(".{}", shortened(&escaped(name))),
        None => shortened(&escaped(edge)),
    }
}

fn is_identifier(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c.is_alphabetic() || c == '_');
    begins && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Long text without its middle.
pub fn shortened(text: &str) -> String {
    let length = text.chars().count();
    if length <= LONGEST_PART {
        return text.to_owned();
    }
    let kept = (LONGEST_PART - 1) / 2;
    let start: String = text.chars().take(kept).collect();
    let end: String = text.chars().skip(length - kept).collect();
    format!("{start}…{end}")
}

#[cfg(test)]
pub mod examples {
    //! Objects and paths for tests.

    use crate::address::Address;
    use crate::report::{Object, ReportAddress, Step};

    /// An object.
    pub fn object(kind: &str, name: Option<&str>) -> Object {
        Object {
            kind: kind.into(),
            name: name.map(str::to_owned),
            address: Some(ReportAddress(Address::new(0x7f00_0000_1000))),
        }
    }

    /// A step; without an edge the last one.
    pub fn step(kind: &str, name: &str, edge: &str) -> Step {
        Step {
            object: object(kind, Some(name).filter(|name| !name.is_empty())),
            edge: Some(edge.to_owned()).filter(|edge| !edge.is_empty()),
        }
    }

    /// `shop.cart` keeps a cache of an instance.
    pub fn cache_path() -> Vec<Step> {
        vec![
            step("dict", "sys.modules", "['shop.cart']"),
            step("module", "shop.cart", ".__dict__"),
            step("globals", "shop.cart", "['_cache']"),
            step("dict", "", "['eu']"),
            step("instance", "Rate", ".__class__"),
            step("class", "Rate", "['compute']"),
            step("function", "Rate.compute", ".__globals__"),
            step("globals", "shop.plugins.tax", ""),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::examples::{cache_path, step};
    use super::*;

    #[test]
    fn what_has_no_name_is_passed_through_and_names_are_attributes() {
        assert_eq!(
            path_text(&cache_path(), &Look::default()),
            "shop.cart._cache['eu'] -> Rate instance.__class__ -> class Rate['compute'] -> \
             function Rate.compute.__globals__ -> shop.plugins.tax"
        );
    }

    #[test]
    fn addresses_are_shown_only_when_asked_for() {
        let look = Look {
            addresses: true,
            ..Look::default()
        };
        let text = path_text(&cache_path(), &look);
        assert!(text.contains("dict at 0x7f0000001000['eu']"), "{text}");
        assert!(!path_text(&cache_path(), &Look::default()).contains("0x"));
    }

    #[test]
    fn its_own_place_in_the_table_is_shown() {
        let path = [
            step("dict", "sys.modules", "['tax']"),
            step("module", "tax", ".__dict__"),
            step("globals", "tax", ""),
        ];
        assert_eq!(
            path_text(&path, &Look::default()),
            "sys.modules['tax'] -> tax"
        );
    }

    #[test]
    fn a_place_of_the_interpreter_says_that_it_is_one() {
        let path = [
            step("interpreter", "0", ".atexit[0]"),
            step("globals", "tax", ""),
        ];
        let text = path_text(&path, &Look::default());
        assert_eq!(text, "interpreter 0.atexit[0] -> tax");
    }

    #[test]
    fn hostile_names_and_endless_keys_do_no_harm() {
        let key = format!("['\u{1b}[2J{}']", "k".repeat(10_000));
        let path = [step("globals", "a\nb", &key), step("dict", "", "")];
        let text = path_text(&path, &Look::default());
        assert!(text.starts_with("a\\nb['\\x1b[2J"), "{text}");
        assert!(
            text.chars().count() < 80 && !text.contains('\u{1b}'),
            "{text}"
        );
    }
}
