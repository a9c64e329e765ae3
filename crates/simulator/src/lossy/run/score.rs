//! The report of a run.

use live_users_core::MINUTE_MS;

use super::Run;
use crate::lossy::oracle::{Gauge, Gauges};
use crate::lossy::report::{ByAgent, Healing, NumberReport, NumberReports, Report, RestRequests};
use crate::lossy::shown::Number;

impl Run<'_> {
    #[expect(clippy::cast_precision_loss, reason = "sums of shares; 2^53 ms are 285,000 years")]
    pub(super) fn report(mut self) -> Report {
        let number = self.oracle.number();
        let (one, down_ms) = (of_gauge(number), number.score.down_ms);
        let (total_ms, truth) = (number.score.total_ms, number.error());
        let healing = match self.by_number {
            true => {
                let never = self.oracle.number_never_healed();
                Healing::of("number", number.healed_ms.clone(), never)
            }
            false => {
                let healed_ms = std::mem::take(&mut self.oracle.live.healed_ms);
                Healing::of("calls", healed_ms, self.oracle.never_healed(&self.oracle.live))
            }
        };
        let healed_ms = std::mem::take(&mut self.oracle.standings.healed_ms);
        let never = self.oracle.never_healed(&self.oracle.standings);
        let requests = self.api.asked().total();
        let agents: Vec<_> =
            self.oracle.agents().map(|(id, gauges)| (id.to_owned(), of_gauges(gauges))).collect();
        Report {
            world: self.scenario.kind.name(),
            system: self.system.name(),
            referee: self.scenario.referee,
            seed: self.scenario.seed,
            hours: self.scenario.length_ms as f64 / 3_600_000.0,
            events: self.events,
            calls: self.n_calls,
            webhooks: self.webhooks,
            kills: self.kills,
            replicas: self.scenario.replicas,
            mean_live: one.mean_live,
            max_live: one.max_live,
            exact: one.exact,
            exact_on_the_wire: one.exact_on_the_wire,
            exact_on_the_wire_while_up: one.exact_on_the_wire_while_up,
            mean_error: one.mean_error,
            mean_error_share: one.mean_error_share,
            max_error: one.max_error,
            down: share(down_ms, total_ms),
            left_over: truth,
            healing,
            rest_requests: RestRequests {
                total: requests,
                per_minute_mean: share(requests * MINUTE_MS, self.end_ms),
                per_minute_max: self.per_minute_max,
            },
            numbers: of_gauges(self.oracle.all()),
            by_agent: ByAgent::of(&agents),
            agents: agents.into_iter().filter(|(_, numbers)| !numbers.is_empty()).collect(),
            healing_of_parties: self
                .knows_parties
                .then(|| Healing::of("parties", healed_ms, never)),
        }
    }
}

/// The numbers that the system shows.
pub(in crate::lossy) fn of_gauges(gauges: &Gauges) -> NumberReports {
    let known = Number::ALL.iter().zip(gauges).filter(|(_, gauge)| gauge.is_known());
    known.map(|(number, gauge)| (number.name(), of_gauge(gauge))).collect()
}

/// The score of one number.
pub(in crate::lossy) fn of_gauge(gauge: &Gauge) -> NumberReport {
    let score = gauge.score;
    let up_ms = score.total_ms - score.down_ms;
    NumberReport {
        mean_live: share(score.live_user_ms, score.total_ms),
        max_live: score.live_max,
        exact: share(score.exact_ms, score.total_ms),
        exact_on_the_wire: share(score.on_the_wire_ms, score.total_ms),
        exact_on_the_wire_while_up: share(score.on_the_wire_ms, up_ms),
        mean_error: share(score.error_user_ms, up_ms),
        mean_error_share: share(score.error_user_ms, score.live_user_ms_while_up),
        max_error: score.error_max,
        left_over: gauge.error(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "sums of times; 2^53 ms are 285,000 years")]
fn share(part: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { part as f64 / of as f64 }
}
