//! Sends on the status callbacks that wait in the journal. Only the backend that leads does so, of all
//! that share one.
//!
//! That a receiver need not get a callback any more is a record. So whoever leads next goes on there,
//! and each callback is sent at least once. Their order is not kept.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use live_users_state::{CallbackId, PassedOn, ReceiverId, SealedCallback, WaitingCallback};
use log::{debug, info};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::parts::agents::AgentRegistry;
use crate::parts::callback::{Callback, Content};
use crate::parts::deliveries::NOT_NAMED;
use crate::parts::passing_on::{Outcome, PassingOn, Tried};
use crate::parts::queue::Queue;
use crate::parts::replica_status::StatusReader;
use crate::parts::signer::Signer;
use crate::parts::tries::{TOO_OLD_MS, Tries};

/// The pause after the journal did not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// What is done is recorded together, after this time.
const RECORD_AFTER: Duration = Duration::from_millis(200);

/// What it takes to send them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Means {
    pub(crate) queue: Queue,
    pub(crate) status: StatusReader,
    pub(crate) agents: Arc<AgentRegistry>,
    pub(crate) signer: Arc<Signer>,
    pub(crate) passing_on: Arc<PassingOn>,
}

/// The task that sends all of them.
pub(crate) struct Delivering {
    stop: watch::Sender<Option<Instant>>,
    task: JoinHandle<()>,
}

/// A callback for one receiver.
type Key = (CallbackId, ReceiverId);

/// How far the task is.
struct Progress {
    means: Means,
    /// Whether to stop, and until when requests under way may take.
    stopped: watch::Receiver<Option<Instant>>,
    /// What the requests have become: `None` if one waits for the next start.
    tasks: JoinSet<Option<Key>>,
    /// What is tried here, or is done and not recorded.
    known: HashSet<Key>,
    done: Vec<Key>,
    record_at: Instant,
    /// The number of the last callback that was looked at.
    seen: u64,
}

/// One callback for one receiver, ready to be sent.
struct Delivery {
    means: Means,
    agent: Arc<str>,
    url: String,
    content: Arc<Content>,
    token: Option<String>,
    key: Key,
}

impl Delivering {
    /// Starts to send them.
    pub(crate) fn start(means: Means) -> Self {
        let (stop, stopped) = watch::channel(None);
        let progress = Progress {
            means,
            stopped,
            tasks: JoinSet::new(),
            known: HashSet::new(),
            done: Vec::new(),
            record_at: Instant::now(),
            seen: 0,
        };
        Self { stop, task: tokio::spawn(progress.run()) }
    }

    /// Starts no further request, waits at most until then for those that are under way, and records
    /// what is done. The rest is sent after the next start, or by who leads next.
    pub(crate) async fn stop(self, until: Instant) {
        self.stop.send_replace(Some(until));
        let _panicked = self.task.await;
    }
}

impl Progress {
    async fn run(mut self) {
        let (mut status, mut stopped) = (self.means.status.clone(), self.stopped.clone());
        loop {
            let now = status.get_seen();
            let mut has_failed = false;
            if !now.leads {
                self.give_away().await;
            } else if now.callbacks != self.seen {
                has_failed = self.look().await.is_err();
            }
            if !self.done.is_empty() && self.record_at <= Instant::now() {
                self.record().await;
            }
            tokio::select! {
                _ = stopped.wait_for(Option::is_some) => break,
                changed = status.changed() => if !changed { break },
                Some(done) = self.tasks.join_next() => self.note(done.ok().flatten()),
                () = sleep_until(self.record_at), if !self.done.is_empty() => {}
                () = sleep(PAUSE), if has_failed => {}
            }
        }
        self.end().await;
    }

    /// Another backend leads. What is under way may be sent by both.
    async fn give_away(&mut self) {
        if self.seen == 0 && self.tasks.is_empty() {
            return;
        }
        self.tasks.shutdown().await;
        self.known = self.done.iter().copied().collect();
        self.seen = 0;
    }

    /// Starts what has come to wait.
    async fn look(&mut self) -> Result<(), ()> {
        let seen = self.seen;
        let found = self.means.queue.query(move |view| {
            let callbacks = view.state.callbacks();
            // Another journal counts anew.
            let seen = if callbacks.count() < seen { 0 } else { seen };
            (view.now, callbacks.count(), callbacks.after(seen).cloned().collect::<Vec<_>>())
        });
        let found = found.await.map_err(|why| debug!("status callbacks wait: {why}"));
        let (now, count, waiting) = found?;
        self.seen = count;
        for WaitingCallback { since, callback, .. } in waiting {
            self.begin(now.since(since), callback);
        }
        Ok(())
    }

