//! Turns changes into records, and applies the records of the log to the state. The state moves
//! along the log only here.
//!
//! A commit appends a batch and applies it when it is durable. In a log of one process only the
//! batch is new. In a shared log other replicas may have appended records before it. This replica
//! reads and applies those first, in the log's order and by the log's time. Otherwise two replicas
//! would differ.

use std::borrow::Cow;
use std::collections::VecDeque;

use live_users_core::{Evidence, Millis, Numbers, READ_AHEAD, Source};
use live_users_journal::{BATCH_BYTES_MAX, JournalError, PageLimit, Position};
use live_users_state::record::{Change, Record};
use live_users_state::{RecoveryError, decode};
use log::error;

use crate::io::{Done, Effect, LogAnswer, LogRequest, Now, Ticket};
use crate::log_line::LogLine;
use crate::overdue::due_after;
use crate::replica::{Replica, evidence};

/// The most pieces of evidence in the retry buffer. At 300 bytes each this is 30 MB.
pub const RETRY_BUFFER_MAX: usize = 100_000;

/// The purpose of the outstanding request to the log.
#[derive(Debug)]
pub(crate) enum Awaiting {
    /// The first `batch` records of the commit are being appended.
    Append { commit: Commit, batch: usize },
    /// The log is being read to `end`.
    Read { end: Position, then: Then },
    /// The log is asked for its end. Then these queries are answered.
    Refresh(Vec<Ticket>),
    /// The log is looked at.
    Check,
    /// The state is being written into a new log.
    Rewrite(Ticket),
    /// The log is being opened again.
    Recover,
    /// The state is being rebuilt from the log.
    Rebuild,
    /// Old records are being removed.
    Trim,
}

/// What happens after the log is read.
#[derive(Debug)]
pub(crate) enum Then {
    Nothing,
    /// The last `batch` records that are read are the first ones of the commit.
    Commit {
        commit: Commit,
        batch: usize,
        applied: Vec<(Option<Done>, Numbers)>,
    },
    Answer(Vec<Ticket>),
    /// The log can be written again.
    Recovered,
}

/// Changes on their way into the log.
#[derive(Debug)]
pub(crate) struct Commit {
    purpose: Purpose,
    changes: Vec<Change>,
    /// The records that are not durable and applied yet.
    records: VecDeque<Record>,
    /// What the applied ones changed.
    outcomes: Vec<Done>,
}

/// The origin of a commit, which receives its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// An [`Input::Record`](crate::Input::Record).
    Request(Ticket),
    /// The reconciler derived it from the provider's answers.
    Found,
    /// The sweep found it overdue.
    Overdue,
    /// The retry buffer.
    Retry,
}

impl Commit {
    pub(crate) fn new(purpose: Purpose, changes: Vec<Change>) -> Self {
        Self { purpose, changes, records: VecDeque::new(), outcomes: Vec::new() }
    }
}

impl Replica {
    /// Stamps the changes, and appends the first batch of them.
    pub(crate) fn begin_commit(&mut self, now: Now, mut commit: Commit) {
        // The log's time never goes back, even if the clock does.
        let at = now.time.max(self.state.tracker().now());
        let changes = std::mem::take(&mut commit.changes);
        commit.records = changes.into_iter().map(|change| Record { at, change }).collect();
        if self.is_degraded && commit.purpose != Purpose::Retry && !commit.records.is_empty() {
            return self.defer(now, commit);
        }
        self.append(now, commit);
    }

    fn append(&mut self, now: Now, mut commit: Commit) {
        if commit.records.is_empty() {
            return self.end_commit(now, commit);
        }
        let batch = fitting(commit.records.make_contiguous());
        let n = batch.len();
        self.request(LogRequest::Append(batch), Awaiting::Append { commit, batch: n });
    }

    fn on_appended(
        &mut self,
        now: Now,
        (mut commit, batch): (Commit, usize),
        appended: Result<Position, JournalError>,
    ) {
        let end = match appended {
            Ok(end) => end,
            Err(error) => {
                self.degrade(now, error.into());
                return self.defer(now, commit);
            }
        };
        let mut applied = Vec::with_capacity(batch);
        if self.is_shared {
            debug_assert!(
                end.epoch != self.applied.epoch || end.seq >= self.applied.seq + batch as u64,
                "the batch comes after every applied record"
            );
            return self.read_to(now, end, Then::Commit { commit, batch, applied });
        }
        debug_assert_eq!(
            end.seq,
            self.applied.seq + batch as u64,
            "a log of one process has one writer"
        );
        for records in commit.records.make_contiguous()[..batch].chunks(READ_AHEAD) {
            self.state.read_ahead(records);
            for record in records {
                let outcome = self.apply_record(record);
                applied.push((outcome, self.state.tracker().numbers()));
            }
        }
        self.applied = end;
        self.end_batch(now, &mut commit, batch, applied);
        self.append(now, commit);
    }

