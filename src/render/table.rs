//! Columns: aligned and cut to the width of a terminal, or plain, with tabs, for programs.

use super::style;
use unicode_width::UnicodeWidthStr;

/// Which edge of a column its text keeps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// What may happen to text that is too long for the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Never,
    Start,
    End,
}

struct Column {
    title: &'static str,
    align: Align,
    cut: Cut,
    painted: fn(&str) -> String,
}

/// A table that is filled row by row. Cells hold text that is escaped already, without colours.
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

/// What stands between columns on a terminal.
const GAP: usize = 2;
/// No column is cut to less than this.
const NARROWEST: usize = 12;
/// What stands for nothing in plain columns, so that counting columns by blanks works.
const NOTHING: &str = "-";

impl Table {
    /// A table without columns.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Table {
            columns: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Adds a column whose text is never cut.
    pub fn column(self, title: &'static str, align: Align) -> Self {
        self.with(title, align, Cut::Never, str::to_owned)
    }

    /// Adds a column of verdicts, painted after padding.
    pub fn painted(self, title: &'static str, painted: fn(&str) -> String) -> Self {
        self.with(title, Align::Left, Cut::Never, painted)
    }

    /// Adds a column of names; long ones lose their end on a terminal.
    pub fn names(self, title: &'static str) -> Self {
        self.with(title, Align::Left, Cut::End, style::name)
    }

    /// Adds a column of paths; long ones lose their start on a terminal.
    pub fn paths(self, title: &'static str) -> Self {
        self.with(title, Align::Left, Cut::Start, str::to_owned)
    }

    /// Adds a column of free text; long text loses its end on a terminal.
    pub fn prose(self, title: &'static str) -> Self {
        self.with(title, Align::Left, Cut::End, str::to_owned)
    }

    fn with(
        mut self,
        title: &'static str,
        align: Align,
        cut: Cut,
        painted: fn(&str) -> String,
    ) -> Self {
        self.columns.push(Column {
            title,
            align,
            cut,
            painted,
        });
        self
    }

    /// Adds a row; missing cells at its end are empty.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The text: cut to `width` columns, or plain where there is none.
    pub fn text(&self, width: Option<usize>) -> String {
        match width {
            Some(width) => self.aligned(width),
            None => self.plain(),
        }
    }

    fn plain(&self) -> String {
        let titles = self.columns.iter().map(|column| column.title);
        let mut out = titles.collect::<Vec<_>>().join("\t") + "\n";
        for row in &self.rows {
            let cells = (0..self.columns.len()).map(|index| cell(row, index));
            let cells = cells.map(|cell| if cell.is_empty() { NOTHING } else { cell });
            out += &(cells.collect::<Vec<_>>().join("\t") + "\n");
        }
        out
    }

    fn aligned(&self, width: usize) -> String {
        let widths = self.widths(width);
        let shown: Vec<usize> = (0..widths.len()).filter(|&i| widths[i] > 0).collect();
        let line = |cell: &dyn Fn(usize) -> (String, fn(&str) -> String)| {
            let mut out = String::new();
            for &index in &shown {
                let column = &self.columns[index];
                let (text, painted) = cell(index);
                let text = cut(&text, widths[index], column.cut);
                let pad = " ".repeat(widths[index].saturating_sub(text.width()));
                let last = Some(&index) == shown.last();
                let gap = if last { 0 } else { GAP };
                out += &match column.align {
                    Align::Right => format!("{pad}{}", painted(&text)),
                    Align::Left if last => painted(&text),
                    Align::Left => format!("{}{pad}", painted(&text)),
                };
                out += &" ".repeat(gap);
            }
            out.truncate(out.trim_end_matches(' ').len());
            out + "\n"
        };
        let mut out = line(&|index| (self.columns[index].title.to_owned(), style::dim));
        for row in &self.rows {
            out += &line(&|index| (cell(row, index).to_owned(), self.columns[index].painted));
        }
        out
    }

