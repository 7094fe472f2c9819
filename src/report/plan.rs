//! `pyunload.plan/1`: what an unload would do; also the `plan` of `pyunload.unload/1`.

use crate::change::outcome::is_owned;
use crate::plan::cut::{Attribute, Cut, Entry};
use schemars::JsonSchema;
use serde::Serialize;

/// What an unload would do. What was not looked at is `null`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Plan {
    /// The packages asked for.
    pub names: Vec<String>,
    /// Whether it would leave anything behind.
    pub verdict: Option<Verdict>,
    /// What would be detached.
    pub remove: Remove,
    /// What is in the way.
    pub blockers: Option<Vec<Blocker>>,
    /// What could be done about holders.
    pub remedies: Option<Vec<Remedy>>,
    /// Who uses the modules.
    pub dependents: Option<Vec<Dependent>>,
    /// What would become of the modules.
    pub predicted: Option<Predicted>,
}

/// Whether an unload would leave anything behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing outside holds the modules.
    Clean,
    /// Whatever holds them can be made to let go.
    Remediable,
    /// Something prevents it now.
    Blocked,
    /// They cannot leave a running process.
    Restart,
}

/// What is detached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Remove {
    /// Keys of sys.modules, in the order in which they go.
    pub keys: Vec<String>,
    /// Other keys of the same modules.
    pub aliases: Vec<String>,
    /// Keys whose value is None.
    pub stubs: Vec<String>,
    /// Those of `keys` whose modules live under another name, and stay.
    pub borrowed: Vec<String>,
    /// Attributes of packages that stay, as `pkg.sub`.
    pub parent_attributes: Vec<String>,
    /// Names in other modules that hold something of theirs.
    pub references: Option<Vec<Reference>>,
}

/// A name in another module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Reference {
    /// The module.
    pub module: String,
    /// The name in it.
    pub name: String,
}

/// Something that is in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Blocker {
    /// What it is: `frame`, `thread`, `task`, `instances`, `subclass`, `no_remedy`, `extension`, ..
    pub kind: String,
    /// Its name.
    pub name: String,
    /// More about it.
    pub detail: String,
    /// How it holds the module, from its root on.
    pub path: Vec<String>,
}

/// Something that could be done about a holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Remedy {
    /// A stable name.
    pub kind: String,
    /// What it would do.
    pub detail: String,
    /// Whether it cannot break anything.
    pub safe: bool,
    /// Whether it can be taken back.
    pub reversible: bool,
    /// Whether `unload` does it by itself; otherwise it is to be done in the program, or asked for.
    pub by_unload: bool,
}

/// A module that uses one of those to be unloaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Dependent {
    /// Its name.
    pub module: String,
    /// How it uses it: `import`, `from_import`, `subclass`, `instance`, `registry`.
    pub how: String,
}

/// What would become of the modules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Predicted {
    /// Modules of which nothing would be left.
    pub gone: Vec<String>,
    /// Modules of which something would stay alive.
    pub ghost: Vec<String>,
    /// Modules whose shared library would stay mapped; those of `ghost` among them too.
    pub mapped: Vec<String>,
    /// Bytes that would be freed.
    pub retained_bytes: Option<u64>,
    /// What would be left of each of `ghost`.
    pub left: Vec<PredictedLeft>,
}

/// What would be left of a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PredictedLeft {
    /// The module.
    pub name: String,
    /// Its functions.
    pub functions: u64,
    /// Its classes.
    pub classes: u64,
    /// Instances of these classes.
    pub instances: u64,
    /// Bytes that would stay in use.
    pub retained_bytes: Option<u64>,
}

impl Plan {
    /// Of a change that takes nothing out of the process.
    pub fn of_nothing(names: Vec<String>) -> Self {
        Plan {
            names,
            verdict: None,
            remove: Remove::default(),
            blockers: None,
            remedies: None,
            dependents: None,
            predicted: None,
        }
    }
}

impl From<&Cut> for Plan {
    fn from(cut: &Cut) -> Self {
        let keys = |entries: &[Entry]| -> Vec<String> {
            entries.iter().map(|entry| entry.key.to_string()).collect()
        };
        let borrowed = cut.keys.iter().filter(|entry| !is_owned(cut, entry));
        Plan {
            names: cut.names.iter().map(ToString::to_string).collect(),
            verdict: None,
            remove: Remove {
                keys: keys(&cut.keys),
                aliases: keys(&cut.aliases),
                stubs: keys(&cut.stubs),
                borrowed: borrowed.map(|entry| entry.key.to_string()).collect(),
                parent_attributes: cut.attributes.iter().map(attribute).collect(),
                references: None,
            },
            blockers: None,
            remedies: None,
            dependents: None,
            predicted: None,
        }
    }
}

fn attribute(attribute: &Attribute) -> String {
    format!("{}.{}", attribute.parent, attribute.name)
}
