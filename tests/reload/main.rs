//! `reload` on running programs: the matrix of behaviours, each row its own file and test; and
//! groups under load.

#[path = "../common/mod.rs"]
mod common;
mod group;
mod load;
mod origins;
mod rows;
mod shop;
mod watch;
