//! Which pages of a process exist, as `/proc/PID/pagemap` tells.

use crate::address::{Address, AddressRange};
use crate::target::page_table::PAGE;
use crate::target::process::ProcessError;
use procfs::process::{MemoryPageFlags, PageInfo, SwapPageFlags};

/// Entries read at once.
const ENTRIES_AT_ONCE: u64 = 1 << 16;

/// The pages of `ranges` that exist in memory or in swap, as ranges.
///
/// # Errors
/// When the process has ended, or its page map may not be read.
pub fn present_ranges(
    pid: i32,
    ranges: &[AddressRange],
) -> Result<Vec<AddressRange>, ProcessError> {
    ranges_where(pid, ranges, |entry| match entry {
        PageInfo::MemoryPage(flags) => flags.contains(MemoryPageFlags::PRESENT),
        PageInfo::SwapPage(_) => true,
    })
}

/// The pages of `ranges` that are the process's own: not, or no longer, those of a mapped file.
///
/// # Errors
/// As [`present_ranges`].
pub fn own_ranges(pid: i32, ranges: &[AddressRange]) -> Result<Vec<AddressRange>, ProcessError> {
    ranges_where(pid, ranges, |entry| match entry {
        PageInfo::MemoryPage(flags) => {
            flags.contains(MemoryPageFlags::PRESENT) && !flags.contains(MemoryPageFlags::FILE)
        }
        PageInfo::SwapPage(flags) => !flags.contains(SwapPageFlags::FILE),
    })
}

fn ranges_where(
    pid: i32,
    ranges: &[AddressRange],
    wanted: impl Fn(&PageInfo) -> bool,
) -> Result<Vec<AddressRange>, ProcessError> {
    let unreadable = |error: procfs::ProcError| ProcessError::Unreadable {
        pid,
        detail: error.to_string(),
    };
    let process = procfs::process::Process::new(pid).map_err(unreadable)?;
    let mut pagemap = process.pagemap().map_err(unreadable)?;
    let mut found: Vec<AddressRange> = Vec::new();
    for range in ranges {
        let (mut page, end) = (range.start.value() / PAGE, range.end.value() / PAGE);
        while page < end {
            let stop = end.min(page + ENTRIES_AT_ONCE);
            let entries = pagemap
                .get_range_info(page as usize..stop as usize)
                .map_err(unreadable)?;
            for entry in entries {
                if wanted(&entry) {
                    append_page(&mut found, Address::new(page * PAGE));
                }
                page += 1;
            }
        }
    }
    Ok(found)
}

fn append_page(ranges: &mut Vec<AddressRange>, page: Address) {
    match ranges.last_mut() {
        Some(last) if last.end == page => last.end = page.offset(PAGE),
        _ => ranges.push(AddressRange::new(page, page.offset(PAGE))),
    }
}

/// What of `wanted` is not in `known`. Both are sorted and do not overlap in themselves.
pub fn without(wanted: &[AddressRange], known: &[AddressRange]) -> Vec<AddressRange> {
    let mut left = Vec::new();
    for range in wanted {
        let mut at = range.start;
        let first = known.partition_point(|one| one.end <= range.start);
        for one in known[first..]
            .iter()
            .take_while(|one| one.start < range.end)
        {
            if at < one.start {
                left.push(AddressRange::new(at, one.start));
            }
            at = at.max(one.end);
        }
        if at < range.end {
            left.push(AddressRange::new(at, range.end));
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range((start, end): (u64, u64)) -> AddressRange {
        AddressRange::new(Address::new(start), Address::new(end))
    }

    #[test]
    fn what_is_left_of_ranges_lies_between_the_known_ones() {
        let left = |wanted: &[(u64, u64)], known: &[(u64, u64)]| {
            let ranges = |of: &[(u64, u64)]| of.iter().copied().map(range).collect::<Vec<_>>();
            without(&ranges(wanted), &ranges(known))
                .iter()
                .map(|one| (one.start.value(), one.end.value()))
                .collect::<Vec<_>>()
        };
        assert_eq!(left(&[(1, 9)], &[]), [(1, 9)]);
        assert_eq!(
            left(&[(1, 9)], &[(0, 2), (4, 5), (8, 12)]),
            [(2, 4), (5, 8)]
        );
        assert_eq!(left(&[(1, 3), (5, 9)], &[(2, 6)]), [(1, 2), (6, 9)]);
        assert_eq!(left(&[(1, 3), (5, 9)], &[(0, 20)]), []);
    }

    #[test]
    fn our_own_stack_exists_and_is_our_own() {
        let local = 7u8;
        let at = Address::new(&raw const local as u64 / PAGE * PAGE);
        let page = AddressRange::new(at, at.offset(PAGE));
        let pid = std::process::id() as i32;
        assert_eq!(own_ranges(pid, &[page]), Ok(vec![page]));
        assert_eq!(present_ranges(pid, &[page]), Ok(vec![page]));
        assert_eq!(local, 7);
    }
}
