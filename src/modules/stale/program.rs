//! What compiles for a survey, and how: the Python of the process, its optimisation, its search path.

use super::compile::{CompileError, OnDisk, Wanted, compile};
use super::survey::Surveying;
use crate::pyobject::{dict, int, sequence, text};
use crate::target::twin::Program;
use std::path::{Path, PathBuf};

/// At most this many entries of a search path are looked at.
const LONGEST_PATH: usize = 200;

impl Surveying<'_> {
    /// Compiles files as the process itself would.
    ///
    /// # Errors
    /// [`CompileError`].
    pub fn compile(&self, files: &[Wanted]) -> Result<Vec<OnDisk>, CompileError> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let no_python = CompileError::OtherPython {
            detail: "it is no Python by its name, and none was found beside it",
        };
        let (path, is_own) = self.program().ok_or(no_python)?;
        let program = Program::of(&path, is_own);
        let version = self.python.version;
        let parts = [version.major, version.minor, version.micro];
        let low = version.level << 4 | version.serial;
        let hexversion = u32::from_be_bytes([parts[0], parts[1], parts[2], low]);
        compile(self.process, program, hexversion, self.optimize(), files)
    }

    /// The program to compile with, and whether it is the one that the process runs: a host that
    /// embeds Python must not be started again.
    pub fn program(&self) -> Option<(PathBuf, bool)> {
        let is_python = |path: &Path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with("python"))
        };
        if let Some((path, _)) = self
            .process
            .executable()
            .filter(|(path, _)| is_python(path))
        {
            return Some((self.below_root(path), true));
        }
        let version = self.python.version;
        let named = ["_base_executable", "executable"].map(|name| self.text_of_sys(name));
        let prefix = ["base_exec_prefix", "exec_prefix"].into_iter();
        let beside = prefix.filter_map(|name| {
            let name = self.text_of_sys(name)?;
            Some(format!(
                "{name}/bin/python{}.{}",
                version.major, version.minor
            ))
        });
        let mut all = named.into_iter().flatten().chain(beside).map(PathBuf::from);
        all.find(|path| is_python(path) && self.process.inside(path).is_file())
            .map(|path| (path, false))
    }

    /// A path of ours as the target sees it.
    pub(super) fn below_root(&self, path: PathBuf) -> PathBuf {
        let root = std::fs::read_link(format!("/proc/{}/root", self.process.pid()));
        let stripped = root.ok().and_then(|root| {
            let rest = path.strip_prefix(root).ok()?;
            Some(Path::new("/").join(rest))
        });
        stripped.unwrap_or(path)
    }

    fn of_sys(&self, name: &str) -> Option<crate::address::Address> {
        let (layout, sys) = (&self.python.layout, self.interpreter.sysdict);
        dict::find(self.process, layout, sys, name).ok().flatten()
    }

    fn text_of_sys(&self, name: &str) -> Option<String> {
        let text = text::read(self.process, &self.python.layout, self.of_sys(name)?).ok()?;
        Some(text.as_str()?.to_owned())
    }

    /// `sys.flags.optimize`: a tuple with names.
    fn optimize(&self) -> u8 {
        let layout = &self.python.layout;
        let is_old = layout.python < (3, 0);
        let read = || {
            let flags = sequence::read_tuple(self.process, layout, self.of_sys("flags")?).ok()?;
            let at = *flags.get(if is_old { 6 } else { 3 })?;
            let value = match is_old {
                true => int::read_plain(self.process, layout, at),
                false => int::read(self.process, layout, at),
            };
            value.ok()?.to_i64()
        };
        read().unwrap_or(0).clamp(0, 2) as u8
    }

    /// `sys.path`, as far as it is texts.
    pub(super) fn search_path(&self) -> Vec<String> {
        let layout = &self.python.layout;
        let read = || sequence::read_list(self.process, layout, self.of_sys("path")?).ok();
        let entries = read().unwrap_or_default().into_iter().take(LONGEST_PATH);
        let texts = entries.filter_map(|at| text::read(self.process, layout, at).ok());
        texts
            .filter_map(|text| Some(text.as_str()?.to_owned()))
            .collect()
    }
}
