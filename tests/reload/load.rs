//! Groups under load.
