//! What the program of a reload said: lines of ASCII words, names in hexadecimal. It comes out of
//! the target's memory, so nothing in it is believed that does not fit.

/// The most lines that are read.
const LINES: usize = 1 << 20;

/// What became of an attempt. Modules are numbered as they were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The modules have new code.
    Done(Done),
    /// It asks for more than was agreed to: nothing was changed.
    Refused(Vec<Problem>),
    /// A statement raised before anything was changed.
    StatementRaised {
        /// The module.
        module: usize,
        /// The line of the statement.
        line: u64,
        /// The class of the exception.
        exception: String,
        /// What it said, as far as that is a plain text.
        message: String,
    },
    /// `sys.modules` is not the dict that was read from outside: nothing was touched.
    Moved,
    /// The modules are not those that were read from outside: nothing was touched.
    Changed,
    /// A module is being imported: nothing was touched.
    Importing,
    /// The finders of the program do not find this module: nothing of it was touched.
    Missing(String),
    /// An exception of this class: nothing was changed, or it was put back.
    Failed(String),
}

/// What was done, as seen from inside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// What changed in each module.
    pub changes: Vec<Change>,
    /// Names elsewhere that were given the new value.
    pub rebound: Vec<(String, String)>,
    /// What stays old: module, name, kind.
    pub stale: Vec<(String, String, String)>,
    /// Statements of which it is not known whether they changed: module and line.
    pub unseen: Vec<(usize, u64)>,
    /// Statements that were run: module and line.
    pub ran: Vec<(usize, u64)>,
    /// Modules whose source was run in place.
    pub fresh: Vec<usize>,
    /// The module whose source raised half-way, and what.
    pub half: Option<(usize, String)>,
    /// Whether a signal handler of the program raised after the change.
    pub interrupted: bool,
    /// `gc.get_freeze_count()`.
    pub frozen: u64,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The module.
    pub module: usize,
    /// The name in it.
    pub name: String,
    /// The line in the new source; 0 when it has none.
    pub line: u64,
    /// What happened to it.
    pub what: What,
}

/// What happened to a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// A function has a new body.
    Code,
    /// Only its place in the file is another.
    Moved,
    /// A function, a constant or an import is new.
    Added,
    /// A function is gone.
    Removed,
    /// A constant has a new value.
    Constant,
    /// Another object stands for it.
    Replaced,
    /// The program has written it: left alone.
    Kept,
}

/// Why it was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The module.
    pub module: usize,
    /// A stable word.
    pub what: String,
    /// The name it is about.
    pub name: String,
    /// The line in the new source; 0 when it has none.
    pub line: u64,
}

/// Reads an answer about `modules` modules; `None` when it is not one.
pub fn parse(bytes: &[u8], modules: usize) -> Option<Answer> {
    let text = std::str::from_utf8(bytes)
        .ok()
        .filter(|text| text.is_ascii())?;
    let mut lines = text.lines().take(LINES);
    let words: Vec<&str> = lines.next()?.split(' ').collect();
    let reader = Reader { modules };
    Some(match words[..] {
        ["done"] => Answer::Done(reader.done(lines)?),
        ["refused"] => Answer::Refused(
            lines
                .map(|line| reader.problem(line))
                .collect::<Option<_>>()?,
        ),
        ["raised", module, line, exception, message] => Answer::StatementRaised {
            module: reader.module(module)?,
            line: line.parse().ok()?,
            exception: name(exception)?,
            message: name(message)?,
        },
        ["moved"] => Answer::Moved,
        ["changed"] => Answer::Changed,
        ["importing", _] => Answer::Importing,
        ["missing", module] => Answer::Missing(name(module)?),
        ["failed", exception] => Answer::Failed(exception.to_owned()),
        _ => return None,
    })
}

struct Reader {
    modules: usize,
}

impl Reader {
    fn module(&self, word: &str) -> Option<usize> {
        word.parse().ok().filter(|&index| index < self.modules)
    }

    fn done<'t>(&self, lines: impl Iterator<Item = &'t str>) -> Option<Done> {
        let mut done = Done::default();
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["collector", _] => {}
                ["frozen", count] => done.frozen = count.parse().ok()?,
                ["interrupted", _] => done.interrupted = true,
                ["unseen", module, line] => {
                    done.unseen.push((self.module(module)?, line.parse().ok()?));
                }
                ["ran", module, line] => {
                    done.ran.push((self.module(module)?, line.parse().ok()?));
                }
                ["fresh", module] => done.fresh.push(self.module(module)?),
                ["half", module, exception] => {
                    done.half = Some((self.module(module)?, name(exception)?));
                }
                ["rebound", module, bound] => done.rebound.push((name(module)?, name(bound)?)),
                ["stale", module, held, kind] => {
                    done.stale
                        .push((name(module)?, name(held)?, kind.to_owned()));
                }
                _ => done.changes.push(self.change(&words)?),
            }
        }
        Some(done)
    }

    fn change(&self, words: &[&str]) -> Option<Change> {
        let (kind, module, named, line, how) = match *words {
            [kind @ ("moved" | "state"), module, named] => (kind, module, named, "0", ""),
            ["older", module, named, _] => ("state", module, named, "0", ""),
            [kind, module, named, line, how] => (kind, module, named, line, how),
            _ => return None,
        };
        let what = match (kind, how) {
            ("moved", _) => What::Moved,
            ("state", _) => What::Kept,
            (_, "added") => What::Added,
            ("code", "removed") => What::Removed,
            ("code", "changed") => What::Code,
            ("constant", "changed") => What::Constant,
            ("object", "changed") => What::Replaced,
            _ => return None,
        };
        Some(Change {
            module: self.module(module)?,
            name: name(named)?,
            line: line.parse().ok()?,
            what,
        })
    }

    fn problem(&self, line: &str) -> Option<Problem> {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["problem", module, what, named, line] => Some(Problem {
                module: self.module(module)?,
                what: what.to_owned(),
                name: name(named)?,
                line: line.parse().ok()?,
            }),
            _ => None,
        }
    }
}

/// A name in hexadecimal; `-` is the empty one.
fn name(word: &str) -> Option<String> {
    if word == "-" {
        return Some(String::new());
    }
    let digits: Option<Vec<u8>> = word
        .bytes()
        .map(|byte| char::from(byte).to_digit(16).map(|digit| digit as u8))
        .collect();
    let (pairs, rest) = digits.as_deref()?.as_chunks::<2>();
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    rest.is_empty()
        .then(|| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_full_answer_is_understood() {
        let text = b"done\ncollector 1\nfrozen 3\ncode 0 66 7 changed\nmoved 0 67\nunseen 0 4\nstale 6d 66 generator\nrebound 6d 67";
        let Some(Answer::Done(done)) = parse(text, 1) else {
            panic!("not understood");
        };
        assert_eq!((done.frozen, done.changes.len()), (3, 2));
        assert_eq!(done.changes[0].name, "f");
        assert_eq!(done.rebound, [("m".to_owned(), "g".to_owned())]);
        let stale = ("m".to_owned(), "f".to_owned(), "generator".to_owned());
        assert_eq!(done.stale, [stale]);
    }

    #[test]
    fn a_module_that_does_not_exist_makes_it_no_answer() {
        assert_eq!(parse(b"done\nmoved 1 66", 1), None);
        assert_eq!(parse(b"refused\nproblem 1 bases 66 3", 1), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes, 3);
            for head in [&b"done\n"[..], b"refused\n"] {
                let _ = parse(&[head, &bytes[..]].concat(), 3);
            }
        }
    }
}
