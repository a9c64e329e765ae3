//! What goes on behind a log by itself: it is followed as it grows, and the service is asked from
//! time to time how far it is.
//!
//! The log is followed by a pull consumer of our own. The client's ordered consumer was seen to
//! stay silent for half a minute after the death of a leader.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use futures_util::StreamExt;
use live_users_backoff::{Schedule, none};
use tokio::time::{Instant, sleep};

use super::fault::Fault;
use super::known::Fed;
use super::log::Log;
use super::service::Stored;

/// How often the service is asked how far the log is.
const ASKED_EVERY: Duration = Duration::from_millis(500);

/// How often the clocks are compared.
const COMPARED_EVERY: Duration = Duration::from_secs(10);

/// How long after a failure it is tried again.
const RETRY: Schedule = Schedule { base_ms: 100, max_ms: 2_000 };

/// How long the tail may take to bring what the service is known to have.
const TAIL_PATIENCE: Duration = Duration::from_millis(250);

/// How long the server may be silent.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How long a request for messages stands. More than two heartbeats.
const REQUEST: Duration = Duration::from_secs(5);

/// After this time without a request the server forgets the consumer.
const FORGOTTEN: Duration = Duration::from_secs(10);

/// How many messages are under way at most.
const MESSAGES_AT_ONCE: usize = 64;

/// Follows the log for ever.
pub(super) async fn follow(log: Arc<Log>) {
    let mut failures = 0_u32;
    loop {
        let brought = log.tail_brought.load(Ordering::Relaxed);
        tokio::select! {
            _ended = follow_once(&log) => {}
            () = log.tail_is_late.notified() => {}
        }
        let was_good = log.tail_brought.load(Ordering::Relaxed) != brought;
        failures = if was_good { 0 } else { failures.saturating_add(1) };
        sleep(Duration::from_millis(RETRY.delay_ms(failures, none))).await;
    }
}

async fn follow_once(log: &Log) -> Result<(), Fault> {
    let from = log.known.lock().end.message + 1;
    let config = pull::Config {
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: from },
        ack_policy: AckPolicy::None,
        inactive_threshold: FORGOTTEN,
        memory_storage: true,
        num_replicas: 1,
        ..pull::Config::default()
    };
    let silent = |error: &dyn std::fmt::Display| Fault::Silent(error.to_string());
    let consumer = log.service.context.create_consumer_on_stream(config, &log.names.log).await;
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
        if matches!(log.feed(&stored), Fed::Gap | Fed::Broken) {
            log.catch_up(Duration::ZERO).await?;
        }
        log.tail_brought.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Asks for ever.
pub(super) async fn ask(log: Arc<Log>) {
    let (mut compared, mut brought) = (Instant::now(), 0);
    loop {
        sleep(ASKED_EVERY).await;
        let trouble = match log.catch_up(TAIL_PATIENCE).await {
            Ok(was_fetched) => {
                let before =
                    std::mem::replace(&mut brought, log.tail_brought.load(Ordering::Relaxed));
                // One that is only behind a busy machine brings at least something.
                if was_fetched && before == brought {
                    log.tail_is_late.notify_one();
                }
                None
            }
            Err(fault) => {
                let is_lost = matches!(fault, Fault::Error(_) | Fault::NotFound);
                if is_lost && log.contact.trouble().is_none() {
                    // So that the owner asks, and is told.
                    log.contact.has_grown();
                }
                Some(fault.into_error("asking how far the log is").to_string())
            }
        };
        let is_well = trouble.is_none();
        log.contact.set_trouble(trouble);
        if is_well && (compared.elapsed() > COMPARED_EVERY || !log.has_compared()) {
            compared = Instant::now();
            let _next_time = log.compare_clocks().await;
        }
    }
}
