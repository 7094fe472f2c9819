//! Files that change, as a process sees them: told by the kernel, not looked for.
//!
//! Folders are watched, not files: whoever saves or deploys a file mostly puts another one in its
//! place. That a file was opened or read is no change of it.

use super::process::Process;
use super::vigil::Bell;
use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};

/// A folder whose files are watched, and whether all folders in it are too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Folder {
    /// Its path as the process sees it.
    pub path: PathBuf,
    /// Whether with everything below it.
    pub is_deep: bool,
}

/// What has changed since it was last asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Files and folders, as the process sees them.
    pub paths: BTreeSet<PathBuf>,
    /// Whether the kernel has told less than has happened.
    pub is_incomplete: bool,
    /// What went wrong.
    pub errors: Vec<String>,
}

/// The folders that are watched.
#[derive(Debug)]
pub struct FileChanges {
    watcher: RecommendedWatcher,
    events: Receiver<notify::Result<Event>>,
    /// With what each folder was, so that one that was replaced is noticed.
    watched: BTreeMap<Folder, (u64, u64)>,
    /// The root of the process, as we see it.
    root: PathBuf,
}

impl FileChanges {
    /// Nothing is watched yet. `bell` is rung when something has changed.
    ///
    /// # Errors
    /// What the kernel answers, in words.
    pub fn new(process: &Process, bell: Bell) -> Result<Self, String> {
        let (sender, events) = channel();
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.as_ref().map_or(true, is_change) && sender.send(event).is_ok() {
                bell.ring();
            }
        });
        Ok(FileChanges {
            watcher: watcher.map_err(|error| error.to_string())?,
            events,
            watched: BTreeMap::new(),
            root: process.inside(Path::new("/")),
        })
    }

    /// Watches these folders and no others from now on; gives those that cannot be watched, and why.
    /// A folder that is watched already, and still is the same one, stays watched without a gap.
    pub fn watch(&mut self, folders: &BTreeSet<Folder>) -> Vec<String> {
        let gone: Vec<Folder> = self.watched.keys().cloned().collect();
        for folder in gone.iter().filter(|folder| !folders.contains(folder)) {
            self.forget(folder);
        }
        let errors = folders.iter().filter_map(|folder| self.add(folder).err());
        errors.collect()
    }

    /// The folders that are watched, as the process sees them.
    pub fn folders(&self) -> impl Iterator<Item = &PathBuf> {
        self.watched.keys().map(|folder| &folder.path)
    }

    fn add(&mut self, folder: &Folder) -> Result<(), String> {
        let path = self.seen_by_us(&folder.path);
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", folder.path.display());
        let about = std::fs::metadata(&path).map_err(|error| told(&error))?;
        let identity = (about.dev(), about.ino());
        if self.watched.get(folder) == Some(&identity) {
            return Ok(());
        }
        self.forget(folder);
        let mode = match folder.is_deep {
            true => RecursiveMode::Recursive,
            false => RecursiveMode::NonRecursive,
        };
        let watched = self.watcher.watch(&path, mode);
        watched.map_err(|error| told(&error))?;
        self.watched.insert(folder.clone(), identity);
        Ok(())
    }

    fn forget(&mut self, folder: &Folder) {
        if self.watched.remove(folder).is_some() {
            // One that is gone is not watched any more.
            let _ = self.watcher.unwatch(&self.seen_by_us(&folder.path));
        }
    }

    /// What has changed since the last time.
    pub fn take(&mut self) -> Changes {
        let mut changes = Changes::default();
        for event in self.events.try_iter() {
            match event {
                Ok(event) => {
                    changes.is_incomplete |= event.need_rescan();
                    let paths = event.paths.iter();
                    changes
                        .paths
                        .extend(paths.map(|path| self.seen_by_process(path)));
                }
                Err(error) => changes.errors.push(error.to_string()),
            }
        }
        changes
    }

    fn seen_by_us(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    fn seen_by_process(&self, path: &Path) -> PathBuf {
        match path.strip_prefix(&self.root) {
            Ok(inside) => Path::new("/").join(inside),
            Err(_) => path.to_owned(),
        }
    }
}

/// Whether a file is another one now, or may be.
fn is_change(event: &Event) -> bool {
    match event.kind {
        EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}
