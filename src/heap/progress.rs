//! How far the reading of all objects has come, for whoever shows it meanwhile.
//!
//! One number for the whole program: nothing is decided by it, so no floor in between hands it on.

use std::sync::atomic::{AtomicUsize, Ordering};

static OBJECTS: AtomicUsize = AtomicUsize::new(0);

/// Says how many objects have been read.
pub fn set_objects_read(objects: usize) {
    OBJECTS.store(objects, Ordering::Relaxed);
}

/// How many objects have been read.
pub fn objects_read() -> usize {
    OBJECTS.load(Ordering::Relaxed)
}