    /// Publishes and reports the first records of a commit, which are durable and applied now.
    fn end_batch(
        &mut self,
        now: Now,
        commit: &mut Commit,
        batch: usize,
        applied: Vec<(Option<Done>, Numbers)>,
    ) {
        debug_assert_eq!(applied.len(), batch, "each record of the batch was applied once");
        self.publish_if_fresh(now);
        let records = commit.records.drain(..batch);
        let lines = records.zip(applied).filter_map(|(record, (done, numbers))| {
            let Change::Evidence(evidence) = record.change else { return None };
            done.map(|done| LogLine::new(evidence, done, numbers))
        });
        let lines: Vec<_> = lines.collect();
        commit.outcomes.extend(lines.iter().map(LogLine::done));
        // After the publication: a query that follows a log line sees what the line reports.
        self.effects.push(Effect::Report(lines));
    }

    fn end_commit(&mut self, now: Now, commit: Commit) {
        match commit.purpose {
            Purpose::Request(ticket) => {
                self.effects.push(Effect::Recorded(ticket, Ok(commit.outcomes)));
            }
            Purpose::Retry => self.retry_next(now),
            Purpose::Found | Purpose::Overdue => {}
        }
    }

    /// Puts the evidence of a commit that cannot be recorded now at the end of the retry buffer.
    /// Evidence that came from the buffer goes back to its front, so the order stays. Its callers are let
    /// in, whatever the limits.
    fn defer(&mut self, now: Now, commit: Commit) {
        let purpose = commit.purpose;
        if purpose == Purpose::Retry {
            for evidence in evidence(commit.records).collect::<Vec<_>>().into_iter().rev() {
                self.retry_buffer.push_front(evidence);
            }
        } else if purpose != Purpose::Overdue {
            let deferred = evidence(commit.records);
            let deferred: Vec<_> = deferred.map(|it| Evidence { admission: None, ..it }).collect();
            let room = RETRY_BUFFER_MAX.saturating_sub(self.retry_buffer.len());
            let lost = deferred.len().saturating_sub(room);
            if lost > 0 {
                let full = RETRY_BUFFER_MAX;
                error!("{lost} webhooks are lost: {full} wait for the journal already");
            }
            self.retry_buffer.extend(deferred.into_iter().take(room));
        }
        if !self.retry_buffer.is_empty() {
            self.unrecorded_since.get_or_insert(now.uptime);
        }
        self.acknowledge_deferred(purpose);
    }

    /// Applies a shared log from the position of the state to `end`, and then does `then`.
    pub(crate) fn read_to(&mut self, now: Now, end: Position, then: Then) {
        if end.epoch != self.applied.epoch {
            let (was, is) = (self.applied.epoch, end.epoch);
            return self.fail_read(now, JournalError::Replaced { was, is }.into(), then);
        }
        if end.seq <= self.applied.seq {
            return self.end_read(now, end, then);
        }
        let (from_seq, limit) = (self.applied.seq + 1, PageLimit::default());
        self.request(LogRequest::Read { from_seq, limit }, Awaiting::Read { end, then });
    }

    fn on_page(
        &mut self,
        now: Now,
        (end, mut then): (Position, Then),
        page: Result<Vec<live_users_journal::Record>, JournalError>,
    ) {
        let applied = page.map_err(RecoveryError::from).and_then(|page| {
            let known = page.partition_point(|stored| stored.seq <= end.seq);
            let mut chunks = page[..known].chunks(READ_AHEAD);
            chunks.try_for_each(|chunk| self.apply(chunk, end, &mut then))
        });
        match applied {
            Ok(()) => self.read_to(now, end, then),
            Err(error) => self.fail_read(now, error, then),
        }
    }

    /// Applies records of the log. A record of our own batch is in memory and need not be decoded.
    /// Its time is the log's all the same, because other replicas do not see our clock.
    fn apply(
        &mut self,
        stored: &[live_users_journal::Record],
        end: Position,
        then: &mut Then,
    ) -> Result<(), RecoveryError> {
        let (own, mut outcomes) = match then {
            Then::Commit { commit, batch, applied } => {
                (&mut commit.records.make_contiguous()[..*batch], Some(applied))
            }
            Then::Nothing | Then::Answer(_) | Then::Recovered => (&mut [][..], None),
        };
        let first_own = end.seq + 1 - own.len() as u64;
        let place = |stored: &live_users_journal::Record| {
            stored.seq.checked_sub(first_own).and_then(|n| usize::try_from(n).ok())
        };
        for stored in stored {
            if let (Some(at_ms), Some(own)) =
                (stored.at_ms, place(stored).and_then(|n| own.get_mut(n)))
            {
                own.at = Millis(at_ms);
            }
        }
        let mut records = Vec::with_capacity(stored.len());
        let decoded = stored.iter().try_for_each(|stored| {
            let own = place(stored).and_then(|n| own.get(n)).map(Cow::Borrowed);
            records.push((own.map_or_else(|| decode(stored).map(Cow::Owned), Ok)?, stored.seq));
            Ok(())
        });
        self.state.read_ahead(records.iter().map(|(record, _)| &**record));
        for (record, seq) in records {
            debug_assert_eq!(seq, self.applied.seq + 1, "no record is skipped or repeated");
            let outcome = self.apply_record(&record);
            self.applied.seq = seq;
            if let (Cow::Borrowed(_), Some(outcomes)) = (&record, &mut outcomes) {
                outcomes.push((outcome, self.state.tracker().numbers()));
            }
        }
        decoded
    }

