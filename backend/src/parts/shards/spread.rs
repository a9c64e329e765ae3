//! Where other backends have some of the shards: what they know is asked, and what belongs to them is
//! recorded by them.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use live_users_core::{CallId, Evidence, TurnedAway};
use live_users_intake::Relatives;
use live_users_intake::shards::{Names, ShardSet, is_of_conference};
use live_users_replica::Done;
use live_users_twilio::rest;

use super::Shards;
use crate::parts::elsewhere::{Answer, Forwarded, Question, WHOLE};
use crate::parts::not_recorded::NotRecorded;
use crate::parts::old_callbacks::OldCallbacks;

/// What has become of evidence: how its call is turned away, or why it is not recorded.
pub(crate) type Recorded = Result<Option<TurnedAway>, (CallId, NotRecorded)>;

impl Shards {
    /// Records what one webhook says, in this order, each with when it was sent and the shards that are told
    /// of it beside the one that it goes to: here, or at the backend that has its shard. Returns once all of it is recorded, applied and published.
    pub(crate) async fn record_anywhere(
        &self,
        all: Vec<(Option<u64>, Evidence, ShardSet)>,
    ) -> Recorded {
        let (mut waiting, mut forwarded) = (Vec::new(), Vec::new());
        for (sent_at_ms, evidence, also) in all {
            let first_in_conference = self.first_in_conference(&evidence);
            for shard in self.route(&evidence).and(also).iter() {
                let evidence = evidence.clone();
                match self.queue(shard) {
                    Some(_) => waiting.push(self.record_here(shard, evidence)),
                    None => forwarded.push(Forwarded {
                        shard,
                        sent_at_ms,
                        first_in_conference,
                        silent_ms: None,
                        evidence,
                    }),
                }
            }
        }
        let others = async {
            match self.elsewhere().filter(|_| !forwarded.is_empty()) {
                Some(elsewhere) => elsewhere.record(forwarded, self.first()).await,
                None => Ok(None),
            }
        };
        let (here, others) = tokio::join!(join_all(waiting), others);
        let here: Result<Vec<Done>, _> = here.into_iter().collect();
        Ok(here?.into_iter().find_map(|done| done.turned_away).or(others?))
    }

    /// Records a piece of evidence in a shard that is here. It is in the queue when this returns.
    pub(crate) fn record_here(
        &self,
        shard: usize,
        evidence: Evidence,
    ) -> impl Future<Output = Result<Done, (CallId, NotRecorded)>> + use<'_> {
        let call = evidence.call.clone();
        let recorded = self.queue(shard).map(|queue| queue.record(evidence));
        async move {
            let why = NotRecorded::Elsewhere { shard };
            let Some(recorded) = recorded else { return Err((call, why)) };
            recorded.await.map_err(|why| (call, why))
        }
    }

    fn first_in_conference(&self, evidence: &Evidence) -> Option<usize> {
        self.router.as_ref().and_then(|router| router.lock().first_in_conference(evidence))
    }

    /// The shard here that takes evidence which another backend has sent to this one.
    ///
    /// # Errors
    /// If it is not here.
    pub(crate) fn receive(&self, one: &Forwarded) -> Result<usize, NotRecorded> {
        let Forwarded { shard, first_in_conference, evidence, .. } = one;
        let here = self.numbers();
        match self.router.as_ref().filter(|_| here.has(*shard)) {
            Some(router) => {
                Ok(router.lock().receive((*shard, here), evidence, *first_in_conference))
            }
            None => Err(NotRecorded::Elsewhere { shard: *shard }),
        }
    }

    /// Records evidence that other backends have sent, or that was kept for shards that are here now, in its
    /// order. Returns what has become of each piece.
    pub(crate) async fn record_received(
        &self,
        each: Vec<Forwarded>,
        old_callbacks: &OldCallbacks,
        max_call_ms: u64,
    ) -> Vec<Recorded> {
        let mut placed = Vec::with_capacity(each.len());
        for one in each {
            let shard = old_callbacks.place(&one, self, max_call_ms).await;
            let Forwarded { evidence, .. } = one;
            placed.push(match shard {
                Ok(shard) => Ok(shard.map(|shard| (shard, evidence))),
                Err(why) => Err((evidence.call, why)),
            });
        }
        // All of it is in the queues before anything is waited for.
        let waiting = placed.into_iter().map(|one| {
            one.map(|one| one.map(|(shard, evidence)| self.record_here(shard, evidence)))
        });
        let waiting: Vec<_> = waiting.collect();
        let recorded = waiting.into_iter().map(async |one| match one? {
            Some(recorded) => recorded.await.map(|done| done.turned_away),
            None => Ok(None),
        });
        join_all(recorded).await
    }

    /// What waits here has gone to these shards: a later word about the same call goes there, too.
    pub(crate) fn learn_waiting(&self, waiting: &[(usize, Evidence)]) {
        let Some(router) = &self.router else { return };
        let mut router = router.lock();
        let of_calls = waiting.iter().filter(|(_, evidence)| !is_of_conference(evidence));
        of_calls.for_each(|(shard, evidence)| router.note(*shard, evidence));
    }

    /// How many pieces of evidence wait here for each shard that some wait for.
    pub(crate) fn waiting(&self) -> Vec<(usize, usize)> {
        let mut waiting = BTreeMap::new();
        for (shard, n) in self.queues().iter().flat_map(|queue| queue.status().forwards) {
            *waiting.entry(usize::from(shard)).or_default() += n;
        }
        waiting.into_iter().collect()
    }

    /// What is known here, for another backend.
    pub(crate) async fn answer(&self, question: Question) -> Result<Answer, NotRecorded> {
        let Some(router) = &self.router else { return Ok(Answer::default()) };
        if self.is_shared {
            let unknown = router.lock().unknown(question.names.calls.iter());
            if !unknown.is_empty() {
                self.look_into_states(router, unknown).await;
            }
        }
        let relatives = match &question.calls {
            Some(asked) => self.relatives_here(asked).await?,
            None => Relatives::default(),
        };
        let known = router.lock().answer(&question.names);
        Ok(Answer { known, relatives, ..Answer::default() })
    }

    /// Asks the other backends about the calls of an answer of the provider. Those of which it is not
    /// known whether another backend has them are left out of it: the next answer has them again.
    pub(crate) async fn look_up_listed(&self, answer: &mut rest::Answer) {
        let (Some(router), Some(elsewhere)) = (&self.router, &self.elsewhere) else { return };
        let rest::Answer::Page(page) = answer else { return };
        let id = |sid: &String| CallId::parse(sid).ok();
        let sids = page.calls.iter().flat_map(|it| [Some(&it.sid), it.parent_call_sid.as_ref()]);
        let names: Vec<_> = sids.flatten().filter_map(id).collect();
        let calls = router.lock().unknown(names.iter());
        if calls.is_empty() {
            return;
        }
        let question = Question { names: Names { calls, meetings: Vec::new() }, calls: None };
        let (answers, _, is_complete) = elsewhere.ask(&question, WHOLE).await;
        let mut router = router.lock();
        router.take(&answers);
        if !is_complete {
            let is_known = |call: &rest::CallResource| {
                id(&call.sid).is_some_and(|call| router.of_call(&call).is_some())
            };
            page.calls.retain(is_known);
        }
    }
}
