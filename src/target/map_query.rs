//! Questions about single mappings (`PROCMAP_QUERY`, Linux 6.11). Of some hundred mappings the few that a program
//! is loaded by are told in a quarter of the time that the text of all takes: most of that goes into paths.

use crate::address::{Address, AddressRange};
use crate::target::map_lines::named;
use crate::target::maps::{Mapping, Maps};
use crate::target::raw::{MapQuestion, ask_for_mapping};
use nix::errno::Errno;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;

/// A path, and ` (deleted)` behind it.
const LONGEST_NAME: usize = 4096 + 16;
/// How far below its data a file may begin, besides how far into the file they are: linkers leave gaps.
const GAPS: u64 = 2 << 20;

/// A file, as the kernel numbers it.
type FileId = (u64, u32, u32);

/// All mappings of the files of which `least` bytes or more are mapped to be written. `None` where that cannot be
/// asked; nothing is said of the other files.
pub(super) fn of_programs(maps: &File, least: u64) -> Option<Maps> {
    let mut data: HashMap<FileId, Vec<MapQuestion>> = HashMap::new();
    each(maps, 0, MapQuestion::WRITABLE, &mut [], |found, _| {
        data.entry(found.file()).or_default().push(found);
        true
    })?;
    let length = |found: &MapQuestion| found.end - found.start;
    data.retain(|_, found| found.iter().map(length).sum::<u64>() >= least);
    let mut mappings = BTreeMap::new();
    let mut name = [0; LONGEST_NAME];
    for (file, found) in &data {
        for data in found {
            let from = data.start.saturating_sub(data.offset).saturating_sub(GAPS);
            each(maps, from, 0, &mut name, |found, name| {
                let is_of_it = found.file() == *file;
                if is_of_it {
                    mappings.insert(found.start, mapping(&found, name));
                }
                is_of_it || found.start < data.end
            })?;
        }
    }
    Some(Maps::new(mappings.into_values().collect()))
}

/// Gives each mapping of a file from `from` on to `take`, with its name, until that has enough.
fn each(
    maps: &File,
    from: u64,
    flags: u64,
    name: &mut [u8],
    mut take: impl FnMut(MapQuestion, &[u8]) -> bool,
) -> Option<()> {
    let mut from = from;
    loop {
        let question = MapQuestion::next(from, flags | MapQuestion::OF_FILE);
        let found = match ask_for_mapping(maps, question, name) {
            Ok(found) => found,
            Err(Errno::ENOENT) => return Some(()),
            Err(_) => return None,
        };
        // Each answer leads on: the kernel is not asked for ever.
        if found.end <= from {
            return None;
        }
        from = found.end;
        let length = (found.name_length as usize).saturating_sub(1);
        if !take(found, name.get(..length)?) {
            return Some(());
        }
    }
}

fn mapping(found: &MapQuestion, name: &[u8]) -> Mapping {
    let (inode, major, minor) = found.file();
    let (file, special) = named(&as_text_has_it(name), inode, (major as i32, minor as i32));
    let is = |flag| found.flags & flag != 0;
    Mapping {
        range: AddressRange::new(Address::new(found.start), Address::new(found.end)),
        read: is(MapQuestion::READABLE),
        write: is(MapQuestion::WRITABLE),
        execute: is(MapQuestion::EXECUTABLE),
        file_offset: found.offset,
        file,
        special,
    }
}

/// The text of the mappings has a line for each, so a line end in a name is written as `\012` there; files told in
/// both ways are compared.
fn as_text_has_it(name: &[u8]) -> Cow<'_, [u8]> {
    match name.contains(&b'\n') {
        false => Cow::Borrowed(name),
        true => Cow::Owned(
            name.split(|&byte| byte == b'\n')
                .collect::<Vec<_>>()
                .join(&b"\\012"[..]),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::process::Process;

    #[test]
    fn the_mappings_of_a_program_are_those_that_the_text_tells() {
        let ours = Process::open(std::process::id() as i32).expect("we exist");
        let told = ours.maps().expect("readable");
        let file = File::open("/proc/self/maps").expect("readable");
        let Some(asked) = of_programs(&file, 4096) else {
            let kernel = procfs::sys::kernel::Version::current().expect("it has one");
            assert!(
                kernel < procfs::sys::kernel::Version::new(6, 11, 0),
                "it can be asked"
            );
            return;
        };
        let executable = std::env::current_exe().expect("we are a program");
        let of_ours = |maps: &Maps| -> Vec<Mapping> {
            let is_ours = |mapping: &&Mapping| {
                let file = mapping.file.as_ref();
                file.is_some_and(|file| file.path == executable)
            };
            maps.iter().filter(is_ours).cloned().collect()
        };
        assert_eq!(of_ours(&asked), of_ours(&told));
        assert!(of_ours(&asked).len() > 2);
    }

    #[test]
    fn a_line_end_in_a_name_is_written_as_in_the_text() {
        assert_eq!(*as_text_has_it(b"/a\nb\n"), b"/a\\012b\\012"[..]);
        assert_eq!(*as_text_has_it(b"/a b"), b"/a b"[..]);
    }

    #[test]
    fn files_with_less_to_write_are_left_out() {
        let file = File::open("/proc/self/maps").expect("readable");
        if let Some(asked) = of_programs(&file, u64::MAX) {
            assert_eq!(asked.iter().count(), 0);
        }
    }
}
