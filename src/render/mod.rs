//! Floor 12: reports as text or JSON. Pure: a report goes in, text comes out.
//!
//! Text carries colours always; whoever writes it to something that is no terminal strips them.

mod attach;
mod doctor;
mod error;
mod escape;
mod json;
mod modules;
mod number;
mod ps;
mod style;
mod table;
mod text;
mod unload;
mod wrap;

pub use error::error_text;
pub use escape::escaped;
pub use json::write_json;
pub use number::{duration, thousands};
pub use style::{bad, dim, good, name, warn};
pub use table::{Align, Table};
pub use text::{Answer, Look};
pub use unload::plan_text;
