//! sys.modules as a table.

use super::{Align, Answer, Look, Table, dim, escaped, name, thousands};
use crate::report::{Consistency, Envelope, Module, ModuleKind, Modules};

impl Answer for Modules {
    fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    fn text(&self, look: &Look) -> String {
        let pid = self.envelope.target.as_ref().and_then(|target| target.pid);
        let table = table(self, look, pid).text(look.width);
        if look.width.is_none() {
            return match table.split_once('\n') {
                Some((_titles, rows)) if look.continued => rows.to_owned(),
                _ => table,
            };
        }
        let heading = match (look.several, &self.envelope.target) {
            (true, Some(target)) => format!(
                "{}  CPython {}\n",
                name(&target.pid.unwrap_or_default().to_string()),
                target.python.as_deref().unwrap_or("?")
            ),
            _ => String::new(),
        };
        if self.modules.is_empty() {
            return format!("{heading}{}", footer(self));
        }
        format!("{heading}{table}{}", footer(self))
    }
}

/// In plain columns of several processes each line says whose it is.
fn table(report: &Modules, look: &Look, pid: Option<i32>) -> Table {
    let with_pid = look.several && look.width.is_none();
    let mut table = Table::new();
    if with_pid {
        table = table.column("PID", Align::Right);
    }
    table = table
        .names("NAME")
        .column("KIND", Align::Left)
        .column("REFS", Align::Right)
        .column("VERSION", Align::Left);
    if look.addresses {
        table = table
            .column("ADDRESS", Align::Left)
            .column("DICT", Align::Left);
    }
    table = table.paths("FILE");
    for module in &*report.modules {
        let mut cells = Vec::with_capacity(8);
        if with_pid {
            cells.push(pid.map(|pid| pid.to_string()).unwrap_or_default());
        }
        cells.extend(cells_of(module, look));
        table.row(cells);
    }
    table
}

fn cells_of(module: &Module, look: &Look) -> Vec<String> {
    let mut cells = vec![
        escaped(&module.name),
        kind_text(module),
        refcount_text(module),
        version_text(module),
    ];
    if look.addresses {
        cells.push(module.address.0.to_string());
        cells.push(
            module
                .dict
                .map(|dict| dict.0.to_string())
                .unwrap_or_default(),
        );
    }
    cells.push(escaped(module.file.as_deref().unwrap_or_default()));
    cells
}

fn kind_text(module: &Module) -> String {
    match (module.kind, &module.class) {
        (ModuleKind::Other, Some(class)) => escaped(class),
        (kind, _) => kind_name(kind).to_owned(),
    }
}

fn refcount_text(module: &Module) -> String {
    match module.refcount {
        _ if module.immortal => "immortal".to_owned(),
        Some(count) => thousands(count),
        None => String::new(),
    }
}

/// A version is free text of the module: a long one must not push its file off the line.
fn version_text(module: &Module) -> String {
    const LONGEST: usize = 16;
    let version = escaped(module.version.as_deref().unwrap_or_default());
    if version.chars().count() <= LONGEST {
        return version;
    }
    version.chars().take(LONGEST - 1).chain(['…']).collect()
}

fn footer(report: &Modules) -> String {
    let shown = report.modules.len();
    let count = match shown {
        0 => format!("no match among {} modules.", thousands(report.total)),
        _ if shown == report.total => format!("{} modules.", thousands(shown)),
        _ => format!(
            "{} of {} modules.",
            thousands(shown),
            thousands(report.total)
        ),
    };
    let how = match report.envelope.consistency {
        Consistency::Live => "Read live",
        Consistency::Paused => "Read while it was stopped",
        Consistency::Snapshot => "Read from a snapshot",
        Consistency::Core => "Read from a core file",
    };
    let held = match report.envelope.stopped_us {
        0 => String::new(),
        us => format!(" for {:.1} ms", us as f64 / 1000.0),
    };
    let verdict = match report.envelope.warnings.len() {
        0 => ", consistent.".to_owned(),
        1 => ", with 1 warning.".to_owned(),
        many => format!(", with {} warnings.", thousands(many)),
    };
    dim(&format!("{count} {how}{held}{verdict}")) + "\n"
}

/// The kind as the contract spells it.
fn kind_name(kind: ModuleKind) -> &'static str {
    match kind {
        ModuleKind::Source => "source",
        ModuleKind::Sourceless => "sourceless",
        ModuleKind::Extension => "extension",
        ModuleKind::Builtin => "builtin",
        ModuleKind::Frozen => "frozen",
        ModuleKind::Namespace => "namespace",
        ModuleKind::Stub => "stub",
        ModuleKind::Blocked => "blocked",
        ModuleKind::Other => "other",
    }
}
