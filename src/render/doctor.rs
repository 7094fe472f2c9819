//! The preconditions, the verdict first.

use super::wrap::wrapped;
use super::{Align, Answer, Look, Table, bad, dim, escaped, good};
use crate::report::{Check, Doctor, Envelope};
use std::fmt::Write;
use unicode_width::UnicodeWidthStr;

impl Answer for Doctor {
    fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    fn text(&self, look: &Look) -> String {
        let Some(width) = look.width else {
            return plain(self);
        };
        let pid = self.envelope.target.as_ref().and_then(|target| target.pid);
        let verdict = match self.can_look {
            true => good("can be looked at"),
            false => bad("cannot be looked at"),
        };
        let mut out = format!("{} {verdict}.\n", pid.unwrap_or_default());
        let names = self.checks.iter().map(|check| check.name.as_str());
        let widest = names.chain(["change"]).map(UnicodeWidthStr::width).max();
        let columns = Columns {
            names: widest.unwrap_or(0),
            width,
        };
        for check in &self.checks {
            columns.write(&mut out, check);
        }
        columns.write(&mut out, &Check::fact("change", &*self.route));
        out
    }
}

/// How wide the names are, and the terminal.
struct Columns {
    names: usize,
    width: usize,
}

impl Columns {
    fn write(&self, out: &mut String, check: &Check) {
        let mark = match check.ok {
            Some(true) => good("yes"),
            Some(false) => bad("no "),
            None => dim(" - "),
        };
        let name = escaped(&check.name);
        let gap = " ".repeat(self.names - name.width());
        let indent = self.names + "  yes  ".len();
        let detail = wrapped(&escaped(&check.detail), indent, self.width);
        let _ = writeln!(out, "{name}{gap}  {mark}  {detail}");
        if let Some(help) = &check.help {
            let help = wrapped(&escaped(help), indent + "help ".len(), self.width);
            let _ = writeln!(out, "{}help {help}", " ".repeat(indent));
        }
    }
}

fn plain(report: &Doctor) -> String {
    let mut table = Table::new()
        .column("CHECK", Align::Left)
        .column("OK", Align::Left)
        .prose("DETAIL")
        .prose("HELP");
    for check in &report.checks {
        let ok = match check.ok {
            Some(true) => "yes",
            Some(false) => "no",
            None => "",
        };
        table.row(vec![
            escaped(&check.name),
            ok.to_owned(),
            escaped(&check.detail),
            escaped(check.help.as_deref().unwrap_or_default()),
        ]);
    }
    table.row(vec![
        "change".to_owned(),
        String::new(),
        escaped(&report.route),
    ]);
    table.text(None)
}
