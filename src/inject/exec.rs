//! The program that runs what a user typed, and what it answers.

use crate::address::Address;
use crate::inject::payload::lean;
use crate::inject::request::{Request, Status};
use std::fmt::Write;

const COMMON: &str = include_str!("payload/common.py");
const EXEC: &str = include_str!("payload/exec.py");
/// What only some code needs, and is compiled when it does.
const REST: [&str; 3] = [
    COMMON,
    include_str!("payload/exec_rest.py"),
    include_str!("payload/exec_raised.py"),
];

/// Longest code, in bytes of UTF-8: as escapes in the source it has four times that.
pub const MAX_CODE: usize = 128 << 10;

/// Bytes of each of standard output, value and traceback that come back.
const ROOM: usize = 200 << 10;

/// What became of the code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Executed {
    /// The `repr` of the expression it ends with.
    pub value: Option<String>,
    /// What it printed.
    pub stdout: String,
    /// The exception that left it.
    pub exception: Option<Exception>,
    /// Which of these were cut because they were too long.
    pub cut: Vec<String>,
}

/// An exception.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exception {
    /// Its class, with its module unless that is builtins.
    pub class: String,
    /// Its text.
    pub message: String,
    /// The traceback as Python writes it.
    pub traceback: String,
}

/// What the program answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The code ran.
    Executed(Executed),
    /// Nothing of the code ran: the `sys.modules` in there is not the one that was seen outside.
    Moved,
    /// Nothing of the code ran: the program itself raised before (near the recursion limit, say).
    Prevented(String),
    /// Not what the program writes.
    Unreadable,
}

/// The whole program for this code. `table` is `sys.modules` as it was read from outside. Pure
/// ASCII: whatever the code is, the parser sees it as one literal.
pub fn source(table: Address, code: &str) -> String {
    let cut = cut(code);
    let plain = is_plain(code, cut);
    let alone = plain && !code.trim().contains(['\n', ';']);
    let mut source = format!(
        "TABLE = {}\nROOM = {ROOM}\nCUT = {}\nPLAIN = {}\nALONE = {}\n",
        table.value(),
        code[..cut].chars().count(),
        u8::from(plain),
        u8::from(alone),
    );
    write_code(&mut source, code);
    let rest = lean(&REST);
    source + "REST = r'''" + &rest + "'''\n" + &lean(&[EXEC])
}

/// Where an expression at the end of the code may begin, in bytes; 0 where only the whole of it may be one.
///
/// Whether it does is tried inside: both parts are compiled. That proves it: what comes before is whole, and ends with
/// a line or a semicolon. Behind a line, the expression begins a line of its own without indentation, so it is in no
/// block. Behind a semicolon, it belongs to the only line there is, which is no block by its first word and has no comment.
fn cut(code: &str) -> usize {
    let text = code.trim_end();
    match text.rsplit_once('\n') {
        Some((_, line)) if line.starts_with(char::is_whitespace) => 0,
        Some((before, _)) => before.len() + 1,
        None if text.contains(['#', '\\', '\r', '\x0c']) || begins_block(text) => 0,
        None => text.rfind(';').map_or(0, |semicolon| semicolon + 1),
    }
}

/// Whether the expression that may begin at `cut` can be told by compiling `return` and that text: what `return` takes is
/// an expression, but for what is excluded here; and what is on one line with it does not run. What comes before is
/// compiled twice then: where it is long, a syntax tree costs less.
fn is_plain(code: &str, cut: usize) -> bool {
    const LONGEST: usize = 4096;
    let (before, last) = (&code[..cut], code[cut..].trim());
    let goes_on = before.trim_end().ends_with('\\');
    let is_starred = last
        .split(',')
        .any(|part| part.trim_start().starts_with('*'));
    let other = ["\n", ";", "#", "\\", "\r", "\x0c", "yield", ":="];
    let is_other = other.iter().any(|text| last.contains(text));
    cut <= LONGEST && !last.is_empty() && !goes_on && !is_starred && !is_other
}

/// Whether what follows on a line that begins so may belong to a block.
fn begins_block(line: &str) -> bool {
    const WORDS: [&str; 12] = [
        "if", "elif", "else", "for", "while", "try", "except", "finally", "with", "def", "class",
        "async",
    ];
    let end = line.find(|c: char| !c.is_alphanumeric() && c != '_');
    WORDS.contains(&&line[..end.unwrap_or(line.len())])
}

fn write_code(source: &mut String, text: &str) {
    // Writing to a String cannot fail.
    let _ = write!(source, "CODE = u'");
    for letter in text.chars() {
        let _ = match letter {
            '\'' | '\\' => write!(source, "\\{letter}"),
            ' '..='~' => write!(source, "{letter}"),
            '\0'..='\u{ff}' => write!(source, "\\x{:02x}", u32::from(letter)),
            '\u{100}'..='\u{ffff}' => write!(source, "\\u{:04x}", u32::from(letter)),
            _ => write!(source, "\\U{:08x}", u32::from(letter)),
        };
    }
    source.push_str("'\n");
}

