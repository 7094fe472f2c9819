//! Keys of sys.modules as the import system reads them: names with dots.

use crate::pyobject::text::Text;

const DOT: u32 = '.' as u32;

/// A `str` key, as code points: surrogates and all.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    points: Vec<u32>,
}

impl Key {
    /// From a name that was typed.
    pub fn new(name: &str) -> Self {
        Key {
            points: name.chars().map(u32::from).collect(),
        }
    }

    /// From Python's `repr` of a `str`; `None` when it is that of anything else.
    pub fn from_repr(repr: &str) -> Option<Self> {
        let quote = repr.chars().next().filter(|&c| c == '\'' || c == '"')?;
        let inside = repr[1..].strip_suffix(quote)?;
        let mut points = Vec::new();
        let mut rest = inside.chars();
        while let Some(char) = rest.next() {
            points.push(match char {
                '\\' => unescape(&mut rest)?,
                char => char.into(),
            });
        }
        Some(Key { points })
    }

    /// The code points; for a 2.7 key that is not UTF-8, its bytes.
    pub fn points(&self) -> &[u32] {
        &self.points
    }

    /// Whether this is `package` itself or something below it: `pkg.sub`, never `pkg2`.
    pub fn is_within(&self, package: &Key) -> bool {
        match self.points.strip_prefix(&package.points[..]) {
            Some([]) => true,
            Some([first, ..]) => *first == DOT,
            None => false,
        }
    }

    /// The package it lies in and its name there; `None` for a name without a dot.
    pub fn parent(&self) -> Option<(Key, Key)> {
        let dot = self.points.iter().rposition(|&point| point == DOT)?;
        let part = |points: &[u32]| Key {
            points: points.to_vec(),
        };
        Some((part(&self.points[..dot]), part(&self.points[dot + 1..])))
    }

    /// How many packages it lies in.
    pub fn depth(&self) -> usize {
        self.points.iter().filter(|&&point| point == DOT).count()
    }
}

/// The character that an escape stands for, behind its backslash.
fn unescape(rest: &mut std::str::Chars<'_>) -> Option<u32> {
    let digits = match rest.next()? {
        't' => return Some(0x09),
        'n' => return Some(0x0a),
        'r' => return Some(0x0d),
        'x' => 2,
        'u' => 4,
        'U' => 8,
        other => return Some(other.into()),
    };
    let text: String = rest.take(digits).collect();
    u32::from_str_radix(&text, 16)
        .ok()
        .filter(|_| text.len() == digits)
}

impl From<&Key> for Text {
    fn from(key: &Key) -> Self {
        let plain: Option<String> = key.points.iter().map(|&p| char::from_u32(p)).collect();
        plain.map_or_else(|| Text::Surrogates(key.points.clone()), Text::Plain)
    }
}

impl From<&Text> for Key {
    fn from(text: &Text) -> Self {
        match text {
            Text::Plain(name) => Key::new(name),
            Text::Surrogates(points) => Key {
                points: points.clone(),
            },
            Text::Bytes(bytes) => Key {
                points: bytes.iter().map(|&byte| byte.into()).collect(),
            },
        }
    }
}

/// As people write it; what a Rust string cannot hold, in Python's escapes.
impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for &point in &self.points {
            match char::from_u32(point) {
                Some(char) => write!(f, "{char}")?,
                None => write!(f, "\\u{point:04x}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_holds_itself_and_what_follows_a_dot_only() {
        let package = Key::new("pkg");
        let inside = |name| Key::new(name).is_within(&package);
        assert!(inside("pkg") && inside("pkg.sub") && inside("pkg.sub.leaf"));
        assert!(!inside("pkg2") && !inside("pk") && !inside("a.pkg") && !inside(""));
    }

    #[test]
    fn the_repr_of_a_name_with_surrogates_is_understood() {
        let key = Key::from_repr(r"'pkg.\'\x00\udcff'").expect("a str");
        assert_eq!(key.points()[4..], [0x27, 0, 0xdcff]);
        assert_eq!(Key::from_repr("('pkg', 1)"), None);
        assert_eq!(Key::from_repr("b'pkg'"), None);
        assert_eq!(Key::from_repr("'"), None);
    }

    #[test]
    fn a_key_knows_its_parent() {
        let parent = Key::new("a.b.c").parent();
        assert_eq!(parent, Some((Key::new("a.b"), Key::new("c"))));
        assert_eq!(Key::new("a").parent(), None);
        assert_eq!(Key::new("a.b.c").depth(), 2);
    }
}
