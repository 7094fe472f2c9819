//! `dict` of every form: the open table of 2.7, combined and split tables since 3.6.

mod entry;
mod lookup;
mod read;
mod shared;
mod snapshot;
mod split;
mod table;
#[cfg(test)]
mod tests;

pub use entry::{Entry, Source};
pub use lookup::{Candidate, Proof, Verdict, Ways, can_walk, walk_many};
pub use read::{Limit, SINGLE, find, read, read_many, read_source};
pub use shared::{read_shared_keys, value_at, values_span};
pub use snapshot::{PATIENCE, Snapshot, read_moment, read_roughly, read_snapshot};
