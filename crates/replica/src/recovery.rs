//! Handles a log that cannot be written, cannot be read, or was replaced; and refreshes the state.

use live_users_journal::{FaultKind, JournalError, Position, Rewritten};
use live_users_state::record::Change;
use live_users_state::{RecoveryError, Replayed, snapshot};
use log::{debug, error, info, warn};

use crate::commit::{Awaiting, Commit, Purpose, Then};
use crate::io::{Effect, LogRequest, NotRewritten, Now, Ticket};
use crate::replica::{BATCH_MAX, RETRY_EVERY_MS, Replica, Todo};
use live_users_core::Millis;

impl Replica {
    /// Notes a failure of the log. Nothing is appended until it has recovered.
    pub(crate) fn degrade(&mut self, now: Now, error: RecoveryError) {
        let retry_at = Millis(now.uptime.0 + RETRY_EVERY_MS);
        let was_degraded = std::mem::replace(&mut self.is_degraded, true);
        let why = error.to_string();
        // The same failure again and again would fill the log.
        let is_known = was_degraded && self.degraded_by.0 == why;
        self.degraded_by = (why, kind_of(&error));
        // A further failure does not delay the next try.
        self.housekeeping_at = match was_degraded {
            true => self.housekeeping_at.min(retry_at),
            false => retry_at,
        };
        match error {
            RecoveryError::Journal(JournalError::Replaced { was, is }) => self.lose(was, is),
            // The process slept so long that the records it lacks are trimmed.
            RecoveryError::Journal(error @ JournalError::NotThere { .. }) => {
                error!("too much was missed to be followed: {error}");
                self.is_lost = true;
            }
            RecoveryError::Journal(error) if is_known => {
                debug!("the journal cannot be used yet: {error}");
            }
            RecoveryError::Journal(error) => error!("the journal cannot be written: {error}"),
            RecoveryError::Record { .. }
            | RecoveryError::Snapshot(_)
            | RecoveryError::NoBeginning { .. } => {
                error!("the journal cannot be followed: {error}");
                self.is_unreadable = true;
            }
        }
    }

    fn lose(&mut self, was: u64, is: u64) {
        error!("{}", JournalError::Replaced { was, is });
        (self.is_lost, self.is_behind) = (true, true);
    }

    pub(crate) fn begin_retry(&mut self) {
        if self.is_degraded {
            self.request(LogRequest::Recover, Awaiting::Recover);
        }
    }

    pub(crate) fn on_recovered(&mut self, now: Now, recovered: Result<Position, JournalError>) {
        match recovered {
            Ok(end) if !self.is_lost => self.read_to(now, end, Then::Recovered),
            Ok(_) => self.begin_rebuild(),
            Err(JournalError::Replaced { was, is }) => {
                self.lose(was, is);
                self.begin_rebuild();
            }
            // Another kind of failure than before is told, and shown as the reason.
            Err(error) if error.kind() != self.degraded_by.1 => self.degrade(now, error.into()),
            Err(error) => debug!("the journal cannot be written yet: {error}"),
        }
    }

    /// Has the state written into a new log. It has everything that was acknowledged; what waits in
    /// the retry buffer is recorded in the new log.
    pub(crate) fn begin_rewrite(&mut self, ticket: Ticket) {
        let is_unknown = self.is_lost || self.is_behind || self.is_unreadable;
        let refused = match (self.is_degraded, is_unknown) {
            (false, _) => NotRewritten::InOrder,
            (true, true) => NotRewritten::Unknown,
            (true, false) => {
                let snapshot = snapshot::encode(&self.state);
                let awaiting = Awaiting::Rewrite(ticket);
                return self.request(LogRequest::Rewrite { snapshot }, awaiting);
            }
        };
        self.effects.push(Effect::Rewritten(ticket, Err(refused)));
    }

