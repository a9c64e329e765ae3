//! What the shards tell, each by a stream of its own, until it is added up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use live_users_wire::{ChangesFrame, Document, LiveCount, Problem, ShardSet, Summary};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::backend_client::{Failure, failure};
use super::followed::total_of;
use super::receiver::{Receiver, Subscription};
use super::shards::{CONTACT, Shards};
use crate::error::UpstreamError;

/// What all shards have told last.
pub(super) struct Parts {
    shards: Shards,
    /// The agent that all of it is of; `None` for all calls.
    agent: Option<String>,
    began: Instant,
    now: Mutex<Vec<Told>>,
    changed: Notify,
}

/// What a shard has told last.
#[derive(Default)]
struct Told {
    total: Option<LiveCount>,
    summary: Option<Known>,
    /// Why there is no summary beside the total.
    no_summary: Option<String>,
    /// Its stream is open and has told something.
    is_open: bool,
    /// It has been lost at least once.
    was_lost: bool,
    /// When the stream told anything last.
    heard: Option<Instant>,
    ended: Option<UpstreamError>,
}

/// A summary as it came.
enum Known {
    /// The last frame, without the document or the change in it, and the document.
    Document(Box<(ChangesFrame, Document)>),
    Whole(Box<Summary>),
}

/// What can be said of the sum now.
pub(super) enum Sum<T> {
    /// Each shard was in contact lately.
    Of(Vec<Option<T>>),
    /// Some were not. Others may still be pending.
    Missing { shards: ShardSet, pending: ShardSet },
    /// Some have not told anything yet. They have a little time.
    Pending,
}

/// The part of one shard, as the receiver of its stream.
pub(super) struct Part {
    parts: Arc<Parts>,
    shard: usize,
}

impl Parts {
    /// Nothing is told yet.
    pub(super) fn new(shards: Shards, agent: Option<String>) -> Arc<Self> {
        let now = shards.iter().map(|_| Told::default()).collect();
        let (began, changed) = (Instant::now(), Notify::new());
        Arc::new(Self { shards, agent, began, now: Mutex::new(now), changed })
    }

    /// The receiver of the stream of a shard.
    pub(super) fn part(self: &Arc<Self>, shard: usize) -> Part {
        Part { parts: Arc::clone(self), shard }
    }

    /// Resolves when a shard has told something since this was called last.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Why nobody may read this any more, if so.
    pub(super) fn ended(&self) -> Option<UpstreamError> {
        self.now.lock().iter().find_map(|told| told.ended)
    }

    /// The totals of all shards, if each was in contact lately.
    pub(super) fn totals(&self, now: Instant) -> Sum<LiveCount> {
        let all = self.now.lock();
        let lacking = self.shards.lacking(now);
        let contacts = all.iter().zip(self.shards.iter()).map(|(told, shard)| {
            let heard = match told.is_open {
                // What it told last holds, if the shard is there: a stream is silent meanwhile.
                true => told.heard.max(shard.contact().at),
                false => told.heard,
            };
            let is_fresh = |at: Instant| now.saturating_duration_since(at) <= CONTACT;
            told.total.is_some() && heard.is_some_and(is_fresh) && !lacking.has(shard.number)
        });
        let out: Vec<_> = contacts.map(|is_in_contact| !is_in_contact).collect();
        let is_young = now.saturating_duration_since(self.began) <= CONTACT;
        let pending = |told: &Told| is_young && !told.was_lost && told.total.is_none();
        let (mut missing, mut waiting) = (ShardSet::default(), ShardSet::default());
        for (shard, (_, told)) in out.iter().zip(&*all).enumerate().filter(|(_, (out, _))| **out) {
            (if pending(told) { &mut waiting } else { &mut missing }).insert(shard);
        }
        match () {
            () if !missing.is_empty() => Sum::Missing { shards: missing, pending: waiting },
            () if out.contains(&true) => Sum::Pending,
            () => Sum::Of(all.iter().map(|told| told.total.clone()).collect()),
        }
    }

    /// The summaries of all shards that have told one, or why one of them has none.
    ///
    /// # Errors
    /// The text of that; empty while it is not known.
    pub(super) fn summaries(&self) -> Result<Vec<Option<Summary>>, String> {
        let all = self.now.lock();
        let mut summaries = Vec::with_capacity(all.len());
        for told in all.iter() {
            let summary = match &told.summary {
                Some(Known::Document(known)) => {
                    let (ChangesFrame { epoch, seq, as_of, .. }, document) = &**known;
                    let summary = document.summary(epoch, *seq, as_of);
                    summary.map_err(|_| UpstreamError::NotACount.to_string())?
                }
                Some(Known::Whole(summary)) => (**summary).clone(),
                None => return Err(told.no_summary.clone().unwrap_or_default()),
            };
            summaries.push(Some(summary));
        }
        Ok(summaries)
    }

    /// How long what is known holds without another word.
    pub(super) fn holds_for(&self, now: Instant) -> Duration {
        let all = self.now.lock();
        let ages = all.iter().zip(self.shards.iter()).filter_map(|(told, shard)| {
            let heard = told.heard.max(shard.contact().at.filter(|_| told.is_open))?;
            Some(now.saturating_duration_since(heard))
        });
        CONTACT.saturating_sub(ages.max().unwrap_or_default())
    }

