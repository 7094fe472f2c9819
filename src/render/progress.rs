//! What is shown while a person waits.

use super::number::thousands;

/// What turns, to show that it goes on.
const TURNING: [char; 4] = ['|', '/', '-', '\\'];

/// The line for the `round`-th drawing, without its end: what is done, and how many objects have
/// been read.
pub fn progress_text(round: usize, what: &str, objects: usize) -> String {
    let turning = TURNING[round % TURNING.len()];
    match objects {
        0 => format!("{turning} {what}"),
        _ => format!("{turning} {what}: {} objects read", thousands(objects)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_told_when_there_are_some() {
        assert_eq!(progress_text(0, "looking", 0), "| looking");
        assert_eq!(
            progress_text(5, "looking", 131_072),
            "/ looking: 131,072 objects read"
        );
    }
}
