//! No permission: each cause told apart, on real processes. Yama is not on every kernel; its cases
//! are tested in `target::access`.

use crate::common::interpreter;
use crate::run::{Ended, Started, ended, is_root, program_for_everybody};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

const NOBODY: u32 = 65534;

/// Becomes somebody else, and dumpable again or not, then waits.
const PROGRAM: &str = "\
import ctypes, os, sys, time
uid, gid, dumpable = map(int, sys.argv[1:4])
os.setgroups([])
os.setresgid(gid, gid, gid)
os.setresuid(uid, uid, uid)
ctypes.CDLL(None).prctl(4, dumpable)
print('READY', flush=True)
time.sleep(1000)
";

fn target(uid: u32, gid: u32, dumpable: u32) -> Option<Started> {
    let python = interpreter("3.11")?;
    let arguments = [uid, gid, dumpable].map(|number| number.to_string());
    let mut command = Command::new(python.program);
    Some(Started::ready(
        command.args(["-c", PROGRAM]).args(arguments),
    ))
}

fn look_as_nobody(target: &Started) -> Ended {
    let folder = program_for_everybody();
    ended(
        Command::new(folder.path().join("pyunload"))
            .args(["modules", &target.pid_text(), "--json"])
            .current_dir("/")
            .uid(NOBODY)
            .gid(NOBODY),
    )
}

fn cause(ended: &Ended) -> String {
    let document = ended.document();
    let error = &document["error"];
    assert_eq!(ended.code, 4, "{document}");
    assert_eq!(error["kind"], "not_permitted");
    assert!(error["help"].as_str().is_some_and(|help| !help.is_empty()));
    error["cause"].as_str().expect("a cause").to_owned()
}

#[test]
fn a_process_of_another_user_is_told_by_its_uid() {
    if !is_root() {
        return;
    }
    let Some(target) = target(0, 0, 1) else {
        return;
    };
    let ended = look_as_nobody(&target);
    assert_eq!(cause(&ended), "other_user");
    let document = ended.document();
    let why = document["error"]["why"].as_str().expect("a reason");
    assert!(why.contains("uid 0") && why.contains("uid 65534"), "{why}");
}

#[test]
fn a_process_of_another_group_is_told_by_its_gid() {
    if !is_root() {
        return;
    }
    let Some(target) = target(NOBODY, 1, 1) else {
        return;
    };
    assert_eq!(cause(&look_as_nobody(&target)), "other_group");
}

#[test]
fn a_process_that_is_not_dumpable_is_told_apart_from_one_that_is() {
    if !is_root() {
        return;
    }
    let Some(hidden) = target(NOBODY, NOBODY, 0) else {
        return;
    };
    assert_eq!(cause(&look_as_nobody(&hidden)), "not_dumpable");
    let Some(shown) = target(NOBODY, NOBODY, 1) else {
        return;
    };
    // Without Yama, one may look at one's own; with it, the scope is the cause.
    let ended = look_as_nobody(&shown);
    if Path::new("/proc/sys/kernel/yama/ptrace_scope").exists() && ended.code != 0 {
        assert_eq!(cause(&ended), "yama_ptrace_scope");
    } else {
        assert_eq!(ended.code, 0, "{ended:?}");
    }
}

#[test]
fn root_without_the_capability_is_told_to_get_it() {
    if !is_root() {
        return;
    }
    for uid in [0, NOBODY] {
        let Some(target) = target(uid, uid, 1) else {
            return;
        };
        let ended = ended(
            Command::new("setpriv")
                .args(["--bounding-set", "-sys_ptrace", "--inh-caps", "-sys_ptrace"])
                .arg(env!("CARGO_BIN_EXE_pyunload"))
                .args(["modules", &target.pid_text(), "--json"]),
        );
        assert_eq!(cause(&ended), "missing_capability", "target of uid {uid}");
    }
}

#[test]
fn a_process_outside_of_our_user_namespace_is_told_so() {
    if !is_root() {
        return;
    }
    let Some(target) = target(0, 0, 1) else {
        return;
    };
    let ended = ended(
        Command::new("unshare")
            .args(["--user", "--map-root-user"])
            .arg(env!("CARGO_BIN_EXE_pyunload"))
            .args(["modules", &target.pid_text(), "--json"]),
    );
    assert_eq!(cause(&ended), "other_user_namespace");
}

/// A process that `/proc` hides is told from one that is not there.
#[test]
fn a_process_that_hidepid_hides_is_told_so() {
    if !is_root() {
        return;
    }
    let Some(target) = target(0, 0, 1) else {
        return;
    };
    let folder = program_for_everybody();
    let program = folder.path().join("pyunload").display().to_string();
    let look = |hidepid: &str, pid: &str| {
        let script = format!(
            "mount -t proc -o hidepid={hidepid} proc /proc && cd / && exec setpriv --reuid {NOBODY} \
             --regid {NOBODY} --clear-groups {program} modules {pid} --json"
        );
        ended(Command::new("unshare").args(["-m", "--propagation", "private", "sh", "-c", &script]))
    };
    for hidepid in ["1", "2"] {
        let ended = look(hidepid, &target.pid_text());
        assert_eq!(cause(&ended), "hidden_by_proc", "hidepid={hidepid}");
        assert_eq!(look(hidepid, "99999999").code, 3);
    }
}

#[test]
fn doctor_names_the_same_cause_and_answers_no() {
    if !is_root() {
        return;
    }
    let Some(target) = target(0, 0, 1) else {
        return;
    };
    let folder = program_for_everybody();
    let ended = ended(
        Command::new(folder.path().join("pyunload"))
            .args(["doctor", &target.pid_text(), "--json"])
            .current_dir("/")
            .uid(NOBODY)
            .gid(NOBODY),
    );
    let document = ended.document();
    assert_eq!((ended.code, &document["can_look"]), (1, &false.into()));
    let failed: Vec<_> = document["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .filter(|check| check["ok"] == false)
        .collect();
    assert_eq!(failed.len(), 1, "{document}");
    let detail = failed[0]["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("belongs to uid 0"), "{detail}");
}

/// Who may not look at a process still learns from ps that it is there.
#[test]
fn ps_lists_what_it_may_not_look_at_with_the_reason() {
    if !is_root() {
        return;
    }
    let Some(target) = target(0, 0, 1) else {
        return;
    };
    let folder = program_for_everybody();
    let ended = ended(
        Command::new(folder.path().join("pyunload"))
            .args(["ps", "--json"])
            .current_dir("/")
            .uid(NOBODY)
            .gid(NOBODY),
    );
    assert_eq!(ended.code, 0);
    let document = ended.document();
    let row = document["processes"]
        .as_array()
        .expect("processes")
        .iter()
        .find(|row| row["pid"] == target.pid())
        .expect("the target is listed")
        .clone();
    assert_eq!(row["look"]["ok"], false);
    assert_eq!(row["look"]["kind"], "other_user");
    assert_eq!(row["python"], serde_json::Value::Null);
}
