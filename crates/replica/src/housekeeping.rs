//! Does what is due by time, and computes when something is due next.

use live_users_core::Millis;
use live_users_journal::JournalError;

use crate::commit::{Awaiting, Commit, Purpose};
use crate::freshness::{FRESH_MS, is_fresh};
use crate::io::{Effect, LogRequest, Now};
use crate::overdue::FromBefore;
use crate::replica::{RETRY_EVERY_MS, Replica, Todo};

/// The longest time without housekeeping, in milliseconds. The log's time may drift, and then work
/// that was due in an hour is due a little sooner.
const HOUSEKEEPING_EVERY_MS: u64 = 60_000;

/// The log's time has jumped if it went this much further than the uptime, or less far, in
/// milliseconds.
const JUMP_MS: u64 = 1_000;

impl Replica {
    /// Notices a jump of the log's time: what was due later may be due now.
    pub(crate) fn note_time(&mut self, now: Now) {
        self.started.get_or_insert(now.uptime);
        if let Some(last) = self.last_step.replace(now) {
            let expected = Millis(last.time.0 + now.uptime.since(last.uptime));
            let (ahead_ms, back_ms) = (now.time.since(expected), expected.since(now.time));
            if back_ms > JUMP_MS {
                // What was worked out with the later time is worth nothing.
                self.sweep.restart();
            }
            if ahead_ms.max(back_ms) > JUMP_MS && !self.is_degraded {
                self.housekeeping_at = self.housekeeping_at.min(now.uptime);
            }
        }
    }

    /// Notices that a snapshot is due by the number of records.
    pub(crate) fn note_growth(&mut self, now: Now) {
        let last_seq = self.applied.seq;
        if !self.is_degraded && self.compaction.as_ref().is_some_and(|it| it.is_due(last_seq)) {
            self.housekeeping_at = self.housekeeping_at.min(now.uptime);
        }
    }

    /// Has the calls examined when the first of those may be overdue whose limits are new.
    pub(crate) fn note_limited(&mut self, now: Now) {
        if let Some(at) = self.limited.take() {
            self.sweep.look_again(at);
            if !self.is_degraded {
                let due = Millis(now.uptime.0 + at.since(now.time));
                self.housekeeping_at = self.housekeeping_at.min(due);
            }
        }
    }

    /// Notes how long the state stays fresh.
    pub(crate) fn note_freshness(&mut self, now: Now) {
        let age_ms = self.age_ms(now);
        if is_fresh(age_ms) {
            self.refresh_at = Millis(now.uptime.0 + FRESH_MS - age_ms);
        }
    }

    pub(crate) fn on_tick(&mut self, now: Now) {
        if self.leadership.begin_renewal(now) {
            self.effects.push(Effect::Renew);
        }
        if self.is_shared && self.refresh_at <= now.uptime {
            self.refresh_at = Millis(now.uptime.0 + RETRY_EVERY_MS);
            match self.is_degraded {
                true => self.publish(Some(self.stale(now))),
                false => self.todo.push_back(Todo::Refresh(Vec::new())),
            }
        }
        if !self.is_shared && self.is_degraded {
            self.publish_if_fresh(now);
        }
        if self.housekeeping_at <= now.uptime {
            self.housekeeping_at = Millis(now.uptime.0 + RETRY_EVERY_MS);
            let todo = match self.is_degraded {
                true => vec![Todo::Retry],
                false => vec![Todo::Sweep, Todo::Compact, Todo::Schedule],
            };
            self.todo.extend(todo);
        }
        self.tick_audit(now);
        self.reconciliations.iter_mut().for_each(|it| it.turn.wake(now));
        self.source_referees.iter_mut().for_each(|it| it.wake(now));
    }

    pub(crate) fn on_lease(&mut self, now: Now, answer: Option<bool>) {
        let led = self.leads(now);
        self.leadership.receive(now, answer);
        if !self.leads(now) {
            return;
        }
        if !led {
            // The leader's work begins now.
            self.housekeeping_at = self.housekeeping_at.min(now.uptime);
        }
        let is_known = !led && self.published.1.is_none();
        self.reconciliations.iter_mut().for_each(|it| it.lead(now, is_known));
        self.source_referees.iter_mut().for_each(|it| it.lead(now));
    }

    pub(crate) fn begin_sweep(&mut self, now: Now) {
        if self.is_degraded || !self.leads(now) || self.sweep_due(now) > now.time {
            return;
        }
        let from_before = self.before_start(now);
        let (max_call_ms, calls) = (self.rules.max_call_ms, self.state.tracker());
        let overdue = self.sweep.overdue(now.time, max_call_ms, from_before, calls);
        let overdue = self.hold_back(now, overdue);
        self.begin_commit(now, Commit::new(Purpose::Overdue, overdue));
    }

    fn before_start(&self, now: Now) -> FromBefore {
        let ran_ms = now.uptime.since(self.started.unwrap_or(now.uptime));
        FromBefore { last_record: self.last_before, ran_ms }
    }

    fn sweep_due(&self, now: Now) -> Millis {
        let unproven_ms = self.before_start(now).unproven_ms(now.time);
        self.sweep.due(self.state.tracker(), unproven_ms)
    }

    pub(crate) fn compact(&mut self, now: Now) {
        let Some(compaction) = self.compaction.as_mut().filter(|_| !self.is_degraded) else {
            return;
        };
        let task = compaction.begin(now.time, (self.applied, self.is_shared), &self.state);
        self.effects.extend(task.map(Effect::SaveSnapshot));
        self.trim(now);
    }

    fn trim(&mut self, now: Now) {
        let last_seq = self.applied.seq;
        let compaction = self.compaction.as_mut();
        let before_seq = compaction.and_then(|it| it.next_trim(now.time, last_seq));
        if let Some(before_seq) = before_seq {
            self.request(LogRequest::Trim { before_seq }, Awaiting::Trim);
        }
    }

    pub(crate) fn on_trimmed(&mut self, now: Now, trimmed: Result<u64, JournalError>) {
        match (trimmed, &mut self.compaction) {
            (Ok(first_seq), Some(compaction)) => {
                compaction.trimmed(first_seq);
                self.trim(now);
            }
            (Ok(_), None) => {}
            (Err(error), _) => self.degrade(now, error.into()),
        }
    }

    /// Sets the time of the next housekeeping.
    pub(crate) fn schedule(&mut self, now: Now) {
        if self.is_degraded {
            return;
        }
        let is_behind = self.compaction.as_ref().is_some_and(|it| it.is_behind());
        let mut wait_ms = if is_behind { RETRY_EVERY_MS } else { HOUSEKEEPING_EVERY_MS };
        if self.leads(now) {
            let due = self.sweep_due(now);
            // A pass in progress continues a second later, so that other work gets its turn.
            let of_sweep = if due <= now.time { RETRY_EVERY_MS } else { due.since(now.time) };
            wait_ms = wait_ms.min(of_sweep);
        }
        self.housekeeping_at = Millis(now.uptime.0 + wait_ms);
    }
}
