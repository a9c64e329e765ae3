//! The log line about a change: the call and the count, never a phone number or a spoken word.

use live_users_core::{Agent, EndReason, Evidence, Instead, LimitOf, Numbers, Outcome, Source};
use live_users_state::words;
use log::{debug, info, warn};

use crate::io::Done;

/// A line about one piece of evidence: its outcome, and how many users were live after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    evidence: Evidence,
    done: Done,
    numbers: Numbers,
}

impl LogLine {
    pub(crate) fn new(evidence: Evidence, done: Done, numbers: Numbers) -> Self {
        Self { evidence, done, numbers }
    }

    /// The recorded evidence.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    pub(crate) fn done(&self) -> Done {
        self.done
    }

    /// Writes the line to the log.
    pub fn write(&self) {
        let Self { evidence, done, numbers: Numbers { users, .. } } = self;
        let call = &evidence.call;
        let by = match evidence.source {
            Source::Voice | Source::Speech | Source::StatusCallback | Source::Clock => "",
            Source::Event => " as a source has told",
            Source::Referee => " as the referee has found",
            Source::Operator => " by an operator",
        };
        if let Some(how) = done.turned_away {
            let what = match how.instead {
                Instead::Refuse => "refused",
                Instead::Queue => "put into the queue",
                Instead::Elsewhere => "sent elsewhere",
            };
            let limit = match how.by {
                LimitOf::Agent => "its agent's capacity",
                LimitOf::Account => "the limit of all agents",
            };
            let agent = Shown(&evidence.agent);
            return info!("call {what}, {limit} is reached, {users} live: {call}, {agent}");
        }
        match &done.outcome {
            Outcome::Started => {
                info!("call started{by}, {users} live: {call}, {}", Shown(&evidence.agent));
            }
            Outcome::Answered => {
                info!("call answered{by}, {users} live: {call}, {}", Shown(&evidence.agent));
            }
            Outcome::Dialing => info!("call dialing, {users} live: {call}"),
            Outcome::Ended(reason) => {
                info!("call ended ({}){by}, {users} live: {call}", shown(*reason))
            }
            Outcome::EndedUnseen(reason) => {
                info!("call ended ({}) before it was seen, {users} live: {call}", shown(*reason));
            }
            Outcome::Confirmed => debug!("call confirmed{by}, {users} live: {call}"),
            Outcome::Late => debug!("late webhook, {users} live: {call}"),
            Outcome::Duplicate => debug!("end of the call repeated, {users} live: {call}"),
            Outcome::Resumed => info!("call goes on after all{by}, {users} live: {call}"),
            Outcome::Refused => warn!(
                "not taken in, since it speaks for another account than the call's, {users} live: \
                 {call}"
            ),
            Outcome::Leg => debug!("leg of another call, {users} live: {call}"),
        }
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

/// The word for this reason in the journal and the API, with a space for the dash.
fn shown(reason: EndReason) -> String {
    words::of_reason(reason).replace('-', " ")
}
