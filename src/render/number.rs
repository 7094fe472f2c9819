//! Numbers and times as a person reads them.

/// A whole number with separators between thousands.
pub fn thousands(number: impl std::fmt::Display) -> String {
    let text = number.to_string();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.as_str()),
    };
    let mut out = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A duration in its two largest units.
pub fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{} d {hours} h", thousands(days)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        let written =
            [0, 999, 1_000, 41_203, 1_204_331, -1_234].map(|number: i64| thousands(number));
        assert_eq!(
            written,
            ["0", "999", "1,000", "41,203", "1,204,331", "-1,234"]
        );
    }

    #[test]
    fn a_duration_shows_its_two_largest_units() {
        let written = [7, 61, 3_661, 273_600].map(duration);
        assert_eq!(written, ["7 s", "1 min 1 s", "1 h 1 min", "3 d 4 h"]);
    }
}
