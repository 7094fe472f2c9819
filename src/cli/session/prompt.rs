//! The prompt: history, and completion of commands and of module names.

use super::line::command_names;
use crate::cli::args::Which;
use crate::render::escaped;
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{Context, Editor, Helper};

/// What a person types, line by line.
pub struct Prompt {
    editor: Editor<Words, DefaultHistory>,
    text: String,
}

impl Prompt {
    /// A prompt for the session on a target, that completes `modules` among others.
    ///
    /// # Errors
    /// When the terminal cannot be used.
    pub fn new(which: &Which, modules: Vec<String>) -> Result<Self, ReadlineError> {
        let mut editor = Editor::new()?;
        editor.set_helper(Some(Words {
            commands: command_names(),
            modules,
        }));
        Ok(Prompt {
            editor,
            text: format!("({}) ", short_name(which)),
        })
    }
}

/// The pid, or the name of the core file without its folder.
fn short_name(which: &Which) -> String {
    match which {
        Which::Pid(pid) => pid.to_string(),
        Which::Core(path) => {
            let name = path.file_name().unwrap_or_default();
            escaped(&name.to_string_lossy())
        }
    }
}

impl Iterator for Prompt {
    type Item = String;

    /// The next line; `None` at the end of input. Ctrl-C only drops what was typed.
    fn next(&mut self) -> Option<String> {
        loop {
            match self.editor.readline(&self.text) {
                Ok(line) => {
                    // History is a comfort: a line that does not fit is simply not in it.
                    let _ = self.editor.add_history_entry(&line);
                    return Some(line);
                }
                Err(ReadlineError::Interrupted) => {}
                Err(_) => return None,
            }
        }
    }
}

/// The words that can be completed.
struct Words {
    commands: Vec<String>,
    modules: Vec<String>,
}

impl Completer for Words {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = &line[..position];
        let start = typed.rfind(' ').map_or(0, |space| space + 1);
        let (words, behind) = match typed[..start].trim().is_empty() {
            true => (&self.commands, " "),
            false => (&self.modules, ""),
        };
        let fitting = words
            .iter()
            .filter(|word| word.starts_with(&typed[start..]))
            .map(|word| Pair {
                display: word.clone(),
                replacement: format!("{word}{behind}"),
            });
        Ok((start, fitting.collect()))
    }
}

impl Hinter for Words {
    type Hint = String;
}
impl Highlighter for Words {}
impl Validator for Words {}
impl Helper for Words {}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(line: &str) -> Vec<String> {
        let words = Words {
            commands: command_names(),
            modules: vec!["json".into(), "json.decoder".into(), "os".into()],
        };
        let history = DefaultHistory::new();
        let (_, pairs) = words
            .complete(line, line.len(), &Context::new(&history))
            .expect("completion");
        pairs.into_iter().map(|pair| pair.replacement).collect()
    }

    #[test]
    fn the_first_word_is_a_command_and_the_others_are_modules() {
        assert_eq!(completed("mod"), ["modules "]);
        assert_eq!(completed("modules js"), ["json", "json.decoder"]);
        assert_eq!(completed("modules os js"), ["json", "json.decoder"]);
    }
}
