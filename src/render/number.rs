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

/// A size in its largest unit.
pub fn bytes(size: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match UNITS.iter().find(|(unit, _)| size >= *unit) {
        Some((unit, name)) => {
            // Two figures are enough where there is one before the point.
            let tenths = size / (unit / 10);
            match tenths {
                0..100 => format!("{}.{} {name}", tenths / 10, tenths % 10),
                _ => format!("{} {name}", thousands(tenths / 10)),
            }
        }
        None => format!("{size} bytes"),
    }
}

/// How many there are of something: "1 class", "2 classes".
pub fn counted(count: impl std::fmt::Display, what: &str) -> String {
    let count = thousands(count);
    let ending = match what {
        _ if count == "1" => "",
        what if what.ends_with('s') => "es",
        _ => "s",
    };
    format!("{count} {what}{ending}")
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
    fn sizes_have_two_figures_or_more() {
        let written = [0, 999, 1_000, 83_200, 1_349_999, 4_096_000_000].map(bytes);
        assert_eq!(
            written,
            [
                "0 bytes",
                "999 bytes",
                "1.0 kB",
                "83 kB",
                "1.3 MB",
                "4.0 GB"
            ]
        );
        assert_eq!(bytes(5_000_000_000_000), "5,000 GB");
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(counted(1, "class"), "1 class");
        assert_eq!(counted(0, "class"), "0 classes");
        assert_eq!(counted(1_204, "place"), "1,204 places");
    }

    #[test]
    fn a_duration_shows_its_two_largest_units() {
        let written = [7, 61, 3_661, 273_600].map(duration);
        assert_eq!(written, ["7 s", "1 min 1 s", "1 h 1 min", "3 d 4 h"]);
    }
}
