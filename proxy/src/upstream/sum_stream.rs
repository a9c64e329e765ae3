//! The streams of all shards, and what is published of their sum.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use jiff::Timestamp;
use live_users_broadcast::{Latest, SlotState, Throttle};
use live_users_wire::{
    ByAgent, LastCount, LiveCount, NoFrame, ShardSet, Summed, sum_of_summaries, sum_of_totals,
};
use reqwest::header::HeaderValue;
use tokio::time::sleep;

use super::asked::Asked;
use super::parts::{Parts, Sum};
use super::published::{frame_of_none, frame_of_total};
use super::shards::{Shards, Watching};
use super::stream::{LINGER_MS, SCOPE_LINGER_MS, Stream, without_readers};
use super::summed_frames::SummedFrames;
use crate::channels::Channels;
use crate::error::UpstreamError;

/// How soon a sum is looked at again that there is not, since a shard is missing.
const LOOK: Duration = Duration::from_millis(250);

/// After a summary comes a pause of this many times as long as it took to add it up.
const REST_TIMES: u32 = 9;

/// Keeps the streams of all shards open while readers are here.
pub(super) struct SumStream {
    pub(super) shards: Shards,
    pub(super) authorization: Option<HeaderValue>,
    pub(super) asked: Asked,
    pub(super) channels: Arc<Channels>,
    /// Whether the health of the streams is told.
    pub(super) is_watched: bool,
}

/// Publishes the sum of what the shards tell, and knows what it has published last.
struct Publisher<'a> {
    shards: &'a Shards,
    channels: &'a Channels,
    parts: Arc<Parts>,
    /// What readers know, while it is known to be true.
    shown: Option<Shown>,
    /// The last sum, and when it was true.
    last: Option<(u64, Timestamp)>,
    /// What is said to be wrong.
    error: Option<UpstreamError>,
    /// Why there is no summary beside the total.
    no_summary: Option<String>,
    frames: SummedFrames,
    /// Before that, no summary is added up.
    rests_until: Instant,
    /// Something has been told since the last summary.
    is_due: bool,
}

/// The epoch, the count, those of agents and what is suspect.
type Shown = (String, u64, Option<ByAgent>, Option<u64>);

impl SumStream {
    /// Goes on for ever.
    pub(super) async fn run(self) {
        loop {
            self.channels.has_readers().await;
            tokio::select! {
                () = without_readers(&self.channels, LINGER_MS) => {
                    log::debug!("nobody listens: the streams of the shards are closed");
                }
                () = self.follow() => {}
            }
            self.channels.clear();
            self.shards.iter().for_each(|shard| shard.health.closed());
        }
    }

    /// Goes on until nobody listens, and returns early if the access has ended.
    pub(super) async fn run_while_read(&mut self) {
        tokio::select! {
            () = without_readers(&self.channels, SCOPE_LINGER_MS) => {}
            () = self.follow() => {}
        }
    }

    /// Goes on until the access ends.
    async fn follow(&self) {
        let _watching: Watching = self.shards.watch();
        let agent = self.asked.agent.as_ref().map(|agent| agent.id.clone());
        let parts = Parts::new(self.shards.clone(), agent);
        let streams = self.shards.iter().map(|shard| {
            let health = match self.is_watched {
                true => Arc::clone(&shard.health),
                false => Arc::default(),
            };
            let (client, authorization) = (shard.client.clone(), self.authorization.clone());
            let part = parts.part(shard.number);
            let mut stream = Stream::new(client, authorization, self.asked.clone(), health, part);
            async move { stream.try_until_ended().await }
        });
        // The publisher tells readers why they have ended.
        let streams = async {
            join_all(streams).await;
            std::future::pending().await
        };
        let publisher = Publisher::new(&self.shards, &self.channels, Arc::clone(&parts));
        tokio::select! {
            () = publisher.run() => {}
            () = streams => {}
        }
    }
}

impl<'a> Publisher<'a> {
    fn new(shards: &'a Shards, channels: &'a Channels, parts: Arc<Parts>) -> Self {
        let (shown, last, error, no_summary, frames) = <_>::default();
        Self {
            shards,
            channels,
            parts,
            shown,
            last,
            error,
            no_summary,
            frames,
            rests_until: Instant::now(),
            is_due: true,
        }
    }

