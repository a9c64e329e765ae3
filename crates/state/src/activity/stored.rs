//! The feed and the sums in a snapshot.

use std::sync::Arc;

use live_users_core::{Agent, AgentFrom, Millis, Phase};
use serde::{Deserialize, Serialize};

use super::call_durations::{Ring, Sums};
use super::{Activities, Activity, ActivityLog, CallDuration, CallDurations, DurationSummary};
use crate::attributes::StoredAttributes;
use crate::format::DecodeError;
use crate::words::{
    CAUSES, KINDS, PARTIES, PHASES, Word, call_id, of_reason, optional, value, word,
};

/// What a snapshot has of them; neither was in the snapshots of older programs.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct StoredActivities {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    feed: Option<StoredLog>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    talks: Option<StoredDurations>,
}

#[derive(Serialize, Deserialize)]
struct StoredLog {
    told: u64,
    list: Vec<StoredActivity>,
}

#[derive(Serialize, Deserialize)]
struct StoredActivity {
    at: u64,
    what: Word,
    call: String,
    #[serde(default)]
    about: StoredAttributes,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Word>,
    /// How long it was, in milliseconds: as it was measured,
    #[serde(default, rename = "measuredMs", skip_serializing_if = "Option::is_none")]
    measured_ms: Option<u64>,
    /// or as the provider has reported.
    #[serde(default, rename = "toldMs", skip_serializing_if = "Option::is_none")]
    told_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cause: Option<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    party: Option<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left: Option<Arc<str>>,
    #[serde(default, rename = "leftAccount", skip_serializing_if = "Option::is_none")]
    left_account: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<Arc<str>>,
}

#[derive(Serialize, Deserialize)]
struct StoredDurations {
    all: StoredSums,
    agents: Vec<StoredAgent>,
    /// Of accounts, in all and with each agent; not in the snapshots of older programs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    accounts: Vec<(Arc<str>, Option<StoredAgent>, Option<StoredSums>)>,
}

#[derive(Serialize, Deserialize)]
struct StoredAgent {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<Arc<str>>,
    #[serde(flatten)]
    sums: StoredSums,
}

/// Of each bucket its place, how many calls, how long they were together, and the longest of them.
#[derive(Serialize, Deserialize)]
struct StoredSums {
    hour: Vec<[u64; 4]>,
    day: Vec<[u64; 4]>,
}

impl StoredActivities {
    pub(crate) fn of(Activities { feed, talks }: &Activities) -> Self {
        let list: Vec<_> = feed.list().map(StoredActivity::of).collect();
        Self {
            feed: (!list.is_empty()).then(|| StoredLog { told: feed.after(None, 0).newest, list }),
            talks: (*talks != CallDurations::default()).then(|| StoredDurations::of(talks)),
        }
    }

    pub(crate) fn read(self) -> Result<Activities, DecodeError> {
        let feed = match self.feed {
            Some(StoredLog { told, list }) => {
                let list: Vec<_> =
                    list.into_iter().map(StoredActivity::read).collect::<Result<_, _>>()?;
                ActivityLog::restore(told, list)
            }
            None => ActivityLog::default(),
        };
        let talks = self.talks.map(StoredDurations::read).unwrap_or_default();
        Ok(Activities { feed, talks })
    }
}

impl StoredActivity {
    fn of(activity: &Activity) -> Self {
        let Activity { agent, caller, place, direction, lasted, .. } = activity;
        let (measured_ms, told_ms) = match *lasted {
            Some(CallDuration::Measured(ms)) => (Some(ms), None),
            Some(CallDuration::Reported(ms)) => (None, Some(ms)),
            None => (None, None),
        };
        Self {
            at: activity.at.0,
            what: word(KINDS, &activity.what),
            call: activity.call.to_string(),
            about: StoredAttributes::of(*direction, *caller, (agent, AgentFrom::Address), place),
            reason: activity.reason.map(of_reason),
            measured_ms,
            told_ms,
            cause: activity.cause.map(|cause| word(CAUSES, &cause)),
            party: activity.party.map(|party| word(PARTIES, &party)),
            left: activity.left.clone(),
            left_account: activity.left_account.clone(),
            account: activity.account.clone(),
        }
    }

