//! The calls of a world, made one by one as they begin.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use live_users_twilio::{CallStatus, Direction};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::scenario::{Kind, Scenario};
use crate::caller::Caller;
use crate::life::{AgentLine, Life, Talk, Writer};
use crate::rest::{CallFacts, CallsApi};
use crate::truth::without_parties;
use crate::world::{Call, Webhook};

/// The agents, and the numbers that they answer.
pub(super) const AGENTS: [AgentLine<'static>; 3] = [
    AgentLine { id: "booking", number: "+15005550006" },
    AgentLine { id: "support", number: "+15005550007" },
    AgentLine { id: "triage", number: "+15005550008" },
];

/// How calls go in the world of hand-overs, in percent.
const HANDOVERS: &[(Life, u32)] = &[
    (Life::DialPerson, 20),
    (Life::Conference, 18),
    (Life::Queue, 14),
    (Life::DialSip, 8),
    (Life::DialAgent, 10),
    (Life::Goodbye, 14),
    (Life::HangUp, 10),
    (Life::Redirects, 6),
];
/// How calls go that come in while a campaign is on.
const INBOUND: &[(Life, u32)] = &[
    (Life::Goodbye, 42),
    (Life::HangUp, 34),
    (Life::Silent, 6),
    (Life::Redirects, 10),
    (Life::OwnApplication, 8),
];
/// How calls go in the world of moves between agents.
const MOVES: &[(Life, u32)] = &[(Life::Moves, 75), (Life::Goodbye, 15), (Life::HangUp, 10)];
/// The share of outbound calls in a campaign, in percent.
const CAMPAIGN_PERCENT: u32 = 80;
/// One caller in this many calls from behind a switchboard, in the worlds that have some.
const SHARED_ONE_IN: u32 = 20;

/// One caller in this many withholds the number.
const WITHHELD_ONE_IN: u32 = 15;
/// One call in this many comes from a caller of before, who may still be on the line.
const AGAIN_ONE_IN: u32 = 8;
/// One call in this many is redirected to the agent's own application.
const HANDED_ON_ONE_IN: u32 = 10;
/// From the first request of an inbound call to its status `in-progress`, in milliseconds.
const ANSWER_MS: u64 = 300;
/// The spread of the length of a talk: the standard deviation of its logarithm.
const TALK_SIGMA: f64 = 0.7;
/// How many calls are drawn to estimate the mean time on the line: this many for each live call, up
/// to a limit. Small worlds are played by the hundred.
const SAMPLE_PER_LIVE: u64 = 20;
const SAMPLE_MAX: u64 = 2_000;
/// The random streams that belong to no call.
const ARRIVALS: u64 = u64::MAX;
const SAMPLES: u64 = 1 << 62;
/// The beginning of each world, in milliseconds since the Unix epoch: 1 January 2026.
pub(super) const BEGINNING_MS: i64 = 1_767_225_600_000;

/// Makes calls.
pub(super) struct Calls {
    seed: u64,
    kind: Kind,
    up_is_live: bool,
    talk_ms: u64,
    talk_ms_range: (u64, u64),
    sender_clock_error_ms: i64,
    arrivals: ChaCha8Rng,
    gap_ms: f64,
    next_ms: f64,
    n: u64,
    /// The latest callers.
    lately: VecDeque<Caller>,
    lately_max: usize,
}

