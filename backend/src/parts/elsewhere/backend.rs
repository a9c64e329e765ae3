//! One of the other backends, and how it stands with it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use live_users_intake::shards::ShardSet;
use parking_lot::Mutex;
use reqwest::Url;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::time::timeout;

use super::lanes::Lanes;
use super::way;

/// How long evidence waits while the last of what was kept is sent.
const KEEP: Duration = Duration::from_millis(500);

/// What has waited for so long is told: sums with its shards may be wrong. What is only behind a request is
/// sent much sooner.
const TOLD_AFTER: Duration = Duration::from_secs(1);

/// So often is told why evidence waits, while the reason stays the same.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// One of the other backends.
pub(super) struct Backend {
    pub(super) shards: ShardSet,
    pub(super) base: Url,
    /// What goes there with what other webhooks have.
    pub(super) lanes: Lanes,
    /// Whether it has not answered last.
    is_away: AtomicBool,
    /// Whether it has something for shards that are here.
    has_for_us: AtomicBool,
    /// Whether what a journal had for it at the start may wait, though it can be reached.
    is_owed: AtomicBool,
    /// How often something was kept for it.
    kept: AtomicU64,
    /// How often it was when nothing waited for it any more.
    settled: AtomicU64,
    /// Since when something may wait for it; `None` while nothing does.
    waits_since: Mutex<Option<Instant>>,
    /// Why it has not recorded what waits for it, and when that was last told.
    trouble: Mutex<Option<(String, Instant)>>,
    /// Whoever keeps something for it reads this until that is in the queue of the writer.
    keeping: RwLock<()>,
}

impl Backend {
    /// A journal may have something for it from before.
    pub(super) fn new((shards, base): (ShardSet, Url), lanes: Lanes) -> Self {
        let (kept, settled) = (AtomicU64::new(1), AtomicU64::new(0));
        let (is_away, has_for_us) = (AtomicBool::new(false), AtomicBool::new(false));
        let (is_owed, keeping) = (AtomicBool::new(true), RwLock::new(()));
        let waits_since = Mutex::new(Some(Instant::now()));
        let trouble = Mutex::default();
        Self {
            trouble,
            shards,
            base,
            lanes,
            is_away,
            has_for_us,
            is_owed,
            kept,
            settled,
            waits_since,
            keeping,
        }
    }

    /// The address of this path there.
    pub(super) fn url(&self, path: &str) -> Result<Url, String> {
        way::url(&self.base, path)
    }

    /// Notes whether it has answered.
    pub(super) fn note(&self, has_answered: bool) {
        self.is_away.store(!has_answered, Ordering::Release);
    }

    /// Whether it may lack what waited for it since before the start: it did not ask this backend, which was
    /// not there. It ends for good once nothing waits, or with [`Backend::forgive`].
    pub(super) fn is_owed(&self) -> bool {
        self.is_owed.load(Ordering::Acquire)
    }

    /// Sending that has failed, or is for another backend that leads. Who is away asks when it is back.
    pub(super) fn forgive(&self) {
        self.is_owed.store(false, Ordering::Release);
    }

    /// Whether its last answer did not come, or was none.
    pub(super) fn is_away(&self) -> bool {
        self.is_away.load(Ordering::Acquire)
    }

    /// Notes whether it has something for shards that are here.
    pub(super) fn note_for_us(&self, has_some: bool) {
        self.has_for_us.store(has_some, Ordering::Release);
    }

    /// Whether it has, as far as it has said.
    pub(super) fn has_for_us(&self) -> bool {
        self.has_for_us.load(Ordering::Acquire)
    }

    /// Whether evidence for it has to go behind what waits for it, or cannot be taken at present.
    pub(super) fn is_behind(&self) -> bool {
        self.is_away() || self.may_wait()
    }

    /// Whether something may wait for it.
    pub(super) fn may_wait(&self) -> bool {
        self.kept.load(Ordering::Acquire) != self.settled.load(Ordering::Acquire)
    }

