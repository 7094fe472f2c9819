//! What can be asserted. What is printed parses back to the same.

use super::size;
use std::fmt;

/// The name of a module, as it is typed: no blanks, no comparison signs, no commas.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// The name; `None` when this cannot be one.
    pub fn new(text: &str) -> Option<Self> {
        let fits = |c: char| !c.is_whitespace() && !matches!(c, '=' | '!' | '<' | '>' | ',');
        (!text.is_empty() && text.chars().all(fits)).then(|| Name(text.to_owned()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
}

impl Comparison {
    /// All of them, as they are written.
    pub const ALL: [(&'static str, Comparison); 6] = [
        ("==", Comparison::Equal),
        ("!=", Comparison::NotEqual),
        ("<", Comparison::Less),
        ("<=", Comparison::AtMost),
        (">", Comparison::More),
        (">=", Comparison::AtLeast),
    ];

    /// Whether it holds of two values that are in this order.
    pub fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Comparison::Equal => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
            Comparison::Less => order.is_lt(),
            Comparison::AtMost => order.is_le(),
            Comparison::More => order.is_gt(),
            Comparison::AtLeast => order.is_ge(),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = Comparison::ALL.iter().find(|(_, one)| one == self);
        f.write_str(sign.map_or("", |(sign, _)| sign))
    }
}

/// Something that is asserted of the modules of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assertion {
    /// `absent NAME`: neither it nor anything below it is in sys.modules.
    Absent(Name),
    /// `loaded NAME`: sys.modules gives it.
    Loaded(Name),
    /// `version NAME == 2.32.3`: its `__version__`.
    Version(Name, Comparison, String),
    /// `refcount NAME <= 3`: references to the module object, as CPython counts them.
    Refcount(Name, Comparison, u64),
    /// `ghosts == 0`, `ghosts NAME == 0`: of it and everything below it.
    Ghosts(Option<Name>, Comparison, u64),
    /// `generations NAME <= 1`: copies of its code alive, the one that is loaded included.
    Generations(Name, Comparison, u64),
    /// `held-by NAME ONLY a,b`.
    HeldBy(Name, Vec<Name>),
    /// `retained NAME < 10MB`: bytes that only it keeps.
    Retained(Name, Comparison, u64),
    /// `extension-mapped FILE`: a shared library is mapped, by its path or the end of that.
    Mapped(String),
}

impl Assertion {
    /// The module it is about.
    pub fn name(&self) -> Option<&str> {
        match self {
            Assertion::Absent(name)
            | Assertion::Loaded(name)
            | Assertion::Version(name, ..)
            | Assertion::Refcount(name, ..)
            | Assertion::Generations(name, ..)
            | Assertion::HeldBy(name, _)
            | Assertion::Retained(name, ..) => Some(name.as_str()),
            Assertion::Ghosts(name, ..) => name.as_ref().map(Name::as_str),
            Assertion::Mapped(_) => None,
        }
    }

    /// Whether it takes all objects of the target to tell: the others do not stop it.
    pub fn needs_graph(&self) -> bool {
        matches!(
            self,
            Assertion::Ghosts(..)
                | Assertion::Generations(..)
                | Assertion::HeldBy(..)
                | Assertion::Retained(..)
        )
    }
}

impl fmt::Display for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Assertion::Absent(name) => write!(f, "absent {name}"),
            Assertion::Loaded(name) => write!(f, "loaded {name}"),
            Assertion::Version(name, how, version) => write!(f, "version {name} {how} {version}"),
            Assertion::Refcount(name, how, count) => write!(f, "refcount {name} {how} {count}"),
            Assertion::Ghosts(None, how, count) => write!(f, "ghosts {how} {count}"),
            Assertion::Ghosts(Some(name), how, count) => write!(f, "ghosts {name} {how} {count}"),
            Assertion::Generations(name, how, count) => {
                write!(f, "generations {name} {how} {count}")
            }
            Assertion::HeldBy(name, only) => {
                let only: Vec<&str> = only.iter().map(Name::as_str).collect();
                write!(f, "held-by {name} ONLY {}", only.join(","))
            }
            Assertion::Retained(name, how, bytes) => {
                write!(f, "retained {name} {how} {}", size::written(*bytes))
            }
            Assertion::Mapped(file) => write!(f, "extension-mapped {file}"),
        }
    }
}
