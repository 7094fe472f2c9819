//! Wherever a Python runs, it is found and read the same; and where there is none, or none yet, or
//! none any more, that is what is said.
#![allow(missing_docs)]

#[path = "../common/mod.rs"]
mod common;

mod busy;
mod copies;
mod cost;
mod files;
mod isolation;
mod oracle;
mod phases;
mod runtimes;
mod strangers;