impl Calls {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let mut arrivals = ChaCha8Rng::seed_from_u64(scenario.seed);
        arrivals.set_stream(ARRIVALS);
        let mut calls = Self {
            seed: scenario.seed,
            kind: scenario.kind,
            up_is_live: scenario.up_is_live,
            talk_ms: scenario.talk_ms,
            talk_ms_range: scenario.talk_ms_range(),
            sender_clock_error_ms: scenario.sender_clock_error_ms,
            arrivals,
            gap_ms: 0.0,
            next_ms: 0.0,
            n: 0,
            lately: VecDeque::new(),
            lately_max: scenario.live.max(2) as usize,
        };
        let sample = (u64::from(scenario.live.max(1)) * SAMPLE_PER_LIVE).min(SAMPLE_MAX);
        let sum: u64 = (0..sample).map(|n| calls.drawn(SAMPLES + n, 0).answered_ms()).sum();
        calls.lately.clear();
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let mean_ms = sum as f64 / sample as f64;
        calls.gap_ms = mean_ms / f64::from(scenario.live.max(1));
        calls.pass_time();
        calls
    }

    /// When the next call begins, in milliseconds.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "times are not")]
    pub(super) fn next_ms(&self) -> u64 {
        self.next_ms as u64
    }

    /// Makes the next call, and returns its number and the call.
    pub(super) fn make(&mut self) -> (u64, Call) {
        let (n, start_ms) = (self.n, self.next_ms());
        let call = self.drawn(n, start_ms);
        self.n += 1;
        self.pass_time();
        (n, call)
    }

    /// Arrivals are independent of each other, so the gaps between them are exponential.
    fn pass_time(&mut self) {
        self.next_ms -= self.gap_ms * (1.0 - self.arrivals.random::<f64>()).ln();
    }

    fn drawn(&mut self, stream: u64, start_ms: u64) -> Call {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(stream);
        let (caller, mut call) = match self.kind.has_parties() {
            true => self.drawn_with_parties(&mut rng, start_ms),
            false => self.drawn_plain(&mut rng, start_ms),
        };
        if self.up_is_live {
            call.truth = without_parties(&call.truth);
        }
        // Repeats are made by the network here.
        call.webhooks.dedup();
        // The callback of an asynchronous machine detection has four fields and no more.
        let is_stamped = |it: &&mut Webhook| {
            let is_bare = it.field("CallStatus").is_empty() && it.field("ConferenceSid").is_empty();
            it.path == "/call-status" && !is_bare
        };
        call.webhooks.iter_mut().filter(is_stamped).for_each(|webhook| self.stamp(webhook));
        if self.lately.len() == self.lately_max {
            self.lately.pop_front();
        }
        self.lately.push_back(caller);
        call
    }

    /// A call of a world in which who is up is with the agent, but for legs.
    fn drawn_plain(&self, rng: &mut ChaCha8Rng, start_ms: u64) -> (Caller, Call) {
        let caller = match self.lately.len() {
            _ if rng.random_ratio(1, WITHHELD_ONE_IN) => Caller::withheld(),
            n if n > 0 && rng.random_ratio(1, AGAIN_ONE_IN) => {
                self.lately[rng.random_range(0..n)].clone()
            }
            _ => Caller::any_of_many(rng),
        };
        let line = AGENTS[rng.random_range(0..AGENTS.len())];
        let life = match rng.random_ratio(1, HANDED_ON_ONE_IN) {
            true => Life::OwnApplication,
            false => Life::any(rng),
        };
        let talk = Talk::Lasting(self.talk(rng));
        let call = Writer::new(rng, &caller, line, start_ms, talk).write(life);
        (caller, call)
    }

    /// A call of a world in which calls change their party or their agent.
    fn drawn_with_parties(&self, rng: &mut ChaCha8Rng, start_ms: u64) -> (Caller, Call) {
        let is_campaign = self.kind == Kind::Campaign && rng.random_ratio(CAMPAIGN_PERCENT, 100);
        // A campaign calls from a number of its own, which nobody calls at the time.
        let (line, life) = match self.kind {
            Kind::Campaign if is_campaign => (AGENTS[0], Life::Campaign),
            Kind::Campaign => {
                (AGENTS[rng.random_range(1..AGENTS.len())], Life::drawn(INBOUND, rng))
            }
            kind => {
                let lives = match kind {
                    Kind::Handovers => HANDOVERS,
                    Kind::Agents => MOVES,
                    _ => INBOUND,
                };
                (AGENTS[rng.random_range(0..AGENTS.len())], Life::drawn(lives, rng))
            }
        };
        let caller = match self.lately.len() {
            // Whom a campaign calls has a number.
            _ if is_campaign => Caller::any_of_many(rng),
            _ if rng.random_ratio(1, WITHHELD_ONE_IN) => Caller::withheld_in_any_spelling(rng),
            _ if rng.random_ratio(1, SHARED_ONE_IN) => Caller::behind_a_switchboard(rng),
            n if n > 0 && rng.random_ratio(1, AGAIN_ONE_IN) => {
                self.lately[rng.random_range(0..n)].clone().spelt_anew(rng)
            }
            _ => Caller::any_of_many(rng).spelt_anew(rng),
        };
        let talk = Talk::Lasting(self.talk(rng));
        let call = Writer::new(rng, &caller, line, start_ms, talk).among(&AGENTS).write(life);
        (caller, call)
    }

    fn talk(&self, rng: &mut ChaCha8Rng) -> u64 {
        talk_ms(rng, self.talk_ms, self.talk_ms_range)
    }

    /// Stamps the time of sending, by a clock that may be wrong: `Tue, 01 Jan 2026 00:00:00 +0000`.
    fn stamp(&self, webhook: &mut Webhook) {
        let sent_ms = i64::try_from(webhook.at_ms).unwrap_or(i64::MAX / 2);
        let sent_ms = BEGINNING_MS + sent_ms + self.sender_clock_error_ms;
        let since_epoch = Duration::from_millis(u64::try_from(sent_ms).unwrap_or_default());
        let timestamp = httpdate::fmt_http_date(UNIX_EPOCH + since_epoch).replace("GMT", "+0000");
        webhook.fields.push(("Timestamp".to_owned(), timestamp));
    }
}

