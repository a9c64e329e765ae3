//! Puts the parts together and runs them until it is time to stop.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use live_users_core::Numbers;
use live_users_service::agents::Agents;
use live_users_service::{Sparing, serve};
use log::{error, info, warn};
use tokio::sync::watch;

use crate::caller::CallerKey;
use crate::cell::{Published, Reader};
use crate::config::{Config, Verification, system_clock};
use crate::conversation::Conversation;
use crate::door::Door;
use crate::journal::Journal;
use crate::routes;
use crate::writer::{self, Queue, Writer};

/// How often the writer looks for calls that are older than a call can be, in milliseconds.
const SWEEP_EVERY_MS: u64 = 1_000;

/// What the request handlers share.
pub(crate) struct State {
    pub(crate) door: Door,
    pub(crate) agents: Agents,
    pub(crate) caller_key: CallerKey,
    pub(crate) conversation: Conversation,
    pub(crate) queue: Queue,
    pub(crate) cell: Reader,
    /// Lines about requests that anybody may send.
    pub(crate) refusals: Sparing,
}

/// Serves the backend on the listener until `shutdown` resolves; then finishes the requests under
/// way and what they gave the writer to do.
///
/// # Errors
/// The system's own, when there can be no thread, no random number or no serving.
pub async fn run(
    config: Config,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    say_hello(&config);
    let mut epoch = [0; 8];
    getrandom::fill(&mut epoch).map_err(io::Error::other)?;
    let journal = Journal::new(u64::from_ne_bytes(epoch));
    let (publisher, cell) = watch::channel(Published::new(Numbers::default()));
    let writer = Writer::new(journal, publisher, config.max_call_ms);
    let (queue, thread) = writer::start(writer, system_clock)?;

    let origins = config.origins;
    let state = Arc::new(State {
        conversation: Conversation::new(config.url_rule.path_prefix(), config.farewell),
        door: Door::new(config.verification, config.url_rule),
        agents: config.agents,
        caller_key: config.caller_key,
        queue: queue.clone(),
        cell,
        refusals: Sparing::default(),
    });
    let sweeper = tokio::spawn(sweep(queue.clone()));
    // Without a writer the count would stand still and look alive: better to end, and be started
    // again by whoever watches over the process.
    let writer_ended = queue.ended();
    let stop = async {
        tokio::select! {
            () = shutdown => {}
            () = writer_ended => error!("the writer has stopped: ending"),
        }
    };
    let served = serve(listener, stop, move |app| routes::add(app, &state, &origins)).await;

    sweeper.abort();
    queue.stop().await;
    let finished = thread.join().map_err(|_| io::Error::other("the writer has panicked"));
    finished.and(served)
}

async fn sweep(queue: Queue) {
    let mut tick = tokio::time::interval(Duration::from_millis(SWEEP_EVERY_MS));
    loop {
        tick.tick().await;
        queue.sweep();
    }
}

fn say_hello(config: &Config) {
    match &config.verification {
        Verification::Signed(tokens) => {
            info!(
                "webhooks are verified by X-Twilio-Signature with {tokens:?}, {}",
                config.url_rule
            );
        }
        Verification::Off => warn!("webhooks are NOT verified: ALLOW_UNSIGNED_WEBHOOKS is set"),
    }
    info!("{} agents are configured", config.agents.iter().count());
}
