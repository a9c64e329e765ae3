//! Callbacks that were sent so long ago that their call may have been forgotten since.
//!
//! An ended call is remembered for 25 h, so that a late callback cannot start it again. A callback
//! that is older finds nothing to contradict it: somebody has kept it and sends it again.

use std::time::Instant;

use live_users_core::{CallId, Evidence, Limits, Phase, SECOND_MS, Said};
use live_users_http_kit::LogThrottle;
use live_users_replica::{DIALING_MS_MAX, TOMBSTONE_MS};
use log::warn;

use crate::parts::elsewhere::Forwarded;
use crate::parts::not_recorded::NotRecorded;
use crate::parts::queue::Queue;
use crate::parts::shards::Shards;

/// The log lines about them. Anybody who has kept callbacks can cause them.
#[derive(Debug, Default)]
pub(crate) struct OldCallbacks(LogThrottle);

impl OldCallbacks {
    /// Whether a callback that was sent at this moment comes too late to say anything about its call. One about a call that is
    /// up may still end it.
    pub(crate) async fn is_one(
        &self,
        sent_at_ms: Option<u64>,
        evidence: &Evidence,
        shards: &Shards,
    ) -> Result<bool, NotRecorded> {
        let Some(sent_at_ms) = sent_at_ms else { return Ok(false) };
        let call = &evidence.call;
        // The backend that has its shard looks there.
        let Some(queue) = shards.queue_of(evidence) else { return Ok(false) };
        let age_ms = queue.clock().earliest_now().0.saturating_sub(sent_at_ms);
        if age_ms <= TOMBSTONE_MS {
            return Ok(false);
        }
        if is_up(queue, call).await? {
            return Ok(false);
        }
        if let Some(held_back) = self.0.line_at(Instant::now()) {
            let age_h = age_ms / 3_600_000;
            warn!(
                "a callback about {call} was sent {age_h} h ago: it starts no call \
                 ({held_back} such lines before this one were held back)"
            );
        }
        Ok(true)
    }

    /// The shard here that takes a piece of evidence which another backend has sent to this one, or which
    /// was kept; `None` if it comes too late to say anything.
    pub(crate) async fn place(
        &self,
        one: &Forwarded,
        shards: &Shards,
        max_call_ms: u64,
    ) -> Result<Option<usize>, NotRecorded> {
        let shard = shards.receive(one)?;
        let is_old = self.is_one(one.sent_at_ms, &one.evidence, shards).await?
            || self.is_long_silent(one, shards, max_call_ms).await?;
        Ok((!is_old).then_some(shard))
    }

    /// Whether evidence has waited at another backend for so long that silence has ended its call
    /// meanwhile: it starts no call.
    async fn is_long_silent(
        &self,
        Forwarded { silent_ms, evidence, .. }: &Forwarded,
        shards: &Shards,
        max_call_ms: u64,
    ) -> Result<bool, NotRecorded> {
        let Some(queue) = shards.queue_of(evidence) else { return Ok(false) };
        let Some(silent_ms) = silent_ms.filter(|it| *it > longest_ms(evidence, max_call_ms)) else {
            return Ok(false);
        };
        if is_up(queue, &evidence.call).await? {
            return Ok(false);
        }
        if let Some(held_back) = self.0.line_at(Instant::now()) {
            warn!(
                "what another backend has kept about {} starts no call: nothing was heard of it for \
                 {} s ({held_back} such lines before this one were held back)",
                evidence.call,
                silent_ms / SECOND_MS
            );
        }
        Ok(true)
    }
}

/// How long a call that begins with this lasts without a further word, in milliseconds.
fn longest_ms(evidence: &Evidence, max_call_ms: u64) -> u64 {
    let by_phase = match evidence.said {
        Said::Over(_) => return u64::MAX,
        Said::Dialing => DIALING_MS_MAX,
        _ => max_call_ms,
    };
    let Limits { quiet_s, longest_s, .. } = evidence.limits;
    let told = [quiet_s, longest_s].into_iter().flatten().map(|it| u64::from(it) * SECOND_MS);
    told.fold(by_phase, u64::min)
}

async fn is_up(queue: &Queue, call: &CallId) -> Result<bool, NotRecorded> {
    let id = call.clone();
    let is_up = queue.query(move |view| {
        let phase = view.state.tracker().call(&id).map(|call| call.phase);
        matches!(phase, Some(Phase::Dialing | Phase::Live))
    });
    is_up.await
}
