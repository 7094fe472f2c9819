//! Which processes a command is about: those named, their children, or all of this machine.

use crate::cli::args::{self, Scope, Which};
use crate::cli::exit::{Exit, Failure};
use crate::cpython::locate::find_home;
use crate::elf::image::Image;
use crate::target::about::{About, executable};
use crate::target::process::Process;
use crate::target::target::Target;
use std::collections::BTreeSet;
use std::path::Path;

/// One process or core file to answer for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// What it is.
    pub which: Which,
    /// Whether it was named. One that was only found may turn out to be no Python.
    pub named: bool,
}

/// The processes and core files a command is about.
pub fn choose(named: &[Which], scope: Scope) -> Vec<Chosen> {
    let mut seen: BTreeSet<Which> = BTreeSet::new();
    let mut chosen = Vec::new();
    let mut add = |which: Which, named: bool| {
        if seen.insert(which.clone()) {
            chosen.push(Chosen { which, named });
        }
    };
    named.iter().for_each(|which| add(which.clone(), true));
    if scope.children {
        let pid = |which: &Which| match which {
            Which::Pid(pid) => Some(*pid),
            Which::Core(_) => None,
        };
        let roots: Vec<i32> = named.iter().filter_map(pid).collect();
        descendants(&roots, &About::all())
            .into_iter()
            .for_each(|pid| add(Which::Pid(pid), false));
    }
    if scope.all {
        let all = About::all();
        let candidates = all.iter().filter(|about| looks_like_python(about));
        candidates.for_each(|about| add(Which::Pid(about.pid), false));
    }
    chosen
}

/// Splits words into the pids and core files they begin with and what follows.
///
/// # Errors
/// When none comes first although one is needed.
pub fn split_words(words: &[String], needed: bool) -> Result<(Vec<Which>, &[String]), Failure> {
    let is_number = |word: &String| word.parse::<i64>().is_ok();
    if let Some(wrong) = words
        .iter()
        .take_while(|word| is_number(word))
        .find(|w| args::pid(w).is_err())
    {
        return Err(Failure::new(
            Exit::Usage,
            format!("{wrong} is not a pid"),
            "a pid is a whole number above 0",
        ));
    }
    let targets: Vec<Which> = words
        .iter()
        .map_while(|word| args::which(word).ok())
        .collect();
    let rest = &words[targets.len()..];
    match (targets.is_empty() && needed, rest.first()) {
        (false, _) => {}
        (true, word) => {
            let word = word.map_or("", String::as_str);
            let reason = args::which(word).err().unwrap_or_default();
            return Err(Failure::new(
                Exit::Usage,
                "no process is named",
                "begin with a pid or a core file, as in: pyunload modules 4242; pyunload ps lists them",
            )
            .because(format!("{word:?} is {reason}")));
        }
    }
    Ok((targets, rest))
}

/// All processes below `roots`, parents before children.
fn descendants(roots: &[i32], all: &[About]) -> Vec<i32> {
    let mut known: BTreeSet<i32> = roots.iter().copied().collect();
    let mut found = Vec::new();
    loop {
        let before = found.len();
        for about in all {
            if known.contains(&about.parent) && known.insert(about.pid) {
                found.push(about.pid);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// Whether a process may be a Python: a cheap hint, for which its content is asked later. A mapped
/// file is called something with python (libraries for Python are), or its executable holds a
/// runtime. Where the mappings are not shown, the command must do.
pub fn looks_like_python(about: &About) -> bool {
    if about.state == 'Z' {
        return false;
    }
    let Ok(process) = Process::open(about.pid) else {
        return false;
    };
    let Ok(maps) = process.maps() else {
        return is_python_name(about.command.split(' ').next().unwrap_or_default());
    };
    if executable(about.pid).is_none() {
        return false;
    }
    let files = maps.files();
    if files
        .iter()
        .any(|file| is_python_name(&file.path.to_string_lossy()))
    {
        return true;
    }
    files
        .iter()
        .find(|file| process.is_executable(file))
        .and_then(|file| Image::read(&process, &maps, file).ok())
        .is_some_and(|image| find_home(&process, &image).is_some())
}

/// Whether the last part of a path says Python, as `python3.11`, `libpython3.13.so.1.0` and
/// `_ssl.cpython-312-x86_64-linux-gnu.so` do.
fn is_python_name(path: &str) -> bool {
    Path::new(path)
        .file_name()
        .is_some_and(|name| name.to_string_lossy().contains("python"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(pid: i32, parent: i32) -> About {
        About {
            pid,
            parent,
            state: 'S',
            command: String::new(),
            threads: 1,
            uptime_s: None,
            exit_signal: 17,
            exit_status: None,
        }
    }

    #[test]
    fn descendants_are_found_whatever_the_order_of_their_pids() {
        let all = [
            about(2, 9),
            about(9, 5),
            about(5, 1),
            about(6, 1),
            about(7, 2),
        ];
        assert_eq!(descendants(&[5], &all), [9, 2, 7]);
        assert_eq!(descendants(&[6], &all), Vec::<i32>::new());
    }

    #[test]
    fn numbers_in_front_are_pids_and_the_rest_are_patterns() {
        let words = ["12", "7", "json", "8"].map(str::to_owned);
        let (pids, patterns) = split_words(&words, true).expect("pids come first");
        let pids_wanted = vec![Which::Pid(12), Which::Pid(7)];
        assert_eq!((pids, patterns), (pids_wanted, &words[2..]));
    }

    #[test]
    fn patterns_alone_need_no_pid_where_all_processes_are_meant() {
        let words = ["json".to_owned()];
        assert!(split_words(&words, false).is_ok());
        let failure = split_words(&words, true).expect_err("no pid");
        assert_eq!(failure.exit, Exit::Usage);
    }

    #[test]
    fn a_python_is_known_by_its_file_not_by_its_folder() {
        assert!(is_python_name("/usr/lib/libpython3.13.so.1.0"));
        assert!(is_python_name("python3"));
        assert!(!is_python_name("/opt/python/bin/sh"));
    }
}