    /// Something was kept for it.
    ///
    /// Trap: call it when that is in the queue of the writer, and before it is acknowledged. Then a look
    /// into the state that begins later finds it, and what is said after the acknowledgement goes behind it.
    pub(super) fn note_kept(&self) {
        self.waits_since.lock().get_or_insert_with(Instant::now);
        self.kept.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether something may have waited for it for so long that it lacks it.
    pub(super) fn lacks(&self, now: Instant) -> bool {
        let since = *self.waits_since.lock();
        since.is_some_and(|it| now.saturating_duration_since(it) >= TOLD_AFTER)
    }

    /// Notes why it has not recorded something. Returns whether that is to be told: when it is another
    /// reason than the last one, and from time to time.
    pub(super) fn note_trouble(&self, why: &str, now: Instant) -> bool {
        let mut trouble = self.trouble.lock();
        let is_known = trouble.as_ref().is_some_and(|(known, told)| {
            known == why && now.saturating_duration_since(*told) < TOLD_EVERY
        });
        if !is_known {
            *trouble = Some((why.to_owned(), now));
        }
        !is_known
    }

    /// Why it has not recorded what waits for it, if it has tried.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.lock().as_ref().map(|(why, _)| why.clone())
    }

    /// All is recorded there. Returns whether there was trouble before.
    pub(super) fn end_trouble(&self) -> bool {
        self.trouble.lock().take().is_some()
    }

    /// Begins to keep something: it is in the queue of the writer when this is dropped. `None` where the last
    /// of what waits is not sent in time: a caller waits, and the order of two words matters less.
    pub(super) async fn keep(&self) -> Option<RwLockReadGuard<'_, ()>> {
        timeout(KEEP, self.keeping.read()).await.ok()
    }

    /// Lets nothing be kept until this is dropped. Otherwise what waits would never be all sent where
    /// evidence comes all the time, since each piece goes behind another one.
    pub(super) async fn close(&self) -> RwLockWriteGuard<'_, ()> {
        self.keeping.write().await
    }

    /// What [`Backend::settle`] takes. Read it before the state is looked at.
    pub(super) fn begin_look(&self) -> u64 {
        self.kept.load(Ordering::Acquire)
    }

    /// Nothing waited for it in a look that began then.
    pub(super) fn settle(&self, begun: u64) {
        let mut since = self.waits_since.lock();
        self.settled.store(begun, Ordering::Release);
        if !self.may_wait() {
            *since = None;
        }
        self.forgive();
    }
}

#[cfg(test)]
mod tests {
    use live_users_intake::shards::Layout;
    use reqwest::header::HeaderValue;

    use super::*;
    use crate::parts::elsewhere::{Sender, Way};

    fn backend() -> Backend {
        let base = Url::parse("http://127.0.0.1:1/").unwrap();
        let way = Way::new(HeaderValue::from_static("Bearer none")).unwrap();
        let sender = Sender::of(Layout::default(), ShardSet::one(0));
        let lanes = Lanes::to(&base, &way, &sender);
        Backend::new((ShardSet::one(1), base), lanes)
    }

    #[tokio::test]
    async fn what_is_kept_during_a_look_is_looked_for_again() {
        let backend = backend();
        assert!(backend.is_behind(), "what a journal has is not known yet");
        let begun = backend.begin_look();
        backend.note_kept();
        backend.settle(begun);
        assert!(backend.is_behind());
        backend.settle(backend.begin_look());
        assert!(!backend.is_behind());
        backend.note(false);
        assert!(backend.is_behind() && backend.is_away() && !backend.may_wait());
        let later = Instant::now() + TOLD_AFTER;
        assert!(!backend.lacks(later), "it was not told of anything meanwhile");
        backend.note_kept();
        assert!(backend.lacks(later + TOLD_AFTER));
        backend.settle(backend.begin_look());
        assert!(!backend.lacks(later + TOLD_AFTER));
        backend.note(true);
        assert!(!backend.is_behind());
    }

    #[tokio::test]
    async fn it_is_owed_what_a_journal_has_until_that_is_sent_or_it_is_away() {
        let (sent, away) = (backend(), backend());
        sent.note(true);
        assert!(sent.is_owed() && away.is_owed());
        let begun = sent.begin_look();
        sent.note_kept();
        sent.settle(begun);
        assert!(!sent.is_owed(), "what is kept later is no debt of before the start");
        away.forgive();
        assert!(!away.is_owed() && away.may_wait());
    }
}
