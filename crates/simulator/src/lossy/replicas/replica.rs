//! One replica: what a backend has in its process, driven as the backend drives it.

use live_users_core::{Evidence, Millis};
use live_users_intake::ReconcilerRules;
use live_users_journal::{APPEND_MS_MAX, Contact, JournalError, LEASE_MS, Lease, Line, Memory};
use live_users_state::{Writer, replay};

use super::witness::Seen;
use crate::lossy::asking::Asking;
use crate::lossy::invariants::Recount;
use crate::lossy::live_users::MAX_CALL_MS;
use crate::lossy::reading::Reading;
use crate::lossy::system::Delivery;
use crate::rest::CallsApi;
use crate::world::Webhook;

/// As `FRESH_MS` in the backend: what was known so long ago is not shown any more.
pub(super) const FRESH_MS: u64 = 2_500;
/// As in the backend: whoever leads stops so long before its lease is over, in milliseconds.
const MARGIN_MS: u64 = 2_000;
/// As in the backend: how often the lease is asked for, in milliseconds.
const TRY_EVERY_MS: u64 = LEASE_MS / 4;
/// A snapshot is due after as many records as there are known calls, and not before so many, so
/// that small worlds have some.
const CHECKPOINT_RECORDS_MIN: u64 = 200;

/// A replica that is up.
pub(super) struct Replica {
    pub(super) writer: Writer,
    pub(super) seen: Seen,
    pub(super) recount: Recount,
    asking: Option<Asking>,
    line: Line,
    is_cut: bool,
    lease: Box<dyn Lease>,
    leads_until_ms: u64,
    try_ms: u64,
    /// What it knows of the journal's clock.
    contact: Contact,
    /// How far its own clock is from the journal's, in milliseconds.
    clock_error_ms: i64,
    /// All that the journal had at this moment it can read.
    known_ms: u64,
    covered: u64,
}

/// What a replica is made with.
pub(super) struct Making {
    pub(super) rules: Option<ReconcilerRules>,
    pub(super) seed: u64,
    /// Another one for each start.
    pub(super) stream: u64,
    pub(super) clock_error_ms: i64,
}

impl Replica {
    pub(super) fn start(
        log: &Memory,
        reading: &Reading,
        now_ms: u64,
        making: Making,
    ) -> Result<Self, String> {
        let Making { rules, seed, stream, clock_error_ms } = making;
        let told = |error: JournalError| error.to_string();
        let (journal, line) = log.open_shared().map_err(told)?;
        let lease = journal.lease("lead").map_err(told)?;
        let replayed = replay(&*journal).map_err(|error| error.to_string())?;
        let covered = replayed.covered;
        let writer = Writer::new(journal, replayed, Box::new(|_, _| {}), None, MAX_CALL_MS);
        Ok(Self {
            seen: Seen::of(&writer),
            recount: Recount::default(),
            writer,
            asking: rules.map(|rules| Asking::new(rules, reading.agents.clone(), seed, stream)),
            line,
            is_cut: false,
            lease,
            leads_until_ms: 0,
            try_ms: now_ms,
            contact: Contact::with_service(),
            clock_error_ms,
            known_ms: now_ms,
            covered,
        })
    }

    pub(super) fn set_cut(&mut self, is_cut: bool) {
        self.is_cut = is_cut;
        self.line.set_cut(is_cut);
    }

    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    pub(super) fn leads(&self, now_ms: u64) -> bool {
        now_ms < self.leads_until_ms
    }

    pub(super) fn is_fresh(&self, now_ms: u64) -> bool {
        now_ms < self.stale_ms()
    }

    /// From when on what it knows is old, unless it hears of the journal.
    pub(super) fn stale_ms(&self) -> u64 {
        self.known_ms + FRESH_MS
    }

    /// What `/readyz` says.
    pub(super) fn is_ready(&self, now_ms: u64) -> bool {
        !self.writer.is_in_trouble() && self.is_fresh(now_ms)
    }

    pub(super) fn wake_ms(&self) -> Option<u64> {
        self.asking.as_ref()?.wake_ms()
    }

    pub(super) fn deliver(&mut self, log_ms: u64, webhook: &Webhook, it: Evidence) -> Delivery {
        // Whoever finds out waits for as long as an append may take.
        let after_ms = if self.writer.is_in_trouble() { 0 } else { APPEND_MS_MAX };
        let clock = self.clock(log_ms);
        match self.record(clock, vec![it]) {
            true => Delivery::Recorded,
            false => Delivery::not_recorded(webhook, after_ms),
        }
    }

    fn record(&mut self, clock: Millis, batch: Vec<Evidence>) -> bool {
        batch.is_empty() || self.writer.record(clock, batch).is_ok()
    }

    /// Applies what others have appended, if it can hear of it.
    pub(super) fn follow(&mut self) {
        if !self.is_cut {
            self.writer.refresh();
        }
    }

    /// It hears that the journal is there, by a message that was so long on its way.
    pub(super) fn hear(&mut self, now_ms: u64, log_ms: u64, travel_ms: u64) {
        if !self.is_cut {
            self.known_ms = now_ms;
            self.contact.compared(log_ms.saturating_sub(travel_ms), self.own_clock_ms(log_ms));
        }
    }

    /// What it does each second.
    pub(super) fn sweep(&mut self, now_ms: u64, log_ms: u64) {
        if now_ms >= self.try_ms {
            self.try_ms = now_ms + TRY_EVERY_MS;
            match self.lease.hold() {
                Ok(true) => self.leads_until_ms = now_ms + LEASE_MS - MARGIN_MS,
                Ok(false) => self.leads_until_ms = 0,
                // What was held is held until its time is over.
                Err(_) => {}
            }
        }
        if !self.is_fresh(now_ms) {
            // Somebody asks for the number.
            self.writer.refresh();
        }
        match self.leads(now_ms) {
            true => self.writer.sweep(self.clock(log_ms)),
            false => self.writer.stand_by(self.clock(log_ms)),
        }
    }

    /// Whether a snapshot is due, as far as it knows, and it can save one.
    pub(super) fn needs_snapshot(&self) -> bool {
        let due = (self.writer.state().tracker().known() as u64).max(CHECKPOINT_RECORDS_MIN);
        let is_due = self.writer.position().seq >= self.covered + due;
        is_due && !self.writer.is_in_trouble() && !self.is_cut
    }

    pub(super) fn shorten(&mut self) -> Result<(), JournalError> {
        self.covered = self.writer.position().seq;
        self.writer.checkpoint()
    }

    /// Lets the referee go on until it has to wait; it only asks while this replica leads. Returns
    /// how many pieces of evidence it has found.
    pub(super) fn referee(&mut self, now_ms: u64, log_ms: u64, api: &mut CallsApi) -> usize {
        let (clock, leads) = (self.clock(log_ms), self.leads(now_ms));
        let is_known = self.is_fresh(now_ms);
        let mut found = 0;
        while let Some(asking) = &mut self.asking {
            let state = is_known.then_some(self.writer.state());
            let evidence = match leads {
                true => asking.go_on(now_ms, clock, state, api),
                false => asking.stand_by(now_ms, clock),
            };
            let Some(evidence) = evidence else { break };
            found += evidence.len();
            self.record(clock, evidence);
        }
        found
    }

    /// The time as it tells it: its own clock, put right by what it knows of the journal's.
    fn clock(&self, log_ms: u64) -> Millis {
        Millis(self.contact.ms(self.own_clock_ms(log_ms)))
    }

    fn own_clock_ms(&self, log_ms: u64) -> u64 {
        log_ms.saturating_add_signed(self.clock_error_ms)
    }
}
