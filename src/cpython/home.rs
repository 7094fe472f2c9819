//! Which file of a process holds a CPython runtime, and where in it the runtime is.

use crate::address::Address;
use crate::elf::image::{Image, Symbol};
use crate::target::maps::{MappedFile, Maps};
use crate::target::target::Target;
use std::collections::HashMap;
use std::path::PathBuf;

/// Where a runtime was found in an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// `_PyRuntime`, with its size in bytes where a symbol or section states it.
    Structure {
        /// Where it is.
        address: Address,
        /// `sizeof(_PyRuntimeState)`, a fingerprint of the row.
        size: Option<u64>,
    },
    /// The static `interp_head` of 2.7 and 3.6.
    Statics {
        /// Where the variable is.
        interp_head: Address,
    },
    /// Nothing names it.
    Unnamed,
}

/// The type objects alone of the smallest CPython take more writable memory than this.
pub const LEAST_WRITABLE: u64 = 64 << 10;

/// The files that may hold a runtime, because code and as much initialised data as a CPython has at
/// least are mapped from them: first the executable and everything called libpython, then the rest.
pub fn likely_files<'m>(
    process: &impl Target,
    maps: &'m Maps,
) -> (Vec<&'m MappedFile>, Vec<&'m MappedFile>) {
    let executable = process.executable();
    let is_likely = |file: &MappedFile| {
        let named = file
            .path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().contains("libpython"));
        let is_executable =
            |(path, deleted): &(PathBuf, bool)| *path == file.path && *deleted == file.deleted;
        named || executable.as_ref().is_some_and(is_executable)
    };
    let mut held: HashMap<&MappedFile, Held> = HashMap::new();
    for mapping in maps.iter() {
        if let Some(file) = &mapping.file {
            let held = held.entry(file).or_default();
            held.code |= mapping.execute;
            held.writable += if mapping.write {
                mapping.range.len()
            } else {
                0
            };
        }
    }
    maps.files()
        .into_iter()
        .filter(|file| held[file].code && held[file].writable >= LEAST_WRITABLE)
        .partition(|file| is_likely(file))
}

/// What is mapped of a file.
#[derive(Default)]
struct Held {
    code: bool,
    writable: u64,
}

/// Looks for the runtime of one image.
pub fn find_home(process: &impl Target, image: &Image) -> Option<Home> {
    let structure = |symbol: Symbol| Home::Structure {
        address: symbol.address,
        size: (symbol.size > 0).then_some(symbol.size),
    };
    if let Some(symbol) = image.find_dynamic_symbol(process, "_PyRuntime") {
        return Some(structure(symbol));
    }
    if let Some(section) = image.find_section(process, ".PyRuntime") {
        return Some(Home::Structure {
            address: section.start,
            size: Some(section.len()),
        });
    }
    let [runtime, current, interp_head] = image.find_symbols(
        process,
        ["_PyRuntime", "_PyThreadState_Current", "interp_head"],
    );
    match (runtime, current, interp_head) {
        (Some(symbol), ..) => Some(structure(symbol)),
        (None, Some(_), Some(symbol)) => Some(Home::Statics {
            interp_head: symbol.address,
        }),
        (None, Some(_), None) => Some(Home::Unnamed),
        (None, None, _) => None,
    }
}
