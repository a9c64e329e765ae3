//! The queues of all shards, and which of them something goes to. Usually there is one.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join_all, select_all};
use live_users_core::{CallId, Evidence, Tracker};
use live_users_intake::shards::{Router, ShardSet};
use live_users_replica::Done;
use parking_lot::Mutex;

use super::not_recorded::NotRecorded;
use super::queue::Queue;

/// How long a webhook waits for the states to say where its call is, which another backend may have been
/// told of. Later it goes where the hash says.
const LOOK_UP: Duration = Duration::from_millis(250);

/// So many calls are asked about at once, so that no webhook waits long for the writer's answer.
const ASKED_MAX: usize = 2_048;

/// Where calls are. Cheap to clone.
pub(crate) type SharedRouter = Arc<Mutex<Router>>;

/// The queues of all shards. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Shards {
    /// The first one has what belongs to no call, too: sessions, links, callbacks on their way.
    queues: Arc<[Queue]>,
    /// `None` where there is one shard.
    router: Option<SharedRouter>,
    /// Whether other backends are told of calls, too.
    is_shared: bool,
}

impl Shards {
    /// One state for all calls.
    pub(crate) fn one(queue: Queue) -> Self {
        Self { queues: Arc::from([queue]), router: None, is_shared: false }
    }

    /// Several. The router knows the calls of their states; `is_shared` says that other backends may be
    /// told of calls, too.
    pub(crate) fn of(queues: Vec<Queue>, router: SharedRouter, is_shared: bool) -> Self {
        Self { queues: queues.into(), router: Some(router), is_shared }
    }

    /// Looks where the call of this evidence is, or of what it names, if this backend was told of neither
    /// and another one may have been. It waits no longer than [`LOOK_UP`].
    pub(crate) async fn look_up(&self, evidence: &Evidence) {
        let Some(router) = self.router.as_ref().filter(|_| self.is_shared) else { return };
        let named = [&evidence.call].into_iter().chain(&evidence.also).chain(&evidence.parent);
        let named: Vec<CallId> = named.cloned().collect();
        if named.iter().any(|name| router.lock().of_call(name).is_some()) {
            return;
        }
        let asked = self.queues.iter().map(|queue| {
            let named = named.clone();
            queue.query(move |view| {
                let tracker = view.state.tracker();
                named.into_iter().filter(|name| tracker.open_call(name).is_some()).collect()
            })
        });
        let answers = tokio::time::timeout(LOOK_UP, join_all(asked)).await.unwrap_or_default();
        let mut router = router.lock();
        for (shard, known) in answers.into_iter().enumerate() {
            let known: Vec<CallId> = known.unwrap_or_default();
            known.iter().for_each(|call| router.know(shard, call));
        }
    }

    /// The queue of the first one.
    pub(crate) fn first(&self) -> &Queue {
        &self.queues[0]
    }

    /// The queues, in the order of their shards.
    pub(crate) fn queues(&self) -> &[Queue] {
        &self.queues
    }

    /// Whether there are several.
    pub(crate) fn are_several(&self) -> bool {
        self.router.is_some()
    }

    /// Records a piece of evidence where it belongs: in one shard, but for the end of a conference.
    /// Returns once it is recorded, applied and published there. It is in the queue when this returns.
    pub(crate) fn record(
        &self,
        evidence: Evidence,
    ) -> impl Future<Output = Result<Done, NotRecorded>> + use<'_> {
        let shards = self.route(&evidence);
        let mut others = Vec::new();
        let mut each = shards.iter();
        let first = each.next().unwrap_or_default();
        for shard in each {
            others.push(self.queues[shard].record(evidence.clone()));
        }
        let first = self.queues[first].record(evidence);
        async move {
            let done = first.await;
            match others.is_empty() {
                true => done,
                false => join_all(others).await.into_iter().fold(done, |all, one| all.and(one)),
            }
        }
    }

    /// Has a piece of evidence recorded after all that was taken before, and does not wait for that.
    pub(crate) fn tell(&self, evidence: Evidence) {
        for shard in self.route(&evidence).iter() {
            self.queues[shard].tell(evidence.clone());
        }
    }

    /// Whether there is room everywhere for what can be sent again later.
    pub(crate) fn have_room_beside_calls(&self) -> bool {
        self.queues.iter().all(Queue::has_room_beside_calls)
    }

    /// The queue to the state that has the call of this evidence, or would.
    pub(crate) fn queue_of(&self, evidence: &Evidence) -> &Queue {
        let shards = self.router.as_ref().map(|router| router.lock().find(evidence));
        &self.queues[shards.and_then(ShardSet::lowest).unwrap_or_default()]
    }

    /// What `read` makes of the calls of each shard that may have heard of this room or session; of all
    /// shards if none is known to have.
    pub(crate) async fn read_meeting<T: Send + 'static>(
        &self,
        meeting: Option<&CallId>,
        read: impl Fn(&Tracker) -> T + Clone + Send + 'static,
    ) -> Result<Vec<T>, NotRecorded> {
        let known = meeting.zip(self.router.as_ref());
        let known = known.map(|(meeting, router)| router.lock().of_meeting(meeting));
        let shards = known.filter(|known| !known.is_empty());
        let shards = shards.unwrap_or(ShardSet::first(self.queues.len()));
        let asked = shards.iter().map(|shard| {
            let read = read.clone();
            self.queues[shard].query(move |view| read(view.state.tracker()))
        });
        join_all(asked).await.into_iter().collect()
    }

    /// Forgets where calls were that are over and of which nothing was heard lately: some parts of the
    /// names at a time, since every webhook asks the router.
    pub(crate) async fn turn(&self) {
        let Some(router) = &self.router else { return };
        let parts = router.lock().parts();
        let (mut begin, mut quiet) = (0, vec![Vec::new(); self.queues.len()]);
        for part in 0..parts {
            for (shard, call) in router.lock().quiet(part) {
                quiet[shard].push(call.clone());
            }
            let count: usize = quiet.iter().map(Vec::len).sum();
            if count >= ASKED_MAX * quiet.len() || part + 1 == parts {
                let over = self.over_of(&mut quiet).await;
                for part in begin..=part {
                    router.lock().turn(part, &over);
                    tokio::task::yield_now().await;
                }
                begin = part + 1;
            }
        }
    }

    /// Takes the calls of each shard, and returns those that it does not have as up.
    async fn over_of(&self, calls: &mut [Vec<CallId>]) -> HashSet<CallId> {
        let mut over = HashSet::new();
        for (queue, calls) in self.queues.iter().zip(calls) {
            let mut calls = std::mem::take(calls).into_iter().peekable();
            while calls.peek().is_some() {
                let some: Vec<_> = calls.by_ref().take(ASKED_MAX).collect();
                let asked = queue.query(move |view| {
                    let tracker = view.state.tracker();
                    some.into_iter().filter(|call| tracker.open_call(call).is_none()).collect()
                });
                // Of a shard that does not answer nothing is forgotten.
                let ended: Vec<CallId> = asked.await.unwrap_or_default();
                over.extend(ended);
            }
        }
        over
    }

    /// Resolves when a writer has ended, also after a panic.
    pub(crate) async fn one_has_ended(&self) {
        select_all(self.queues.iter().map(|queue| Box::pin(queue.ended()))).await;
    }

    fn route(&self, evidence: &Evidence) -> ShardSet {
        match &self.router {
            Some(router) => router.lock().route(evidence),
            None => ShardSet::one(0),
        }
    }
}
