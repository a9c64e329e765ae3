//! Pages of records: from the newest batches, which are in memory, or fetched from the service.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::{StreamExt, stream};

use super::fault::Fault;
use super::frame::Frame;
use super::history::{message, order_before_record};
use super::log::Log;
use super::order::{Order, Verdict};
use crate::contract::{PageLimit, Record};
use crate::{JournalError, Position};

/// How many small messages are fetched at once.
const FETCHED_AT_ONCE: usize = 64;

/// How many bytes are fetched at once, estimated by the size of the message before.
const BYTES_AT_ONCE: usize = 2 * 1024 * 1024;

/// The position of one reader, with the frames that were fetched ahead.
#[derive(Default)]
pub(super) struct Cursor {
    epoch: u64,
    ahead: VecDeque<Frame>,
    /// The order up to the last message that was fetched.
    order: Order,
}

struct Page {
    records: Vec<Record>,
    sum: usize,
    limit: PageLimit,
    next: u64,
}

impl Page {
    fn new(from_seq: u64, limit: PageLimit) -> Self {
        Self { records: Vec::new(), sum: 0, limit, next: from_seq }
    }

    /// Takes the records that fit. Returns whether there is room for more.
    fn take(&mut self, frame: &Frame) -> Result<bool, JournalError> {
        if frame.first_seq > self.next {
            return Err(missing(self.next));
        }
        for (seq, bytes) in frame.records(self.next) {
            let bytes = bytes.ok_or_else(|| JournalError::Damaged {
                what: format!("record {seq} is not what was appended"),
            })?;
            self.sum += bytes.len();
            let is_first = self.records.is_empty();
            if !is_first
                && (self.sum > self.limit.bytes_max || self.records.len() >= self.limit.records_max)
            {
                return Ok(false);
            }
            let record = Record { seq, at_ms: Some(frame.at_ms), bytes: bytes.to_vec() };
            self.records.push(record);
            self.next = seq + 1;
        }
        Ok(self.records.len() < self.limit.records_max && self.sum < self.limit.bytes_max)
    }
}

fn missing(seq: u64) -> JournalError {
    JournalError::Damaged { what: format!("record {seq} is missing") }
}

/// A page from memory, if it has this record. It is empty just after the last record.
pub(super) fn from_memory(
    log: &Log,
    from_seq: u64,
    limit: PageLimit,
) -> Result<Option<Vec<Record>>, JournalError> {
    let index = log.index.lock();
    let (first, last) = (index.first_seq, index.end().seq);
    if from_seq < first || from_seq > last.saturating_add(1) {
        return Err(JournalError::NotThere { wanted: from_seq, first, last });
    }
    let mut page = Page::new(from_seq, limit);
    if from_seq == last + 1 {
        return Ok(Some(page.records));
    }
    let Some(recent) = index.recent(from_seq) else { return Ok(None) };
    for frame in recent {
        if !page.take(frame)? {
            break;
        }
    }
    Ok(Some(page.records))
}

impl Cursor {
    /// Fetches a page of records that are in the index.
    pub(super) async fn fetch(
        &mut self,
        log: &Arc<Log>,
        from_seq: u64,
        limit: PageLimit,
    ) -> Result<Vec<Record>, Fault> {
        let (end, epoch, kept) = {
            let index = log.index.lock();
            let end = Position { epoch: index.epoch, seq: index.end().seq };
            (end, index.epoch, index.kept())
        };
        if self.epoch != epoch || self.ahead.front().is_none_or(|it| it.first_seq > from_seq) {
            let order = order_before_record(&log.client, &log.subjects, &kept, from_seq).await?;
            *self = Self { epoch, ahead: VecDeque::new(), order };
        }
        let mut page = Page::new(from_seq, limit);
        loop {
            while let Some(frame) = self.ahead.front() {
                if frame.end_seq() > page.next && !page.take(frame).map_err(Fault::Error)? {
                    return Ok(page.records);
                }
                // The next page begins in the last frame of this one.
                if self.ahead.len() == 1 {
                    break;
                }
                self.ahead.pop_front();
            }
            if page.next > end.seq || !self.fetch_more(log).await? {
                return Ok(page.records);
            }
        }
    }

    /// Fetches more frames. Returns whether there were more.
    async fn fetch_more(&mut self, log: &Arc<Log>) -> Result<bool, Fault> {
        let last = log.index.lock().end().message;
        let size = self.ahead.back().map_or(BYTES_AT_ONCE, Frame::bytes).max(1);
        let count = (BYTES_AT_ONCE / size).clamp(1, FETCHED_AT_ONCE);
        let next = self.order.end.message + 1;
        let numbers = next..=last.min(next + count as u64 - 1);
        let get = |number| message(&log.client, &log.subjects, number);
        let mut fetched = stream::iter(numbers.clone()).map(get).buffered(FETCHED_AT_ONCE);
        while let Some(message) = fetched.next().await {
            let message = message?;
            if let Verdict::Counts { first_seq, at_ms } = self.order.take(&message.outline) {
                let frame = message.place(first_seq, at_ms);
                if frame.count > 0 {
                    self.ahead.push_back(frame);
                }
            }
        }
        Ok(!numbers.is_empty())
    }
}
