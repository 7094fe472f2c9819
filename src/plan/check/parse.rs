//! From words to assertions. Each may be one word with blanks in it, or several words: where one ends
//! is told by the grammar, not by the words.

use super::assertion::{Assertion, Comparison, Name};
use super::size;

/// Why words are no assertion.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}{}, found {}", behind(.after), or_end(.found))]
pub struct ParseError {
    /// What could have come.
    pub expected: &'static str,
    /// What had been understood of the assertion.
    pub after: String,
    /// What came; `None` for the end.
    pub found: Option<String>,
}

fn behind(after: &str) -> String {
    match after {
        "" => String::new(),
        after => format!(" after '{after}'"),
    }
}

fn or_end(found: &Option<String>) -> String {
    found
        .as_ref()
        .map_or("the end".to_owned(), |text| format!("'{text}'"))
}

const KEYWORDS: &str = "absent, loaded, version, refcount, ghosts, generations, held-by, retained \
                        or extension-mapped";
const NAME: &str = "the name of a module";
const COMPARISON: &str = "one of == != < <= > >=";
const COUNT: &str = "a whole number";

/// The assertions that words stand for.
///
/// # Errors
/// What was expected where, and what was found there.
pub fn parse(words: &[String]) -> Result<Vec<Assertion>, ParseError> {
    let mut reader = Reader::new(words);
    let mut assertions = Vec::new();
    while reader.begin() {
        assertions.push(reader.assertion()?);
        reader.end()?;
    }
    Ok(assertions)
}

/// A piece of a word: a comparison, or text between blanks.
#[derive(Debug, Clone, Copy)]
struct Token<'w> {
    text: &'w str,
    /// Which word, and the rest of that word from here on.
    word: usize,
    rest: &'w str,
}

struct Reader<'w> {
    words: &'w [String],
    tokens: Vec<Token<'w>>,
    next: usize,
    /// The first token of the assertion that is being read.
    start: usize,
    /// The word in which it must end: one that was quoted.
    only: Option<usize>,
}

impl<'w> Reader<'w> {
    fn new(words: &'w [String]) -> Self {
        let tokens = words.iter().enumerate();
        Reader {
            words,
            tokens: tokens
                .flat_map(|(word, text)| tokens_of(word, text))
                .collect(),
            next: 0,
            start: 0,
            only: None,
        }
    }

    /// Whether there is another assertion.
    fn begin(&mut self) -> bool {
        self.start = self.next;
        let first = self.tokens.get(self.next);
        self.only = first.and_then(|token| {
            let word = self.words[token.word].trim();
            let is_quoted = word.contains(char::is_whitespace);
            (is_quoted && token.rest.trim() == word).then_some(token.word)
        });
        first.is_some()
    }

    /// A quoted assertion ends with its word.
    fn end(&self) -> Result<(), ParseError> {
        match self.peek() {
            Some(token) if self.only == Some(token.word) => Err(self.expected("the end")),
            _ => Ok(()),
        }
    }

    fn assertion(&mut self) -> Result<Assertion, ParseError> {
        let keyword = self.peek().map_or("", |token| token.text);
        self.next += 1;
        Ok(match keyword {
            "absent" => Assertion::Absent(self.name()?),
            "loaded" => Assertion::Loaded(self.name()?),
            "version" => Assertion::Version(self.name()?, self.comparison()?, self.version()?),
            "refcount" => Assertion::Refcount(self.name()?, self.comparison()?, self.count()?),
            "ghosts" => self.ghosts()?,
            "generations" => {
                Assertion::Generations(self.name()?, self.comparison()?, self.count()?)
            }
            "held-by" => self.held_by()?,
            "retained" => Assertion::Retained(self.name()?, self.comparison()?, self.size()?),
            "extension-mapped" => Assertion::Mapped(self.file()?),
            _ => {
                self.next -= 1;
                return Err(self.expected(KEYWORDS));
            }
        })
    }

    fn ghosts(&mut self) -> Result<Assertion, ParseError> {
        let is_all = self.peek().is_some_and(|token| is_sign(token.text));
        let name = if is_all { None } else { Some(self.name()?) };
        Ok(Assertion::Ghosts(name, self.comparison()?, self.count()?))
    }

