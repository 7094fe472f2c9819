//! Prose on a terminal: broken between words, with a hanging indentation.

use unicode_width::UnicodeWidthStr;

/// The text in lines of at most `width` columns, each but the first indented by `indent`. The first
/// begins in column `indent` already. A word that is too long stays whole.
pub fn wrapped(text: &str, indent: usize, width: usize) -> String {
    let mut out = String::new();
    let mut column = indent;
    for word in text.split(' ') {
        let needed = word.width() + usize::from(column > indent);
        if column + needed > width && column > indent {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = indent;
        } else if column > indent {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += word.width();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_hang_below_the_first() {
        assert_eq!(
            wrapped("one two three four", 4, 12),
            "one two\n    three\n    four"
        );
    }

    #[test]
    fn a_word_that_is_too_long_stays_whole() {
        assert_eq!(
            wrapped("a /very/long/path b", 2, 8),
            "a\n  /very/long/path\n  b"
        );
    }
}
