//! Which modules a reload is about, and where their files are.

use crate::address::Address;
use crate::change::reload_child::{Source, Sources};
use crate::change::reload_error::ReloadError;
use crate::modules::group::is_member;
use crate::modules::kind::Kind;
use crate::modules::row::ModuleRow;
use crate::plan::nearest::nearest;
use crate::target::process::Process;

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
    let is_in = |row: &ModuleRow, group: &str| is_member(&row.name, group);
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
pub fn absolute(process: &Process, file: &str) -> String {
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

/// What is to be compiled, and which other sources may import from it.
pub fn sources(rows: &[ModuleRow], chosen: &Chosen, version: &str) -> Sources {
    let modules = chosen.modules.iter().map(|one| Source {
        name: one.name.clone(),
        package: one.package.clone(),
        file: one.file.clone(),
        cached: one.cached.clone(),
    });
    let is_chosen = |row: &ModuleRow| chosen.modules.iter().any(|one| one.name == row.name);
    let others = rows
        .iter()
        .filter(|row| !row.name_is_repr && !is_chosen(row))
        .filter_map(|row| {
            let file = row.file.as_deref().filter(|file| file.ends_with(".py"))?;
            Some(Source {
                name: row.name.clone(),
                package: row.package.clone().unwrap_or_default(),
                file: file.to_owned(),
                cached: None,
            })
        });
    Sources {
        optimize: chosen.optimize,
        version: version.to_owned(),
        modules: modules.collect(),
        others: others.collect(),
    }
}
