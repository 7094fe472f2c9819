//! What is changed: a process, its Python, and one of its interpreters.

use crate::cpython::python::{Interpreter, Python};
use crate::target::process::Process;

/// What is changed.
#[derive(Debug, Clone, Copy)]
pub struct Target<'t> {
    /// The process.
    pub process: &'t Process,
    /// Its Python.
    pub python: &'t Python,
    /// The interpreter whose modules it is about.
    pub interpreter: &'t Interpreter,
}