/// How long somebody talks, in milliseconds, with this median and within these bounds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
#[expect(clippy::cast_precision_loss, reason = "nobody talks for 2^53 ms")]
pub(super) fn talk_ms(rng: &mut ChaCha8Rng, median_ms: u64, (min_ms, max_ms): (u64, u64)) -> u64 {
    // The Box-Muller transform gives a normal distribution.
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    let normal = radius * (std::f64::consts::TAU * rng.random::<f64>()).cos();
    ((median_ms as f64 * (TALK_SIGMA * normal).exp()) as u64).clamp(min_ms, max_ms)
}

/// The person of this call. Calls with the same name are of one person.
pub(super) fn person(call: &Call) -> Arc<str> {
    Arc::from(call.person.as_deref().unwrap_or(&call.sid))
}

/// Enters the whole course of this call and its legs into Twilio's own record, ahead of time.
pub(super) fn note(api: &mut CallsApi, call: &Call) {
    let mut answered = HashSet::new();
    for webhook in &call.webhooks {
        let sid = webhook.field("CallSid");
        if !webhook.field("AnsweredBy").is_empty() {
            api.note_answered_by(webhook.at_ms, sid, webhook.field("AnsweredBy"));
        }
        let Some(status) = CallStatus::parse(webhook.field("CallStatus")) else { continue };
        let direction = Direction::parse(webhook.field("Direction")).unwrap_or(Direction::Inbound);
        let facts = CallFacts {
            sid,
            parent: Some(webhook.field("ParentCallSid")).filter(|parent| !parent.is_empty()),
            status,
            direction,
            from: webhook.field("From"),
            to: webhook.field("To"),
        };
        api.note(webhook.at_ms, &facts);
        let is_first = direction == Direction::Inbound && status == CallStatus::Ringing;
        if is_first && webhook.path == "/voice" && answered.insert(sid) {
            let answered = CallFacts { status: CallStatus::InProgress, ..facts };
            api.note(webhook.at_ms + ANSWER_MS, &answered);
        }
    }
}
