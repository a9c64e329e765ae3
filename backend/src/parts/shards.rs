//! The queues of the shards that are here, and which shard something goes to. Usually there is one.

mod spread;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join_all, select_all};
use live_users_core::{CallId, Evidence};
use live_users_intake::shards::{Layout, Router, ShardSet};
use live_users_intake::{AskedOfCalls, Relatives};
use live_users_replica::Done;
use parking_lot::Mutex;

use super::elsewhere::{Elsewhere, Forwarded, Question, WHOLE};
use super::not_recorded::NotRecorded;
use super::queue::Queue;

/// How long a webhook waits for the states to say where its call is, which another backend may have been
/// told of. Later it goes where the hash says.
const LOOK_UP: Duration = Duration::from_millis(250);

/// So many calls are asked about at once, so that no webhook waits long for the writer's answer.
const ASKED_MAX: usize = 2_048;

/// Where calls are. Cheap to clone.
pub(crate) type SharedRouter = Arc<Mutex<Router>>;

/// The queues of the shards that are here, and the way to the others. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Shards {
    /// In the order of their shards. The first one has callbacks on their way, too; that of shard 0 has
    /// sessions and links.
    queues: Arc<[Queue]>,
    /// The number of the shard of each of them.
    numbers: Arc<[usize]>,
    /// `None` where there is one shard.
    router: Option<SharedRouter>,
    /// Whether other backends are told of calls of the same shards, too.
    is_shared: bool,
    /// `None` where all shards are here.
    elsewhere: Option<Arc<Elsewhere>>,
    /// What was found at the start and is no reason not to be ready.
    warning: Option<Arc<str>>,
}

impl Shards {
    /// One state for all calls.
    pub(crate) fn one(queue: Queue) -> Self {
        Self {
            queues: Arc::from([queue]),
            numbers: Arc::from([0]),
            router: None,
            is_shared: false,
            elsewhere: None,
            warning: None,
        }
    }

    /// Several, each with its number. The router knows the calls of their states; `is_shared` says that
    /// other backends may be told of calls of these shards, too.
    pub(crate) fn of(
        queues: Vec<(usize, Queue)>,
        router: SharedRouter,
        is_shared: bool,
        elsewhere: Option<Arc<Elsewhere>>,
    ) -> Self {
        let (numbers, queues): (Vec<_>, Vec<_>) = queues.into_iter().unzip();
        let (numbers, queues) = (numbers.into(), queues.into());
        Self { queues, numbers, router: Some(router), is_shared, elsewhere, warning: None }
    }

    /// What `/readyz` warns of, from now on.
    pub(crate) fn warn_of(&mut self, warning: Option<String>) {
        self.warning = warning.map(Arc::from);
    }

    /// What was found at the start.
    pub(crate) fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// The queue of a shard, if it is here.
    fn queue(&self, shard: usize) -> Option<&Queue> {
        let place = self.numbers.iter().position(|number| *number == shard)?;
        self.queues.get(place)
    }

    /// Looks where the call of this evidence is, or of what it names, if this backend was told of neither
    /// and another one may have been: first those that share these journals, which takes [`LOOK_UP`] at
    /// most, and then those that have other shards.
    ///
    /// Returns shards that are told of it beside the one that it goes to.
    pub(crate) async fn look_up(&self, evidence: &Evidence) -> ShardSet {
        let Some(router) = &self.router else { return ShardSet::default() };
        if self.is_shared {
            let named = [&evidence.call].into_iter().chain(&evidence.also).chain(&evidence.parent);
            let named: Vec<CallId> = named.cloned().collect();
            if !named.iter().any(|name| router.lock().of_call(name).is_some()) {
                self.look_into_states(router, named).await;
            }
        }
        match &self.elsewhere {
            Some(elsewhere) => elsewhere.look_up(router, evidence).await,
            None => ShardSet::default(),
        }
    }

    /// Asks the states of the shards that are here.
    async fn look_into_states(&self, router: &Mutex<Router>, named: Vec<CallId>) {
        let asked = self.queues.iter().map(|queue| {
            let named = named.clone();
            queue.query(move |view| {
                let tracker = view.state.tracker();
                named.into_iter().filter(|name| tracker.open_call(name).is_some()).collect()
            })
        });
        let answers = tokio::time::timeout(LOOK_UP, join_all(asked)).await.unwrap_or_default();
        let mut router = router.lock();
        for (shard, known) in self.numbers.iter().zip(answers) {
            let known: Vec<CallId> = known.unwrap_or_default();
            known.iter().for_each(|call| router.know(*shard, call));
        }
    }

    /// The queue of the first one that is here.
    pub(crate) fn first(&self) -> &Queue {
        &self.queues[0]
    }

    /// The queue of shard 0, which has what belongs to no call.
    ///
    /// # Errors
    /// If it is at another backend.
    pub(crate) fn of_no_call(&self) -> Result<&Queue, NotRecorded> {
        self.queue(0).ok_or(NotRecorded::NotHere { shard: 0 })
    }

