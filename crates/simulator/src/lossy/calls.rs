//! The calls of a world, made one by one as they begin.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use live_users_twilio::{CallStatus, Direction};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::scenario::Scenario;
use crate::caller::Caller;
use crate::life::{Life, Talk, Writer};
use crate::rest::{CallFacts, CallsApi};
use crate::world::{Call, Webhook};

/// The numbers that the agents answer.
pub(super) const AGENT_NUMBERS: [&str; 3] = ["+15005550006", "+15005550007", "+15005550008"];

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
const BEGINNING_MS: i64 = 1_767_225_600_000;

/// Makes calls.
pub(super) struct Calls {
    seed: u64,
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
        let on_the_line = |call: Call| call.end_ms - call.start_ms;
        let sum: u64 = (0..sample).map(|n| on_the_line(calls.drawn(SAMPLES + n, 0))).sum();
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
        let caller = match self.lately.len() {
            _ if rng.random_ratio(1, WITHHELD_ONE_IN) => Caller::withheld(),
            n if n > 0 && rng.random_ratio(1, AGAIN_ONE_IN) => {
                self.lately[rng.random_range(0..n)].clone()
            }
            _ => Caller::any_of_many(&mut rng),
        };
        let number = AGENT_NUMBERS[rng.random_range(0..AGENT_NUMBERS.len())];
        let life = match rng.random_ratio(1, HANDED_ON_ONE_IN) {
            true => Life::OwnApplication,
            false => Life::any(&mut rng),
        };
        let talk = Talk::Lasting(self.talk(&mut rng));
        let mut call = Writer::new(&mut rng, &caller, number, start_ms, talk).write(life);
        // Repeats are made by the network here.
        call.webhooks.dedup();
        let status = call.webhooks.iter_mut().filter(|webhook| webhook.path == "/call-status");
        status.for_each(|webhook| self.stamp(webhook));
        if self.lately.len() == self.lately_max {
            self.lately.pop_front();
        }
        self.lately.push_back(caller);
        call
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    #[expect(clippy::cast_precision_loss, reason = "nobody talks for 2^53 ms")]
    fn talk(&self, rng: &mut ChaCha8Rng) -> u64 {
        // The Box-Muller transform gives a normal distribution.
        let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
        let normal = radius * (std::f64::consts::TAU * rng.random::<f64>()).cos();
        let (min_ms, max_ms) = self.talk_ms_range;
        ((self.talk_ms as f64 * (TALK_SIGMA * normal).exp()) as u64).clamp(min_ms, max_ms)
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

/// The person of this call. Calls with the same name are of one person.
pub(super) fn person(call: &Call) -> Arc<str> {
    Arc::from(call.person.as_deref().unwrap_or(&call.sid))
}

/// Enters the whole course of this call and its legs into Twilio's own record, ahead of time.
pub(super) fn note(api: &mut CallsApi, call: &Call) {
    for (n, webhook) in call.webhooks.iter().enumerate() {
        let Some(status) = CallStatus::parse(webhook.field("CallStatus")) else { continue };
        let direction = Direction::parse(webhook.field("Direction")).unwrap_or(Direction::Inbound);
        let facts = CallFacts {
            sid: webhook.field("CallSid"),
            parent: Some(webhook.field("ParentCallSid")).filter(|parent| !parent.is_empty()),
            status,
            direction,
            from: webhook.field("From"),
            to: webhook.field("To"),
        };
        api.note(webhook.at_ms, &facts);
        if n == 0 && webhook.path == "/voice" {
            let answered = CallFacts { status: CallStatus::InProgress, ..facts };
            api.note(webhook.at_ms + ANSWER_MS, &answered);
        }
    }
}
