//! Which modules a reload is about, and their files as the target sees them.

use crate::address::Address;
use crate::change::reload_child::{Source, Sources};
use crate::change::reload_error::ReloadError;
use crate::modules::kind::Kind;
use crate::modules::row::ModuleRow;
use crate::plan::nearest::nearest;
use crate::target::files::open_regular;
use crate::target::process::Process;
use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The largest source that is read, in bytes.
const LARGEST: u64 = 16 << 20;
/// Bytes of sources of other modules that are searched for imports, all together.
const OTHERS: u64 = 64 << 20;

/// A module that is to get new code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its key.
    pub name: String,
    /// The module object.
    pub module: Address,
    /// Its globals.
    pub dict: Address,
    /// `__file__`.
    pub file: String,
    /// `__package__`.
    pub package: String,
    /// Its cached file.
    pub cached: Option<String>,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The modules, in the order of `sys.modules`.
    pub modules: Vec<Candidate>,
    /// Modules of the groups that have no source.
    pub skipped: Vec<String>,
    /// `sys.flags.optimize`, from the names of cached files.
    pub optimize: u8,
}

/// Finds the modules that are named, and those of the groups.
///
/// # Errors
/// [`ReloadError::NotLoaded`]; [`ReloadError::NotSource`] for one that is named.
pub fn choose(
    process: &Process,
    rows: &[ModuleRow],
    names: &[String],
    groups: &[String],
) -> Result<Chosen, ReloadError> {
    let all = || rows.iter().map(|row| row.name.as_str());
    let is_in = |row: &ModuleRow, group: &str| {
        let rest = row.name.strip_prefix(group);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let missing = names
        .iter()
        .find(|name| !all().any(|known| known == name.as_str()))
        .or_else(|| {
            let is_empty = |group: &&String| !rows.iter().any(|row| is_in(row, group));
            groups.iter().find(is_empty)
        });
    if let Some(name) = missing {
        return Err(ReloadError::NotLoaded {
            name: name.clone(),
            nearest: nearest(name, all()),
        });
    }
    let mut chosen = Chosen {
        modules: Vec::new(),
        skipped: Vec::new(),
        optimize: optimization(rows),
    };
    for row in rows.iter().filter(|row| !row.name_is_repr) {
        let is_named = names.contains(&row.name);
        if !is_named && !groups.iter().any(|group| is_in(row, group)) {
            continue;
        }
        let is_alias = chosen.modules.iter().any(|one| one.module == row.address);
        match candidate(process, row) {
            Ok(one) if !is_alias => chosen.modules.push(one),
            Ok(_) => {}
            Err(error) if is_named => return Err(error),
            Err(_) => chosen.skipped.push(row.name.clone()),
        }
    }
    Ok(chosen)
}

fn candidate(process: &Process, row: &ModuleRow) -> Result<Candidate, ReloadError> {
    let is_source = row.kind == Kind::Source && row.name != "__main__";
    match (&row.file, row.dict) {
        (Some(file), Some(dict)) if is_source && file.ends_with(".py") => Ok(Candidate {
            name: row.name.clone(),
            module: row.address,
            dict,
            file: absolute(process, file),
            package: row.package.clone().unwrap_or_default(),
            cached: row.cached.clone(),
        }),
        _ => Err(ReloadError::NotSource {
            name: row.name.clone(),
            kind: kind_of(row).to_owned(),
        }),
    }
}

fn kind_of(row: &ModuleRow) -> &'static str {
    match row.kind {
        Kind::Source if row.name == "__main__" => "the program itself",
        Kind::Source => "from no .py file",
        Kind::Sourceless => "from a .pyc file alone",
        Kind::Extension => "an extension",
        Kind::Builtin => "built in",
        Kind::Frozen => "frozen into the interpreter",
        Kind::Namespace => "a namespace package",
        Kind::Stub | Kind::Blocked => "an empty entry",
        Kind::Other => "no module that was imported",
    }
}

/// A path that does not begin at the root is one of the directory in which the target is now.
fn absolute(process: &Process, file: &str) -> String {
    if file.starts_with('/') {
        return file.to_owned();
    }
    let cwd = std::fs::read_link(format!("/proc/{}/cwd", process.pid())).unwrap_or_default();
    cwd.join(file).to_string_lossy().into_owned()
}

/// The level of optimisation that the names of cached files tell (PEP 488).
fn optimization(rows: &[ModuleRow]) -> u8 {
    let levels = rows.iter().filter_map(|row| row.cached.as_deref());
    let mut levels = levels.filter_map(|cached| {
        let (_, level) = cached.strip_suffix(".pyc")?.rsplit_once(".opt-")?;
        level.parse::<u8>().ok()
    });
    levels.next().unwrap_or(0)
}

/// Reads the sources, and those of all modules that may import from them.
///
/// # Errors
/// [`ReloadError::NoFile`].
pub fn sources(
    process: &Process,
    rows: &[ModuleRow],
    chosen: &Chosen,
    version: &str,
) -> Result<Sources, ReloadError> {
    let mut modules = Vec::with_capacity(chosen.modules.len());
    for one in &chosen.modules {
        let (source, time) =
            read(process, &one.file, LARGEST).ok_or_else(|| ReloadError::NoFile {
                name: one.name.clone(),
                file: one.file.clone(),
            })?;
        let cached = one.cached.as_deref();
        let cached = cached.and_then(|path| read(process, path, LARGEST));
        modules.push(Source {
            name: one.name.clone(),
            package: one.package.clone(),
            file: one.file.clone(),
            source: hexadecimal(&source),
            time,
            cached: hexadecimal(&cached.unwrap_or_default().0),
        });
    }
    Ok(Sources {
        optimize: chosen.optimize,
        version: version.to_owned(),
        modules,
        others: others(process, rows, chosen),
    })
}

/// Sources that name one of the modules at all.
fn others(process: &Process, rows: &[ModuleRow], chosen: &Chosen) -> Vec<Source> {
    let words: Vec<&str> = chosen
        .modules
        .iter()
        .map(|one| one.name.rsplit('.').next().unwrap_or(&one.name))
        .collect();
    let mut room = OTHERS;
    let mut found = Vec::new();
    for row in rows.iter().filter(|row| !row.name_is_repr) {
        let is_chosen = chosen.modules.iter().any(|one| one.name == row.name);
        let Some(file) = row.file.as_deref().filter(|file| file.ends_with(".py")) else {
            continue;
        };
        if is_chosen {
            continue;
        }
        let Some((source, time)) = read(process, file, LARGEST.min(room)) else {
            continue;
        };
        room -= source.len() as u64;
        let text = String::from_utf8_lossy(&source);
        if words.iter().any(|word| text.contains(word)) {
            found.push(Source {
                name: row.name.clone(),
                package: row.package.clone().unwrap_or_default(),
                file: file.to_owned(),
                source: hexadecimal(&source),
                time,
                cached: String::new(),
            });
        }
    }
    found
}

/// A file as the target sees it, and when it was last written; `None` when it is none, or too large.
fn read(process: &Process, path: &str, limit: u64) -> Option<(Vec<u8>, i64)> {
    let path: PathBuf = process.inside(Path::new(path));
    let (file, _): (File, u64) = open_regular(&path)?;
    let about = file.metadata().ok()?;
    if about.len() > limit {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes).ok()?;
    Some((bytes, about.mtime()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_two_digits_each() {
        assert_eq!(hexadecimal(&[0, 15, 255]), "000fff");
    }
}
