//! The shards that other backends have: asks those what they know, and has evidence recorded there.
//!
//! What is sent was verified here; nothing that has come from another backend is sent on. What a backend does
//! not record waits in the journal of a shard that is here, and [`crate::tasks::forwarding`] sends it later.

mod backend;
pub(crate) mod kept;
mod lane;
mod lanes;
mod messages;
mod way;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use live_users_core::{CallId, Evidence, Said, TurnedAway};
use live_users_http_kit::LogThrottle;
use live_users_http_kit::metrics::{Counter, Page};
use live_users_intake::Relatives;
use live_users_intake::shards::{Asking, Known, Layout, Names, Router, ShardSet, is_of_conference};
use log::warn;
use parking_lot::Mutex;
use tokio::sync::Notify;

use self::backend::Backend;
use self::lane::Failed;
use self::lanes::Lanes;
pub(crate) use self::messages::{
    Answer, Forwarded, ForwardedBatch, Question, RecordedAnswer, Sender,
};
use self::way::{ASK, Way};
pub(crate) use self::way::{ASK_PATH, RECORD_PATH, WHOLE};
use super::not_recorded::NotRecorded;
use super::queue::Queue;
use crate::config::Spread;

/// The longest question or evidence of one request, in bytes.
pub(crate) const REQUEST_BYTES_MAX: usize = 8 * 1024 * 1024;

/// So long after the start no question is spared.
const ASK_ALL: Duration = Duration::from_millis(Router::ASK_ALL_MS);

/// The backends that have other shards.
pub(crate) struct Elsewhere {
    way: Way,
    sender: Sender,
    backends: Vec<Backend>,
    began: Instant,
    lines: LogThrottle,
    /// Tells that something was kept.
    wake: Notify,
    /// Webhooks with evidence that was recorded there, that is kept here until then, and neither. What was
    /// kept counts again when it is recorded there, once for each request.
    recorded: Counter,
    kept: Counter,
    not_recorded: Counter,
    /// Calls about which not everybody was reached, and nobody else knew: they went by the hash.
    by_hash: Counter,
}

