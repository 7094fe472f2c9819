//! Python processes as a table, and the reasons below it.

use super::{Align, Answer, Look, Table, dim, escaped, thousands};
use crate::report::{Ability, Envelope, Ps};

impl Answer for Ps {
    fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    fn text(&self, look: &Look) -> String {
        if self.processes.is_empty() && look.width.is_some() {
            return "no Python process found\n".to_owned();
        }
        let mut table = Table::new()
            .column("PID", Align::Right)
            .column("PYTHON", Align::Left)
            .column("MODULES", Align::Right)
            .painted("LOOK", paint_verdict)
            .painted("CHANGE", paint_verdict)
            .prose("COMMAND");
        for process in &self.processes {
            table.row(vec![
                process.pid.to_string(),
                process.python.clone().unwrap_or_default(),
                process.modules.map(thousands).unwrap_or_default(),
                verdict(&process.look),
                verdict(&process.change),
                escaped(&process.command),
            ]);
        }
        let reasons = look.width.map(|_| reasons(self)).unwrap_or_default();
        table.text(look.width) + &reasons
    }
}

fn verdict(ability: &Ability) -> String {
    match (ability.ok, &ability.kind) {
        (Some(true), _) => "yes".to_owned(),
        (None, _) => "?".to_owned(),
        (Some(false), kind) => kind.clone().unwrap_or_else(|| "no".to_owned()),
    }
}

fn paint_verdict(text: &str) -> String {
    match text {
        "yes" => super::good(text),
        "" | "?" => super::dim(text),
        _ => super::bad(text),
    }
}

/// Each reason once: what it means and what would help.
fn reasons(report: &Ps) -> String {
    let mut seen = Vec::new();
    let mut out = String::new();
    if report.processes.iter().any(|p| p.change.ok.is_none()) {
        out += &(dim("?: not assessed; nothing that can be seen from here forbids it") + "\n");
    }
    for ability in report.processes.iter().flat_map(|p| [&p.look, &p.change]) {
        let (Some(kind), Some(why)) = (&ability.kind, &ability.why) else {
            continue;
        };
        if seen.contains(&kind) {
            continue;
        }
        seen.push(kind);
        out += &format!("{}: {}\n", escaped(kind), escaped(why));
        if let Some(help) = &ability.help {
            out += &(dim(&format!("  help  {}", escaped(help))) + "\n");
        }
    }
    out
}
