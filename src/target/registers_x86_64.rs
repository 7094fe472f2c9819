//! What the registers of a stopped x86-64 thread say about the system call it was in.
//!
//! At a stop the thread may be on its way out of a system call. `orig_rax` then holds the number
//! of the call and `rax` how it ends; some values tell the kernel to start it over
//! (`include/linux/errno.h`). A number below zero in `orig_rax` means: no system call.

/// The general registers.
pub type Registers = nix::libc::user_regs_struct;

const EINTR: i64 = -4;
const ERESTARTSYS: i64 = -512;
const ERESTARTNOINTR: i64 = -513;
const ERESTARTNOHAND: i64 = -514;
const ERESTART_RESTARTBLOCK: i64 = -516;
/// Number of `restart_syscall`.
const RESTART_SYSCALL: u64 = 219;
/// The `syscall` instruction.
pub const SYSCALL: [u8; 2] = [0x0f, 0x05];
/// Its length.
const SYSCALL_LENGTH: u64 = 2;
/// System calls that fail with EINTR at any stop, where others are started over by the kernel:
/// semop, rt_sigtimedwait, semtimedop, epoll_wait, epoll_pwait, epoll_pwait2.
const INTERRUPTED_BY_A_STOP: [i64; 6] = [65, 128, 220, 232, 281, 441];
/// Those of them that wait for events of a file descriptor.
const EPOLL_FAMILY: [i64; 3] = [232, 281, 441];

/// The size in bytes of a whole xsave image on this processor, rounded up to its alignment of 64.
pub fn xsave_size() -> u32 {
    crate::target::raw::xsave_size().next_multiple_of(64)
}

/// Whether the system call is one of the `epoll_wait` family.
pub fn is_epoll_wait(number: i64) -> bool {
    EPOLL_FAMILY.contains(&number)
}

/// Whether the stop itself makes the system call fail with EINTR, which the program would see.
pub fn is_interrupted_by_stop(registers: &Registers) -> bool {
    registers.rax as i64 == EINTR && INTERRUPTED_BY_A_STOP.contains(&(registers.orig_rax as i64))
}

/// The registers with which the thread executes its system call once more.
pub fn rewound(registers: &Registers) -> Registers {
    let mut again = *registers;
    again.rax = registers.orig_rax;
    again.rip = registers.rip.wrapping_sub(SYSCALL_LENGTH);
    again.orig_rax = u64::MAX;
    again
}

/// The registers with which the thread goes on by itself, without the kernel starting a system
/// call over: what the kernel would do on the way out is already done in them.
pub fn resumed(registers: &Registers) -> Registers {
    let mut after = *registers;
    after.orig_rax = u64::MAX;
    if (registers.orig_rax as i64) < 0 {
        return after;
    }
    match registers.rax as i64 {
        ERESTARTSYS | ERESTARTNOINTR | ERESTARTNOHAND => rewound(registers),
        EINTR if is_interrupted_by_stop(registers) => rewound(registers),
        ERESTART_RESTARTBLOCK => {
            after.rax = RESTART_SYSCALL;
            after.rip = registers.rip.wrapping_sub(SYSCALL_LENGTH);
            after
        }
        _ => after,
    }
}

/// `futex`, in which every lock of a C library and of CPython waits.
const FUTEX: i64 = 202;

/// Whether a number is that of a system call that a lock waits in. A wait with a time limit shows
/// as `restart_syscall` after an earlier stop; `wait_channel` then tells what it was.
pub fn is_lock_wait(number: i64, wait_channel: &str) -> bool {
    number == FUTEX || (number == RESTART_SYSCALL as i64 && wait_channel.starts_with("futex"))
}

/// The registers with which the system call that waits returns EINTR to its caller, as it does
/// when a signal arrives; `None` when the thread is in no system call the kernel would start over.
pub fn interrupted(registers: &Registers) -> Option<Registers> {
    let waits = matches!(
        registers.rax as i64,
        ERESTARTSYS | ERESTARTNOINTR | ERESTARTNOHAND | ERESTART_RESTARTBLOCK
    );
    (waits && registers.orig_rax as i64 >= 0).then_some(Registers {
        rax: EINTR as u64,
        orig_rax: u64::MAX,
        ..*registers
    })
}

/// As [`interrupted`], for a wait that fails at every stop and was [`rewound`]: its thread is about
/// to execute the `syscall` instruction, which the caller has seen there.
pub fn interrupted_when_rewound(registers: &Registers) -> Option<Registers> {
    let rewound = (registers.orig_rax as i64) < 0 && is_epoll_wait(registers.rax as i64);
    rewound.then_some(Registers {
        rax: EINTR as u64,
        rip: registers.rip.wrapping_add(SYSCALL_LENGTH),
        ..*registers
    })
}

/// Registers that are all zero.
#[cfg(test)]
pub fn zero_registers() -> Registers {
    Registers {
        r15: 0,
        r14: 0,
        r13: 0,
        r12: 0,
        rbp: 0,
        rbx: 0,
        r11: 0,
        r10: 0,
        r9: 0,
        r8: 0,
        rax: 0,
        rcx: 0,
        rdx: 0,
        rsi: 0,
        rdi: 0,
        orig_rax: 0,
        rip: 0,
        cs: 0,
        eflags: 0,
        rsp: 0,
        ss: 0,
        fs_base: 0,
        gs_base: 0,
        ds: 0,
        es: 0,
        fs: 0,
        gs: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_call(number: i64, rax: i64) -> Registers {
        Registers {
            rax: rax as u64,
            orig_rax: number as u64,
            rip: 0x1002,
            ..zero_registers()
        }
    }

    fn outcome(number: i64, rax: i64) -> (u64, u64, i64) {
        let after = resumed(&in_call(number, rax));
        (after.rip, after.rax, after.orig_rax as i64)
    }

    #[test]
    fn a_restartable_call_is_executed_again() {
        assert_eq!(outcome(0, -512), (0x1000, 0, -1));
        assert_eq!(outcome(202, -514), (0x1000, 202, -1));
    }

    #[test]
    fn a_call_with_a_restart_block_goes_on_with_what_is_left_of_its_time() {
        assert_eq!(outcome(230, -516), (0x1000, 219, -1));
    }

    #[test]
    fn epoll_wait_is_executed_again_but_an_interrupted_read_is_not() {
        assert_eq!(outcome(232, -4), (0x1000, 232, -1));
        assert_eq!(outcome(0, -4), (0x1002, (-4i64) as u64, -1));
    }

    #[test]
    fn a_thread_outside_system_calls_goes_on_where_it_is() {
        assert_eq!(outcome(-1, -512), (0x1002, (-512i64) as u64, -1));
    }

    #[test]
    fn only_a_wait_that_would_be_started_over_can_be_interrupted() {
        let woken = interrupted(&in_call(202, -512)).expect("it waits");
        assert_eq!((woken.rip, woken.rax as i64), (0x1002, -4));
        assert_eq!(woken.orig_rax as i64, -1);
        assert_eq!(interrupted(&in_call(202, 0)), None);
        assert_eq!(interrupted(&in_call(-1, -512)), None);
    }

    #[test]
    fn a_lock_wait_is_a_futex_also_after_an_earlier_stop() {
        assert!(is_lock_wait(202, ""));
        assert!(is_lock_wait(219, "futex_wait_queue"));
        assert!(!is_lock_wait(219, "hrtimer_nanosleep"));
        assert!(!is_lock_wait(219, ""));
    }
}
