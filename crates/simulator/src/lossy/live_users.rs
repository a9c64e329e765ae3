//! The backend as a system: the replica that counts in production, on a journal in memory that
//! survives a kill as a disk does.

use std::time::Duration;

use live_users_core::{Evidence, Keeping, MINUTE_MS, Millis};
use live_users_intake::ReconcilerRules;
use live_users_journal::{Memory, Part};
use live_users_replica::disciplined_clock::{DisciplinedClock, Reading};
use live_users_replica::{Keep, Now};
use live_users_state::{Settings, State, snapshot};

use super::invariants::{Endings, Recount};
use super::parser::Parser;
use super::process::{Making, Process};
use super::scenario::Scenario;
use super::shown::{Belief, Shown, belief_of, is_up, shown_of};
use super::system::{Delivery, System};
use super::wall_clock::WallClock;
use crate::rest::CallsApi;
use crate::world::Webhook;

/// Keeps nothing behind a snapshot, so that neither the journal nor a replay grows for ever.
fn keep() -> Keep {
    Keep { age_ms: 0, records_max: 0, snapshot_records: 30_000, settings: settings() }
}

/// Worlds last for minutes or hours and have few calls. Of some of them only the fingerprint stays.
pub(super) fn settings() -> Settings {
    let keeping = Keeping { whole_ms: 10 * MINUTE_MS, whole_calls: 0 };
    Settings { keeping, ..Settings::default() }
}

/// With at most this many known calls, the state is compared byte for byte after every restart.
/// With more, it is compared after one restart in [`COMPARE_EVERY`].
pub(super) const COMPARE_ALWAYS_CALLS: usize = 1_000;
pub(super) const COMPARE_EVERY: u64 = 30;

/// One replica. Webhooks become evidence as in the backend.
pub struct LiveUsers {
    disk: Memory,
    up: Option<Process>,
    rules: Option<ReconcilerRules>,
    seed: u64,
    clock: WallClock,
    /// The clock of a journal of one process.
    disciplined: DisciplinedClock,
    parser: Parser,
    starts: u64,
    /// Whether it was ticked since its start. The first tick is the world's next one, within a
    /// second.
    has_ticked: bool,
    now_ms: u64,
    /// The journal's time at this moment.
    time: Millis,
    /// The bytes of the state at the kill.
    killed: Option<Vec<Part>>,
    broken: Option<String>,
    endings: Endings,
    recount: Recount,
}

impl LiveUsers {
    /// A replica on a new journal, with a reconciler of these rules or without one. The seed is for
    /// the reconciler's jitter.
    pub fn new(seed: u64, rules: Option<ReconcilerRules>) -> Self {
        let mut system = Self {
            disk: Memory::with_epoch(seed),
            up: None,
            rules,
            seed,
            clock: WallClock::default(),
            disciplined: DisciplinedClock::start(Reading::default(), Millis(0)).0,
            parser: Parser::new(),
            starts: 0,
            has_ticked: false,
            now_ms: 0,
            time: Millis(0),
            killed: None,
            broken: None,
            endings: Endings::default(),
            recount: Recount::default(),
        };
        system.start(0);
        system
    }

    /// The replica of this world, with its clock.
    pub fn of(scenario: &Scenario) -> Self {
        let rules = scenario.referee.then(ReconcilerRules::default);
        Self { clock: scenario.clock.clone(), ..Self::new(scenario.seed, rules) }
    }

    /// Records what follows from something that has arrived, by what is known at this moment.
    pub(super) fn record(
        &mut self,
        now_ms: u64,
        read: impl FnOnce(&Parser, &State) -> Vec<Evidence>,
    ) -> Delivery {
        let now = self.turn(now_ms);
        let Some(up) = &mut self.up else { return Delivery::NoConnection };
        let evidence = read(&self.parser, up.replica().state());
        let is_recorded = up.record(now, evidence);
        self.look();
        if is_recorded { Delivery::Recorded } else { Delivery::Refused { after_ms: 0 } }
    }

    /// Whether the process is up.
    pub(super) fn is_up(&self) -> bool {
        self.up.is_some()
    }

