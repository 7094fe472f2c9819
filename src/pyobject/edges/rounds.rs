//! Chains that come back to where they were, as damaged ones may: told without remembering all of it, within three
//! rounds (R. Brent, "An improved Monte Carlo factorization algorithm", 1980).

use crate::address::Address;

/// A place in the chain, put forward after twice as many steps each time.
pub(super) struct Rounds {
    mark: Address,
    steps: u64,
    until: u64,
}

impl Rounds {
    pub(super) fn from(first: Address) -> Self {
        Rounds {
            mark: first,
            steps: 1,
            until: 1,
        }
    }

    /// Whether `next` was there before.
    pub(super) fn are_over(&mut self, next: Address) -> bool {
        if next == self.mark {
            return true;
        }
        if self.steps == self.until {
            (self.mark, self.steps, self.until) = (next, 0, self.until.saturating_mul(2));
        }
        self.steps += 1;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many steps are made in a chain of `before` nodes that leads into a ring of `around`.
    fn steps(before: u64, around: u64) -> u64 {
        let place = |step: u64| match step < before {
            true => step,
            false => before + (step - before) % around,
        };
        let node = |step| Address::new(0x1000 + place(step));
        let mut rounds = Rounds::from(node(0));
        (1..)
            .find(|&step| rounds.are_over(node(step)))
            .expect("found")
    }

    #[test]
    fn a_chain_that_comes_back_is_left_within_three_rounds_and_not_before() {
        for (before, around) in [
            (0, 1),
            (0, 7),
            (1, 1),
            (5, 1),
            (3, 100),
            (100, 3),
            (1000, 999),
        ] {
            let steps = steps(before, around);
            let all = before + around;
            assert!(
                (all..=3 * all).contains(&steps),
                "{before} {around}: {steps}"
            );
        }
    }
}
