//! Why this user may, or may not, look at a process or change it.
//!
//! The kernel only says "not permitted". Here its own tests are repeated over the same facts and in
//! its own order (`__ptrace_may_access` of `kernel/ptrace.c`, `cap_ptrace_access_check` of
//! `security/commoncap.c`, `security/yama/yama_lsm.c`), so that the first one that fails is the true
//! cause. The decision is pure; `evidence.rs` gathers what it stands on.

/// `CAP_SYS_PTRACE` as a bit of a capability set.
pub const CAP_SYS_PTRACE: u64 = 1 << 19;

/// The four ids of one kind that a process has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ids {
    /// Real id.
    pub real: u32,
    /// Effective id.
    pub effective: u32,
    /// Saved id.
    pub saved: u32,
}

impl Ids {
    /// Real, effective and saved id all equal `id`, as the kernel demands.
    pub fn are_all(self, id: u32) -> bool {
        self.real == id && self.effective == id && self.saved == id
    }

    /// One id three times.
    pub fn all(id: u32) -> Self {
        Ids {
            real: id,
            effective: id,
            saved: id,
        }
    }
}

/// What is known of whether the process is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// No process has this pid.
    Absent,
    /// The pid is taken, but `/proc` does not show it to this user.
    Hidden,
    /// `/proc` shows it.
    Present,
}

/// What one process is allowed, from its `/proc/PID/status` and `/proc/PID/ns/user`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Credentials {
    /// User ids.
    pub uid: Ids,
    /// Group ids.
    pub gid: Ids,
    /// Permitted capabilities.
    pub permitted: u64,
    /// Effective capabilities.
    pub effective: u64,
    /// Inode of the user namespace; `None` where the link may not be read.
    pub user_namespace: Option<u64>,
    /// Whether a seccomp filter is on.
    pub filtered: bool,
}

/// Everything the decision stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The process asked about.
    pub pid: i32,
    /// Whether it is there.
    pub presence: Presence,
    /// Its state letter (`R`, `S`, `D`, `T`, `t`, `Z`, `X`, `I`).
    pub state: Option<char>,
    /// Whether it is a thread of the kernel, without memory of its own.
    pub kernel_thread: bool,
    /// Our own credentials.
    pub ours: Credentials,
    /// Whether our user namespace is the first one, above all others.
    pub ours_is_first_namespace: bool,
    /// Its credentials; `None` where `/proc` does not show them.
    pub theirs: Option<Credentials>,
    /// `PR_GET_DUMPABLE`, told from who owns its `/proc` files; `None` where root owns them anyway.
    pub dumpable: Option<bool>,
    /// Whether it descends from us.
    pub descendant: bool,
    /// `/proc/sys/kernel/yama/ptrace_scope`; `None` without Yama.
    pub yama_scope: Option<u8>,
    /// The process that traces it, with its name.
    pub tracer: Option<(i32, String)>,
    /// The confinement another security module (AppArmor, SELinux) has put on us, if any.
    pub confinement: Option<String>,
}

/// The one cause for which the kernel refuses, or we do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// No process has this pid.
    #[error("no process has this pid")]
    NotFound,
    /// `hidepid` of the `/proc` mount.
    #[error("/proc is mounted with hidepid and hides the processes of other users")]
    HiddenByProc,
    /// It has ended and waits for its parent to take notice.
    #[error("it has ended (a zombie): its memory is gone, only its exit status is left")]
    Ended,
    /// A thread of the kernel.
    #[error("it is a thread of the kernel and has no memory of its own")]
    KernelThread,
    /// Another user's process.
    #[error("it belongs to uid {theirs}, and we run as uid {ours} without CAP_SYS_PTRACE")]
    OtherUser {
        /// Our real uid.
        ours: u32,
        /// The first of its uids that is not ours.
        theirs: u32,
    },
    /// Same user, other group.
    #[error("its group is {theirs}, ours is {ours}, and we are without CAP_SYS_PTRACE")]
    OtherGroup {
        /// Our real gid.
        ours: u32,
        /// The first of its gids that is not ours.
        theirs: u32,
    },
    /// Root, but in a container that took the capability away.
    #[error("we run as root, but without the capability CAP_SYS_PTRACE")]
    RootWithoutCapability,
    /// The process has made itself undumpable.
    #[error(
        "it is not dumpable (PR_SET_DUMPABLE, or it changed its user), and we are without CAP_SYS_PTRACE"
    )]
    NotDumpable,
    /// Not the same user namespace, and no capability over that one.
    #[error("it lives in another user namespace, over which we have no CAP_SYS_PTRACE")]
    OtherUserNamespace,
    /// It may more than we may.
    #[error("it holds capabilities that we do not hold ({extra:#x})")]
    MoreCapabilities {
        /// The set of those we lack.
        extra: u64,
    },
    /// Yama, only descendants.
    #[error("kernel.yama.ptrace_scope is 1 and it is not a child of ours")]
    YamaDescendants,
    /// Yama, only with the capability.
    #[error("kernel.yama.ptrace_scope is 2 and we are without CAP_SYS_PTRACE")]
    YamaAdministrator,
    /// Yama, nobody.
    #[error("kernel.yama.ptrace_scope is 3: nobody may attach until the next boot")]
    YamaNobody,
    /// A seccomp filter is on us.
    #[error("a seccomp filter of our own container or service refuses it")]
    Filtered,
    /// AppArmor, SELinux or the like.
    #[error("a security module confines us ({confinement})")]
    Confined {
        /// Our label.
        confinement: String,
    },
    /// The kernel said no, and nothing we can see says why.
    #[error("the kernel refuses, and nothing that we can see says why")]
    Unexplained,
    /// Another process is its tracer (only changing needs to be the tracer).
    #[error("process {tracer} ({name}) is tracing it")]
    Traced {
        /// The tracer's pid.
        tracer: i32,
        /// The tracer's name.
        name: String,
    },
    /// It is stopped (only changing needs it to run).
    #[error("it is stopped by a signal (state T)")]
    Stopped,
}

