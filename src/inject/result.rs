//! Reading how far a request is, and what it left.

use crate::control::scratch::Scratch;
use crate::inject::error::{BadResult, InjectError};
use crate::inject::page::{Failure, Snapshot, State};
use crate::inject::pending_call::Armed;
use crate::inject::request::Status;
use crate::target::memory::{ReadError, ReadMemory, ReadMemoryExt};

/// How far the request is.
///
/// # Errors
/// As [`ReadMemoryExt::read_exact_at`]: the target has ended, or somebody unmapped the data.
pub(super) fn look(
    memory: &(impl ReadMemory + ?Sized),
    scratch: Scratch,
) -> Result<Snapshot, ReadError> {
    let at = scratch.data();
    let bytes = memory.read_bytes_at(at, Snapshot::SIZE)?;
    Snapshot::parse(&bytes).ok_or(ReadError::Unmapped {
        at,
        wanted: Snapshot::SIZE,
        got: 0,
    })
}

/// What an ended request left.
///
/// # Errors
/// [`InjectError::BadResult`].
pub(super) fn read_result(
    memory: &(impl ReadMemory + ?Sized),
    armed: &Armed,
    snapshot: &Snapshot,
    limit: usize,
) -> Result<(Status, Vec<u8>), InjectError> {
    let bad = |bad| Err(InjectError::BadResult(bad));
    let status = match (snapshot.state, snapshot.failure) {
        (State::Done, _) => Status::Ok,
        (State::Failed, Failure::Raised) => Status::Raised,
        (State::Failed, Failure::NoResult) => return bad(BadResult::Missing),
        (State::Failed, Failure::NotBytes) => return bad(BadResult::NotBytes),
        (State::Failed, Failure::TooLong) => return bad(BadResult::TooLong { limit }),
        _ => return bad(BadResult::Unreadable),
    };
    // The length stands in the target's memory: it bounds nothing until it is bounded.
    let length = usize::try_from(snapshot.result_length)
        .ok()
        .filter(|&length| length <= limit);
    let value = length.and_then(|length| memory.read_bytes_at(armed.result, length).ok());
    match value {
        Some(value) => Ok((status, value)),
        None => bad(BadResult::Unreadable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;
    use crate::control::scratch::Scratch;
    use crate::target::fake::FakeMemory;
    use std::time::Duration;

    fn ended(
        state: State,
        failure: Failure,
        length: u64,
    ) -> Result<(Status, Vec<u8>), InjectError> {
        let armed = Armed {
            scratch: Scratch::at(Address::new(0x1000), 0x3000),
            result: Address::new(0x2200),
            stopped: Duration::ZERO,
            parked: false,
        };
        let snapshot = Snapshot {
            state,
            phase: 0,
            failure,
            result_length: length,
            queued: 0,
            committed: true,
            ran_us: 1,
        };
        let memory = FakeMemory::new().with(0x2200, b"answer");
        read_result(&memory, &armed, &snapshot, 16)
    }

    #[test]
    fn a_result_has_the_length_that_was_left() {
        let answer = ended(State::Done, Failure::NoNamespace, 6);
        assert_eq!(answer, Ok((Status::Ok, b"answer".to_vec())));
        let raised = ended(State::Failed, Failure::Raised, 3);
        assert_eq!(raised, Ok((Status::Raised, b"ans".to_vec())));
    }

    #[test]
    fn a_length_beyond_the_agreed_room_is_not_followed() {
        let unreadable = Err(InjectError::BadResult(BadResult::Unreadable));
        assert_eq!(ended(State::Done, Failure::NoNamespace, 17), unreadable);
        assert_eq!(
            ended(State::Done, Failure::NoNamespace, u64::MAX),
            unreadable
        );
    }

    #[test]
    fn each_failure_has_its_own_name() {
        let bad = |failure| match ended(State::Failed, failure, 0) {
            Err(InjectError::BadResult(bad)) => Some(bad),
            _ => None,
        };
        assert_eq!(bad(Failure::NoResult), Some(BadResult::Missing));
        assert_eq!(bad(Failure::NotBytes), Some(BadResult::NotBytes));
        assert_eq!(
            bad(Failure::TooLong),
            Some(BadResult::TooLong { limit: 16 })
        );
    }
}
