//! Several replicas on one journal, behind a load balancer. Each webhook goes to any of them, and a
//! viewer sees the number of any of them.

mod observer;
mod replica;
mod slot;

use live_users_core::{CallId, Evidence, HOUR_MS};
use live_users_intake::ReconcilerRules;
use live_users_journal::Memory;
use live_users_replica::Keep;
use live_users_state::snapshot;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use self::observer::{Observer, fresh};
use self::replica::Replica;
use self::slot::Slot;
use super::invariants::Endings;
use super::live_users::{COMPARE_ALWAYS_CALLS, COMPARE_EVERY, settings};
use super::parser::Parser;
use super::process::Making;
use super::shown::{Belief, Shown, belief_of, is_up, shown_of};
use super::system::{Delivery, System};
use crate::rest::CallsApi;
use crate::world::Webhook;

/// The time of the journal's clock when the world begins, in milliseconds.
const LOG_BEGAN_MS: u64 = 10 * HOUR_MS;
/// The largest error of a replica's clock, in milliseconds.
const CLOCK_ERROR_MS_MAX: i64 = 3_600_000;
/// From an append to its arrival at another replica, in milliseconds.
const TAIL_MS: std::ops::RangeInclusive<u64> = 1..=20;
/// How often a replica gets news of the journal, in milliseconds. The load balancer checks
/// `/readyz` as often.
const BEAT_MS: u64 = 1_000;
/// How often a viewer asks again, and is routed to any replica, in milliseconds.
const WATCH_MS: u64 = 1_000;
/// A state is compared byte for byte after this many recounts. It is no multiple of the number of
/// replicas, so that each replica is compared.
const COMPARE_RECOUNTS: u64 = 37;
/// Keeps few records behind a snapshot, so a replica that was cut off for 30 s may find that its
/// next record is gone. Few records lie between two snapshots, so that small worlds have some.
fn keep() -> Keep {
    let settings = settings();
    Keep { age_ms: u64::MAX, records_max: 300, snapshot_records: 400, settings }
}
/// How long the replicas have to agree in the end, in milliseconds.
const FINISH_MS: u64 = 5_000;
/// The random stream of this system. Low streams are those of the reconcilers.
const STREAM: u64 = 1 << 62;

/// Several of [`super::LiveUsers`] on one journal.
pub struct Replicas {
    log: Memory,
    slots: Vec<Slot>,
    observer: Observer,
    rules: Option<ReconcilerRules>,
    seed: u64,
    parser: Parser,
    rng: ChaCha8Rng,
    starts: u64,
    now_ms: u64,
    /// The replica whose number is watched.
    watched: usize,
    watch_ms: u64,
    endings: Endings,
    /// Recounts since a state was compared byte for byte.
    recounts: u64,
    broken: Option<String>,
    /// The last leader, and how often the leader changed.
    leader: (Option<usize>, u64),
}

impl Replicas {
    /// This many replicas on a new journal, each with a reconciler of these rules or without one.
    /// The seed decides the routing, the travel times of messages and the errors of clocks.
    ///
    /// # Panics
    /// If `n` is 0.
    pub fn new(seed: u64, n: u32, rules: Option<ReconcilerRules>) -> Self {
        assert!(n > 0, "a replica at least");
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(STREAM);
        let log = Memory::with_epoch(seed);
        log.set_time(LOG_BEGAN_MS);
        let observer = Observer::new(&log).expect("a new journal tells nothing");
        let slots = (0..n).map(|_| Slot::empty(rng.random_range(0..BEAT_MS))).collect();
        let mut system = Self {
            log,
            slots,
            observer,
            rules,
            seed,
            parser: Parser::new(),
            rng,
            starts: 0,
            now_ms: 0,
            watched: 0,
            watch_ms: 0,
            endings: Endings::default(),
            recounts: 0,
            broken: None,
            leader: (None, 0),
        };
        system.start(0);
        system
    }

    /// How often the leader changed. The first leader counts, too.
    pub fn leaders(&self) -> u64 {
        self.leader.1
    }

    /// Sets the time of the world and of the journal.
    fn turn(&mut self, now_ms: u64) -> u64 {
        self.now_ms = now_ms;
        let log_ms = LOG_BEGAN_MS + now_ms;
        self.log.set_time(log_ms);
        log_ms
    }

    fn break_if(&mut self, checked: Result<(), String>) {
        if let Err(why) = checked {
            self.broken.get_or_insert(why);
        }
    }

