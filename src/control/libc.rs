//! The C library of the target: two instructions sequences an injected system call needs, and
//! addresses of functions. Found before any stop; nothing is assumed about its version.

use crate::address::Address;
use crate::control::error::ControlError;
use crate::elf::image::Image;
use crate::target::maps::{MappedFile, Maps};
use crate::target::memory::ReadMemoryExt;
use crate::target::process::Process;
use memchr::memmem::Finder;

/// `syscall; ret`.
const SYSCALL_RETURN: &[u8] = &[0x0f, 0x05, 0xc3];
/// `mov $15, %rax; syscall`: `__restore_rt`, by which every signal handler returns.
const RESTORE: &[u8] = &[0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05];
/// More text than any C library has.
const MAX_TEXT: u64 = 16 << 20;
/// How much of it is read at once: what is looked for mostly stands near the beginning.
const PART: usize = 64 << 10;

/// The C library of a target.
#[derive(Debug)]
pub struct Libc {
    image: Image,
    /// A `syscall` instruction with a `ret` behind it.
    pub(super) syscall_return: Address,
    /// `__restore_rt`.
    pub(super) restore: Address,
}

impl Libc {
    /// Finds it.
    ///
    /// # Errors
    /// [`ControlError::NoLibc`].
    pub fn find(process: &Process, maps: &Maps) -> Result<Self, ControlError> {
        let missing = |missing| ControlError::NoLibc { missing };
        let image = maps
            .files()
            .into_iter()
            .filter(|file| is_c_library(file))
            .filter_map(|file| Image::read(process, maps, file).ok())
            .find(|image| image.find_dynamic_symbol(process, "munmap").is_some())
            .ok_or_else(|| missing("munmap"))?;
        let find = |pattern| find_in_text(process, &image, pattern);
        Ok(Libc {
            syscall_return: find(SYSCALL_RETURN).ok_or_else(|| missing("syscall; ret"))?,
            restore: find(RESTORE).ok_or_else(|| missing("__restore_rt"))?,
            image,
        })
    }

    /// The file it is in.
    pub fn file(&self) -> &MappedFile {
        &self.image.file
    }

    /// Where one of its functions is.
    pub fn function(&self, process: &Process, name: &str) -> Option<Address> {
        let symbol = self.image.find_dynamic_symbol(process, name)?;
        Some(symbol.address)
    }
}

fn is_c_library(file: &MappedFile) -> bool {
    let name = name_of(file);
    name.starts_with("libc.so") || name.starts_with("libc-") || is_musl(name)
}

/// Whether the C library of a process is musl.
pub fn has_musl(maps: &Maps) -> bool {
    maps.files().into_iter().any(|file| is_musl(name_of(file)))
}

/// Its one file is its dynamic linker as well, and called after either; that of glibc has a number.
fn is_musl(name: &str) -> bool {
    name.starts_with("ld-musl") || name == "libc.so"
}

fn name_of(file: &MappedFile) -> &str {
    let name = file.path.file_name();
    name.and_then(|name| name.to_str()).unwrap_or_default()
}

/// Where a sequence of bytes stands in the executable part of an image.
fn find_in_text(process: &Process, image: &Image, pattern: &[u8]) -> Option<Address> {
    let finder = Finder::new(pattern);
    image
        .segments
        .iter()
        .filter(|segment| segment.execute && !segment.write && segment.range.len() <= MAX_TEXT)
        .find_map(|segment| {
            let parts = (segment.range.start.value()..segment.range.end.value()).step_by(PART);
            parts.map(Address::new).find_map(|start| {
                // A sequence may begin in one part and end in the next.
                let size = segment.range.end.value() - start.value();
                let size = (size as usize).min(PART + pattern.len() - 1);
                let text = process.read_bytes_at(start, size).ok()?;
                Some(start.offset(finder.find(&text)? as u64))
            })
        })
}
