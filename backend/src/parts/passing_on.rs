//! Passes status callbacks on to the `status_callback_url` and the `status_callback_urls` of an
//! agent, to each on its own.
//!
//! It is beside the count: taking a callback never waits. What waits to be sent is bounded, and so
//! is the time for it. It is in memory only, so a process that is killed loses it.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use live_users_backoff::{Schedule, full};
use live_users_http_kit::metrics::Counter;
use live_users_http_kit::{LogThrottle, error_chain, http_client};
use live_users_intake::agents::Method;
use log::warn;
use parking_lot::Mutex;
use reqwest::header::HeaderMap;
use reqwest::{Client, StatusCode, Url};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout_at};

use crate::parts::deliveries::{Deliveries, Delivery, Recipient};
use crate::parts::user_agent::USER_AGENT;

/// The most callbacks that wait or are under way, and the most bytes of them.
const CALLBACKS_MAX: u32 = 1_000;
const BYTES_MAX: u32 = 8 << 20;

/// The most of them for one URL: a receiver that is down takes no place from the others.
const CALLBACKS_OF_ONE_MAX: usize = 500;

/// The most requests to one URL at once.
const AT_ONCE_MAX: usize = 4;

/// The longest time of one request.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How often one callback is tried, and the waits in between.
const TRIES_MAX: u32 = 4;
const WAITS: Schedule = Schedule { base_ms: 1_000, max_ms: 8_000 };

/// How long after the request to stop callbacks may still be passed on. It is the time that open
/// requests have, too.
pub(crate) const DRAIN: Duration = Duration::from_secs(8);

/// Passes status callbacks on.
pub(crate) struct PassingOn {
    client: Client,
    room: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    receivers: Mutex<HashMap<String, Arc<Receiver>>>,
    lines: LogThrottle,
    outcomes: [Counter; Outcome::ALL.len()],
    deliveries: Arc<Deliveries>,
    /// The runtime of the requests. It outlives the worker that takes a callback.
    runtime: Handle,
}

/// One URL that callbacks are passed on to.
struct Receiver {
    room: Arc<Semaphore>,
    at_once: Semaphore,
}

/// A callback as it is sent.
pub(crate) struct Callback {
    /// The id of the agent, for the log.
    pub(crate) agent: String,
    pub(crate) url: Url,
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    /// Empty with [`Method::Get`].
    pub(crate) body: String,
}

/// A place among the callbacks that wait.
pub(crate) struct Place {
    receiver: Arc<Receiver>,
    _room: [OwnedSemaphorePermit; 3],
}

/// What became of a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The receiver has taken it.
    Delivered,
    /// The receiver has answered with another status than 2xx and 5xx.
    Refused,
    /// No try has succeeded.
    Failed,
    /// Too many waited already.
    Dropped,
}

impl Outcome {
    pub(crate) const ALL: [Self; 4] = [Self::Delivered, Self::Refused, Self::Failed, Self::Dropped];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }
}

impl Default for Receiver {
    fn default() -> Self {
        let room = Arc::new(Semaphore::new(CALLBACKS_OF_ONE_MAX));
        Self { room, at_once: Semaphore::new(AT_ONCE_MAX) }
    }
}

