//! A moment that does not suit is let pass, and another one is taken.
//!
//! A stop can fall into a collection, or into the middle of a change of a list. What was copied then
//! shows it afterwards, when the process is on its way again: so it is stopped and copied once more,
//! a few times.

use std::thread;
use std::time::Duration;

/// Moments taken before it is given up.
pub const ATTEMPTS: usize = 8;

/// Between two of them: longer than most collections.
const BETWEEN: Duration = Duration::from_millis(10);

/// Calls `attempt` until it succeeds, fails in a way that `may_pass` does not know, or has failed
/// [`ATTEMPTS`] times.
///
/// # Errors
/// The last one of `attempt`.
pub fn until_it_suits<T, E>(
    may_pass: impl Fn(&E) -> bool,
    mut attempt: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    for _ in 1..ATTEMPTS {
        match attempt() {
            Err(error) if may_pass(&error) => thread::sleep(BETWEEN),
            result => return result,
        }
    }
    attempt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often something is tried that fails with these numbers, one after the other, and how it
    /// ends; even ones may pass.
    fn tried(numbers: &[u32]) -> (usize, Result<(), u32>) {
        let mut tries = 0;
        let result = until_it_suits(
            |number| number % 2 == 0,
            || {
                tries += 1;
                numbers.get(tries - 1).map_or(Ok(()), |&number| Err(number))
            },
        );
        (tries, result)
    }

    #[test]
    fn what_may_pass_is_tried_again_and_what_may_not_ends_it() {
        assert_eq!(tried(&[]), (1, Ok(())));
        assert_eq!(tried(&[2, 4]), (3, Ok(())));
        assert_eq!(tried(&[2, 3, 4]), (2, Err(3)));
        assert_eq!(tried(&[2; 20]), (ATTEMPTS, Err(2)));
    }
}
