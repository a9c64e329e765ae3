//! The results of a world of a source, as text and as JSON with the same names.

use std::fmt::{self, Display};

use serde::Serialize;

use crate::lossy::report::{Healing, NumberReport, NumberReports, Webhooks};

/// The results of a run. Shares are from 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceReport {
    /// The world: the name of the source, or of both.
    pub source: &'static str,
    /// What is wrong in it.
    pub world: &'static str,
    /// Its seed.
    pub seed: u64,
    /// For how long accuracy was measured, in hours.
    pub hours: f64,
    /// How long a call may be at most, in minutes, if that is configured.
    pub longest_call_minutes: Option<u32>,
    /// Events that were played. The invariants were checked after each of them.
    pub events: u64,
    /// Calls that began.
    pub calls: u64,
    /// The fate of the webhooks.
    pub webhooks: Webhooks,
    /// How often the service was killed.
    pub kills: u64,
    /// The scores of the five numbers.
    pub numbers: NumberReports,
    /// The score of a count by plus and minus of the same webhooks: plus one when a call is told to
    /// be answered, minus one when an answered call is told to be over, each time that it arrives.
    /// Its truth is in calls, and not in users.
    pub plus_and_minus: NumberReport,
    /// How long the number was wrong, each time that it was for longer than the allowance.
    pub healing: Healing,
}

impl SourceReport {
    /// The score of the number: the people with an agent.
    pub fn number(&self) -> Option<&NumberReport> {
        self.numbers.get("withAgent")
    }
}

impl Display for SourceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, world, seed, hours, events, calls, kills, .. } = self;
        let Webhooks { sent, retries, delivered, lost } = self.webhooks;
        writeln!(f, "{source}, {world}: seed {seed}, {hours} h")?;
        writeln!(f, "  events              {events}, calls {calls}, kills {kills}")?;
        writeln!(
            f,
            "  webhooks            sent {sent}, retries {retries}, delivered {delivered}, lost \
             {lost}"
        )?;
        for (number, report) in &self.numbers {
            writeln!(f, "  {number:<19} {report}")?;
        }
        writeln!(f, "  plus and minus      {}", self.plus_and_minus)?;
        write!(f, "  {}", self.healing)
    }
}
