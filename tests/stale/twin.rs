//! What compiles has the rights of the target and no more, for `stale` and for `reload`.

use crate::common::{Target, interpreter};
use crate::misbehaving::Place;
use crate::{HOST, PROGRAM, RATES, modules, reload, stale};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a program as a twin of `pid`.
fn twin(pid: u32, words: &[&str]) -> String {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let behind = stat.rsplit(')').next().unwrap_or_default();
    let start = behind
        .split_ascii_whitespace()
        .nth(19)
        .expect("a start time");
    let output = Command::new(PROGRAM)
        .args(["__twin", &pid.to_string(), start, "5", "at"])
        .args(words)
        .output()
        .expect("the program runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn what_compiles_has_the_rights_of_the_target_and_no_more() {
    let mut command = Command::new("/bin/sleep");
    command.arg("1000").stdin(Stdio::null());
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| {
        use std::os::unix::fs::MetadataExt;
        own.uid() == 0
    });
    if is_root {
        command.uid(65534).gid(65534);
    }
    let mut target = command.spawn().expect("sleep runs");
    let pid = target.id();
    let status = twin(pid, &["/bin/cat", "/proc/self/status"]);
    let theirs = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key));
        line.unwrap_or_default().to_owned()
    };
    for key in ["Uid:", "Gid:", "Groups:"] {
        assert_eq!(
            line(&status, key).trim(),
            line(&theirs, key).trim(),
            "{status}"
        );
    }
    for key in ["CapPrm:", "CapEff:", "CapInh:", "CapAmb:"] {
        assert!(
            line(&status, key).ends_with("\t0000000000000000"),
            "{status}"
        );
    }
    assert_eq!(line(&status, "NoNewPrivs:"), "NoNewPrivs:\t1");
    assert_eq!(line(&status, "Seccomp:"), "Seccomp:\t2");
    let spaces = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/mnt")).ok();
    assert_eq!(spaces("self"), spaces(&pid.to_string()));
    let limits = twin(pid, &["/bin/cat", "/proc/self/limits"]);
    for (name, limit) in [
        ("Max file size", "0"),
        ("Max processes", "0"),
        ("Max cpu time", "5"),
    ] {
        let words: Vec<String> = line(&limits, name)
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        assert!(words.iter().any(|word| word == limit), "{limits}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("written");
    let write = format!("echo x > {}; (echo forked); echo end", file.display());
    let said = twin(pid, &["/bin/sh", "-c", &write]);
    assert!(!file.exists() && !said.contains("forked"), "{said}");
    target.kill().expect("ended");
    target.wait().expect("ended");
}

#[test]
fn the_environment_and_the_folders_of_the_target_do_not_reach_what_compiles() {
    let Some(python) = interpreter("3.11") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let host = folder.path().join("host.py");
    fs::write(&host, HOST).expect("written");
    fs::write(folder.path().join("shop_rates.py"), RATES).expect("written");
    // Neither the environment nor the working folder of the target reaches what compiles.
    fs::write(folder.path().join("marshal.py"), "raise SystemExit").expect("written");
    fs::write(folder.path().join("sitecustomize.py"), "").expect("written");
    let path = folder.path().to_str().expect("a path").to_owned();
    let target = Target::start_with(&python, &host, &[&path], |command| {
        command
            .env("PYTHONPATH", &path)
            .env("PYTHONSTARTUP", "/dev/zero");
    });
    fs::write(
        folder.path().join("sitecustomize.py"),
        "while True:\n    print('x' * 100000)\n",
    )
    .expect("written");
    let (code, document) = stale(target.pid(), &["shop_rates"]);
    let state = &modules(&document)[0]["state"];
    assert_eq!((code, state.as_str()), (0, Some("current")), "{document}");
    let edited = RATES.replace("x * 19", "x * 16");
    fs::write(folder.path().join("shop_rates.py"), edited).expect("written");
    let (code, document) = reload(target.pid());
    assert_eq!(code, 0, "{document}");
    let changed = &document["outcomes"][0]["changes"][0]["qualname"];
    assert_eq!(changed, "Rate.of", "{document}");
}

/// A spy in the place of a module that every Python imports when it starts: what it says is quoted, as
/// the reason of a process that could not take on the rights of the target.
const SPY: &str = "
import posix
told = posix.read(posix.open('/proc/self/status', posix.O_RDONLY), 8192)
wanted = (b'Uid:', b'Gid:', b'Groups:', b'CapPrm:', b'CapEff:', b'NoNewPrivs:', b'Seccomp:')
lines = [line.split() for line in told.split(b'\\n')]
lines = [b' '.join(words) for words in lines if words and words[0] in wanted]
posix.write(1, b'refused: ' + b'; '.join(lines) + b';')
";

#[test]
fn the_process_that_compiles_is_of_the_same_rights_for_both_commands() {
    let Some(place) = Place::make() else {
        return;
    };
    let target = place.start(|command| {
        if is_root() {
            command.uid(65534).gid(65534);
        }
    });
    let theirs = fs::read_to_string(format!("/proc/{}/status", target.pid())).expect("it runs");
    place.replace_encodings(SPY);
    let (_, of_stale) = stale(target.pid(), &["shop_rates"]);
    let (exit, of_reload) = reload(target.pid());
    assert_eq!(exit, 4, "{of_reload}");
    for told in [&of_stale["warnings"][0], &of_reload["error"]["why"]] {
        let told = told.as_str().expect("a reason");
        for key in ["Uid:", "Gid:", "Groups:"] {
            let line = theirs.lines().find(|line| line.starts_with(key));
            let words: Vec<&str> = line.expect("a line").split_whitespace().collect();
            assert!(told.contains(&(words.join(" ") + ";")), "{key} {told}");
        }
        for line in [
            "CapPrm: 0000000000000000;",
            "CapEff: 0000000000000000;",
            "NoNewPrivs: 1;",
            "Seccomp: 2;",
        ] {
            assert!(told.contains(line), "{line} {told}");
        }
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// The program sees files of a file system that exists in its mount namespace only.
const IN_A_PLACE_OF_ITS_OWN: &str = "mount -t tmpfs none \"$0\" && cp -r \"$1\"/. \"$0\" && \
    exec \"$2\" \"$0/host.py\" \"$0\"";

#[test]
fn a_target_in_other_namespaces_is_compared_with_the_files_that_it_sees() {
    if !is_root() {
        return;
    }
    let Some(python) = interpreter("3.11") else {
        return;
    };
    for user in [&[][..], &["-U", "-r"]] {
        let folder = tempfile::tempdir().expect("a folder");
        let (outside, inside) = (folder.path().join("outside"), folder.path().join("inside"));
        fs::create_dir(&outside).expect("made");
        fs::create_dir(&inside).expect("made");
        fs::write(outside.join("host.py"), HOST).expect("written");
        fs::write(outside.join("shop_rates.py"), RATES).expect("written");
        let mut unshare = Command::new("unshare");
        unshare
            .args(["-m", "-p", "-f", "--kill-child"])
            .args(user)
            .args(["sh", "-c", IN_A_PLACE_OF_ITS_OWN])
            .args([&inside, &outside, &python.program]);
        let target = Target::launch(unshare, folder);
        let pid = child_of(target.pid());
        let seen = Path::new("/proc").join(pid.to_string()).join("root");
        let file = seen.join(
            inside
                .join("shop_rates.py")
                .strip_prefix("/")
                .expect("absolute"),
        );
        let (_, document) = stale(pid, &["shop_rates"]);
        assert_eq!(modules(&document)[0]["state"], "current", "{document}");
        assert_eq!(document["warnings"], serde_json::json!([]), "{document}");
        fs::write(&file, RATES.replace("x * 19", "x * 16")).expect("written");
        let (_, document) = stale(pid, &["shop_rates"]);
        let changed = &modules(&document)[0]["changed"];
        assert_eq!(changed[0]["qualname"], "Rate.of", "{document}");
        let (exit, document) = reload(pid);
        assert_eq!(exit, 0, "{document}");
        let (_, document) = stale(pid, &["shop_rates"]);
        assert_eq!(modules(&document)[0]["state"], "current", "{document}");
    }
}

fn child_of(pid: i32) -> i32 {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let children = fs::read_to_string(path).expect("it runs");
    let first = children.split_whitespace().next().expect("a child");
    first.parse().expect("a pid")
}
