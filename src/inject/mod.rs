//! Floor 9: run Python in the target.

mod assembler_x86_64;
mod assess;
pub mod error;
mod event_loop;
pub mod exec;
mod page;
pub mod parked_thread;
pub mod payload;
mod pending_call;
mod queued;
mod reclaim;
mod remote_exec;
mod remote_script;
mod request;
mod result;
mod ring;
mod route;
mod run;
mod safe_point;
mod thunk_x86_64;
mod trampoline_x86_64;
mod withdraw;
pub use assess::{Comes, Prospect, assess, refuse_at_sight};
pub use error::{InjectError, Kind, Refusal};
pub use reclaim::{Leftovers, reclaim};
pub use request::{Ran, Request, Route, Status, Wake};
pub use run::run_main;
