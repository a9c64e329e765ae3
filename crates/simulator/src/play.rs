//! Sends a world's webhooks to a running backend, in real time or faster.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use live_users_twilio::{Form, Payload, SIGNATURE_HEADER, sign};
use live_users_wire::Count;
use parking_lot::Mutex;
use reqwest::Client;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::world::{Call, Webhook, World};

/// Twilio gives up on a webhook after this time, in milliseconds.
const WEBHOOK_MS_MAX: u64 = 15_000;
/// How often the count is asked for and told, in milliseconds of the world.
const TOLD_EVERY_MS: u64 = 5_000;
/// How long the backend may take to start, in milliseconds.
const ANSWER_MS_MAX: u64 = 2_000;

/// A sender of signed webhooks.
#[derive(Clone, Debug)]
pub struct Player {
    client: Client,
    /// Where the backend is, without a slash at the end.
    url: String,
    /// What the backend believes its address to be: the URL that is signed.
    public_url: String,
    token: Arc<str>,
    /// How many times faster than in the world time passes.
    pace: u32,
}

/// What came of a world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What came of its webhooks.
    pub webhooks: Webhooks,
    /// What the backend says now that everybody has hung up, or why that is not known.
    pub live_users: Result<u64, String>,
}

/// What came of webhooks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Webhooks {
    /// How many were sent.
    pub sent: usize,
    /// How many were answered with another status than 2xx, by the status.
    pub refused: BTreeMap<u16, usize>,
    /// How many were not answered.
    pub unanswered: usize,
    /// Why the last of those was not.
    pub why_unanswered: Option<String>,
}

/// Why a world cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// There is no HTTP client to be had.
    #[error("no HTTP client: {0}")]
    Client(reqwest::Error),
    /// No server answers at the address.
    #[error("{url} does not answer: {why}. Nothing was sent")]
    Silent {
        /// The address.
        url: String,
        /// The system's reason.
        why: String,
    },
}

/// What came of one webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It was answered with 2xx.
    Accepted,
    /// It was answered with this other status.
    Refused(u16),
    /// It was not answered, for this reason.
    Unanswered(String),
}

/// Whether a server answers at this address.
pub async fn is_answering(url: &str) -> bool {
    let Ok(client) = client() else { return false };
    let asked = client.get(format!("{url}/healthz")).timeout(Duration::from_millis(ANSWER_MS_MAX));
    asked.send().await.is_ok_and(|answer| answer.status().is_success())
}

impl Player {
    /// A player against the backend at `url`, which believes to be at `public_url`.
    ///
    /// # Errors
    /// If there is no HTTP client to be had.
    pub fn new(url: &str, public_url: &str, token: &str) -> Result<Self, PlayError> {
        let plain = |url: &str| url.trim_end_matches('/').to_owned();
        let client = client().map_err(PlayError::Client)?;
        let (url, public_url) = (plain(url), plain(public_url));
        Ok(Self { client, url, public_url, token: token.into(), pace: 1 })
    }

    /// The same player, so many times faster than real time.
    #[must_use]
    pub fn at_pace(self, pace: u32) -> Self {
        Self { pace: pace.max(1), ..self }
    }

    /// Plays the world to its end, or until `stop` resolves: then everybody hangs up at once.
    /// It also ends where the server refuses the first webhooks: then the rest is not sent.
    /// `tell` is given a moment (in milliseconds from the beginning), how many people are truly on
    /// the line then, and what the backend says.
    ///
    /// # Errors
    /// If nobody answers at the address when it begins. Then nothing is sent.
    pub async fn play(
        &self,
        world: &World,
        stop: impl Future<Output = ()>,
        mut tell: impl FnMut(u64, usize, Option<u64>),
    ) -> Result<Report, PlayError> {
        if let Err(Uncounted::Silent(why)) = self.count().await {
            return Err(PlayError::Silent { url: self.url.clone(), why });
        }
        let begin = Instant::now();
        let (stopper, stopped) = watch::channel(());
        let mut stopper = Some(stopper);
        tokio::pin!(stop);
        let webhooks = Arc::new(Mutex::new(Webhooks::default()));
        let mut calls = tokio::task::JoinSet::new();
        for call in &world.calls {
            let (this, call) = (self.clone(), call.clone());
            let (webhooks, stopped) = (webhooks.clone(), stopped.clone());
            calls.spawn(async move { this.play_call(begin, &call, stopped, &webhooks).await });
        }
        let mut next = TOLD_EVERY_MS;
        while !calls.is_empty() {
            if webhooks.lock().is_stranger() {
                calls.shutdown().await;
                break;
            }
            tokio::select! {
                _ = calls.join_next() => {}
                () = &mut stop, if stopper.is_some() => stopper = None,
                () = self.sleep_until(begin, next) => {
                    tell(next, world.live_users_at(next), self.count().await.ok());
                    next += TOLD_EVERY_MS;
                }
            }
        }
        let live_users = self.count().await.map_err(|error| error.to_string());
        let webhooks = webhooks.lock().clone();
        Ok(Report { webhooks, live_users })
    }

