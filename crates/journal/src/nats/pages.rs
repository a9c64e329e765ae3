//! Pages of records: from the newest batches, which are at hand, or fetched from the service.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::{StreamExt, stream};

use super::fault::Fault;
use super::frame::Frame;
use super::log::{Log, frame};
use crate::contract::{PageLimit, Record};
use crate::{JournalError, Position};

/// How many small messages are fetched at once.
const FETCHED_AT_ONCE: usize = 64;

/// How many bytes are fetched at once, by the size of the message before.
const BYTES_AT_ONCE: usize = 2 * 1024 * 1024;

/// What was fetched for one reader and not yet read.
#[derive(Default)]
pub(super) struct Cursor {
    epoch: u64,
    ahead: VecDeque<Frame>,
    /// The message to be fetched next.
    next_message: u64,
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

    /// Takes what fits, and says whether there is room for more.
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

/// A page of what is at hand, if this record is; of nothing just past the last one.
pub(super) fn at_hand(
    log: &Log,
    from_seq: u64,
    limit: PageLimit,
) -> Result<Option<Vec<Record>>, JournalError> {
    let known = log.known.lock();
    let (first, last) = (known.first_seq, known.end.seq);
    if from_seq < first || from_seq > last.saturating_add(1) {
        return Err(JournalError::NotThere { wanted: from_seq, first, last });
    }
    let mut page = Page::new(from_seq, limit);
    if from_seq == last + 1 {
        return Ok(Some(page.records));
    }
    let Some(recent) = known.recent(from_seq) else { return Ok(None) };
    for frame in recent {
        if !page.take(frame)? {
            break;
        }
    }
    Ok(Some(page.records))
}

impl Cursor {
    /// A page of what has to be fetched, of known records only.
    pub(super) async fn fetch(
        &mut self,
        log: &Arc<Log>,
        from_seq: u64,
        limit: PageLimit,
    ) -> Result<Vec<Record>, Fault> {
        let (end, epoch) = {
            let known = log.known.lock();
            (Position { epoch: known.epoch, seq: known.end.seq }, known.epoch)
        };
        if self.epoch != epoch || self.ahead.front().is_none_or(|it| it.first_seq > from_seq) {
            *self =
                Self { epoch, ahead: VecDeque::new(), next_message: find(log, from_seq).await? };
        }
        let mut page = Page::new(from_seq, limit);
        loop {
            while let Some(frame) = self.ahead.front() {
                if frame.end_seq() > page.next && !page.take(frame).map_err(Fault::Error)? {
                    return Ok(page.records);
                }
                // What is at hand for the next page begins where this one ends.
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

    /// Says whether there was more.
    async fn fetch_more(&mut self, log: &Arc<Log>) -> Result<bool, Fault> {
        let last = log.known.lock().end.message;
        let size = self.ahead.back().map_or(BYTES_AT_ONCE, Frame::bytes).max(1);
        let count = (BYTES_AT_ONCE / size).clamp(1, FETCHED_AT_ONCE);
        let until = last.min(self.next_message + count as u64 - 1);
        let numbers = self.next_message..=until;
        let get = |number| frame(&log.service, &log.names, number);
        let mut fetched = stream::iter(numbers.clone()).map(get).buffered(FETCHED_AT_ONCE);
        while let Some(frame) = fetched.next().await {
            let frame = frame?;
            self.next_message = frame.message + 1;
            if frame.counts() && frame.count > 0 {
                self.ahead.push_back(frame);
            }
        }
        Ok(!numbers.is_empty())
    }
}

/// The message that this record is in, which is a known one.
pub(super) async fn find(log: &Log, seq: u64) -> Result<u64, Fault> {
    let (mut low, mut high) = {
        let known = log.known.lock();
        (known.first_message, known.end.message)
    };
    // The message sought lies in low..=high.
    while low < high {
        let middle = low.midpoint(high);
        let mut probe = middle;
        let mut found = frame(&log.service, &log.names, probe).await?;
        while !found.counts() && probe < high {
            probe += 1;
            found = frame(&log.service, &log.names, probe).await?;
        }
        if found.counts() && found.end_seq() <= seq {
            low = probe + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}
