//! The text of `/proc/PID/maps`, as bytes: names of files need not be UTF-8, and a program can map
//! files whose names look like anything.

use crate::address::{Address, AddressRange};
use crate::target::files::without_deleted;
use crate::target::maps::{MappedFile, Mapping};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// The mappings that the lines state; `None` when a line has another form (`proc_pid_maps(5)`).
pub(super) fn parse(text: &[u8]) -> Option<Vec<Mapping>> {
    let lines = text.split(|&byte| byte == b'\n');
    lines.filter(|line| !line.is_empty()).map(mapping).collect()
}

/// `start-end perms offset major:minor inode`, and after blanks the name, if there is one.
fn mapping(line: &[u8]) -> Option<Mapping> {
    let mut fields = line.splitn(6, |&byte| byte == b' ');
    let (start, end) = pair(fields.next()?, b'-')?;
    let &[read, write, execute, _] = fields.next()? else {
        return None;
    };
    let file_offset = number(fields.next()?, 16)?;
    let (major, minor) = pair(fields.next()?, b':')?;
    let inode = number(fields.next()?, 10)?;
    let name = fields.next().unwrap_or_default().trim_ascii_start();
    let (file, special) = named(name, inode, (major as i32, minor as i32));
    Some(Mapping {
        range: AddressRange::new(Address::new(start), Address::new(end)),
        read: read == b'r',
        write: write == b'w',
        execute: execute == b'x',
        file_offset,
        file,
        special,
    })
}

/// What the kernel's name for a mapping says: the file, or what else it is.
pub(super) fn named(
    name: &[u8],
    inode: u64,
    device: (i32, i32),
) -> (Option<MappedFile>, Option<&'static str>) {
    let special = special_name(name);
    let is_file = !name.is_empty() && special.is_none() && !name.starts_with(b"[");
    let file = is_file.then(|| mapped_file(name, inode, device));
    (file, special)
}

/// Two hexadecimal numbers.
fn pair(field: &[u8], between: u8) -> Option<(u64, u64)> {
    let middle = field.iter().position(|&byte| byte == between)?;
    Some((
        number(&field[..middle], 16)?,
        number(&field[middle + 1..], 16)?,
    ))
}

fn number(digits: &[u8], base: u32) -> Option<u64> {
    let is_short = matches!(digits.len(), 1..=20);
    digits
        .iter()
        .filter(|_| is_short)
        .try_fold(0u64, |value, &digit| {
            let digit = char::from(digit).to_digit(base)?;
            value.checked_mul(base.into())?.checked_add(digit.into())
        })
        .filter(|_| is_short)
}

fn mapped_file(name: &[u8], inode: u64, device: (i32, i32)) -> MappedFile {
    let (path, deleted) = without_deleted(OsString::from_vec(name.to_vec()).into());
    MappedFile {
        inode,
        path,
        device,
        deleted,
    }
}

/// The kernel's name for memory that is no file; `None` too for anonymous memory that the program
/// gave a name (`PR_SET_VMA_ANON_NAME`).
fn special_name(name: &[u8]) -> Option<&'static str> {
    match name {
        b"[heap]" => Some("[heap]"),
        b"[stack]" => Some("[stack]"),
        b"[vdso]" => Some("[vdso]"),
        b"[vvar]" => Some("[vvar]"),
        b"[vsyscall]" => Some("[vsyscall]"),
        _ if name.starts_with(b"[stack:") => Some("[stack]"),
        _ if name.starts_with(b"[anon:") => None,
        // Shared memory of System V has a name of this kind, and is no file.
        _ if name.starts_with(b"[") || name.starts_with(b"/SYSV") => Some("[other]"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::ffi::OsStrExt;

    fn one(line: &[u8]) -> Mapping {
        let mut all = parse(line).expect("well formed");
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    #[test]
    fn a_line_with_a_file_says_where_it_is_and_what_it_is_made_from() {
        let line =
            b"7f00-8f00 r-xp 0001a000 fe:10 4711                   /a b/caf\xe9.so (deleted)\n";
        let found = one(line);
        assert_eq!(
            (found.range.start.value(), found.range.len()),
            (0x7f00, 0x1000)
        );
        assert_eq!(
            (found.read, found.write, found.execute),
            (true, false, true)
        );
        assert_eq!(found.file_offset, 0x1a000);
        let file = found.file.expect("a file");
        assert_eq!(file.path.as_os_str().as_bytes(), b"/a b/caf\xe9.so");
        assert_eq!(
            (file.inode, file.device, file.deleted),
            (4711, (0xfe, 0x10), true)
        );
    }

    #[test]
    fn memory_that_is_no_file_has_none() {
        let special = |name: &str| {
            let line = format!("1000-2000 rw-p 00000000 00:00 0      {name}");
            let found = one(line.as_bytes());
            assert_eq!(found.file, None, "{name}");
            found.special
        };
        assert_eq!(special(""), None);
        assert_eq!(special("[heap]"), Some("[heap]"));
        assert_eq!(special("[stack:17]"), Some("[stack]"));
        assert_eq!(special("[anon:arena]"), None);
        assert_eq!(special("[anon_shmem:x]"), Some("[other]"));
        assert_eq!(special("/SYSV0 (deleted)"), Some("[other]"));
        assert_eq!(one(b"1000-2000 rw-p 00000000 00:00 0").special, None);
    }

    #[test]
    fn our_own_mappings_are_those_that_another_parser_finds() {
        let ourselves = procfs::process::Process::myself().expect("we exist");
        let text = std::fs::read("/proc/self/maps").expect("readable");
        let ours: Vec<u64> = parse(&text)
            .expect("well formed")
            .iter()
            .map(|m| m.file.as_ref().map_or(0, |file| file.inode))
            .collect();
        let theirs: Vec<u64> = ourselves
            .maps()
            .expect("readable")
            .into_iter()
            .map(|m| m.inode)
            .collect();
        // Between the two readings other tests map and unmap memory of their own, but no files.
        let files = |inodes: Vec<u64>| {
            inodes
                .into_iter()
                .filter(|&inode| inode != 0)
                .collect::<Vec<_>>()
        };
        assert_eq!(files(ours), files(theirs));
    }

    proptest! {
        #[test]
        fn random_text_never_panics(text in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = parse(&text);
        }

        #[test]
        fn random_names_never_panic(name in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse(&[b"1-2 rw-p 0 0:0 1 ", name.as_slice()].concat());
        }
    }
}
