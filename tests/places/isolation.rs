//! Stopped, traced, in another root, in other namespaces, of another user.

use crate::common::{Interpreter, interpreter, interpreters};
use crate::copies::prefix;
use crate::oracle::{Known, command, is_root, must, state, until, without_map_files};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// The last interpreter that lives in a root of its own.
fn in_a_chroot() -> Option<Interpreter> {
    interpreters()
        .into_iter()
        .rfind(|interpreter| interpreter.root.as_os_str() != "/" && interpreter.build == "release")
        .filter(|_| is_root())
}

#[test]
fn a_stopped_target_is_read_and_stays_stopped() {
    let Some(python) = interpreter("3.11") else {
        return;
    };
    let mut known = Known::start(&python, |_| {});
    let pid = Pid::from_raw(known.pid);
    kill(pid, Signal::SIGSTOP).expect("our child");
    until("it is stopped", || state(known.pid) == 'T');
    known.assert_read();
    assert_eq!(state(known.pid), 'T');
    kill(pid, Signal::SIGCONT).expect("our child");
    known.assert_alive();
}

#[test]
fn a_target_that_a_debugger_holds_is_read_and_stays_held() {
    if !is_root() {
        return;
    }
    let Some(python) = interpreter("3.12") else {
        return;
    };
    let mut known = Known::start(&python, |_| {});
    let mut gdb = command(&["gdb", "-q", "-nx", "-p", &known.pid.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("gdb");
    until("gdb holds it", || state(known.pid) == 't');
    known.assert_read();
    assert_eq!(state(known.pid), 't');
    let mut input = gdb.stdin.take().expect("a pipe");
    input.write_all(b"detach\nquit\n").expect("gdb reads");
    gdb.wait().expect("gdb ends");
    known.assert_alive();
}

#[test]
fn a_target_below_another_root_is_read() {
    let Some(python) = in_a_chroot() else {
        return;
    };
    Known::start(&python, |_| {}).assert_read();
}

#[test]
fn a_target_in_other_mount_pid_and_user_namespaces_is_read() {
    if !is_root() {
        return;
    }
    for name in ["3.10", "3.11-debian", "2.7"] {
        let Some(python) = interpreter(name) else {
            continue;
        };
        for user in [&[][..], &["-U", "-r"]] {
            let mut unshare = command(&["unshare", "-m", "-p", "-f", "--kill-child"]);
            unshare.args(user).arg(&python.program);
            let known = Known::launch(unshare);
            assert_ne!(known.pid, known.target.pid());
            known.assert_read();
        }
    }
}

#[test]
fn a_target_in_namespaces_and_another_root_is_read() {
    if !is_root() {
        return;
    }
    let Some(python) = in_a_chroot() else {
        return;
    };
    let words = "unshare -U -r -m -p -f -n -i -u -C --kill-child chroot";
    let mut unshare = command(&words.split(' ').collect::<Vec<_>>());
    unshare.arg(&python.root).arg(&python.program);
    Known::launch_text(unshare).assert_read();
}

#[test]
fn a_target_in_a_file_system_of_its_own_is_read() {
    if !is_root() {
        return;
    }
    let Some(python) = interpreter("3.12") else {
        return;
    };
    let folder = TempDir::new().expect("a folder");
    for name in ["upper", "work", "root"] {
        std::fs::create_dir(folder.path().join(name)).expect("a folder");
    }
    // The overlay exists in the target's mount namespace only.
    let script = "cd \"$0\" && mount -t overlay overlay \
                  -o lowerdir=\"$1\",upperdir=upper,workdir=work root && \
                  touch root/lib/libpython3.12.so.1.0 && \
                  export PYTHONHOME=$PWD/root LD_LIBRARY_PATH=$PWD/root/lib && \
                  exec root/bin/python \"$2\" \"$3\"";
    let mut unshare = command(&["unshare", "-m", "sh", "-c", script]);
    unshare.arg(folder.path()).arg(prefix(&python));
    let known = Known::launch_text(unshare);
    known.assert_read();
    known.assert_read_by(&mut without_map_files());
}

#[test]
fn a_target_of_another_user_is_read_by_root() {
    if !is_root() {
        return;
    }
    let Some(python) = interpreter("3.11-debian") else {
        return;
    };
    let mut other = Command::new(&python.program);
    other.uid(65534).gid(65534).current_dir("/");
    Known::launch_text(other).assert_read();

    let Some(python) = in_a_chroot() else {
        return;
    };
    let mut chroot = command(&["chroot", "--userspec=65534:65534"]);
    chroot.arg(&python.root).arg(&python.program);
    Known::launch_text(chroot).assert_read();
}

#[test]
fn options_that_change_the_start_change_nothing_for_us() {
    let options: [(&str, &[&str]); 6] = [
        ("3.11", &["-X", "frozen_modules=off"]),
        ("3.13", &["-X", "frozen_modules=off"]),
        ("3.12", &["-I"]),
        ("3.7", &["-I", "-S"]),
        ("3.14-debian", &["-I", "-X", "frozen_modules=off"]),
        ("2.7", &["-E", "-s", "-O"]),
    ];
    for (name, options) in options {
        if let Some(python) = interpreter(name) {
            Known::start(&python, |command| {
                command.args(options);
            })
            .assert_read();
        }
    }
}

#[test]
fn a_virtual_environment_is_read() {
    for (name, how) in [
        ("3.8", "--symlinks"),
        ("3.12", "--copies"),
        ("3.11-debian", "--copies"),
    ] {
        let Some(mut python) = interpreter(name) else {
            continue;
        };
        let folder = TempDir::new().expect("a folder");
        let venv = ["-m", "venv", "--without-pip", how];
        must(Command::new(&python.program).args(venv).arg(folder.path()));
        python.program = folder.path().join("bin/python");
        Known::start(&python, |_| {}).assert_read();
    }
}
