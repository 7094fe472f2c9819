//! Where a module would be found now, when its file is gone.

use crate::modules::row::ModuleRow;
use crate::target::process::Process;
use std::path::Path;

/// The file that the entries of a search path give for a module: the first that is there.
pub fn elsewhere(process: &Process, path: &[String], row: &ModuleRow) -> Option<String> {
    let below = file_below(&row.name)?;
    let absolute = path.iter().filter(|entry| entry.starts_with('/'));
    let candidates = absolute.flat_map(|entry| {
        let entry = entry.trim_end_matches('/');
        [".py", "/__init__.py"].map(|end| format!("{entry}/{below}{end}"))
    });
    let mut others = candidates.filter(|file| Some(file) != row.file.as_ref());
    others.find(|file| process.inside(Path::new(file)).is_file())
}

/// The way from an entry of the search path to a module. Nothing that leads elsewhere is a name.
fn file_below(name: &str) -> Option<String> {
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .chars()
                .all(|letter| letter.is_alphanumeric() || letter == '_')
    };
    name.split('.').all(is_word).then(|| name.replace('.', "/"))
}

#[cfg(test)]
mod tests {
    use super::file_below;

    #[test]
    fn a_name_that_leads_elsewhere_leads_nowhere() {
        assert_eq!(file_below("shop.tax").as_deref(), Some("shop/tax"));
        for name in ["", "a..b", "../etc/passwd", "a/b", "."] {
            assert_eq!(file_below(name), None, "{name}");
        }
    }
}
