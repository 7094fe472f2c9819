//! The permission of the person at the keyboard, as a value.

/// Proof that the user agreed to a change of the target. Whatever changes a target asks for one.
#[derive(Debug, Clone, Copy)]
pub struct Consent(());

impl Consent {
    /// The only way to make one. To be called by the commands that change a target, after the
    /// user has seen the plan and said yes (or said `--yes`).
    pub fn given_by_user() -> Self {
        Consent(())
    }
}
