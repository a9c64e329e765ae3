//! The latest count, encoded once per change.

use bytes::Bytes;
use live_users_core::{Agent, Millis, Tracker};
use live_users_journal::Position;
use live_users_replica::{Publication, Stale};
use live_users_state::{SharedLinks, State};
use live_users_wire::{ByAgent, Count};
use tokio::sync::watch;

use super::clock::moment;

/// The count after a batch of records.
#[derive(Clone, Debug)]
pub(crate) struct LatestCount {
    /// The answer of `GET /api/live-users`.
    pub(crate) body: Bytes,
    /// The number in the answer.
    pub(crate) live_users: u64,
    /// The numbers of the agents in the answer, if they are given out.
    pub(crate) by_agent: Option<ByAgent>,
    /// The last record of the journal that the number includes.
    pub(crate) at: Position,
    /// The time of that record.
    pub(crate) as_of: Millis,
    /// If present, the number must not be shown.
    pub(crate) stale: Option<Stale>,
    /// Who reads by a link. They go with the count, so whoever was told that a link is made or
    /// revoked finds it so here.
    pub(crate) links: SharedLinks,
}

impl LatestCount {
    /// Encodes the answer for these numbers.
    #[cfg(test)]
    pub(crate) fn new(publication: Publication) -> Self {
        Self::of(publication, &State::default(), false)
    }

    /// The answer for who asks for more, with its doubt if that is told.
    pub(crate) fn count(&self, suspect: Option<u64>) -> Count {
        let (live_users, by_agent) = (self.live_users, self.by_agent.clone());
        let as_of = Some(moment(self.as_of));
        Count { live_users, by_agent, suspect, as_of, agent: None }
    }

    /// Encodes the answer for these numbers, with those of the agents of the state if they are given
    /// out.
    pub(crate) fn of(publication: Publication, state: &State, gives_agents: bool) -> Self {
        let by_agent = gives_agents.then(|| public_by_agent(state.tracker()));
        let links = state.shared_links().clone();
        let Publication { numbers, at, as_of, stale } = publication;
        let live_users = numbers.users as u64;
        let count = Count { live_users, by_agent, ..Count::default() };
        let body = serde_json::to_vec(&count).expect("texts and numbers are always JSON");
        let by_agent = count.by_agent;
        Self { body: Bytes::from(body), live_users, by_agent, at, as_of, stale, links }
    }
}

/// The live users of each agent that has an id and any. An address that was called is no id: it may
/// be private.
pub(crate) fn public_by_agent(tracker: &Tracker) -> ByAgent {
    let named = tracker.by_agent().into_iter().filter_map(|(agent, numbers)| match agent {
        Agent::Id(id) => Some((id.to_string(), numbers.users as u64)),
        Agent::Address(_) | Agent::Unknown => None,
    });
    named.collect()
}

/// The reading end. A slow reader skips to the present, and no queue can overflow.
pub(crate) type LatestReader = watch::Receiver<LatestCount>;
