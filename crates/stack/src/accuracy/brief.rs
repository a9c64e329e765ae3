//! What is told of several worlds: a line of each, and a verdict.

use std::fmt::{self, Display};

use live_users_simulator::lossy::{Report, SourceReport};

/// The scores of the number in one world.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Brief {
    world: String,
    seed: u64,
    events: u64,
    /// The share of time, while the service was up, in which the number was as right as webhooks on
    /// their way allow. From 0 to 1.
    exact: f64,
    /// The largest distance from the truth, in users.
    max_error: u64,
    /// The distance from the truth in the end, in users.
    left_over: u64,
    /// The share of time in which the service was down, if that is known. From 0 to 1.
    down: f64,
}

impl Brief {
    pub(super) fn of(report: &Report) -> Self {
        Self {
            world: report.world.to_owned(),
            seed: report.seed,
            events: report.events,
            exact: report.exact_on_the_wire_while_up,
            max_error: report.max_error,
            left_over: report.left_over,
            down: report.down,
        }
    }

    /// The same of the world of a source; `None` if it has no score of the number.
    pub(super) fn of_source(report: &SourceReport) -> Option<Self> {
        let number = report.number()?;
        Some(Self {
            world: format!("{}, {}", report.source, report.world),
            seed: report.seed,
            events: report.events,
            exact: number.exact_on_the_wire_while_up,
            max_error: number.max_error,
            left_over: number.left_over,
            down: 0.0,
        })
    }

    /// Events that were played.
    pub(super) fn events(&self) -> u64 {
        self.events
    }

    fn is_exact(&self) -> bool {
        self.exact >= 1.0
    }
}

impl Display for Brief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { world, max_error, left_over, .. } = self;
        let exact = match self.is_exact() {
            true => "exact".to_owned(),
            false => format!("exact {} of the time", percent(self.exact)),
        };
        write!(f, "{world:<18} {exact:<28} worst error {max_error:>3}, left over {left_over}")?;
        match self.down > 0.0 {
            true => write!(f, ", down {} of the time", percent(self.down)),
            false => Ok(()),
        }
    }
}

/// The closing lines; none without a world.
pub(super) fn verdict(worlds: &[Brief]) -> Vec<String> {
    let Some(worst) = worlds.iter().min_by(|a, b| a.exact.total_cmp(&b.exact)) else {
        return Vec::new();
    };
    let (n, exact) = (worlds.len(), worlds.iter().filter(|it| it.is_exact()).count());
    let times = match worst.is_exact() {
        true => String::new(),
        false => format!("; at worst {} of the time, in {}", percent(worst.exact), worst.world),
    };
    let left = match worlds.iter().map(|it| it.left_over).sum() {
        0_u64 => "nothing left over".to_owned(),
        left => format!("{left} left over"),
    };
    let events: u64 = worlds.iter().map(|it| it.events).sum();
    vec![
        format!("Exact in {exact} of {n} worlds{times}; {left}."),
        "Exact means: no further off than webhooks on their way explain, while the service is up."
            .to_owned(),
        format!("{events} events in all, and no broken invariant."),
        format!("For all figures, run this with --details --seed {}.", worst.seed),
    ]
}

/// Never rounded up: 100 % is all of it.
fn percent(share: f64) -> String {
    format!("{:.4} %", (share * 1e6).floor() / 1e4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(name: &str, exact: f64, left_over: u64) -> Brief {
        let world = name.to_owned();
        Brief { world, seed: 7, events: 10, exact, max_error: 3, left_over, down: 0.0 }
    }

    #[test]
    fn a_world_that_was_a_moment_wrong_is_not_called_exact() {
        let line = world("lossy", 0.999_999_99, 0).to_string();
        let expected =
            "lossy              exact 99.9999 % of the time  worst error   3, left over 0";
        assert_eq!(line, expected);
        assert!(world("clean", 1.0, 0).to_string().contains(" exact   "));
    }

    #[test]
    fn the_verdict_names_the_worst_world_and_what_is_left() {
        let told = verdict(&[world("clean", 1.0, 0), world("outage", 0.75, 2)]);
        assert_eq!(
            told[0],
            "Exact in 1 of 2 worlds; at worst 75.0000 % of the time, in outage; 2 left over."
        );
        assert_eq!(
            verdict(&[world("clean", 1.0, 0)])[0],
            "Exact in 1 of 1 worlds; nothing left over."
        );
        assert!(verdict(&[]).is_empty());
    }
}
