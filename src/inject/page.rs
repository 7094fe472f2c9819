//! The data that the tool and the code in the target share, and what its words mean.
//!
//! The thunk alone changes `state`, except that nobody ever sets it back. Its store of the final
//! state is the last thing it does with these data: from then on they may be unmapped.

use crate::address::Address;
use crate::inject::assembler_x86_64::Data;
use crate::target::memory::word_in;

/// How far the call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Not begun.
    Armed,
    /// Begun, not ended.
    Running,
    /// Ended; the result is complete.
    Done,
    /// Ended without a result; [`Snapshot::failure`] says why.
    Failed,
    /// Begun after it had been cancelled, and ended without doing anything.
    Cancelled,
    /// A number that the code never writes.
    Corrupt(u32),
}

impl State {
    /// The number of each state in memory.
    pub(super) const RUNNING: u32 = 1;
    pub(super) const DONE: u32 = 2;
    pub(super) const FAILED: u32 = 3;
    pub(super) const CANCELLED: u32 = 4;

    fn from_word(word: u32) -> Self {
        match word {
            0 => State::Armed,
            Self::RUNNING => State::Running,
            Self::DONE => State::Done,
            Self::FAILED => State::Failed,
            Self::CANCELLED => State::Cancelled,
            other => State::Corrupt(other),
        }
    }

    /// Whether the thunk will not touch the data again.
    pub(super) fn has_ended(self) -> bool {
        matches!(self, State::Done | State::Failed | State::Cancelled)
    }
}

/// Why a call ended without a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The code raised; the result is the `repr` of the exception.
    Raised,
    /// The code did not set `result`.
    NoResult,
    /// `result` was not bytes.
    NotBytes,
    /// `result` was longer than agreed.
    TooLong,
    /// CPython could not make a namespace for the code (no memory).
    NoNamespace,
}

impl Failure {
    pub(super) const RAISED: u32 = 1;
    pub(super) const NO_RESULT: u32 = 2;
    pub(super) const NOT_BYTES: u32 = 3;
    pub(super) const TOO_LONG: u32 = 4;
    pub(super) const NO_NAMESPACE: u32 = 5;

    fn from_word(word: u32) -> Self {
        match word {
            Self::RAISED => Failure::Raised,
            Self::NO_RESULT => Failure::NoResult,
            Self::NOT_BYTES => Failure::NotBytes,
            Self::TOO_LONG => Failure::TooLong,
            _ => Failure::NoNamespace,
        }
    }
}

pub(super) const STATE: Data = Data(0);
/// Progress of the trampoline: 0, 1 entered, 2 the call was queued.
pub(super) const PHASE: Data = Data(4);
pub(super) const CANCEL: Data = Data(8);
pub(super) const FAILURE: Data = Data(12);
pub(super) const RESULT_LENGTH: Data = Data(16);
pub(super) const CAPACITY: Data = Data(24);
/// `struct timespec` when the thunk began, and when it ended.
pub(super) const BEGAN: Data = Data(32);
pub(super) const ENDED: Data = Data(48);
/// The pid of the target as it sees itself: a child it forks meanwhile is another process.
pub(super) const TARGET_PID: Data = Data(64);
/// What `Py_AddPendingCall` returned to the trampoline.
pub(super) const QUEUED: Data = Data(68);
/// Where the trampoline sends its thread back to.
pub(super) const RESUME_AT: Data = Data(72);
/// Initial control word of the vector unit.
pub(super) const MXCSR: Data = Data(80);
/// 1 from just before the request is queued: with 0 nobody will ever call the code.
pub(super) const COMMITTED: Data = Data(84);
/// Addresses of functions, 8 bytes each.
const FUNCTIONS: u32 = 96;
const MAX_FUNCTIONS: u32 = 28;
pub(super) const BUILTINS_MODULE: Data = Data(320);
pub(super) const BUILTINS_KEY: Data = Data(336);
pub(super) const RESULT_KEY: Data = Data(352);
pub(super) const SOURCE: Data = Data(384);

/// Where the address of the function with this index is kept.
pub(super) fn function(index: usize) -> Data {
    debug_assert!((index as u32) < MAX_FUNCTIONS);
    Data(FUNCTIONS + 8 * index as u32)
}

/// Where the result begins, behind the source and its NUL.
pub(super) fn result(source: &str) -> Data {
    Data((SOURCE.0 + source.len() as u32 + 1).next_multiple_of(16))
}

