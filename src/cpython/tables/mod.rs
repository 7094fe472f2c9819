//! The tables: each version written as the difference from the one before, and the rows for builds
//! of one version that differ.
mod keepers;
mod rows;
mod structures;
mod v2_7;
mod v3_10;
mod v3_11;
mod v3_12;
mod v3_13;
mod v3_14;
mod v3_15;
mod v3_6;
mod v3_7;
mod v3_8;
mod v3_9;
mod variants;
pub use rows::{ROWS, Row, Signs, UnknownVersion, Variant, candidates, newest, rows_for, unproven};
pub use v2_7::V2_7;
pub use v3_6::V3_6;
pub use v3_7::V3_7;
pub use v3_8::V3_8;
pub use v3_9::V3_9;
pub use v3_10::V3_10;
pub use v3_11::{V3_11, V3_11_TRACE_REFS};
pub use v3_12::{V3_12, V3_12_DEBUG, V3_12_MUSL, V3_12_TRACE_REFS};
pub use v3_13::{
    V3_13, V3_13_3, V3_13_3_DEBUG, V3_13_15, V3_13_15_DEBUG, V3_13_15_FREE_THREADED, V3_13_15_MUSL,
};
pub use v3_14::{V3_14, V3_14_4, V3_14_4_DEBUG, V3_14_DEBUG, V3_14_FREE_THREADED};
pub use v3_15::{V3_15, V3_15_DEBUG, V3_15_FREE_THREADED};
pub use variants::{with_trace_refs, without_gil};
