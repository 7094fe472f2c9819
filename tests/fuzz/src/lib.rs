//! What the fuzz targets share: memory made of the bytes of one input, and changes to such bytes that
//! make sense more often than random ones.

pub mod memory;
pub mod mutate;
pub mod objects;
