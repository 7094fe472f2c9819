//! What a prompt of Python would show.

use super::{Answer, Look};
use crate::render::escape::{escaped, is_unsafe};
use crate::report::{Envelope, Exec};

impl Answer for Exec {
    fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// What was printed, then the value unless it is None. Traceback and notes are no part of it.
    fn text(&self, look: &Look) -> String {
        let shown = |text: &str| match look.width {
            Some(_) => lines_escaped(text),
            None => text.to_owned(),
        };
        let mut text = shown(&self.stdout);
        if let Some(value) = self.value.as_deref().filter(|&value| value != "None") {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&shown(value));
            text.push('\n');
        }
        text
    }
}

/// The traceback of an answer, for standard error.
pub fn traceback_text(report: &Exec) -> Option<String> {
    let exception = report.exception.as_ref()?;
    Some(lines_escaped(&exception.traceback))
}

/// The text with whatever steers a terminal escaped, but for line ends and tabs.
fn lines_escaped(text: &str) -> String {
    let steers = |c: char| is_unsafe(c) && !matches!(c, '\n' | '\t');
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match steers(character) {
            true => out.push_str(&escaped(character.encode_utf8(&mut [0; 4]))),
            false => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inject::exec::Executed;
    use crate::report::{ExecStatus, Target};

    fn shown(stdout: &str, value: Option<&str>, width: Option<usize>) -> String {
        let envelope = Envelope::live("exec", Some(Target::process(1)));
        let executed = Executed::default();
        let mut report = Exec::without_end(envelope, ExecStatus::Ok, String::new());
        report.stdout = stdout.to_owned();
        report.value = value.map(str::to_owned).or(executed.value);
        report.text(&Look {
            width,
            ..Look::default()
        })
    }

    #[test]
    fn a_value_stands_on_a_line_of_its_own_and_none_is_not_shown() {
        assert_eq!(shown("a", Some("42"), None), "a\n42\n");
        assert_eq!(shown("a\n", Some("None"), None), "a\n");
        assert_eq!(shown("", None, None), "");
    }

    #[test]
    fn a_terminal_is_not_steered_and_a_file_gets_what_was_printed() {
        assert_eq!(shown("\u{1b}[2J\ta\n", None, Some(80)), "\\x1b[2J\ta\n");
        assert_eq!(shown("\u{1b}[2J\n", None, None), "\u{1b}[2J\n");
    }
}
