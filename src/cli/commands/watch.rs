//! `watch`: tells when source files of a group change, and reloads the group when that was asked.
//!
//! Asleep until the kernel tells of a change, of the end of the process, or of a signal. A change is
//! looked at when no file has changed for a moment: who saves or deploys writes many times.

use super::open::{Opened, open};
use super::reload::{INTERRUPTED, attempt_on};
use super::stale_group::{self, StaleGroup};
use crate::change::reload_files::absolute;
use crate::cli::args::{Act, ReloadArgs, WatchArgs};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Output;
use crate::modules::group::is_member;
use crate::report::{Ending, Target, WatchEvent, WatchKind};
use crate::target::file_changes::{Changes, FileChanges, Folder};
use crate::target::vigil::{Vigil, Woken};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Files that go on changing are looked at after this many times the quiet that was asked for.
const LONGEST_WAIT: u32 = 10;

/// Runs the command until the process ends, or we are told to.
pub fn run(args: &WatchArgs, out: &mut Output) -> Exit {
    if out.json {
        // One line for each event, also at a terminal.
        out.look.width = None;
    }
    match Watching::begin(args).and_then(|mut watching| watching.run(out)) {
        Ok(()) => Exit::Done,
        Err(failure) => {
            out.failure(&failure, None);
            failure.exit
        }
    }
}

/// A watch that is going on.
struct Watching<'w> {
    args: &'w WatchArgs,
    opened: Opened,
    vigil: Vigil,
    changes: FileChanges,
    /// Members by their files.
    members: BTreeMap<PathBuf, Vec<String>>,
    /// What could not be watched.
    warnings: Vec<String>,
}

