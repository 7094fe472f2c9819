//! Dicts: tables of 2.7, keys of every later form, values with and without an order.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pyunload::address::Address;
use pyunload::pyobject::dict::{self, Limit, Source};
use pyunload::target::memory::word_in;
use pyunload_fuzz::objects::{BASE, HEAD, Objects};

pyunload_fuzz::fuzz_words!(HEAD, BASE);

fuzz_target!(|input: &[u8]| {
    let Some(objects) = Objects::of(input) else {
        return;
    };
    let (memory, layout, at) = (&objects.memory, &objects.python.layout, objects.entry);
    let room = input.len() - HEAD;
    if let Ok(entries) = dict::read(memory, layout, at) {
        // An entry takes at least a word of memory; a value has an order of its own besides.
        assert!(
            entries.len() <= room / 8 + 256,
            "{} entries in {room} bytes",
            entries.len()
        );
    }
    let _ = dict::read_moment(memory, layout, at);
    let _ = dict::read_roughly(memory, layout, at);
    for name in ["__name__", "", "a"] {
        let _ = dict::find(memory, layout, at, name);
    }
    let [keys, values] = [0, 8].map(|at| {
        let word = word_in::<u64>(input, HEAD + at).unwrap_or(0);
        Address::new(word)
    });
    let source = Source::Values { keys, values };
    let _ = dict::read_source(memory, layout, source);
    let limit = Limit {
        one: 1 << 12,
        all: 1 << 13,
    };
    let sources = [Source::Dict(at), source, Source::Dict(values)];
    let _ = dict::read_many(memory, layout, &sources, limit);
    let _ = dict::read_shared_keys(memory, layout, &sources);
});