impl Denial {
    /// What the user can do about it.
    pub fn help(&self) -> String {
        match self {
            Denial::NotFound => "look for the pid with: pyunload ps".into(),
            Denial::HiddenByProc => "run as root (sudo)".into(),
            Denial::Ended => "it needs nothing; its parent has to wait for it".into(),
            Denial::KernelThread => "choose a Python process: pyunload ps".into(),
            Denial::OtherUser { theirs, .. } => {
                format!("run as root (sudo), or as its own user: sudo -u '#{theirs}' pyunload ..")
            }
            Denial::OtherGroup { theirs, .. } => {
                format!("run as root (sudo), or with its group: sg '#{theirs}', or sudo -g")
            }
            Denial::RootWithoutCapability => {
                "run on the host, or give the container CAP_SYS_PTRACE (docker: --cap-add SYS_PTRACE)"
                    .into()
            }
            Denial::NotDumpable | Denial::MoreCapabilities { .. } => {
                "run as root (sudo), or with CAP_SYS_PTRACE".into()
            }
            Denial::OtherUserNamespace => {
                "run inside the same container, or as root of the host".into()
            }
            Denial::YamaDescendants => {
                "run as root (sudo), or in the same container with CAP_SYS_PTRACE, \
                 or allow it until the next boot: sudo sysctl kernel.yama.ptrace_scope=0"
                    .into()
            }
            Denial::YamaAdministrator => "run as root (sudo), or with CAP_SYS_PTRACE".into(),
            Denial::YamaNobody => "boot with kernel.yama.ptrace_scope below 3".into(),
            Denial::Filtered => {
                "run outside of the container or service, or allow process_vm_readv and ptrace in its filter"
                    .into()
            }
            Denial::Confined { .. } => "allow ptrace in its policy, or run unconfined".into(),
            Denial::Unexplained => {
                "run as root (sudo) on the host; for root, its policy may forbid it: see dmesg".into()
            }
            Denial::Traced { tracer, .. } => {
                format!("end the debugger or tracer first (pid {tracer})")
            }
            Denial::Stopped => "continue it first (kill -CONT), or only look".into(),
        }
    }

    /// A stable name for scripts.
    pub fn kind(&self) -> &'static str {
        match self {
            Denial::NotFound => "no_such_process",
            Denial::HiddenByProc => "hidden_by_proc",
            Denial::Ended => "ended",
            Denial::KernelThread => "kernel_thread",
            Denial::OtherUser { .. } => "other_user",
            Denial::OtherGroup { .. } => "other_group",
            Denial::RootWithoutCapability => "missing_capability",
            Denial::NotDumpable => "not_dumpable",
            Denial::OtherUserNamespace => "other_user_namespace",
            Denial::MoreCapabilities { .. } => "more_capabilities",
            Denial::YamaDescendants | Denial::YamaAdministrator | Denial::YamaNobody => {
                "yama_ptrace_scope"
            }
            Denial::Filtered => "seccomp_filter",
            Denial::Confined { .. } => "security_module",
            Denial::Unexplained => "unexplained",
            Denial::Traced { .. } => "traced",
            Denial::Stopped => "stopped",
        }
    }
}

/// The reason for which looking is refused; `None` when the evidence holds none.
pub fn denial_of_look(evidence: &Evidence) -> Option<Denial> {
    if let Some(denial) = denial_by_nature(evidence) {
        return Some(denial);
    }
    let Some(theirs) = &evidence.theirs else {
        return Some(Denial::HiddenByProc);
    };
    if !may_trace_all(evidence, theirs)
        && let Some(denial) = denial_without_capability(evidence, theirs)
    {
        return Some(denial);
    }
    (evidence.yama_scope == Some(3)).then_some(Denial::YamaNobody)
}

