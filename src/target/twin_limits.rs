//! What a twin may use, and which system calls it may make: reading files and computing.

use crate::target::process::Process;
use nix::libc;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustix::process::{Signal, set_parent_process_death_signal};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a twin may take and how much it may say.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Time, and processor time.
    pub time: Duration,
    /// Bytes of its answer.
    pub output: usize,
}

/// Address space, in bytes.
const MEMORY: u64 = 2 << 30;
/// Open files.
const FILES: u64 = 64;

/// System calls to read files, to have memory and to end; what an interpreter asks about itself.
const ALLOWED: [i64; 77] = [
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_close,
    libc::SYS_stat,
    libc::SYS_fstat,
    libc::SYS_lstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_lseek,
    libc::SYS_access,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlink,
    libc::SYS_readlinkat,
    libc::SYS_getcwd,
    libc::SYS_getdents,
    libc::SYS_getdents64,
    libc::SYS_dup,
    libc::SYS_fcntl,
    libc::SYS_fadvise64,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_arch_prctl,
    libc::SYS_set_tid_address,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_getrlimit,
    libc::SYS_getrusage,
    libc::SYS_getrandom,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_getresuid,
    libc::SYS_getresgid,
    libc::SYS_getgroups,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_times,
    libc::SYS_time,
    libc::SYS_gettimeofday,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_pipe2,
    libc::SYS_epoll_create1,
    libc::SYS_umask,
    libc::SYS_getpgrp,
    libc::SYS_getsid,
    libc::SYS_capget,
    libc::SYS_membarrier,
];

/// Has the kernel end us when our parent ends.
pub(super) fn die_with_parent() -> Result<(), String> {
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| error.to_string())
}

/// Sets the limits and the filter, which stay in force in the program that is executed next.
pub(super) fn restrict(target: &Process, time: Duration) -> Result<(), String> {
    // A change of uid has cleared it.
    die_with_parent()?;
    let theirs = target_limits(target);
    let wanted = [
        (Resource::RLIMIT_CPU, time.as_secs()),
        (Resource::RLIMIT_AS, MEMORY.min(theirs.memory)),
        (Resource::RLIMIT_NOFILE, FILES.min(theirs.files)),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_NPROC, 0),
    ];
    for (resource, limit) in wanted {
        let (_, hard) = getrlimit(resource).map_err(|error| error.to_string())?;
        let limit = limit.min(hard);
        setrlimit(resource, limit, limit).map_err(|error| format!("limits: {error}"))?;
    }
    rustix::thread::set_no_new_privs(true).map_err(|error| error.to_string())?;
    apply_filter(&filter().map_err(|error| error.to_string())?).map_err(|error| error.to_string())
}

struct Theirs {
    memory: u64,
    files: u64,
}

fn target_limits(target: &Process) -> Theirs {
    let limits = procfs::process::Process::new(target.pid()).and_then(|entry| entry.limits());
    let number = |limit: procfs::process::LimitValue| match limit {
        procfs::process::LimitValue::Value(value) => value,
        procfs::process::LimitValue::Unlimited => u64::MAX,
    };
    limits.map_or(
        // Its folder may not be seen from inside its own root.
        Theirs {
            memory: u64::MAX,
            files: u64::MAX,
        },
        |limits| Theirs {
            memory: number(limits.max_address_space.hard_limit),
            files: number(limits.max_open_files.hard_limit),
        },
    )
}

/// Everything that is not named is answered with EPERM; files open only to be read.
fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
    /// `O_ACCMODE`, `O_CREAT`, `O_TRUNC`: none may be set. (`O_TMPFILE` comes with writing only.)
    const WRITING: u64 = (libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC) as u64;
    let reading = |argument: u8| {
        let equal = SeccompCmpOp::MaskedEq(WRITING);
        let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, equal, 0)?;
        SeccompRule::new(vec![condition])
    };
    // Of itself, and only to ask.
    let asking = |argument: u8| {
        let condition =
            SeccompCondition::new(argument, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0)?;
        SeccompRule::new(vec![condition])
    };
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ALLOWED.into_iter().map(|call| (call, Vec::new())).collect();
    rules.insert(libc::SYS_open, vec![reading(1)?]);
    rules.insert(libc::SYS_openat, vec![reading(2)?]);
    rules.insert(libc::SYS_prlimit64, vec![asking(2)?]);
    let denied = SeccompAction::Errno(libc::EPERM as u32);
    let filter = SeccompFilter::new(rules, denied, SeccompAction::Allow, TargetArch::x86_64)?;
    filter.try_into()
}
