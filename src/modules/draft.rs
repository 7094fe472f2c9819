//! What one reading finds out about an entry of `sys.modules`, and the row that this gives.

use crate::address::Address;
use crate::cpython::layout::Layout;
use crate::modules::attributes::{Objects, Value};
use crate::modules::kind::{self, Facts, Kind};
use crate::modules::row::ModuleRow;
use crate::pyobject::dict::{Entry, Source};
use crate::pyobject::module::Module;
use crate::pyobject::repr;
use crate::pyobject::text::{self, Text};
use crate::target::memory::ReadMemory;
use std::collections::HashSet;

/// Names looked up in the namespace of each module.
pub(super) const GLOBALS: [&str; 7] = [
    "__file__",
    "__cached__",
    "__version__",
    "__package__",
    "__loader__",
    "__spec__",
    "__name__",
];
/// Looked up only where the loader does not tell what a module is.
pub(super) const PATH: [&str; 1] = ["__path__"];
/// Which of [`GLOBALS`] is the spec.
pub(super) const SPEC_NAME: usize = 5;
/// Which of [`GLOBALS`] is the name: mostly the very object that is the key in `sys.modules`. Nothing else is asked of
/// it.
pub(super) const OWN_NAME: usize = 6;
/// Names looked up in each spec.
pub(super) const SPEC: [&str; 3] = ["loader", "origin", "_cached"];

/// One entry as one reading found it.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) row: ModuleRow,
    pub(super) warnings: Vec<String>,
}

impl Found {
    pub(super) fn agrees_with(&self, other: &Found) -> bool {
        self.warnings == other.warnings && self.row.agrees_with(&other.row)
    }
}

/// What is known of one entry while it is read.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) module: Option<Module>,
    pub(super) globals: [Option<Address>; GLOBALS.len()],
    pub(super) path: Option<Address>,
    pub(super) spec: [Option<Address>; 3],
    pub(super) warnings: Vec<String>,
}

impl Draft {
    pub(super) fn file(&self) -> Option<Address> {
        self.globals[0]
    }
    pub(super) fn cached(&self) -> Option<Address> {
        self.globals[1].or(self.spec[2])
    }
    pub(super) fn version(&self) -> Option<Address> {
        self.globals[2]
    }
    pub(super) fn package(&self) -> Option<Address> {
        self.globals[3]
    }
    pub(super) fn loader(&self) -> Option<Address> {
        self.spec[0].or(self.globals[4])
    }
    pub(super) fn origin(&self) -> Option<Address> {
        self.spec[1]
    }

    /// On 2.7 a module that was never filled has none.
    pub(super) fn has_dict(&self) -> bool {
        self.module.is_some_and(|module| !module.dict.is_null())
    }

    pub(super) fn namespace(&self) -> Option<Source> {
        self.module.map(|module| Source::Dict(module.dict))
    }
}

/// Makes rows of drafts, when all that they need was read.
pub(super) struct RowMaker<'r, M: ?Sized> {
    pub(super) memory: &'r M,
    pub(super) layout: &'r Layout,
    /// Where a module needs them.
    pub(super) builtin_names: Option<&'r HashSet<String>>,
}

impl<M: ReadMemory + ?Sized> RowMaker<'_, M> {
    /// The row of an entry, and what is to be warned of.
    pub(super) fn found(&self, objects: &mut Objects, entry: Entry, mut draft: Draft) -> Found {
        let (name, name_is_repr) = self.name(objects, entry.key, &mut draft.warnings);
        let header = objects.header(entry.value);
        if header.is_none() {
            draft
                .warnings
                .push(format!("there is no object at {}", entry.value));
        }
        let loader = match draft.loader() {
            Some(at) if !objects.is_none(at) => objects.loader_names(at),
            _ => Vec::new(),
        };
        let mut row = ModuleRow {
            kind: Kind::Other,
            class: objects
                .class_of(entry.value)
                .map(|class| class.name.clone()),
            address: entry.value,
            dict: draft
                .has_dict()
                .then(|| draft.module.map(|module| module.dict))
                .flatten(),
            refcount: header.map(|header| header.refcount.count),
            immortal: header.is_some_and(|header| header.refcount.immortal),
            file: text_of(objects, "__file__", draft.file(), &mut draft.warnings),
            cached: text_of(objects, "__cached__", draft.cached(), &mut draft.warnings),
            origin: text_of(
                objects,
                "__spec__.origin",
                draft.origin(),
                &mut draft.warnings,
            ),
            loader: loader.first().map(|&name| name.to_owned()),
            version: optional_text(objects, draft.version()),
            package: text_of(objects, "__package__", draft.package(), &mut draft.warnings),
            aliases: Vec::new(),
            name,
            name_is_repr,
        };
        row.kind = self.kind(objects, &row, &draft, &loader);
        let warnings = draft.warnings.iter();
        Found {
            warnings: warnings
                .map(|warning| format!("{}: {warning}", row.name))
                .collect(),
            row,
        }
    }

    fn kind(&self, objects: &Objects, row: &ModuleRow, draft: &Draft, loader: &[&str]) -> Kind {
        let is_python_2 = self.layout.python < (3, 0);
        if objects.is_none(row.address) {
            return if is_python_2 {
                Kind::Stub
            } else {
                Kind::Blocked
            };
        }
        let Some(module) = draft.module else {
            return Kind::Other;
        };
        let path = draft.path.and_then(|at| objects.class_of(at));
        let builtins = self.builtin_names;
        kind::of_module(&Facts {
            is_python_2,
            loader,
            origin: row.origin.as_deref(),
            file: row.file.as_deref(),
            is_from_c: module.is_from_c,
            is_builtin_name: row.name != "__main__"
                && builtins.is_some_and(|names| names.contains(&row.name)),
            has_namespace_path: path.is_some_and(|class| class.name == "_NamespacePath"),
        })
    }

    /// The name that a key gives, and whether it is in `repr` form.
    fn name(
        &self,
        objects: &mut Objects,
        key: Address,
        warnings: &mut Vec<String>,
    ) -> (String, bool) {
        let is_str = objects
            .class_of(key)
            .and_then(|class| class.flags.text_kind())
            .is_some_and(|kind| kind == text::native(self.layout));
        match objects.text(key) {
            Some(Ok(Text::Plain(name))) if is_str => return (name.clone(), false),
            Some(Ok(text)) if is_str => {
                let kind = text::native(self.layout);
                return (repr::of_text(self.layout, kind, text), true);
            }
            Some(Err(error)) => {
                warnings.push(format!("its key is unknown: {error}"));
                return (format!("<str object at {key}>"), true);
            }
            _ => {}
        }
        match repr::read(self.memory, self.layout, &mut objects.classes, key) {
            Ok(name) => (name, true),
            Err(error) => {
                warnings.push(format!("its key is unknown: {error}"));
                (format!("<object at {key}>"), true)
            }
        }
    }
}

/// The text of an attribute; one that holds something else, or cannot be read, is warned about.
fn text_of(
    objects: &Objects,
    name: &str,
    at: Option<Address>,
    warnings: &mut Vec<String>,
) -> Option<String> {
    match objects.value(at?) {
        Value::Text(text) => return Some(text),
        Value::Null => {}
        Value::Other(class) => warnings.push(format!("{name} is no str but of class {class}")),
        Value::Unreadable(why) => warnings.push(format!("{name} is unknown: {why}")),
    }
    None
}

/// The text of an attribute that may well hold something else.
fn optional_text(objects: &Objects, at: Option<Address>) -> Option<String> {
    match objects.value(at?) {
        Value::Text(text) => Some(text),
        _ => None,
    }
}
