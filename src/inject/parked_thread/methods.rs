//! Which machine code is which Python method.
//!
//! Stripped interpreters have no names for their static functions. But each method that Python can
//! call stands in a `PyMethodDef` in the data of its image: `ml_name`, `ml_meth`, two pointers next
//! to each other (`Include/methodobject.h`, 2.7 to 3.15). So the address of the code is found by
//! the name, and nothing is asked of a symbol table.

use crate::address::{Address, AddressRange};
use crate::elf::image::Image;
use crate::target::memory::{ReadMemory, ReadMemoryExt, word_in};
use std::collections::HashMap;

/// Data of an image beyond this are not searched. A CPython has one megabyte.
const MOST_DATA: u64 = 32 << 20;
/// Longer names than the longest that is looked for need not be told apart.
const NAME_BYTES: usize = 16;

/// The addresses at which the code of these methods begins, with their names.
pub(super) fn methods_of(
    memory: &(impl ReadMemory + ?Sized),
    image: &Image,
    names: &[&'static str],
) -> HashMap<Address, &'static str> {
    let mut found = HashMap::new();
    let data = image
        .segments
        .iter()
        .filter(|segment| segment.write && segment.range.len() <= MOST_DATA);
    for segment in data {
        let mut bytes = vec![0; segment.range.len() as usize];
        let got = memory.read_some_at(segment.range.start, &mut bytes);
        bytes.truncate(got.unwrap_or(0));
        let pairs = pairs_in(&bytes, image);
        let spans: Vec<_> = pairs.iter().map(|&(name, _)| (name, NAME_BYTES)).collect();
        let Ok(texts) = memory.read_spans(&spans) else {
            continue;
        };
        for ((_, code), text) in pairs.into_iter().zip(texts) {
            let text = text.unwrap_or_default();
            if let Some(name) = names.iter().find(|name| begins_with(&text, name)) {
                found.insert(code, *name);
            }
        }
    }
    found
}

/// Pairs of words of which the first points into the image and the second into its code.
fn pairs_in(data: &[u8], image: &Image) -> Vec<(Address, Address)> {
    let ranges = |execute: bool| -> Vec<AddressRange> {
        image
            .segments
            .iter()
            .filter(|segment| segment.execute == execute)
            .map(|segment| segment.range)
            .collect()
    };
    let (code, other) = (ranges(true), ranges(false));
    let lies_in = |ranges: &[AddressRange], at: Address| ranges.iter().any(|r| r.contains(at));
    let words: Vec<Address> = data
        .chunks_exact(8)
        .filter_map(|word| word_in(word, 0))
        .collect();
    words
        .windows(2)
        .map(|pair| (pair[0], pair[1]))
        // Old linkers put constants and code into one segment.
        .filter(|&(name, at)| lies_in(&code, at) && (lies_in(&other, name) || lies_in(&code, name)))
        .collect()
}

/// Whether the C string that begins `text` is `name`.
fn begins_with(text: &[u8], name: &str) -> bool {
    text.strip_prefix(name.as_bytes())
        .is_some_and(|rest| rest.first() == Some(&0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_whole_c_string() {
        assert!(begins_with(b"poll\0rest", "poll"));
        assert!(!begins_with(b"poller\0", "poll"));
        assert!(!begins_with(b"poll", "poll"));
    }
}
