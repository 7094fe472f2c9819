//! The programs and libraries that hold what a core file leaves out.
//!
//! A core names them by the paths they had where it was made. Here another file may be there, or
//! none. Where the core holds the first page of one (its headers, and in what linkers make the
//! build id), the file found must begin with the same bytes, or it is not used.

use crate::target::files::open_regular;
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Files kept open at once; a process may have mapped more than we may have open.
const MOST_OPEN: usize = 64;

/// How a file that a core names was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It begins as it did in memory.
    Same,
    /// It is there, and nothing in the core tells whether it is the same.
    Unverified,
    /// No path leads to it.
    Missing,
    /// Another file is there.
    Differs,
}

/// A file that a core names, as it was found here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backing {
    /// Where it was when the core was made.
    pub path: PathBuf,
    /// Where it is here.
    place: PathBuf,
    /// What it is.
    pub state: State,
}

impl Backing {
    /// Looks for a file below `sysroot`, if there is one, by its path and by its name alone, and at
    /// last at its path. `head` is how it began in memory. Without that the last place only counts
    /// when no other place was asked for, and when the file is not known to be gone.
    pub fn find(path: &Path, deleted: bool, sysroot: Option<&Path>, head: Option<&[u8]>) -> Self {
        let below = |root: &Path| {
            let whole = root.join(path.strip_prefix("/").unwrap_or(path));
            let alone = path.file_name().map(|name| root.join(name));
            [Some(whole), alone].into_iter().flatten()
        };
        let asked: Vec<PathBuf> = sysroot.into_iter().flat_map(below).collect();
        let own = head.is_some() || (sysroot.is_none() && !deleted);
        let places = asked.into_iter().chain(own.then(|| path.to_owned()));
        let mut best = Backing {
            path: path.to_owned(),
            place: PathBuf::new(),
            state: State::Missing,
        };
        for place in places.filter(|place| place.is_absolute() || sysroot.is_some()) {
            let Some((file, _)) = open_regular(&place) else {
                continue;
            };
            let state = match head {
                None => State::Unverified,
                Some(head) if begins_with(&file, head) => State::Same,
                Some(_) => State::Differs,
            };
            best.state = state;
            best.place = place;
            if state != State::Differs {
                break;
            }
        }
        best
    }

    /// Whether its content may be used.
    pub fn is_readable(&self) -> bool {
        matches!(self.state, State::Same | State::Unverified)
    }

    /// Whether it is known to be the same.
    pub fn is_certain(&self) -> bool {
        self.state == State::Same
    }

    /// Opens it, if its content may be used.
    pub fn open(&self) -> Option<File> {
        let opened = self.is_readable().then(|| open_regular(&self.place))??;
        Some(opened.0)
    }
}

fn begins_with(file: &File, head: &[u8]) -> bool {
    let mut own = vec![0; head.len()];
    let length = file.metadata().map_or(0, |found| found.len());
    // The last page of a short file is filled up with zeroes in memory.
    let length = length.min(head.len() as u64) as usize;
    file.read_exact_at(&mut own[..length], 0).is_ok() && length > 0 && own == head
}

/// All files that a core names.
#[derive(Debug, Default)]
pub struct Backings {
    known: HashMap<PathBuf, Backing>,
    open: Mutex<HashMap<PathBuf, Arc<File>>>,
}

impl Backings {
    /// These, each by the path it had.
    pub fn new(known: impl Iterator<Item = Backing>) -> Self {
        Backings {
            known: known.map(|one| (one.path.clone(), one)).collect(),
            open: Mutex::default(),
        }
    }

    /// What was found for a path.
    pub fn of(&self, path: &Path) -> Option<&Backing> {
        self.known.get(path)
    }

    /// The content for a path, if there is one that may be used.
    pub fn open(&self, path: &Path) -> Option<Arc<File>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(path) {
            return Some(Arc::clone(file));
        }
        let file = Arc::new(self.known.get(path)?.open()?);
        if open.len() >= MOST_OPEN {
            open.clear();
        }
        open.insert(path.to_owned(), Arc::clone(&file));
        Some(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_used_only_when_it_begins_as_in_memory() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("library.so");
        std::fs::write(&path, b"\x7fELF one").expect("written");
        let state = |head: Option<&[u8]>| Backing::find(&path, false, None, head).state;
        assert_eq!(state(Some(b"\x7fELF one\0\0")), State::Same);
        assert_eq!(state(Some(b"\x7fELF two")), State::Differs);
        assert_eq!(state(None), State::Unverified);
        assert_eq!(Backing::find(&path, true, None, None).state, State::Missing);
    }

    #[test]
    fn below_another_root_a_file_is_found_by_its_path_and_by_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("lib")).expect("a folder");
        let inside = folder.path().join("lib/one.so");
        std::fs::write(&inside, b"one").expect("written");
        std::fs::write(folder.path().join("two.so"), b"two").expect("written");
        let find = |path: &str| {
            let found = Backing::find(Path::new(path), false, Some(folder.path()), None);
            found.open().is_some()
        };
        assert!(find("/lib/one.so"));
        assert!(find("/nowhere/two.so"));
        assert!(!find("/lib/three.so"));
        // What is asked for elsewhere is not taken from here unseen.
        assert!(!find("/proc/self/exe"));
    }
}
