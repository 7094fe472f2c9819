//! Words outside of all objects in which C code may keep references: the variables of programs and
//! libraries, and the stacks of threads.

use crate::address::{Address, AddressRange};
use crate::elf::image::Image;
use crate::target::maps::Maps;
use crate::target::target::Target;
use crate::target::view::ViewMemory;

/// Variables of one file, or a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Area {
    /// Where they are.
    pub range: AddressRange,
    /// What it is.
    pub kind: AreaKind,
}

/// What kind of words an area has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AreaKind {
    /// Variables of this file: `.data` and `.bss`.
    Variables(String),
    /// The stack of a thread, in which much is stale.
    Stack,
}

/// How much of the stack of a thread is looked at, in bytes: what calls of C need, and more.
const STACK: u64 = 256 << 10;
/// Bytes below its stack pointer that a function may use (System V ABI for x86-64).
const RED_ZONE: u64 = 128;

/// Every area of a process. Where variables end is read from the image: what lies behind may be
/// memory of any kind.
pub fn find_areas(memory: &impl Target, maps: &Maps) -> Vec<Area> {
    let mut areas = Vec::new();
    for file in maps.files() {
        let is_writable = maps.of_file(file).any(|part| part.write);
        let Some(image) = Some(file)
            .filter(|_| is_writable)
            .and_then(|file| Image::read(memory, maps, file).ok())
        else {
            continue;
        };
        let name = file.path.file_name().unwrap_or(file.path.as_os_str());
        let segments = image.segments.iter().filter(|segment| segment.write);
        areas.extend(segments.map(|segment| Area {
            range: segment.range,
            kind: AreaKind::Variables(name.to_string_lossy().into_owned()),
        }));
    }
    let stacks = maps
        .iter()
        .filter(|mapping| mapping.special == Some("[stack]"));
    areas.extend(stacks.map(|mapping| Area {
        range: mapping.range,
        kind: AreaKind::Stack,
    }));
    areas.extend(stacks_of_threads(memory, maps));
    areas
}

/// The stacks of all threads but the main one, each from where it ends now.
fn stacks_of_threads(target: &impl Target, maps: &Maps) -> Vec<Area> {
    let stack = |end: Address| {
        let mapping = maps
            .find(end)
            .filter(|mapping| mapping.special != Some("[stack]"))?;
        let lowest = end.value().saturating_sub(RED_ZONE);
        let start = Address::new(lowest).max(mapping.range.start);
        let highest = Address::new(lowest.saturating_add(STACK));
        Some(Area {
            range: AddressRange::new(start, highest.min(mapping.range.end)),
            kind: AreaKind::Stack,
        })
    };
    target
        .stack_pointers()
        .into_iter()
        .filter_map(stack)
        .collect()
}

/// Every aligned word of an area that could be an address, with where it is.
pub fn words_of(memory: &impl ViewMemory, area: &Area) -> Vec<(Address, Address)> {
    const PAGE: u64 = 4096;
    let mut words = Vec::new();
    let mut at = Address::new(area.range.start.value().next_multiple_of(8));
    while at < area.range.end {
        let next = Address::new((at.value() + 1).next_multiple_of(PAGE)).min(area.range.end);
        let length = next.value() - at.value();
        let bytes = memory.view(at, length as usize).unwrap_or(&[]);
        for (index, word) in bytes.as_chunks::<8>().0.iter().enumerate() {
            let to = Address::new(u64::from_le_bytes(*word));
            if to.may_be_object() {
                words.push((at.offset(8 * index as u64), to));
            }
        }
        at = next;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::fake::FakeMemory;

    #[test]
    fn words_that_could_be_addresses_are_found_up_to_the_end_and_over_a_gap() {
        let mut memory = FakeMemory::new().with(0x1ff0, &[0; 16]);
        memory.put_word(0x1ff8, 0x7f00_0000_1000);
        memory.put_word(0x3000, 0x7f00_0000_2000);
        memory.put_word(0x3008, 0x7f00_0000_3000);
        let area = |end| Area {
            range: AddressRange::new(Address::new(0x1ff4), Address::new(end)),
            kind: AreaKind::Stack,
        };
        let found = words_of(&memory, &area(0x3008));
        assert_eq!(
            found,
            [
                (Address::new(0x1ff8), Address::new(0x7f00_0000_1000)),
                (Address::new(0x3000), Address::new(0x7f00_0000_2000))
            ]
        );
    }
}
