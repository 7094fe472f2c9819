//! A small file that another process can open: in memory of ours, or in its own `/tmp`.

use crate::control::error::ControlError;
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// How the names of our files begin.
const PREFIX: &str = ".pyunload-";

/// A file; it is gone with this.
#[derive(Debug)]
pub struct SharedFile {
    file: File,
    path: String,
    /// Where it is to be removed.
    entry: Option<PathBuf>,
}

impl SharedFile {
    /// A file in memory, found under our pid while we live.
    ///
    /// # Errors
    /// [`ControlError::Trace`] with what the kernel said.
    pub fn in_memory(content: &[u8]) -> Result<Self, ControlError> {
        let file = memfd_create(c"pyunload", MFdFlags::MFD_CLOEXEC).map_err(ControlError::Trace)?;
        let file = File::from(file);
        file.write_all_at(content, 0).map_err(failed)?;
        Ok(SharedFile {
            path: format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd()),
            file,
            entry: None,
        })
    }

    /// A file in the `/tmp` that the process sees, its own and readable by nobody else. A `/tmp` in
    /// which others could put something in its place is not used.
    ///
    /// # Errors
    /// [`ControlError::Trace`] with what the kernel said.
    pub fn in_its_tmp(pid: i32, content: &[u8]) -> Result<Self, ControlError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let (folder, ours) = (tmp_of(pid), std::process::id());
        if !may_use_its_tmp(pid) {
            return Err(ControlError::Trace(nix::errno::Errno::EACCES));
        }
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{ours}-{pid}-{number}");
        let entry = folder.join(&name);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&entry)
            .map_err(failed)?;
        let shared = SharedFile {
            path: format!("/tmp/{name}"),
            file,
            entry: Some(entry),
        };
        let of_process = std::fs::metadata(format!("/proc/{pid}/task")).map_err(failed)?;
        let own = shared.file.metadata().map_err(failed)?;
        let owner = (of_process.uid(), of_process.gid());
        if (own.uid(), own.gid()) != owner {
            fchown(&shared.file, Some(owner.0), Some(owner.1)).map_err(failed)?;
        }
        shared.file.write_all_at(content, 0).map_err(failed)?;
        Ok(shared)
    }

    /// The path under which the process finds it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether the path names this very file where `root` is the root.
    pub fn is_found_below(&self, root: &str) -> bool {
        let found = std::fs::metadata(format!("{root}{}", self.path));
        found.is_ok_and(|found| self.device_and_inode() == Ok((found.dev(), found.ino())))
    }

    /// What tells it from every other file.
    ///
    /// # Errors
    /// [`ControlError::Trace`] with what the kernel said.
    pub fn device_and_inode(&self) -> Result<(u64, u64), ControlError> {
        let file = self.file.metadata().map_err(failed)?;
        Ok((file.dev(), file.ino()))
    }

    /// How many bytes are in it.
    ///
    /// # Errors
    /// [`ControlError::Trace`] with what the kernel said.
    pub fn length(&self) -> Result<u64, ControlError> {
        Ok(self.file.metadata().map_err(failed)?.len())
    }

    /// Bytes of it; fewer where it ends.
    ///
    /// # Errors
    /// [`ControlError::Trace`] with what the kernel said.
    pub fn read(&self, at: u64, length: usize) -> Result<Vec<u8>, ControlError> {
        let mut bytes = vec![0; length];
        let mut filled = 0;
        while filled < length {
            let got = self.file.read_at(&mut bytes[filled..], at + filled as u64);
            match got.map_err(failed)? {
                0 => break,
                got => filled += got,
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }
}

impl Drop for SharedFile {
    fn drop(&mut self) {
        if let Some(entry) = &self.entry {
            // One that cannot be removed now is found by a later run.
            let _ = std::fs::remove_file(entry);
        }
    }
}

/// Whether the `/tmp` that the process sees is a folder in which files of its can be put, and in
/// which nobody else can replace them.
pub fn may_use_its_tmp(pid: i32) -> bool {
    std::fs::symlink_metadata(tmp_of(pid))
        .is_ok_and(|folder| folder.is_dir() && folder.mode() & 0o1777 == 0o1777)
}

/// The pid of the run that made the file with this path; `None` when it is none of ours.
pub fn maker_of(path: &str) -> Option<i32> {
    let (pid, rest) = match path.strip_prefix("/proc/") {
        Some(rest) => rest.split_once("/fd/")?,
        None => path
            .strip_prefix("/tmp/")?
            .strip_prefix(PREFIX)?
            .split_once('-')?,
    };
    rest.bytes()
        .all(|byte| byte == b'-' || byte.is_ascii_digit())
        .then(|| pid.parse().ok())?
}

/// Removes what dead runs left in the `/tmp` of a process for its sake. Not to be called while it may
/// still want to open one of them.
pub fn remove_left_for(pid: i32, lives: impl Fn(i32) -> bool) {
    let folder = tmp_of(pid);
    let marker = format!("-{pid}-");
    let names = std::fs::read_dir(&folder).into_iter().flatten().flatten();
    for name in names.filter_map(|entry| entry.file_name().into_string().ok()) {
        let maker = maker_of(&format!("/tmp/{name}"));
        if maker.is_some_and(|maker| !lives(maker)) && name.contains(&marker) {
            // It may be somebody else's by its owner; then it stays.
            let _ = std::fs::remove_file(folder.join(name));
        }
    }
}

fn tmp_of(pid: i32) -> PathBuf {
    Path::new(&format!("/proc/{pid}/root")).join("tmp")
}

fn failed(error: std::io::Error) -> ControlError {
    let code = error.raw_os_error().unwrap_or(nix::libc::EIO);
    ControlError::Trace(nix::errno::Errno::from_raw(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_by_its_path_and_ends_where_its_content_does() {
        let ours = std::process::id() as i32;
        for shared in [
            SharedFile::in_memory(b"content"),
            SharedFile::in_its_tmp(ours, b"content"),
        ] {
            let shared = shared.expect("made");
            assert_eq!(std::fs::read(shared.path()).expect("found"), b"content");
            assert_eq!(shared.read(3, 100), Ok(b"tent".to_vec()));
            assert!(shared.is_found_below("/proc/self/root"));
            assert!(!shared.is_found_below("/nowhere"));
            let path = shared.path().to_owned();
            assert_eq!(maker_of(&path), Some(ours));
            drop(shared);
            assert!(!Path::new(&path).exists());
        }
    }

    #[test]
    fn what_a_dead_run_left_is_removed_and_what_a_living_one_has_is_not() {
        let ours = std::process::id() as i32;
        let shared = SharedFile::in_its_tmp(ours, b"").expect("made");
        let dead = format!("/tmp/{PREFIX}2147483647-{ours}-0");
        std::fs::write(&dead, b"").expect("written");
        remove_left_for(ours, |pid| pid == ours);
        assert!(Path::new(shared.path()).exists() && !Path::new(&dead).exists());
    }

    #[test]
    fn only_a_path_of_ours_names_a_maker() {
        assert_eq!(maker_of("/proc/77/fd/5"), Some(77));
        assert_eq!(maker_of("/tmp/.pyunload-77-8-0"), Some(77));
        for path in ["", "/tmp/x", "/proc/self/fd/5", "/proc/77/fd/x", "/proc/77"] {
            assert_eq!(maker_of(path), None, "{path}");
        }
    }
}