    /// The webhooks of one call go out one after the other, as Twilio sends them. When all is
    /// stopped, a call that has begun ends, and one that has not never does.
    async fn play_call(
        &self,
        begin: Instant,
        call: &Call,
        mut stopped: watch::Receiver<()>,
        webhooks: &Mutex<Webhooks>,
    ) {
        let mut begun = false;
        for webhook in &call.webhooks {
            let is_stopped = tokio::select! {
                () = self.sleep_until(begin, webhook.at_ms) => false,
                // Nothing is ever sent on this channel: it ends when all is stopped.
                _ = stopped.changed() => true,
            };
            let webhook = match (is_stopped, begun) {
                (false, _) => webhook,
                (true, true) => call.webhooks.last().unwrap_or(webhook),
                (true, false) => return,
            };
            begun = true;
            let sent = self.send(webhook).await;
            let is_stranger = {
                let mut webhooks = webhooks.lock();
                webhooks.note(sent);
                webhooks.is_stranger()
            };
            if is_stopped || is_stranger {
                return;
            }
        }
    }

    /// Sends one webhook.
    pub async fn send(&self, webhook: &Webhook) -> Sent {
        let fields = webhook.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let form = Form::from_pairs(fields);
        let target = webhook.target();
        let signed_url = format!("{}{target}", self.public_url);
        let signature = sign(&self.token, &signed_url, &Payload::Form(&form));
        let request = || {
            self.client
                .post(format!("{}{target}", self.url))
                .header("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
                .header(SIGNATURE_HEADER, signature.as_str())
                .timeout(Duration::from_millis(WEBHOOK_MS_MAX))
                .body(form.encode())
        };
        let answer = match request().send().await {
            // Twilio tries once more when it cannot connect, and only then.
            Err(error) if error.is_connect() => request().send().await,
            first => first,
        };
        match answer.map(|answer| answer.status()) {
            Ok(status) if status.is_success() => Sent::Accepted,
            Ok(status) => Sent::Refused(status.as_u16()),
            Err(error) => Sent::Unanswered(why(error)),
        }
    }

    /// Waits until it is `at_ms` in the world.
    async fn sleep_until(&self, begin: Instant, at_ms: u64) {
        sleep_until(begin + Duration::from_millis(at_ms) / self.pace).await;
    }

    async fn count(&self) -> Result<u64, Uncounted> {
        let asked = self.client.get(format!("{}/api/live-users", self.url));
        let asked = asked.timeout(Duration::from_millis(WEBHOOK_MS_MAX));
        let answer = asked.send().await.map_err(|error| Uncounted::Silent(why(error)))?;
        match answer.status() {
            status if status.is_success() => {
                let count = answer.json::<Count>().await.map_err(|_| Uncounted::Other)?;
                Ok(count.live_users)
            }
            status => {
                let told = answer.json::<Told>().await.map(|it| format!(": {}", it.error));
                Err(Uncounted::Refused(status.as_u16(), told.unwrap_or_default()))
            }
        }
    }
}

impl Webhooks {
    /// Whether the server has refused webhooks (4xx) and accepted none: it is another one than was
    /// meant, or has another token.
    pub fn is_stranger(&self) -> bool {
        let refused = || self.refused.iter().map(|(status, n)| (*status, *n));
        let is_for_good = |status: u16| (400..500).contains(&status) && status != 429;
        self.unanswered + refused().map(|(_, n)| n).sum::<usize>() == self.sent
            && refused().any(|(status, _)| is_for_good(status))
    }

    fn note(&mut self, sent: Sent) {
        self.sent += 1;
        match sent {
            Sent::Accepted => {}
            Sent::Refused(status) => *self.refused.entry(status).or_default() += 1,
            Sent::Unanswered(why) => {
                self.unanswered += 1;
                self.why_unanswered = Some(why);
            }
        }
    }
}

/// What a server says that refuses.
#[derive(serde::Deserialize)]
struct Told {
    error: String,
}

/// Why the count is not known.
#[derive(Debug, thiserror::Error)]
enum Uncounted {
    /// Nobody has answered, for this reason.
    #[error("it does not answer: {0}")]
    Silent(String),
    /// It was answered with this status, and this text.
    #[error("it answers GET /api/live-users with status {0}{1}")]
    Refused(u16, String),
    /// It was answered with something else.
    #[error("its answer is that of another server")]
    Other,
}

/// The error with its causes, without the address.
fn why(error: reqwest::Error) -> String {
    let error = error.without_url();
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn client() -> Result<Client, reqwest::Error> {
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().build()
}
