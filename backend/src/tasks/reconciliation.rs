//! Sends the replica's requests to the provider, one at a time.

use std::io;
use std::time::Duration;

use live_users_intake::Reconciler;
use live_users_twilio::rest::Request;
use log::{info, warn};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::config::Config;
use crate::parts::queue::{Queue, Work};
use crate::parts::twilio_api::TwilioApi;

/// The longest time of one exchange with the provider, in milliseconds.
const ASK_MS_MAX: u64 = 10_000;

/// Makes the reconciler and its client. Returns `None` without credentials. Then a suspect call
/// stays suspect until it is too old.
pub(crate) fn prepare(config: &Config) -> io::Result<Option<(Reconciler, TwilioApi)>> {
    let Some(settings) = &config.twilio_api else {
        warn!(
            "there is no referee: TWILIO_ACCOUNT_SID is not set, so a call whose end nobody \
             reports is counted until it is older than MAX_CALL_HOURS"
        );
        return Ok(None);
    };
    let (agents, key) = ((*config.agents.now()).clone(), config.caller_key.clone());
    let rules = config.rules.as_only_source(config.asks_only_ms().is_some());
    let reconciler = Reconciler::new(rules, agents, key, below);
    let api = TwilioApi::new(settings.clone(), Duration::from_millis(ASK_MS_MAX))?;
    info!(
        "the referee looks every {} s and asks Twilio at most {} times a minute",
        config.rules.poll_every_ms / 1000,
        config.rules.requests_per_minute
    );
    Ok(Some((reconciler, api)))
}

/// A random number below this one. Without randomness it returns the bound itself: the longest
/// wait.
fn below(bound: u64) -> u64 {
    getrandom::u64().map_or(bound, |random| random % bound.max(1))
}

/// Runs until it is aborted.
pub(crate) async fn run(api: TwilioApi, mut requests: UnboundedReceiver<Request>, queue: Queue) {
    while let Some(request) = requests.recv().await {
        let answer = api.ask(&request).await;
        queue.answer(Work::Provider(answer)).await;
    }
}
