//! Finding the parts of a core file: what is mapped where, which bytes of it the file holds, and
//! what the notes say. (`Documentation/ABI` has no page for this; the kernel writes it in
//! `fs/binfmt_elf.c`, gdb in `gdb/gcore.c` and `gdb/linux-tdep.c`.)
//!
//! The kernel describes every mapping by a program header, also one whose bytes it leaves out.
//! gdb only names those in the list of mapped files, without their permissions; these are then
//! taken from the file itself. A core is as hostile as memory: its counts are bounded, what
//! overlaps or lies outside is left out, and all of that is told.

use crate::address::{Address, AddressRange};
use crate::elf::core_notes::{Listed, tell};
use crate::elf::dynamic::CTX;
use crate::elf::image::parse_headers;
use crate::target::backing::{Backing, Backings, State};
use crate::target::core_file::{Core, Part, Told};
use crate::target::files::open_regular;
use crate::target::maps::Mapping;
use crate::target::memory::word_in;
use goblin::elf::header::{EM_X86_64, ET_CORE};
use goblin::elf::program_header::{PF_R, PF_W, PF_X, PT_LOAD, PT_NOTE};
use goblin::elf::{Elf, ProgramHeader};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// `sizeof(Elf64_Ehdr)` and `sizeof(Elf64_Phdr)`.
const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;
/// More mappings than a process may have (`vm.max_map_count` is 65,530 by default, and 1,048,576 on
/// some distributions). Far more than that would only cost memory.
const MOST_SEGMENTS: u64 = 1 << 20;
/// The notes have a few kilobytes for each thread, and the list of mapped files.
const MOST_NOTES: u64 = 64 << 20;
const PAGE: u64 = 4096;

/// Why a file cannot be looked at as a core.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoreError {
    /// It is not there, or may not be read, or is no ordinary file.
    #[error("{path} is not a file that can be read")]
    Unreadable {
        /// The file.
        path: String,
    },
    /// It is something else.
    #[error("{path} is not a core file: {detail}")]
    NotCore {
        /// The file.
        path: String,
        /// What it is not.
        detail: &'static str,
    },
    /// It is a core of which nothing can be used.
    #[error("the core file {path} is damaged: {detail}")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong.
        detail: &'static str,
    },
}

/// Whether a file looks like a core: an ordinary file with the header of one.
pub fn is_core(path: &Path) -> bool {
    let mut head = [0; HEADER];
    open_regular(path)
        .is_some_and(|(file, _)| file.read_exact_at(&mut head, 0).is_ok() && kind(&head).is_ok())
}

/// Opens a core file. What it leaves out is looked for below `sysroot`, or at its own path.
///
/// # Errors
/// [`CoreError`].
pub fn open(path: &Path, sysroot: Option<&Path>) -> Result<Core, CoreError> {
    let name = path.display().to_string();
    let Some((file, _)) = open_regular(path) else {
        return Err(CoreError::Unreadable { path: name });
    };
    let source = Source {
        length: file.metadata().map_or(0, |found| found.len()),
        file,
        name,
    };
    let headers = source.headers()?;
    let mut parts = source.stored_parts(&headers)?;
    let notes = source.notes(&headers);
    let (told, listed) = tell(&notes);
    name_files(&mut parts, &listed);
    parts.extend(left_out(&parts, &listed));
    parts.sort_by_key(|part| part.mapping.range.start);
    name_stack(&mut parts, &told);
    let found = source.find_backings(&parts, sysroot);
    infer_permissions(&mut parts, &found);
    let cut = source.what_is_cut(&headers);
    let warnings = cut.into_iter().chain(warnings_of(&found)).collect();
    let backings = Backings::new(found.into_values());
    let whole = path.to_owned();
    Ok(Core::new(
        whole,
        source.file,
        parts,
        backings,
        told,
        warnings,
    ))
}

/// A core file as a row of bytes.
struct Source {
    file: File,
    length: u64,
    name: String,
}

impl Source {
    fn damaged(&self, detail: &'static str) -> CoreError {
        CoreError::Damaged {
            path: self.name.clone(),
            detail,
        }
    }

    /// Bytes of the file; fewer where it ends. The caller bounds `length`.
    fn bytes(&self, offset: u64, length: u64) -> Vec<u8> {
        let length = length.min(self.length.saturating_sub(offset));
        let mut bytes = vec![0; length as usize];
        match self.file.read_exact_at(&mut bytes, offset) {
            Ok(()) => bytes,
            Err(_) => Vec::new(),
        }
    }

