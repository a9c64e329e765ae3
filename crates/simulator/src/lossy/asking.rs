//! Runs the referee as the backend does: one request at a time.

use live_users_core::{Evidence, Millis};
use live_users_intake::agents::Agents;
use live_users_intake::{Reconciler, ReconcilerRules, Step};
use live_users_state::State;
use live_users_twilio::rest::{Answer, Failure};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::reading::key;
use crate::rest::CallsApi;

/// How long Twilio's REST API takes to answer, in milliseconds.
const REST_TAKES_MS: u64 = 300;
/// How long to wait when the count is not known, in milliseconds.
const BUSY_MS: u64 = 1_000;

/// A referee, and the answer that it waits for.
pub(super) struct Asking {
    referee: Reconciler,
    wake_ms: Option<u64>,
    /// An answer on its way, and when it is here.
    answer: Option<(u64, Result<Answer, Failure>)>,
}

impl Asking {
    /// A referee that looks at once. Seed and stream are for its jitter.
    pub(super) fn new(rules: ReconcilerRules, agents: Agents, seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        let jitter = move |below: u64| rng.random_range(0..below.max(1));
        let referee = Reconciler::new(rules, agents, key(), jitter);
        Self { referee, wake_ms: None, answer: None }
    }

    /// When it wants to go on, in milliseconds from the beginning of the world.
    pub(super) fn wake_ms(&self) -> Option<u64> {
        self.wake_ms
    }

    /// Waits for the answer that is on its way and asks nothing more: somebody else does.
    pub(super) fn stand_by(&mut self, now_ms: u64, clock: Millis) -> Option<Vec<Evidence>> {
        self.wake_ms = self.answer.as_ref().map(|(due_ms, _)| *due_ms);
        let (_, answer) = self.answer.take_if(|(due_ms, _)| *due_ms <= now_ms)?;
        self.wake_ms = None;
        Some(self.referee.hear(clock, answer))
    }

    /// Goes on to the next thing that is to be recorded, or until it has to wait: then `None`.
    /// `clock` is what it takes for the time; the state is there if what is known is what is.
    pub(super) fn go_on(
        &mut self,
        now_ms: u64,
        clock: Millis,
        state: Option<&State>,
        api: &mut CallsApi,
    ) -> Option<Vec<Evidence>> {
        loop {
            if let Some((due_ms, answer)) = self.answer.take() {
                if due_ms > now_ms {
                    self.wake_ms = Some(due_ms);
                    self.answer = Some((due_ms, answer));
                    return None;
                }
                return Some(self.referee.hear(clock, answer));
            }
            match (self.referee.next(clock), state) {
                (Step::Ask(request), _) => {
                    self.answer = Some((now_ms + REST_TAKES_MS, api.ask(now_ms, &request)));
                }
                (Step::Compare, Some(state)) => {
                    return Some(self.referee.compare(clock, state.tracker()));
                }
                (Step::Compare, None) => {
                    self.wake_ms = Some(now_ms + BUSY_MS);
                    return None;
                }
                (Step::Wait(until), _) => {
                    self.wake_ms = Some(now_ms + until.since(clock).max(1));
                    return None;
                }
            }
        }
    }
}
