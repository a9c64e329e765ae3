//! What happens to one caller, whoever tells of it.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::caller::Caller;
use crate::life::AgentLine;
use crate::lossy::calls::{AGENTS, talk_ms};
use crate::lossy::scenario::Scenario;

/// One caller in this many withholds the number.
const WITHHELD_ONE_IN: u32 = 15;
/// The share of calls that come in, in percent.
const INBOUND_PERCENT: u32 = 70;
/// The share of callers who hang up before they are answered, in percent.
const GIVEN_UP_PERCENT: u32 = 3;
/// Who picks up when we call, in percent; the rest are people.
const VOICEMAIL_PERCENT: u32 = 8;
const NO_ANSWER_PERCENT: u32 = 12;
const BUSY_PERCENT: u32 = 5;
/// The share of conversations in which the caller is handed over, in percent.
const HANDED_OVER_PERCENT: u32 = 10;
/// The share of these callers who come back to the agent, in percent.
const BACK_PERCENT: u32 = 40;
/// The share of calls whose application dies while they are up, in percent.
const DIES_PERCENT: u32 = 2;

/// What happens to one caller. Times are in milliseconds.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    /// When it begins, from the beginning of the world.
    pub(super) start_ms: u64,
    /// The number as the caller's carrier writes it.
    pub(super) number: String,
    /// Who it is; `None` if the number is withheld.
    pub(super) person: Option<String>,
    /// The agent that is called, or that calls.
    pub(super) line: AgentLine<'static>,
    /// Whether the caller calls us.
    pub(super) inbound: bool,
    /// How long it rings.
    pub(super) ring_ms: u64,
    /// Who picks up.
    pub(super) outcome: Outcome,
    /// How long the agent and the caller talk.
    pub(super) talk_ms: u64,
    /// Whether the caller is handed over after the talk.
    pub(super) hand_over: Option<HandOver>,
    /// After how much of the talk the application dies that has the call, if it does.
    pub(super) dies_after_ms: Option<u64>,
}

/// Who picks up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The agent of an inbound call, the person of an outbound one.
    Answered,
    /// A voicemail.
    Voicemail,
    /// Nobody.
    NoAnswer,
    /// The line is busy.
    Busy,
    /// The caller hangs up before anybody picks up.
    GivenUp,
}

/// The agent hands the caller over to a colleague.
#[derive(Clone, Copy, Debug)]
pub(super) struct HandOver {
    /// How long the colleague's phone rings.
    pub(super) ring_ms: u64,
    /// How long the caller talks with the colleague.
    pub(super) talk_ms: u64,
    /// How long the caller talks with the agent afterwards, if the caller comes back.
    pub(super) back_ms: Option<u64>,
}

impl Plot {
    /// The plot of the call with this number in this world.
    pub(super) fn drawn(scenario: &Scenario, n: u64, start_ms: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(scenario.seed);
        rng.set_stream(n);
        let rng = &mut rng;
        let caller = match rng.random_ratio(1, WITHHELD_ONE_IN) {
            true => Caller::withheld(),
            false => Caller::any_of_many(rng),
        };
        let line = AGENTS[rng.random_range(0..AGENTS.len())];
        let inbound = rng.random_ratio(INBOUND_PERCENT, 100);
        let outcome = if inbound { outcome_in(rng) } else { outcome_out(rng) };
        let ring_ms = match (inbound, outcome) {
            (true, _) => rng.random_range(300..1_500),
            (false, Outcome::NoAnswer) => rng.random_range(20_000..30_000),
            (false, _) => rng.random_range(3_000..15_000),
        };
        let talk_ms = talk_ms(rng, scenario.talk_ms, scenario.talk_ms_range());
        let hand_over = HandOver {
            ring_ms: rng.random_range(3_000..12_000),
            talk_ms: rng.random_range(20_000..scenario.talk_ms.max(20_001)),
            back_ms: rng.random_ratio(BACK_PERCENT, 100).then(|| rng.random_range(5_000..40_000)),
        };
        let is_handed_over = rng.random_ratio(HANDED_OVER_PERCENT, 100);
        let dies_after_ms = rng.random_range(0..talk_ms.max(1));
        let dies = rng.random_ratio(DIES_PERCENT, 100);
        Self {
            start_ms,
            number: caller.number,
            person: caller.person,
            line,
            inbound,
            ring_ms,
            outcome,
            talk_ms,
            hand_over: is_handed_over.then_some(hand_over),
            dies_after_ms: dies.then_some(dies_after_ms),
        }
    }

    /// A call that comes in is answered at once, as in the other worlds with Twilio: from its first
    /// request on it is with its agent.
    pub(super) fn answer_at_once(&mut self) {
        if self.inbound {
            (self.ring_ms, self.outcome) = (0, Outcome::Answered);
        }
    }

    /// Who calls, and who is called.
    pub(super) fn ends(&self) -> (&str, &str) {
        match self.inbound {
            true => (&self.number, self.line.number),
            false => (self.line.number, &self.number),
        }
    }

    /// How long the caller talks with the agent at first; nothing if nobody picks up.
    pub(super) fn answered_ms(&self) -> u64 {
        if self.outcome == Outcome::Answered { self.talk_ms } else { 0 }
    }
}

fn outcome_in(rng: &mut ChaCha8Rng) -> Outcome {
    if rng.random_ratio(GIVEN_UP_PERCENT, 100) { Outcome::GivenUp } else { Outcome::Answered }
}

fn outcome_out(rng: &mut ChaCha8Rng) -> Outcome {
    const VOICEMAIL: u32 = VOICEMAIL_PERCENT;
    const NO_ANSWER: u32 = VOICEMAIL + NO_ANSWER_PERCENT;
    const BUSY: u32 = NO_ANSWER + BUSY_PERCENT;
    match rng.random_range(0..100) {
        0..VOICEMAIL => Outcome::Voicemail,
        VOICEMAIL..NO_ANSWER => Outcome::NoAnswer,
        NO_ANSWER..BUSY => Outcome::Busy,
        _ => Outcome::Answered,
    }
}
