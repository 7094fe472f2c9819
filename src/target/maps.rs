//! What is mapped where in a process, and which files are behind it.

use crate::address::{Address, AddressRange};
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::path::PathBuf;

/// The file a mapping was made from, as the kernel names it to us. (Two files are told apart by
/// their first member that differs; numbers are compared before paths.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedFile {
    /// Inode number. On overlay and btrfs file systems `stat` may give another one.
    pub inode: u64,
    /// Path without the kernel's ` (deleted)`: below our own root where that leads to the file (a
    /// target in a chroot), else below the root of the target's mount namespace.
    pub path: PathBuf,
    /// Device numbers, major and minor.
    pub device: (i32, i32),
    /// Whether the kernel says that no path leads to the file any more.
    pub deleted: bool,
}

/// Numbers tell nearly all files apart; the path is left to the comparison.
impl Hash for MappedFile {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inode.hash(state);
        self.device.hash(state);
    }
}

/// One line of `/proc/PID/maps`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// The addresses.
    pub range: AddressRange,
    /// Readable.
    pub read: bool,
    /// Writable.
    pub write: bool,
    /// Executable.
    pub execute: bool,
    /// Offset in the file of `range.start`, in bytes.
    pub file_offset: u64,
    /// The file, or `None` for anonymous memory.
    pub file: Option<MappedFile>,
    /// The kernel's name for special memory: `[heap]`, `[stack]`, `[vdso]`.
    pub special: Option<&'static str>,
}

/// All mappings of a process, in the order of their addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Maps(Vec<Mapping>);

impl Maps {
    /// The mappings given, sorted.
    pub fn new(mut mappings: Vec<Mapping>) -> Self {
        mappings.sort_by_key(|mapping| mapping.range.start);
        Maps(mappings)
    }

    /// Every mapping.
    pub fn iter(&self) -> impl Iterator<Item = &Mapping> {
        self.0.iter()
    }

    /// The mapping `address` lies in.
    pub fn find(&self, address: Address) -> Option<&Mapping> {
        let behind = self
            .0
            .partition_point(|mapping| mapping.range.start <= address);
        self.0[..behind]
            .last()
            .filter(|mapping| mapping.range.contains(address))
    }

    /// The mappings of one file.
    pub fn of_file<'m>(&'m self, file: &'m MappedFile) -> impl Iterator<Item = &'m Mapping> {
        self.0
            .iter()
            .filter(move |mapping| mapping.file.as_ref() == Some(file))
    }

    /// Every mapped file once, in the order of first addresses.
    pub fn files(&self) -> Vec<&MappedFile> {
        let mut seen = HashSet::new();
        self.0
            .iter()
            .filter_map(|mapping| mapping.file.as_ref())
            .filter(|&file| seen.insert(file))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::fake::anonymous;
    use std::time::{Duration, Instant};

    #[test]
    fn an_address_between_two_mappings_is_in_none() {
        let maps = Maps::new(vec![anonymous(0x3000, 0x4000), anonymous(0x1000, 0x2000)]);
        assert_eq!(
            maps.find(Address::new(0x1fff))
                .map(|m| m.range.start.value()),
            Some(0x1000)
        );
        assert_eq!(maps.find(Address::new(0x2000)), None);
        assert_eq!(maps.find(Address::new(0x0fff)), None);
    }

    #[test]
    fn the_files_of_a_process_with_ten_thousand_of_them_are_told_at_once() {
        let of_library = |index: u64| Mapping {
            file: Some(MappedFile {
                inode: index / 4,
                path: PathBuf::from(format!("/usr/lib/lib{}.so", index / 4)),
                device: (8, 1),
                deleted: false,
            }),
            ..anonymous(index * 0x1000, (index + 1) * 0x1000)
        };
        let maps = Maps::new((0..40_000).map(of_library).collect());
        let started = Instant::now();
        let files = maps.files();
        assert_eq!(files.len(), 10_000);
        assert_eq!(files[1].path, PathBuf::from("/usr/lib/lib1.so"));
        assert!(started.elapsed() < Duration::from_secs(2));
    }
}
