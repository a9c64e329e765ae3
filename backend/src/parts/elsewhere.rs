//! The shards that other backends have: asks those what they know, and has evidence recorded there.
//!
//! Each exchange is one POST with `API_TOKEN`, bounded in size and time. What is sent was verified
//! here; nothing that has come from another backend is sent on. What a backend does not record waits in
//! the journal of a shard that is here, and [`crate::tasks::forwarding`] sends it later.

mod backend;
pub(crate) mod kept;
mod messages;

use std::io;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use live_users_core::{CallId, Evidence, Said, TurnedAway};
use live_users_http_kit::metrics::{Counter, Page};
use live_users_http_kit::{LogThrottle, error_chain, http_client, read_body};
use live_users_intake::Relatives;
use live_users_intake::shards::{Asking, Known, Layout, Router, ShardSet, is_of_conference};
use log::warn;
use parking_lot::Mutex;
use reqwest::Client;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use self::backend::Backend;
pub(crate) use self::messages::{
    Answer, Forwarded, ForwardedBatch, Question, RecordedAnswer, Sender,
};
use super::not_recorded::NotRecorded;
use super::queue::{ACKNOWLEDGE_MS, Queue};
use super::user_agent::USER_AGENT;
use crate::config::Spread;

/// Below the address of a backend, where others ask it.
pub(crate) const ASK_PATH: &str = "/shards/where";

/// Below the address of a backend, where others have evidence recorded.
pub(crate) const RECORD_PATH: &str = "/shards/record";

/// The longest question or evidence of one request, in bytes.
pub(crate) const REQUEST_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// How long a webhook waits for what other backends know of its call. Later it goes where the hash says.
const ASK: Duration = Duration::from_millis(1_000);

/// So long after the start no question is spared.
const ASK_ALL: Duration = Duration::from_millis(Router::ASK_ALL_MS);

/// How long a question may take without whose answer nothing can be recorded.
pub(crate) const WHOLE: Duration = Duration::from_millis(ACKNOWLEDGE_MS);

/// The longest time for connecting: a machine that is gone answers nothing.
const CONNECT: Duration = Duration::from_millis(1_000);

/// How much of another backend's reason goes to the log, in characters.
const REASON_CHARS_MAX: usize = 300;

