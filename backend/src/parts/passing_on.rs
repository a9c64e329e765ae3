//! Passes status callbacks on to the `status_callback_url` and the `status_callback_urls` of an
//! agent, to each on its own.
//!
//! It is beside the count: taking a callback never waits. What waits is in the journal, and
//! [`crate::tasks::delivering`] sends it. Only what cannot be recorded waits in memory, here.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use live_users_http_kit::metrics::Counter;
use live_users_http_kit::{LogThrottle, error_chain, http_client};
use live_users_intake::agents::Method;
use live_users_state::{CALLBACK_BYTES_MAX, CALLBACKS_MAX, CALLBACKS_OF_ONE_MAX};
use log::warn;
use parking_lot::Mutex;
use reqwest::{Client, StatusCode};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout_at};

use crate::parts::callback::Callback;
use crate::parts::deliveries::{Deliveries, Delivery, Recipient};
use crate::parts::telemetry::{self, Purpose};
use crate::parts::tries::Tries;
use crate::parts::user_agent::USER_AGENT;

/// The most requests to one URL at once.
const AT_ONCE_MAX: usize = 4;

/// The longest time of one request.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long after the request to stop callbacks may still be passed on. It is the time that open
/// requests have, too.
pub(crate) const DRAIN: Duration = Duration::from_secs(8);

/// The most bytes of callbacks in memory, as many as in the journal.
const BYTES_MAX: u32 = 8 << 20;

const _: () = assert!(BYTES_MAX as usize == CALLBACK_BYTES_MAX);

/// Passes status callbacks on.
pub(crate) struct PassingOn {
    client: Client,
    /// For those in memory: while they are being recorded, or because they cannot be.
    bytes: Arc<Semaphore>,
    /// For those of them that cannot be recorded.
    room: Arc<Semaphore>,
    receivers: Mutex<HashMap<String, Arc<Receiver>>>,
    given_up: LogThrottle,
    tried_again: LogThrottle,
    outcomes: [Counter; Outcome::ALL.len()],
    deliveries: Arc<Deliveries>,
    /// The runtime of the requests. It outlives the worker that takes a callback.
    runtime: Handle,
}

/// One URL that callbacks are passed on to.
pub(crate) struct Receiver {
    room: Arc<Semaphore>,
    at_once: Semaphore,
}

/// A callback is in memory.
pub(crate) struct Held(
    #[expect(dead_code, reason = "held until it is dropped")] OwnedSemaphorePermit,
);

/// A place among the callbacks that wait in memory.
struct Place {
    receiver: Arc<Receiver>,
    _room: [OwnedSemaphorePermit; 2],
}

/// What became of a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The receiver has taken it.
    Delivered,
    /// The receiver does not want it, as its answer says.
    Refused,
    /// No try has succeeded for too long, or nobody can send it any more.
    Failed,
    /// Too many waited already.
    Dropped,
}

/// The result of one try. The texts say why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tried {
    Delivered,
    Refused(String),
    Failed(String),
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

impl Receiver {
    /// Waits until one more request may be made to it.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.at_once.acquire().await.ok()
    }
}

