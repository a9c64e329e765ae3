//! One of several replicas: a process with a clock of its own, and a link to the journal that may
//! be cut.

use live_users_core::{Evidence, Millis};
use live_users_journal::{APPEND_MS_MAX, Link, Memory, ReplicationStatus};
use live_users_replica::Now;

use super::observer::Seen;
use crate::lossy::invariants::Recount;
use crate::lossy::process::{Making, Process};
use crate::lossy::system::Delivery;
use crate::rest::CallsApi;
use crate::world::Webhook;

/// A replica that is up.
pub(super) struct Replica {
    pub(super) process: Process,
    pub(super) seen: Seen,
    pub(super) recount: Recount,
    link: Link,
    is_cut: bool,
    /// What is known of the journal's clock.
    replication_status: ReplicationStatus,
    /// The error of its own clock, in milliseconds.
    clock_error_ms: i64,
    /// Everything that was in the journal at this moment can be read here.
    known_ms: u64,
}

impl Replica {
    pub(super) fn start(
        log: &Memory,
        now_ms: u64,
        clock_error_ms: i64,
        making: &Making<'_>,
    ) -> Result<Self, String> {
        let (journal, link) = log.open_shared().map_err(|error| error.to_string())?;
        let process = Process::start(journal, making)?;
        Ok(Self {
            seen: Seen::of(process.replica()),
            recount: Recount::default(),
            process,
            link,
            is_cut: false,
            replication_status: ReplicationStatus::with_service(),
            clock_error_ms,
            known_ms: now_ms,
        })
    }

    pub(super) fn set_cut(&mut self, is_cut: bool) {
        self.is_cut = is_cut;
        self.link.set_partitioned(is_cut);
        self.process.set_cut(is_cut);
    }

    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    pub(super) fn leads(&self, now_ms: u64) -> bool {
        // Only the uptime matters to the lease.
        self.process.replica().leads(self.now(now_ms, 0))
    }

    /// Whether `/readyz` answers 200.
    pub(super) fn is_ready(&self, now_ms: u64) -> bool {
        let replica = self.process.replica();
        !replica.is_degraded() && replica.is_fresh(self.now(now_ms, 0))
    }

    /// The shown number. `None` if it is too old.
    pub(super) fn shown(&self, now_ms: u64) -> Option<u64> {
        self.process.shown(self.now(now_ms, 0))
    }

    pub(super) fn deliver(
        &mut self,
        now_ms: u64,
        log_ms: u64,
        webhook: &Webhook,
        evidence: Evidence,
    ) -> Delivery {
        // The webhook that discovers a cut waits for as long as an append may take.
        let is_degraded = self.process.replica().is_degraded();
        let after_ms = if is_degraded { 0 } else { APPEND_MS_MAX };
        match self.process.record(self.now(now_ms, log_ms), vec![evidence]) {
            true => Delivery::Recorded,
            false => Delivery::not_recorded(webhook, after_ms),
        }
    }

    /// Applies the records of other replicas, if the journal can be reached.
    pub(super) fn catch_up(&mut self, now_ms: u64, log_ms: u64) {
        if !self.is_cut {
            self.process.catch_up(self.now(now_ms, log_ms));
        }
    }

    /// Gets news of the journal, by a message that took `travel_ms`.
    pub(super) fn hear(&mut self, now_ms: u64, log_ms: u64, travel_ms: u64) {
        if !self.is_cut {
            self.known_ms = now_ms;
            self.replication_status
                .set_clock_offset(log_ms.saturating_sub(travel_ms), self.own_clock_ms(log_ms));
        }
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, now_ms: u64, log_ms: u64, api: &mut CallsApi) {
        self.process.tick(self.now(now_ms, log_ms), api);
    }

    /// The next deadline, or the moment at which the shown number becomes too old.
    pub(super) fn wake_ms(&self) -> u64 {
        self.process.wake_ms()
    }

    /// The moment in its view: its own clock, corrected by what it knows of the journal's.
    fn now(&self, now_ms: u64, log_ms: u64) -> Now {
        Now {
            uptime: Millis(now_ms),
            time: Millis(self.replication_status.log_time_ms(self.own_clock_ms(log_ms))),
            log_age_ms: now_ms.saturating_sub(self.known_ms),
        }
    }

    fn own_clock_ms(&self, log_ms: u64) -> u64 {
        log_ms.saturating_add_signed(self.clock_error_ms)
    }
}
