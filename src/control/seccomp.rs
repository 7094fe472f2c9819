//! What the target's seccomp filters say about the system calls an injection has it make.
//!
//! A filter may answer a call with an error, or by killing the process. So before the first call
//! the kernel is asked for the filters of the main thread, and they are run here, on the very
//! calls to come: only when every filter allows every call is anything done. Most containers run
//! under a filter, and most filters allow these calls.

use crate::target::memory::word_in;
use crate::target::tracee::Tracee;
use nix::errno::Errno;

/// `AUDIT_ARCH_X86_64` (`include/uapi/linux/audit.h`).
const ARCHITECTURE: u32 = 0xc000_003e;
/// `SECCOMP_RET_ACTION_FULL`, and the two actions that let a call happen.
const ACTION: u32 = 0xffff_0000;
const ALLOW: u32 = 0x7fff_0000;
const LOG: u32 = 0x7ffc_0000;
/// The kernel's limits: instructions of a filter, filters of a thread that we follow.
const MAX_FILTERS: usize = 256;
/// Words of scratch memory a filter has.
const SCRATCH_WORDS: usize = 16;

/// The filters of a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filters(Vec<Filter>);

/// One filter, a program of classic BPF.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Filter(Vec<Instruction>);

/// `struct sock_filter` (`include/uapi/linux/filter.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Instruction {
    code: u16,
    jump_true: u8,
    jump_false: u8,
    k: u32,
}

impl Filters {
    /// The filters of a stopped thread.
    ///
    /// # Errors
    /// What the kernel answers: EACCES without the right to ask (it takes `CAP_SYS_ADMIN`), EINVAL
    /// when it was built without the question.
    pub(super) fn of(thread: &Tracee) -> Result<Self, Errno> {
        let mut filters = Vec::new();
        for index in 0..MAX_FILTERS {
            match thread.seccomp_filter(index) {
                Ok(bytes) => filters.push(Filter::parse(&bytes)),
                Err(Errno::ENOENT) => return Ok(Filters(filters)),
                Err(errno) => return Err(errno),
            }
        }
        Err(Errno::E2BIG)
    }

    /// Whether every filter lets this call happen.
    pub(super) fn allow(&self, number: u64, instruction: u64, arguments: [u64; 6]) -> bool {
        let data = seccomp_data(number, instruction, arguments);
        self.0.iter().all(|filter| {
            let answer = filter.run(&data).map(|answer| answer & ACTION);
            matches!(answer, Some(ALLOW | LOG))
        })
    }
}

/// `struct seccomp_data` (`include/uapi/linux/seccomp.h`).
fn seccomp_data(number: u64, instruction: u64, arguments: [u64; 6]) -> Vec<u8> {
    let mut data = (number as u32).to_le_bytes().to_vec();
    data.extend_from_slice(&ARCHITECTURE.to_le_bytes());
    data.extend_from_slice(&instruction.to_le_bytes());
    for argument in arguments {
        data.extend_from_slice(&argument.to_le_bytes());
    }
    data
}

/// The state of a filter while it runs.
#[derive(Debug, Default)]
struct Machine {
    accumulator: u32,
    index: u32,
    scratch: [u32; SCRATCH_WORDS],
}

/// Where a filter goes on.
enum Next {
    Behind,
    Skip(u32),
    Return(u32),
}

impl Filter {
    fn parse(bytes: &[u8]) -> Self {
        let instruction = |bytes: &[u8]| Instruction {
            code: u16::from_le_bytes([bytes[0], bytes[1]]),
            jump_true: bytes[2],
            jump_false: bytes[3],
            k: u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
        };
        Filter(bytes.chunks_exact(8).map(instruction).collect())
    }

    /// What the filter answers; `None` when it does what no filter of the kernel can do. It ends:
    /// classic BPF only jumps forwards.
    fn run(&self, data: &[u8]) -> Option<u32> {
        let mut machine = Machine::default();
        let mut at = 0usize;
        loop {
            let instruction = self.0.get(at)?;
            at = match machine.step(*instruction, data)? {
                Next::Behind => at + 1,
                Next::Skip(count) => at.checked_add(1 + count as usize)?,
                Next::Return(answer) => return Some(answer),
            };
        }
    }
}

impl Machine {
    fn step(&mut self, instruction: Instruction, data: &[u8]) -> Option<Next> {
        let Instruction { code, k, .. } = instruction;
        match code {
            // Loads: a word of the data, its length, a constant, a scratch word.
            0x20 => self.accumulator = word_in(data, k as usize)?,
            0x80 => self.accumulator = data.len() as u32,
            0x00 => self.accumulator = k,
            0x60 => self.accumulator = *self.scratch.get(k as usize)?,
            0x81 => self.index = data.len() as u32,
            0x01 => self.index = k,
            0x61 => self.index = *self.scratch.get(k as usize)?,
            // Stores and moves.
            0x02 => *self.scratch.get_mut(k as usize)? = self.accumulator,
            0x03 => *self.scratch.get_mut(k as usize)? = self.index,
            0x07 => self.index = self.accumulator,
            0x87 => self.accumulator = self.index,
            // Ends.
            0x06 => return Some(Next::Return(k)),
            0x16 => return Some(Next::Return(self.accumulator)),
            // Jumps.
            0x05 => return Some(Next::Skip(k)),
            _ if code & 7 == 5 => return self.jump(instruction),
            _ if code & 7 == 4 => self.accumulator = self.calculate(instruction)?,
            _ => return None,
        }
        Some(Next::Behind)
    }

