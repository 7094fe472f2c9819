//! References out of an object: `tp_traverse` from outside, and what it leaves out.

mod blocks;
pub mod callbacks;
mod classes;
mod containers;
pub mod edge;
mod first_references;
mod frames;
mod instances;
mod label;
mod look;
mod places;
pub mod roots;
mod rounds;
mod shape;
mod shapes;
mod size;
pub mod tracer;

pub use shape::Kind;
