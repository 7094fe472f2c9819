//! Where the time of a command went, for `--timings`.

use std::time::{Duration, Instant};

/// The steps of a command and how long each took.
#[derive(Debug)]
pub struct Timings {
    last: Instant,
    steps: Vec<(&'static str, Duration)>,
}

impl Timings {
    /// Begins to measure.
    pub fn start() -> Self {
        Timings {
            last: Instant::now(),
            steps: Vec::new(),
        }
    }

    /// Ends the step that is under way and gives it a name.
    pub fn mark(&mut self, step: &'static str) {
        let now = Instant::now();
        self.steps.push((step, now - self.last));
        self.last = now;
    }

    /// One line a step, in microseconds.
    pub fn text(&self) -> String {
        let lines = self
            .steps
            .iter()
            .map(|(step, took)| format!("{step}\t{} us\n", took.as_micros()));
        lines.collect()
    }
}