    fn headers(&self) -> Result<Vec<ProgramHeader>, CoreError> {
        let head = self.bytes(0, HEADER as u64);
        kind(&head).map_err(|detail| CoreError::NotCore {
            path: self.name.clone(),
            detail,
        })?;
        let header = Elf::parse_header(&head).map_err(|_| self.damaged("no header"))?;
        let mut count = u64::from(header.e_phnum);
        if count == 0xffff {
            // PN_XNUM: the count stands in the first section header (`sh_info`).
            let section = self.bytes(header.e_shoff, 64);
            count = word_in::<u32>(&section, 44).map_or(0, u64::from);
        }
        if count > MOST_SEGMENTS {
            return Err(self.damaged("it claims more mappings than a process may have"));
        }
        let bytes = self.bytes(header.e_phoff, count * PROGRAM_HEADER as u64);
        let whole = bytes.len() / PROGRAM_HEADER;
        ProgramHeader::parse(&bytes, 0, whole, CTX)
            .map_err(|_| self.damaged("its program headers cannot be read"))
    }

    /// The mappings with a header, without those that overlap one before.
    fn stored_parts(&self, headers: &[ProgramHeader]) -> Result<Vec<Part>, CoreError> {
        let mut parts: Vec<Part> = headers
            .iter()
            .filter(|header| header.p_type == PT_LOAD && header.p_memsz > 0)
            .filter_map(|header| self.part(header))
            .collect();
        parts.sort_by_key(|part| part.mapping.range.start);
        let mut end = Address::NULL;
        parts.retain(|part| {
            let fits = part.mapping.range.start >= end;
            end = if fits { part.mapping.range.end } else { end };
            fits
        });
        if parts.is_empty() {
            return Err(self.damaged("it describes no memory"));
        }
        Ok(parts)
    }

    fn part(&self, header: &ProgramHeader) -> Option<Part> {
        let start = Address::new(header.p_vaddr);
        let end = start.checked_add(header.p_memsz)?;
        let there = self.length.saturating_sub(header.p_offset);
        Some(Part {
            mapping: Mapping {
                range: AddressRange::new(start, end),
                read: header.p_flags & PF_R != 0,
                write: header.p_flags & PF_W != 0,
                execute: header.p_flags & PF_X != 0,
                file_offset: 0,
                file: None,
                special: None,
            },
            offset: header.p_offset,
            stored: header.p_filesz.min(header.p_memsz).min(there),
        })
    }

    fn notes(&self, headers: &[ProgramHeader]) -> Vec<u8> {
        let mut left = MOST_NOTES;
        let mut notes = Vec::new();
        for header in headers.iter().filter(|header| header.p_type == PT_NOTE) {
            let bytes = self.bytes(header.p_offset, header.p_filesz.min(left));
            left -= bytes.len() as u64;
            notes.extend(bytes);
        }
        notes
    }

    fn what_is_cut(&self, headers: &[ProgramHeader]) -> Option<String> {
        let end = |header: &ProgramHeader| header.p_offset.saturating_add(header.p_filesz);
        let wanted = headers.iter().map(end).max()?;
        let missing = wanted.checked_sub(self.length).filter(|&bytes| bytes > 0)?;
        Some(format!(
            "{} is cut off: {missing} bytes that it describes are not there",
            self.name
        ))
    }

    /// Looks for every file of which the core leaves something out.
    fn find_backings(&self, parts: &[Part], sysroot: Option<&Path>) -> BTreeMap<PathBuf, Backing> {
        let mut wanted: BTreeMap<&Path, (bool, Option<&Part>)> = BTreeMap::new();
        for part in parts
            .iter()
            .filter(|part| part.stored < part.mapping.range.len())
        {
            if let Some(file) = &part.mapping.file {
                wanted.entry(&file.path).or_default().0 |= file.deleted;
            }
        }
        // Data that the program may have changed tells nothing of the file.
        let is_head = |part: &&Part| part.mapping.file_offset == 0 && !part.mapping.write;
        for part in parts
            .iter()
            .filter(is_head)
            .filter(|part| part.stored >= HEADER as u64)
        {
            if let Some(file) = &part.mapping.file
                && let Some((_, head)) = wanted.get_mut(file.path.as_path())
            {
                head.get_or_insert(part);
            }
        }
        let look = |(path, (deleted, head)): (&Path, (bool, Option<&Part>))| {
            let head = head.map(|part| self.bytes(part.offset, part.stored.min(PAGE)));
            let found = Backing::find(path, deleted, sysroot, head.as_deref());
            (path.to_owned(), found)
        };
        wanted.into_iter().map(look).collect()
    }
}

/// Whether this is the header of a core file we can read; else what it is not.
fn kind(head: &[u8]) -> Result<(), &'static str> {
    if head.len() < HEADER || !head.starts_with(goblin::elf::header::ELFMAG) {
        return Err("no ELF file");
    }
    if head[4..6] != [2, 1] {
        return Err("not of a 64-bit little-endian machine");
    }
    if word_in::<u16>(head, 16) != Some(ET_CORE) {
        return Err("an ELF file, but a program or library");
    }
    if word_in::<u16>(head, 18) != Some(EM_X86_64) {
        return Err("not of an x86-64 machine");
    }
    Ok(())
}