    /// The constant, or the index register where bit 3 says so.
    fn operand(&self, instruction: Instruction) -> u32 {
        if instruction.code & 8 == 0 {
            instruction.k
        } else {
            self.index
        }
    }

    fn jump(&self, instruction: Instruction) -> Option<Next> {
        let (a, b) = (self.accumulator, self.operand(instruction));
        let holds = match instruction.code & 0xf0 {
            0x10 => a == b,
            0x20 => a > b,
            0x30 => a >= b,
            0x40 => a & b != 0,
            _ => return None,
        };
        Some(Next::Skip(u32::from(if holds {
            instruction.jump_true
        } else {
            instruction.jump_false
        })))
    }

    fn calculate(&self, instruction: Instruction) -> Option<u32> {
        let (a, b) = (self.accumulator, self.operand(instruction));
        Some(match instruction.code & 0xf0 {
            0x00 => a.wrapping_add(b),
            0x10 => a.wrapping_sub(b),
            0x20 => a.wrapping_mul(b),
            0x30 => a.checked_div(b)?,
            0x40 => a | b,
            0x50 => a & b,
            0x60 => a.checked_shl(b)?,
            0x70 => a.checked_shr(b)?,
            0x80 => a.wrapping_neg(),
            0xa0 => a ^ b,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KILL: u32 = 0x8000_0000;
    const ERRNO_1: u32 = 0x0005_0001;

    fn op(code: u16, jump_true: u8, jump_false: u8, k: u32) -> Instruction {
        Instruction {
            code,
            jump_true,
            jump_false,
            k,
        }
    }

    fn one(program: &[Instruction]) -> Filters {
        Filters(vec![Filter(program.to_vec())])
    }

    /// Kills `mprotect` (10) when the third argument has the bit for executable memory.
    fn no_new_code() -> Vec<Instruction> {
        vec![
            op(0x20, 0, 0, 4),
            op(0x15, 1, 0, ARCHITECTURE),
            op(0x06, 0, 0, KILL),
            op(0x20, 0, 0, 0),
            op(0x15, 0, 3, 10),
            op(0x20, 0, 0, 32),
            op(0x45, 0, 1, 4),
            op(0x06, 0, 0, KILL),
            op(0x06, 0, 0, ALLOW),
        ]
    }

    #[test]
    fn a_filter_is_asked_about_the_arguments_too() {
        let filters = one(&no_new_code());
        assert!(filters.allow(10, 0, [0, 4096, 1, 0, 0, 0]));
        assert!(!filters.allow(10, 0, [0, 4096, 5, 0, 0, 0]));
        assert!(filters.allow(11, 0, [0, 4096, 5, 0, 0, 0]));
    }

    #[test]
    fn every_filter_must_agree_and_an_error_is_no_agreement() {
        let allow = Filter(vec![op(0x06, 0, 0, ALLOW)]);
        let fail = Filter(vec![op(0x06, 0, 0, ERRNO_1)]);
        let log = Filter(vec![op(0x06, 0, 0, LOG)]);
        assert!(Filters(vec![]).allow(9, 0, [0; 6]));
        assert!(Filters(vec![allow.clone(), log]).allow(9, 0, [0; 6]));
        assert!(!Filters(vec![allow, fail]).allow(9, 0, [0; 6]));
    }

    #[test]
    fn a_program_that_is_no_filter_allows_nothing() {
        assert!(!one(&[]).allow(9, 0, [0; 6]));
        assert!(!one(&[op(0x20, 0, 0, 4096)]).allow(9, 0, [0; 6]));
        assert!(!one(&[op(0xff, 0, 0, 0)]).allow(9, 0, [0; 6]));
        assert!(!one(&[op(0x05, 0, 0, u32::MAX)]).allow(9, 0, [0; 6]));
        assert!(!one(&[op(0x34, 0, 0, 0)]).allow(9, 0, [0; 6]));
    }

    #[test]
    fn arithmetic_and_scratch_words_work_as_in_the_kernel() {
        let program = [
            op(0x00, 0, 0, 0x7ffe_0000), // A = k
            op(0x02, 0, 0, 3),           // M[3] = A
            op(0x01, 0, 0, 0x0001_0000), // X = k
            op(0x60, 0, 0, 3),           // A = M[3]
            op(0x0c, 0, 0, 0),           // A += X
            op(0x16, 0, 0, 0),           // return A
        ];
        assert_eq!(Filter(program.to_vec()).run(&[0; 64]), Some(ALLOW));
    }
}
