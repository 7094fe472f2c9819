//! References out of an object: `tp_traverse` from outside, and what it leaves out.

pub mod edge;
