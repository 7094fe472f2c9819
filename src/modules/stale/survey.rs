//! Of each module: is its code that of its file?

use super::compile::{Compiled, OnDisk, Wanted};
use super::extension::{self, Match};
use super::judge::{self, Change, Judgement, judge};
use super::{live, moved};
use crate::cpython::python::{Interpreter, Python};
use crate::modules::kind::Kind;
use crate::modules::row::ModuleRow;
use crate::pyobject::code::CodeReader;
use crate::pyobject::{dict, text};
use crate::target::cached::Cached;
use crate::target::maps::Maps;
use crate::target::process::Process;
use crate::target::target::Target;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How the code in memory stands to the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is that of the file.
    Current,
    /// It is not.
    Changed,
    /// There is no file any more.
    Missing,
    /// The file is at another place now.
    Moved,
    /// The file is of another version: of Python, or of the package.
    OtherVersion,
    /// The file cannot be read, or is no Python.
    Unreadable,
    /// It cannot be told.
    Unknown,
}

impl State {
    /// Whether the process runs something else than the file holds.
    pub fn is_stale(self) -> bool {
        matches!(
            self,
            State::Changed | State::Missing | State::Moved | State::OtherVersion
        )
    }
}

/// What the state is told from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Code objects were compared.
    Code,
    /// Only the file was looked at.
    File,
    /// Build ids were compared.
    BuildId,
}

/// One module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Its key in `sys.modules`.
    pub name: String,
    /// `__file__`.
    pub file: Option<String>,
    /// How it stands.
    pub state: State,
    /// What that is told from.
    pub evidence: Evidence,
    /// What was found in code.
    pub judgement: Judgement,
    /// What else there is to say, in words.
    pub detail: Option<String>,
}

/// All of them, and what could not be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// In the order of the rows.
    pub modules: Vec<Checked>,
    /// What could not be done.
    pub warnings: Vec<String>,
}

/// What a survey is about.
pub struct Surveying<'s> {
    /// The process.
    pub process: &'s Process,
    /// Its Python.
    pub python: &'s Python,
    /// Which interpreter.
    pub interpreter: &'s Interpreter,
}