impl<'w> Watching<'w> {
    fn begin(args: &'w WatchArgs) -> Result<Self, Failure> {
        let opened = open(args.pid)?;
        let vigil = Vigil::over(&opened.process).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Failure::gone(args.pid),
            _ => failed(args, &error),
        })?;
        let bell = vigil.bell().map_err(|error| failed(args, &error))?;
        let changes = FileChanges::new(&opened.process, bell);
        Ok(Watching {
            args,
            changes: changes.map_err(|error| failed(args, &error))?,
            vigil,
            opened,
            members: BTreeMap::new(),
            warnings: Vec::new(),
        })
    }

    fn run(&mut self, out: &mut Output) -> Result<(), Failure> {
        self.refresh()?;
        // It fails where a group has no member; what is stale already is the first news.
        let group = self.look()?;
        out.answer(&self.watching(&group), None);
        if group.is_stale() {
            self.tell(group.names.clone(), Vec::new(), Ok(group), out)?;
        }
        while !out.is_closed() {
            match self.wait(None)? {
                Woken::Rung => {
                    if let Some(ending) = self.settle(out)? {
                        return self.end(ending, out);
                    }
                }
                Woken::Ended => return self.end(Ending::ProcessEnded, out),
                Woken::Signal(_) => return self.end(Ending::Signal, out),
                Woken::Overdue => {}
            }
        }
        Ok(())
    }

    fn wait(&mut self, time: Option<Duration>) -> Result<Woken, Failure> {
        let args = self.args;
        self.vigil.wait(time).map_err(|error| failed(args, &error))
    }

    /// Waits until no file has changed for a while, and looks at those that have.
    fn settle(&mut self, out: &mut Output) -> Result<Option<Ending>, Failure> {
        let quiet = Duration::from_millis(self.args.quiet.max(1));
        let until = Instant::now() + quiet * LONGEST_WAIT;
        let mut changes = self.changes.take();
        while self.concerns(&changes) {
            match self.wait(Some(quiet))? {
                Woken::Rung if Instant::now() < until => {
                    let more = self.changes.take();
                    changes.paths.extend(more.paths);
                    changes.errors.extend(more.errors);
                    changes.is_incomplete |= more.is_incomplete;
                }
                Woken::Rung | Woken::Overdue => return self.heed(changes, out),
                Woken::Ended => return Ok(Some(Ending::ProcessEnded)),
                Woken::Signal(_) => return Ok(Some(Ending::Signal)),
            }
        }
        Ok(None)
    }

    fn concerns(&self, changes: &Changes) -> bool {
        let is_told = changes.is_incomplete || !changes.errors.is_empty();
        is_told || !self.files_of(changes).is_empty()
    }

    /// The files of members that changed, or lie in a folder that did.
    fn files_of(&self, changes: &Changes) -> Vec<PathBuf> {
        let is_changed = |file: &&PathBuf| {
            changes.is_incomplete || changes.paths.iter().any(|path| file.starts_with(path))
        };
        self.members.keys().filter(is_changed).cloned().collect()
    }

    fn heed(&mut self, changes: Changes, out: &mut Output) -> Result<Option<Ending>, Failure> {
        self.warnings.extend(changes.errors.iter().cloned());
        let mut files = self.files_of(&changes);
        // What was imported since it was last looked at belongs to the group too.
        if let Err(failure) = self.refresh() {
            self.warnings.push(failure.message);
        }
        files.extend(self.files_of(&changes));
        files.sort();
        files.dedup();
        let modules = files.iter().filter_map(|file| self.members.get(file));
        let modules: Vec<String> = modules.flatten().cloned().collect();
        let group = self.look();
        if !self.opened.process.is_same() {
            return Ok(Some(Ending::ProcessEnded));
        }
        self.tell(modules, files, group, out)
    }

    /// Tells what changed, and does what was asked for.
    fn tell(
        &mut self,
        modules: Vec<String>,
        files: Vec<PathBuf>,
        group: Result<StaleGroup, Failure>,
        out: &mut Output,
    ) -> Result<Option<Ending>, Failure> {
        let mut event = WatchEvent::new(WatchKind::Changed, self.about());
        event.modules = modules;
        event.files = texts(files.iter());
        event.envelope.warnings = std::mem::take(&mut self.warnings);
        match group {
            Ok(group) => {
                event.stale = Some(group.stale);
                event.envelope.warnings.extend(group.warnings);
            }
            Err(failure) => event.envelope.warnings.push(failure.message),
        }
        out.answer(&event, None);
        match self.args.act {
            Act::Nothing => Ok(None),
            Act::Reload => Ok(self.reload(out)),
        }
    }

    /// Moves the group. What stale cannot see, as statements of a module, reload compares itself.
    fn reload(&mut self, out: &mut Output) -> Option<Ending> {
        match attempt_on(&self.opened, &self.reload_args(), out) {
            Ok(report) => out.answer(&WatchEvent::of_reload(self.about(), report), None),
            Err(failure) if failure.cause == Some(INTERRUPTED) => return Some(Ending::Signal),
            Err(failure) if failure.exit == Exit::NoProcess => return Some(Ending::ProcessEnded),
            Err(failure) => {
                let mut event = WatchEvent::new(WatchKind::Refused, self.about());
                event.modules = self.members.values().flatten().cloned().collect();
                event.error = Some(failure.report().error);
                out.answer(&event, None);
            }
        }
        None
    }

    fn reload_args(&self) -> ReloadArgs {
        ReloadArgs {
            pid: self.args.pid,
            names: Vec::new(),
            groups: self.args.groups.clone(),
            stale: false,
            execute: self.args.execute,
            whole: false,
            fresh: false,
            // Who asked for it has agreed.
            yes: true,
            dry_run: false,
            limit: self.args.limit,
            max_stop: self.args.max_stop,
        }
    }

    fn end(&mut self, reason: Ending, out: &mut Output) -> Result<(), Failure> {
        let mut event = WatchEvent::new(WatchKind::Ended, self.about());
        event.reason = Some(reason);
        out.answer(&event, None);
        Ok(())
    }

    fn watching(&mut self, group: &StaleGroup) -> WatchEvent {
        let mut event = WatchEvent::new(WatchKind::Watching, self.about());
        event.modules.clone_from(&group.names);
        event.files = texts(self.changes.folders());
        event.envelope.warnings = std::mem::take(&mut self.warnings);
        event
    }

    fn about(&self) -> Target {
        self.opened.target(self.opened.located.python.main())
    }

    fn look(&self) -> Result<StaleGroup, Failure> {
        let main = self.opened.located.python.main();
        stale_group::look(&self.opened, main, &self.args.groups)
    }

    /// Who is a member now, and where the files are.
    fn refresh(&mut self) -> Result<(), Failure> {
        let process = &self.opened.process;
        let inventory = self.opened.inventory(self.opened.located.python.main())?;
        let mut members: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
        let mut packages = BTreeSet::new();
        for row in inventory.rows {
            let is_in = self
                .args
                .groups
                .iter()
                .any(|group| is_member(&row.name, group));
            let Some(file) = row.file.as_deref().filter(|_| is_in) else {
                continue;
            };
            let file = PathBuf::from(absolute(process, file));
            let is_package = file.file_stem().is_some_and(|stem| stem == "__init__");
            if let (true, Some(folder)) = (is_package, file.parent()) {
                packages.insert(folder.to_owned());
            }
            members.entry(file).or_default().push(row.name);
        }
        let is_there = |path: &Path| process.inside(path).is_dir();
        let folders = folders(members.keys(), &packages, &is_there);
        self.members = members;
        let errors = self.changes.watch(&folders);
        let errors = errors
            .into_iter()
            .map(|error| format!("not watched: {error}"));
        self.warnings.extend(errors);
        Ok(())
    }
}

