//! Which name somebody may have meant.

/// At most this many suggestions.
const SUGGESTIONS: usize = 3;

/// Names longer than this are not compared letter by letter.
const LONGEST: usize = 100;

/// The names nearest to `wanted`, nearest first: those it is the last part of, then those that
/// differ in a few letters.
pub fn nearest<'n>(wanted: &str, names: impl Iterator<Item = &'n str>) -> Vec<String> {
    let allowed = (wanted.chars().count() / 3).max(1);
    let mut near: Vec<(usize, &str)> = names
        .filter_map(|name| {
            let is_last_part = name
                .strip_suffix(wanted)
                .is_some_and(|before| before.ends_with('.'));
            let distance = if is_last_part {
                0
            } else {
                distance(wanted, name)?
            };
            (distance <= allowed).then_some((distance, name))
        })
        .collect();
    near.sort_unstable();
    near.truncate(SUGGESTIONS);
    near.into_iter().map(|(_, name)| name.to_owned()).collect()
}

/// How many letters have to be changed, added or removed (Levenshtein).
fn distance(left: &str, right: &str) -> Option<usize> {
    if left.len().max(right.len()) > LONGEST {
        return None;
    }
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (number, letter) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = number + 1;
        for (column, other) in right.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row.last().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_and_a_last_part_are_understood() {
        let names = ["shop.plugins.tax", "json", "requests", "re"];
        let near = |wanted| nearest(wanted, names.into_iter());
        assert_eq!(near("jsno"), Vec::<String>::new());
        assert_eq!(near("jsom"), ["json"]);
        assert_eq!(near("tax"), ["shop.plugins.tax"]);
        assert_eq!(near("request"), ["requests"]);
    }

    #[test]
    fn a_very_long_name_costs_nothing() {
        let long = "m".repeat(1 << 20);
        assert!(nearest(&long, [&long[1..]].into_iter()).is_empty());
    }
}