    /// Compares a replica with the journal after it has done something. If the journal has grown,
    /// the others get news of it after a while.
    fn look_at(&mut self, n: usize, changes: usize) {
        let Some(replica) = &mut self.slots[n].up else { return };
        let end = self.observer.seq();
        match self.observer.check(n, replica.seen, replica.process.replica()) {
            Ok(seen) => {
                if replica.seen != seen {
                    replica.recount.note(changes.max(1));
                }
                replica.seen = seen;
            }
            Err(why) => drop(self.broken.get_or_insert(why)),
        }
        if self.observer.seq() == end {
            return;
        }
        for (m, slot) in self.slots.iter_mut().enumerate() {
            if m != n && slot.up.is_some() && slot.follow_ms.is_none() {
                slot.follow_ms = Some(self.now_ms + self.rng.random_range(TAIL_MS));
            }
        }
    }

    fn beat(&mut self, n: usize, log_ms: u64) {
        let (now_ms, travel_ms) = (self.now_ms, self.rng.random_range(TAIL_MS));
        let slot = &mut self.slots[n];
        slot.beat_ms = now_ms + BEAT_MS;
        if let Some(replica) = &mut slot.up {
            replica.hear(now_ms, log_ms, travel_ms);
            slot.follow_ms.get_or_insert(now_ms + travel_ms);
        }
        slot.is_in_rotation = slot.up.as_ref().is_some_and(|it| it.is_ready(now_ms));
        self.look_at(n, 1);
        let leaders: Vec<usize> =
            self.up().filter(|(_, it)| it.leads(now_ms)).map(|it| it.0).collect();
        if let [one, other, ..] = leaders[..] {
            self.break_if(Err(format!("replicas {one} and {other} lead at the same time")));
        }
        if let Some(leader) = leaders.first().filter(|it| self.leader.0 != Some(**it)) {
            self.leader = (Some(*leader), self.leader.1 + 1);
        }
    }

    fn up(&self) -> impl Iterator<Item = (usize, &Replica)> {
        self.slots.iter().enumerate().filter_map(|(n, slot)| Some((n, slot.up.as_ref()?)))
    }

    /// Routes a request as the load balancer does: to any ready replica, else to any at all.
    fn route(&mut self) -> usize {
        let ready: Vec<usize> =
            (0..self.slots.len()).filter(|n| self.slots[*n].is_in_rotation).collect();
        match ready.is_empty() {
            true => self.rng.random_range(0..self.slots.len()),
            false => ready[self.rng.random_range(0..ready.len())],
        }
    }

    fn record(&mut self, n: usize, log_ms: u64, webhook: &Webhook, it: Evidence) -> Delivery {
        let call: CallId = it.call.clone();
        let Some(replica) = &mut self.slots[n].up else { return Delivery::NoConnection };
        let delivery = replica.deliver(self.now_ms, log_ms, webhook, it);
        if delivery == Delivery::Recorded {
            let checked = self.endings.check(replica.process.replica().state(), call);
            self.break_if(checked);
        }
        self.look_at(n, 1);
        delivery
    }

    fn start_at(&mut self, n: usize) {
        self.starts += 1;
        // It may start on another machine, with another clock.
        let clock_error_ms = self.rng.random_range(-CLOCK_ERROR_MS_MAX..=CLOCK_ERROR_MS_MAX);
        let (rules, seed, stream) = (self.rules, self.seed, self.starts);
        let making = Making { parser: &self.parser, rules, keep: keep(), seed, stream };
        match Replica::start(&self.log, self.now_ms, clock_error_ms, &making) {
            Ok(mut replica) => {
                // Opening a journal gives news of it, and of its time.
                let travel_ms = self.rng.random_range(TAIL_MS);
                replica.hear(self.now_ms, LOG_BEGAN_MS + self.now_ms, travel_ms);
                let known = replica.process.replica().state().tracker().known();
                let few = known <= COMPARE_ALWAYS_CALLS;
                if few || self.starts.is_multiple_of(COMPARE_EVERY) {
                    let replayed = snapshot::encode(replica.process.replica().state());
                    if replayed != snapshot::encode(self.observer.state()) {
                        let why = "what a replay tells is not what the journal has told";
                        self.break_if(Err(why.to_owned()));
                    }
                }
                self.slots[n].up = Some(replica);
                self.look_at(n, 0);
            }
            Err(why) => self.break_if(Err(why)),
        }
    }

    /// Any replica with this property.
    fn any(&mut self, is: impl Fn(&Replica) -> bool) -> Option<usize> {
        let some: Vec<usize> = self.up().filter(|(_, it)| is(it)).map(|it| it.0).collect();
        (!some.is_empty()).then(|| some[self.rng.random_range(0..some.len())])
    }

    /// The watched replica, if it shows its number.
    fn shows(&self) -> Option<&Replica> {
        let replica = self.slots[self.watched].up.as_ref()?;
        replica.shown(self.now_ms).and(Some(replica))
    }
}

