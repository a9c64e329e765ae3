//! Hands what webhooks say to the writer, in order.

use futures_util::future::join_all;
use live_users_core::{CallId, Evidence, TurnedAway};

use super::old::OldCallbacks;
use crate::parts::counters::Outcome;
use crate::parts::not_recorded::NotRecorded;
use crate::parts::queue::Queue;

/// Records all that one webhook says, in this order, unless it is too old to say anything. It is
/// queued together, so that one sync of the journal is enough. Also returns how a call is turned away
/// for which there is no place.
pub(crate) async fn record_all(
    (old_callbacks, queue): (&OldCallbacks, &Queue),
    sent_at_ms: Option<u64>,
    evidence: Vec<Evidence>,
) -> Result<(Outcome, Option<TurnedAway>), (CallId, NotRecorded)> {
    let mut recent = Vec::with_capacity(evidence.len());
    for evidence in evidence {
        let is_old = old_callbacks.is_one(sent_at_ms, &evidence.call, queue).await;
        if !is_old.map_err(|why| (evidence.call.clone(), why))? {
            recent.push(evidence);
        }
    }
    if recent.is_empty() {
        return Ok((Outcome::Old, None));
    }
    let each = recent.into_iter().map(|evidence| async {
        let call = evidence.call.clone();
        queue.record(evidence).await.map_err(|why| (call, why))
    });
    let each = join_all(each).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let turned_away = each.into_iter().find_map(|done| done.turned_away);
    Ok((Outcome::Accepted, turned_away))
}