/// Gives the mappings that were made of a file its name.
fn name_files(parts: &mut [Part], listed: &[Listed]) {
    for part in parts {
        let start = part.mapping.range.start;
        let behind = listed.partition_point(|one| one.range.start <= start);
        let found = listed[..behind].last();
        if let Some(one) = found.filter(|one| one.range.contains(start))
            && let Some(inside) = start.distance_from(one.range.start)
        {
            part.mapping.file_offset = one.offset.saturating_add(inside);
            part.mapping.file = Some(one.file.clone());
        }
    }
}

/// Names the stack of the main thread, on which the kernel puts what `AT_RANDOM` points to.
fn name_stack(parts: &mut [Part], told: &Told) {
    const AT_RANDOM: u64 = 25;
    let random = told.auxiliary.iter().find(|(key, _)| *key == AT_RANDOM);
    let Some(at) = random.map(|(_, value)| Address::new(*value)) else {
        return;
    };
    let is_stack =
        |part: &&mut Part| part.mapping.range.contains(at) && part.mapping.file.is_none();
    if let Some(part) = parts.iter_mut().find(is_stack) {
        part.mapping.special = Some("[stack]");
    }
}

/// The parts of mapped files that no program header describes. Their permissions are not known yet:
/// code, until the file says something else.
fn left_out(parts: &[Part], listed: &[Listed]) -> Vec<Part> {
    let mut gaps = Vec::new();
    for one in listed {
        let mut at = one.range.start;
        let first = parts.partition_point(|part| part.mapping.range.end <= at);
        let within = parts[first..]
            .iter()
            .map(|part| part.mapping.range)
            .take_while(|range| range.start < one.range.end);
        let end = AddressRange::new(one.range.end, one.range.end);
        for range in within.chain([end]) {
            if at < range.start {
                gaps.push(gap(one, AddressRange::new(at, range.start)));
            }
            at = at.max(range.end);
        }
    }
    gaps
}

fn gap(one: &Listed, range: AddressRange) -> Part {
    let inside = range.start.distance_from(one.range.start).unwrap_or(0);
    Part {
        mapping: Mapping {
            range,
            read: true,
            write: false,
            execute: true,
            file_offset: one.offset.saturating_add(inside),
            file: Some(one.file.clone()),
            special: None,
        },
        offset: 0,
        stored: 0,
    }
}

/// What was left out without its permissions is executable only where the file says so.
fn infer_permissions(parts: &mut [Part], found: &BTreeMap<PathBuf, Backing>) {
    let mut known: BTreeMap<&Path, Option<Vec<ProgramHeader>>> = BTreeMap::new();
    for part in parts.iter_mut().filter(|part| part.stored == 0) {
        let offset = part.mapping.file_offset;
        let Some(file) = &part.mapping.file else {
            continue;
        };
        let Some((path, backing)) = found.get_key_value(&file.path) else {
            continue;
        };
        let headers = known.entry(path).or_insert_with(|| headers_of(backing));
        if let Some(headers) = headers {
            part.mapping.execute &= headers.iter().any(|header| {
                let start = header.p_offset & !(PAGE - 1);
                let end = header.p_offset.saturating_add(header.p_filesz);
                let holds = start <= offset && offset < end;
                header.p_type == PT_LOAD && header.p_flags & PF_X != 0 && holds
            });
        }
    }
}

fn headers_of(backing: &Backing) -> Option<Vec<ProgramHeader>> {
    let file = backing.open()?;
    let length = file.metadata().ok()?.len().min(PAGE);
    let mut head = vec![0; length as usize];
    file.read_exact_at(&mut head, 0).ok()?;
    let (_, headers) = parse_headers(Address::NULL, &head).ok()?;
    Some(headers)
}

/// What has to be said of files that are not the same; nothing of data files that are there, in
/// which no code and no symbol is.
fn warnings_of(found: &BTreeMap<PathBuf, Backing>) -> Vec<String> {
    let of = |state: State, what: &str| {
        let is_library = |backing: &&Backing| backing.path.to_string_lossy().contains(".so");
        let concerned: Vec<&Backing> = found
            .values()
            .filter(|backing| backing.state == state)
            .filter(|backing| state != State::Unverified || is_library(backing))
            .collect();
        let names = names_of(&concerned)?;
        Some(format!("{names}: {what}"))
    };
    const UNREADABLE: &str = "what the core leaves out of it cannot be read";
    let missing = format!("not found here, so {UNREADABLE} (look elsewhere with --sysroot DIR)");
    let differs = format!("another file is there by now, so {UNREADABLE}");
    let unverified = "nothing in the core tells whether it is still the same file";
    [
        of(State::Missing, &missing),
        of(State::Differs, &differs),
        of(State::Unverified, unverified),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The first few paths, and how many more; `None` for none.
fn names_of(backings: &[&Backing]) -> Option<String> {
    const SHOWN: usize = 3;
    let shown: Vec<String> = backings
        .iter()
        .take(SHOWN)
        .map(|backing| backing.path.display().to_string())
        .collect();
    let more = match backings.len().saturating_sub(SHOWN) {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    (!shown.is_empty()).then(|| shown.join(", ") + &more)
}

#[cfg(test)]
#[path = "core_file_tests.rs"]
mod tests;