/// The backends that have other shards.
pub(crate) struct Elsewhere {
    client: Client,
    sender: Sender,
    authorization: HeaderValue,
    backends: Vec<Backend>,
    /// The runtime of the requests, since connections belong to the runtime that opened them.
    runtime: Handle,
    began: Instant,
    lines: LogThrottle,
    /// Tells that something was kept.
    wake: Notify,
    /// Requests with evidence that was recorded there, that is kept here until then, and neither.
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
        Ok(Self {
            client: http_client(USER_AGENT, CONNECT)?,
            sender: Sender::of(layout, here),
            authorization,
            backends: elsewhere.into_iter().map(Backend::new).collect(),
            runtime: Handle::current(),
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
        self.ask_some(|_| true, question, patience).await
    }

    /// The same of some of them.
    async fn ask_some(
        &self,
        are_asked: impl Fn(ShardSet) -> bool,
        question: &Question,
        patience: Duration,
    ) -> (Vec<(ShardSet, Known)>, Vec<Relatives>, bool) {
        let body = question.encode(&self.sender);
        let asked = self.backends.iter().filter(|it| are_asked(it.shards)).map(|backend| {
            let body = body.clone();
            async move {
                match backend.is_away() {
                    true => (backend.shards, None),
                    false => {
                        let answer = self.exchange(backend, ASK_PATH, body, patience).await;
                        (backend.shards, Some(answer))
                    }
                }
            }
        });
        let (mut known, mut relatives, mut is_complete) = (Vec::new(), Vec::new(), true);
        for (shards, answer) in join_all(asked).await {
            let Some(answer) = answer else {
                is_complete = false;
                continue;
            };
            let read = answer.and_then(|it| Answer::decode(&it, self.sender.shards()));
            match read {
                Ok(answer) => {
                    known.push((shards, answer.known));
                    relatives.push(answer.relatives);
                }
                Err(why) => {
                    is_complete = false;
                    self.log(|| {
                        format!("the backend of {} does not say what it knows: {why}", told(shards))
                    });
                }
            }
        }
        (known, relatives, is_complete)
    }

    /// Asks about what this router does not know of evidence.
    pub(crate) async fn look_up(&self, router: &Mutex<Router>, evidence: &Evidence) {
        let may_spare = self.began.elapsed() >= ASK_ALL;
        let Asking { names, first } = router.lock().asks(evidence, may_spare);
        if names.is_empty() {
            return;
        }
        let question = Question { names, calls: None };
        let is_home = |shards: ShardSet| first.is_some_and(|shard| shards.has(shard));
        let (mut answers, _, _) = self.ask_some(is_home, &question, ASK).await;
        if answers.iter().any(|(own, known)| known.has_call_in(*own)) {
            return router.lock().take(&answers);
        }
        let asked = answers.first().map(|(own, _)| *own);
        let are_others = |shards: ShardSet| Some(shards) != asked;
        let (others, _, is_complete) = self.ask_some(are_others, &question, ASK).await;
        answers.extend(others);
        let mut router = router.lock();
        router.take(&answers);
        if is_complete {
            return;
        }
        if is_of_conference(evidence) {
            // Whoever did not answer may have participants: the end has to reach all shards, or comes
            // again.
            return router.know_everywhere(evidence);
        }
        if router.of_call(&evidence.call).is_none() {
            self.by_hash.add();
            let mut away = self.backends.iter().filter(|it| it.is_away());
            // Everybody else would know it if it were up there. Who has it knows in which of its shards.
            if let (Said::Over(_), Some(only), None) = (evidence.said, away.next(), away.next()) {
                only.shards.iter().take(1).for_each(|shard| router.know(shard, &evidence.call));
            }
        }
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
        let mut keeping = None;
        if backend.is_behind() {
            keeping = backend.keep().await;
        }
        // It may have caught up while this has waited.
        if !backend.is_behind() {
            drop(keeping.take());
            match self.send(backend, &forwarded).await {
                Ok(answer) => return Ok(answer.turned_away()),
                Err(why) => self.log(|| {
                    format!("the backend of {} has not recorded: {why}", told(backend.shards))
                }),
            }
        }
        let (shard, call) = (forwarded[0].shard, forwarded[0].evidence.call.clone());
        let keeping = match keeping {
            Some(keeping) => Some(keeping),
            None => backend.keep().await,
        };
        let kept = self.keep(backend, forwarded, queue);
        drop(keeping);
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

    async fn send(
        &self,
        backend: &Backend,
        forwarded: &[Forwarded],
    ) -> Result<RecordedAnswer, String> {
        let body = ForwardedBatch::encode(&self.sender, forwarded);
        let answer = self.exchange(backend, RECORD_PATH, body, WHOLE).await?;
        let answer = RecordedAnswer::decode(&answer)?;
        self.recorded.add();
        Ok(answer)
    }

    /// Sends a request, and notes whether the backend is there.
    async fn exchange(
        &self,
        backend: &Backend,
        path: &str,
        body: Vec<u8>,
        patience: Duration,
    ) -> Result<Vec<u8>, String> {
        let answer = self.post(backend, path, body, patience).await;
        backend.note(answer.is_ok());
        answer
    }

    /// Sends a request, once more if the connection fails: what is recorded twice counts once.
    async fn post(
        &self,
        Backend { base, .. }: &Backend,
        path: &str,
        body: Vec<u8>,
        patience: Duration,
    ) -> Result<Vec<u8>, String> {
        let url = base.join(path.trim_start_matches('/')).map_err(|error| error.to_string())?;
        let body = bytes::Bytes::from(body);
        let (client, authorization) = (self.client.clone(), self.authorization.clone());
        let exchange = async move {
            let request = || {
                let request = client.post(url.clone()).header(CONTENT_TYPE, "application/json");
                request.header(AUTHORIZATION, authorization.clone()).body(body.clone()).send()
            };
            let response = match request().await {
                // A connection that was kept may have ended with the process at its other end.
                Err(error) if !error.is_timeout() => request().await,
                sent => sent,
            };
            let response = response.map_err(|error| error_chain(&error.without_url()))?;
            let status = response.status();
            let body = read_body(response, ANSWER_BYTES_MAX).await;
            let body = body.map_err(|error| error_chain(&error))?;
            match status.is_success() {
                true => Ok(body),
                false => Err(format!("status {}{}", status.as_u16(), reason(&body))),
            }
        };
        let exchange = self.runtime.spawn(tokio::time::timeout(patience, exchange));
        match exchange.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(format!("no answer within {} ms", patience.as_millis())),
            Err(_) => Err("asking was interrupted".to_owned()),
        }
    }

    fn log(&self, line: impl FnOnce() -> String) {
        if let Some(held_back) = self.lines.line_at(Instant::now()) {
            warn!("{} ({held_back} such lines before this one were held back)", line());
        }
    }

    /// Adds its figures, and what waits for each shard that something waits for.
    pub(crate) fn add_to(&self, page: &mut Page, waiting: &[(usize, usize)]) {
        let help = "Requests by which this backend had evidence recorded by those that have other \
                    shards, by whether it was, is kept here until then, or neither";
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

/// What another backend says is wrong, in visible characters.
fn reason(body: &[u8]) -> String {
    let problem: Result<live_users_wire::Problem, _> = serde_json::from_slice(body);
    let Ok(problem) = problem else { return String::new() };
    let visible = problem.error.chars().filter(|it| !it.is_control());
    format!(": {}", visible.take(REASON_CHARS_MAX).collect::<String>())
}
