//! What is configured as a bound, and whether an alert fires.

use live_users_http_kit::metrics::{Labels, Page};
use live_users_intake::agents::Agents;
use live_users_state::State;

/// Whether each alert of the file fires, in its order.
pub(super) fn firing(agents: &Agents, state: &State) -> Vec<bool> {
    let alerts = agents.alerts().iter();
    alerts.map(|it| state.alerts().status(&it.id).since.is_some()).collect()
}

/// How many calls each agent holds, and all together, as far as the file has it.
pub(super) fn capacities(page: &mut Page, agents: &Agents) {
    let of = agents.iter().filter_map(|it| Some(([("agent", it.id.as_str())], it.capacity?)));
    let values: Vec<_> = of.collect();
    let values = values.iter().map(|(labels, n)| (labels as Labels<'_>, f64::from(*n)));
    let help = "Calls that a configured agent holds at once, where its owner has said so";
    page.gauges("live_users_agent_capacity", help, values);
    let help = "Calls that all agents together hold, where the agents file has a limit";
    let limit = agents.limit().map(|limit| ([].as_slice(), f64::from(limit)));
    page.gauges("live_users_capacity", help, limit);
}

/// Whether alerts fire: the same at each backend of a shared journal.
pub(super) fn alerts(page: &mut Page, agents: &Agents, firing: &[bool]) {
    let labels: Vec<_> = agents.alerts().iter().map(|it| [("alert", it.id.as_str())]).collect();
    let values = labels.iter().zip(firing);
    let values = values.map(|(labels, fires)| (labels as Labels<'_>, f64::from(*fires)));
    page.gauges("live_users_alert_firing", "Whether an alert of the agents file fires", values);
}
