//! The rows: every build that has a table, and the choice among them.
//!
//! A version alone does not pick a row. Configure options, distributions and patch releases move
//! private structures. The size of `_PyRuntimeState`, which the ELF file states, narrows the
//! choice; from 3.13 on the target's debug offsets overrule the row; and what then remains is
//! settled by [`self_check`](crate::cpython::self_check::self_check), never by a guess.

#[allow(clippy::wildcard_imports)]
use super::*;
use crate::cpython::layout::Layout;
use crate::cpython::version::Version;

/// What kind of build a row is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// The default build; from 3.8 to 3.11 `Py_DEBUG` builds are like it.
    Default,
    /// `Py_DEBUG`, from 3.12 on, where it moves private structures.
    Debug,
    /// `Py_TRACE_REFS`, up to 3.12; to 3.7 implied by `Py_DEBUG`.
    TraceRefs,
    /// `Py_GIL_DISABLED`.
    FreeThreaded,
}

/// One build with a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Which build, for messages.
    pub name: &'static str,
    /// What kind of build.
    pub variant: Variant,
    /// Its table.
    pub layout: Layout,
}

const fn row(name: &'static str, variant: Variant, layout: Layout) -> Row {
    Row {
        name,
        variant,
        layout,
    }
}

/// Every build that has a table; within a minor version the likeliest first.
pub static ROWS: &[Row] = &[
    row("2.7", Variant::Default, V2_7),
    row(
        "2.7 with TRACE_REFS",
        Variant::TraceRefs,
        with_trace_refs(V2_7),
    ),
    row("3.6", Variant::Default, V3_6),
    row(
        "3.6 with TRACE_REFS",
        Variant::TraceRefs,
        with_trace_refs(V3_6),
    ),
    row("3.7", Variant::Default, V3_7),
    row(
        "3.7 with TRACE_REFS",
        Variant::TraceRefs,
        with_trace_refs(V3_7),
    ),
    row("3.8", Variant::Default, V3_8),
    row(
        "3.8 with TRACE_REFS",
        Variant::TraceRefs,
        with_trace_refs(V3_8),
    ),
    row("3.9", Variant::Default, V3_9),
    row(
        "3.9 with TRACE_REFS",
        Variant::TraceRefs,
        with_trace_refs(V3_9),
    ),
    row("3.10", Variant::Default, V3_10),
    row(
        "3.10 with TRACE_REFS",
        Variant::TraceRefs,
        with_trace_refs(V3_10),
    ),
    row("3.11", Variant::Default, V3_11),
    row("3.11 with TRACE_REFS", Variant::TraceRefs, V3_11_TRACE_REFS),
    row("3.12", Variant::Default, V3_12),
    row("3.12 without perf trampoline", Variant::Default, V3_12_MUSL),
    row("3.12 debug", Variant::Debug, V3_12_DEBUG),
    row("3.12 with TRACE_REFS", Variant::TraceRefs, V3_12_TRACE_REFS),
    row("3.13.0", Variant::Default, V3_13),
    row("3.13.3 to 3.13.7", Variant::Default, V3_13_3),
    row("3.13.3 to 3.13.7 debug", Variant::Debug, V3_13_3_DEBUG),
    row("3.13.15", Variant::Default, V3_13_15),
    row(
        "3.13.15 without perf trampoline",
        Variant::Default,
        V3_13_15_MUSL,
    ),
    row("3.13.15 debug", Variant::Debug, V3_13_15_DEBUG),
    row(
        "3.13.15 free-threaded",
        Variant::FreeThreaded,
        V3_13_15_FREE_THREADED,
    ),
    row("3.14.8", Variant::Default, V3_14),
    row("3.14.8 debug", Variant::Debug, V3_14_DEBUG),
    row("3.14.4", Variant::Default, V3_14_4),
    row("3.14.4 debug", Variant::Debug, V3_14_4_DEBUG),
    row(
        "3.14.8 free-threaded",
        Variant::FreeThreaded,
        V3_14_FREE_THREADED,
    ),
    row("3.15.0", Variant::Default, V3_15),
    row("3.15.0 debug", Variant::Debug, V3_15_DEBUG),
    row(
        "3.15.0 free-threaded",
        Variant::FreeThreaded,
        V3_15_FREE_THREADED,
    ),
];

/// What is known of a build before any of its structures is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signs {
    /// Its version.
    pub version: Version,
    /// `sizeof(_PyRuntimeState)`: the size of the `.PyRuntime` section or of the symbol
    /// `_PyRuntime`, or what the debug offsets say.
    pub runtime_size: Option<u64>,
    /// Whether it runs without the GIL, as the debug offsets say.
    pub free_threaded: Option<bool>,
}