/// The folders to watch: packages with all that is below them, and what they lie in, so that one that
/// is replaced as a whole is noticed; of other modules the folder, or the nearest one that is there.
fn folders<'f>(
    files: impl Iterator<Item = &'f PathBuf>,
    packages: &BTreeSet<PathBuf>,
    is_there: &impl Fn(&Path) -> bool,
) -> BTreeSet<Folder> {
    let mut found = BTreeSet::new();
    for file in files {
        let inner = file.parent().unwrap_or(file);
        let package = outermost(inner, packages).filter(|package| is_there(package));
        if let Some(package) = package {
            found.insert(Folder {
                path: package.to_owned(),
                is_deep: true,
            });
        }
        let above = package.map_or(inner, |package| package.parent().unwrap_or(package));
        if let Some(path) = above.ancestors().find(|path| is_there(path)) {
            found.insert(Folder {
                path: path.to_owned(),
                is_deep: false,
            });
        }
    }
    found
}

/// The outermost package that a folder lies in, or is.
fn outermost<'p>(path: &'p Path, packages: &BTreeSet<PathBuf>) -> Option<&'p Path> {
    let inside = path.ancestors().filter(|path| packages.contains(*path));
    inside.last()
}

fn texts<'p>(paths: impl Iterator<Item = &'p PathBuf>) -> Vec<String> {
    paths
        .map(|path| path.to_string_lossy().into_owned())
        .collect()
}

fn failed(args: &WatchArgs, error: &dyn std::fmt::Display) -> Failure {
    let help = "is fs.inotify.max_user_watches or max_user_instances used up?";
    let failure = Failure::new(Exit::Forbidden, "files cannot be watched", help);
    failure.because(error.to_string()).of(args.pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_watched_with_all_below_and_from_outside() {
        let files = [
            "/srv/shop/__init__.py",
            "/srv/shop/a/b.py",
            "/opt/x.zip/tool.py",
        ];
        let files: Vec<PathBuf> = files.into_iter().map(PathBuf::from).collect();
        let packages = BTreeSet::from([PathBuf::from("/srv/shop"), PathBuf::from("/srv/shop/a")]);
        let found = folders(files.iter(), &packages, &|path| !path.ends_with("x.zip"));
        let found: Vec<(&str, bool)> = found
            .iter()
            .map(|folder| (folder.path.to_str().expect("text"), folder.is_deep))
            .collect();
        assert_eq!(
            found,
            [("/opt", false), ("/srv", false), ("/srv/shop", true)]
        );
    }
}