    fn held_by(&mut self) -> Result<Assertion, ParseError> {
        let name = self.name()?;
        self.take("ONLY", |text| {
            text.eq_ignore_ascii_case("only").then_some(())
        })?;
        let mut only = Vec::new();
        loop {
            let expected = "names with commas between them";
            let (mut names, goes_on) = self.take(expected, |text| {
                let goes_on = text.ends_with(',');
                let text = text.strip_suffix(',').unwrap_or(text);
                let names: Option<Vec<Name>> = text.split(',').map(Name::new).collect();
                names.map(|names| (names, goes_on))
            })?;
            only.append(&mut names);
            if !goes_on {
                return Ok(Assertion::HeldBy(name, only));
            }
        }
    }

    fn name(&mut self) -> Result<Name, ParseError> {
        self.take(NAME, Name::new)
    }

    fn comparison(&mut self) -> Result<Comparison, ParseError> {
        self.take(COMPARISON, |text| {
            let found = Comparison::ALL.iter().find(|(sign, _)| *sign == text);
            found.map(|(_, comparison)| *comparison)
        })
    }

    fn count(&mut self) -> Result<u64, ParseError> {
        self.take(COUNT, |text| text.parse().ok())
    }

    fn version(&mut self) -> Result<String, ParseError> {
        let is_version = |text: &str| text.chars().any(|c| c.is_ascii_digit());
        self.take("a version", |text| {
            is_version(text).then(|| text.to_owned())
        })
    }

    /// A size; its unit may stand apart.
    fn size(&mut self) -> Result<u64, ParseError> {
        const SIZE: &str = "a size such as 10MB (B, kB, MB, GB, KiB, MiB, GiB)";
        let number = self.take(SIZE, |text| size::parse(text).map(|_| text.to_owned()))?;
        let is_bare = number.ends_with(|c: char| c.is_ascii_digit());
        let unit = self.peek().filter(|t| is_bare && size::is_unit(t.text));
        let text = number + unit.map_or("", |token| token.text);
        let bytes = size::parse(&text).ok_or_else(|| self.expected(SIZE))?;
        self.next += usize::from(unit.is_some());
        Ok(bytes)
    }

    /// A file: all that is left of its word, blanks and signs included.
    fn file(&mut self) -> Result<String, ParseError> {
        let Some(token) = self.peek() else {
            return Err(self.expected("the path or the name of a file"));
        };
        while self.peek().is_some_and(|next| next.word == token.word) {
            self.next += 1;
        }
        Ok(token.rest.trim().to_owned())
    }

    /// The next token of this assertion.
    fn peek(&self) -> Option<Token<'w>> {
        let token = *self.tokens.get(self.next)?;
        self.only
            .is_none_or(|word| word == token.word)
            .then_some(token)
    }

    fn take<T>(
        &mut self,
        expected: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, ParseError> {
        let read = self.peek().and_then(|token| read(token.text));
        let value = read.ok_or_else(|| self.expected(expected))?;
        self.next += 1;
        Ok(value)
    }

    fn expected(&self, expected: &'static str) -> ParseError {
        let texts = self.tokens[self.start..self.next].iter().map(|t| t.text);
        ParseError {
            expected,
            after: texts.collect::<Vec<_>>().join(" "),
            found: self.peek().map(|token| token.text.to_owned()),
        }
    }
}

/// Whether this is made of the characters of comparisons.
fn is_sign(text: &str) -> bool {
    text.starts_with(is_sign_character)
}

fn is_sign_character(c: char) -> bool {
    matches!(c, '=' | '!' | '<' | '>')
}

/// Splits a word at blanks, and where comparisons begin and end.
fn tokens_of(word: usize, text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let sign = is_sign_character(first);
        let end = rest.find(|c: char| c.is_whitespace() || is_sign_character(c) != sign);
        let (text, behind) = rest.split_at(end.unwrap_or(rest.len()));
        tokens.push(Token { text, word, rest });
        rest = behind.trim_start();
    }
    tokens
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
