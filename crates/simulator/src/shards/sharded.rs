//! The routing rule, with a tracker for each shard.

use std::collections::HashSet;

use live_users_core::{Agent, CallId, Evidence, Millis, Tracker};
use live_users_intake::shards::{Layout, Router};

/// Several trackers in place of one.
pub(super) struct Sharded {
    router: Router,
    trackers: Vec<Tracker>,
}

impl Sharded {
    pub(super) fn new(layout: Layout) -> Self {
        let trackers = (0..layout.shards()).map(|_| Tracker::default()).collect();
        Self { router: Router::new(layout), trackers }
    }

    pub(super) fn apply(&mut self, now: Millis, evidence: &Evidence) {
        for shard in self.router.route(evidence).iter() {
            self.trackers[shard].apply(now, evidence);
        }
    }

    /// Starts anew with what the trackers have, as a process does.
    #[cfg(test)]
    pub(super) fn restart(&mut self) {
        self.router = Router::new(self.router.layout());
        self.router.learn(self.trackers.iter().enumerate());
    }

    /// Forgets the calls that are over and of which nothing was heard.
    pub(super) fn turn(&mut self) {
        let is_over =
            |(shard, call): &(usize, &CallId)| self.trackers[*shard].open_call(call).is_none();
        for part in 0..self.router.parts() {
            let quiet = self.router.quiet(part).filter(is_over);
            let over: HashSet<_> = quiet.map(|(_, call)| call.clone()).collect();
            self.router.turn(part, &over);
        }
    }

    /// The sum of all live users.
    pub(super) fn total(&self) -> u64 {
        self.trackers.iter().map(|it| it.numbers().users as u64).sum()
    }

    /// The sum of the live users of an agent.
    pub(super) fn of_agent(&self, agent: &Agent) -> u64 {
        let each = self.trackers.iter().map(|it| it.breakdown_of_agent(agent).live.users as u64);
        each.sum()
    }

    /// How many calls are up, with legs.
    pub(super) fn up(&self) -> usize {
        self.up_by_shard().iter().sum()
    }

    pub(super) fn up_by_shard(&self) -> Vec<usize> {
        self.trackers.iter().map(|tracker| tracker.breakdown().on_the_line().calls).collect()
    }

    pub(super) fn router(&self) -> &Router {
        &self.router
    }

    pub(super) fn check(&self) -> Result<(), String> {
        self.trackers.iter().try_for_each(|it| it.check().map_err(|why| why.to_string()))
    }
}
