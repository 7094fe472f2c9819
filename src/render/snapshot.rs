//! A core file that was written, in words.

use super::{Answer, Look, escaped, name, thousands};
use crate::report::{Envelope, Snapshot, SnapshotMethod};

impl Answer for Snapshot {
    fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    fn text(&self, _look: &Look) -> String {
        const PAGES_A_MEBIBYTE: u64 = 256;
        let how = match self.method {
            SnapshotMethod::Copy => "It stood still for",
            SnapshotMethod::Fork => "It was made to clone itself, and stood still for",
        };
        let threads = match self.threads {
            1 => "1 thread".to_owned(),
            count => format!("{} threads", thousands(count as u64)),
        };
        let stopped = self.envelope.stopped_us;
        format!(
            "{}: {} MiB of memory, {threads}.\n{how} {}.{:03} ms.\n",
            name(&escaped(&self.file)),
            thousands(self.pages.div_ceil(PAGES_A_MEBIBYTE)),
            thousands(stopped / 1000),
            stopped % 1000,
        )
    }
}