impl PassingOn {
    /// Prepares the client and sends nothing.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn new(deliveries: Arc<Deliveries>) -> io::Result<Self> {
        Ok(Self {
            client: http_client(USER_AGENT, TIMEOUT)?,
            bytes: Arc::new(Semaphore::new(BYTES_MAX as usize)),
            room: Arc::new(Semaphore::new(CALLBACKS_MAX)),
            receivers: Mutex::default(),
            given_up: LogThrottle::default(),
            tried_again: LogThrottle::default(),
            outcomes: Default::default(),
            deliveries,
            runtime: Handle::current(),
        })
    }

    /// The runtime of the requests.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// How many callbacks had this outcome.
    pub(crate) fn count(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome as usize].get()
    }

    /// How many wait in memory.
    pub(crate) fn n_in_memory(&self) -> usize {
        CALLBACKS_MAX - self.room.available_permits()
    }

    /// Holds a callback of so many bytes in memory. `None` if there are too many.
    pub(crate) fn hold(&self, bytes: usize) -> Option<Held> {
        let bytes = bytes.try_into().ok()?;
        self.bytes.clone().try_acquire_many_owned(bytes).ok().map(Held)
    }

    /// What is known of this URL.
    pub(crate) fn receiver(&self, url: &str) -> Arc<Receiver> {
        let mut receivers = self.receivers.lock();
        // Those that nobody waits for are known by nobody else.
        receivers.retain(|it, receiver| it == url || Arc::strong_count(receiver) > 1);
        receivers.entry(url.to_owned()).or_default().clone()
    }

    fn place(&self, url: &str) -> Option<Place> {
        let receiver = self.receiver(url);
        let room = [
            self.room.clone().try_acquire_owned().ok()?,
            receiver.room.clone().try_acquire_owned().ok()?,
        ];
        Some(Place { receiver, _room: room })
    }

    /// Sends a callback from memory, and does not wait for it.
    pub(crate) fn send(
        self: &Arc<Self>,
        agent: &str,
        (url, callback): (&str, Callback),
        held: Arc<Held>,
    ) {
        let Some(place) = self.place(url) else { return self.dropped(agent, 1) };
        let (passing_on, agent) = (self.clone(), agent.to_owned());
        let to = Recipient::Agent(agent.clone());
        self.deliveries.note(&to, |it| it.pending += 1);
        self.runtime.spawn(async move {
            let (outcome, why) = passing_on.deliver(&agent, &callback, &place.receiver).await;
            passing_on.deliveries.note(&to, |it| it.pending -= 1);
            passing_on.ended(&agent, outcome, &why);
            drop((place, held));
        });
    }

    /// Tries until the receiver has taken it, or it is given up. The text says why.
    async fn deliver(
        &self,
        agent: &str,
        callback: &Callback,
        receiver: &Receiver,
    ) -> (Outcome, String) {
        let mut tries = Tries::of_age(Duration::ZERO);
        loop {
            let turn = receiver.turn().await;
            let tried = self.request(callback).await;
            drop(turn);
            let why = match tried {
                Tried::Delivered => return (Outcome::Delivered, String::new()),
                Tried::Refused(why) => return (Outcome::Refused, why),
                Tried::Failed(why) => why,
            };
            let Some(wait) = tries.wait() else {
                return (Outcome::Failed, tries.summed_up(&why));
            };
            self.failed_try(agent, &why);
            sleep(wait).await;
        }
    }

    /// Makes one request. No text has the address in it: its query may hold a secret.
    pub(crate) async fn request(&self, callback: &Callback) -> Tried {
        let request = match callback.method {
            Method::Get => self.client.get(callback.url.clone()),
            Method::Post => self.client.post(callback.url.clone()).body(callback.body.clone()),
        };
        let request = request.headers(callback.headers.clone()).timeout(TIMEOUT);
        match telemetry::send(request, Purpose::StatusCallback).await.map(|answer| answer.status())
        {
            Ok(status) => tried(status),
            Err(error) if error.is_timeout() => {
                Tried::Failed(format!("it took more than {} ms", TIMEOUT.as_millis()))
            }
            Err(error) => Tried::Failed(error_chain(&error.without_url())),
        }
    }

    /// Notes that a try has failed, and that another one follows.
    pub(crate) fn failed_try(&self, agent: &str, why: &str) {
        self.deliveries.note(&Recipient::Agent(agent.to_owned()), |it| it.failed(why));
        if let Some(held_back) = self.tried_again.line_at(std::time::Instant::now()) {
            warn!(
                "a status callback of agent {agent} waits and is tried again: {why} ({held_back} \
                 such lines before this one were held back)"
            );
        }
    }

    /// Notes that there was no room for so many.
    pub(crate) fn dropped(&self, agent: &str, n: usize) {
        (0..n).for_each(|_| self.ended(agent, Outcome::Dropped, "too many wait already"));
    }

    /// Notes what became of a callback for one receiver, and why.
    pub(crate) fn ended(&self, agent: &str, outcome: Outcome, why: &str) {
        self.outcomes[outcome as usize].add();
        let to = Recipient::Agent(agent.to_owned());
        if outcome == Outcome::Delivered {
            return self.deliveries.note(&to, Delivery::succeeded);
        }
        self.deliveries.note(&to, |it| {
            it.undelivered += 1;
            it.failed(why);
        });
        if let Some(held_back) = self.given_up.line_at(std::time::Instant::now()) {
            warn!(
                "a status callback of agent {agent} is not passed on: {why} ({held_back} such lines \
                 before this one were held back)"
            );
        }
    }

    /// Waits for the callbacks in memory, at most until then.
    pub(crate) async fn drain(&self, until: Instant) {
        // Has all of them only when nobody else has any.
        let all = self.bytes.acquire_many(BYTES_MAX);
        if timeout_at(until, all).await.is_err() {
            let n_left = self.n_in_memory();
            warn!("{n_left} status callbacks in memory are not passed on: the server ends");
        }
    }
}