    /// Moves on to this moment.
    fn turn(&mut self, now_ms: u64) -> Now {
        self.now_ms = now_ms;
        // What it notices of the wall clock is for the log.
        let _notice = self.disciplined.look(self.clocks());
        self.time = self.disciplined.time();
        self.now()
    }

    /// Both clocks of the machine at this moment.
    fn clocks(&self) -> Reading {
        let Millis(wall_ms) = self.clock.at(self.now_ms);
        let [steady, wall] = [self.now_ms, wall_ms].map(Duration::from_millis);
        Reading { steady, wall }
    }

    /// The moment as the process sees it.
    fn now(&self) -> Now {
        Now { uptime: Millis(self.now_ms), time: self.time, log_age_ms: 0 }
    }

    fn state(&self) -> Option<&State> {
        self.up.as_ref().map(|up| up.replica().state())
    }

    fn boot(&self) -> Result<Process, String> {
        let journal = self.disk.open().map_err(|error| error.to_string())?;
        let (parser, rules) = (&self.parser, self.rules);
        let making = Making { parser, rules, keep: keep(), seed: self.seed, stream: self.starts };
        let process = Process::start(journal, &making)?;
        match &self.killed {
            Some(before) if *before != snapshot::encode(process.replica().state()) => {
                Err("what a replay tells is not what was counted before the kill".to_owned())
            }
            _ => Ok(process),
        }
    }

    /// Checks I2 for the calls that have changed: a call that ended for good never becomes live again.
    fn look(&mut self) {
        let Some(up) = &mut self.up else { return };
        let changed = up.take_changed();
        self.recount.note(changed.len());
        for id in changed {
            if let Err(broken) = self.endings.check(up.replica().state(), id) {
                self.broken = Some(broken);
            }
        }
    }
}

impl System for LiveUsers {
    fn name(&self) -> &'static str {
        "live-users"
    }

    fn deliver(&mut self, now_ms: u64, webhook: &Webhook) -> Delivery {
        let now = self.turn(now_ms);
        let Some(up) = &mut self.up else { return Delivery::NoConnection };
        let evidence = match self.parser.evidence(webhook) {
            Ok(evidence) => evidence,
            Err(why) => {
                self.broken = Some(why);
                return Delivery::Refused { after_ms: 0 };
            }
        };
        let is_recorded = up.record(now, evidence);
        self.look();
        match is_recorded {
            true => Delivery::Recorded,
            false => Delivery::not_recorded(webhook, 0),
        }
    }

    fn tick(&mut self, now_ms: u64, api: &mut CallsApi) {
        let now = self.turn(now_ms);
        if let Some(up) = &mut self.up {
            up.tick(now, api);
            self.has_ticked = true;
        }
        self.look();
    }

    fn wake_ms(&self) -> Option<u64> {
        self.up.as_ref().filter(|_| self.has_ticked).map(Process::wake_ms)
    }

    fn shown(&self) -> Option<u64> {
        self.up.as_ref()?.shown(self.now())
    }

    fn shown_numbers(&self) -> Option<Shown> {
        self.shown().and_then(|_| self.state()).map(shown_of)
    }

    fn is_live(&self, call_sid: &str) -> Option<bool> {
        Some(self.state().is_some_and(|state| belief_of(state, call_sid).is_with_agent()))
    }

    fn party_of(&self, call_sid: &str) -> Option<Belief> {
        self.state().map(|state| belief_of(state, call_sid))
    }

    fn is_durably_up(&self, call_sid: &str) -> Option<bool> {
        Some(self.state().is_some_and(|state| is_up(state, call_sid)))
    }

    fn kill(&mut self, _now_ms: u64) {
        let Some(up) = self.up.take() else { return };
        let state = up.replica().state();
        let few = state.tracker().known() <= COMPARE_ALWAYS_CALLS;
        let is_compared = few || self.starts.is_multiple_of(COMPARE_EVERY);
        self.killed = is_compared.then(|| snapshot::encode(state));
    }

    fn start(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        // The time of the last record is the newest that the process before it has given.
        (self.disciplined, _) = DisciplinedClock::start(self.clocks(), self.time);
        self.turn(now_ms);
        self.starts += 1;
        self.has_ticked = false;
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
            Some(up) => self.recount.check(up.replica().state()).map(drop),
            None => Ok(()),
        }
    }
}