    fn read(self) -> Result<Activity, DecodeError> {
        let reason = self.reason.map(|reason| match value(PHASES, &reason, "reason")? {
            Phase::Ended(reason) => Ok(reason),
            Phase::Dialing | Phase::Live => Err(DecodeError::Value("reason")),
        });
        let reported = self.told_ms.map(CallDuration::Reported);
        Ok(Activity {
            at: Millis(self.at),
            what: value(KINDS, &self.what, "what")?,
            call: call_id(&self.call, "call")?,
            account: self.account,
            agent: self.about.agent().0,
            caller: self.about.caller()?,
            place: self.about.place()?,
            direction: self.about.direction()?,
            reason: reason.transpose()?,
            lasted: reported.or(self.measured_ms.map(CallDuration::Measured)),
            cause: optional(CAUSES, self.cause.as_deref(), "cause")?,
            party: optional(PARTIES, self.party.as_deref(), "party")?,
            left: self.left,
            left_account: self.left_account,
        })
    }
}

impl StoredDurations {
    fn of(talks: &CallDurations) -> Self {
        let agents = talks.by_agent.iter().map(|(agent, sums)| StoredAgent::of(agent, sums));
        let accounts = talks.by_account.iter().map(|((account, agent), sums)| match agent {
            Some(agent) => (account.clone(), Some(StoredAgent::of(agent, sums)), None),
            None => (account.clone(), None, Some(StoredSums::of(sums))),
        });
        Self {
            all: StoredSums::of(&talks.all),
            agents: agents.collect(),
            accounts: accounts.collect(),
        }
    }

    fn read(self) -> CallDurations {
        let accounts = self.accounts.into_iter().filter_map(|(account, agent, sums)| {
            match (agent.map(StoredAgent::read), sums) {
                (Some((agent, sums)), _) => Some(((account, Some(agent)), sums)),
                (None, Some(sums)) => Some(((account, None), sums.read())),
                (None, None) => None,
            }
        });
        CallDurations {
            all: self.all.read(),
            by_agent: self.agents.into_iter().map(StoredAgent::read).collect(),
            by_account: accounts.collect(),
        }
    }
}

impl StoredAgent {
    fn of(agent: &Agent, sums: &Sums) -> Self {
        let (agent, address) = match agent {
            Agent::Unknown => (None, None),
            Agent::Address(address) => (None, Some(address.clone())),
            Agent::Id(id) => (Some(id.clone()), None),
        };
        Self { agent, address, sums: StoredSums::of(sums) }
    }

    fn read(self) -> (Agent, Sums) {
        let agent = match (self.agent, self.address) {
            (Some(id), _) => Agent::Id(id),
            (None, Some(address)) => Agent::Address(address),
            (None, None) => Agent::Unknown,
        };
        (agent, self.sums.read())
    }
}

impl StoredSums {
    fn of(Sums { hour, day }: &Sums) -> Self {
        let rows = |Ring(buckets): &Ring| {
            let row = |(bucket, talked): &(u64, DurationSummary)| {
                let DurationSummary { calls, total_ms, longest_ms } = *talked;
                [*bucket, calls, total_ms, longest_ms]
            };
            buckets.iter().map(row).collect()
        };
        Self { hour: rows(hour), day: rows(day) }
    }

    fn read(self) -> Sums {
        let read = |mut rows: Vec<[u64; 4]>| {
            // They are looked for by their places.
            rows.sort_unstable_by_key(|[bucket, ..]| *bucket);
            let bucket = |[bucket, calls, total_ms, longest_ms]: [u64; 4]| {
                (bucket, DurationSummary { calls, total_ms, longest_ms })
            };
            Ring(rows.into_iter().map(bucket).collect())
        };
        Sums { hour: read(self.hour), day: read(self.day) }
    }
}
