//! How fast the provider may be asked: a budget always, and a pause after a failure.

use live_users_backoff::Schedule;
use live_users_core::{MINUTE_MS, Millis, SECOND_MS};
use live_users_twilio::rest::Failure;

/// A budget of requests: what is not used in one minute may be used at once in the next.
pub(crate) struct Bucket {
    per_minute: u64,
    /// How many milliseconds' worth of requests are there.
    filled_ms: u64,
    at: Millis,
}

impl Bucket {
    pub(crate) fn new(per_minute: u32) -> Self {
        let per_minute = u64::from(per_minute.max(1));
        Self { per_minute, filled_ms: MINUTE_MS, at: Millis(0) }
    }

    /// When the next request may be sent.
    pub(crate) fn free_at(&self, now: Millis) -> Millis {
        let lacking = self.cost_ms().saturating_sub(self.filled_at(now));
        Millis(now.0 + lacking)
    }

    /// Sends one.
    pub(crate) fn take(&mut self, now: Millis) {
        self.filled_ms = self.filled_at(now).saturating_sub(self.cost_ms());
        self.at = self.at.max(now);
    }

    fn filled_at(&self, now: Millis) -> u64 {
        self.filled_ms.saturating_add(now.since(self.at)).min(MINUTE_MS)
    }

    fn cost_ms(&self) -> u64 {
        MINUTE_MS / self.per_minute
    }
}

/// Exponential back-off with full jitter: anything between nothing and a bound that doubles with
/// each failure, so that many who failed together do not come back together.
pub(crate) struct Backoff {
    jitter: Box<dyn FnMut(u64) -> u64 + Send>,
    delays: Schedule,
    failures: u32,
    free: Millis,
}

const DELAYS: Schedule = Schedule { base_ms: SECOND_MS, max_ms: 5 * MINUTE_MS };

/// Where the number is unknown meanwhile.
const SHORT_DELAYS: Schedule = Schedule { base_ms: SECOND_MS, max_ms: 20 * SECOND_MS };

impl Backoff {
    pub(crate) fn new(jitter: impl FnMut(u64) -> u64 + Send + 'static, is_short: bool) -> Self {
        let delays = if is_short { SHORT_DELAYS } else { DELAYS };
        Self { jitter: Box::new(jitter), delays, failures: 0, free: Millis(0) }
    }

    /// When the next request may be sent.
    pub(crate) fn free_at(&self) -> Millis {
        self.free
    }

    /// A request has failed.
    pub(crate) fn fail(&mut self, now: Millis, failure: &Failure) {
        let wait_ms = match failure {
            // Wrong credentials do not get right by asking again soon.
            Failure::Refused(_) => self.delays.max_ms,
            _ => self.delays.delay_ms(self.failures, &mut self.jitter),
        };
        self.failures += 1;
        self.free = Millis(now.0 + wait_ms);
    }

    /// The other side wants to be left alone until then.
    pub(crate) fn not_before(&mut self, moment: Millis) {
        self.free = self.free.max(moment);
    }

    /// A request was answered.
    pub(crate) fn succeed(&mut self) {
        self.failures = 0;
    }
}
