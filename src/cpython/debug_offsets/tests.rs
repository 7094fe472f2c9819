//! Debug offsets as bytes, well-formed and not.

use super::*;
use crate::cpython::tables::{V3_12, V3_13, V3_14, V3_15};
use proptest::prelude::*;

/// The bytes of a minor version in which every size is 4096 and every offset 64, but for some.
fn bytes(minor: u8, but: &[(&str, u64)]) -> Vec<u8> {
    let mut bytes = COOKIE.to_vec();
    bytes.extend((0x0300_00f0 | u64::from(minor) << 16).to_le_bytes());
    bytes.extend(0u64.to_le_bytes());
    for (group, member) in names_in(minor) {
        let name = format!("{group}.{member}");
        let other = but.iter().find(|&&(field, _)| field == name);
        let is_size = member == "size" || member.ends_with("object_size");
        let usual = if is_size { 4096 } else { 64 };
        bytes.extend(other.map_or(usual, |&(_, value)| value).to_le_bytes());
    }
    bytes
}

fn overlay(minor: u8, but: &[(&str, u64)], table: &Layout) -> Result<Layout, DebugOffsetsError> {
    DebugOffsets::parse(&bytes(minor, but))?.overlay(table)
}

#[test]
fn the_structure_is_as_long_as_each_version_has_it() {
    assert_eq!([13, 14, 15].map(size_in), [584, 760, 888]);
}

#[test]
fn a_number_is_found_by_its_name_in_every_version() {
    for minor in [13, 14, 15] {
        let bytes = bytes(
            minor,
            &[("unicode_object.length", 16), ("gc.collecting", 200)],
        );
        let offsets = DebugOffsets::parse(&bytes).expect("well-formed");
        assert_eq!(offsets.version.minor, minor);
        assert_eq!(offsets.get("unicode_object.length"), Some(16));
        assert_eq!(offsets.get("gc.collecting"), Some(200));
        assert_eq!(offsets.runtime_size(), Some(4096));
    }
}

#[test]
fn a_field_that_a_version_does_not_have_is_not_another_one() {
    let offsets = DebugOffsets::parse(&bytes(13, &[])).expect("well-formed");
    assert_eq!(offsets.get("debugger_support.eval_breaker"), None);
    assert_eq!(offsets.get("set_object.used"), None);
    assert_eq!(offsets.get("nonsense"), None);
}

#[test]
fn the_target_overrules_the_table_where_it_says_something() {
    let but = [
        ("interpreter_state.imports_modules", 1000),
        ("interpreter_state.gc", 2000),
        ("tuple_object.ob_item", 32),
        ("type_object.tp_basicsize", 56),
    ];
    for (minor, table) in [(13, V3_13), (14, V3_14), (15, V3_15)] {
        let layout = overlay(minor, &but, &table).expect("plausible");
        assert_eq!(layout.interpreter.modules.offset(), 1000);
        assert_eq!(layout.collector.place, Place::Interpreter(2000));
        assert_eq!(layout.tuple.items, 32);
        let stated = if minor == 15 { 56 } else { 32 };
        assert_eq!(layout.class.basicsize.offset(), stated);
        assert_eq!(layout.pending, table.pending);
        assert_eq!(layout.function, table.function);
    }
}

#[test]
fn an_offset_outside_its_structure_is_impossible() {
    let field = "interpreter_state.imports_modules";
    for value in [0, 4092, 4089, 4096, 12, u64::MAX, u64::from(u32::MAX) + 9] {
        assert_eq!(
            overlay(13, &[(field, value)], &V3_13),
            Err(DebugOffsetsError::Impossible { field, value }),
        );
    }
    assert!(overlay(13, &[(field, 4088)], &V3_13).is_ok());
}

#[test]
fn an_offset_in_a_structure_of_absurd_size_is_impossible() {
    let but = [
        ("interpreter_state.size", u64::MAX),
        ("interpreter_state.sysdict", 1 << 30),
    ];
    assert!(matches!(
        overlay(13, &but, &V3_13),
        Err(DebugOffsetsError::Impossible { .. })
    ));
}

#[test]
fn offsets_of_one_version_are_not_laid_over_the_table_of_another() {
    for table in [V3_12, V3_14] {
        assert!(matches!(
            overlay(13, &[], &table),
            Err(DebugOffsetsError::OtherTable { .. })
        ));
    }
}

#[test]
fn bytes_without_the_cookie_are_no_debug_offsets() {
    assert_eq!(
        DebugOffsets::parse(&[0; 1000]),
        Err(DebugOffsetsError::NoCookie)
    );
}

#[test]
fn a_version_from_the_future_names_the_newest_known() {
    let future = DebugOffsets::parse(&bytes(16, &[])).expect_err("unknown");
    assert_eq!(
        future.to_string(),
        "debug offsets of CPython 3.16.0 are not known; the newest known are of 3.15"
    );
}

#[test]
fn bytes_that_end_early_are_truncated() {
    let bytes = bytes(14, &[]);
    assert_eq!(
        DebugOffsets::parse(&bytes[..752]),
        Err(DebugOffsetsError::Truncated {
            wanted: 760,
            got: 752
        })
    );
    assert!(DebugOffsets::parse(&bytes[..12]).is_err());
}

proptest! {
    #[test]
    fn whatever_the_numbers_are_nothing_panics(
        minor in 12u8..=16,
        numbers in prop::collection::vec(any::<u64>(), 0..140),
    ) {
        let mut bytes = bytes(minor, &[])[..HEAD].to_vec();
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        if let Ok(offsets) = DebugOffsets::parse(&bytes) {
            for table in [V3_13, V3_14, V3_15] {
                let _ = offsets.overlay(&table);
            }
        }
    }

    #[test]
    fn what_is_laid_over_lies_inside_a_structure(
        value in any::<u64>(),
        small in 0u64..5000,
        group in 0usize..100,
    ) {
        let (name, member) = names_in(15).nth(group).expect("a name");
        let field = format!("{name}.{member}");
        for value in [value, small] {
            if let Ok(layout) = overlay(15, &[(&field, value)], &V3_15) {
                prop_assert!(layout.interpreter.modules.offset() < LARGEST_STRUCTURE);
                prop_assert!(layout.dict.size <= LARGEST_STRUCTURE);
            }
        }
    }
}