/// Bytes of room for the answer.
pub const fn answer_room() -> usize {
    Request::MAX_SIZE
}

/// Understands what came back.
pub fn parse(status: Status, bytes: &[u8]) -> Answer {
    if status == Status::Raised {
        return Answer::Prevented(String::from_utf8_lossy(bytes).into_owned());
    }
    let mut executed = Executed::default();
    let mut exception = Exception::default();
    let mut rest = bytes;
    let mut ended = None;
    while let Some((name, data, behind)) = record(rest) {
        let text = || String::from_utf8_lossy(data).into_owned();
        match name {
            b"moved" => return Answer::Moved,
            b"ok" => ended = Some(Status::Ok),
            b"raised" => ended = Some(Status::Raised),
            b"value" => executed.value = Some(text()),
            b"stdout" => executed.stdout = text(),
            b"type" => exception.class = text(),
            b"message" => exception.message = text(),
            b"traceback" => exception.traceback = text(),
            b"cut" => executed.cut.push(text()),
            _ => return Answer::Unreadable,
        }
        rest = behind;
    }
    match ended {
        Some(status) if rest.is_empty() => {
            executed.exception = (status == Status::Raised).then_some(exception);
            Answer::Executed(executed)
        }
        _ => Answer::Unreadable,
    }
}

/// The first record: its name, its bytes, and what follows it.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    let space = bytes[..end].iter().position(|&byte| byte == b' ')?;
    let length = std::str::from_utf8(&bytes[space + 1..end]).ok()?;
    let length: usize = length.parse().ok()?;
    let behind = &bytes[end + 1..];
    let data = behind.get(..length)?;
    let rest = behind[length..].strip_prefix(b"\n")?;
    Some((&bytes[..space], data, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_one_literal_of_ascii() {
        let source = source(Address::new(7), "print('é\\')\n'''");
        assert!(source.starts_with("TABLE = 7\n"));
        assert!(source.contains(r"CODE = u'print(\'\xe9\\\')\x0a\'\'\''"));
        assert!(source.is_ascii());
    }

    #[test]
    fn nothing_in_the_rest_ends_its_literal() {
        let rest = lean(&REST);
        assert!(rest.ends_with('\n') && !rest.contains("'''"));
    }

    #[test]
    fn an_expression_may_begin_behind_the_last_line_end_or_semicolon_that_is_in_no_block() {
        let behind = |code: &'static str| &code[cut(code)..];
        assert_eq!(behind("import é; f(1)\n"), " f(1)\n");
        assert_eq!(behind("x = 'é'\nf(1)"), "f(1)");
        // In these it is told by the syntax tree, or the whole is one expression.
        for whole in [
            "f(1)",
            "if a: b; c",
            "else: b; c",
            "a # b; c",
            "if a:\n  b",
            "(1,\n 2)",
            "a\r; b",
            "",
        ] {
            assert_eq!(behind(whole), whole);
        }
        assert_eq!(behind("iffy; c"), " c");
    }

    #[test]
    fn what_return_takes_and_is_no_expression_is_not_plain() {
        let is_plain = |code: &str| is_plain(code, cut(code));
        for code in ["f(1)", "import é; f(*a)", "x = 'é'\n1, 2", "not x\n\n"] {
            assert!(is_plain(code), "{code}");
        }
        let other = [
            "",
            "a;",
            "a; b # c",
            "a, *b",
            "*a,",
            "(yield)",
            "(a := 1)",
            "a\\\nb",
            "(1,\n 2)",
            "f()\nif a:\n  b",
        ];
        for code in other {
            assert!(!is_plain(code), "{code}");
        }
        assert!(!is_plain(&("x = 1\n".repeat(1000) + "x")));
    }

    #[test]
    fn the_longest_code_fits_a_request() {
        let source = source(Address::NULL, &"\n".repeat(MAX_CODE));
        assert!(source.len() < Request::MAX_SIZE, "{}", source.len());
    }

    #[test]
    fn records_become_what_they_name() {
        let answer = parse(Status::Ok, b"ok 0\n\nvalue 2\n42\nstdout 3\na\nb\n");
        let executed = Executed {
            value: Some("42".to_owned()),
            stdout: "a\nb".to_owned(),
            ..Executed::default()
        };
        assert_eq!(answer, Answer::Executed(executed));
    }

    #[test]
    fn what_no_program_of_ours_writes_is_not_understood() {
        for bytes in [
            &b""[..],
            b"value 2\n42\n",
            b"ok 0\n\nvalue 3\n42\n",
            b"ok 99999999999999999999\n\n",
            b"ok 0\n\nother 0\n\n",
            b"ok 0\n\nrest",
        ] {
            assert_eq!(parse(Status::Ok, bytes), Answer::Unreadable);
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes_back_there_is_an_answer(bytes in proptest::collection::vec(0u8.., 0..200)) {
            parse(Status::Ok, &bytes);
        }
    }
}