/// Whether the kernel would let the process open `/proc/OURS/fd/N`: it asks for the same user and
/// group, no capability that we have and it has not, and a process that may be dumped. Told only
/// where both share their user and pid namespaces and no filter may forbid the system call.
pub fn may_open_ours(pid: i32) -> bool {
    use std::os::unix::fs::MetadataExt;
    let evidence = Evidence::gather(pid);
    let (ours, Some(theirs)) = (&evidence.ours, &evidence.theirs) else {
        return false;
    };
    let (uid, gid) = (ours.uid.real, ours.gid.real);
    let one_user = ours.uid.are_all(uid) && theirs.uid.are_all(uid);
    let one_group = ours.gid.are_all(gid) && theirs.gid.are_all(gid);
    let dumpable = std::fs::metadata("/proc/self/mem").is_ok_and(|entry| entry.uid() == uid);
    let apart = crate::target::about::foreign_namespaces(pid)
        .is_none_or(|foreign| foreign.contains(&"user") || foreign.contains(&"pid"));
    let more_capable = ours.permitted & !theirs.permitted != 0;
    one_user && one_group && dumpable && !apart && !more_capable && !theirs.filtered
}

/// The reason for which a look that the kernel has just refused was refused.
pub fn explain_refused_look(evidence: &Evidence) -> Denial {
    if let Some(denial) = denial_of_look(evidence) {
        denial
    } else if is_out_of_sight(evidence) {
        Denial::OtherUserNamespace
    } else if evidence.ours.filtered {
        Denial::Filtered
    } else if let Some(confinement) = evidence.confinement.clone() {
        Denial::Confined { confinement }
    } else {
        Denial::Unexplained
    }
}

/// Whether its user namespace may not even be seen, from one below the first: a process of our own
/// namespace that passes every other test would show it.
fn is_out_of_sight(evidence: &Evidence) -> bool {
    let theirs = evidence.theirs.as_ref();
    !evidence.ours_is_first_namespace && theirs.is_some_and(|t| t.user_namespace.is_none())
}

/// The reason for which changing is refused, besides those for looking.
pub fn denial_of_change(evidence: &Evidence) -> Option<Denial> {
    if let Some(denial) = denial_of_look(evidence) {
        return Some(denial);
    }
    if let Some((tracer, name)) = evidence.tracer.clone() {
        return Some(Denial::Traced { tracer, name });
    }
    matches!(evidence.state, Some('T' | 't')).then_some(Denial::Stopped)
}

/// What the process is decides before any permission does.
fn denial_by_nature(evidence: &Evidence) -> Option<Denial> {
    match (evidence.presence, evidence.state) {
        (Presence::Absent, _) => Some(Denial::NotFound),
        (Presence::Hidden, _) => Some(Denial::HiddenByProc),
        (_, Some('Z' | 'X' | 'x')) => Some(Denial::Ended),
        _ => evidence.kernel_thread.then_some(Denial::KernelThread),
    }
}

/// Whether we hold `CAP_SYS_PTRACE` over its user namespace. A namespace that we may not even see
/// counts as another one, unless ours is above all.
fn may_trace_all(evidence: &Evidence, theirs: &Credentials) -> bool {
    let same_namespace =
        theirs.user_namespace.is_some() && theirs.user_namespace == evidence.ours.user_namespace;
    evidence.ours.effective & CAP_SYS_PTRACE != 0
        && (evidence.ours_is_first_namespace || same_namespace)
}

fn denial_without_capability(evidence: &Evidence, theirs: &Credentials) -> Option<Denial> {
    let ours = &evidence.ours;
    let capability_over_another_namespace = ours.effective & CAP_SYS_PTRACE != 0;
    if !theirs.uid.are_all(ours.uid.real) || !theirs.gid.are_all(ours.gid.real) {
        return Some(if capability_over_another_namespace {
            Denial::OtherUserNamespace
        } else {
            denial_by_ids(ours, theirs)
        });
    }
    if evidence.dumpable == Some(false) {
        return Some(Denial::NotDumpable);
    }
    if let (Some(here), Some(there)) = (ours.user_namespace, theirs.user_namespace)
        && here != there
    {
        return Some(Denial::OtherUserNamespace);
    }
    let extra = theirs.permitted & !ours.permitted;
    if extra & CAP_SYS_PTRACE != 0 && ours.uid.effective == 0 {
        return Some(Denial::RootWithoutCapability);
    }
    if extra != 0 {
        return Some(Denial::MoreCapabilities { extra });
    }
    match evidence.yama_scope {
        Some(1) if !evidence.descendant => Some(Denial::YamaDescendants),
        Some(2) => Some(Denial::YamaAdministrator),
        _ => None,
    }
}

fn denial_by_ids(ours: &Credentials, theirs: &Credentials) -> Denial {
    let foreign = |ids: Ids, own: u32| {
        [ids.real, ids.effective, ids.saved]
            .into_iter()
            .find(|&id| id != own)
    };
    if ours.uid.effective == 0 {
        return Denial::RootWithoutCapability;
    }
    match foreign(theirs.uid, ours.uid.real) {
        Some(uid) => Denial::OtherUser {
            ours: ours.uid.real,
            theirs: uid,
        },
        None => Denial::OtherGroup {
            ours: ours.gid.real,
            theirs: foreign(theirs.gid, ours.gid.real).unwrap_or(ours.gid.real),
        },
    }
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
