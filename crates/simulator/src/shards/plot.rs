//! What happens in a world, in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use live_users_core::{
    Agent, AgentFrom, Attendance, CallId, ConferenceEvent, Connection, Direction, EndReason,
    Endpoint, Evidence, Said, Source,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::oracle::Oracle;
use super::people::{Pair, People, agent};
use super::{AGENTS_OF_ACCOUNT, Calling, Size};

/// How long a call lasts, in milliseconds.
const LASTS_MS: std::ops::Range<u64> = 120_000..240_000;
const LASTS_MEAN_MS: u64 = 180_000;

/// How a call goes. The numbers are shares of twenty.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    /// The caller talks with the agent, and hangs up.
    Talk,
    /// The agent dials a person, who talks with the caller and hangs up.
    Leg,
    /// The caller and a person meet in a conference.
    Conference,
    /// The caller moves to another agent of the account.
    Move,
}

/// A call that is up, or is about to begin.
struct Running {
    n: u64,
    pair: Pair,
    life: Life,
    /// What has happened of it.
    steps: u8,
    gap_ms: u64,
    /// The agent that it is with, and whether it is.
    agent: u64,
    is_counted: bool,
}

/// A world as it goes on. Only calls that are up take memory.
pub(super) struct Plot {
    size: Size,
    rng: ChaCha8Rng,
    people: People,
    /// When something happens next, and at which place of `running`.
    due: BinaryHeap<Reverse<(u64, u32)>>,
    running: Vec<Option<Running>>,
    free: Vec<u32>,
    /// When the next call begins, in units of a thousandth of a millisecond.
    next_us: u64,
    begun: u64,
}

/// The steps of each life; what comes after the last one is the end.
const STEPS: u8 = 6;

impl Plot {
    pub(super) fn new(seed: u64, size: Size) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let (due, running, free) = Default::default();
        let people = People::new(size);
        Self { size, rng, people, due, running, free, next_us: 0, begun: 0 }
    }

    /// How many calls have begun.
    pub(super) fn begun(&self) -> u64 {
        self.begun
    }

    /// The next thing that is said, and when; the oracle knows what is true then. `None` at the end.
    pub(super) fn next(&mut self, oracle: &mut Oracle) -> Option<(u64, Evidence)> {
        loop {
            let begins_ms = self.next_us / 1_000;
            let due_ms = self.due.peek().map(|Reverse((at_ms, _))| *at_ms);
            if due_ms.is_none_or(|due_ms| begins_ms <= due_ms) && begins_ms < self.size.length_ms {
                self.begin(begins_ms);
                continue;
            }
            let Reverse((at_ms, place)) =
                self.due.pop().filter(|Reverse((at_ms, _))| *at_ms < self.size.length_ms)?;
            let Some(running) = &mut self.running[place as usize] else { continue };
            let evidence = running.step(oracle);
            if running.steps > STEPS {
                self.running[place as usize] = None;
                self.free.push(place);
            } else {
                self.due.push(Reverse((at_ms + running.gap_ms, place)));
            }
            if let Some(evidence) = evidence {
                return Some((at_ms, evidence));
            }
        }
    }

    fn begin(&mut self, at_ms: u64) {
        self.next_us += LASTS_MEAN_MS * 1_000 / self.size.live.max(1);
        let pair = self.people.any(&mut self.rng);
        let life = match (self.rng.random_range(0..20), self.size.calling) {
            (0..13, _) => Life::Talk,
            (13..16, _) => Life::Leg,
            (16..18, Calling::OneAgent | Calling::OneAccount) => Life::Conference,
            _ => Life::Move,
        };
        let gap_ms = self.rng.random_range(LASTS_MS) / u64::from(STEPS);
        let (n, agent) = (self.begun, pair.agent);
        let running = Running { n, pair, life, steps: 0, gap_ms, agent, is_counted: false };
        self.begun += 1;
        let place = match self.free.pop() {
            Some(place) => {
                self.running[place as usize] = Some(running);
                place
            }
            None => {
                self.running.push(Some(running));
                u32::try_from(self.running.len() - 1).expect("fewer than 2^32 calls are up")
            }
        };
        self.due.push(Reverse((at_ms, place)));
    }
}

/// What has an id.
#[derive(Clone, Copy)]
enum Kind {
    /// The caller's call.
    Own,
    /// Its leg.
    Leg,
    /// The call to a colleague.
    Colleague,
    /// The conference of both.
    Conference,
}

