//! Evidence that is kept here until the backend that has its shard records it.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use live_users_core::Millis;
use live_users_http_kit::metrics::{Labels, Page};
use live_users_intake::shards::ShardSet;
use live_users_state::{Forward, Forwards, WaitingForward};
use log::{info, warn};

use super::backend::Backend;
use super::messages::BATCH_MAX;
use super::{
    ASK_PATH, Answer, Elsewhere, Forwarded, ForwardedBatch, Question, RECORD_PATH, RecordedAnswer,
    Sender, WHOLE,
};
use crate::parts::not_recorded::NotRecorded;
use crate::parts::queue::Queue;

/// So often a backend that is away is tried again.
pub(crate) const PROBE_EVERY: Duration = Duration::from_millis(250);

/// What waits longest in a state for some shards, in its order.
pub(crate) struct Waiting {
    pub(crate) each: Vec<Forwarded>,
    /// The number of the last of them.
    pub(crate) through: u64,
}

impl Waiting {
    /// `None` if nothing waits for these.
    pub(crate) fn of(forwards: &Forwards, shards: ShardSet, now: Millis) -> Option<Self> {
        let picks = |shard| shards.has(usize::from(shard));
        let waiting: Vec<_> = forwards.of(picks).take(BATCH_MAX).collect();
        let through = waiting.last()?.number;
        let last = forwards.last_words(waiting.iter().map(|it| &it.forward.evidence.call));
        let forwarded = |WaitingForward { forward, .. }: &WaitingForward| {
            let Forward { shard, sent_at_ms, first_in_conference, evidence } = forward;
            let last = last.get(&evidence.call).copied().flatten();
            Forwarded {
                shard: usize::from(*shard),
                sent_at_ms: *sent_at_ms,
                first_in_conference: first_in_conference.map(usize::from),
                silent_ms: last.map(|at| now.since(at)),
                evidence: evidence.clone(),
            }
        };
        Some(Self { each: waiting.into_iter().map(forwarded).collect(), through })
    }
}

fn kept(forwarded: Forwarded) -> Forward {
    let small = |shard| u8::try_from(shard).expect("below SHARDS_MAX");
    let Forwarded { shard, sent_at_ms, first_in_conference, evidence, .. } = forwarded;
    let (shard, first_in_conference) = (small(shard), first_in_conference.map(small));
    Forward { shard, sent_at_ms, first_in_conference, evidence }
}

