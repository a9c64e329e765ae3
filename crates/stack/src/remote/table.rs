//! Tables and spans of time, for people.

use super::server::shown;

/// Lines with columns below their headings. The last column has no end.
pub(super) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> Vec<String> {
    let headings = headings.map(str::to_owned);
    let rows: Vec<[String; N]> = [headings]
        .into_iter()
        .chain(rows.iter().map(|row| row.each_ref().map(|it| shown(it))))
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or_default()).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// A span: `1:02`, or `1:02:03` from an hour on.
pub(super) fn span(ms: u64) -> String {
    let s = ms / 1_000;
    let (hours, minutes, seconds) = (s / 3_600, s / 60 % 60, s % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_longest_cell() {
        let rows = [["a".to_owned(), "1".to_owned()], ["bcd".to_owned(), "\u{1b}[2J".to_owned()]];
        assert_eq!(table(["AB", "N"], &rows), ["AB   N", "a    1", "bcd  \u{fffd}[2J"]);
    }

    #[test]
    fn hours_are_shown_from_one_on() {
        assert_eq!([59_999, 62_000, 3_723_000].map(span), ["0:59", "1:02", "1:02:03"]);
    }
}
