//! What a session says first.

use super::{Answer, Look, duration, escaped, name, thousands};
use crate::report::{Attach, Envelope, ModuleCounts, Target};
use unicode_width::UnicodeWidthStr;

impl Answer for Attach {
    fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    fn text(&self, look: &Look) -> String {
        let identity = self.envelope.target.as_ref().map(identity);
        let uptime = self.uptime_s.map(|s| format!(", up {}", duration(s)));
        let threads = match self.threads {
            Some(1) => " 1 thread.".to_owned(),
            Some(count) => format!(" {} threads.", thousands(count)),
            None => String::new(),
        };
        let facts = format!(
            "{}{}",
            identity.unwrap_or_default(),
            uptime.unwrap_or_default()
        );
        format!(
            "{}{facts}: {}\n{}{threads}\n",
            name("CPython "),
            command(&self.process, facts.len() + "CPython : ".len(), look.width),
            counts(&self.modules),
        )
    }
}

/// The command line of the target, behind what is on the line already where it fits, else on a line
/// of its own, cut to the terminal.
fn command(process: &str, taken: usize, width: Option<usize>) -> String {
    const INDENT: usize = 2;
    let text = escaped(process);
    let length = text.width();
    match width {
        Some(width) if length > width.saturating_sub(INDENT) => {
            let room = width.saturating_sub(INDENT + 1);
            let kept: String = text.chars().take(room).collect();
            format!("\n  {kept}…")
        }
        Some(width) if taken + length > width => format!("\n  {text}"),
        _ => text,
    }
}

/// "3.11.7 (release, shared libpython), pid 4242".
fn identity(target: &Target) -> String {
    let build = target.build.map(|build| {
        let mut words = vec![if build.debug { "debug" } else { "release" }];
        words.extend(build.free_threaded.then_some("free-threaded"));
        words.extend(build.shared_libpython.then_some("shared libpython"));
        format!(" ({})", words.join(", "))
    });
    let interpreters = match target.interpreters {
        Some(count) if count > 1 => format!(", {count} interpreters"),
        _ => String::new(),
    };
    let place = match &target.core {
        Some(path) => format!("core {}", escaped(path)),
        None => format!("pid {}", target.pid.unwrap_or_default()),
    };
    format!(
        "{}{}, {place}{interpreters}",
        target.python.as_deref().unwrap_or("?"),
        build.unwrap_or_default(),
    )
}

/// "714 modules: 531 source, 96 extension.", the most frequent kind first.
fn counts(modules: &ModuleCounts) -> String {
    let mut kinds = [
        (modules.source, "source"),
        (modules.extension, "extension"),
        (modules.frozen, "frozen"),
        (modules.builtin, "builtin"),
        (modules.namespace, "namespace"),
        (modules.sourceless, "sourceless"),
        (modules.stub, "stub"),
        (modules.blocked, "blocked"),
        (modules.other, "other"),
    ];
    kinds.sort_by_key(|&(count, _)| std::cmp::Reverse(count));
    let kinds: Vec<String> = kinds
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, kind)| format!("{} {kind}", thousands(count)))
        .collect();
    let total = thousands(modules.total);
    match kinds.is_empty() {
        true => format!("{total} modules."),
        false => format!("{total} modules: {}.", kinds.join(", ")),
    }
}
