//! Words outside of all objects in which C code may keep references: the variables of programs and
//! libraries, and the stack of the main thread.

use crate::address::{Address, AddressRange};
use crate::target::maps::{Mapping, Maps};
use crate::target::view::ViewMemory;

/// Variables of one file, or a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    /// Where they are.
    pub range: AddressRange,
    /// What it is.
    pub kind: AreaKind,
}

/// What kind of words an area has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AreaKind {
    /// Variables: `.data` and `.bss`.
    Variables,
    /// A stack, in which much is stale.
    Stack,
}

/// Every area of a process. What the C compiler did not initialise lies behind what it did, in
/// memory without a file.
pub fn find_areas(maps: &Maps) -> Vec<Area> {
    let mut areas = Vec::new();
    let mut before: Option<&Mapping> = None;
    for mapping in maps.iter() {
        let continues = before.is_some_and(|before| {
            before.file.is_some() && before.write && before.range.end == mapping.range.start
        });
        let kind = match (&mapping.file, mapping.special) {
            _ if !(mapping.read && mapping.write) => None,
            (Some(file), _) if maps.of_file(file).any(|part| part.execute) => {
                Some(AreaKind::Variables)
            }
            (None, None) if continues => Some(AreaKind::Variables),
            (None, Some("[stack]")) => Some(AreaKind::Stack),
            _ => None,
        };
        areas.extend(kind.map(|kind| Area {
            range: mapping.range,
            kind,
        }));
        before = Some(mapping);
    }
    areas
}

/// Every aligned word of an area that could be an address, with where it is.
pub fn words_of(memory: &impl ViewMemory, area: &Area) -> Vec<(Address, Address)> {
    const PAGE: u64 = 4096;
    let mut words = Vec::new();
    let mut page = area.range.start;
    while page < area.range.end {
        if let Some(bytes) = memory.view(page, PAGE as usize) {
            for (index, word) in bytes.as_chunks::<8>().0.iter().enumerate() {
                let to = Address::new(u64::from_le_bytes(*word));
                if to.may_be_object() {
                    words.push((page.offset(8 * index as u64), to));
                }
            }
        }
        page = page.offset(PAGE);
    }
    words
}
