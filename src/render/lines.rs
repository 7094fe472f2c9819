//! Lines with a label in front, and lists that do not grow without end.

use super::wrap::wrapped;
use super::{escaped, thousands};
use std::fmt::Write;

/// Adds a line with a label of `indent` columns, wrapped to `width`.
pub fn add_labelled(text: &mut String, label: &str, content: &str, indent: usize, width: usize) {
    let content = wrapped(content, indent, width.max(indent + 20));
    let room = indent.saturating_sub(2);
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  {label:<room$}{content}");
}

/// The first few of a list, escaped, and how many more there are.
pub fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>, shown: usize) -> String {
    let more = names.len().saturating_sub(shown);
    let names: Vec<String> = names.take(shown).map(escaped).collect();
    match more {
        0 => names.join(", "),
        more => format!("{}, and {} more", names.join(", "), thousands(more)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_says_how_much_it_leaves_out() {
        assert_eq!(listed(["a", "b\n"].into_iter(), 2), "a, b\\n");
        assert_eq!(listed(["a", "b", "c"].into_iter(), 1), "a, and 2 more");
    }

    #[test]
    fn content_hangs_behind_its_label() {
        let mut text = String::new();
        add_labelled(&mut text, "why", "one two three four five six", 8, 28);
        assert_eq!(text, "  why   one two three four\n        five six\n");
    }
}
