//! Hands what webhooks say to the writer, in order, and counts what became of them.

use futures_util::future::join_all;
use live_users_core::{CallId, Evidence};
use log::warn;

use super::Webhooks;
use crate::http::error::ApiError;
use crate::parts::counters::{Hook, Outcome};
use crate::parts::queue::NotRecorded;

/// Records what a status callback says.
pub(super) async fn record(
    shared: &Webhooks,
    sent_at_ms: Option<u64>,
    evidence: Vec<Evidence>,
) -> Result<(), ApiError> {
    let became = |outcome| shared.counters.webhooks(Hook::Status, outcome).add();
    match record_all(shared, sent_at_ms, evidence).await {
        Ok(outcome) => {
            became(outcome);
            Ok(())
        }
        Err((call, why)) => {
            became(Outcome::NotRecorded);
            warn!("503 for the status of {call}: {why}");
            Err(why.into())
        }
    }
}

/// Records all that one webhook says, in this order, unless it is too old to say anything. It is
/// queued together, so that one sync of the journal is enough.
pub(super) async fn record_all(
    shared: &Webhooks,
    sent_at_ms: Option<u64>,
    evidence: Vec<Evidence>,
) -> Result<Outcome, (CallId, NotRecorded)> {
    let mut recent = Vec::with_capacity(evidence.len());
    for evidence in evidence {
        let is_old = shared.old_callbacks.is_one(sent_at_ms, &evidence.call, &shared.queue).await;
        if !is_old.map_err(|why| (evidence.call.clone(), why))? {
            recent.push(evidence);
        }
    }
    if recent.is_empty() {
        return Ok(Outcome::Old);
    }
    let each = recent.into_iter().map(|evidence| async {
        let call = evidence.call.clone();
        shared.queue.record(evidence).await.map(drop).map_err(|why| (call, why))
    });
    join_all(each).await.into_iter().collect::<Result<(), _>>().map(|()| Outcome::Accepted)
}