impl System for Replicas {
    fn name(&self) -> &'static str {
        "live-users"
    }

    fn deliver(&mut self, now_ms: u64, webhook: &Webhook) -> Delivery {
        let log_ms = self.turn(now_ms);
        let n = self.route();
        if self.slots[n].up.is_none() {
            return Delivery::NoConnection;
        }
        match self.parser.evidence(webhook) {
            Ok(evidence) => evidence
                .into_iter()
                .fold(Delivery::Recorded, |_, it| self.record(n, log_ms, webhook, it)),
            Err(why) => {
                self.break_if(Err(why));
                Delivery::Refused { after_ms: 0 }
            }
        }
    }

    fn tick(&mut self, now_ms: u64, api: &mut CallsApi) {
        let log_ms = self.turn(now_ms);
        for n in 0..self.slots.len() {
            let slot = &mut self.slots[n];
            if slot.follow_ms.take_if(|due_ms| *due_ms <= now_ms).is_some() {
                if let Some(replica) = &mut slot.up {
                    replica.catch_up(now_ms, log_ms);
                }
                self.look_at(n, 1);
            }
            if self.slots[n].beat_ms <= now_ms {
                self.beat(n, log_ms);
            }
            if let Some(replica) = &mut self.slots[n].up {
                replica.tick(now_ms, log_ms, api);
                let changed = replica.process.take_changed().len();
                self.look_at(n, changed);
            }
        }
        if self.watch_ms <= now_ms {
            self.watch_ms = now_ms + WATCH_MS;
            self.watched = self.route();
        }
    }

    fn wake_ms(&self) -> Option<u64> {
        let slots = self.slots.iter().flat_map(Slot::wakes_ms);
        slots.filter(|at_ms| *at_ms > self.now_ms).min()
    }

    fn shown(&self) -> Option<u64> {
        self.shows()?.shown(self.now_ms)
    }

    fn shown_numbers(&self) -> Option<Shown> {
        self.shows().map(|it| shown_of(it.process.replica().state()))
    }

    fn is_live(&self, call_sid: &str) -> Option<bool> {
        let believed = self.party_of(call_sid);
        Some(believed.is_some_and(|believed| believed.is_with_agent()))
    }

    fn party_of(&self, call_sid: &str) -> Option<Belief> {
        self.shows().map(|it| belief_of(it.process.replica().state(), call_sid))
    }

    fn is_durably_up(&self, call_sid: &str) -> Option<bool> {
        Some(is_up(self.observer.state(), call_sid))
    }

    fn kill(&mut self, now_ms: u64) {
        self.turn(now_ms);
        if let Some(n) = self.any(|_| true) {
            let slot = &mut self.slots[n];
            (slot.up, slot.follow_ms) = (None, None);
        }
    }

    fn start(&mut self, now_ms: u64) {
        self.turn(now_ms);
        for n in 0..self.slots.len() {
            // A replica that cannot reach the journal cannot start.
            if self.slots[n].up.is_none() && !self.slots[n].is_cut {
                self.start_at(n);
            }
        }
    }

    fn cut_off(&mut self, now_ms: u64) {
        self.turn(now_ms);
        let Some(n) = self.any(|replica| !replica.is_cut()) else { return };
        self.slots[n].is_cut = true;
        if let Some(replica) = &mut self.slots[n].up {
            replica.set_cut(true);
        }
    }

    fn reconnect(&mut self, now_ms: u64) {
        self.turn(now_ms);
        for n in 0..self.slots.len() {
            let slot = &mut self.slots[n];
            let was_cut = std::mem::take(&mut slot.is_cut);
            match &mut slot.up {
                Some(replica) => replica.set_cut(false),
                None if was_cut => self.start_at(n),
                None => {}
            }
        }
    }

    fn check(&mut self) -> Result<(), String> {
        if let Some(why) = self.broken.take() {
            return Err(why);
        }
        for (n, slot) in self.slots.iter_mut().enumerate() {
            let Some(replica) = &mut slot.up else { continue };
            self.recounts += u64::from(replica.recount.check(replica.process.replica().state())?);
            if self.recounts >= COMPARE_RECOUNTS {
                self.recounts = 0;
                self.observer.compare(n, replica.process.replica())?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, now_ms: u64) -> Result<(), String> {
        // Each replica gets all news, and time for the work that follows. A replica that has missed
        // more than the journal keeps rebuilds its state.
        let mut api = CallsApi::new("AC00000000000000000000000000000001", "", self.seed);
        for ms in (0..FINISH_MS).step_by(100) {
            self.tick(now_ms + ms, &mut api);
        }
        self.check()?;
        let expected = fresh(&self.log)?;
        for (n, slot) in self.slots.iter().enumerate() {
            let Some(replica) = &slot.up else { return Err(format!("replica {n} is down")) };
            if replica.process.replica().is_degraded()
                || snapshot::encode(replica.process.replica().state()) != expected
            {
                return Err(format!("replica {n} has not come to agree with the journal"));
            }
        }
        self.watched = self.route();
        Ok(())
    }
}