impl Elsewhere {
    /// Keeps evidence for a backend in the journal of a shard that is here. It is in the queue when this
    /// returns.
    pub(super) fn keep<'a>(
        &self,
        backend: &Backend,
        forwarded: Vec<Forwarded>,
        queue: &'a Queue,
    ) -> Result<impl Future<Output = Result<(), NotRecorded>> + use<'a>, NotRecorded> {
        if queue.status().forwards_full {
            return Err(NotRecorded::Full);
        }
        let kept = queue.keep(forwarded.into_iter().map(kept).collect());
        backend.note_kept();
        self.wake.notify_waiters();
        Ok(kept)
    }

    /// How many other backends there are.
    pub(crate) fn len(&self) -> usize {
        self.backends.len()
    }

    /// The shards of one of them.
    pub(crate) fn shards_of(&self, place: usize) -> ShardSet {
        self.backends[place].shards
    }

    /// Returns when it is time to look again: when something was kept, but for a backend that is away.
    pub(crate) async fn turn(&self, place: usize) {
        match self.backends[place].is_away() {
            true => tokio::time::sleep(PROBE_EVERY).await,
            false => drop(tokio::time::timeout(PROBE_EVERY, self.wake.notified()).await),
        }
    }

    /// Whether something may wait for a backend, as far as its senders know.
    pub(crate) fn may_wait(&self, place: usize) -> bool {
        self.backends[place].may_wait()
    }

    /// The same of who has sent a request.
    pub(crate) fn may_wait_for(&self, sender: &Sender) -> bool {
        let is_of = |it: &&Backend| it.shards.iter().any(|shard| sender.has(shard));
        self.backends.iter().filter(is_of).any(Backend::may_wait)
    }

    /// What [`Elsewhere::settle`] takes. Read it before states are looked at.
    pub(crate) fn begin_look(&self, place: usize) -> u64 {
        self.backends[place].begin_look()
    }

    /// Sends the last of what waits for a backend by `send`, which says whether nothing is left: what comes
    /// meanwhile waits, and then goes to the backend itself.
    pub(crate) async fn catch_up(&self, place: usize, send: impl Future<Output = bool>) {
        let backend = &self.backends[place];
        let _closed = backend.close().await;
        // Whoever has not waited for this may keep something meanwhile.
        let begun = backend.begin_look();
        if send.await {
            self.settle(place, begun);
        }
    }

    /// Nothing waited for this backend in a look that began then.
    pub(crate) fn settle(&self, place: usize, begun: u64) {
        let backend = &self.backends[place];
        backend.settle(begun);
        if backend.end_trouble() {
            let told = super::told(backend.shards);
            info!("all evidence that waited for {told} is recorded at {}", backend.base);
        }
    }

    /// Why what waits for a shard is not recorded by its backend, if it has tried.
    pub(crate) fn trouble_of(&self, shard: usize) -> Option<String> {
        self.backends.iter().find(|it| it.shards.has(shard))?.trouble()
    }

    /// What waits for this backend is not sent at present.
    pub(crate) fn forgive(&self, place: usize) {
        self.backends[place].forgive();
    }

    /// Sends what has waited for a backend. Returns whether all of it is recorded there.
    pub(crate) async fn deliver(&self, place: usize, each: &[Forwarded]) -> bool {
        let backend = &self.backends[place];
        let body = ForwardedBatch::encode(&self.sender, each);
        let answer = self.way.post(backend.url(RECORD_PATH), body, WHOLE).await;
        backend.note(answer.is_ok());
        let recorded = answer.and_then(|it| RecordedAnswer::decode(&it, each.len()));
        let recorded = recorded.and_then(|it| it.into_iter().collect::<Result<Vec<_>, _>>());
        match recorded {
            Ok(_) => self.recorded.add(),
            Err(ref why) => {
                if backend.note_trouble(why, Instant::now()) {
                    let told = super::told(backend.shards);
                    warn!("evidence for {told} at {} waits: {why}", backend.base);
                }
            }
        }
        recorded.is_ok()
    }

    /// Looks whether a backend is back that was away.
    pub(crate) async fn probe(&self, place: usize) {
        let backend = &self.backends[place];
        if backend.is_away() {
            let question = Question::default().encode(&self.sender);
            let answer = self.way.post(backend.url(ASK_PATH), question, WHOLE).await;
            let answer = answer.and_then(|it| Answer::decode(&it, self.sender.shards()));
            backend.note(answer.is_ok());
        }
    }

    /// Asks all other backends whether they have evidence for shards that are here. One that does not
    /// answer in this time holds nothing back.
    pub(crate) async fn ask_for_ours(&self, patience: Duration) {
        let asked = self.backends.iter().map(async |backend| {
            let question = Question::default().encode(&self.sender);
            // It says nothing of who is away: all may start at once.
            let answer = self.way.post(backend.url(ASK_PATH), question, patience).await;
            let answer = answer.and_then(|it| Answer::decode(&it, self.sender.shards()));
            backend.note_for_us(answer.is_ok_and(|it| it.waiting > 0));
        });
        join_all(asked).await;
    }

    /// The shards of other backends that have said so.
    pub(crate) fn have_ours(&self) -> ShardSet {
        let each = self.backends.iter().filter(|it| it.has_for_us());
        each.fold(ShardSet::default(), |all, it| all.and(it.shards))
    }

    /// Whether a backend that can be reached may lack what waited here for it at the start.
    pub(crate) fn owes(&self) -> bool {
        self.backends.iter().any(Backend::is_owed)
    }

    /// The shards of other backends for which evidence has waited here for so long that they lack it.
    pub(crate) fn lacking(&self) -> ShardSet {
        let now = Instant::now();
        let each = self.backends.iter().filter(|it| it.lacks(now));
        each.fold(ShardSet::default(), |all, it| all.and(it.shards))
    }

    /// What waits for each shard that is elsewhere.
    pub(super) fn add_waiting_to(&self, page: &mut Page, waiting: &[(usize, usize)]) {
        let shards = self.backends.iter().flat_map(|it| it.shards.iter().collect::<Vec<_>>());
        let of = |shard: usize| waiting.iter().find(|(it, _)| *it == shard).map_or(0, |(_, n)| *n);
        let values: Vec<_> =
            shards.map(|shard| ([("shard", shard.to_string())], of(shard))).collect();
        let labels: Vec<_> =
            values.iter().map(|([(name, of)], n)| ([(*name, &**of)], *n)).collect();
        let values = labels.iter().map(|(labels, n)| (labels as Labels<'_>, *n as f64));
        let help =
            "Pieces of evidence that wait here until the backend of their shard records them";
        page.gauges("live_users_evidence_waiting", help, values);
    }
}

#[cfg(test)]
mod tests {
    use live_users_core::{CallId, Evidence, Said, Source};
    use live_users_intake::shards::{Layout, ShardBy};
    use reqwest::Url;
    use reqwest::header::HeaderValue;

    use super::*;
    use crate::config::Spread;

    #[tokio::test]
    async fn what_there_is_no_room_for_is_not_acknowledged() {
        let nowhere = Url::parse("http://127.0.0.1:1/").unwrap();
        let spread = Spread {
            here: ShardSet::one(0),
            elsewhere: vec![(ShardSet::one(1), nowhere)],
            authorization: HeaderValue::from_static("Bearer 0123456789abcdef"),
        };
        let layout = Layout::new(2, ShardBy::Agent).unwrap();
        let elsewhere = Elsewhere::new(spread, layout).unwrap();
        let (queue, (_stuck, status)) = Queue::broken(9);
        status.send_modify(|it| it.forwards_full = true);
        let call = CallId::parse("CA1").unwrap();
        let forwarded = Forwarded {
            shard: 1,
            sent_at_ms: None,
            first_in_conference: None,
            silent_ms: None,
            evidence: Evidence::about(call.clone(), Source::Voice, Said::InProgress),
        };
        let recorded = elsewhere.record(vec![forwarded], &queue).await;
        assert_eq!(recorded, Err((call, NotRecorded::Elsewhere { shard: 1 })));
        assert_eq!((elsewhere.kept.get(), elsewhere.not_recorded.get()), (0, 1));
        assert_eq!(queue.depth(), 0);
    }
}
