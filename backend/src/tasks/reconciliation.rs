//! Sends the replica's requests to the provider, one at a time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use live_users_intake::Reconciler;
use live_users_twilio::rest::Request;
use log::{info, warn};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use crate::config::Config;
use crate::parts::queue::{Queue, Work};
use crate::parts::shards::Shards;
use crate::parts::twilio_api::{TwilioApi, TwilioApiSettings};

/// The longest time of one exchange with the provider, in milliseconds.
const ASK_MS_MAX: u64 = 10_000;

/// Makes the reconcilers and their clients: for the account of the settings, and for each account of
/// the agents file. Without credentials there is none. Then a suspect call stays suspect until it is
/// too old. `is_first`: whether that is told, which is the same of all shards.
pub(crate) fn prepare(config: &Config, is_first: bool) -> io::Result<Vec<(Reconciler, TwilioApi)>> {
    let rules = config.rules.as_only_source(config.asks_only_ms().is_some());
    let reconciler = || {
        let (agents, key) = ((*config.agents.now()).clone(), config.caller_key.clone());
        Reconciler::new(rules, agents, key, below)
    };
    let client = |settings: &TwilioApiSettings| {
        TwilioApi::new(settings.clone(), Duration::from_millis(ASK_MS_MAX))
    };
    let mut all = Vec::new();
    match &config.twilio_api {
        Some(settings) => {
            all.push((reconciler().of_sid(&settings.account_sid), client(settings)?));
        }
        None if !is_first => {}
        None if config.accounts.iter().next().is_none() => warn!(
            "Twilio is not asked: TWILIO_ACCOUNT_SID is not set, so a call whose end nobody \
             reports is counted until it is older than MAX_CALL_HOURS"
        ),
        None => warn!(
            "Twilio is not asked for calls of other accounts than those in the agents file: \
             TWILIO_ACCOUNT_SID is not set"
        ),
    }
    for account in config.accounts.iter() {
        all.push((reconciler().of_account(account.id.clone()), client(&account.api)?));
    }
    if !all.is_empty() && is_first {
        info!(
            "the referee{} looks every {} s and asks Twilio at most {} times a minute for {}",
            if config.shard.is_some() { " of each shard" } else { "" },
            config.rules.poll_every_ms / 1000,
            config.rules.requests_per_minute,
            if all.len() == 1 {
                "1 account".to_owned()
            } else {
                format!("each of {} accounts", all.len())
            }
        );
    }
    Ok(all)
}

/// A random number below this one. Without randomness it returns the bound itself: the longest
/// wait.
pub(crate) fn below(bound: u64) -> u64 {
    getrandom::u64().map_or(bound, |random| random % bound.max(1))
}

/// Runs until it is aborted. Each reconciler has one request at a time, and an account that does not
/// answer keeps no other one waiting.
pub(crate) async fn run(
    apis: Vec<TwilioApi>,
    mut requests: UnboundedReceiver<(usize, Request)>,
    (queue, shards): (Queue, Shards),
) {
    let apis = Arc::new(apis);
    let mut asking = JoinSet::new();
    while let Some((referee, request)) = requests.recv().await {
        let (apis, queue, shards) = (apis.clone(), queue.clone(), shards.clone());
        while asking.try_join_next().is_some() {}
        asking.spawn(async move {
            let Some(api) = apis.get(referee) else { return };
            let mut answer = api.ask(&request).await;
            if let Ok(answer) = &mut answer {
                shards.look_up_listed(answer).await;
            }
            queue.answer(Work::Provider(referee, answer)).await;
        });
    }
}
