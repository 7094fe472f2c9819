//! Notes: the named records of images and core files.

use crate::target::memory::word_in;

/// One note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Note<'n> {
    /// Its kind, which has a meaning only together with the name.
    pub(super) kind: u32,
    /// Who defined the kind, without the NUL.
    pub(super) name: &'n [u8],
    /// Its content.
    pub(super) data: &'n [u8],
}

/// The notes in these bytes, until they end or make no sense.
pub(super) fn notes_in(bytes: &[u8]) -> impl Iterator<Item = Note<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (note, next) = note_at(bytes, at)?;
        at = next;
        Some(note)
    })
}

/// The note that begins at an offset, and where the next one does: `Elf64_Nhdr`, then name and
/// content, each filled up to 4 bytes.
fn note_at(bytes: &[u8], at: usize) -> Option<(Note<'_>, usize)> {
    let name_size = word_in::<u32>(bytes, at)? as usize;
    let size = word_in::<u32>(bytes, at.checked_add(4)?)? as usize;
    let kind = word_in(bytes, at.checked_add(8)?)?;
    let name_at = at.checked_add(12)?;
    let data_at = name_at.checked_add(name_size.checked_next_multiple_of(4)?)?;
    let end = data_at.checked_add(size)?;
    let name = bytes.get(name_at..name_at.checked_add(name_size)?)?;
    let note = Note {
        kind,
        name: name.strip_suffix(b"\0").unwrap_or(name),
        data: bytes.get(data_at..end)?,
    };
    Some((note, end.checked_next_multiple_of(4)?))
}
