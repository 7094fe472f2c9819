//! Floor 5: all objects together.

pub mod discovery;
pub mod disjoint;
pub mod dominators;
pub mod graph;
pub mod kinds;
pub mod links;
pub mod nodes;
pub mod progress;
pub mod reach;
pub mod remains;
pub mod signal_table;
pub mod slots;
pub mod source;
pub mod statics;
pub mod threads;
pub mod walk;
