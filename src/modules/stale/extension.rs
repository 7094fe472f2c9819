//! Extension modules: is the file that is mapped the file on disk?

use crate::elf::file::ElfFile;
use crate::elf::image::Image;
use crate::target::files::open_regular;
use crate::target::maps::{MappedFile, Maps};
use crate::target::memory::ReadMemory;
use crate::target::process::Process;
use std::path::Path;

/// How the file on disk stands to what is mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// It is the same build.
    Same,
    /// It is another build.
    Other,
    /// There is no file any more.
    Missing,
    /// Neither build ids nor the kernel tell.
    Unknown,
}

/// Compares the mapped file of `path` (as the target names it) with what is there now.
pub fn compare(
    memory: &(impl ReadMemory + ?Sized),
    process: &Process,
    maps: &Maps,
    path: &Path,
) -> Match {
    let seen = process.inside(path);
    let real = std::fs::canonicalize(&seen).ok();
    let is_it = |file: &&MappedFile| {
        let same_name = file.path.file_name() == path.file_name();
        file.path == path || real.as_ref() == Some(&process.inside(&file.path)) || same_name
    };
    let files = maps.files();
    let best = files.iter().copied().find(|file| file.path == path);
    let Some(mapped) = best.or_else(|| files.iter().copied().find(is_it)) else {
        return Match::Unknown;
    };
    compare_mapped(memory, process, maps, mapped, &seen)
}

/// Compares a mapped file with the one at `seen`, a path of ours.
pub fn compare_mapped(
    memory: &(impl ReadMemory + ?Sized),
    process: &Process,
    maps: &Maps,
    mapped: &MappedFile,
    seen: &Path,
) -> Match {
    let opened = open_regular(seen).or_else(|| open_regular(&process.inside(&mapped.path)));
    let Some((file, inode)) = opened else {
        return match std::fs::metadata(seen) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Match::Missing,
            _ => Match::Unknown,
        };
    };
    let loaded = Image::read(memory, maps, mapped)
        .ok()
        .and_then(|image| image.build_id(memory));
    match (loaded, ElfFile::of(file).build_id()) {
        (Some(loaded), Some(now)) if loaded == now => Match::Same,
        (Some(_), Some(_)) => Match::Other,
        (None, None) if inode == mapped.inode && !mapped.deleted => Match::Same,
        _ => Match::Unknown,
    }
}