impl Elsewhere {
    /// Prepares the client and sends nothing.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn new(spread: Spread, layout: Layout) -> io::Result<Self> {
        let Spread { here, elsewhere, authorization } = spread;
        let (way, sender) = (Way::new(authorization)?, Sender::of(layout, here));
        let backend = |(shards, base)| {
            let lanes = Lanes::to(&base, &way, &sender);
            Backend::new((shards, base), lanes)
        };
        Ok(Self {
            backends: elsewhere.into_iter().map(backend).collect(),
            way,
            sender,
            began: Instant::now(),
            lines: LogThrottle::default(),
            wake: Notify::new(),
            recorded: Counter::default(),
            kept: Counter::default(),
            not_recorded: Counter::default(),
            by_hash: Counter::default(),
        })
    }

    /// Whether a request of this backend may be answered here: it counts in the same shards, and has
    /// none of those that are here, unless several backends share their journals.
    ///
    /// # Errors
    /// What differs.
    pub(crate) fn check(&self, sender: &Sender, is_shared: bool) -> Result<(), String> {
        let differs = self.sender.differs_from(sender, is_shared);
        differs.map_or(Ok(()), |why| {
            self.log(|| format!("a request of another backend is refused: {why}"));
            Err(why)
        })
    }

    /// Asks all other backends, but for those that are known to be away. Also returns whether all have
    /// answered in this time.
    pub(crate) async fn ask(
        &self,
        question: &Question,
        patience: Duration,
    ) -> (Vec<(ShardSet, Known)>, Vec<Relatives>, bool) {
        let body = question.encode(&self.sender);
        let asked = |backend: &Backend| {
            let (url, body) = (backend.url(ASK_PATH), body.clone());
            async move {
                let answer = self.way.post(url, body, patience).await?;
                Answer::decode(&answer, self.sender.shards())
            }
        };
        let (answers, is_complete) = self.of_each(|_| true, asked).await;
        let split = |(shards, answer): (_, Answer)| ((shards, answer.known), answer.relatives);
        let (known, relatives) = answers.into_iter().map(split).unzip();
        (known, relatives, is_complete)
    }

    /// Asks some of them about names, with what other webhooks ask.
    async fn ask_about<'a>(
        &'a self,
        names: &Names,
        are_asked: impl Fn(ShardSet) -> bool,
    ) -> (Vec<(ShardSet, Known)>, bool) {
        let asked = |backend: &'a Backend| {
            let answer = backend.lanes.names.ask(names.clone(), ASK);
            async { answer.await.map_err(|failed| failed.why) }
        };
        self.of_each(are_asked, asked).await
    }

    /// What each of some backends answers, and whether all of them have. Nobody waits for one that is away.
    async fn of_each<'a, T, Asked>(
        &'a self,
        are_asked: impl Fn(ShardSet) -> bool,
        ask: impl Fn(&'a Backend) -> Asked,
    ) -> (Vec<(ShardSet, T)>, bool)
    where
        Asked: Future<Output = Result<T, String>>,
    {
        let asked = self.backends.iter().filter(|it| are_asked(it.shards)).map(|backend| {
            let asked = (!backend.is_away()).then(|| ask(backend));
            async move {
                let answer = asked?.await;
                backend.note(answer.is_ok());
                let told = told(backend.shards);
                let answer = answer.inspect_err(|why| {
                    self.log(|| format!("the backend of {told} does not say what it knows: {why}"));
                });
                Some((backend.shards, answer.ok()?))
            }
        });
        let each = join_all(asked).await;
        let is_complete = each.iter().all(Option::is_some);
        (each.into_iter().flatten().collect(), is_complete)
    }

    /// Asks about what this router does not know of evidence. Returns shards that are told of it beside the
    /// one that it goes to: an end also goes to a shard of each backend that could not be asked. Whoever has
    /// the call knows in which of its shards, and the end of an unknown call changes no number.
    pub(crate) async fn look_up(&self, router: &Mutex<Router>, evidence: &Evidence) -> ShardSet {
        let may_spare = self.began.elapsed() >= ASK_ALL;
        let Asking { names, first } = router.lock().asks(evidence, may_spare);
        if names.is_empty() {
            return ShardSet::default();
        }
        let is_end = matches!(evidence.said, Said::Over(_));
        let is_home = |shards: ShardSet| first.is_some_and(|shard| shards.has(shard));
        let (mut answers, _) = self.ask_about(&names, is_home).await;
        if answers.iter().any(|(own, known)| known.has_call_in(*own)) {
            router.lock().take(&answers);
            // Another word may have begun it there while nobody could say that it is at one who is away.
            return if is_end { self.one_of_each(Backend::is_away) } else { ShardSet::default() };
        }
        let asked = answers.first().map(|(own, _)| *own);
        let are_others = |shards: ShardSet| Some(shards) != asked;
        let (others, is_complete) = self.ask_about(&names, are_others).await;
        answers.extend(others);
        let mut router = router.lock();
        router.take(&answers);
        if is_complete {
            return ShardSet::default();
        }
        if is_of_conference(evidence) {
            // Whoever did not answer may have participants: the end has to reach all shards, or comes
            // again.
            router.know_everywhere(evidence);
            return ShardSet::default();
        }
        if router.of_call(&evidence.call).is_none() {
            self.by_hash.add();
        }
        let has_answered = |it: &Backend| answers.iter().any(|(own, _)| *own == it.shards);
        if is_end { self.one_of_each(|it| !has_answered(it)) } else { ShardSet::default() }
    }

    /// A shard of each backend that this picks.
    fn one_of_each(&self, picks: impl Fn(&Backend) -> bool) -> ShardSet {
        self.backends.iter().filter(|it| picks(it)).filter_map(|it| it.shards.lowest()).collect()
    }

    /// Has evidence recorded, in its order for each backend. Returns how a call is turned away, once all
    /// of it is recorded, applied and published there, or is in the journal of this queue until it is.
    pub(crate) async fn record(
        &self,
        forwarded: Vec<Forwarded>,
        queue: &Queue,
    ) -> Result<Option<TurnedAway>, (CallId, NotRecorded)> {
        let mut of_each: Vec<Vec<Forwarded>> = self.backends.iter().map(|_| Vec::new()).collect();
        for one in forwarded {
            let place = self.backends.iter().position(|it| it.shards.has(one.shard));
            of_each[place.expect("each shard is somewhere")].push(one);
        }
        let sent = self.backends.iter().zip(of_each).filter(|(_, forwarded)| !forwarded.is_empty());
        let sent = sent.map(|(backend, forwarded)| self.record_by(backend, forwarded, queue));
        let each: Result<Vec<_>, _> = join_all(sent).await.into_iter().collect();
        Ok(each?.into_iter().find_map(|turned_away| turned_away))
    }

    /// Has it recorded by this backend, behind what waits for it. While it is away nobody waits for it.
    async fn record_by(
        &self,
        backend: &Backend,
        forwarded: Vec<Forwarded>,
        queue: &Queue,
    ) -> Result<Option<TurnedAway>, (CallId, NotRecorded)> {
        let forwarded = Arc::new(forwarded);
        let (mut keeping, mut turn) = (None, None);
        if backend.is_behind() {
            keeping = backend.keep().await;
        }
        // It may have caught up while this has waited.
        if !backend.is_behind() {
            drop(keeping.take());
            match self.send(backend, forwarded.clone()).await {
                Ok(turned_away) => return Ok(turned_away),
                Err(failed) => {
                    let (told, why) = (told(backend.shards), &failed.why);
                    self.log(|| format!("the backend of {told} has not recorded: {why}"));
                    turn = Some(failed);
                }
            }
        }
        let (shard, call) = (forwarded[0].shard, forwarded[0].evidence.call.clone());
        let keeping = match keeping {
            Some(keeping) => Some(keeping),
            None => backend.keep().await,
        };
        let kept = self.keep(backend, Arc::unwrap_or_clone(forwarded), queue);
        drop((keeping, turn));
        let kept = match kept {
            Ok(kept) => kept.await,
            Err(why) => Err(why),
        };
        match kept {
            Ok(()) => {
                self.kept.add();
                Ok(None)
            }
            Err(why) => {
                self.not_recorded.add();
                self.log(|| {
                    format!("evidence for {} is not kept here: {why}", told(backend.shards))
                });
                Err((call, NotRecorded::Elsewhere { shard }))
            }
        }
    }

    /// Has it recorded there, with what other webhooks say.
    async fn send(
        &self,
        backend: &Backend,
        forwarded: Arc<Vec<Forwarded>>,
    ) -> Result<Option<TurnedAway>, Failed> {
        let recorded = backend.lanes.evidence.ask(forwarded, WHOLE).await;
        // One that answers is there, also where it could not record this.
        backend.note(recorded.as_ref().map_or_else(|failed| !failed.is_whole, |_| true));
        let turned_away = recorded?;
        self.recorded.add();
        Ok(turned_away)
    }

    fn log(&self, line: impl FnOnce() -> String) {
        if let Some(held_back) = self.lines.line_at(Instant::now()) {
            warn!("{} ({held_back} such lines before this one were held back)", line());
        }
    }

    /// Adds its figures, and what waits for each shard that something waits for.
    pub(crate) fn add_to(&self, page: &mut Page, waiting: &[(usize, usize)]) {
        let help = "Webhooks whose evidence belongs to backends that have other shards, and requests \
                    with what was kept, by whether it is recorded there, is kept here until then, or \
                    neither";
        let reasons = ["recorded", "kept", "not_recorded"];
        let values = [self.recorded.get(), self.kept.get(), self.not_recorded.get()];
        page.counters_by_reason("live_users_evidence_sent", help, reasons, values);
        let help = "Calls that went to a shard by the hash alone, since not all other backends could be \
                    asked whether they know them";
        page.counter("live_users_calls_placed_unasked", help, self.by_hash.get());
        self.add_waiting_to(page, waiting);
    }
}

/// `shard 2`, or `shards 2, 3`.
fn told(shards: ShardSet) -> String {
    let each: Vec<_> = shards.iter().map(|it| it.to_string()).collect();
    format!("shard{} {}", if each.len() == 1 { "" } else { "s" }, each.join(", "))
}
