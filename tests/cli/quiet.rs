//! Looking leaves a process alone: what the program asks of the kernel, seen by strace.

use crate::common::interpreter;
use crate::run::Started;
use std::process::Command;

/// The system calls of one run of the program, one a line.
fn system_calls(arguments: &[&str]) -> Option<Vec<String>> {
    let trace = tempfile::NamedTempFile::new().expect("a file");
    let status = Command::new("strace")
        .args(["-f", "-qq", "-s", "256", "-o"])
        .arg(trace.path())
        .arg(env!("CARGO_BIN_EXE_pyunload"))
        .args(arguments)
        .output();
    let Ok(output) = status else {
        assert!(std::env::var_os("CI").is_none(), "strace is missing");
        println!("strace is missing: not tested");
        return None;
    };
    assert!(output.status.success(), "{output:?}");
    let text = std::fs::read_to_string(trace.path()).expect("a trace");
    // Each line begins with the pid.
    let call = |line: &str| line.split_once(' ').map(|(_, call)| call.trim().to_owned());
    Some(text.lines().filter_map(call).collect())
}

/// Why a call would disturb another process; `None` when it would not.
fn disturbance(call: &str) -> Option<&'static str> {
    let is = |name: &str| call.starts_with(&format!("{name}("));
    if is("ptrace") || is("process_vm_writev") || is("process_madvise") {
        return Some("it acts on a process");
    }
    if (is("kill") || is("tkill") || is("tgkill") || is("pidfd_send_signal"))
        && !call.contains(", 0)")
    {
        return Some("it sends a signal");
    }
    let opens = is("open") || is("openat") || is("openat2") || is("creat");
    if opens && call.contains("\"/proc") && (call.contains("O_WRONLY") || call.contains("O_RDWR")) {
        return Some("it opens a file of /proc for writing");
    }
    None
}

#[test]
fn looking_neither_stops_nor_writes_nor_signals() {
    let Some(python) = interpreter("3.11") else {
        return;
    };
    let source = "import json, time\nprint('READY', flush=True)\ntime.sleep(1000)";
    let target = Started::ready(Command::new(python.program).args(["-c", source]));
    let pid = target.pid_text();
    for arguments in [
        vec!["modules", &pid],
        vec!["ps"],
        vec!["doctor", &pid],
        vec!["attach", &pid, "-c", "modules", "-c", "doctor"],
    ] {
        let Some(calls) = system_calls(&arguments) else {
            return;
        };
        let reads = calls.iter().filter(|c| c.starts_with("process_vm_readv("));
        assert!(reads.count() > 0, "{arguments:?}: it looks");
        for call in &calls {
            assert_eq!(disturbance(call), None, "{arguments:?}: {call}");
        }
    }
}

/// The judge itself is no pushover.
#[test]
fn what_would_disturb_a_process_is_recognised() {
    for call in [
        "ptrace(PTRACE_SEIZE, 1, NULL, 0) = 0",
        "process_vm_writev(1, [{}], 1, [{}], 1, 0) = 8",
        "openat(AT_FDCWD, \"/proc/1/mem\", O_RDWR|O_CLOEXEC) = 3",
        "kill(1, SIGSTOP) = 0",
    ] {
        assert!(disturbance(call).is_some(), "{call}");
    }
    for call in [
        "kill(1, 0) = -1 EPERM",
        "openat(AT_FDCWD, \"/proc/1/mem\", O_RDONLY|O_CLOEXEC) = 3",
    ] {
        assert!(disturbance(call).is_none(), "{call}");
    }
}
