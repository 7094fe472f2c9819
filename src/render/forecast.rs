//! What a reload would move: the strength first.

use super::stale::what_name;
use super::{Answer, Look, counted, dim, escaped, good, name, warn};
use crate::report::{Document, Envelope, ForecastModule, PlanReload};
use std::fmt::Write;

/// How many names of one module are listed.
const LISTED: usize = 20;

impl Answer for Document<PlanReload> {
    fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    fn text(&self, _look: &Look) -> String {
        let modules = self.body.reload.iter().flat_map(|all| &all.modules);
        let beyond = self.body.plan.blockers.as_ref().map_or(0, Vec::len);
        let names = name(&escaped(&self.body.plan.names.join(", ")));
        let count: usize = modules.clone().map(|one| one.moves.len()).sum();
        let mut text = match (count, beyond) {
            (0, _) => format!("{}: {names} would stay as it is.\n", good("current")),
            (_, 0) => {
                let moves = counted(count, "change");
                format!(
                    "{}: {moves} of {names} can move; nothing of it would run.\n",
                    good("code")
                )
            }
            _ => format!(
                "{}: {} of {names} can move only by running statements.\n",
                warn("execute"),
                counted(beyond, "change"),
            ),
        };
        for module in modules {
            add_module(&mut text, module);
        }
        let dependents = self.body.plan.dependents.iter().flatten();
        let importers: Vec<&str> = dependents.map(|one| one.module.as_str()).collect();
        if !importers.is_empty() {
            let _ = writeln!(text, "  imported by  {}", escaped(&importers.join(", ")));
        }
        for line in self.body.reload.iter().flat_map(|all| &all.not_known) {
            let _ = writeln!(text, "{}", dim(line));
        }
        text
    }
}

fn add_module(text: &mut String, module: &ForecastModule) {
    for one in module.moves.iter().take(LISTED) {
        let reason = match &one.reason {
            Some(reason) => format!("  needs --execute: {}", reason.replace('_', " ")),
            None => String::new(),
        };
        let qualname = escaped(&format!("{}.{}", module.name, one.qualname));
        let what = what_name(one.what);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  line {:<5} {qualname}  {what}{reason}", one.line);
    }
    if !module.stays.is_empty() {
        let stays = escaped(&module.stays.join(", "));
        let _ = writeln!(text, "  stays        {stays}, replaced by the program");
    }
}