impl Surveying<'_> {
    /// Looks at each of these modules.
    pub fn run(&self, rows: &[ModuleRow]) -> Survey {
        let rows: Vec<&ModuleRow> = rows
            .iter()
            .filter(|row| !matches!(row.kind, Kind::Stub | Kind::Blocked))
            .collect();
        let files: Vec<Option<Wanted>> = rows.iter().map(|row| wanted(self.process, row)).collect();
        let all: Vec<Wanted> = files.iter().flatten().cloned().collect();
        let mut warnings = Vec::new();
        let mut answers = match self.compile(&all) {
            Ok(answers) => Some(answers.into_iter()),
            Err(error) => {
                warnings.push(format!(
                    "files were not compiled: {error}; only times and build ids were compared"
                ));
                None
            }
        };
        let maps = self.process.maps().ok();
        let modules = rows.iter().zip(files).map(|(row, file)| match file {
            Some(file) => match answers.as_mut().and_then(Iterator::next) {
                Some(on_disk) => self.of_code(row, on_disk),
                None => self.of_file(row, &file),
            },
            None => self.without_code(row, maps.as_ref()),
        });
        let mut modules: Vec<Checked> = modules.collect();
        self.find_moved(&rows, &mut modules);
        Survey { modules, warnings }
    }

    /// Looks where the files that are gone are now, and compares those.
    fn find_moved(&self, rows: &[&ModuleRow], modules: &mut [Checked]) {
        let gone = |one: &(&ModuleRow, &mut Checked)| {
            one.1.state == State::Missing && one.0.kind == Kind::Source
        };
        let pairs = rows.iter().copied().zip(modules);
        let pairs: Vec<_> = pairs.filter(gone).collect();
        if pairs.is_empty() {
            return;
        }
        let path = self.search_path();
        let found = pairs.into_iter().filter_map(|(row, checked)| {
            let file = moved::elsewhere(self.process, &path, row)?;
            Some((row, checked, file))
        });
        let found: Vec<_> = found.collect();
        let wanted = found.iter().map(|(_, _, file)| Wanted {
            path: file.clone(),
            is_compiled: false,
        });
        let wanted: Vec<Wanted> = wanted.collect();
        let Ok(answers) = self.compile(&wanted) else {
            return;
        };
        for ((row, checked, file), on_disk) in found.into_iter().zip(answers) {
            if let OnDisk::Compiled(compiled) = on_disk {
                let compared = self.compared(row, &compiled);
                checked.judgement = compared.judgement;
                checked.evidence = compared.evidence;
            }
            checked.state = State::Moved;
            checked.detail = Some(format!("the file is {file} now"));
        }
    }

    fn of_code(&self, row: &ModuleRow, on_disk: OnDisk) -> Checked {
        let mut checked = checked(row, State::Unknown, Evidence::File);
        let (state, detail) = match on_disk {
            OnDisk::Compiled(compiled) => return self.compared(row, &compiled),
            OnDisk::Missing(_) => (State::Missing, "the file is gone".to_owned()),
            OnDisk::Unreadable(why) => (State::Unreadable, why),
            OnDisk::SyntaxError(why) => (State::Unreadable, format!("syntax error: {why}")),
            OnDisk::OtherVersion => (
                State::OtherVersion,
                "the file was compiled by another version of Python".to_owned(),
            ),
        };
        checked.state = state;
        checked.detail = Some(detail);
        checked
    }

    fn compared(&self, row: &ModuleRow, compiled: &Compiled) -> Checked {
        let mut checked = checked(row, State::Unknown, Evidence::Code);
        let (Some(globals), Some(file)) = (row.dict, row.file.as_deref()) else {
            return checked;
        };
        let own_name = self.name_of(globals).unwrap_or_else(|| row.name.clone());
        let memory = Cached::new(self.process);
        let live = match live::read(&memory, &self.python.layout, &own_name, globals) {
            Ok(live) => live,
            Err(error) => {
                checked.detail = Some(error.to_string());
                return checked;
            }
        };
        let mut found = judge(&live, compiled, file);
        let newer = self.is_newer(Path::new(file));
        if newer == Some(true) && !compiled.is_as_cached {
            found.changed.extend(self.constants(&live, compiled));
            found.changed.sort_by_key(|change| change.line);
        }
        let version = row.version.as_ref().zip(compiled.version.as_ref());
        checked.state = match version {
            Some((loaded, now)) if loaded != now => {
                checked.detail = Some(format!("version {now} on disk, {loaded} in memory"));
                State::OtherVersion
            }
            _ if !found.changed.is_empty() => State::Changed,
            _ if found.unreadable > 0 => State::Unknown,
            _ if found.compared > 0 || newer == Some(false) => State::Current,
            // Nothing in it can be compared, and the file is younger than the process.
            _ => State::Unknown,
        };
        if found.compared == 0 {
            checked.evidence = Evidence::File;
        }
        if checked.detail.is_none() {
            checked.detail = remark(&found, checked.state, newer);
        }
        checked.judgement = found;
        checked
    }

    /// Constants that were edited, or that the program has given another value: an older file tells
    /// that nobody edited them.
    fn constants(&self, live: &live::Live, compiled: &Compiled) -> Vec<Change> {
        let memory = Cached::new(self.process);
        let Some(mut reader) = CodeReader::new(&memory, &self.python.layout) else {
            return Vec::new();
        };
        judge::constants(live, compiled, |at| reader.read_constant(at).ok())
    }

    fn name_of(&self, globals: crate::address::Address) -> Option<String> {
        let layout = &self.python.layout;
        let name = dict::find(self.process, layout, globals, "__name__").ok()??;
        Some(text::read(self.process, layout, name).ok()?.escaped())
    }

    /// Whether a file was written after the process started.
    fn is_newer(&self, path: &Path) -> Option<bool> {
        let written = std::fs::metadata(self.process.inside(path)).ok()?;
        let started = crate::target::about::About::of(self.process.pid())?.uptime_s?;
        // Both are known to a second.
        let since = SystemTime::now() - Duration::from_secs(started + 1);
        Some(written.modified().ok()? > since)
    }

    /// Without a compile: a file that is older than the process is the one that was loaded.
    fn of_file(&self, row: &ModuleRow, file: &Wanted) -> Checked {
        let mut checked = checked(row, State::Unknown, Evidence::File);
        let path = Path::new(&file.path);
        checked.state = match self.is_newer(path) {
            Some(false) => State::Current,
            Some(true) => State::Unknown,
            None if !self.process.inside(path).exists() => State::Missing,
            None => State::Unreadable,
        };
        if checked.state == State::Unknown {
            checked.detail = Some("the file was written after the process started".to_owned());
        }
        checked
    }

    fn without_code(&self, row: &ModuleRow, maps: Option<&Maps>) -> Checked {
        let mut checked = checked(row, State::Unknown, Evidence::File);
        match row.kind {
            Kind::Extension => {
                checked.evidence = Evidence::BuildId;
                let path = row.file.as_deref().map(Path::new);
                let found = maps.zip(path).map_or(Match::Unknown, |(maps, path)| {
                    extension::compare(self.process, self.process, maps, path)
                });
                checked.state = state_of(found);
            }
            Kind::Builtin | Kind::Frozen => {
                checked.evidence = Evidence::BuildId;
                let found = maps.map_or(Match::Unknown, |maps| self.runtime(maps));
                checked.state = state_of(found);
            }
            Kind::Namespace => checked.state = State::Current,
            _ => {
                let why = match &row.loader {
                    Some(loader) if row.file.is_some() => {
                        format!("it was loaded by {loader}, which may compile otherwise")
                    }
                    _ => "code made it: it has no file".to_owned(),
                };
                checked.detail = Some(why);
            }
        }
        checked
    }

    /// The file that holds the interpreter.
    fn runtime(&self, maps: &Maps) -> Match {
        let is_library = |path: &Path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with("libpython"))
        };
        let files = maps.files();
        let library = files.iter().copied().find(|file| is_library(&file.path));
        let file = library.or_else(|| {
            let mut all = files.iter().copied();
            all.find(|file| self.process.is_executable(file))
        });
        file.map_or(Match::Unknown, |file| {
            let path = self.below_root(file.path.clone());
            let seen = self.process.inside(&path);
            extension::compare_mapped(self.process, self.process, maps, file, &seen)
        })
    }
}