    fn begin(&mut self, age_ms: u64, callback: SealedCallback) {
        let id = callback.id;
        let is_new = |it: &ReceiverId| !self.known.contains(&(id, *it));
        let receivers: Vec<_> = callback.receivers.iter().copied().filter(is_new).collect();
        let opened = self.means.signer.open(&callback);
        let opened = opened.and_then(|(signing, text)| Some((signing, Content::decode(&text)?)));
        let opened = opened.filter(|_| age_ms <= TOO_OLD_MS).map(|(signing, content)| {
            let token = signing.token.map(str::to_owned);
            let urls = content.urls.iter().map(|url| (signing.seal.receiver(url), url.clone()));
            (token, urls.collect::<Vec<_>>(), Arc::new(content))
        });
        for receiver in receivers {
            let key = (id, receiver);
            self.known.insert(key);
            let delivery = opened.as_ref().and_then(|(token, urls, content)| {
                let (_, url) = urls.iter().find(|(it, _)| *it == receiver)?;
                Some(Delivery {
                    means: self.means.clone(),
                    agent: callback.agent.clone(),
                    url: url.clone(),
                    content: content.clone(),
                    token: token.clone(),
                    key,
                })
            });
            match delivery {
                Some(delivery) => {
                    let tries = Tries::of_age(Duration::from_millis(age_ms));
                    self.tasks.spawn(delivery.run(tries, self.stopped.clone()));
                }
                None => {
                    let why = match age_ms > TOO_OLD_MS {
                        true => "it has waited for more than a day",
                        false => {
                            "no Auth Token opens it that is in TWILIO_AUTH_TOKEN or in an \
                             auth_token_env of the agents file: it was signed with another one"
                        }
                    };
                    self.means.passing_on.ended(&callback.agent, Outcome::Failed, why);
                    self.note(Some(key));
                }
            }
        }
    }

    fn note(&mut self, done: Option<Key>) {
        if self.done.is_empty() {
            self.record_at = Instant::now() + RECORD_AFTER;
        }
        self.done.extend(done);
    }

    /// Records what is done. It may be that of before, when another one leads: that is true anyway.
    async fn record(&mut self) {
        let passed_on = self.done.iter().map(|(id, to)| PassedOn { id: *id, receiver: Some(*to) });
        match self.means.queue.record_passed_on(passed_on.collect()).await {
            Ok(()) => {
                for key in self.done.drain(..) {
                    self.known.remove(&key);
                }
            }
            Err(why) => {
                debug!("that status callbacks are passed on is not recorded: {why}");
                self.record_at = Instant::now() + PAUSE;
            }
        }
    }

    async fn end(mut self) {
        let until = self.stopped.borrow().unwrap_or_else(Instant::now);
        while let Ok(Some(done)) = timeout_at(until, self.tasks.join_next()).await {
            self.note(done.ok().flatten());
        }
        if !self.done.is_empty() {
            self.record().await;
        }
        let n_left = self.known.len();
        if n_left > 0 {
            info!("{n_left} status callbacks wait in the journal for who leads next");
        }
    }
}

impl Delivery {
    /// Tries until the receiver has taken it, or it is given up. `None` if it waits for the next start.
    async fn run(
        self,
        mut tries: Tries,
        mut stopped: watch::Receiver<Option<Instant>>,
    ) -> Option<Key> {
        let Self { means: Means { passing_on, .. }, agent, url, .. } = &self;
        let receiver = passing_on.receiver(url);
        loop {
            let turn = tokio::select! {
                biased;
                _ = stopped.wait_for(Option::is_some) => return None,
                turn = receiver.turn() => turn,
            };
            let tried = match self.callback() {
                Ok(callback) => passing_on.request(&callback).await,
                Err(why) => Tried::Failed(why.to_owned()),
            };
            drop(turn);
            let (outcome, why) = match tried {
                Tried::Delivered => (Outcome::Delivered, String::new()),
                Tried::Refused(why) => (Outcome::Refused, why),
                Tried::Failed(why) => match tries.wait() {
                    Some(wait) => {
                        passing_on.failed_try(agent, &why);
                        tokio::select! {
                            _ = stopped.wait_for(Option::is_some) => return None,
                            () = sleep(wait) => continue,
                        }
                    }
                    None => (Outcome::Failed, tries.summed_up(&why)),
                },
            };
            passing_on.ended(agent, outcome, &why);
            return Some(self.key);
        }
    }

    /// The request by the agents file as it is now. A receiver that is not in it gets nothing; it may
    /// come back, and another backend may have another file for a moment.
    fn callback(&self) -> Result<Callback, &'static str> {
        let agents = self.means.agents.now();
        let agent = agents.by_id(&self.agent);
        let named = agent.filter(|it| it.status_callback_targets().contains(&self.url.as_str()));
        let method = named.ok_or(NOT_NAMED)?.status_callback_method();
        let callback = self.content.callback(&self.url, method, self.token.as_deref());
        callback.ok_or("its URL is none")
    }
}
