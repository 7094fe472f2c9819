//! Floor 5: all objects together.

pub mod kinds;
pub mod remains;
pub mod slots;
pub mod walk;
