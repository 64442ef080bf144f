//! Rows of text in columns, for people.

use unicode_width::UnicodeWidthStr;

/// A line for each row, each column as wide as its widest cell, two spaces between them.
pub fn table<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let widths: [usize; N] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].width()).max().unwrap_or_default());
    let line = |row: &[String; N]| {
        let padded = row.iter().zip(widths).map(|(cell, width)| {
            let gap = width.saturating_sub(cell.width());
            format!("{cell}{}", " ".repeat(gap))
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
