//! Hands what webhooks say to the writer, in order.

use futures_util::future::join_all;
use live_users_core::{CallId, Evidence, TurnedAway};
use live_users_intake::shards::ShardSet;

use crate::parts::counters::Outcome;
use crate::parts::not_recorded::NotRecorded;
use crate::parts::old_callbacks::OldCallbacks;
use crate::parts::shards::Shards;
use crate::parts::telemetry;

/// Records all that one webhook says, in this order, except what is too old to say anything: beside
/// each is when it was sent, in milliseconds since 1970, if that is known. It is queued together, so
/// that one sync of the journal is enough, also for a long batch. Also returns how a call is turned
/// away for which there is no place.
pub(crate) async fn record_all(
    (old_callbacks, shards): (&OldCallbacks, &Shards),
    evidence: impl IntoIterator<Item = (Option<u64>, Evidence)>,
) -> Result<(Outcome, Option<TurnedAway>), (CallId, NotRecorded)> {
    let evidence = evidence.into_iter();
    let mut recent = Vec::with_capacity(evidence.size_hint().0);
    for (sent_at_ms, evidence) in evidence {
        let also = shards.look_up(&evidence).await;
        let is_old = old_callbacks.is_one(sent_at_ms, &evidence, shards).await;
        if !is_old.map_err(|why| (evidence.call.clone(), why))? {
            recent.push((sent_at_ms, evidence, also));
        }
    }
    if recent.is_empty() {
        return Ok((Outcome::Old, None));
    }
    if shards.elsewhere().is_some() {
        let recorded = telemetry::in_span("record evidence", shards.record_anywhere(recent));
        return recorded.await.map(|turned_away| (Outcome::Accepted, turned_away));
    }
    telemetry::in_span("record evidence", recorded(shards, recent)).await
}

/// Waits until all of it is recorded.
async fn recorded(
    shards: &Shards,
    recent: Vec<(Option<u64>, Evidence, ShardSet)>,
) -> Result<(Outcome, Option<TurnedAway>), (CallId, NotRecorded)> {
    // All of it is in the queue before anything is waited for.
    let mut each = recent.into_iter().map(|(_, evidence, _)| {
        let call = evidence.call.clone();
        let recorded = shards.record(evidence);
        async { recorded.await.map_err(|why| (call, why)) }
    });
    // Nearly each webhook says one thing.
    let turned_away = match (each.next(), each.next()) {
        (Some(only), None) => only.await?.turned_away,
        (first, second) => {
            let each: Vec<_> = first.into_iter().chain(second).chain(each).collect();
            let each = join_all(each).await.into_iter().collect::<Result<Vec<_>, _>>()?;
            each.into_iter().find_map(|done| done.turned_away)
        }
    };
    Ok((Outcome::Accepted, turned_away))
}
