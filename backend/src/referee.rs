//! Runs the referee: sends what it wants to ask, and records what follows from the answers.

use std::sync::Arc;
use std::time::Duration;

use live_users_core::{Evidence, MINUTE_MS, Millis};
use live_users_intake::{Reconciler, Step};
use live_users_twilio::rest::Failure;
use log::{info, warn};
use parking_lot::Mutex;

use crate::clock::Clock;
use crate::lead::Lead;
use crate::metrics::Counters;
use crate::queue::Queue;
use crate::twilio_api::TwilioApi;

/// How long one exchange with the provider may take, in milliseconds.
pub(crate) const ASK_MS_MAX: u64 = 10_000;

/// How long to wait when the writer takes nothing, in milliseconds.
const BUSY_MS: u64 = 1_000;

/// How often a replica that does not lead looks whether it does, in milliseconds.
const STAND_BY_MS: u64 = 500;

/// The longest wait at once, in milliseconds: the clock may be set.
const WAIT_MS_MAX: u64 = MINUTE_MS;

/// The referee, for who runs it and for who tells how it stands.
pub(crate) type Shared = Arc<Mutex<Reconciler>>;

/// Runs for ever, and only asks while this replica leads: the provider is asked once for all.
pub(crate) async fn run(
    referee: Shared,
    api: TwilioApi,
    queue: Queue,
    (clock, lead): (Clock, Lead),
    counters: Arc<Counters>,
) {
    let mut failing = None;
    loop {
        let now = clock.now();
        if !lead.is_held() {
            wait(now, Millis(now.0 + STAND_BY_MS)).await;
            continue;
        }
        let step = referee.lock().next(now);
        let evidence = match step {
            Step::Wait(until) => {
                wait(now, until).await;
                continue;
            }
            Step::Ask(request) => {
                let answer = api.ask(&request).await;
                if answer.is_err() {
                    counters.referee_failures.add();
                }
                tell(&mut failing, answer.as_ref().err());
                referee.lock().hear(clock.now(), answer)
            }
            Step::Compare => {
                let (referee, clock) = (referee.clone(), clock.clone());
                let compare = queue.look(move |writer| {
                    referee.lock().compare(clock.now(), writer.state().tracker())
                });
                match compare.await {
                    Ok(evidence) => evidence,
                    Err(_) => {
                        wait(now, Millis(now.0 + BUSY_MS)).await;
                        continue;
                    }
                }
            }
        };
        record(&queue, evidence).await;
    }
}

/// What cannot be recorded now the next look will find again.
async fn record(queue: &Queue, evidence: Vec<Evidence>) {
    if evidence.is_empty() {
        return;
    }
    if let Err(why) = queue.record_all(evidence).await {
        warn!("what the referee has found is not recorded: {}", crate::health::reason(why));
    }
}

async fn wait(now: Millis, until: Millis) {
    tokio::time::sleep(Duration::from_millis(until.since(now).min(WAIT_MS_MAX))).await;
}

/// Says when asking begins to fail, fails for another reason, or works again.
fn tell(failing: &mut Option<Failure>, failure: Option<&Failure>) {
    match (&failing, failure) {
        (None, Some(failure)) => warn!("the referee has no answer: {failure}"),
        (Some(before), Some(failure)) if before != failure => {
            warn!("the referee has no answer: {failure}");
        }
        (Some(_), None) => info!("the referee is answered again"),
        (None, None) | (Some(_), Some(_)) => {}
    }
    *failing = failure.cloned();
}