    /// Width of each column: as wide as its text; 0 for one without any; the widest that may be cut
    /// gives way until the line fits.
    fn widths(&self, available: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = (0..self.columns.len())
            .map(|index| {
                let cells = self.rows.iter().map(|row| cell(row, index).width());
                match cells.max() {
                    Some(0) => 0,
                    widest => widest.unwrap_or(0).max(self.columns[index].title.width()),
                }
            })
            .collect();
        loop {
            let used: usize = widths.iter().filter(|&&w| w > 0).map(|w| w + GAP).sum();
            let excess = used.saturating_sub(GAP).saturating_sub(available);
            let widest = (0..widths.len())
                .filter(|&i| self.columns[i].cut != Cut::Never && widths[i] > NARROWEST)
                .max_by_key(|&i| widths[i]);
            match widest {
                Some(index) if excess > 0 => widths[index] -= 1,
                _ => return widths,
            }
        }
    }
}

fn cell(row: &[String], index: usize) -> &str {
    row.get(index).map_or("", String::as_str)
}

/// The text cut to `width`, with an ellipsis where something is missing.
fn cut(text: &str, width: usize, how: Cut) -> String {
    if how == Cut::Never || text.width() <= width {
        return text.to_owned();
    }
    // Marks have no width of their own; more than a few on each character are left out.
    let most = 4 * width;
    let mut kept: Vec<char> = match how {
        Cut::Start => text.chars().rev().take(most).collect(),
        _ => text.chars().take(most).collect(),
    };
    loop {
        let kept_text: String = match how {
            Cut::Start => "…".chars().chain(kept.iter().rev().copied()).collect(),
            _ => kept.iter().copied().chain("…".chars()).collect(),
        };
        // As a whole: an emoji and the mark that makes it one are wider together than each for itself.
        let excess = kept_text.width().saturating_sub(width);
        if excess == 0 || kept.is_empty() {
            return kept_text;
        }
        // No character takes more than two columns, so not too much goes at once.
        kept.truncate(kept.len().saturating_sub((excess / 2).max(1)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new()
            .column("NAME", Align::Left)
            .column("REFS", Align::Right)
            .column("VERSION", Align::Left)
            .paths("FILE");
        table.row(vec![
            "shop".into(),
            "14".into(),
            String::new(),
            "/srv/shop/__init__.py".into(),
        ]);
        table.row(vec!["sys".into(), "1,204".into()]);
        table
    }

    fn stripped(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn plain_columns_are_complete_and_split_at_blanks() {
        assert_eq!(
            table().text(None),
            "NAME\tREFS\tVERSION\tFILE\nshop\t14\t-\t/srv/shop/__init__.py\nsys\t1,204\t-\t-\n"
        );
    }

    #[test]
    fn on_a_terminal_columns_are_aligned_and_empty_ones_left_out() {
        assert_eq!(
            stripped(&table().text(Some(80))),
            "NAME   REFS  FILE\nshop     14  /srv/shop/__init__.py\nsys   1,204\n"
        );
    }

    #[test]
    fn a_path_that_is_too_long_keeps_its_end() {
        let text = stripped(&table().text(Some(28)));
        assert_eq!(text.lines().nth(1), Some("shop     14  …op/__init__.py"));
        assert!(text.lines().all(|line| line.width() <= 28), "{text}");
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(cut("模块模块", 5, Cut::End), "模块…");
        assert_eq!(cut("模块模块", 8, Cut::End), "模块模块");
    }

    #[test]
    fn what_is_wider_together_than_alone_is_cut_as_a_whole() {
        assert_eq!(cut("abc0\u{fe0f}", 4, Cut::Start), "…c0\u{fe0f}");
        assert_eq!(cut("0\u{fe0f}0\u{fe0f}abc", 4, Cut::End), "0\u{fe0f}0…");
        let marks = "a".to_owned() + &"\u{301}".repeat(1 << 18) + "bcd";
        assert!(cut(&marks, 3, Cut::End).len() < 64);
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_in_the_cells_lines_fit_and_columns_can_be_counted(
            cells in proptest::collection::vec("\\PC{0,60}", 3),
            width in 60usize..100,
        ) {
            let mut table = Table::new().names("NAME").prose("WHAT").paths("FILE");
            table.row(cells.iter().map(|cell| super::super::escaped(cell)).collect());
            for line in stripped(&table.text(Some(width))).lines() {
                proptest::prop_assert!(line.width() <= width, "{}", line);
            }
            for line in table.text(None).lines() {
                proptest::prop_assert_eq!(line.split('\t').count(), 3);
            }
        }
    }
}