    pub(crate) fn on_rewritten(
        &mut self,
        now: Now,
        ticket: Ticket,
        rewritten: Result<Rewritten, JournalError>,
    ) {
        let rewritten = match rewritten {
            Ok(rewritten) => rewritten,
            Err(error) => {
                warn!("the state is not written into a new journal: {error}");
                let failed = NotRewritten::Failed(error.to_string());
                return self.effects.push(Effect::Rewritten(ticket, Err(failed)));
            }
        };
        let at = rewritten.at;
        warn!("the state is in a new journal: it was at {}, and is at {at}", self.applied);
        self.applied = at;
        if let Some(compaction) = &mut self.compaction {
            compaction.rebuild(at.seq, self.state.tracker().now());
        }
        self.publish_if_fresh(now);
        self.effects.push(Effect::Rewritten(ticket, Ok(rewritten)));
        self.retry_next(now);
    }

    /// Rebuilds the state from the log as a restart does.
    fn begin_rebuild(&mut self) {
        let settings = self.state.settings();
        self.request(LogRequest::Rebuild(settings), Awaiting::Rebuild);
    }

    pub(crate) fn on_rebuilt(
        &mut self,
        now: Now,
        rebuilt: Result<(Replayed, Position), RecoveryError>,
    ) {
        let (Replayed { state, at, covered }, end) = match rebuilt {
            Ok(rebuilt) => rebuilt,
            Err(error) => return self.degrade(now, error),
        };
        (self.state, self.applied) = (state, at);
        self.is_lost = false;
        self.sweep.restart();
        if let Some(compaction) = &mut self.compaction {
            compaction.rebuild(covered, self.state.tracker().now());
        }
        self.read_to(now, end, Then::Recovered);
    }

    /// Records the next batch of the retry buffer, or ends the degraded state.
    pub(crate) fn retry_next(&mut self, now: Now) {
        if self.retry_buffer.is_empty() {
            info!("the journal can be written again, and nothing is left to record");
            self.is_degraded = false;
            self.unrecorded_since = None;
            self.housekeeping_at = now.uptime;
            return;
        }
        let n = self.retry_buffer.len().min(BATCH_MAX);
        let changes = self.retry_buffer.drain(..n).map(Change::Evidence).collect();
        self.begin_commit(now, Commit::new(Purpose::Retry, changes));
    }

    /// Makes the state fresh if it is not, and answers these queries.
    pub(crate) fn begin_refresh(&mut self, now: Now, mut tickets: Vec<Ticket>) {
        // One request to the log serves all queries that wait.
        while let Some(Todo::Refresh(_)) = self.todo.front() {
            let Some(Todo::Refresh(more)) = self.todo.pop_front() else { break };
            tickets.extend(more);
        }
        if self.is_fresh(now) {
            self.effects.extend(tickets.into_iter().map(|ticket| Effect::Answer(ticket, Ok(()))));
        } else if self.is_degraded {
            self.answer_stale(now, tickets);
        } else {
            self.request(LogRequest::Refresh, Awaiting::Refresh(tickets));
        }
    }

    pub(crate) fn on_refreshed(
        &mut self,
        now: Now,
        tickets: Vec<Ticket>,
        refreshed: Result<Position, JournalError>,
    ) {
        match refreshed {
            Ok(end) => self.read_to(now, end, Then::Answer(tickets)),
            Err(error) => {
                self.degrade(now, error.into());
                self.answer_stale(now, tickets);
            }
        }
    }

    pub(crate) fn answer_stale(&mut self, now: Now, tickets: Vec<Ticket>) {
        let stale = self.stale(now);
        self.publish(Some(stale));
        self.effects.extend(tickets.into_iter().map(|ticket| Effect::Answer(ticket, Err(stale))));
    }
}

fn kind_of(error: &RecoveryError) -> FaultKind {
    match error {
        RecoveryError::Journal(error) => error.kind(),
        RecoveryError::Record { .. }
        | RecoveryError::Snapshot(_)
        | RecoveryError::NoBeginning { .. } => FaultKind::Damaged,
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        match self.retry_buffer.len() {
            0 => {}
            n => error!("{n} webhooks are lost: the journal could not be written until the end"),
        }
    }
}