/// What fills the data before anything runs.
#[derive(Debug, Clone)]
pub(super) struct Contents<'c> {
    /// Python text.
    pub(super) source: &'c str,
    /// Bytes of room for the result.
    pub(super) capacity: u64,
    /// The pid of the target as it sees itself.
    pub(super) target_pid: i32,
    /// Name of the module of builtins.
    pub(super) builtins: &'c str,
    /// Where the trampoline sends its thread, or null where there is none.
    pub(super) resume_at: Address,
    /// Addresses of functions, in the order of their indices.
    pub(super) functions: Vec<Address>,
}

impl Contents<'_> {
    /// The bytes up to the end of the source.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; result(self.source).0 as usize];
        let mut put = |data: Data, value: &[u8]| {
            let at = data.0 as usize;
            bytes[at..at + value.len()].copy_from_slice(value);
        };
        put(CAPACITY, &self.capacity.to_le_bytes());
        put(TARGET_PID, &self.target_pid.to_le_bytes());
        put(RESUME_AT, &self.resume_at.value().to_le_bytes());
        put(MXCSR, &0x1f80u32.to_le_bytes());
        for (index, address) in self.functions.iter().enumerate() {
            put(function(index), &address.value().to_le_bytes());
        }
        put(BUILTINS_MODULE, self.builtins.as_bytes());
        put(BUILTINS_KEY, b"__builtins__");
        put(RESULT_KEY, b"result");
        put(SOURCE, self.source.as_bytes());
        bytes
    }

    /// How many bytes of data the target must map.
    pub(super) fn size(&self) -> usize {
        result(self.source).0 as usize + self.capacity as usize
    }
}

/// The words that tell how far the call is, read in one piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) state: State,
    pub(super) phase: u32,
    pub(super) failure: Failure,
    pub(super) result_length: u64,
    /// What `Py_AddPendingCall` returned.
    pub(super) queued: i32,
    /// Whether the tool went as far as queueing it.
    pub(super) committed: bool,
    /// How long the thunk ran, in microseconds.
    pub(super) ran_us: u64,
}

impl Snapshot {
    /// Whether the main thread is about to queue the request itself, or just does.
    pub(super) fn is_in_trampoline(&self) -> bool {
        self.phase == 1
    }

    /// Whether the words alone tell that the trampoline did not queue the request.
    pub(super) fn was_never_queued(&self) -> bool {
        self.phase == 0 || (self.phase == 2 && self.queued != 0)
    }

    /// Bytes to read for one.
    pub(super) const SIZE: usize = 88;

    /// From the first bytes of the data.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let word = |data: Data| word_in::<u32>(bytes, data.0 as usize);
        let nanoseconds = |data: Data| {
            let seconds: u64 = word_in(bytes, data.0 as usize)?;
            let rest: u64 = word_in(bytes, data.0 as usize + 8)?;
            seconds.checked_mul(1_000_000_000)?.checked_add(rest)
        };
        let time = nanoseconds(ENDED)?.saturating_sub(nanoseconds(BEGAN)?);
        Some(Snapshot {
            state: State::from_word(word(STATE)?),
            phase: word(PHASE)?,
            failure: Failure::from_word(word(FAILURE)?),
            result_length: word_in(bytes, RESULT_LENGTH.0 as usize)?,
            queued: word(QUEUED)? as i32,
            committed: word(COMMITTED)? != 0,
            ran_us: time / 1000,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents() -> Contents<'static> {
        Contents {
            source: "result = b''",
            capacity: 4096,
            target_pid: 77,
            builtins: "builtins",
            resume_at: Address::new(0x4000),
            functions: vec![Address::new(1), Address::new(2)],
        }
    }

    #[test]
    fn fresh_data_say_armed_and_nothing_else() {
        let snapshot = Snapshot::parse(&contents().to_bytes()).expect("long enough");
        assert_eq!(snapshot.state, State::Armed);
        assert_eq!((snapshot.phase, snapshot.result_length), (0, 0));
    }

    #[test]
    fn the_source_ends_with_a_nul_before_the_result_begins() {
        let contents = contents();
        let bytes = contents.to_bytes();
        let end = SOURCE.0 as usize + contents.source.len();
        assert_eq!(bytes[end], 0);
        assert!(end < result(contents.source).0 as usize);
        assert_eq!(contents.size(), result(contents.source).0 as usize + 4096);
    }

    #[test]
    fn only_ended_states_let_the_data_go() {
        let of = State::from_word;
        assert_eq!(
            [0, 1, 2, 3, 4, 5].map(|word| of(word).has_ended()),
            [false, false, true, true, true, false]
        );
    }

    #[test]
    fn the_tables_do_not_overlap() {
        assert!(function(MAX_FUNCTIONS as usize - 1).0 + 8 <= BUILTINS_MODULE.0);
        const { assert!(RESULT_KEY.0 + 7 <= SOURCE.0) };
    }
}
