//! An error in two lines: what could not be done and why, and what would help.

use super::{bad, escaped, name};
use crate::report::ErrorDetail;

/// The two lines, with their line ends.
pub fn error_text(error: &ErrorDetail) -> String {
    let why = error
        .why
        .as_deref()
        .map(|why| format!(": {}", escaped(why)));
    format!(
        "{} {}{}\n  {}  {}\n",
        bad("error:"),
        escaped(&error.message),
        why.unwrap_or_default(),
        name("help"),
        escaped(&error.help)
    )
}
