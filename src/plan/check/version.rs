//! The order of versions: by their numbers, part by part. What comes before a release (`dev`, `a`,
//! `b`, `rc`) comes before it here too, and `2.0` is `2.0.0`, as in PEP 440; an epoch is not known.

use std::cmp::Ordering;

/// A part of a version. The variants are in their order: `1.0rc1 < 1.0 < 1.0.post1 < 1.0.1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Before(u8),
    Zero,
    Word(String),
    /// Digits without leading zeros: the longer are the larger.
    Number(usize, String),
}

/// How one version stands to another.
pub fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (parts(left), parts(right));
    let length = left.len().max(right.len());
    let part = |parts: &[Part], index: usize| parts.get(index).cloned().unwrap_or(Part::Zero);
    (0..length)
        .map(|index| part(&left, index).cmp(&part(&right, index)))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

fn parts(version: &str) -> Vec<Part> {
    let version = version.trim().to_lowercase();
    let numbered = |rest: &&str| rest.starts_with(|c: char| c.is_ascii_digit());
    let mut rest = version
        .strip_prefix('v')
        .filter(numbered)
        .unwrap_or(&version);
    let mut parts = Vec::new();
    while let Some(first) = rest.chars().next() {
        let is_digit = first.is_ascii_digit();
        let same = |c: char| c.is_alphanumeric() && c.is_ascii_digit() == is_digit;
        if !same(first) {
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let end = rest.find(|c: char| !same(c)).unwrap_or(rest.len());
        parts.push(part(&rest[..end], is_digit));
        rest = &rest[end..];
    }
    parts
}

fn part(text: &str, is_number: bool) -> Part {
    if is_number {
        let digits = text.trim_start_matches('0');
        return match digits.len() {
            0 => Part::Zero,
            length => Part::Number(length, digits.to_owned()),
        };
    }
    match text {
        "dev" => Part::Before(0),
        "a" | "alpha" => Part::Before(1),
        "b" | "beta" => Part::Before(2),
        "c" | "rc" | "pre" | "preview" => Part::Before(3),
        word => Part::Word(word.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_as_numbers() {
        for (left, right) in [
            ("2.9", "2.32.3"),
            ("1.0.dev1", "1.0a1"),
            ("1.0a2", "1.0b1"),
            ("1.0rc1", "1.0"),
            ("1.0", "1.0.post1"),
            ("1.0.post1", "1.0.1"),
            ("9", "10000000000000000000000"),
            ("2.0", "2.0+cu118"),
        ] {
            assert_eq!(compare(left, right), Ordering::Less, "{left} {right}");
            assert_eq!(compare(right, left), Ordering::Greater, "{right} {left}");
        }
    }

    #[test]
    fn zeros_at_the_end_and_a_v_in_front_do_not_matter() {
        assert_eq!(compare("2.0", "2.0.0"), Ordering::Equal);
        assert_eq!(compare("v2.01", "2.1"), Ordering::Equal);
    }

    proptest::proptest! {
        #[test]
        fn any_two_texts_have_an_order_and_the_opposite_one(a in "\\PC*", b in "\\PC*") {
            proptest::prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
        }
    }
}