/// No table is for this version. Older than a table, newer, or never supported: no guess is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no layout is known for CPython {version}; the newest known is {}.{}", newest.0, newest.1)]
pub struct UnknownVersion {
    /// The version of the target.
    pub version: Version,
    /// The newest minor version with a table.
    pub newest: (u8, u8),
}

/// The newest minor version with a table.
pub fn newest() -> (u8, u8) {
    ROWS.iter()
        .map(|row| row.layout.python)
        .max()
        .unwrap_or_default()
}

/// Every row of a minor version, the likeliest first.
pub fn rows_for(minor: (u8, u8)) -> impl Iterator<Item = &'static Row> {
    ROWS.iter().filter(move |row| row.layout.python == minor)
}

/// The rows that the signs leave, the likeliest first; the self-checks choose among them.
///
/// When the size of the runtime is that of a row, only rows with that size are left. A size that
/// no row has, or none at all, leaves every row of the minor version, because public structures do
/// not depend on it; but then the queue of pending calls, which does, is not proven. Versions
/// without a runtime structure find that queue by symbols.
///
/// # Errors
/// [`UnknownVersion`] when the minor version has no row.
pub fn candidates(signs: &Signs) -> Result<Vec<Row>, UnknownVersion> {
    let unknown = UnknownVersion {
        version: signs.version,
        newest: newest(),
    };
    let rows: Vec<&Row> = rows_for(signs.version.minor_pair())
        .filter(|row| match signs.free_threaded {
            Some(flag) => flag == (row.variant == Variant::FreeThreaded),
            None => true,
        })
        .collect();
    if rows.is_empty() {
        return Err(unknown);
    }
    let fitting: Vec<Row> = rows
        .iter()
        .filter(|row| has_runtime_size(&row.layout, signs.runtime_size))
        .map(|&row| row.clone())
        .collect();
    if fitting.is_empty() {
        Ok(rows.into_iter().map(unproven).collect())
    } else {
        Ok(fitting)
    }
}

fn has_runtime_size(layout: &Layout, size: Option<u64>) -> bool {
    match layout.runtime {
        Some(runtime) => size == Some(runtime.size),
        None => true,
    }
}

/// The same row, with nothing proven about its queue of pending calls.
pub fn unproven(row: &Row) -> Row {
    let mut row = row.clone();
    row.layout.pending_proven = false;
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(minor: u8, runtime_size: Option<u64>, free_threaded: Option<bool>) -> Vec<String> {
        let signs = Signs {
            version: Version::from_hex(0x0300_00f0 | u32::from(minor) << 16).expect("a version"),
            runtime_size,
            free_threaded,
        };
        let rows = candidates(&signs).expect("a known version");
        let name = |row: &Row| {
            let mark = if row.layout.pending_proven { "" } else { "?" };
            format!("{}{mark}", row.name)
        };
        rows.iter().map(name).collect()
    }

    #[test]
    fn the_size_of_the_runtime_tells_builds_of_one_version_apart() {
        assert_eq!(names(13, Some(283_320), Some(false)), ["3.13.0"]);
        assert_eq!(names(13, Some(283_408), Some(false)), ["3.13.15"]);
        assert_eq!(names(13, Some(299_424), Some(false)), ["3.13.15 debug"]);
        assert_eq!(names(11, Some(184_304), None), ["3.11 with TRACE_REFS"]);
    }

    #[test]
    fn a_size_that_no_row_has_leaves_every_row_with_an_unproven_queue() {
        let all = ["3.9?", "3.9 with TRACE_REFS?"];
        assert_eq!(names(9, Some(657), None), all);
        assert_eq!(names(9, None, None), all);
    }

    #[test]
    fn a_size_common_to_several_rows_leaves_them_all() {
        assert_eq!(names(9, Some(656), None), ["3.9", "3.9 with TRACE_REFS"]);
    }

    #[test]
    fn a_free_threaded_build_gets_no_row_with_a_gil() {
        assert_eq!(names(13, None, Some(true)), ["3.13.15 free-threaded?"]);
        assert!(
            !names(13, None, Some(false))
                .iter()
                .any(|name| name.contains("free"))
        );
    }

    #[test]
    fn a_version_without_a_table_is_an_error_that_names_the_newest() {
        for hex in [0x0310_00f0, 0x0305_02f0, 0x0300_00f0] {
            let version = Version::from_hex(hex).expect("a version");
            let signs = Signs {
                version,
                runtime_size: Some(656),
                free_threaded: None,
            };
            let newest = (3, 15);
            assert_eq!(candidates(&signs), Err(UnknownVersion { version, newest }));
        }
    }

    #[test]
    fn rows_of_one_version_have_different_names() {
        let mut names: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ROWS.len());
    }
}
