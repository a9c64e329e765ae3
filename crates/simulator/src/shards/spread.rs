//! The routing rule of several processes, each with some of the shards: whatever comes to any of them is
//! recorded where one process with all shards records it. A process may be away: what is said for it waits
//! in the states of the others.

use std::collections::HashSet;

use live_users_core::{Agent, CallId, Evidence, Millis, Tracker};
use live_users_intake::shards::{Asking, Known, Layout, Names, Router, ShardSet, is_of_conference};
use live_users_state::record::{Change, Record};
use live_users_state::{Forward, Forwarded, State, snapshot};

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
    is_away: bool,
    /// What waits here for others.
    state: State,
}

impl Spread {
    /// So many processes, each with every so many-th of the shards.
    pub(super) fn new(layout: Layout, processes: usize) -> Self {
        let process = |n: usize| Process {
            here: (n..layout.shards()).step_by(processes).collect(),
            router: Router::new(layout),
            began: Millis(0),
            is_away: false,
            state: State::default(),
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
            let are_all = self.processes.iter().all(|it| !it.is_away);
            let router = &mut self.processes[process].router;
            router.take(&answers);
            if !are_all && is_of_conference(evidence) {
                router.know_everywhere(evidence);
            }
        }
        let Process { here, router, .. } = &mut self.processes[process];
        let first = router.first_in_conference(evidence);
        let (here, shards) = (*here, router.route(evidence));
        for shard in shards.iter() {
            let owner = self.owner(shard);
            if here.has(shard) {
                self.trackers[shard].apply(now, evidence);
            } else if self.processes[owner].is_away || self.waits(process, owner) {
                let first_in_conference = first.map(small);
                let (shard, evidence) = (small(shard), evidence.clone());
                let kept = Forward { shard, sent_at_ms: None, first_in_conference, evidence };
                let change = Change::Forward(Box::new(kept));
                self.processes[process].state.apply(&Record { at: now, change });
            } else {
                self.receive(now, owner, (shard, evidence, first));
            }
        }
    }

    fn owner(&self, shard: usize) -> usize {
        let owner = self.processes.iter().position(|it| it.here.has(shard));
        owner.expect("each shard is somewhere")
    }

    fn receive(
        &mut self,
        now: Millis,
        owner: usize,
        (shard, evidence, first): (usize, &Evidence, Option<usize>),
    ) {
        let Process { here, router, .. } = &mut self.processes[owner];
        let taken = router.receive((shard, *here), evidence, first);
        self.trackers[taken].apply(now, evidence);
    }

    /// Whether something waits in a process for another one.
    fn waits(&self, process: usize, owner: usize) -> bool {
        let here = self.processes[owner].here;
        let waiting = self.processes[process].state.forwards().by_shard();
        waiting.iter().any(|(shard, _)| here.has(usize::from(*shard)))
    }

    /// A process is killed.
    pub(super) fn leave(&mut self, process: usize) {
        self.processes[process].is_away = true;
    }

    /// Whether it is there.
    pub(super) fn is_there(&self, process: usize) -> bool {
        !self.processes[process].is_away
    }

    /// It is back, with what it had recorded.
    pub(super) fn come_back(&mut self, now: Millis, process: usize) {
        let state = &mut self.processes[process].state;
        *state = snapshot::decode(snapshot::encode(state)).expect("its own snapshot");
        self.processes[process].is_away = false;
        self.restart(now, process);
    }

    /// Sends so many of the pieces that wait in a process longest for another one, if that is there.
    /// `is_lost` says that its answer does not arrive.
    pub(super) fn send(
        &mut self,
        now: Millis,
        (process, owner): (usize, usize),
        (count, is_lost): (usize, bool),
    ) {
        if self.processes[process].is_away || self.processes[owner].is_away {
            return;
        }
        let here = self.processes[owner].here;
        let forwards = self.processes[process].state.forwards();
        let waiting = forwards.of(|shard| here.has(usize::from(shard))).take(count);
        let waiting: Vec<_> = waiting.cloned().collect();
        for Forward { shard, first_in_conference, evidence, .. } in
            waiting.iter().map(|it| &it.forward)
        {
            let first = first_in_conference.map(usize::from);
            self.receive(now, owner, (usize::from(*shard), evidence, first));
        }
        if let Some(last) = waiting.last().filter(|_| !is_lost) {
            let shards = here.iter().map(small).collect();
            let change = Change::Forwarded(Forwarded { shards, through: last.number });
            self.processes[process].state.apply(&Record { at: now, change });
        }
    }

    /// Whether all are there, and nothing waits.
    pub(super) fn is_whole(&self) -> bool {
        let is_whole = |it: &Process| !it.is_away && it.state.forwards().by_shard().is_empty();
        self.processes.iter().all(is_whole)
    }

    /// Who has the home of a call is asked at first, and then all others.
    fn ask(&mut self, by: usize, names: &Names, first: Option<usize>) -> Vec<(ShardSet, Known)> {
        let others = self.processes.iter_mut().zip(0..);
        let others = others.filter(|(it, n)| *n != by && !it.is_away);
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
        let Process { here, router, began, .. } = &mut self.processes[process];
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

fn small(shard: usize) -> u8 {
    u8::try_from(shard).expect("few shards")
}