/// What an answer says. Some ask for another try, whatever their first digit.
fn tried(status: StatusCode) -> Tried {
    let why = format!("status {}", status.as_u16());
    let comes_again = matches!(
        status,
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
    );
    match status {
        _ if status.is_success() => Tried::Delivered,
        _ if status.is_server_error() || comes_again => Tried::Failed(why),
        _ => Tried::Refused(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://a.example/status";

    #[tokio::test]
    async fn what_waits_in_memory_is_bounded_in_all_and_for_each_receiver() {
        let passing_on = PassingOn::new(Arc::default()).unwrap();
        let take = |url: &str, n: usize| -> Vec<_> {
            (0..n).map_while(|_| passing_on.place(url)).collect()
        };
        let first = take(URL, CALLBACKS_OF_ONE_MAX + 1);
        assert_eq!(first.len(), CALLBACKS_OF_ONE_MAX);
        let second = take("https://b.example/status", CALLBACKS_OF_ONE_MAX);
        assert_eq!(first.len() + second.len(), CALLBACKS_MAX);
        assert!(passing_on.place("https://c.example/status").is_none());
        assert_eq!(passing_on.n_in_memory(), CALLBACKS_MAX);
        drop((first, second));
        assert!(passing_on.place(URL).is_some());
        assert_eq!(passing_on.receivers.lock().len(), 1, "idle receivers are forgotten");
        assert!(passing_on.hold(BYTES_MAX as usize + 1).is_none());
        let held = passing_on.hold(BYTES_MAX as usize);
        assert!(held.is_some() && passing_on.hold(1).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_what_is_in_memory_and_not_for_ever() {
        let passing_on = PassingOn::new(Arc::default()).unwrap();
        let begun = Instant::now();
        passing_on.drain(begun + Duration::from_secs(8)).await;
        assert_eq!(Instant::now(), begun);
        let _held = passing_on.hold(1).unwrap();
        passing_on.drain(begun + Duration::from_secs(8)).await;
        assert!(Instant::now() >= begun + Duration::from_secs(8));
    }

    #[test]
    fn an_answer_is_taken_tried_again_or_final() {
        let said = |status| tried(StatusCode::from_u16(status).unwrap());
        assert!([200, 204].map(said).iter().all(|it| *it == Tried::Delivered));
        let again = [408, 425, 429, 500, 503].map(said);
        assert!(again.iter().all(|it| matches!(it, Tried::Failed(_))));
        let is_final = [301, 307, 400, 403, 404, 410].map(said);
        assert!(is_final.iter().all(|it| matches!(it, Tried::Refused(_))));
    }
}
