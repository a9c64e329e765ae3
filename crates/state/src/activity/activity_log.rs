//! The feed: the newest of what happened, each with a number to go on from.

use std::collections::VecDeque;
use std::sync::Arc;

use live_users_core::{Agent, CallId, Caller, Direction, EndReason, Millis, Party, Place};

use crate::corrections::Cause;

/// So many activities are kept.
pub const ACTIVITY_LOG_MAX: usize = 1_000;

/// One thing that happened to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// When it was recorded.
    pub at: Millis,
    /// What it was.
    pub what: ActivityKind,
    /// The call.
    pub call: CallId,
    /// Whose call it was then, if that was known.
    pub account: Option<Arc<str>>,
    /// The agent that it belonged to, as far as was known then; and so for what follows.
    pub agent: Agent,
    /// The person, if the caller id was usable.
    pub caller: Option<Caller>,
    /// Where the person was.
    pub place: Place,
    /// Which way the call went.
    pub direction: Option<Direction>,
    /// Why the call was over, if it was.
    pub reason: Option<EndReason>,
    /// With whom the caller is connected since then, if it has moved.
    pub party: Option<Party>,
    /// The id of the agent that had the call, if it has moved from that one to another.
    pub left: Option<Arc<str>>,
    /// The account that it belonged to, if it has moved from that one.
    pub left_account: Option<Arc<str>>,
    /// How long it had been connected with agents, if it was over and had been.
    pub lasted: Option<CallDuration>,
    /// Why the count had been wrong, if this has healed it.
    pub cause: Option<Cause>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivityKind {
    /// A call began: a person is on the line, or one is being dialled.
    Started,
    /// The person who was dialled picked up.
    Answered,
    /// The call was over.
    Ended,
    /// The count was put right, since webhooks had not come.
    Corrected,
    /// An operator took the call out of the count.
    Evicted,
    /// The caller was handed over, came back, waits, or talks with another agent; or a machine was
    /// recognised.
    Moved,
}

/// How long a call was, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallDuration {
    /// From when it was live here to when it was over here.
    Measured(u64),
    /// As the provider has reported, in whole seconds.
    Reported(u64),
}

impl CallDuration {
    /// In milliseconds.
    pub fn ms(self) -> u64 {
        match self {
            Self::Measured(ms) | Self::Reported(ms) => ms,
        }
    }
}

/// The newest activities, at most [`ACTIVITY_LOG_MAX`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivityLog {
    list: VecDeque<Activity>,
    /// How many there ever were: the number of the newest.
    count: u64,
}

/// Some of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityPage {
    /// Activities with their numbers, the newest first.
    pub activities: Vec<(u64, Activity)>,
    /// The number of the newest activity that there is.
    pub newest: u64,
    /// Whether there were others between these and the one that was asked to go on from.
    pub missed: bool,
}

impl ActivityLog {
    /// The newest activities after the one with this number, or of all, but no more than `limit`.
    pub fn after(&self, number: Option<u64>, limit: usize) -> ActivityPage {
        // A number that was never given out is from another life of this journal.
        let known = number.filter(|number| *number <= self.count);
        let newer = self.count - known.unwrap_or(0);
        let listed = limit.min(self.list.len()).min(usize::try_from(newer).unwrap_or(usize::MAX));
        let numbers = (0..self.count).map(|older| self.count - older);
        ActivityPage {
            activities: numbers.zip(self.list.iter().rev().cloned()).take(listed).collect(),
            newest: self.count,
            missed: number.is_some() && (known.is_none() || newer > listed as u64),
        }
    }

    /// What is in a snapshot; of more than [`ACTIVITY_LOG_MAX`] activities the last ones.
    pub(super) fn restore(count: u64, list: impl IntoIterator<Item = Activity>) -> Self {
        let mut feed = Self::default();
        list.into_iter().for_each(|activity| feed.note(activity));
        feed.count = count.max(feed.count);
        feed
    }

    /// The same activities, each changed.
    pub(crate) fn map(self, change: impl FnMut(Activity) -> Activity) -> Self {
        Self { list: self.list.into_iter().map(change).collect(), ..self }
    }

    /// Whether some of what happened is not kept any more.
    pub fn is_cut(&self) -> bool {
        self.count > self.list.len() as u64
    }

    /// How many there ever were.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn newest_mut(&mut self) -> Option<&mut Activity> {
        self.list.back_mut()
    }

    /// The oldest first.
    pub fn list(&self) -> impl DoubleEndedIterator<Item = &Activity> {
        self.list.iter()
    }

    pub(super) fn note(&mut self, activity: Activity) {
        if self.list.len() == ACTIVITY_LOG_MAX {
            self.list.pop_front();
        }
        self.list.push_back(activity);
        self.count = self.count.saturating_add(1);
    }

    /// The newest activity that is not the move of a call.
    pub(crate) fn newest_but_moves(&self) -> Option<&Activity> {
        self.list.iter().rev().find(|activity| activity.what != ActivityKind::Moved)
    }

    /// The end of a call, if it is still listed.
    pub(super) fn end_of(&mut self, call: &CallId) -> Option<&mut Activity> {
        let is_end = |activity: &&mut Activity| activity.reason.is_some() && activity.call == *call;
        self.list.iter_mut().rev().find(is_end)
    }
}
