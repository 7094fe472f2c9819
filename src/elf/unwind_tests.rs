use super::*;
use crate::target::process::Process;
use proptest::prelude::*;

/// The tables of this very program and of its libraries.
fn our_tables() -> Vec<UnwindTable> {
    let ours = Process::open(std::process::id() as i32).expect("we live");
    let maps = ours.maps().expect("our maps");
    maps.files()
        .into_iter()
        .filter_map(|file| Image::read(&ours, &maps, file).ok())
        .filter_map(|image| UnwindTable::read(&ours, &image))
        .collect()
}

fn our_code() -> Address {
    Address::new(our_code as fn() -> Address as usize as u64)
}

#[test]
fn a_function_of_our_own_is_found_by_any_of_its_instructions() {
    let tables = our_tables();
    let table = tables.iter().find(|table| table.covers(our_code()));
    let table = table.expect("we have tables");
    assert_eq!(table.function_at(our_code()), Some(our_code()));
    assert_eq!(table.function_at(our_code().offset(1)), Some(our_code()));
}

#[test]
fn an_index_that_points_to_before_its_table_leads_nowhere() {
    // Version 1; the table is at 0x9000; one entry: code at 0x1000, told of at 0x8000.
    let mut header = vec![1, 4, 3, 3];
    header.extend(0x9000u64.to_le_bytes());
    header.extend([1u32, 0x1000, 0x8000].iter().flat_map(|n| n.to_le_bytes()));
    let table = UnwindTable {
        code: Vec::new(),
        bases: BaseAddresses::default().set_eh_frame(0x9000),
        header,
        frames: vec![0; 64],
    };
    assert_eq!(table.function_at(Address::new(0x1004)), None);
}

#[test]
fn an_index_with_more_entries_than_fit_leads_nowhere() {
    // Version 1, the number of entries in 8 bytes: as many as there are numbers.
    let mut header = vec![1, 4, 4, 3];
    header.extend(0x9000u64.to_le_bytes());
    header.extend([0xff; 32]);
    let table = UnwindTable {
        code: Vec::new(),
        bases: BaseAddresses::default().set_eh_frame(0x9000),
        header,
        frames: vec![0; 64],
    };
    assert_eq!(table.function_at(Address::new(0x1004)), None);
}

#[test]
fn code_without_a_table_ends_the_walk() {
    let nowhere = Address::new(0x1000);
    let cpu = Cpu::at(nowhere, Address::new(0x2000));
    let (frames, end) = unwind(
        &our_tables(),
        cpu,
        &Stack::new(Address::new(0x2000), vec![]),
    );
    assert_eq!((frames, end), (vec![], End::NoTable { at: nowhere }));
}

#[test]
fn a_stack_that_ends_too_early_ends_the_walk() {
    let stack = Stack::new(Address::new(0x2000), vec![]);
    let cpu = Cpu::at(our_code(), Address::new(0x2000));
    let (frames, end) = unwind(&our_tables(), cpu, &stack);
    assert!(frames.is_empty());
    assert!(matches!(end, End::NoStack { .. }), "{end:?}");
}

#[test]
fn a_register_that_is_not_known_is_not_guessed() {
    let cpu = Cpu::at(our_code(), Address::new(0x2000));
    assert_eq!(cpu.get(6), None);
    let known = cpu.with_kept([1, 2, 3, 4, 5, 6]);
    assert_eq!(
        (known.get(3), known.get(6), known.get(15)),
        (Some(1), Some(2), Some(6))
    );
    assert_eq!(known.get(99), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_tables_and_stacks_never_panic_and_always_end(
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..200),
        bytes in proptest::collection::vec(any::<u8>(), 0..4096),
        within in 0u64..4096,
    ) {
        let mut tables = our_tables();
        for table in &mut tables {
            for (at, byte) in &damage {
                let (index, frames) = (at.index(table.header.len()), at.index(table.frames.len()));
                table.header[index] = *byte;
                table.frames[frames] = *byte;
            }
        }
        let start = Address::new(0x2000);
        let cpu = Cpu::at(our_code().offset(within), start).with_kept([0x2010; 6]);
        let (frames, _) = unwind(&tables, cpu, &Stack::new(start, bytes));
        prop_assert!(frames.len() <= MOST_FRAMES);
    }
}