/// The id of something of the call with this number.
fn id(kind: Kind, n: u64) -> CallId {
    let spread = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let prefix = if matches!(kind, Kind::Conference) { "CF" } else { "CA" };
    let text = format!("{prefix}{spread:016x}{:x}{n:015x}", kind as u8);
    CallId::parse(&text).expect("visible characters")
}

impl Running {
    /// What is said next, if anything is.
    fn step(&mut self, oracle: &mut Oracle) -> Option<Evidence> {
        let step = self.steps;
        self.steps += 1;
        let call = id(Kind::Own, self.n);
        match (step, self.life) {
            (0, _) => {
                self.count(oracle, true);
                Some(self.own(Source::Voice, Said::Dialing))
            }
            (STEPS, _) => {
                self.count(oracle, false);
                Some(self.own(Source::StatusCallback, Said::Over(EndReason::Completed)))
            }
            (1 | 5, Life::Talk | Life::Move) | (1, _) => {
                Some(self.own(Source::Speech, Said::InProgress))
            }
            (_, Life::Talk) => None,
            (3, Life::Move) => Some(self.moved(oracle)),
            (_, Life::Move) => None,
            (2, Life::Leg) => {
                self.count(oracle, false);
                Some(self.leg(&call, Said::Dialing))
            }
            (3, Life::Leg) => Some(self.leg(&call, Said::InProgress)),
            (4, Life::Leg) => {
                self.count(oracle, true);
                Some(self.leg(&call, Said::Over(EndReason::Completed)))
            }
            (2, Life::Conference) => {
                self.count(oracle, false);
                let own = self.own(Source::StatusCallback, Said::InProgress);
                Some(self.attending(own, Attendance::Joined))
            }
            (3, Life::Conference) => Some(self.colleague(Said::Dialing)),
            (4, Life::Conference) => {
                let colleague = self.colleague(Said::InProgress);
                Some(self.attending(colleague, Attendance::Joined))
            }
            (5, Life::Conference) => {
                let left = self.colleague(Said::Over(EndReason::Completed));
                Some(self.attending(left, Attendance::Left))
            }
            (_, Life::Leg | Life::Conference) => None,
        }
    }

    fn count(&mut self, oracle: &mut Oracle, is_counted: bool) {
        let (agent, _) = agent(self.agent);
        match (self.is_counted, is_counted) {
            (false, true) => oracle.enter(self.pair.person, &agent),
            (true, false) => oracle.leave(self.pair.person, &agent),
            _ => {}
        }
        self.is_counted = is_counted;
    }

    fn own(&self, source: Source, said: Said) -> Evidence {
        let direction = Some(Direction::Inbound);
        let caller = self.pair.caller;
        Evidence { direction, caller, ..self.of_agent(id(Kind::Own, self.n), source, said) }
    }

    fn of_agent(&self, call: CallId, source: Source, said: Said) -> Evidence {
        let (agent, account): (Agent, Arc<str>) = agent(self.agent);
        let account = Some(account);
        let agent_account = account.clone();
        Evidence { agent, agent_account, account, ..Evidence::about(call, source, said) }
    }

    /// The agent's application sends the call to another agent of the account.
    fn moved(&mut self, oracle: &mut Oracle) -> Evidence {
        self.count(oracle, false);
        let of_account = self.agent - self.agent % AGENTS_OF_ACCOUNT;
        self.agent = of_account + (self.agent + 1) % AGENTS_OF_ACCOUNT;
        self.count(oracle, true);
        let connection = Some(Connection::Agent);
        let own = self.own(Source::Voice, Said::InProgress);
        Evidence { agent_from: AgentFrom::Url, connection, ..own }
    }

    /// The leg to a person. It names its call and the account, and neither agent nor caller.
    fn leg(&self, parent: &CallId, said: Said) -> Evidence {
        let (_, account) = agent(self.agent);
        Evidence {
            account: Some(account),
            parent: Some(parent.clone()),
            direction: Some(Direction::Dial),
            endpoint: Some(Endpoint::Person),
            ..Evidence::about(id(Kind::Leg, self.n), Source::StatusCallback, said)
        }
    }

    /// The call to a person who is to meet the caller, which leaves no other trace of that.
    fn colleague(&self, said: Said) -> Evidence {
        let colleague = self.of_agent(id(Kind::Colleague, self.n), Source::StatusCallback, said);
        let (direction, endpoint) = (Some(Direction::Outbound), Some(Endpoint::Person));
        Evidence { direction, endpoint, ..colleague }
    }

    fn attending(&self, evidence: Evidence, what: Attendance) -> Evidence {
        let event = ConferenceEvent { conference: id(Kind::Conference, self.n), what, order: None };
        Evidence { conference: Some(event), ..evidence }
    }
}
