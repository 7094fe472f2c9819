//! `dict` of every form: the open table of 2.7, combined and split tables since 3.6.

mod entry;
mod read;
mod split;
mod table;
#[cfg(test)]
mod tests;

pub use entry::{Entry, Source};
pub use read::{Limit, SINGLE, find, read, read_many, read_source};
