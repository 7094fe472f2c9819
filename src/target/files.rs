//! The files behind the mappings of a process, opened although a path may lead elsewhere by now.
//!
//! The target may live below another root, in another mount namespace, or run files that were
//! deleted or replaced since. Paths come from the target and are hostile: whatever they lead to is
//! looked at before it is opened, so that no pipe blocks us and no device is woken.

use crate::target::maps::{MappedFile, Mapping};
use crate::target::process::Process;
use nix::fcntl::OFlag;
use std::ffi::OsString;
use std::fs::{File, OpenOptions, read_link};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A regular file that is, or may be, the one a mapping was made from.
#[derive(Debug)]
pub struct Opened {
    /// The file, open for reading.
    pub file: File,
    /// Whether the kernel says that it is the very file: by the link of the mapping itself, or by
    /// its inode number. What a path leads to without that must be compared with memory.
    pub certain: bool,
}

impl Process {
    /// The program that the process runs, as the kernel names it, and whether it was deleted.
    /// Where the target is a loader run by hand, this is the loader.
    pub fn executable(&self) -> Option<(PathBuf, bool)> {
        let link = read_link(format!("/proc/{}/exe", self.pid())).ok()?;
        Some(without_deleted(link))
    }

    /// A path of the target's own view of the file system, as one of ours.
    pub fn inside(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.pid()));
        root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Opens the very file that is mapped; `None` when the kernel vouches for none that we may open.
    pub fn open_mapped(&self, file: &MappedFile, mapping: &Mapping) -> Option<File> {
        self.files_behind(file, mapping)
            .find(|opened| opened.certain)
            .map(|opened| opened.file)
    }

    /// Every way to the file of a mapping, the surest first: the link of the mapping (which works
    /// for deleted files too, and needs a capability), its path below the target's root, its path
    /// below ours, and the program's own link.
    pub fn files_behind<'f>(
        &self,
        file: &'f MappedFile,
        mapping: &Mapping,
    ) -> impl Iterator<Item = Opened> + use<'f> {
        let link = format!(
            "/proc/{}/map_files/{:x}-{:x}",
            self.pid(),
            mapping.range.start.value(),
            mapping.range.end.value()
        );
        let program = format!("/proc/{}/exe", self.pid());
        let paths = [self.inside(&file.path), file.path.clone()];
        let by_link = [link].into_iter().filter_map(|link| {
            let (file, _) = open_regular(Path::new(&link))?;
            Some(Opened {
                file,
                certain: true,
            })
        });
        let by_path = paths
            .into_iter()
            .filter(|_| !file.deleted)
            .chain([PathBuf::from(program)])
            .filter_map(|path| {
                let (opened, inode) = open_regular(&path)?;
                Some(Opened {
                    file: opened,
                    certain: inode == file.inode,
                })
            });
        by_link.chain(by_path)
    }
}

/// Splits the kernel's ` (deleted)` off a path.
pub(crate) fn without_deleted(path: PathBuf) -> (PathBuf, bool) {
    let mut bytes = path.into_os_string().into_vec();
    let kept = bytes.strip_suffix(b" (deleted)").map(<[u8]>::len);
    bytes.truncate(kept.unwrap_or(bytes.len()));
    (OsString::from_vec(bytes).into(), kept.is_some())
}

/// Opens a regular file and nothing else; also its inode number. The path is resolved once, without
/// opening what it leads to; only a regular file is then opened.
pub(crate) fn open_regular(path: &Path) -> Option<(File, u64)> {
    let place = OpenOptions::new()
        .read(true)
        .custom_flags(OFlag::O_PATH.bits())
        .open(path)
        .ok()?;
    let found = place.metadata().ok()?;
    if !found.is_file() {
        return None;
    }
    let file = File::open(format!("/proc/self/fd/{}", place.as_raw_fd())).ok()?;
    Some((file, found.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::target::Target;
    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;

    #[test]
    fn a_pipe_or_a_device_in_place_of_a_file_is_not_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("libpython3.11.so.1.0");
        mkfifo(&pipe, Mode::S_IRWXU).expect("a pipe");
        assert!(open_regular(&pipe).is_none());
        assert!(open_regular(Path::new("/dev/zero")).is_none());
        assert!(open_regular(folder.path()).is_none());
    }

    #[test]
    fn our_own_program_is_found_behind_its_mapping() {
        let process = Process::open(std::process::id() as i32).expect("we exist");
        let maps = process.maps().expect("our own maps");
        let (program, mapping) = maps
            .iter()
            .filter_map(|mapping| Some((mapping.file.as_ref()?, mapping)))
            .find(|(file, _)| process.is_executable(file))
            .expect("our program is mapped");
        let opened = process
            .open_mapped(program, mapping)
            .expect("it is still there");
        let inode = opened.metadata().expect("an open file").ino();
        assert_eq!(inode, program.inode);
    }

    #[test]
    fn a_file_whose_inode_differs_is_offered_but_not_vouched_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("library.so");
        std::fs::write(&path, b"content").expect("written");
        let process = Process::open(std::process::id() as i32).expect("we exist");
        let file = MappedFile {
            inode: 0,
            path,
            device: (0, 0),
            deleted: false,
        };
        let nowhere = Mapping {
            range: crate::address::AddressRange::new(
                crate::address::Address::new(0x1000),
                crate::address::Address::new(0x2000),
            ),
            read: true,
            write: false,
            execute: false,
            file_offset: 0,
            file: None,
            special: None,
        };
        assert!(process.open_mapped(&file, &nowhere).is_none());
        assert!(process.files_behind(&file, &nowhere).count() >= 1);
    }
}
