//! All objects together: the collector's lists, the table of modules, the graph, ghosts.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pyunload::address::{Address, AddressRange};
use pyunload::heap::statics::{Area, AreaKind};
use pyunload::modules::ghosts::find_ghosts;
use pyunload::modules::inventory::inventory_of_still;
use pyunload::modules::picture::Picture;
use pyunload_fuzz::objects::{BASE, HEAD, Objects};

pyunload_fuzz::fuzz_words!(HEAD, BASE);

fuzz_target!(|input: &[u8]| {
    let Some(objects) = Objects::of(input) else {
        return;
    };
    let (memory, python) = (&objects.memory, &objects.python);
    let _ = inventory_of_still(memory, python, python.main());
    // The variables of a library: the first words of the memory.
    let words = AddressRange::new(Address::new(BASE), Address::new(BASE + 64));
    let area = Area {
        range: words,
        kind: AreaKind::Variables("any.so".to_owned()),
    };
    let Ok(picture) = Picture::take(memory, python, vec![area]) else {
        return;
    };
    // An object needs a header, at an aligned address.
    assert!(
        picture.graph.len() <= (input.len() + (2 << 20)) / 8,
        "{}",
        picture.graph.len()
    );
    let _ = find_ghosts(&picture);
    for node in (0..picture.graph.len() as u32).take(32) {
        let _ = (picture.describe(node), picture.holders_of(node));
        for &holder in picture.graph.referrers(node).iter().take(8) {
            let _ = picture.label(holder, node);
        }
    }
});
