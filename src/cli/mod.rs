//! Floor 13: the command line.

pub mod args;
pub mod commands;
pub mod dispatch;
pub mod exit;
pub mod glob;
pub mod output;
pub mod progress;
pub mod session;
pub mod start;
pub mod timings;
