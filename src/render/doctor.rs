//! The preconditions, the verdict first.

use super::{Align, Answer, Look, Table, bad, dim, escaped, good};
use crate::report::{Check, Doctor, Envelope};
use std::fmt::Write;

impl Answer for Doctor {
    fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    fn text(&self, look: &Look) -> String {
        if look.width.is_none() {
            return plain(self);
        }
        let pid = self.envelope.target.as_ref().and_then(|target| target.pid);
        let verdict = if self.can_look {
            good("can be looked at")
        } else {
            bad("cannot be looked at")
        };
        let mut out = format!("{} {verdict}.\n", pid.unwrap_or_default());
        let widest = self.checks.iter().map(|check| check.name.len()).max();
        let widest = widest.unwrap_or(0).max("change".len());
        for check in &self.checks {
            write_check(&mut out, check, widest);
        }
        let _ = writeln!(out, "{:widest$}  {}", "change", escaped(&self.route));
        out
    }
}

fn write_check(out: &mut String, check: &Check, widest: usize) {
    let mark = match check.ok {
        Some(true) => good("yes"),
        Some(false) => bad("no "),
        None => dim(" - "),
    };
    let _ = writeln!(
        out,
        "{:widest$}  {mark}  {}",
        escaped(&check.name),
        escaped(&check.detail)
    );
    if let Some(help) = &check.help {
        let _ = writeln!(out, "{:widest$}  help {}", "", escaped(help));
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
