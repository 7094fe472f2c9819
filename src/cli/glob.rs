//! Patterns of module names: `*` any text, `?` any character, `[abc]`, `[a-z]`, `[!abc]` one of a set.

/// Whether `name` matches `pattern` as a whole. Takes time in proportion to the product of their
/// lengths, whatever the pattern.
pub fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut at, mut next) = (0, 0);
    // Where to go on when the text behind the last star does not fit: the star takes one more.
    let mut star: Option<(usize, usize)> = None;
    while next < name.len() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at + 1, next));
            at += 1;
        } else if let Some(behind) = match_one(&pattern, at, name[next]) {
            at = behind;
            next += 1;
        } else if let Some((behind_star, taken)) = star {
            at = behind_star;
            next = taken + 1;
            star = Some((behind_star, next));
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|&c| c == '*')
}

/// Where the pattern goes on behind the element at `at`, if that matches `character`.
fn match_one(pattern: &[char], at: usize, character: char) -> Option<usize> {
    match pattern.get(at)? {
        '?' => Some(at + 1),
        '[' => match set_at(pattern, at) {
            Some((set, behind)) => contains(set, character).then_some(behind),
            None => (character == '[').then_some(at + 1),
        },
        &literal => (literal == character).then_some(at + 1),
    }
}

/// The inside of the set that begins at `at`, and where the pattern goes on; `None` when it has no
/// end and the bracket stands for itself.
fn set_at(pattern: &[char], at: usize) -> Option<(&[char], usize)> {
    let inside = at + 1;
    let first = inside + usize::from(pattern.get(inside) == Some(&'!'));
    // A bracket in the first place is a member.
    let end = (first + 1..pattern.len()).find(|&index| pattern[index] == ']')?;
    Some((&pattern[inside..end], end + 1))
}

fn contains(set: &[char], character: char) -> bool {
    let (negated, mut members) = match set.split_first() {
        Some(('!', rest)) => (true, rest),
        _ => (false, set),
    };
    let mut found = false;
    while let Some((&first, rest)) = members.split_first() {
        members = match rest {
            ['-', last, behind @ ..] => {
                found |= (first..=*last).contains(&character);
                behind
            }
            _ => {
                found |= first == character;
                rest
            }
        };
    }
    found != negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_signs_matches_only_itself() {
        assert!(matches("json", "json"));
        assert!(!matches("json", "json.decoder"));
        assert!(!matches("json", "_json"));
        assert!(!matches("", "json"));
        assert!(matches("", ""));
    }

    #[test]
    fn a_star_matches_any_text_with_dots_and_none() {
        assert!(matches("shop.*", "shop.plugins.tax"));
        assert!(matches("*.tax", "shop.plugins.tax"));
        assert!(matches("s*p*x", "shop.plugins.tax"));
        assert!(matches("shop*", "shop"));
        assert!(!matches("shop.*", "shop"));
        assert!(!matches("*.tax", "shop.plugins.taxes"));
    }

    #[test]
    fn sets_and_ranges_match_one_character() {
        assert!(matches("v[0-9]?", "v3x"));
        assert!(matches("[!_]*", "json"));
        assert!(!matches("[!_]*", "_json"));
        assert!(matches("[]a]", "]"));
        assert!(matches("a[", "a["));
        assert!(matches("[a-]", "-"));
    }

    #[test]
    fn many_stars_do_not_take_exponential_time() {
        let name = "a".repeat(2_000);
        assert!(!matches(&("a*".repeat(40) + "b"), &name));
    }
}
