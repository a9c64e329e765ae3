//! The index of a log at one replica: where the log ends, and its newest batches.
//!
//! It takes in each message of the log exactly once and in the order of their numbers. So every
//! replica derives the same from the same messages. What holds between two calls:
//!
//! - The end never goes back while the epoch is the same: neither its message, nor its record, nor
//!   its time.
//! - A void message moves the end's message, but not its record.
//! - The newest batches follow each other without a gap, and the last one ends at the end's record.

use std::collections::VecDeque;

use super::frame::{End, Frame, Message, Outline, Rule, Unreadable};
use super::history::Kept;
use super::order::{Order, Verdict, WINDOW};

/// How much of the newest batches is kept, in bytes. Older batches are fetched when they are read.
const RECENT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Filled by the follower and by fetches, whichever is faster.
#[derive(Debug)]
pub(super) struct LogIndex {
    pub(super) epoch: u64,
    order: Order,
    /// The ends after each of the last messages.
    past: VecDeque<End>,
    /// The oldest record that is kept.
    pub(super) first_seq: u64,
    /// The oldest message that is kept, by the latest answer of the service.
    pub(super) first_message: u64,
    /// An order that is stored beside the log, for messages that are trimmed.
    pub(super) base: Option<Order>,
    /// How the index and the log contradict each other. Nothing is taken in after that.
    pub(super) broken: Option<Unreadable>,
    recent: VecDeque<Frame>,
    recent_bytes: usize,
    /// The random number of this replica as a writer.
    pub(super) writer: u64,
    /// The counter of the last message that was sent.
    sent: u64,
    /// What has become of it, once that is known.
    outcome: Option<Outcome>,
}

/// What has become of the first own message with a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The checksum of the message that it was.
    pub(super) crc: u32,
    /// When the service accepted it, in milliseconds since the Unix epoch.
    pub(super) taken_ms: u64,
    /// `None` if it is void.
    pub(super) commit: Option<Commit>,
}

/// An own message that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Commit {
    /// The number of its last record.
    pub(super) seq: u64,
    /// The time of its records, in milliseconds since the Unix epoch.
    pub(super) at_ms: u64,
}

/// The result of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ingested {
    /// The index had it already.
    Old,
    /// The log has grown.
    Grown,
    /// The log has grown by own records.
    Own,
    /// It does not count, so it has no effect.
    Void,
    /// A message before it is missing in the index.
    Gap,
    /// It contradicts the index: see [`LogIndex::broken`].
    Broken,
}

impl LogIndex {
    pub(super) fn new(epoch: u64, order: Order, writer: u64) -> Self {
        Self {
            epoch,
            past: VecDeque::from([order.end]),
            order,
            first_seq: 1,
            first_message: 1,
            base: None,
            broken: None,
            recent: VecDeque::new(),
            recent_bytes: 0,
            writer,
            sent: 0,
            outcome: None,
        }
    }

    /// Where the log ends.
    pub(super) fn end(&self) -> End {
        self.order.end
    }

    /// The messages that are kept.
    pub(super) fn kept(&self) -> Kept {
        let (first, last) = (self.first_message, self.order.end.message);
        Kept { first, last, base: self.base.clone() }
    }

    /// Takes in the message of this number. A gap changes nothing: the caller fetches what is
    /// missing, and then this message again.
    pub(super) fn ingest(&mut self, message: u64, taken_ms: u64, payload: &[u8]) -> Ingested {
        if self.broken.is_some() {
            return Ingested::Broken;
        }
        let end = self.order.end;
        if message <= end.message {
            return Ingested::Old;
        }
        if message > end.message + 1 {
            return Ingested::Gap;
        }
        match Message::parse(message, taken_ms, payload) {
            Ok(message) => self.add(message),
            Err(unreadable) => self.break_with(unreadable),
        }
    }

    fn break_with(&mut self, unreadable: Unreadable) -> Ingested {
        self.broken = Some(unreadable);
        Ingested::Broken
    }

