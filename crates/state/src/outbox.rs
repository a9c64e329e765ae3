//! What hooks are to be told about calls, until they were told: so nothing is lost with a process,
//! and whoever leads next goes on.
//!
//! Events are kept from the moment at which a hook is first known, and until all hooks have them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use live_users_core::{
    Agent, Applied, CallId, Direction, EndReason, Evidence, Millis, Outcome, Phase, Tracker,
};
use serde::{Deserialize, Serialize};

use crate::activity::ActivityLog;
use crate::format::DecodeError;
use crate::stored_call::StoredAgent;
use crate::words::{DIRECTIONS, PHASES, Word, call_id, optional, word};

/// So many events are kept for hooks that cannot be reached: some megabytes.
pub const OUTBOX_MAX: usize = 10_000;

/// The most hooks that are known.
const HOOKS_MAX: usize = 100;

/// The beginning or the end of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallNews {
    /// When it was recorded.
    pub at: Millis,
    /// What it was.
    pub what: NewsKind,
    /// The call.
    pub call: CallId,
    /// Its other names then.
    pub also: Vec<CallId>,
    /// Its agent, as far as was known then.
    pub agent: Agent,
    /// Which way it goes.
    pub direction: Option<Direction>,
    /// How long it was connected with agents, in milliseconds, if it is over and had been.
    pub lasted_ms: Option<u64>,
    /// All live users after it.
    pub live_users: u64,
}

/// What happened to the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewsKind {
    /// A person is on the line, or one is being dialled.
    Started,
    /// It goes on: that it was over was our own guess.
    Resumed,
    /// It is over.
    Ended(EndReason),
}

/// How far one hook was told, or that it is one no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The id of the hook.
    pub hook: Arc<str>,
    /// How far; `None` if it is gone.
    pub cursor: Option<Cursor>,
}

/// How far a hook was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cursor {
    /// The number of the last event of a call that it has; `None` if it takes none. A number that
    /// was never given out stands for the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub news: Option<u64>,
    /// The last number of live users that it was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live_users: Option<u64>,
    /// Whether the last that it was told is that the threshold is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_reached: Option<bool>,
    /// The number of the last news of alerts that it has; `None` if it takes none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alerts: Option<u64>,
}

/// What hooks are to be told about calls, and how far each was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outbox {
    news: VecDeque<CallNews>,
    /// How many there ever were: the number of the newest.
    count: u64,
    hooks: BTreeMap<Arc<str>, Cursor>,
}

impl Outbox {
    /// Notes what a piece of evidence has done; the tracker and the feed are of after it.
    pub(crate) fn note(
        &mut self,
        tracker: &Tracker,
        feed: &ActivityLog,
        (evidence, applied): (&Evidence, &Applied),
    ) {
        if self.wanted_after().is_none() {
            return;
        }
        let what = match applied.outcome {
            Outcome::Started | Outcome::Dialing => NewsKind::Started,
            Outcome::Resumed => NewsKind::Resumed,
            Outcome::Ended(reason) | Outcome::EndedUnseen(reason) => NewsKind::Ended(reason),
            Outcome::Answered
            | Outcome::Duplicate
            | Outcome::Confirmed
            | Outcome::Late
            | Outcome::Leg
            | Outcome::Refused => return,
        };
        // Moves of other calls may be listed after it.
        let Some(activity) = feed.newest_but_moves() else { return };
        let id = tracker.own_id(&evidence.call);
        let is_users = tracker.call(id).is_some_and(|it| !it.details.is_colleague);
        if !is_users || activity.call != *id {
            return;
        }
        let ended = matches!(what, NewsKind::Ended(_)).then_some(activity.lasted).flatten();
        let news = CallNews {
            at: activity.at,
            what,
            call: activity.call.clone(),
            also: tracker.names_of(id).to_vec(),
            agent: activity.agent.clone(),
            direction: activity.direction,
            lasted_ms: ended.map(|lasted| lasted.ms()),
            live_users: tracker.numbers().users as u64,
        };
        self.news.push_back(news);
        self.count += 1;
        self.trim();
    }

    /// Notes how far a hook was told. It never goes back.
    pub(crate) fn told(&mut self, told: &Told) {
        match told.cursor {
            None => drop(self.hooks.remove(&told.hook)),
            Some(_) if self.hooks.len() == HOOKS_MAX && !self.hooks.contains_key(&told.hook) => {}
            Some(cursor) => {
                let before = self.cursor(&told.hook).unwrap_or_default();
                let news = cursor.news.map(|it| it.min(self.count).max(before.news.unwrap_or(0)));
                let alerts = cursor.alerts.map(|it| it.max(before.alerts.unwrap_or(0)));
                self.hooks.insert(told.hook.clone(), Cursor { news, alerts, ..cursor });
            }
        }
        self.trim();
    }

