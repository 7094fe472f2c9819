//! What a person sees of work that takes longer than a second: one line on standard error, only on
//! a terminal, and gone when the answer comes or Ctrl-C ends the program.

use crate::heap::progress::{objects_read, set_objects_read};
use crate::render::progress_text;
use crate::target::signals::{CLEAR_LINE, LineClearing, SignalsBlocked};
use std::io::{IsTerminal, Write, stderr};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::scope;
use std::time::Duration;

/// What is done sooner is not worth a word.
const PATIENCE: Duration = Duration::from_secs(1);

/// Between two drawings.
const BETWEEN: Duration = Duration::from_millis(100);

/// Does `work`, and shows meanwhile that it is `what` is being done.
pub fn with_progress<T>(what: &str, work: impl FnOnce() -> T) -> T {
    if !stderr().is_terminal() {
        return work();
    }
    set_objects_read(0);
    let (working, ended) = channel();
    scope(|scope| {
        // A signal that ends us is for the thread that works: it keeps it away while it holds a
        // stop. The thread that draws inherits that it never gets one.
        let blocked = SignalsBlocked::new();
        if blocked.is_ok() {
            scope.spawn(move || draw(what, &ended));
        }
        drop(blocked);
        // Dropped when the work is over, however it ends.
        let _working: Sender<()> = working;
        work()
    })
}

/// Draws until the other end of `ended` is dropped.
fn draw(what: &str, ended: &Receiver<()>) {
    let goes_on = |wait| ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout);
    if !goes_on(PATIENCE) {
        return;
    }
    let _clearing = LineClearing::new();
    for round in 0.. {
        let line = progress_text(round, what, objects_read());
        say(&format!("{CLEAR_LINE}{line}"));
        if !goes_on(BETWEEN) {
            break;
        }
    }
    say(CLEAR_LINE);
}

/// A terminal that does not take it is no reason to stop.
fn say(text: &str) {
    let mut terminal = stderr().lock();
    let _ = terminal.write_all(text.as_bytes());
    let _ = terminal.flush();
}
