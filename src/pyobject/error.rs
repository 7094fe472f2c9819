//! Why an object could not be read.

use crate::address::Address;
use crate::target::memory::ReadError;

/// Why an object could not be read. `what` names the structure, as a noun.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// Its memory could not be read.
    #[error("cannot read the {what} at {at}: {cause}")]
    Unreadable {
        /// Where it begins.
        at: Address,
        /// What was being read.
        what: &'static str,
        /// What the read said.
        cause: ReadError,
    },
    /// It was read, and holds a value that no such object can have.
    #[error("no {what} at {at}: {detail} is {value:#x}")]
    Malformed {
        /// Where it begins.
        at: Address,
        /// What was being read.
        what: &'static str,
        /// The member that makes no sense.
        detail: &'static str,
        /// What the member holds.
        value: u64,
    },
    /// It is larger than this tool is willing to read.
    #[error("the {what} at {at} is too large to read: {size} of at most {limit}")]
    TooLarge {
        /// Where it begins.
        at: Address,
        /// What was being read.
        what: &'static str,
        /// Its size, in the units the object counts in.
        size: u64,
        /// The largest size that is read.
        limit: u64,
    },
    /// It changed while it was read, each time it was tried.
    #[error("the {what} at {at} changed while it was read")]
    Changed {
        /// Where it begins.
        at: Address,
        /// What was being read.
        what: &'static str,
    },
    /// It is an object of another class.
    #[error("the object at {at} is not a {what}")]
    OtherClass {
        /// Where it begins.
        at: Address,
        /// What it should have been.
        what: &'static str,
    },
}

impl ObjectError {
    /// The error of memory that ends inside a structure.
    pub(crate) fn cut(at: Address, what: &'static str, wanted: usize, got: usize) -> Self {
        ObjectError::Unreadable {
            at,
            what,
            cause: ReadError::Unmapped { at, wanted, got },
        }
    }

    /// Puts a name on the error of a read.
    pub(crate) fn reading(at: Address, what: &'static str) -> impl FnOnce(ReadError) -> Self {
        move |cause| ObjectError::Unreadable { at, what, cause }
    }
}
