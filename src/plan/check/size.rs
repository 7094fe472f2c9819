//! Sizes with units: `10MB`, `1.5GiB`.

const UNITS: [(&str, u64); 7] = [
    ("B", 1),
    ("kB", 1_000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
];

/// Digits behind the point that are understood.
const FINEST: usize = 9;

/// The bytes that a number with its unit stands for, rounded down; `None` when it is none, or more
/// than fits. Without a unit it is bytes.
pub fn parse(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let unit = match unit {
        "" => 1,
        unit => u128::from(UNITS.iter().find(|(name, _)| *name == unit)?.1),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    if part.is_empty() || part.len() > FINEST {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let fraction: u64 = part.parse().ok()?;
    let scale = 10_u128.pow(part.len() as u32);
    let bytes = u128::from(whole) * unit + u128::from(fraction) * unit / scale;
    u64::try_from(bytes).ok()
}

/// Whether this is a unit alone.
pub fn is_unit(text: &str) -> bool {
    UNITS.iter().any(|(name, _)| *name == text)
}

/// The bytes in the largest unit that gives a whole number.
pub fn written(bytes: u64) -> String {
    let fitting = UNITS
        .iter()
        .rev()
        .find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit));
    match fitting {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_both_families_are_understood() {
        assert_eq!(parse("10MB"), Some(10_000_000));
        assert_eq!(parse("10MiB"), Some(10 << 20));
        assert_eq!(parse("1.5kB"), Some(1_500));
        assert_eq!(parse("0.5GiB"), Some(1 << 29));
        assert_eq!(parse("512"), Some(512));
        assert_eq!(parse("512B"), Some(512));
    }

    #[test]
    fn what_is_no_size_is_none() {
        for wrong in [
            "",
            "MB",
            "10mb",
            "1.MB",
            ".5MB",
            "1.2.3MB",
            "-1MB",
            "1 MB",
            "99999999999999999999",
            "99999999999GiB",
            "1.0000000000MB",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_are_written_in_their_largest_whole_unit() {
        let written = [0, 1, 1_500, 10_000_000, 10 << 20, u64::MAX].map(written);
        assert_eq!(
            written,
            [
                "0B",
                "1B",
                "1500B",
                "10MB",
                "10MiB",
                "18446744073709551615B"
            ]
        );
    }
}