    /// Goes on until nobody may read it any more.
    async fn run(mut self) {
        let mut throttle = Throttle::default();
        loop {
            throttle.wait().await;
            if let Some(why) = self.parts.ended() {
                self.channels.end();
                self.report(why);
                return;
            }
            let now = Instant::now();
            let wait = match self.parts.totals(now) {
                Sum::Of(totals) => {
                    self.shards.missed_none_but(ShardSet::default());
                    match sum_of_totals(totals) {
                        Ok(total) => self.publish(total),
                        Err(missing) => self.report(self.shards.missing(missing)),
                    }
                    self.publish_summary();
                    // Until the first of them is silent for too long.
                    self.parts.holds_for(now) + Duration::from_millis(1)
                }
                Sum::Missing { shards: missing, pending } => {
                    self.shards.missed_none_but(missing.and(pending));
                    self.report(self.shards.missing(missing));
                    LOOK
                }
                Sum::Pending => LOOK,
            };
            let rest = self.rests_until.saturating_duration_since(Instant::now());
            let wait = if self.is_due && !rest.is_zero() { wait.min(rest) } else { wait };
            tokio::select! {
                () = self.parts.changed() => self.is_due = true,
                () = self.channels.lack_any_summary(), if self.shown.is_some() => {
                    self.is_due = true;
                }
                () = sleep(wait) => {}
            }
        }
    }

    fn publish(&mut self, Summed { value, name }: Summed<LiveCount>) {
        if self.error.take().is_some() {
            log::info!("all shards tell their number");
            self.is_due = true;
        }
        self.last = Some((value.live_users, Timestamp::now()));
        let LiveCount { live_users, by_agent, suspect, epoch, .. } = value.clone();
        let present = Some((epoch, live_users, by_agent, suspect));
        if self.shown != present {
            self.channels.total.publish(frame_of_total(name, value));
            self.shown = present;
        }
    }

    /// Publishes the summary in the forms that somebody reads.
    fn publish_summary(&mut self) {
        self.frames.clear_unread(self.channels);
        let began = Instant::now();
        let is_read = self.channels.summary.is_read() || self.channels.changes.is_read();
        if !self.is_due || !is_read || began < self.rests_until {
            return;
        }
        self.is_due = false;
        let summed = self.parts.summaries().and_then(|summaries| {
            sum_of_summaries(summaries).map_err(|missing| self.shards.missing(missing).to_string())
        });
        match summed {
            Ok(summed) => {
                self.no_summary = None;
                self.frames.publish(self.channels, summed);
            }
            // Some have not told one yet.
            Err(why) if why.is_empty() => {}
            Err(why) => self.report_no_summary(&why),
        }
        self.rests_until = Instant::now() + began.elapsed() * REST_TIMES;
    }

    /// Reports once that there is no sum.
    fn report(&mut self, why: UpstreamError) {
        self.shown = None;
        let is_told = match (self.error, why) {
            // It may answer now and then while its stream is away.
            (Some(UpstreamError::ShardsMissing(told)), UpstreamError::ShardsMissing(missing)) => {
                told.are_same(missing)
            }
            (told, why) => told == Some(why),
        };
        if is_told {
            return;
        }
        let text = why.to_string();
        log::warn!("there is no sum for who listens: {text}");
        self.channels.total.publish(frame_of_none(self.none(&text)));
        (self.error, self.no_summary) = (Some(why), None);
        self.tell_no_summary(&text);
    }

    /// Reports once that there is a total and no summary.
    fn report_no_summary(&mut self, why: &str) {
        let is_new = self.no_summary.as_deref() != Some(why);
        let lacks = |slot: &Latest| slot.is_read() && matches!(slot.now(), SlotState::Nothing);
        let is_lacked = lacks(&self.channels.summary) || lacks(&self.channels.changes);
        if is_new || is_lacked {
            self.no_summary = Some(why.to_owned());
            self.tell_no_summary(why);
        }
    }

    fn tell_no_summary(&mut self, why: &str) {
        self.frames.forget();
        let frame = frame_of_none(self.none(why));
        self.channels.changes.publish(frame.clone());
        self.channels.summary.publish(frame);
    }

    fn none(&self, why: &str) -> NoFrame {
        let last = self.last;
        let last = last.map(|(live_users, at)| LastCount { live_users, as_of: format!("{at:.3}") });
        NoFrame::new(why, last)
    }
}