    fn apply_record(&mut self, record: &Record) -> Option<Done> {
        if let Change::Evidence(evidence) = &record.change
            && let Some(due) = due_after(record.at, evidence.limits)
        {
            self.limited = Some(self.limited.map_or(due, |known| known.min(due)));
        }
        let outcome = self.state.apply(record)?;
        let turned_away = match &record.change {
            Change::Evidence(Evidence { call, source, admission: Some(_), .. })
                if *source == Source::Voice =>
            {
                self.state.tracker().turned_away(call)
            }
            _ => None,
        };
        Some(Done { outcome, turned_away })
    }

    fn end_read(&mut self, now: Now, end: Position, then: Then) {
        debug_assert!(self.applied == end || !matches!(then, Then::Commit { .. }));
        self.is_behind = false;
        match then {
            Then::Commit { mut commit, batch, applied } => {
                self.end_batch(now, &mut commit, batch, applied);
                self.append(now, commit);
            }
            Then::Nothing => self.publish_if_fresh(now),
            Then::Answer(tickets) => {
                self.publish(self.unanswered(now));
                let answers = tickets.into_iter().map(|ticket| Effect::Answer(ticket, Ok(())));
                self.effects.extend(answers);
            }
            Then::Recovered => {
                self.publish_if_fresh(now);
                self.retry_next(now);
            }
        }
    }

    fn fail_read(&mut self, now: Now, error: RecoveryError, then: Then) {
        // Records that were applied before the failure are valid.
        self.is_behind = true;
        self.publish_if_fresh(now);
        self.degrade(now, error);
        match then {
            Then::Commit { commit, .. } => self.defer(now, commit),
            Then::Answer(tickets) => self.answer_stale(now, tickets),
            Then::Nothing | Then::Recovered => {}
        }
    }

    pub(crate) fn on_log(&mut self, now: Now, answer: LogAnswer) {
        match (self.awaiting.take(), answer) {
            (Some(Awaiting::Append { commit, batch }), LogAnswer::Appended(appended)) => {
                self.on_appended(now, (commit, batch), appended);
            }
            (Some(Awaiting::Read { end, then }), LogAnswer::Page(page)) => {
                self.on_page(now, (end, then), page);
            }
            (Some(Awaiting::Refresh(tickets)), LogAnswer::Refreshed(refreshed)) => {
                self.on_refreshed(now, tickets, refreshed);
            }
            (Some(Awaiting::Check), LogAnswer::Checked(Ok(()))) => {}
            (Some(Awaiting::Check), LogAnswer::Checked(Err(error))) => {
                self.degrade(now, error.into());
            }
            (Some(Awaiting::Rewrite(ticket)), LogAnswer::Rewritten(rewritten)) => {
                self.on_rewritten(now, ticket, rewritten);
            }
            (Some(Awaiting::Recover), LogAnswer::Recovered(recovered)) => {
                self.on_recovered(now, recovered);
            }
            (Some(Awaiting::Rebuild), LogAnswer::Rebuilt(rebuilt)) => {
                self.on_rebuilt(now, *rebuilt);
            }
            (Some(Awaiting::Trim), LogAnswer::Trimmed(trimmed)) => self.on_trimmed(now, trimmed),
            // A mistake of the driver. The request stays outstanding.
            (awaiting, _) => {
                debug_assert!(false, "the answer does not belong to the outstanding request");
                self.awaiting = awaiting;
            }
        }
    }
}

/// Encodes as many of the first records as fit into a batch, and at least one.
fn fitting(records: &[Record]) -> Vec<Vec<u8>> {
    let (mut batch, mut sum) = (Vec::with_capacity(records.len()), 0);
    for bytes in records.iter().map(Record::encode) {
        sum += bytes.len();
        if sum > BATCH_BYTES_MAX && !batch.is_empty() {
            break;
        }
        batch.push(bytes);
    }
    batch
}
