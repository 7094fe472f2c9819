//! What a person would call an entry of `sys.modules`, decided from memory alone.

/// What a person would call an entry of `sys.modules`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// From a `.py` file. On 2.7 also from a `.pyc` file: whether the `.py` beside it still exists
    /// is not in memory.
    Source,
    /// From a `.pyc` file alone.
    Sourceless,
    /// From a shared library.
    Extension,
    /// Compiled into the interpreter.
    Builtin,
    /// Bytecode compiled into the interpreter.
    Frozen,
    /// A package of directories, without a file of its own.
    Namespace,
    /// The `None` that Python 2 leaves for a failed implicit relative import.
    Stub,
    /// A `None` that blocks the import of this name.
    Blocked,
    /// No module object, or one that came from nowhere: code made it.
    Other,
}

/// What memory says about a module object.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'f> {
    /// Whether the interpreter is Python 2.
    pub is_python_2: bool,
    /// The class of the loader and its bases, nearest first; or a loader that is a class itself.
    pub loader: &'f [&'f str],
    /// `__spec__.origin`.
    pub origin: Option<&'f str>,
    /// `__file__`.
    pub file: Option<&'f str>,
    /// Whether it was made from C, where the version says so.
    pub is_from_c: Option<bool>,
    /// Whether its name is in `sys.builtin_module_names`.
    pub is_builtin_name: bool,
    /// Whether `__path__` is one that is computed from the parent's, a `_NamespacePath`.
    pub has_namespace_path: bool,
}

/// The kind of a module object.
///
/// A loader of a known class decides (`Lib/importlib/_bootstrap_external.py`). Else `origin`, then
/// a path that only namespaces have, then the suffix of the file, then whether C code made the
/// module. A loader alone does not make a module builtin: `__main__` of `python -c` has
/// `BuiltinImporter`, and comes from nowhere.
pub fn of_module(facts: &Facts<'_>) -> Kind {
    facts
        .loader
        .iter()
        .find_map(|loader| by_loader(loader, facts))
        .or_else(|| by_origin(facts))
        .or_else(|| facts.has_namespace_path.then_some(Kind::Namespace))
        .or_else(|| by_file(facts.file?, facts.is_python_2))
        .or_else(|| without_file(facts))
        .unwrap_or(Kind::Other)
}

/// Whether the class of a loader, or a base of it, is enough to tell the kind.
pub fn is_told_by(loader: &[&str]) -> bool {
    let facts = Facts {
        is_from_c: Some(false),
        ..Facts::default()
    };
    loader
        .iter()
        .any(|loader| by_loader(loader, &facts).is_some())
}

fn by_loader(loader: &str, facts: &Facts<'_>) -> Option<Kind> {
    match loader {
        "SourceFileLoader" => Some(Kind::Source),
        "SourcelessFileLoader" => Some(Kind::Sourceless),
        "ExtensionFileLoader" | "AppleFrameworkLoader" => Some(Kind::Extension),
        "FrozenImporter" => Some(Kind::Frozen),
        "NamespaceLoader" | "_NamespaceLoader" => Some(Kind::Namespace),
        "BuiltinImporter" => {
            let is_builtin = facts.is_from_c != Some(false);
            is_builtin.then_some(Kind::Builtin)
        }
        _ => None,
    }
}

fn by_origin(facts: &Facts<'_>) -> Option<Kind> {
    match facts.origin? {
        "built-in" => Some(Kind::Builtin),
        "frozen" => Some(Kind::Frozen),
        _ => None,
    }
}

fn by_file(file: &str, is_python_2: bool) -> Option<Kind> {
    let ends = |suffix| file.ends_with(suffix);
    if ends(".so") || ends(".pyd") {
        Some(Kind::Extension)
    } else if (ends(".pyc") || ends(".pyo")) && !is_python_2 {
        Some(Kind::Sourceless)
    } else if file == "<frozen>" {
        Some(Kind::Frozen)
    } else {
        // A script needs no suffix; `<string>` and its like are no files.
        (!file.starts_with('<')).then_some(Kind::Source)
    }
}

fn without_file(facts: &Facts<'_>) -> Option<Kind> {
    if facts.is_builtin_name && facts.is_from_c != Some(false) {
        return Some(Kind::Builtin);
    }
    (facts.is_from_c == Some(true)).then_some(Kind::Extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(loader: &[&str], file: Option<&str>, is_from_c: bool) -> Kind {
        of_module(&Facts {
            loader,
            file,
            is_from_c: Some(is_from_c),
            ..Facts::default()
        })
    }

    #[test]
    fn the_nearest_known_class_of_the_loader_decides() {
        let own = ["OurLoader", "SourceFileLoader", "FileLoader"];
        assert_eq!(kind(&own, Some("/x/plugin.txt"), false), Kind::Source);
        assert_eq!(
            kind(&["FrozenImporter"], Some("/lib/os.py"), false),
            Kind::Frozen
        );
    }

    #[test]
    fn without_a_known_loader_the_file_or_the_definition_decides() {
        assert_eq!(
            kind(&["zipimporter"], Some("/x.zip/a.py"), false),
            Kind::Source
        );
        assert_eq!(
            kind(&["zipimporter"], Some("/x.zip/a.pyc"), false),
            Kind::Sourceless
        );
        assert_eq!(
            kind(
                &[],
                Some("/lib/_json.cpython-311-x86_64-linux-gnu.so"),
                true
            ),
            Kind::Extension
        );
        assert_eq!(kind(&[], None, true), Kind::Extension);
        assert_eq!(kind(&[], None, false), Kind::Other);
    }

    #[test]
    fn the_main_module_of_a_command_line_is_not_builtin() {
        assert_eq!(kind(&["BuiltinImporter"], None, false), Kind::Other);
        assert_eq!(kind(&["BuiltinImporter"], None, true), Kind::Builtin);
    }
}
