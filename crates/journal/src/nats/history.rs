//! Finds the order at any place of a log, from few messages.
//!
//! A message says which end of the log its writer knew: a number of a message with the number of the
//! last record there. From such an end on, the records can be counted. Which messages behind it
//! count is known by the [`WINDOW`] messages before it. So two windows are enough, and fewer where
//! the log begins with an order that is stored.

use futures_util::{StreamExt, stream};

use super::client::Client;
use super::fault::Fault;
use super::frame::{Message, Outline};
use super::order::{Order, Verdict, WINDOW};
use super::subjects::Subjects;
use crate::JournalError;

/// How many messages are fetched at once.
const FETCHED_AT_ONCE: usize = 32;

/// The messages of a log that are kept.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) first: u64,
    pub(super) last: u64,
    /// An order at or before the first one that is needed, if one is known.
    pub(super) base: Option<Order>,
}

impl Kept {
    /// The order before the first message, if it is known without any message.
    pub(super) fn begin(&self) -> Option<Order> {
        if self.first <= 1 {
            return Some(Order::default());
        }
        self.base.clone().filter(|it| it.end.message + 1 >= self.first)
    }
}

/// The message of this number.
pub(super) async fn message(
    client: &Client,
    subjects: &Subjects,
    number: u64,
) -> Result<Message, Fault> {
    let stored = client.message(&subjects.log, number).await?;
    let message = Message::parse(stored.message, stored.at_ms, &stored.payload);
    message.map_err(|unreadable| Fault::Error(unreadable.to_error(&subjects.log)))
}

/// The order just before the message `next`, which may be one past the last message.
///
/// Fails with [`Fault::NotFound`] if what is needed was trimmed.
pub(super) async fn order_before(
    client: &Client,
    subjects: &Subjects,
    kept: &Kept,
    next: u64,
) -> Result<Order, Fault> {
    let begin = kept.begin();
    if begin.as_ref().is_some_and(|it| it.end.message >= next) || next < kept.first {
        return Err(Fault::NotFound);
    }
    let mut window = WINDOW;
    loop {
        let from = next.saturating_sub(2 * window).max(kept.first);
        if let Some(mut order) = begin.clone().filter(|it| it.end.message + 1 >= from) {
            for outline in outlines(client, subjects, order.end.message + 1, next).await? {
                order.take(&outline);
            }
            return Ok(order);
        }
        let until = (next + 1).min(kept.last + 1);
        let outlines = outlines(client, subjects, from, until).await?;
        // Before the first message are only such of format 1, on which nothing behind depends:
        // whoever trims others stores the order.
        let earliest = if from == kept.first { from - 1 } else { from + window };
        if let Some(order) = count_from_known(&outlines, earliest, next) {
            return Ok(order);
        }
        if from == kept.first {
            let what = format!("stream {} has lost its beginning", subjects.log);
            return Err(Fault::Error(JournalError::Damaged { what }));
        }
        window *= 2;
    }
}

/// Counts from the newest end that the writer of one of these messages knew, which is not before
/// the message `earliest`.
pub(super) fn count_from_known(outlines: &[Outline], earliest: u64, next: u64) -> Option<Order> {
    let first = outlines.first()?.message;
    let is_true = |it: &&Outline| {
        let known = it.head.known;
        let there = known.message.checked_sub(first).and_then(|n| usize::try_from(n).ok());
        let there = there.and_then(|n| outlines.get(n));
        // A writer may have known an end that the log has lost.
        known.message < it.message && there.is_none_or(|it| it.crc == known.crc)
    };
    let ends = outlines.iter().filter(is_true).map(|it| it.head.known);
    let ends = ends.filter(|it| (earliest..next).contains(&it.message));
    let mut order = Order::behind(ends.max_by_key(|it| it.message)?);
    for outline in outlines.iter().take_while(|it| it.message < next) {
        if outline.message <= order.end.message {
            order.remember(outline);
        } else {
            order.take(outline);
        }
    }
    Some(order)
}

/// The messages from one number to before another one, without their records.
async fn outlines(
    client: &Client,
    subjects: &Subjects,
    from: u64,
    until: u64,
) -> Result<Vec<Outline>, Fault> {
    let get = |number| message(client, subjects, number);
    let mut fetched = stream::iter(from..until).map(get).buffered(FETCHED_AT_ONCE);
    let mut outlines = Vec::new();
    while let Some(message) = fetched.next().await {
        outlines.push(message?.outline);
    }
    Ok(outlines)
}

/// The order just before the message with this record, which has to be there.
pub(super) async fn order_before_record(
    client: &Client,
    subjects: &Subjects,
    kept: &Kept,
    seq: u64,
) -> Result<Order, Fault> {
    let next = known_before(client, subjects, kept, seq).await?;
    let mut order = order_before(client, subjects, kept, next).await?;
    while order.end.message < kept.last {
        let message = message(client, subjects, order.end.message + 1).await?;
        let mut behind = order.clone();
        if let Verdict::Counts { .. } = behind.take(&message.outline)
            && behind.end.seq >= seq
        {
            return Ok(order);
        }
        order = behind;
    }
    Err(Fault::NotFound)
}

/// A message behind which this record lies, near it.
async fn known_before(
    client: &Client,
    subjects: &Subjects,
    kept: &Kept,
    seq: u64,
) -> Result<u64, Fault> {
    let begin = kept.begin();
    let first = begin.as_ref().map_or(kept.first, |it| it.end.message + 1);
    // Binary search for a message whose writer knew of fewer records, before one whose writer knew
    // of this one.
    let (mut low, mut high, mut known) = (first, kept.last + 1, first);
    while high - low > 1 {
        let middle = low.midpoint(high);
        let mut probe = middle;
        let mut found = message(client, subjects, probe).await?.outline;
        // Its writer knew an end that the log has lost.
        while found.head.known.message >= probe && probe + 1 < high {
            probe += 1;
            found = message(client, subjects, probe).await?.outline;
        }
        let end = found.head.known;
        if end.message < probe && end.seq < seq {
            (low, known) = (probe, known.max(end.message + 1));
        } else {
            high = middle;
        }
    }
    Ok(known)
}
