//! Numbered points of death, so that tests can kill the tool at each of them.
//!
//! Whatever changes a target, or its being traced, passes [`step`] first. In debug builds, with
//! `PYUNLOAD_KILL_AT=N` set, the process kills itself with SIGKILL at step N (counted from 1), and
//! with `PYUNLOAD_STOP_AT=N` it stops itself with SIGSTOP there. Release builds do nothing here.

/// One numbered point.
#[cfg(debug_assertions)]
pub fn step() {
    use nix::sys::signal::{Signal, raise};
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    static WANTED: OnceLock<[(Option<u64>, Signal); 2]> = OnceLock::new();
    let wanted = WANTED.get_or_init(|| {
        let number = |name: &str| std::env::var(name).ok()?.parse().ok();
        [
            (number("PYUNLOAD_KILL_AT"), Signal::SIGKILL),
            (number("PYUNLOAD_STOP_AT"), Signal::SIGSTOP),
        ]
    });
    let now = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
    for (number, signal) in wanted {
        if *number == Some(now) {
            // A signal that cannot be raised leaves the run as it is; the test then sees no death.
            let _ = raise(*signal);
        }
    }
}

/// One numbered point.
#[cfg(not(debug_assertions))]
#[inline]
pub fn step() {}
