//! What the log says about a change: the call and the count, never a phone number or a word that
//! was spoken.

use live_users_core::{Agent, EndReason, Evidence, Numbers, Outcome, Source};
use log::{debug, info};

use crate::words;

pub(super) fn write(evidence: &Evidence, outcome: Outcome, Numbers { users, .. }: Numbers) {
    let call = &evidence.call;
    let by = match evidence.source {
        Source::Voice | Source::Speech | Source::StatusCallback | Source::Clock => "",
        Source::Referee => " as the referee has found",
        Source::Operator => " by an operator",
    };
    match outcome {
        Outcome::Started => {
            info!("call started{by}, {users} live: {call}, {}", Shown(&evidence.agent));
        }
        Outcome::Answered => {
            info!("call answered{by}, {users} live: {call}, {}", Shown(&evidence.agent));
        }
        Outcome::Dialing => info!("call dialing, {users} live: {call}"),
        Outcome::Ended(reason) => info!("call ended ({}){by}, {users} live: {call}", shown(reason)),
        Outcome::EndedUnseen(reason) => {
            info!("call ended ({}) before it was seen, {users} live: {call}", shown(reason));
        }
        Outcome::Confirmed => debug!("call confirmed{by}, {users} live: {call}"),
        Outcome::Late => debug!("late webhook, {users} live: {call}"),
        Outcome::Duplicate => debug!("end of the call repeated, {users} live: {call}"),
        Outcome::Leg => debug!("leg of another call, {users} live: {call}"),
    }
}

struct Shown<'a>(&'a Agent);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Agent::Id(id) => write!(f, "agent {id}"),
            Agent::Address(_) => f.write_str("a number of no agent"),
            Agent::Unknown => f.write_str("no agent"),
        }
    }
}

/// The word that stands for it everywhere, without its dash.
fn shown(reason: EndReason) -> String {
    words::of_reason(reason).replace('-', " ")
}
