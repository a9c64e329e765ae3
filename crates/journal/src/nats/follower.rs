//! The two tasks behind an open log. One follows it as it grows. The other polls the service for
//! its end, and restarts the first if that does not deliver.
//!
//! The follower is a pull consumer of its own. The client's ordered consumer was seen to stay
//! silent for half a minute after the death of a leader.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::stream::ConsumerErrorKind;
use futures_util::StreamExt;
use live_users_backoff::{Schedule, none};
use tokio::time::{Instant, sleep};

use super::client::Stored;
use super::fault::Fault;
use super::log::Log;
use super::log_index::Ingested;
use crate::WarningKind;

/// How often the service is polled for the end of the log.
const POLL_EVERY: Duration = Duration::from_millis(500);

/// How often the clocks are compared.
const COMPARE_EVERY: Duration = Duration::from_secs(10);

/// The delays before the follower starts again. Each replica has one connection, and few replicas
/// follow one log, so there is no jitter.
const RETRY: Schedule = Schedule { base_ms: 100, max_ms: 2_000 };

/// How long the follower may take to deliver what the service is known to have.
const FOLLOWER_PATIENCE: Duration = Duration::from_millis(250);

/// How often the server sends a sign of life. The follower ends after two missing ones.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How long a request for messages is valid. It has to be more than two heartbeats.
const REQUEST: Duration = Duration::from_secs(5);

/// The server removes the consumer after this time without a request.
const REMOVED_AFTER: Duration = Duration::from_secs(10);

/// The most messages of one request.
const MESSAGES_AT_ONCE: usize = 64;

/// Follows the log until the runtime ends.
pub(super) async fn follow(log: Arc<Log>) {
    let mut failures = 0_u32;
    loop {
        let delivered = log.follower_delivered.load(Ordering::Relaxed);
        tokio::select! {
            _ended = follow_once(&log) => {}
            () = log.follower_is_late.notified() => {}
        }
        let was_good = log.follower_delivered.load(Ordering::Relaxed) != delivered;
        failures = if was_good { 0 } else { failures.saturating_add(1) };
        sleep(Duration::from_millis(RETRY.delay_ms(failures, none))).await;
    }
}

async fn follow_once(log: &Log) -> Result<(), Fault> {
    // Not from the beginning: the index has everything before.
    let from = log.index.lock().end().message + 1;
    let config = pull::Config {
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: from },
        ack_policy: AckPolicy::None,
        inactive_threshold: REMOVED_AFTER,
        memory_storage: true,
        num_replicas: 1,
        ..pull::Config::default()
    };
    let silent = |error: &dyn std::fmt::Display| Fault::Silent(error.to_string());
    let consumer = log.client.context.create_consumer_on_stream(config, &log.subjects.log).await;
    let refused = match &consumer {
        Err(error) => match error.kind() {
            ConsumerErrorKind::JetStream(error) => match Fault::from(error) {
                Fault::Refused(why) => Some(format!(
                    "the NATS service gives no consumer, so what other backends record comes late: \
                     {why}"
                )),
                _ => None,
            },
            _ => None,
        },
        Ok(_) => None,
    };
    log.status.set_warning(WarningKind::NoConsumer, refused);
    let consumer = consumer.map_err(|error| silent(&error))?;
    let messages = consumer
        .stream()
        .max_messages_per_batch(MESSAGES_AT_ONCE)
        .heartbeat(HEARTBEAT)
        .expires(REQUEST)
        .messages()
        .await;
    let mut messages = messages.map_err(|error| silent(&error))?;
    while let Some(message) = messages.next().await {
        let message = message.map_err(|error| silent(&error))?;
        let info = message.info().map_err(|error| silent(&error))?;
        let at_ms = info.published.unix_timestamp_nanos() / 1_000_000;
        let stored = Stored {
            message: info.stream_sequence,
            subject: message.subject.to_string(),
            at_ms: u64::try_from(at_ms).unwrap_or(0),
            payload: message.payload.clone(),
        };
        // A gap is left where messages were trimmed, or by a failed fetch. Only the leader knows
        // which.
        if matches!(log.ingest(&stored), Ingested::Gap | Ingested::Broken) {
            log.catch_up(Duration::ZERO).await?;
        }
        log.follower_delivered.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Polls the service until the runtime ends.
pub(super) async fn poll(log: Arc<Log>) {
    let (mut compared, mut delivered) = (Instant::now(), 0);
    loop {
        sleep(POLL_EVERY).await;
        let trouble = match log.catch_up(FOLLOWER_PATIENCE).await {
            Ok(was_fetched) => {
                let before = delivered;
                delivered = log.follower_delivered.load(Ordering::Relaxed);
                // A follower on a busy machine is late, too, but delivers at least something.
                if was_fetched && before == delivered {
                    log.follower_is_late.notify_one();
                }
                None
            }
            Err(fault) => {
                let is_lost = matches!(fault, Fault::Error(_) | Fault::NoStream);
                if is_lost && log.status.trouble().is_none() {
                    // Once, so that the owner refreshes and gets the error.
                    log.status.notify_append();
                }
                Some(fault.into_error("asking how far the log is").to_string())
            }
        };
        let is_well = trouble.is_none();
        log.status.set_trouble(trouble);
        if is_well && (compared.elapsed() > COMPARE_EVERY || !log.knows_clock_offset()) {
            compared = Instant::now();
            let _next_time = log.compare_clocks().await;
        }
    }
}
