//! The handlers of signals where no structure of the runtime has them: to 3.11 they are a static
//! array of the module `_signal`, for which there may be no symbol (`Modules/signalmodule.c`).
//!
//! It is known by what it is: after an empty entry for the number 0 that no signal has, 64 pairs of
//! a flag and a handler, most of which are the same object, the one that stands for SIG_DFL. Keys of
//! readline with the functions that they run are such pairs as well, but no objects.

use crate::address::Address;
use crate::heap::statics::{Area, AreaKind};
use crate::pyobject::edges::callbacks::{SIGNAL_ENTRY, SIGNAL_HANDLER, SIGNALS};
use crate::target::memory::word_in;
use crate::target::view::ViewMemory;

/// Bytes of the table.
const SIZE: usize = SIGNALS as usize * SIGNAL_ENTRY as usize;
/// How many handlers have to be the same.
const ALIKE: usize = 32;
/// `tripped`: a flag.
const TRIPPED: u64 = 1;

/// Finds it among the variables of C code.
pub fn find_signal_table(
    memory: &impl ViewMemory,
    areas: &[Area],
    mut is_object: impl FnMut(Address) -> bool,
) -> Option<Address> {
    let mut variables = areas
        .iter()
        .filter(|area| matches!(area.kind, AreaKind::Variables(_)));
    variables.find_map(|area| find_in(memory, area, &mut is_object))
}

fn find_in(
    memory: &impl ViewMemory,
    area: &Area,
    is_object: &mut impl FnMut(Address) -> bool,
) -> Option<Address> {
    let length = area.range.end.distance_from(area.range.start)?;
    let whole = memory.view(area.range.start, length as usize);
    if let Some(bytes) = whole {
        let found = (0..bytes.len().checked_sub(SIZE)? + 1)
            .step_by(8)
            .find(|&offset| is_table(&bytes[offset..offset + SIZE], is_object));
        return found.map(|offset| area.range.start.offset(offset as u64));
    }
    let mut starts = (0..length.checked_sub(SIZE as u64)? + 1).step_by(8);
    starts.find_map(|offset| {
        let at = area.range.start.offset(offset);
        is_table(memory.view(at, SIZE)?, is_object).then_some(at)
    })
}

fn is_table(bytes: &[u8], is_object: &mut impl FnMut(Address) -> bool) -> bool {
    let word = |at: u64| word_in::<u64>(bytes, at as usize).unwrap_or(u64::MAX);
    if word(0) != 0 || word(SIGNAL_HANDLER) != 0 {
        return false;
    }
    let handler = |number: u32| word(u64::from(number) * SIGNAL_ENTRY + SIGNAL_HANDLER);
    let flag = |number: u32| word(u64::from(number) * SIGNAL_ENTRY);
    let is_entry =
        |number| flag(number) <= TRIPPED && Address::new(handler(number)).may_be_object();
    if !(1..SIGNALS).all(is_entry) {
        return false;
    }
    let usual = handler(SIGNALS - 1);
    let alike = (1..SIGNALS).filter(|&number| handler(number) == usual);
    alike.count() >= ALIKE && is_object(Address::new(usual))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::AddressRange;
    use crate::target::fake::FakeMemory;

    const START: u64 = 0x7f00_0000_0000;
    const DEFAULT: u64 = 0x7f00_1000_0000;

    fn table(usual: impl Fn(u64) -> u64) -> Vec<u8> {
        let mut bytes = vec![0u8; 24];
        for number in 0..u64::from(SIGNALS) {
            bytes.extend(0u64.to_le_bytes());
            let handler = if number == 0 { 0 } else { usual(number) };
            bytes.extend(handler.to_le_bytes());
        }
        bytes.extend([0xff; 40]);
        bytes
    }

    fn found(bytes: &[u8]) -> Option<Address> {
        found_where(bytes, |_| true)
    }

    fn found_where(bytes: &[u8], is_object: impl Fn(Address) -> bool) -> Option<Address> {
        let start = Address::new(START);
        let area = Area {
            range: AddressRange::new(start, start.offset(bytes.len() as u64)),
            kind: AreaKind::Variables("libpython".into()),
        };
        let memory = FakeMemory::new().with(START, bytes);
        find_signal_table(&memory, &[area], is_object)
    }

    #[test]
    fn the_table_is_found_by_what_is_in_it() {
        let mostly = |number| DEFAULT + if number % 5 == 0 { number * 16 } else { 0 };
        assert_eq!(found(&table(mostly)), Some(Address::new(START + 24)));
    }

    #[test]
    fn pairs_of_other_things_are_no_table() {
        assert_eq!(found(&table(|number| DEFAULT + number * 16)), None);
        assert_eq!(found(&table(|number| DEFAULT * (number % 2))), None);
        assert_eq!(found(&[0; 64]), None);
        assert_eq!(found_where(&table(|_| DEFAULT), |_| false), None);
    }
}