impl PassingOn {
    /// Prepares the client and sends nothing.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn new(deliveries: Arc<Deliveries>) -> io::Result<Self> {
        let of = |permits: u32| Arc::new(Semaphore::new(permits as usize));
        Ok(Self {
            client: http_client(USER_AGENT, TIMEOUT)?,
            room: of(CALLBACKS_MAX),
            bytes: of(BYTES_MAX),
            receivers: Mutex::default(),
            lines: LogThrottle::default(),
            outcomes: Default::default(),
            deliveries,
            runtime: Handle::current(),
        })
    }

    /// How many callbacks had this outcome.
    pub(crate) fn count(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome as usize].get()
    }

    /// A place for a callback of this agent to this URL. Without one, the callback is given up.
    pub(crate) fn place(&self, agent: &str, url: &str, bytes: usize) -> Option<Place> {
        let place = self.free_place(url, bytes);
        if place.is_none() {
            self.ended(agent, Outcome::Dropped, "too many wait already");
        }
        place
    }

    fn free_place(&self, url: &str, bytes: usize) -> Option<Place> {
        let receiver = self.receiver(url);
        let room = [
            self.room.clone().try_acquire_owned().ok()?,
            self.bytes.clone().try_acquire_many_owned(bytes.try_into().ok()?).ok()?,
            receiver.room.clone().try_acquire_owned().ok()?,
        ];
        Some(Place { receiver, _room: room })
    }

    fn receiver(&self, url: &str) -> Arc<Receiver> {
        let mut receivers = self.receivers.lock();
        // Those that nobody waits for are known by nobody else.
        receivers.retain(|it, receiver| it == url || Arc::strong_count(receiver) > 1);
        receivers.entry(url.to_owned()).or_default().clone()
    }

    /// Sends a callback, and does not wait for it.
    pub(crate) fn send(self: &Arc<Self>, callback: Callback, place: Place) {
        let passing_on = self.clone();
        let to = Recipient::Agent(callback.agent.clone());
        self.deliveries.note(&to, |it| it.pending += 1);
        self.runtime.spawn(async move {
            let (outcome, why) = passing_on.deliver(&callback, &place.receiver).await;
            passing_on.deliveries.note(&to, |it| it.pending -= 1);
            passing_on.ended(&callback.agent, outcome, &why);
            drop(place);
        });
    }

    /// Tries until the receiver has taken it, or it is given up. The text says why.
    async fn deliver(&self, callback: &Callback, receiver: &Receiver) -> (Outcome, String) {
        let mut n_failed = 0;
        loop {
            let at_once = receiver.at_once.acquire().await;
            let answered = self.request(callback).await;
            drop(at_once);
            let why = match answered {
                Ok(status) if status.is_success() => return (Outcome::Delivered, String::new()),
                Ok(status) if !status.is_server_error() => {
                    return (Outcome::Refused, format!("status {}", status.as_u16()));
                }
                Ok(status) => format!("status {}", status.as_u16()),
                Err(why) => why,
            };
            n_failed += 1;
            if n_failed == TRIES_MAX {
                return (
                    Outcome::Failed,
                    format!("{TRIES_MAX} tries have failed, the last: {why}"),
                );
            }
            let wait_ms = WAITS.delay_ms(n_failed - 1, full(getrandom::u64().ok()));
            sleep(Duration::from_millis(wait_ms)).await;
        }
    }

    /// The status of the answer. The error has no address in it: its query may hold a secret.
    async fn request(&self, callback: &Callback) -> Result<StatusCode, String> {
        let request = match callback.method {
            Method::Get => self.client.get(callback.url.clone()),
            Method::Post => self.client.post(callback.url.clone()).body(callback.body.clone()),
        };
        let request = request.headers(callback.headers.clone()).timeout(TIMEOUT);
        let answer = request.send().await.map_err(|error| match error.is_timeout() {
            true => format!("it took more than {} ms", TIMEOUT.as_millis()),
            false => error_chain(&error.without_url()),
        });
        Ok(answer?.status())
    }

    fn ended(&self, agent: &str, outcome: Outcome, why: &str) {
        self.outcomes[outcome as usize].add();
        let to = Recipient::Agent(agent.to_owned());
        if outcome == Outcome::Delivered {
            return self.deliveries.note(&to, Delivery::succeeded);
        }
        self.deliveries.note(&to, |it| {
            it.undelivered += 1;
            it.failed(why);
        });
        if let Some(held_back) = self.lines.line_at(std::time::Instant::now()) {
            warn!(
                "a status callback of agent {agent} is not passed on: {why} ({held_back} such lines \
                 before this one were held back)"
            );
        }
    }

    /// Waits for the callbacks that are not sent yet, at most until then.
    pub(crate) async fn drain(&self, until: Instant) {
        // Has all places only when nobody else has one.
        let all = self.room.acquire_many(CALLBACKS_MAX);
        if timeout_at(until, all).await.is_err() {
            let n_left = CALLBACKS_MAX as usize - self.room.available_permits();
            warn!("{n_left} status callbacks are not passed on: the server ends");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://a.example/status";

    #[tokio::test]
    async fn what_waits_is_bounded_in_all_and_for_each_receiver() {
        let passing_on = PassingOn::new(Arc::default()).unwrap();
        let take = |url: &str, n: usize| -> Vec<_> {
            (0..n).map_while(|_| passing_on.place("booking", url, 1_000)).collect()
        };
        let first = take(URL, CALLBACKS_OF_ONE_MAX + 1);
        assert_eq!(first.len(), CALLBACKS_OF_ONE_MAX);
        assert_eq!(passing_on.count(Outcome::Dropped), 1);
        let second = take("https://b.example/status", CALLBACKS_OF_ONE_MAX);
        assert_eq!(first.len() + second.len(), CALLBACKS_MAX as usize);
        assert!(passing_on.place("booking", "https://c.example/status", 1).is_none());
        drop((first, second));
        assert!(passing_on.place("booking", URL, BYTES_MAX as usize + 1).is_none());
        assert!(passing_on.place("booking", URL, BYTES_MAX as usize).is_some());
        assert_eq!(passing_on.receivers.lock().len(), 1, "idle receivers are forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_what_is_under_way_and_not_for_ever() {
        let passing_on = PassingOn::new(Arc::default()).unwrap();
        let begun = Instant::now();
        passing_on.drain(begun + Duration::from_secs(8)).await;
        assert_eq!(Instant::now(), begun);
        let _place = passing_on.place("booking", URL, 1).unwrap();
        passing_on.drain(begun + Duration::from_secs(8)).await;
        assert!(Instant::now() >= begun + Duration::from_secs(8));
    }
}
