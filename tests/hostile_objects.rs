//! Memory that makes no sense: every reader of objects answers, with an error or with something
//! bounded, and in bounded time. Nothing panics.

mod common;

use common::{Target, interpreters, program};
use proptest::prelude::*;
use pyunload::address::Address;
use pyunload::cpython::layout::Layout;
use pyunload::cpython::tables::{
    V2_7, V3_6, V3_7, V3_8, V3_9, V3_10, V3_11, V3_12, V3_13, V3_14, V3_15,
};
use pyunload::modules::inventory::inventory_of_still;
use pyunload::pyobject::class::Classes;
use pyunload::pyobject::text::Kind;
use pyunload::pyobject::{class, dict, header, identify, int, module, repr, sequence, text};
use pyunload::target::memory::{ReadError, ReadMemory};
use pyunload::target::process::Process;
use std::time::{Duration, Instant};

/// Far more than any reading takes, on a loaded machine too.
const PATIENCE: Duration = Duration::from_secs(20);

/// A number that looks random, always the same for the same input.
fn mixed(seed: u64, value: u64) -> u64 {
    let mut mixed = seed ^ value.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^= mixed >> 29;
    mixed = mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ mixed >> 32
}

/// Words that are small numbers, pointers into a small region, or anything; a quarter of the pages
/// is not mapped.
struct Nonsense {
    seed: u64,
}

impl Nonsense {
    fn word(&self, at: u64) -> u64 {
        let word = mixed(self.seed, at);
        match word % 8 {
            0..3 => word >> 8 & 0xf,
            3..6 => 0x10_0000 + (word >> 8 & 0xffff) * 8,
            6 => word >> 8 & 0xffff_ffff,
            _ => word,
        }
    }
}

impl ReadMemory for Nonsense {
    fn read_some_at(&self, at: Address, buffer: &mut [u8]) -> Result<usize, ReadError> {
        for (offset, byte) in buffer.iter_mut().enumerate() {
            let here = at.value().wrapping_add(offset as u64);
            if mixed(!self.seed, here >> 12).is_multiple_of(4) {
                return Ok(offset);
            }
            *byte = self.word(here & !7).to_le_bytes()[(here & 7) as usize];
        }
        Ok(buffer.len())
    }
}

/// A process as a bad wire would show it: of one word in `rarity`, one bit is wrong.
struct Flipped<'p> {
    process: &'p Process,
    seed: u64,
    rarity: u64,
}

impl ReadMemory for Flipped<'_> {
    fn read_some_at(&self, at: Address, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let got = self.process.read_some_at(at, buffer)?;
        for (offset, byte) in buffer[..got].iter_mut().enumerate() {
            let here = at.value() + offset as u64;
            let word = mixed(self.seed, here & !7);
            if word.is_multiple_of(self.rarity) && word >> 32 & 7 == here & 7 {
                *byte ^= 1 << (word >> 40 & 7);
            }
        }
        Ok(got)
    }
}

fn layouts() -> [Layout; 11] {
    [
        V2_7, V3_6, V3_7, V3_8, V3_9, V3_10, V3_11, V3_12, V3_13, V3_14, V3_15,
    ]
}

/// Calls every reader of one object; what they say does not matter here.
fn read_as_everything(memory: &impl ReadMemory, layout: &Layout, at: Address) {
    let _ = header::read(memory, layout, at);
    let _ = dict::read(memory, layout, at);
    let _ = dict::read_moment(memory, layout, at);
    let _ = dict::find(memory, layout, at, "__name__");
    let _ = text::read_kind(memory, layout, at, Kind::Unicode);
    let _ = text::read_kind(memory, layout, at, Kind::Bytes);
    let _ = int::read(memory, layout, at).map(|int| int.to_string());
    let _ = class::read(memory, layout, at);
    let _ = sequence::read_list(memory, layout, at);
    let _ = sequence::read_tuple(memory, layout, at);
    let _ = module::read(memory, layout, at);
    let _ = repr::read(memory, layout, &mut Classes::default(), at);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn nonsense_is_read_as_any_object_in_bounded_time(seed: u64, place in 0u64..0x1_0000) {
        let memory = Nonsense { seed };
        let started = Instant::now();
        for layout in layouts() {
            read_as_everything(&memory, &layout, Address::new(0x10_0000 + place * 8));
        }
        read_as_everything(&memory, &V3_12, Address::new(seed));
        prop_assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    }
}

#[test]
fn a_table_of_modules_with_flipped_bits_is_read_in_bounded_time() {
    for interpreter in interpreters() {
        if !["2.7", "3.8", "3.11", "3.13"].contains(&interpreter.name.as_str()) {
            continue;
        }
        let target = Target::start(&interpreter, &program("zoo.py"), &[]);
        let process = Process::open(target.pid()).expect("it runs");
        let python = identify::find(&process).expect("a Python").python;
        for seed in 0..24 {
            let memory = Flipped {
                process: &process,
                seed,
                rarity: 20 << (seed % 8),
            };
            let started = Instant::now();
            let read = inventory_of_still(&memory, &python, python.main());
            let took = started.elapsed();
            assert!(took < PATIENCE, "{}: {took:?}", interpreter.name);
            let rows = read.map_or(0, |inventory| inventory.rows.len());
            assert!(rows < 1000, "{}: {rows} rows", interpreter.name);
        }
    }
}
