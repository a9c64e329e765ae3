//! What was measured, as a table in Markdown.

use std::fmt::{self, Display};

/// The rows of the table, in the order in which they were measured.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

/// One figure, what it stands beside, and what it should be.
pub(crate) struct Row {
    what: String,
    figure: String,
    beside: String,
    ratio: String,
    goal: String,
}

/// Where a figure should be.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

/// The middle of several rounds, and how far they were apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Median {
    pub(crate) middle: f64,
    low: f64,
    high: f64,
}

impl Report {
    pub(crate) fn add(&mut self, row: Row) {
        eprintln!("  {row}");
        self.rows.push(row);
    }
}

impl Row {
    pub(crate) fn new(what: impl Into<String>, figure: impl Display) -> Self {
        let (beside, ratio, goal) = Default::default();
        Self { what: what.into(), figure: figure.to_string(), beside, ratio, goal }
    }

    /// What the figure stands beside, and the ratio of the two round by round.
    pub(crate) fn beside(mut self, other: impl Display, ratio: Median) -> Self {
        self.beside = other.to_string();
        self.ratio = ratio.with_digits(2);
        self
    }

    /// Says whether the value meets the goal.
    pub(crate) fn goal(mut self, goal: Goal, value: f64) -> Self {
        let (sign, bound, is_met) = match goal {
            Goal::AtLeast(bound) => ("at least", bound, value >= bound),
            Goal::AtMost(bound) => ("at most", bound, value <= bound),
        };
        let verdict = if is_met { "met" } else { "missed" };
        self.goal = format!("{sign} {bound}: {verdict}");
        self
    }
}

impl Median {
    /// # Panics
    /// If there is no value.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_unstable_by(f64::total_cmp);
        let (low, high) = (values[0], values[values.len() - 1]);
        let half = values.len() / 2;
        let middle = match values.len() % 2 {
            1 => values[half],
            _ => f64::midpoint(values[half - 1], values[half]),
        };
        Self { middle, low, high }
    }

    /// The ratios of what was measured in the same rounds.
    pub(crate) fn ratio(of: &[f64], to: &[f64]) -> Self {
        Self::of(of.iter().zip(to).map(|(of, to)| of / to))
    }

    /// With so many digits behind the point.
    pub(crate) fn with_digits(&self, digits: usize) -> String {
        let Self { middle, low, high } = self;
        format!("{middle:.digits$} ({low:.digits$} to {high:.digits$})")
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| What | Figure | Beside it | Ratio | Goal |\n|---|---|---|---|---|")?;
        self.rows.iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}

impl Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, figure, beside, ratio, goal } = self;
        write!(f, "| {what} | {figure} | {beside} | {ratio} | {goal} |")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_and_tells_the_spread() {
        assert_eq!(Median::of([3.0, 1.0, 2.0]).with_digits(0), "2 (1 to 3)");
        assert_eq!(Median::of([4.0, 1.0]).with_digits(1), "2.5 (1.0 to 4.0)");
        assert_eq!(Median::ratio(&[1.0, 4.0], &[2.0, 2.0]).with_digits(2), "1.25 (0.50 to 2.00)");
    }

    #[test]
    fn a_row_says_whether_its_goal_is_met() {
        let goal = |goal, value| Row::new("x", value).goal(goal, value).goal;
        assert_eq!(goal(Goal::AtLeast(0.9), 0.9), "at least 0.9: met");
        assert_eq!(goal(Goal::AtMost(160.0), 161.0), "at most 160: missed");
    }
}
