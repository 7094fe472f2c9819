//! Processes that were forked from one another and share memory: a prefork server and its workers.

use crate::target::about::{About, executable};

/// What whoever changes one of them should know.
pub fn warning(pid: i32) -> Option<String> {
    let all = About::all();
    let own = all.iter().find(|about| about.pid == pid)?;
    let program = executable(pid)?;
    let is_same = |about: &&About| {
        about.command == own.command && executable(about.pid).as_ref() == Some(&program)
    };
    let count = relatives(own, &all).filter(is_same).count();
    let text = |count| {
        format!(
            "{count} other processes seem to share memory with it (prefork): the collection after the unload makes \
             pages of this one its own"
        )
    };
    (count > 0).then(|| text(count))
}

/// Its parent, its children, and the other children of its parent.
fn relatives<'a>(own: &'a About, all: &'a [About]) -> impl Iterator<Item = &'a About> {
    let is_by_same = all
        .iter()
        .any(|about| about.pid == own.parent && about.command == own.command);
    all.iter().filter(move |about| {
        let is_sibling = is_by_same && about.parent == own.parent && about.pid != own.pid;
        about.pid == own.parent || about.parent == own.pid || is_sibling
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(pid: i32, parent: i32, command: &str) -> About {
        About {
            pid,
            parent,
            state: 'S',
            command: command.into(),
            threads: 1,
            uptime_s: None,
            exit_signal: 17,
            exit_status: None,
        }
    }

    #[test]
    fn a_worker_has_its_server_and_the_other_workers() {
        let all = [
            about(1, 0, "init"),
            about(10, 1, "serve"),
            about(11, 10, "serve"),
            about(12, 10, "serve"),
            about(20, 1, "serve"),
        ];
        let of = |index: usize| -> Vec<i32> {
            relatives(&all[index], &all).map(|one| one.pid).collect()
        };
        assert_eq!(of(2), [10, 12]);
        assert_eq!(of(1), [1, 11, 12]);
        assert_eq!(of(4), [1]);
    }
}