    /// The number after which there are events that a hook does not have. `None` if no hook takes
    /// any.
    fn wanted_after(&self) -> Option<u64> {
        self.hooks.values().filter_map(|it| it.news).min()
    }

    fn trim(&mut self) {
        let wanted = self.count - self.wanted_after().unwrap_or(self.count);
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX).min(OUTBOX_MAX);
        self.news.drain(..self.news.len().saturating_sub(wanted));
    }

    /// The number of the newest event.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The events after the one with this number, each with its own, the oldest first. Some of them
    /// may be gone.
    pub fn after(&self, number: u64) -> impl Iterator<Item = (u64, &CallNews)> {
        let first = self.count - self.news.len() as u64 + 1;
        let skipped =
            usize::try_from(number.saturating_add(1).saturating_sub(first)).unwrap_or(usize::MAX);
        (first..).zip(&self.news).skip(skipped)
    }

    /// How far each hook was told, by its id.
    pub fn hooks(&self) -> impl Iterator<Item = (&Arc<str>, &Cursor)> {
        self.hooks.iter()
    }

    /// How far this hook was told.
    pub fn cursor(&self, hook: &str) -> Option<Cursor> {
        self.hooks.get(hook).copied()
    }

    /// The same with other times.
    pub(crate) fn mended(mut self, mut mend: impl FnMut(Millis) -> Millis) -> Self {
        self.news.iter_mut().for_each(|news| news.at = mend(news.at));
        self
    }
}

/// An outbox in a snapshot.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct StoredOutbox {
    count: u64,
    hooks: BTreeMap<Arc<str>, Cursor>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    news: Vec<StoredNews>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredNews {
    at: u64,
    call: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    also: Vec<String>,
    #[serde(flatten)]
    agent: StoredAgent,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    direction: Option<Word>,
    /// Why the call is over; of one that has begun, it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Word>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    resumed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lasted_ms: Option<u64>,
    live_users: u64,
}

impl StoredOutbox {
    /// `None` where there never was a hook.
    pub(crate) fn of(outbox: &Outbox) -> Option<Self> {
        let Outbox { news, count, hooks } = outbox;
        let is_used = *count > 0 || !hooks.is_empty();
        let news = || news.iter().map(StoredNews::of).collect();
        is_used.then(|| Self { count: *count, hooks: hooks.clone(), news: news() })
    }

    pub(crate) fn read(self) -> Result<Outbox, DecodeError> {
        let news = self.news.into_iter().map(StoredNews::read);
        let news: VecDeque<_> = news.collect::<Result<_, _>>()?;
        let count = self.count.max(news.len() as u64);
        Ok(Outbox { news, count, hooks: self.hooks })
    }
}

impl StoredNews {
    fn of(news: &CallNews) -> Self {
        let reason = match news.what {
            NewsKind::Ended(reason) => Some(word(PHASES, &Phase::Ended(reason))),
            NewsKind::Started | NewsKind::Resumed => None,
        };
        Self {
            at: news.at.0,
            call: news.call.to_string(),
            also: news.also.iter().map(CallId::to_string).collect(),
            agent: StoredAgent::of(&news.agent),
            direction: news.direction.map(|it| word(DIRECTIONS, &it)),
            reason,
            resumed: news.what == NewsKind::Resumed,
            lasted_ms: news.lasted_ms,
            live_users: news.live_users,
        }
    }

    fn read(self) -> Result<CallNews, DecodeError> {
        let what = match (optional(PHASES, self.reason.as_deref(), "reason")?, self.resumed) {
            (Some(Phase::Ended(reason)), _) => NewsKind::Ended(reason),
            (Some(_), _) => return Err(DecodeError::Value("reason")),
            (None, true) => NewsKind::Resumed,
            (None, false) => NewsKind::Started,
        };
        Ok(CallNews {
            at: Millis(self.at),
            what,
            call: call_id(&self.call, "call")?,
            also: self.also.iter().map(|id| call_id(id, "also")).collect::<Result<_, _>>()?,
            agent: self.agent.read(),
            direction: optional(DIRECTIONS, self.direction.as_deref(), "direction")?,
            lasted_ms: self.lasted_ms,
            live_users: self.live_users,
        })
    }
}

#[cfg(test)]
mod tests;
