//! What the notes of a core file say of the process: its threads, its command line, and which file
//! was mapped where.

use crate::address::{Address, AddressRange};
use crate::elf::note::{Note, notes_in};
use crate::target::core_file::{CoreThread, Told};
use crate::target::files::without_deleted;
use crate::target::maps::MappedFile;
use crate::target::memory::word_in;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

pub(super) const NT_PRSTATUS: u32 = 1;
pub(super) const NT_PRFPREG: u32 = 2;
pub(super) const NT_PRPSINFO: u32 = 3;
pub(super) const NT_AUXV: u32 = 6;
/// `NT_FILE`.
pub(super) const NT_FILE: u32 = 0x4649_4c45;

/// One line of the list of mapped files.
pub(super) struct Listed {
    pub(super) range: AddressRange,
    pub(super) offset: u64,
    pub(super) file: MappedFile,
}

/// What the notes say of the process, and the mapped files, sorted and without those that overlap
/// one before.
pub(super) fn tell(notes: &[u8]) -> (Told, Vec<Listed>) {
    let mut told = Told::default();
    let mut listed = Vec::new();
    for note in notes_in(notes).filter(|note| note.name == b"CORE") {
        match note.kind {
            NT_PRSTATUS => told.threads.extend(thread(&note)),
            NT_PRFPREG => tell_floating(&note, &mut told),
            NT_PRPSINFO => tell_process(&note, &mut told),
            NT_AUXV => told.auxiliary = pairs(note.data),
            NT_FILE => listed = list_files(note.data).unwrap_or_default(),
            _ => {}
        }
    }
    if told.pid == 0 {
        told.pid = told.threads.first().map_or(0, |thread| thread.tid);
    }
    listed.sort_by_key(|one: &Listed| one.range.start);
    let mut end = Address::NULL;
    listed.retain(|one| {
        let fits = one.range.start >= end && !one.range.is_empty();
        end = if fits { one.range.end } else { end };
        fits
    });
    (told, listed)
}

/// `struct elf_prstatus` (`include/linux/elfcore.h`): `pr_pid` and `pr_reg`.
fn thread(note: &Note<'_>) -> Option<CoreThread> {
    Some(CoreThread {
        tid: word_in(note.data, 32)?,
        registers: note.data.get(112..112 + 27 * 8)?.to_vec(),
        floating: Vec::new(),
    })
}

/// The floating point registers of the thread told of last.
fn tell_floating(note: &Note<'_>, told: &mut Told) {
    if let Some(thread) = told.threads.last_mut() {
        thread.floating = note.data.to_vec();
    }
}

/// `struct elf_prpsinfo`: `pr_pid`, `pr_fname` and `pr_psargs`.
fn tell_process(note: &Note<'_>, told: &mut Told) {
    let text = |from: usize, to: usize| {
        let bytes = note.data.get(from..to).unwrap_or_default();
        let end = bytes.iter().position(|&byte| byte == 0);
        let text = &bytes[..end.unwrap_or(bytes.len())];
        String::from_utf8_lossy(text).trim_end().to_owned()
    };
    told.pid = word_in(note.data, 24).unwrap_or(0);
    told.command = text(56, 136);
    if told.command.is_empty() {
        told.command = text(40, 56);
    }
}

fn pairs(data: &[u8]) -> Vec<(u64, u64)> {
    let pair = |bytes: &[u8]| Some((word_in(bytes, 0)?, word_in(bytes, 8)?));
    data.chunks_exact(16).map_while(pair).collect()
}

/// Count, unit of the offsets, then start, end and offset of each mapping, then all paths.
fn list_files(data: &[u8]) -> Option<Vec<Listed>> {
    const LINE: usize = 24;
    let count = usize::try_from(word_in::<u64>(data, 0)?).ok()?;
    let unit: u64 = word_in(data, 8)?;
    let lines = data.get(16..16usize.checked_add(count.checked_mul(LINE)?)?)?;
    let names = data[16 + lines.len()..].split(|&byte| byte == 0);
    let listed = lines
        .chunks_exact(LINE)
        .zip(names)
        .filter_map(|(line, name)| {
            let path = Path::new(OsStr::from_bytes(name));
            let (path, deleted) = without_deleted(path.to_path_buf());
            let [start, end] = [0, 8].map(|at| word_in::<u64>(line, at).unwrap_or(0));
            Some(Listed {
                range: AddressRange::new(Address::new(start), Address::new(end.max(start))),
                offset: word_in::<u64>(line, 16)?.checked_mul(unit)?,
                file: MappedFile {
                    inode: 0,
                    path,
                    device: (0, 0),
                    deleted,
                },
            })
        });
    Some(listed.collect())
}
