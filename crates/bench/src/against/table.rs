//! Reads what the bench of another build has printed.

/// The names of rows and the first number in each figure.
pub(super) type Figures = Vec<(String, f64)>;

/// The rows of a table in Markdown. What is none is passed over.
pub(super) fn figures(text: &str) -> Figures {
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let (what, figure) = (cells.next()?, cells.next()?);
        let number = figure.split(' ').next()?.parse().ok()?;
        Some((what.to_owned(), number))
    };
    text.lines().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Median, Report, Row};

    #[test]
    fn a_table_of_this_program_is_read() {
        let mut report = Report::default();
        report.add(Row::new("bytes per call", "153 of heap, 139 resident"));
        let ratio = Median::of([2.0]);
        report.add(Row::new("`apply`", "640 (633 to 649) ns").beside("63 ns with 1000", ratio));
        let expected = vec![("bytes per call".to_owned(), 153.0), ("`apply`".to_owned(), 640.0)];
        assert_eq!(figures(&format!("{report}\nQuiet: in 3 s\n")), expected);
    }
}
