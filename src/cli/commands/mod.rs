//! One file per command: each computes a report and prints nothing.

pub mod attach;
pub mod demo;
pub mod discover;
pub mod doctor;
pub mod modules;
pub mod open;
pub mod paused;
pub mod ps;
pub mod schema;
pub mod snapshot;
pub mod unload;
