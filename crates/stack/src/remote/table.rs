//! Tables and spans of time, for people.

use crate::terminal::shown;

/// Lines with columns below their headings. The last column has no end.
pub(super) fn table(headings: &[&str], rows: &[impl AsRef<[String]>]) -> Vec<String> {
    let headings = headings.iter().map(|it| (*it).to_owned()).collect();
    let rows = rows.iter().map(|row| row.as_ref().iter().map(|it| shown(it)).collect());
    let rows: Vec<Vec<String>> = [headings].into_iter().chain(rows).collect();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let width = width(column).unwrap_or_default();
            format!("{cell:<width$}")
        });
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
        assert_eq!(table(&["AB", "N"], &rows), ["AB   N", "a    1", "bcd  \u{fffd}[2J"]);
    }

    #[test]
    fn hours_are_shown_from_one_on() {
        assert_eq!([59_999, 62_000, 3_723_000].map(span), ["0:59", "1:02", "1:02:03"]);
    }
}
