//! The engine of the backend as a system: the very code that counts in production, on a journal in
//! memory that outlives a kill as a disk does.

use std::collections::HashSet;

use live_users_core::{CallId, EndReason, Evidence, Millis, Phase, Said, Source};
use live_users_engine::evidence::{Attribution, of_webhook};
use live_users_engine::{
    CallerKey, Farewell, Referee, RefereeRules, State, Step, Writer, replay, snapshot,
};
use live_users_journal::Memory;
use live_users_service::agents::Agents;
use live_users_service::{Env, Reader};
use live_users_twilio::rest::{Answer, Failure};
use live_users_twilio::{Form, Webhook as Parsed};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::calls::AGENT_NUMBERS;
use super::system::System;
use crate::rest::CallsApi;
use crate::world::Webhook;

/// As `MAX_CALL_HOURS` when it is not set, in milliseconds.
const MAX_CALL_MS: u64 = 4 * 3_600_000;
/// How long Twilio's REST API takes to answer, in milliseconds.
const REST_TAKES_MS: u64 = 300;
/// Records between two snapshots, so that neither the journal nor a replay grows without end.
const CHECKPOINT_RECORDS: u64 = 30_000;
/// With so few known calls everything is recounted after every change.
const RECOUNT_ALWAYS_CALLS: usize = 24;
/// Otherwise when so many times as many changes as there are known calls have gone by.
const RECOUNT_CALLS_FACTOR: usize = 4;
/// With so few known calls the state is compared byte for byte after every restart, otherwise after
/// one in [`COMPARE_EVERY`].
const COMPARE_ALWAYS_CALLS: usize = 1_000;
const COMPARE_EVERY: u64 = 30;

/// The engine: webhooks become evidence as they do in the backend.
pub struct LiveUsers {
    disk: Memory,
    up: Option<Up>,
    rules: Option<RefereeRules>,
    seed: u64,
    agents: Agents,
    key: CallerKey,
    farewell: Farewell,
    starts: u64,
    /// The state in bytes when it was killed.
    killed: Option<Vec<u8>>,
    broken: Option<String>,
    /// Calls that were seen to end.
    ended: HashSet<CallId>,
    unchecked: usize,
}

/// What a kill takes.
struct Up {
    writer: Writer,
    referee: Option<Referee>,
    wake_ms: Option<u64>,
    /// An answer on its way, and when it is here.
    answer: Option<(u64, Result<Answer, Failure>)>,
    checkpoint_seq: u64,
}

impl LiveUsers {
    /// The engine on a new journal, with a referee that keeps to these rules or with none. The
    /// seed is for the referee's jitter.
    pub fn new(seed: u64, rules: Option<RefereeRules>) -> Self {
        let numbers = AGENT_NUMBERS.iter().enumerate().map(|(n, number)| {
            format!(
                "[[agent]]\nid = \"agent-{n}\"\nname = \"Agent {n}\"\nnumbers = [\"{number}\"]\n"
            )
        });
        let (agents, _) = Agents::parse(&numbers.collect::<String>());
        let mut system = Self {
            disk: Memory::with_epoch(seed),
            up: None,
            rules,
            seed,
            agents,
            key: key(),
            farewell: Farewell::default(),
            starts: 0,
            killed: None,
            broken: None,
            ended: HashSet::new(),
            unchecked: 0,
        };
        system.start(0);
        system
    }

    fn state(&self) -> Option<&State> {
        self.up.as_ref().map(|up| up.writer.state())
    }

    fn boot(&self) -> Result<Up, String> {
        let journal = self.disk.open().map_err(|error| error.to_string())?;
        let replayed = replay(&*journal).map_err(|error| error.to_string())?;
        if let Some(before) = &self.killed
            && *before != snapshot::encode(&replayed.state)
        {
            return Err("what a replay tells is not what was counted before the kill".to_owned());
        }
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(self.starts);
        let jitter = move |below: u64| rng.random_range(0..below.max(1));
        let referee =
            self.rules.map(|rules| Referee::new(rules, self.agents.clone(), key(), jitter));
        let covered = replayed.covered;
        let writer = Writer::new(journal, replayed, Box::new(|_, _| {}), None, MAX_CALL_MS);
        Ok(Up { writer, referee, wake_ms: None, answer: None, checkpoint_seq: covered })
    }

    fn evidence(&self, webhook: &Webhook) -> Result<Evidence, String> {
        let fields = webhook.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let parsed = Parsed::parse(&Form::from_pairs(fields));
        let parsed = parsed.map_err(|mistakes| format!("a webhook is refused: {mistakes:?}"))?;
        let source = match webhook.path {
            "/voice" => Source::Voice,
            "/speech-result" => Source::Speech,
            _ => Source::StatusCallback,
        };
        let attribution = Attribution::of(None, Some(&parsed), &self.agents);
        let mut evidence = of_webhook(&parsed, source, attribution, &self.key)
            .map_err(|error| format!("a webhook is refused: {error}"))?;
        let heard = parsed.speech_result.as_deref().unwrap_or_default();
        if source == Source::Speech && self.farewell.is_meant(heard) {
            evidence.said = Said::Over(EndReason::Goodbye);
        }
        Ok(evidence)
    }

