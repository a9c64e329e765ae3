//! Runs the referee: sends what it wants to ask, and records what follows from the answers.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use live_users_core::{Evidence, Millis};
use live_users_intake::{Reconciler, Step};
use live_users_twilio::rest::Failure;
use log::{info, warn};
use parking_lot::Mutex;

use crate::config::Config;
use crate::parts::clock::Clock;
use crate::parts::counters::Counters;
use crate::parts::leadership::Leadership;
use crate::parts::queue::Queue;
use crate::parts::twilio_api::TwilioApi;

/// How long one exchange with the provider may take, in milliseconds.
const ASK_MS_MAX: u64 = 10_000;

/// How long to wait when the writer takes nothing, in milliseconds.
const BUSY_MS: u64 = 1_000;

/// How often a replica that does not lead looks whether it does, in milliseconds.
const STAND_BY_MS: u64 = 500;

/// The longest wait at once, in milliseconds: the clock may be set.
const WAIT_MS_MAX: u64 = 60_000;

/// What asking the provider takes.
pub(crate) struct Reconciliation {
    pub(crate) reconciler: Arc<Mutex<Reconciler>>,
    api: TwilioApi,
}

impl Reconciliation {
    /// `None` without credentials: then a suspect call stays suspect until it is too old.
    pub(crate) fn prepare(config: &Config) -> io::Result<Option<Self>> {
        let Some(settings) = &config.twilio_api else {
            warn!(
                "there is no referee: TWILIO_ACCOUNT_SID is not set, so a call whose end nobody \
                 reports is counted until it is older than MAX_CALL_HOURS"
            );
            return Ok(None);
        };
        let (agents, key) = ((*config.agents.now()).clone(), config.caller_key.clone());
        let reconciler = Reconciler::new(config.rules, agents, key, below);
        let api = TwilioApi::new(settings.clone(), Duration::from_millis(ASK_MS_MAX))?;
        info!(
            "the referee looks every {} s and asks Twilio at most {} times a minute",
            config.rules.look_every_ms / 1000,
            config.rules.requests_per_minute
        );
        Ok(Some(Self { reconciler: Arc::new(Mutex::new(reconciler)), api }))
    }
}

/// A random number below this one. Without randomness the bound itself: it only means to wait as
/// long as can be.
fn below(bound: u64) -> u64 {
    getrandom::u64().map_or(bound, |random| random % bound.max(1))
}

/// Runs for ever, and only asks while this replica leads: the provider is asked once for all.
pub(crate) async fn run(
    Reconciliation { reconciler, api }: Reconciliation,
    queue: Queue,
    (clock, lead): (Clock, Leadership),
    counters: Arc<Counters>,
) {
    let mut failing = None;
    loop {
        let now = clock.now();
        if !lead.is_held() {
            wait(now, Millis(now.0 + STAND_BY_MS)).await;
            continue;
        }
        let step = reconciler.lock().next(now);
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
                reconciler.lock().hear(clock.now(), answer)
            }
            Step::Compare => {
                let (reconciler, clock) = (reconciler.clone(), clock.clone());
                let compare = queue.query(move |view| {
                    reconciler.lock().compare(clock.now(), view.state.tracker())
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
        warn!("what the referee has found is not recorded: {why}");
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