    fn add(&mut self, message: Message) -> Ingested {
        let outline = message.outline;
        if let Some(what) = self.contradiction(&outline) {
            return self.break_with(Unreadable::Damaged(what));
        }
        let before = self.order.end;
        let verdict = self.order.take(&outline);
        let end = self.order.end;
        debug_assert!(before.seq <= end.seq && before.at_ms <= end.at_ms, "it never goes back");
        self.past.push_back(end);
        if self.past.len() as u64 > WINDOW {
            self.past.pop_front();
        }
        let is_own = self.note_own(&outline, verdict);
        let Verdict::Counts { first_seq, at_ms } = verdict else { return Ingested::Void };
        let frame = message.place(first_seq, at_ms);
        self.recent_bytes += frame.bytes();
        self.recent.push_back(frame);
        while self.recent_bytes > RECENT_BYTES_MAX && self.recent.len() > 1 {
            self.recent_bytes -= self.recent.pop_front().map_or(0, |it| it.bytes());
        }
        if is_own { Ingested::Own } else { Ingested::Grown }
    }

    /// How the end that a writer knew differs from what this replica has read. Then the log has
    /// lost an end, and went on without it.
    fn contradiction(&self, outline: &Outline) -> Option<String> {
        let Outline { message, head, .. } = outline;
        let known = head.known;
        // A copy that comes late may know what nobody remembers. In format 1 it also may know of an
        // end that never was.
        if head.rule == Rule::Following && known.message + 1 != *message {
            return None;
        }
        let first = self.past.front()?.message;
        let there = known.message.checked_sub(first).and_then(|n| usize::try_from(n).ok())?;
        let fits =
            self.past.get(there).is_some_and(|it| (it.crc, it.seq) == (known.crc, known.seq));
        (!fits).then(|| {
            format!(
                "message {message} follows another end of the log than message {}, record {}, \
                 which was there",
                known.message, known.seq
            )
        })
    }

    /// Notes what becomes of the first message with the counter of what was sent last. Returns
    /// whether it was this one.
    fn note_own(&mut self, outline: &Outline, verdict: Verdict) -> bool {
        let Rule::Ordered { writer, counter, .. } = outline.head.rule else { return false };
        if writer != self.writer || counter != self.sent || self.outcome.is_some() {
            return false;
        }
        let commit = match verdict {
            Verdict::Counts { at_ms, .. } => Some(Commit { seq: self.order.end.seq, at_ms }),
            Verdict::Void => None,
        };
        let Outline { crc, taken_ms, .. } = *outline;
        self.outcome = Some(Outcome { crc, taken_ms, commit });
        true
    }

    /// Moves past messages that were trimmed before they were taken in. The kept batches are
    /// dropped, because they must not have a gap.
    pub(super) fn skip_to(&mut self, order: Order) {
        debug_assert!(self.order.end.message < order.end.message, "the end never goes back");
        self.past = VecDeque::from([order.end]);
        self.order = order;
        self.recent.clear();
        self.recent_bytes = 0;
    }

    /// The counter of the next message.
    pub(super) fn begin(&mut self) -> u64 {
        self.sent += 1;
        self.outcome = None;
        self.sent
    }

    /// The counter of a message of which it is not known what becomes of it. Otherwise the counter
    /// of the next message.
    pub(super) fn begin_instead(&mut self) -> u64 {
        if self.sent == 0 || self.outcome.is_some() { self.begin() } else { self.sent }
    }

    /// What has become of what was sent last.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// The batches from the one with this record on, if they are still in memory.
    pub(super) fn recent(&self, seq: u64) -> Option<impl Iterator<Item = &Frame>> {
        if self.recent.front().is_none_or(|it| it.first_seq > seq) {
            return None;
        }
        let at = self.recent.partition_point(|it| it.end_seq() <= seq);
        Some(self.recent.range(at..))
    }
}

#[cfg(test)]
mod tests;