    /// Records, and holds the calls to I2: what has ended does not become live again.
    fn record(&mut self, now_ms: u64, batch: Vec<Evidence>) -> bool {
        let Some(up) = self.up.as_mut().filter(|_| !batch.is_empty()) else { return true };
        let calls: Vec<CallId> = batch.iter().map(|evidence| evidence.call.clone()).collect();
        let is_recorded = up.writer.record(Millis(now_ms), batch).is_ok();
        self.unchecked += calls.len();
        for id in calls {
            let phase = up.writer.state().tracker().call(&id).map(|call| call.phase);
            match phase {
                Some(Phase::Ended(_)) => drop(self.ended.insert(id)),
                Some(Phase::Live) if self.ended.contains(&id) => {
                    self.broken = Some(format!("I2: {id} had ended and is live again"));
                }
                Some(Phase::Dialing | Phase::Live) | None => {}
            }
        }
        is_recorded
    }

    /// Goes on until the referee has to wait.
    fn referee(&mut self, now_ms: u64, api: &mut CallsApi) {
        let now = Millis(now_ms);
        while let Some(Up { writer, referee: Some(referee), wake_ms, answer, .. }) = &mut self.up {
            *wake_ms = answer.as_ref().map(|(due_ms, _)| *due_ms);
            if wake_ms.is_some_and(|due_ms| due_ms > now_ms) {
                return;
            }
            let evidence = match answer.take() {
                Some((_, answer)) => referee.hear(now, answer),
                None => match referee.next(now) {
                    Step::Ask(request) => {
                        *answer = Some((now_ms + REST_TAKES_MS, api.ask(now_ms, &request)));
                        continue;
                    }
                    Step::Compare => referee.compare(now, writer.state()),
                    Step::Wait(until) => {
                        *wake_ms = Some(until.0.max(now_ms + 1));
                        return;
                    }
                },
            };
            self.record(now_ms, evidence);
        }
    }

    fn recount(&mut self) -> Result<(), String> {
        let Some(up) = &self.up else { return Ok(()) };
        let tracker = up.writer.state().tracker();
        let numbers = tracker.numbers();
        if numbers.users > numbers.calls {
            return Err(format!("I5: {} users of {} calls", numbers.users, numbers.calls));
        }
        let known = tracker.known();
        let is_due = known <= RECOUNT_ALWAYS_CALLS || self.unchecked > known * RECOUNT_CALLS_FACTOR;
        if self.unchecked > 0 && is_due {
            self.unchecked = 0;
            tracker.check().map_err(|broken| broken.to_string())?;
        }
        Ok(())
    }
}

impl System for LiveUsers {
    fn name(&self) -> &'static str {
        "live-users"
    }

    fn deliver(&mut self, now_ms: u64, webhook: &Webhook) -> bool {
        match self.evidence(webhook) {
            // A voice webhook is answered whatever happens: there is a person on the line.
            Ok(evidence) => {
                let is_recorded = self.record(now_ms, vec![evidence]);
                is_recorded || webhook.path != "/call-status"
            }
            Err(why) => {
                self.broken = Some(why);
                false
            }
        }
    }

    fn tick(&mut self, now_ms: u64, api: &mut CallsApi) {
        let Some(up) = &mut self.up else { return };
        up.writer.sweep(Millis(now_ms));
        let seq = up.writer.position().seq;
        if seq - up.checkpoint_seq >= CHECKPOINT_RECORDS {
            up.checkpoint_seq = seq;
            if let Err(error) = up.writer.checkpoint() {
                self.broken = Some(error.to_string());
            }
        }
        self.referee(now_ms, api);
    }

    fn wake_ms(&self) -> Option<u64> {
        self.up.as_ref().and_then(|up| up.wake_ms)
    }

    fn shown(&self) -> Option<u64> {
        self.state().map(|state| state.tracker().numbers().users as u64)
    }

    fn is_live(&self, call_sid: &str) -> Option<bool> {
        let call = CallId::parse(call_sid).ok().and_then(|id| self.state()?.tracker().call(&id));
        Some(call.is_some_and(|call| call.phase == Phase::Live))
    }

    fn kill(&mut self, _now_ms: u64) {
        let Some(up) = self.up.take() else { return };
        let state = up.writer.state();
        let few = state.tracker().known() <= COMPARE_ALWAYS_CALLS;
        let is_compared = few || self.starts.is_multiple_of(COMPARE_EVERY);
        self.killed = is_compared.then(|| snapshot::encode(state));
    }

    fn start(&mut self, _now_ms: u64) {
        self.starts += 1;
        self.up = match self.boot() {
            Ok(up) => Some(up),
            Err(why) => {
                self.broken = Some(why);
                None
            }
        };
    }

    fn check(&mut self) -> Result<(), String> {
        match self.broken.take() {
            Some(why) => Err(why),
            None => self.recount(),
        }
    }
}

/// The same for everybody here: these callers do not exist.
fn key() -> CallerKey {
    let env = Env::of([("CALLER_HASH_KEY", "simulated callers have no secrets")]);
    CallerKey::read(&mut Reader::new(&env))
}
