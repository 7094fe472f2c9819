//! `pyunload.why/1`: who holds a module.

use super::{Object, Root, Verdict};
use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `why`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Why {
    /// The module.
    pub name: String,
    /// Whether any of its code is alive.
    pub alive: bool,
    /// Whether sys.modules gives it; if not, what is alive is a ghost.
    pub loaded: bool,
    /// What an unload would come to.
    pub verdict: Verdict,
    /// The places from which it is held, those that hold most first.
    pub roots: Vec<Root>,
    /// Whether there are more roots than are listed.
    pub is_cut: bool,
    /// Every reference that enters the module's own objects from outside.
    pub border: Vec<Border>,
    /// The reference count of its globals, accounted for.
    pub account: Option<Account>,
    /// Bytes that would be free if it were gone.
    pub retained_bytes: Option<u64>,
}

/// A reference that enters a module's own objects from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Border {
    /// What refers, outside.
    pub from: Object,
    /// What the reference is called.
    pub edge: String,
    /// What it refers to, inside.
    pub to: Object,
    /// Index into `roots`; `null` when its root is not listed.
    pub root: Option<usize>,
}

/// A reference count and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Account {
    /// As CPython counts it.
    pub refcount: i64,
    /// From the module's own objects.
    pub inside: u64,
    /// From outside, found.
    pub outside: u64,
    /// The rest: held from C when above 0, found too often when below.
    pub unexplained: i64,
}