fn state_of(found: Match) -> State {
    match found {
        Match::Same => State::Current,
        Match::Other => State::Changed,
        Match::Missing => State::Missing,
        Match::Unknown => State::Unknown,
    }
}

fn remark(found: &Judgement, state: State, newer: Option<bool>) -> Option<String> {
    match state {
        State::Unknown if found.unreadable > 0 => {
            Some(format!("{} functions could not be read", found.unreadable))
        }
        State::Unknown => Some(
            "it has no function to compare, and its file was written after the process started"
                .to_owned(),
        ),
        State::Current if newer == Some(true) && found.compared > 0 => Some(
            "written after the process started, with the same functions; other statements of a \
             module are not kept in memory"
                .to_owned(),
        ),
        _ => None,
    }
}

fn checked(row: &ModuleRow, state: State, evidence: Evidence) -> Checked {
    Checked {
        name: row.name.clone(),
        file: row.file.clone(),
        state,
        evidence,
        judgement: Judgement::default(),
        detail: None,
    }
}

/// Loaders that compile a file as `compile` does.
const PLAIN: [&str; 6] = [
    "SourceFileLoader",
    "SourcelessFileLoader",
    "zipimporter",
    "FrozenImporter",
    "ImpLoader",
    "NoneType",
];

/// What to compile for a module; `None` when its code comes from no file, or from a loader of its
/// own.
fn wanted(process: &Process, row: &ModuleRow) -> Option<Wanted> {
    let file = row.file.as_deref()?;
    let is_plain = row
        .loader
        .as_deref()
        .is_none_or(|loader| PLAIN.contains(&loader));
    let has_code = matches!(row.kind, Kind::Source | Kind::Sourceless | Kind::Frozen);
    if !is_plain || !has_code || row.dict.is_none() || !file.starts_with('/') {
        return None;
    }
    let is_compiled = file.ends_with(".pyc") || file.ends_with(".pyo");
    // 2.7 names the compiled file also where the source lies beside it.
    let has_source = |path: &str| process.inside(Path::new(path)).exists();
    let is_source = row.kind == Kind::Source && is_compiled && has_source(&file[..file.len() - 1]);
    Some(Wanted {
        path: match is_source {
            true => file[..file.len() - 1].to_owned(),
            false => file.to_owned(),
        },
        is_compiled: is_compiled && !is_source,
    })
}
