//! The client of the NATS service: the connection, and each request.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::client::Request;
use async_nats::jetstream::context::RequestErrorKind;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::{self, DirectGetErrorKind, Info};
use async_nats::jetstream::{self, Context};
use async_nats::{HeaderMap, header};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::address::NatsAddress;
use super::connect::connect;
use super::fault::Fault;
use crate::JournalError;

/// How long opening a log waits for the service.
pub(super) const OPEN_PATIENCE: Duration = Duration::from_secs(10);

/// How long one answer may take.
pub(super) const ANSWER_PATIENCE: Duration = Duration::from_millis(1_000);

/// The largest message that a server has to accept: a batch with its frame.
const MESSAGE_BYTES_MIN: usize = 1_000_000;

/// A stored message.
pub(super) struct Stored {
    pub(super) message: u64,
    pub(super) subject: String,
    /// When the server accepted it by its clock, in milliseconds since the Unix epoch.
    pub(super) at_ms: u64,
    pub(super) payload: Bytes,
}

/// A connection, which reconnects by itself.
#[derive(Clone)]
pub(super) struct Client {
    client: async_nats::Client,
    pub(super) context: Context,
}

impl Client {
    /// Connects, and checks that the server can do what a log needs.
    pub(super) async fn connect(address: &NatsAddress) -> Result<Self, JournalError> {
        let client = connect(address).await?;
        let max = client.server_info().max_payload;
        if max < MESSAGE_BYTES_MIN {
            let why = format!(
                "takes messages of {max} bytes at most: set its max_payload to {MESSAGE_BYTES_MIN} \
                 or more"
            );
            return Err(unsuitable(&why));
        }
        let mut context = jetstream::new(client.clone());
        context.set_timeout(ANSWER_PATIENCE);
        Ok(Self { client, context })
    }

    /// Whether the server is one of a cluster.
    pub(super) fn is_clustered(&self) -> bool {
        self.client.server_info().cluster.is_some()
    }

    /// Returns the stream of this name, and creates it with this configuration if it is missing.
    pub(super) async fn ensure(&self, config: &stream::Config) -> Result<Info, JournalError> {
        let give_up = Instant::now() + OPEN_PATIENCE;
        loop {
            let found = match self.info(&config.name).await {
                Err(Fault::NoStream) => {
                    match self.api(&format!("STREAM.CREATE.{}", config.name), config).await {
                        // Another replica was faster.
                        Err(Fault::Exists) => self.info(&config.name).await,
                        other => other,
                    }
                }
                other => other,
            };
            match found {
                Err(Fault::Silent(_) | Fault::NoStream) if Instant::now() < give_up => {
                    sleep(Duration::from_millis(100)).await;
                }
                other => return other.map_err(|fault| fault.into_error("creating the journal")),
            }
        }
    }

    /// The info of a stream, from its leader.
    pub(super) async fn info(&self, stream: &str) -> Result<Info, Fault> {
        self.api(&format!("STREAM.INFO.{stream}"), &json!({})).await
    }

    /// How many messages a stream has of each subject.
    pub(super) async fn subjects(&self, stream: &str) -> Result<HashMap<String, u64>, Fault> {
        #[derive(Deserialize)]
        struct Found {
            state: Counted,
        }
        #[derive(Deserialize)]
        struct Counted {
            /// Missing if there are no messages.
            #[serde(default)]
            subjects: Option<HashMap<String, u64>>,
        }
        let which = json!({ "subjects_filter": ">" });
        let found: Found = self.api(&format!("STREAM.INFO.{stream}"), &which).await?;
        Ok(found.state.subjects.unwrap_or_default())
    }

    /// The message of this number, from any server that has it.
    pub(super) async fn message(&self, stream: &str, number: u64) -> Result<Stored, Fault> {
        let handle = self.context.get_stream_no_info(stream).await;
        let handle = handle.map_err(|error| Fault::Silent(error.to_string()))?;
        // A server that lags does not have it yet. The leader does.
        let found = match handle.direct_get(number).await {
            Ok(found) => found,
            Err(_) => handle.get_raw_message(number).await.map_err(Fault::from)?,
        };
        Ok(stored(found))
    }