    fn change(&self, shard: usize, change: impl FnOnce(&mut Told)) {
        change(&mut self.now.lock()[shard]);
        self.changed.notify_one();
    }
}

impl Part {
    fn put(&self, total: LiveCount, summary: Option<Known>) {
        self.parts.change(self.shard, |told| {
            if summary.is_some() {
                told.no_summary = None;
            }
            (told.total, told.summary, told.is_open) = (Some(total), summary, true);
        });
        self.in_contact();
    }

    fn in_contact(&self) {
        self.parts.now.lock()[self.shard].heard = Some(Instant::now());
        if let Some(shard) = self.parts.shards.get(self.shard) {
            shard.in_contact();
        }
    }

    fn take_total(&self, json: &str) -> Result<(), Failure> {
        let total: LiveCount = serde_json::from_str(json).map_err(|error| not_a_count(&error))?;
        if self.parts.agent != total.agent {
            return Err(failure(UpstreamError::NotOfAgent, "another one".to_owned()));
        }
        self.put(total, None);
        Ok(())
    }

    fn take_summary(&self, json: &str) -> Result<(), Failure> {
        let summary: Summary = serde_json::from_str(json).map_err(|error| not_a_count(&error))?;
        let total = LiveCount {
            live_users: summary.live_users,
            by_agent: summary.public_by_agent.clone(),
            suspect: summary.public_suspect,
            agent: None,
            epoch: summary.epoch.clone(),
            seq: summary.seq,
            as_of: summary.as_of.clone(),
            now: None,
        };
        self.put(total, Some(Known::Whole(Box::new(summary))));
        Ok(())
    }

    /// A snapshot, or what has changed since the frame before it.
    fn take_change(&self, mut head: ChangesFrame) -> Result<(), Failure> {
        let (snapshot, changed) = (head.snapshot.take(), head.changed.take());
        let since = head.since.take();
        let before = self.parts.now.lock()[self.shard].summary.take();
        let document = match (snapshot, changed, before) {
            (Some(snapshot), _, _) => Document::new(snapshot),
            (None, Some(changed), Some(Known::Document(known)))
                if since.as_ref() == Some(&known.0.frame) =>
            {
                let (_, mut document) = *known;
                document.merge(changed);
                document
            }
            _ => return Err(failure(UpstreamError::Broken, "a frame is missing".to_owned())),
        };
        let total = total_of(&head, &document);
        let total =
            total.ok_or_else(|| failure(UpstreamError::NotACount, "no total".to_owned()))?;
        self.put(total, Some(Known::Document(Box::new((head, document)))));
        Ok(())
    }
}

fn not_a_count(error: &serde_json::Error) -> Failure {
    failure(UpstreamError::NotACount, error.to_string())
}

impl Receiver for Part {
    fn hear(&mut self, _now: Timestamp) {
        // Before its first frame, a stream says nothing of what was told before.
        let holds = |told: &Told| told.is_open && told.total.is_some();
        if holds(&self.parts.now.lock()[self.shard]) {
            self.in_contact();
        }
    }

    fn take(
        &mut self,
        subscription: Subscription,
        json: String,
        _now: Timestamp,
    ) -> Result<(), Failure> {
        let taken = match subscription {
            Subscription::Total => self.take_total(&json),
            Subscription::Summary => match serde_json::from_str::<ChangesFrame>(&json) {
                Ok(frame) => self.take_change(frame),
                // A backend of before there were changes.
                Err(_) => self.take_summary(&json),
            },
        };
        if taken.is_err() && serde_json::from_str::<Problem>(&json).is_ok() {
            // The shard itself says that there is no number.
            self.parts.change(self.shard, |told| {
                (told.total, told.summary, told.was_lost) = (None, None, true);
            });
            return Ok(());
        }
        taken
    }

    fn have_no_summary(&mut self, why: &str) {
        self.parts.change(self.shard, |told| {
            (told.summary, told.no_summary) = (None, Some(why.to_owned()));
        });
    }

    fn lose(&mut self, why: UpstreamError) {
        // What it told last may still hold for a moment, in which the stream may be open again.
        let may_hold = matches!(
            why,
            UpstreamError::Ended
                | UpstreamError::Broken
                | UpstreamError::Unreachable
                | UpstreamError::Slow
        );
        self.parts.change(self.shard, |told| {
            (told.is_open, told.was_lost) = (false, true);
            if !may_hold {
                (told.total, told.summary) = (None, None);
            }
        });
    }

    fn end(&mut self, why: UpstreamError) {
        self.parts.change(self.shard, |told| told.ended = Some(why));
    }

    fn has_ended(&self) -> bool {
        self.parts.now.lock()[self.shard].ended.is_some()
    }

    async fn is_back(&self) {
        match self.parts.shards.get(self.shard) {
            Some(shard) => shard.is_back().await,
            None => std::future::pending().await,
        }
    }

    /// The sum has no frame of a part.
    async fn lacks_whole(&self) {
        std::future::pending().await
    }

    fn give_whole(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}
