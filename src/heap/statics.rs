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

/// How much of the stack of a thread that is not the main one is looked at, in bytes: what calls of C need, and
/// more.
const STACK: u64 = 256 << 10;
/// Bytes below its stack pointer that a function may use (System V ABI for x86-64).
const RED_ZONE: u64 = 128;

/// Every area of a process whose threads have used their stacks down to `stacks`. Where variables end is read from
/// the image: what lies behind may be memory of any kind.
pub fn find_areas(memory: &impl Target, maps: &Maps, stacks: &[Address]) -> Vec<Area> {
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
    areas.extend(stacks_in(maps, stacks));
    areas
}

/// The stacks that are in use, each from where it ends now. That of the main thread is a mapping of its own, and
/// all of it is taken when nobody knows where it ends.
fn stacks_in(maps: &Maps, ends: &[Address]) -> Vec<Area> {
    let mut ranges: Vec<AddressRange> = ends.iter().filter_map(|&end| used(maps, end)).collect();
    let main = maps
        .iter()
        .filter(|mapping| mapping.special == Some("[stack]"));
    let unknown = main.filter(|mapping| !ends.iter().any(|&end| mapping.range.contains(end)));
    ranges.extend(unknown.map(|mapping| mapping.range));
    let stack = |range| Area {
        range,
        kind: AreaKind::Stack,
    };
    ranges.into_iter().map(stack).collect()
}

/// What is in use of the stack that ends at `end`.
fn used(maps: &Maps, end: Address) -> Option<AddressRange> {
    let mapping = maps.find(end)?;
    let lowest = end.value().saturating_sub(RED_ZONE);
    let start = Address::new(lowest).max(mapping.range.start);
    let highest = match mapping.special {
        Some("[stack]") => mapping.range.end,
        _ => Address::new(lowest.saturating_add(STACK)).min(mapping.range.end),
    };
    Some(AddressRange::new(start, highest))
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
    use crate::target::fake::{FakeMemory, anonymous};
    use crate::target::maps::Mapping;

    fn range(start: u64, end: u64) -> AddressRange {
        AddressRange::new(Address::new(start), Address::new(end))
    }

    #[test]
    fn stacks_are_looked_at_from_where_they_end_and_only_an_unknown_main_one_as_a_whole() {
        let of_main = Mapping {
            special: Some("[stack]"),
            ..anonymous(0x900_0000, 0xa00_0000)
        };
        let of_thread = anonymous(0x100_0000, 0x200_0000);
        let maps = Maps::new(vec![of_main, of_thread]);
        let found = |ends: &[u64]| -> Vec<AddressRange> {
            let ends: Vec<Address> = ends.iter().copied().map(Address::new).collect();
            let areas = stacks_in(&maps, &ends);
            areas.into_iter().map(|area| area.range).collect()
        };
        assert_eq!(found(&[0x9f0_0080]), [range(0x9f0_0000, 0xa00_0000)]);
        assert_eq!(
            found(&[0x180_0080]),
            [range(0x180_0000, 0x184_0000), range(0x900_0000, 0xa00_0000)]
        );
        assert_eq!(found(&[]), [range(0x900_0000, 0xa00_0000)]);
        assert_eq!(found(&[0, 0x9ff_ffff]).len(), 1);
    }

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
