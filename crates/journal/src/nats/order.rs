//! The order of a log: which of its messages count, and which numbers and times their records have.
//!
//! The service orders the messages. Each replica numbers the records itself, by the messages alone,
//! so all of them get the same numbers. What is decided for a message depends on it and on at most
//! [`WINDOW`] messages before it. So a replica can begin anywhere: see [`super::history`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::frame::{End, Head, Outline, Rule};

/// A message does not count if more messages than this lie between what its writer knew and itself.
/// So a copy that comes late is void although nobody remembers the first one any more.
///
/// While a message is under way, each other writer stores one for each of its own round trips. With
/// 12 writers this is enough for one whose round trips take 46 times as long as those of the rest.
pub(super) const WINDOW: u64 = 512;

/// A message does not count if the service accepts it later than this after it was made, in
/// milliseconds. An append gives up before that, and a leader that has lost its lease without
/// noticing has stopped for as long.
pub(super) const LATE_MS: u64 = 2_000;

/// A place in the log, with all that decides on the messages behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Order {
    /// Messages and records up to here are counted.
    pub(super) end: End,
    /// The newest message of each writer of the last messages.
    writers: BTreeMap<u64, Newest>,
}

/// The newest message of a writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Newest {
    counter: u64,
    message: u64,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Its records have these numbers, and this time in milliseconds since the Unix epoch.
    Counts { first_seq: u64, at_ms: u64 },
    /// It has no effect.
    Void,
}

impl Order {
    /// The order behind this end, whose earlier messages have to be [remembered](Self::remember).
    pub(super) fn behind(end: End) -> Self {
        Self { end, writers: BTreeMap::new() }
    }

    /// Takes the next message.
    pub(super) fn take(&mut self, outline: &Outline) -> Verdict {
        let Outline { message, taken_ms, crc, head } = *outline;
        debug_assert_eq!(message, self.end.message + 1, "each message once, and in order");
        // A message that is void is remembered, too: what takes its place then has no effect, which
        // its writer sees.
        let is_first = self.remember(outline);
        let counts = is_first && is_near(message, &head) && is_soon(taken_ms, &head);
        (self.end.message, self.end.crc) = (message, crc);
        if !counts {
            return Verdict::Void;
        }
        let first_seq = self.end.seq + 1;
        self.end.seq += head.count;
        // In format 1 a message without records moves the time on, as the next one then says.
        if head.count > 0 || head.rule == Rule::Following {
            // A new leader's clock may be behind.
            self.end.at_ms = self.end.at_ms.max(taken_ms);
        }
        Verdict::Counts { first_seq, at_ms: self.end.at_ms }
    }

    /// Remembers that there is this message, without its records. Returns whether it is the first
    /// one of its writer with this counter.
    pub(super) fn remember(&mut self, outline: &Outline) -> bool {
        let Rule::Ordered { writer, counter, .. } = outline.head.rule else { return true };
        let message = outline.message;
        // Copies of what lies further back are too far behind what their writer knew.
        let is_remembered = |newest: &Newest| message - newest.message <= WINDOW;
        if let Some(newest) = self.writers.get_mut(&writer).filter(|it| is_remembered(it)) {
            let is_first = newest.counter < counter;
            if is_first {
                *newest = Newest { counter, message };
            }
            return is_first;
        }
        self.writers.retain(|_, newest| is_remembered(newest));
        self.writers.insert(writer, Newest { counter, message });
        true
    }
}

/// Whether a message lies where its writer may have meant it to lie.
fn is_near(message: u64, head: &Head) -> bool {
    let Some(ahead) = message.checked_sub(head.known.message) else { return false };
    match head.rule {
        Rule::Following => ahead == 1,
        Rule::Ordered { .. } => (1..=WINDOW).contains(&ahead),
    }
}

/// Whether a message was accepted soon after it was made.
fn is_soon(taken_ms: u64, head: &Head) -> bool {
    match head.rule {
        Rule::Following => true,
        Rule::Ordered { made_ms, .. } => taken_ms <= made_ms.saturating_add(LATE_MS),
    }
}

/// An order as it is stored beside the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct StoredOrder {
    message: u64,
    crc: u32,
    seq: u64,
    at_ms: u64,
    /// Each with its newest counter and the message that has it.
    writers: Vec<(u64, u64, u64)>,
}

impl From<&Order> for StoredOrder {
    fn from(order: &Order) -> Self {
        let Order { end: End { message, crc, seq, at_ms }, writers } = order;
        let writers = writers.iter().map(|(writer, it)| (*writer, it.counter, it.message));
        Self { message: *message, crc: *crc, seq: *seq, at_ms: *at_ms, writers: writers.collect() }
    }
}

impl From<StoredOrder> for Order {
    fn from(stored: StoredOrder) -> Self {
        let StoredOrder { message, crc, seq, at_ms, writers } = stored;
        let writers = writers.into_iter();
        let writers =
            writers.map(|(writer, counter, message)| (writer, Newest { counter, message }));
        Self { end: End { message, crc, seq, at_ms }, writers: writers.collect() }
    }
}

#[cfg(test)]
mod tests;
