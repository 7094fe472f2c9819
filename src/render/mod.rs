//! Floor 12: reports as text or JSON. Pure: a report goes in, text comes out.
//!
//! Text carries colours always; whoever writes it to something that is no terminal strips them.

mod attach;
mod check;
mod doctor;
mod dot;
mod error;
mod escape;
mod exec;
mod forecast;
mod ghosts;
mod json;
mod lines;
mod modules;
mod number;
mod path;
mod plan;
mod progress;
mod ps;
mod refs;
mod reload;
mod roots;
mod snapshot;
mod stale;
mod style;
mod table;
mod text;
mod unload;
mod watch;
mod why;
mod wrap;

pub use dot::Drawing;
pub use error::error_text;
pub use escape::escaped;
pub use exec::traceback_text;
pub use json::write_json;

pub use number::{bytes, counted, duration, thousands};
pub use progress::progress_text;
pub use reload::reload_plan_text;
pub use style::{bad, dim, good, name, warn};
pub use table::{Align, Table};
pub use text::{Answer, Look};
pub use unload::plan_text;
