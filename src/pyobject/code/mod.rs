//! Code objects, as the compiler made them: whatever the interpreter has rewritten since is undone.

pub mod constant;
pub mod differ;
pub mod dump;
mod instructions;
pub mod read;

pub use constant::Constant;
pub use read::{CodeReader, read_instructions};

/// `CO_OPTIMIZED`: the code of a function, not of a class or a module.
const OPTIMIZED: u32 = 1;

/// A code object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Code {
    /// `co_name`.
    pub name: String,
    /// `co_qualname`, from 3.11 on; before, it is not kept.
    pub qualname: Option<String>,
    /// `co_filename`.
    pub file: String,
    /// `co_firstlineno`.
    pub first_line: i32,
    /// `co_argcount`, `co_posonlyargcount` and `co_kwonlyargcount`.
    pub arguments: [i32; 3],
    /// `co_flags`.
    pub flags: u32,
    /// `co_names`.
    pub names: Vec<String>,
    /// `co_varnames`.
    pub locals: Vec<String>,
    /// `co_freevars`.
    pub free: Vec<String>,
    /// `co_cellvars`.
    pub cells: Vec<String>,
    /// `co_consts`.
    pub constants: Vec<Constant>,
    /// `co_code`: instructions as compiled, caches zero.
    pub instructions: Vec<u8>,
    /// `co_exceptiontable`; empty to 3.10.
    pub exceptions: Vec<u8>,
    /// `co_linetable`; `co_lnotab` to 3.9.
    pub lines: Vec<u8>,
}

impl Code {
    /// Whether it is the code of a function (or of a lambda or comprehension): not that of a class
    /// body or a module.
    pub fn is_function(&self) -> bool {
        self.flags & OPTIMIZED != 0
    }

    /// The code objects among its constants.
    pub fn inner(&self) -> impl Iterator<Item = &Code> {
        self.constants.iter().filter_map(|constant| match constant {
            Constant::Code(code) => Some(&**code),
            _ => None,
        })
    }
}
