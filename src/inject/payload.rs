//! The programs of `payload/*.py` as they are sent.

/// Joins texts, without blank lines and lines that are a comment: a target that compiles a program lets no
/// other thread run Python meanwhile. No literal of ours has such a line that counts.
pub fn lean(texts: &[&str]) -> String {
    let lines = texts.iter().flat_map(|text| text.lines());
    let needed = lines.filter(|line| {
        let line = line.trim_start();
        !line.is_empty() && !line.starts_with('#')
    });
    needed.flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::lean;

    #[test]
    fn only_comments_and_blank_lines_are_left_out() {
        let text = "# why\n\nx = '#'  # because\n    # more\n    y = 2\n";
        assert_eq!(
            lean(&[text, "z = 3"]),
            "x = '#'  # because\n    y = 2\nz = 3\n"
        );
    }
}
