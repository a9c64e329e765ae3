//! The scores of the five numbers.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use serde::Serialize;

/// The score of one number. The names are those of [`super::Report`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NumberReport {
    /// The mean of the truth.
    pub mean_live: f64,
    /// Its maximum.
    pub max_live: u64,
    /// The share of time in which the number was exactly the truth.
    pub exact: f64,
    /// The same with the allowance for webhooks on their way.
    pub exact_on_the_wire: f64,
    /// The same, as a share of the time in which the service was up.
    pub exact_on_the_wire_while_up: f64,
    /// The mean distance from the truth.
    pub mean_error: f64,
    /// The same, as a share of the truth.
    pub mean_error_share: f64,
    /// The largest distance from the truth.
    pub max_error: u64,
    /// The distance from the truth in the end.
    pub left_over: u64,
}

/// The scores of the numbers that a system shows, by their names in the API.
pub type NumberReports = BTreeMap<&'static str, NumberReport>;

/// The worst scores of the number of any agent.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ByAgent {
    /// The worst share of time in which the people with an agent were exactly the truth.
    pub exact: f64,
    /// The same with the allowance for webhooks on their way.
    pub exact_on_the_wire: f64,
    /// The agent with that.
    pub worst_agent: String,
    /// The largest mean distance from the truth, as a share of it.
    pub mean_error_share: f64,
    /// The largest distance from the truth.
    pub max_error: u64,
}

impl ByAgent {
    /// The worst of these agents.
    pub(in crate::lossy) fn of(agents: &[(String, NumberReports)]) -> Option<Self> {
        let known =
            || agents.iter().filter_map(|(id, numbers)| Some((id, numbers.get("withAgent")?)));
        let (worst_agent, worst) =
            known().min_by(|(_, a), (_, b)| a.exact_on_the_wire.total_cmp(&b.exact_on_the_wire))?;
        Some(Self {
            exact: known().map(|(_, it)| it.exact).fold(1.0, f64::min),
            exact_on_the_wire: worst.exact_on_the_wire,
            worst_agent: worst_agent.clone(),
            mean_error_share: known().map(|(_, it)| it.mean_error_share).fold(0.0, f64::max),
            max_error: known().map(|(_, it)| it.max_error).max().unwrap_or_default(),
        })
    }
}

impl Display for NumberReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "mean {:.2}, max {}, exact {:.4} %, on the wire {:.4} %, error {:.4} = {:.4} %, max {}, \
             left over {}",
            self.mean_live,
            self.max_live,
            self.exact * 100.0,
            self.exact_on_the_wire * 100.0,
            self.mean_error,
            self.mean_error_share * 100.0,
            self.max_error,
            self.left_over
        )
    }
}
