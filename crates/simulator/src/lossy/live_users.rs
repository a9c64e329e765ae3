//! The engine of the backend as a system: the very code that counts in production, on a journal in
//! memory that outlives a kill as a disk does.

use live_users_core::{CallId, Evidence, HOUR_MS, Millis, Phase};
use live_users_intake::ReconcilerRules;
use live_users_journal::Memory;
use live_users_state::{State, Writer, replay, snapshot};

use super::asking::Asking;
use super::invariants::{Endings, Recount};
use super::reading::Reading;
use super::system::{Delivery, System};
use crate::rest::CallsApi;
use crate::world::Webhook;

/// As `MAX_CALL_HOURS` when it is not set, in milliseconds.
pub(super) const MAX_CALL_MS: u64 = 4 * HOUR_MS;
/// Records between two snapshots, so that neither the journal nor a replay grows without end.
const CHECKPOINT_RECORDS: u64 = 30_000;
/// With so few known calls the state is compared byte for byte after every restart, otherwise after
/// one in [`COMPARE_EVERY`].
pub(super) const COMPARE_ALWAYS_CALLS: usize = 1_000;
pub(super) const COMPARE_EVERY: u64 = 30;

/// The engine: webhooks become evidence as they do in the backend.
pub struct LiveUsers {
    disk: Memory,
    up: Option<Up>,
    rules: Option<ReconcilerRules>,
    seed: u64,
    reading: Reading,
    starts: u64,
    /// The state in bytes when it was killed.
    killed: Option<Vec<u8>>,
    broken: Option<String>,
    endings: Endings,
    recount: Recount,
}

/// What a kill takes.
struct Up {
    writer: Writer,
    asking: Option<Asking>,
    checkpoint_seq: u64,
}

impl LiveUsers {
    /// The engine on a new journal, with a referee that keeps to these rules or with none. The
    /// seed is for the referee's jitter.
    pub fn new(seed: u64, rules: Option<ReconcilerRules>) -> Self {
        let mut system = Self {
            disk: Memory::with_epoch(seed),
            up: None,
            rules,
            seed,
            reading: Reading::new(),
            starts: 0,
            killed: None,
            broken: None,
            endings: Endings::default(),
            recount: Recount::default(),
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
        let agents = &self.reading.agents;
        let asking =
            self.rules.map(|rules| Asking::new(rules, agents.clone(), self.seed, self.starts));
        let covered = replayed.covered;
        let writer = Writer::new(journal, replayed, Box::new(|_, _| {}), None, MAX_CALL_MS);
        Ok(Up { writer, asking, checkpoint_seq: covered })
    }

    /// Records, and holds the calls to I2: what has ended does not become live again.
    fn record(&mut self, now_ms: u64, batch: Vec<Evidence>) -> bool {
        let Some(up) = self.up.as_mut().filter(|_| !batch.is_empty()) else { return true };
        let calls: Vec<CallId> = batch.iter().map(|evidence| evidence.call.clone()).collect();
        let is_recorded = up.writer.record(Millis(now_ms), batch).is_ok();
        self.recount.note(calls.len());
        for id in calls {
            if let Err(broken) = self.endings.check(up.writer.state(), id) {
                self.broken = Some(broken);
            }
        }
        is_recorded
    }

    /// Goes on until the referee has to wait.
    fn referee(&mut self, now_ms: u64, api: &mut CallsApi) {
        while let Some(Up { writer, asking: Some(asking), .. }) = &mut self.up {
            let state = Some(writer.state());
            let Some(evidence) = asking.go_on(now_ms, Millis(now_ms), state, api) else { return };
            self.record(now_ms, evidence);
        }
    }
}

impl System for LiveUsers {
    fn name(&self) -> &'static str {
        "live-users"
    }

    fn deliver(&mut self, now_ms: u64, webhook: &Webhook) -> Delivery {
        if self.up.is_none() {
            return Delivery::NoConnection;
        }
        match self.reading.evidence(webhook) {
            Ok(evidence) => match self.record(now_ms, vec![evidence]) {
                true => Delivery::Recorded,
                false => Delivery::not_recorded(webhook, 0),
            },
            Err(why) => {
                self.broken = Some(why);
                Delivery::Refused { after_ms: 0 }
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
        self.up.as_ref()?.asking.as_ref()?.wake_ms()
    }

    fn shown(&self) -> Option<u64> {
        self.state().map(|state| state.tracker().numbers().users as u64)
    }

    fn is_live(&self, call_sid: &str) -> Option<bool> {
        Some(self.state().is_some_and(|state| is_live(state, call_sid)))
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
        if let Some(why) = self.broken.take() {
            return Err(why);
        }
        match &self.up {
            Some(up) => self.recount.check(up.writer.state()).map(drop),
            None => Ok(()),
        }
    }
}

pub(super) fn is_live(state: &State, call_sid: &str) -> bool {
    let call = CallId::parse(call_sid).ok().and_then(|id| state.tracker().call(&id));
    call.is_some_and(|call| call.phase == Phase::Live)
}
