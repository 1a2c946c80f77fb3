//! A table: columns as wide as their widest cell, and one that gives way where all are too wide together.

use std::io;

use rustix::termios::tcgetwinsize;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::style::{Style, Styles};

/// The width of a line where nobody says another one.
const WIDTH: usize = 80;
/// Between two columns.
const GAP: &str = "  ";
/// No column gives way beyond this.
const LEAST: usize = 8;

/// Where a cell's text stands in its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A table that is being filled.
pub struct Table {
    styles: Styles,
    width: usize,
    columns: Vec<(&'static str, Align)>,
    /// Rows of cells, and lines between them that belong to the row before.
    rows: Vec<Row>,
}

enum Row {
    Cells(Vec<(Style, String)>),
    Note(Style, String),
}

impl Table {
    /// A table for standard output. The first column is shortened where the line would be too long.
    pub fn new(styles: Styles, columns: &[(&'static str, Align)]) -> Self {
        Self {
            styles,
            width: line_width(),
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<(Style, String)>) {
        self.rows.push(Row::Cells(cells));
    }

    /// Adds a line about the row before.
    pub fn note(&mut self, style: Style, text: String) {
        self.rows.push(Row::Note(style, text));
    }

    /// The lines of the table, the heading first.
    pub fn lines(&self) -> Vec<String> {
        let mut widths = self.columns.iter().map(|(name, _)| name.width());
        let mut widths = widths.by_ref().collect::<Vec<_>>();
        for row in &self.rows {
            if let Row::Cells(cells) = row {
                for (width, (_, text)) in widths.iter_mut().zip(cells) {
                    *width = (*width).max(text.width());
                }
            }
        }
        let gaps = GAP.len() * self.columns.len().saturating_sub(1);
        let all = widths.iter().sum::<usize>() + gaps;
        if let Some(first) = widths.first_mut() {
            *first = first
                .saturating_sub(all.saturating_sub(self.width))
                .max(LEAST.min(*first));
        }
        let heading = self.columns.iter();
        let heading = heading.map(|(name, _)| (Style::Bold, (*name).to_owned()));
        let heading = Row::Cells(heading.collect());
        let rows = [&heading].into_iter().chain(&self.rows);
        rows.map(|row| self.line(row, &widths)).collect()
    }

    fn line(&self, row: &Row, widths: &[usize]) -> String {
        let cells = match row {
            Row::Cells(cells) => cells,
            Row::Note(style, text) => {
                let text = shortened(text, self.width.saturating_sub(GAP.len()));
                return format!("{GAP}{}", self.styles.paint(*style, &text));
            }
        };
        let mut line = String::new();
        for (number, (style, text)) in cells.iter().enumerate() {
            let (Some((_, align)), Some(width)) = (self.columns.get(number), widths.get(number))
            else {
                break;
            };
            let text = shortened(text, *width);
            let space = " ".repeat(width.saturating_sub(text.width()));
            let text = self.styles.paint(*style, &text);
            line.push_str(if number > 0 { GAP } else { "" });
            match align {
                Align::Left => line.extend([text, space]),
                Align::Right => line.extend([space, text]),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// The width of the terminal, if standard output is one; else that of a page.
pub fn line_width() -> usize {
    let size = tcgetwinsize(io::stdout()).ok();
    let columns = size.map(|size| usize::from(size.ws_col));
    columns.filter(|columns| *columns > 0).unwrap_or(WIDTH)
}

/// The text with something left out in its middle, where it is wider than that. What can't be shown is left out.
fn shortened(text: &str, width: usize) -> String {
    let text = text.replace(char::is_control, "\u{fffd}");
    if text.width() <= width {
        return text;
    }
    // The end tells more than the beginning, as names of files do.
    let head_width = width.saturating_sub(1) / 3;
    let tail_width = width.saturating_sub(1) - head_width;
    let head = fitting(text.chars(), head_width);
    let tail = fitting(text.chars().rev(), tail_width);
    let head = text.chars().take(head).collect::<String>();
    let skipped = text.chars().count() - tail;
    head + "…" + &text.chars().skip(skipped).collect::<String>()
}

/// How many of these characters fit.
fn fitting(characters: impl Iterator<Item = char>, width: usize) -> usize {
    let mut used = 0;
    let fits = |character: &char| {
        used += character.width().unwrap_or(0);
        used <= width
    };
    characters.take_while(fits).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[[&str; 2]]) -> Table {
        let columns = [("NAME", Align::Left), ("RECORDS", Align::Right)];
        let mut table = Table::new(Styles::none(), &columns);
        table.width = 30;
        for row in rows {
            table.row(row.map(|text| (Style::Plain, text.to_owned())).to_vec());
        }
        table
    }

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let mut table = table(&[["a", "5"], ["longer", "12345678"]]);
        table.note(Style::Dim, "of which something is said".into());
        assert_eq!(
            table.lines(),
            [
                "NAME     RECORDS",
                "a              5",
                "longer  12345678",
                "  of which something is said",
            ]
        );
    }

    #[test]
    fn a_line_is_as_long_as_the_terminal_is_wide_at_most() {
        let long = "save_data/ä/世界/metrics-000001.ndjson.zst";
        let mut table = table(&[[long, "12345678"], ["a\x1b[31m", "1"]]);
        table.note(Style::Dim, long.repeat(2));
        let lines = table.lines();
        assert!(lines.iter().all(|line| line.width() <= 30), "{lines:#?}");
        assert_eq!(lines[1], "save_d…01.ndjson.zst  12345678");
        assert!(lines[2].starts_with("a\u{fffd}[31m"));
    }
}
