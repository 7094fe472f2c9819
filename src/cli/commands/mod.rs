//! One file per command: each computes a report and prints nothing.

pub mod attach;
pub mod check;
pub mod demo;
pub mod discover;
pub mod doctor;
pub mod exec;
pub mod facts;
pub mod ghosts;
pub mod graph;
pub mod modules;
pub mod open;
pub mod paused;
pub mod picture;
pub mod plan;
pub mod ps;
pub mod refs;
mod relatives;
pub mod reload;
pub mod schema;
pub mod snapshot;
mod snapshot_failure;
pub mod stale;
pub mod subject;
pub mod unload;
mod unload_log;
pub mod why;
