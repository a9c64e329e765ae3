//! Asks an agent's chat how to answer a caller.
//!
//! The agent's `chat_url` gets `POST {"message": "...", "callSid": "CA..."}`. The CallSid
//! identifies the conversation. It reveals nothing about the caller without the credentials of the
//! account. The utterance is neither kept nor logged here.

mod answer;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use live_users_http_kit::metrics::Counter;
use live_users_http_kit::{LogThrottle, error_chain, http_client};
use live_users_intake::agents::Agent;
use log::warn;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, Response};
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use self::answer::Reading;
use crate::parts::telemetry::{self, Purpose};
use crate::parts::user_agent::USER_AGENT;

/// The most questions under way at once. With [`answer::BODY_BYTES_MAX`] this bounds their memory.
const QUESTIONS_MAX: usize = 1_000;

/// Asks the chats of all agents.
pub(crate) struct Chat {
    client: Client,
    timeout: Duration,
    places: Arc<Semaphore>,
    lines: LogThrottle,
    /// The number of questions. `failed` counts those without an answer.
    pub(crate) asked: Counter,
    pub(crate) failed: Counter,
    /// The runtime of the questions. It is not that of the worker that asks, because the
    /// connections would then belong to that worker.
    runtime: Handle,
}

/// One question to a chat.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Question<'a> {
    message: &'a str,
    call_sid: &'a str,
}

/// Why there is no answer, for the log. It contains no part of the question, the answer or the
/// address.
type Failure = String;

impl Chat {
    /// Prepares the client and sends nothing. An answer may take `timeout`, to its last byte.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn new(timeout: Duration) -> io::Result<Self> {
        let client = http_client(USER_AGENT, timeout)?;
        let places = Arc::new(Semaphore::new(QUESTIONS_MAX));
        let (lines, runtime) = (LogThrottle::default(), Handle::current());
        let (asked, failed) = (Counter::default(), Counter::default());
        Ok(Self { client, timeout, places, lines, asked, failed, runtime })
    }

    /// Asks the agent's chat how to answer an utterance. Returns `None` and logs the reason if
    /// there is no answer in time.
    pub(crate) async fn ask(&self, agent: &Agent, call_sid: &str, message: &str) -> Option<String> {
        let url = agent.chat_url.as_deref()?;
        self.asked.add();
        self.answer(url, &Question { message, call_sid })
            .await
            .inspect_err(|why| {
                self.failed.add();
                if let Some(held_back) = self.lines.line_at(Instant::now()) {
                    warn!(
                        "the chat of agent {} has no answer: {why} ({held_back} such lines before \
                         this one were held back)",
                        agent.id
                    );
                }
            })
            .ok()
    }

    async fn answer(&self, url: &str, question: &Question<'_>) -> Result<String, Failure> {
        let place = self.places.clone().try_acquire_owned();
        let place = place.map_err(|_| format!("{QUESTIONS_MAX} are asked already"))?;
        let body = serde_json::to_vec(question).map_err(|error| error.to_string())?;
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json, text/event-stream")
            .body(body);
        let timeout = self.timeout;
        let sending = telemetry::send(request, Purpose::Chat);
        let exchange = self.runtime.spawn(async move {
            let exchange = async { text_of(sending.await.map_err(failure)?).await };
            let answer = tokio::time::timeout(timeout, exchange).await;
            drop(place);
            answer.unwrap_or_else(|_| Err(format!("it took more than {} ms", timeout.as_millis())))
        });
        exchange.await.unwrap_or_else(|_| Err("asking was interrupted".to_owned()))
    }
}

async fn text_of(mut response: Response) -> Result<String, Failure> {
    let status = response.status();
    if !status.is_success() {
        return Err(format!("status {}", status.as_u16()));
    }
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut reading = Reading::of(kind.unwrap_or_default());
    while let Some(chunk) = response.chunk().await.map_err(failure)? {
        if reading.take(&chunk)?.is_complete() {
            break;
        }
    }
    reading.text()
}

/// Removes the address, because its query may contain a secret.
fn failure(error: reqwest::Error) -> Failure {
    error_chain(&error.without_url())
}
