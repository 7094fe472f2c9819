//! Floor 5: all objects together.

pub mod walk;
