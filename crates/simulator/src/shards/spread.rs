//! The routing rule of several processes, each with some of the shards: whatever comes to any of them is
//! recorded where one process with all shards records it.

use std::collections::HashSet;

use live_users_core::{Agent, CallId, Evidence, Millis, Tracker};
use live_users_intake::shards::{Asking, Known, Layout, Names, Router, ShardSet};

/// Several processes, and the trackers of all their shards.
pub(super) struct Spread {
    layout: Layout,
    processes: Vec<Process>,
    trackers: Vec<Tracker>,
    /// How many questions were asked.
    questions: u64,
}

struct Process {
    here: ShardSet,
    router: Router,
    began: Millis,
}

impl Spread {
    /// So many processes, each with every so many-th of the shards.
    pub(super) fn new(layout: Layout, processes: usize) -> Self {
        let process = |n: usize| Process {
            here: (n..layout.shards()).step_by(processes).collect(),
            router: Router::new(layout),
            began: Millis(0),
        };
        let trackers = (0..layout.shards()).map(|_| Tracker::default()).collect();
        let processes = (0..processes).map(process).collect();
        Self { layout, processes, trackers, questions: 0 }
    }

    /// Evidence comes to one of the processes, which asks the others and has it recorded.
    pub(super) fn apply(&mut self, now: Millis, evidence: &Evidence, process: usize) {
        let Process { router, began, .. } = &self.processes[process];
        let may_spare = now.0 - began.0 >= Router::ASK_ALL_MS;
        let Asking { names, first } = router.asks(evidence, may_spare);
        if !names.is_empty() {
            let answers = self.ask(process, &names, first);
            self.processes[process].router.take(&answers);
        }
        let Process { here, router, .. } = &mut self.processes[process];
        let first = router.first_in_conference(evidence);
        let (here, shards) = (*here, router.route(evidence));
        for shard in shards.iter() {
            let taken = match here.has(shard) {
                true => shard,
                false => {
                    let owner = self.processes.iter_mut().find(|it| it.here.has(shard));
                    let Process { here, router, .. } = owner.expect("each shard is somewhere");
                    router.receive((shard, *here), evidence, first)
                }
            };
            self.trackers[taken].apply(now, evidence);
        }
    }

    /// Who has the home of a call is asked at first, and then all others.
    fn ask(&mut self, by: usize, names: &Names, first: Option<usize>) -> Vec<(ShardSet, Known)> {
        let others = self.processes.iter_mut().zip(0..).filter(|(_, n)| *n != by);
        let mut others: Vec<_> = others.map(|(it, _)| it).collect();
        others.sort_by_key(|it| !first.is_some_and(|shard| it.here.has(shard)));
        let mut answers = Vec::new();
        for Process { here, router, .. } in others {
            let (own, is_home) = (*here, first.is_some_and(|shard| here.has(shard)));
            let known = router.answer(names);
            self.questions += 1;
            let is_found = is_home && known.has_call_in(own);
            answers.push((own, known));
            if is_found {
                break;
            }
        }
        answers
    }

    /// How many questions one process has asked another.
    pub(super) fn questions(&self) -> u64 {
        self.questions
    }

    /// Starts a process anew with what its trackers have.
    pub(super) fn restart(&mut self, now: Millis, process: usize) {
        let Process { here, router, began } = &mut self.processes[process];
        *began = now;
        *router = Router::new(self.layout);
        let own: Vec<usize> = here.iter().collect();
        router.learn(own.iter().map(|shard| (*shard, &self.trackers[*shard])));
    }

    /// Each process forgets the calls that are over, and those of others, of which nothing was heard.
    pub(super) fn turn(&mut self) {
        for Process { here, router, .. } in &mut self.processes {
            let is_over = |(shard, call): &(usize, &CallId)| {
                !here.has(*shard) || self.trackers[*shard].open_call(call).is_none()
            };
            for part in 0..router.parts() {
                let quiet = router.quiet(part).filter(is_over);
                let over: HashSet<_> = quiet.map(|(_, call)| call.clone()).collect();
                router.turn(part, &over);
            }
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

    pub(super) fn check(&self) -> Result<(), String> {
        self.trackers.iter().try_for_each(|it| it.check().map_err(|why| why.to_string()))
    }
}
