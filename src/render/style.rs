//! Colours: they mark verdicts and names, and mean nothing alone.

use anstyle::{AnsiColor, Style};

fn painted(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// A verdict that is a yes.
pub fn good(text: &str) -> String {
    painted(AnsiColor::Green.on_default(), text)
}

/// A verdict that is a no.
pub fn bad(text: &str) -> String {
    painted(AnsiColor::Red.on_default().bold(), text)
}

/// A verdict between.
pub fn warn(text: &str) -> String {
    painted(AnsiColor::Yellow.on_default(), text)
}

/// The name of something.
pub fn name(text: &str) -> String {
    painted(Style::new().bold(), text)
}

/// What matters least.
pub fn dim(text: &str) -> String {
    painted(Style::new().dimmed(), text)
}
