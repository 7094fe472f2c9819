//! What the program inside said: lines of ASCII words, the first one the status. It comes out of the
//! target's memory, so nothing in it is believed that does not fit.

use std::collections::HashSet;

/// The most lines that are read.
const LINES: usize = 1 << 20;

/// What became of an attempt. Numbers of entries are those of [`Cut::entries`].
///
/// [`Cut::entries`]: crate::plan::cut::Cut::entries
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Everything was detached, and the collector ran.
    Done(Done),
    /// Everything was taken away into the record: so many attributes, besides the keys.
    Detached {
        /// How many attributes of parent packages.
        attributes: usize,
    },
    /// What this step, counted in their order, is about is no longer what was seen from outside:
    /// everything was put back.
    Stale(usize),
    /// This step raised: everything was put back.
    StepRaised {
        /// Which one.
        step: usize,
        /// The class of the exception.
        exception: String,
    },
    /// There is the record of another run: nothing was touched.
    Recorded,
    /// There is no record of this run any more.
    Lost,
    /// `sys.modules` is not the dict that was read from outside: nothing was touched.
    Moved,
    /// The keys or their values are not those of the plan: nothing was touched, or it was put back.
    Changed,
    /// A module of the plan is being imported: nothing was touched.
    Importing(Option<usize>),
    /// A thread is inside a function of this entry: nothing was touched.
    Running(usize),
    /// An exception of this class: nothing was touched, or it was put back.
    Failed(String),
}

/// What was done, as seen from inside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// How many attributes of parent packages were removed.
    pub attributes: usize,
    /// What `gc.collect()` returned.
    pub collected: u64,
    /// Whether something, a signal handler for one, raised before the collector was through.
    pub interrupted: bool,
    /// `gc.isenabled()`.
    pub collector_enabled: bool,
    /// `gc.get_freeze_count()`.
    pub frozen: u64,
    /// `gc.get_debug()`.
    pub debug: u64,
    /// Entries whose value was alive after the collection.
    pub alive: HashSet<usize>,
    /// Entries of which a function was alive after the collection.
    pub functions_alive: HashSet<usize>,
    /// Entries whose value takes no weak reference, so that nothing was seen of its end.
    pub unwatched: HashSet<usize>,
    /// Entries whose name, or file, tables of the standard library still know.
    pub named: HashSet<usize>,
}

/// Reads an answer about `entries` entries; `None` when it is not one.
pub fn parse(bytes: &[u8], entries: usize) -> Option<Answer> {
    let text = std::str::from_utf8(bytes)
        .ok()
        .filter(|text| text.is_ascii())?;
    let mut lines = text.lines().take(LINES);
    let mut first = lines.next()?.split(' ');
    let (status, argument) = (first.next()?, first.next());
    let index = || argument?.parse().ok().filter(|&index| index < entries);
    Some(match status {
        "done" => Answer::Done(parse_done(lines, entries)?),
        "detached" => Answer::Detached {
            attributes: parse_attributes(lines.next()?)?,
        },
        "stale" => Answer::Stale(argument?.parse().ok()?),
        "raised" => Answer::StepRaised {
            step: argument?.parse().ok()?,
            exception: first.next().unwrap_or("unknown").to_owned(),
        },
        "recorded" => Answer::Recorded,
        "lost" => Answer::Lost,
        "moved" => Answer::Moved,
        "changed" => Answer::Changed,
        "importing" => Answer::Importing(index()),
        "running" => Answer::Running(index()?),
        "failed" => Answer::Failed(argument.unwrap_or("unknown").to_owned()),
        _ => return None,
    })
}

fn parse_attributes(line: &str) -> Option<usize> {
    line.strip_prefix("attributes ")?.parse().ok()
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restored {
    /// Everything is as it was.
    Restored,
    /// There was none.
    Nothing,
    /// Something else stands where things would be put back: nothing was done.
    Occupied,
    /// The same, and the record was dropped.
    Dropped,
    /// Putting back raised an exception of this class; the rest was put back.
    Failed(String),
}

/// Reads the answer of a program that puts back.
pub fn parse_restored(bytes: &[u8]) -> Option<Restored> {
    Some(match bytes {
        b"restored" => Restored::Restored,
        b"nothing" => Restored::Nothing,
        b"occupied" => Restored::Occupied,
        b"dropped" => Restored::Dropped,
        bytes => {
            let text = std::str::from_utf8(bytes).ok()?;
            Restored::Failed(text.strip_prefix("failed ")?.to_owned())
        }
    })
}

fn parse_done<'t>(lines: impl Iterator<Item = &'t str>, entries: usize) -> Option<Done> {
    let mut done = Done::default();
    for line in lines {
        let (word, number) = line.split_once(' ')?;
        let number: u64 = number.parse().ok()?;
        let index = || {
            usize::try_from(number)
                .ok()
                .filter(|&index| index < entries)
        };
        match word {
            "attributes" => done.attributes = usize::try_from(number).ok()?,
            "interrupted" => done.interrupted = number != 0,
            "collected" => done.collected = number,
            "collector" => done.collector_enabled = number != 0,
            "frozen" => done.frozen = number,
            "debug" => done.debug = number,
            "module" => drop(done.alive.insert(index()?)),
            "function" => drop(done.functions_alive.insert(index()?)),
            "unwatched" => drop(done.unwatched.insert(index()?)),
            "named" => drop(done.named.insert(index()?)),
            _ => return None,
        }
    }
    Some(done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_full_answer_is_understood() {
        let bytes = b"done\nattributes 1\ncollected 41\ncollector 0\nfrozen 375\ndebug 0\nmodule 0\nfunction 2\nunwatched 1\nnamed 2";
        let expected = Done {
            attributes: 1,
            collected: 41,
            interrupted: false,
            collector_enabled: false,
            frozen: 375,
            debug: 0,
            alive: [0].into(),
            functions_alive: [2].into(),
            unwatched: [1].into(),
            named: [2].into(),
        };
        assert_eq!(parse(bytes, 3), Some(Answer::Done(expected)));
    }

    #[test]
    fn an_entry_that_does_not_exist_makes_it_no_answer() {
        assert_eq!(parse(b"running 3", 3), None);
        assert_eq!(parse(b"done\nmodule 3", 3), None);
        assert_eq!(parse(b"importing -1", 3), Some(Answer::Importing(None)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes, 3);
            let mut done = b"done\n".to_vec();
            done.extend(&bytes);
            let _ = parse(&done, 3);
        }
    }
}
