//! The results of a run, as text and as JSON with the same names.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use serde::Serialize;

mod numbers;

pub use self::numbers::{ByAgent, NumberReport, NumberReports};

/// The results of a run. Shares are from 0 to 1. Accuracy is measured while calls begin, and
/// healing also afterwards.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The standard world.
    pub world: &'static str,
    /// The scored system.
    pub system: &'static str,
    /// How many replicas counted on one journal.
    pub replicas: u32,
    /// Whether the system could ask Twilio's REST API.
    pub referee: bool,
    /// The seed of the world.
    pub seed: u64,
    /// For how long accuracy was measured, in hours.
    pub hours: f64,
    /// Events that were played. The invariants were checked after each of them.
    pub events: u64,
    /// Calls that began.
    pub calls: u64,
    /// The fate of the webhooks.
    pub webhooks: Webhooks,
    /// How often the service was killed, or one of its replicas.
    pub kills: u64,
    /// The mean number of people with an agent.
    pub mean_live: f64,
    /// The largest number of people with an agent.
    pub max_live: u64,
    /// The share of time in which the number was exactly the truth. While the service is down it is
    /// not.
    pub exact: f64,
    /// The share of time in which the number was as right as it can be, since webhooks take up to
    /// [`super::ALLOWANCE_MS`]. It must not be below the people who were with an agent throughout
    /// the last 2 s, and not above those who were at any moment of them. While down it is not right.
    pub exact_on_the_wire: f64,
    /// The same, as a share of the time in which the service was up.
    pub exact_on_the_wire_while_up: f64,
    /// The mean distance from the truth while the service was up.
    pub mean_error: f64,
    /// The same, as a share of the people on the line.
    pub mean_error_share: f64,
    /// The largest distance from the truth.
    pub max_error: u64,
    /// The share of time in which the service was down. Of several replicas: in which the watched
    /// one was down, or said that its number is too old.
    pub down: f64,
    /// The shown number after everybody has hung up and the time to heal has passed.
    pub left_over: u64,
    /// How long errors took to heal.
    pub healing: Healing,
    /// What was asked of Twilio's REST API.
    pub rest_requests: RestRequests,
    /// The scores of the five numbers in all. Numbers that the system does not show are missing.
    pub numbers: NumberReports,
    /// The worst scores of any agent. `None` from a system that knows no agents.
    pub by_agent: Option<ByAgent>,
    /// The scores of the five numbers of each agent.
    pub agents: BTreeMap<String, NumberReports>,
    /// How long it took until the party and the agent of a call were believed rightly. `None` from a
    /// system that does not know parties.
    pub healing_of_parties: Option<Healing>,
}

/// The fate of the webhooks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhooks {
    /// Webhooks that Twilio had to send.
    pub sent: u64,
    /// Attempts after the first.
    pub retries: u64,
    /// Requests that reached the service, with repeats.
    pub delivered: u64,
    /// Webhooks without an acknowledged attempt.
    pub lost: u64,
}

/// How long errors took to heal, of those longer than [`super::ALLOWANCE_MS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Healing {
    /// What healed: `calls` of which it was believed wrongly whether they are with an agent, the
    /// `number` if the system does not know calls, or `parties` of calls.
    pub of: &'static str,
    /// How many errors healed.
    pub n: u64,
    /// The median, in milliseconds.
    pub p50_ms: u64,
    /// The 99th percentile.
    pub p99_ms: u64,
    /// The maximum.
    pub max_ms: u64,
    /// How many errors had not healed when the world ended.
    pub never: u64,
}

/// Requests to Twilio's REST API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RestRequests {
    /// All requests.
    pub total: u64,
    /// The mean in a minute.
    pub per_minute_mean: f64,
    /// The most in any minute.
    pub per_minute_max: u64,
}

impl Healing {
    /// The quantiles of these durations, in milliseconds.
    pub(super) fn of(of: &'static str, mut healed_ms: Vec<u64>, never: u64) -> Self {
        healed_ms.sort_unstable();
        let n = healed_ms.len();
        // The smallest duration that this share of them does not exceed.
        let quantile = |percent: usize| match (n * percent).div_ceil(100) {
            0 => 0,
            rank => healed_ms[rank - 1],
        };
        let (p50_ms, p99_ms, max_ms) = (quantile(50), quantile(99), quantile(100));
        Self { of, n: n as u64, p50_ms, p99_ms, max_ms, never }
    }
}

impl Report {
    /// The report as JSON.
    ///
    /// # Panics
    /// Never: names and numbers always become JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("names and numbers are always JSON")
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { world, system, seed, hours, events, calls, kills, .. } = self;
        let Webhooks { sent, retries, delivered, lost } = self.webhooks;
        let RestRequests { total, per_minute_mean, per_minute_max } = self.rest_requests;
        let referee = if self.referee { "with" } else { "without" };
        let percent = |share: f64| share * 100.0;
        write!(f, "{world}: ")?;
        if self.replicas > 1 {
            write!(f, "{} replicas of ", self.replicas)?;
        }
        writeln!(f, "{system} {referee} referee, seed {seed}, {hours} h")?;
        writeln!(f, "  events              {events}")?;
        writeln!(f, "  calls               {calls}")?;
        writeln!(
            f,
            "  webhooks            sent {sent}, retries {retries}, delivered {delivered}, lost \
             {lost}"
        )?;
        writeln!(f, "  kills               {kills}")?;
        writeln!(f, "  live                mean {:.2}, max {}", self.mean_live, self.max_live)?;
        writeln!(f, "  exact               {:.4} %", percent(self.exact))?;
        writeln!(
            f,
            "  exactOnTheWire      {:.4} % (while up {:.4} %)",
            percent(self.exact_on_the_wire),
            percent(self.exact_on_the_wire_while_up)
        )?;
        writeln!(
            f,
            "  error               mean {:.4} users = {:.4} % of the live, max {}",
            self.mean_error,
            percent(self.mean_error_share),
            self.max_error
        )?;
        writeln!(f, "  down                {:.4} %", percent(self.down))?;
        writeln!(f, "  leftOver            {}", self.left_over)?;
        writeln!(f, "  {}", self.healing)?;
        if let Some(healing) = self.healing_of_parties {
            writeln!(f, "  {healing}")?;
        }
        for (number, report) in &self.numbers {
            writeln!(f, "  {number:<19} {report}")?;
        }
        for (agent, numbers) in &self.agents {
            for (number, report) in numbers {
                writeln!(f, "  {:<19} {report}", format!("{agent} {number}"))?;
            }
        }
        write!(
            f,
            "  restRequests        total {total}, per minute mean {per_minute_mean:.1}, max \
             {per_minute_max}"
        )
    }
}

impl Display for Healing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of, n, p50_ms, p99_ms, max_ms, never } = self;
        let [p50, p99, max] = [p50_ms, p99_ms, max_ms].map(|ms| Seconds(*ms));
        write!(f, "healing of {of:<8} n {n}, p50 {p50}, p99 {p99}, max {max}, never {never}")
    }
}

/// Milliseconds, printed in seconds.
struct Seconds(u64);

impl Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} s", self.0 / 1_000, self.0 % 1_000 / 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_durations() {
        let healing = Healing::of("calls", (1..=200).rev().collect(), 3);
        let expected =
            Healing { of: "calls", n: 200, p50_ms: 100, p99_ms: 198, max_ms: 200, never: 3 };
        assert_eq!(healing, expected);
        assert_eq!(Healing::of("calls", vec![7], 0).p99_ms, 7);
        assert_eq!(Healing::of("calls", Vec::new(), 0).max_ms, 0);
    }
}