    /// The queues, in the order of their shards.
    pub(crate) fn queues(&self) -> &[Queue] {
        &self.queues
    }

    /// Whether other backends are told of calls of the shards that are here, too.
    pub(crate) fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// Whether there are several, here or elsewhere.
    pub(crate) fn are_several(&self) -> bool {
        self.router.is_some()
    }

    /// The way to the shards that are at other backends; `None` if all are here.
    pub(crate) fn elsewhere(&self) -> Option<&Elsewhere> {
        self.elsewhere.as_deref()
    }

    /// Records a piece of evidence where it belongs, if all shards are here: in one, but for the end of
    /// a conference. Returns once it is recorded, applied and published there. It is in the queue when
    /// this returns.
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
        let mut forwarded = Vec::new();
        for shard in self.route(&evidence).iter() {
            match self.queue(shard) {
                Some(queue) => queue.tell(evidence.clone()),
                None => forwarded.push(Forwarded {
                    shard,
                    sent_at_ms: None,
                    first_in_conference: None,
                    silent_ms: None,
                    evidence: evidence.clone(),
                }),
            }
        }
        if let Some(elsewhere) = self.elsewhere.clone().filter(|_| !forwarded.is_empty()) {
            let queue = self.first().clone();
            tokio::spawn(async move { drop(elsewhere.record(forwarded, &queue).await) });
        }
    }

    /// Whether there is room everywhere for what can be sent again later.
    pub(crate) fn have_room_beside_calls(&self) -> bool {
        self.queues.iter().all(Queue::has_room_beside_calls)
    }

    /// The queue to the state that has the call of this evidence, or would; `None` if it is elsewhere.
    pub(crate) fn queue_of(&self, evidence: &Evidence) -> Option<&Queue> {
        match &self.router {
            Some(router) => self.queue(router.lock().find(evidence).lowest().unwrap_or_default()),
            None => Some(self.first()),
        }
    }

    /// What the calls of each shard answer that may have heard of this room or session; of all shards
    /// if none is known to have.
    pub(crate) async fn relatives(&self, asked: AskedOfCalls) -> Result<Relatives, NotRecorded> {
        let of_those_here = self.relatives_here(&asked);
        let Some(elsewhere) = &self.elsewhere else { return of_those_here.await };
        let question = Question { calls: Some(asked.clone()), ..Question::default() };
        let of_others = elsewhere.ask(&question, WHOLE);
        let (here, (_, of_others, is_complete)) = tokio::join!(of_those_here, of_others);
        if !is_complete {
            // A call that is not found would go on, or stand for a user of its own.
            let others = ShardSet::first(self.layout().shards()).without(self.numbers());
            return Err(NotRecorded::Elsewhere { shard: others.lowest().unwrap_or_default() });
        }
        Ok(Relatives::together([here?].into_iter().chain(of_others)))
    }

    /// How many shards there are, here and elsewhere.
    pub(crate) fn layout(&self) -> Layout {
        self.router.as_ref().map(|router| router.lock().layout()).unwrap_or_default()
    }

    /// The shards that are here.
    pub(crate) fn numbers(&self) -> ShardSet {
        self.numbers.iter().copied().collect()
    }

    /// The same of the shards that are here.
    pub(crate) async fn relatives_here(
        &self,
        asked: &AskedOfCalls,
    ) -> Result<Relatives, NotRecorded> {
        let known = self.router.as_ref().map(|router| router.lock().of_meeting(asked.meeting()));
        // Where others have shards, not all that has happened in a meeting has come by here.
        let known = known.filter(|known| !known.is_empty() && self.elsewhere.is_none());
        let shards = known.unwrap_or(self.numbers());
        let asked = shards.iter().filter_map(|shard| {
            let asked = asked.clone();
            Some(self.queue(shard)?.query(move |view| asked.of(view.state.tracker())))
        });
        let each: Result<Vec<_>, _> = join_all(asked).await.into_iter().collect();
        Ok(Relatives::together(each?))
    }

    /// Forgets where calls were that are over and of which nothing was heard lately: some parts of the
    /// names at a time, since every webhook asks the router. Those of other backends are asked for again.
    pub(crate) async fn turn(&self) {
        let Some(router) = &self.router else { return };
        let parts = router.lock().parts();
        let (mut begin, mut quiet) = (0, vec![Vec::new(); self.queues.len()]);
        let mut elsewhere = Vec::new();
        for part in 0..parts {
            for (shard, call) in router.lock().quiet(part) {
                let place = self.numbers.iter().position(|number| *number == shard);
                place.map_or(&mut elsewhere, |place| &mut quiet[place]).push(call.clone());
            }
            let count: usize = quiet.iter().map(Vec::len).sum();
            if count + elsewhere.len() >= ASKED_MAX * quiet.len() || part + 1 == parts {
                let mut over = self.over_of(&mut quiet).await;
                over.extend(elsewhere.drain(..));
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
