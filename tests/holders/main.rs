//! Who holds a module, and what an unload leaves of it, as the program itself finds out.

#[path = "../common/mod.rs"]
mod common;

mod cases;
mod packages;
mod seen;
mod undone;
mod unloaded;
mod used;
