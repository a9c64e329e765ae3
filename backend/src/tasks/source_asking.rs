//! Sends the replica's questions to the providers of sources. Each has one at a time, and one that
//! does not answer keeps no other one waiting.

use std::sync::Arc;

use live_users_intake::{RefereeRules, Referees, Unanswered};
use live_users_replica::Ticket;
use live_users_sources::Ask;
use live_users_twilio::rest::Failure;
use log::info;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use super::reconciliation::below;
use crate::config::Config;
use crate::parts::agents::AgentRegistry;
use crate::parts::queue::{Queue, Work};

/// A question to the provider of a source.
pub(crate) type Question = (Ticket, Arc<str>, Ask);

/// Makes the referees of the sources.
pub(crate) fn prepare(config: &Config) -> Referees {
    let rules = RefereeRules {
        suspect_after_ms: config.doubt.suspect_after_ms,
        key: config.caller_key.clone(),
        below,
    };
    let referees = Referees::new(&config.agents.now(), rules);
    for referee in referees.all() {
        let status = referee.status();
        info!("the provider of source {} is asked for its calls", status.source);
    }
    referees
}

/// Runs until it is aborted.
pub(crate) async fn run(
    agents: Arc<AgentRegistry>,
    mut questions: UnboundedReceiver<Question>,
    queue: Queue,
) {
    let mut asking = JoinSet::new();
    while let Some((ticket, source, ask)) = questions.recv().await {
        let (agents, queue) = (agents.clone(), queue.clone());
        while asking.try_join_next().is_some() {}
        asking.spawn(async move {
            let entry = agents.sources().get(&source);
            let answer = match entry.as_ref().and_then(|entry| entry.api.as_ref()) {
                Some(api) => api.ask(&ask, queue.clock().for_others()).await,
                None => {
                    let why = Failure::Odd("its provider is not asked any more".to_owned());
                    Err(Unanswered { why, again_after_ms: None })
                }
            };
            queue.answer(Work::SourceProvider(ticket, answer)).await;
        });
    }
}