    /// The message of this number, from whichever server the service chooses, with what it has.
    pub(super) async fn direct(&self, stream: &str, number: u64) -> Result<Stored, Fault> {
        let handle = self.context.get_stream_no_info(stream).await;
        let handle = handle.map_err(|error| Fault::Silent(error.to_string()))?;
        let found = handle.direct_get(number).await;
        found.map(stored).map_err(|error| match error.kind() {
            DirectGetErrorKind::NotFound => Fault::NotFound,
            _ => Fault::Silent(error.to_string()),
        })
    }

    /// The last message with this subject, from the leader.
    pub(super) async fn last(&self, stream: &str, subject: &str) -> Result<Option<Stored>, Fault> {
        let handle = self.context.get_stream_no_info(stream).await;
        let handle = handle.map_err(|error| Fault::Silent(error.to_string()))?;
        match handle.get_last_raw_message_by_subject(subject).await.map_err(Fault::from) {
            Ok(found) => Ok(Some(stored(found))),
            Err(Fault::NotFound | Fault::NoStream) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Sends a message without asking what becomes of it.
    pub(super) async fn send(&self, subject: String, payload: Bytes) -> Result<(), Fault> {
        let sent = self.client.publish(subject, payload).await;
        sent.map_err(|error| Fault::Silent(error.to_string()))
    }

    /// Stores a message and returns its number. The service refuses it with [`Fault::Conflict`] if
    /// another message came first: `expected` is the header for that. It drops a message whose `id`
    /// it remembers, and returns the number of the first one.
    pub(super) async fn publish(
        &self,
        subject: &str,
        expected: Option<(&'static str, u64)>,
        id: Option<String>,
        payload: Bytes,
    ) -> Result<u64, Fault> {
        let mut headers = HeaderMap::new();
        if let Some((name, number)) = expected {
            headers.insert(name, number.to_string().as_str());
        }
        if let Some(id) = id {
            headers.insert(header::NATS_MESSAGE_ID, id.as_str());
        }
        let request =
            Request::new().payload(payload).headers(headers).timeout(Some(ANSWER_PATIENCE));
        let answer = self.client.send_request(subject.to_owned(), request).await?;
        match serde_json::from_slice(&answer.payload) {
            Ok(Response::<PublishAck>::Ok(ack)) => Ok(ack.sequence),
            Ok(Response::Err { error }) => Err(error.into()),
            Err(error) => Err(Fault::Silent(error.to_string())),
        }
    }

    /// Removes messages of a stream: those before a number, or all with a subject.
    pub(super) async fn purge(&self, stream: &str, which: Value) -> Result<(), Fault> {
        let done: Value = self.api(&format!("STREAM.PURGE.{stream}"), &which).await?;
        let _how_many = done;
        Ok(())
    }

    /// Removes the message of this number.
    pub(super) async fn remove(&self, stream: &str, number: u64) -> Result<(), Fault> {
        let which = json!({ "seq": number, "no_erase": true });
        let done: Value = self.api(&format!("STREAM.MSG.DELETE.{stream}"), &which).await?;
        let _done = done;
        Ok(())
    }

    async fn api<V: DeserializeOwned>(
        &self,
        what: &str,
        body: &impl serde::Serialize,
    ) -> Result<V, Fault> {
        match self.context.request(what.to_owned(), body).await {
            Ok(Response::Ok(value)) => Ok(value),
            Ok(Response::Err { error }) => Err(error.into()),
            Err(error) if error.kind() == RequestErrorKind::NoResponders => Err(Fault::Silent(
                "nobody answers: JetStream is not enabled, or its cluster has no leader".to_owned(),
            )),
            Err(error) => Err(Fault::Silent(error.to_string())),
        }
    }
}

fn stored(found: jetstream::message::StreamMessage) -> Stored {
    let at_ms = found.time.unix_timestamp_nanos() / 1_000_000;
    Stored {
        message: found.sequence,
        subject: found.subject.to_string(),
        at_ms: u64::try_from(at_ms).unwrap_or(0),
        payload: found.payload,
    }
}

pub(super) fn unsuitable(why: &str) -> JournalError {
    JournalError::Unsuitable { why: why.to_owned() }
}
