//! Reading the log beside the thread that appends to it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Shared;
use super::head::Head;
use super::records;
use crate::JournalError;
use crate::contract::{PageLimit, Position, Reader, Record};

pub(super) struct FileReader(pub(super) Arc<Shared>);

impl FileReader {
    /// The head of the log, without records that are not acknowledged.
    fn head(&self) -> Result<Head, JournalError> {
        // Before the head. Otherwise a batch that is acknowledged meanwhile would be missing in it.
        let acknowledged = self.0.acknowledged.load(Ordering::Acquire);
        let head = self.0.query("reading", Head::read)?;
        Ok(Head { last_seq: acknowledged, ..head })
    }
}

impl Reader for FileReader {
    fn position(&mut self) -> Result<Position, JournalError> {
        let head = self.head()?;
        Ok(Position { epoch: head.epoch, seq: head.last_seq })
    }

    fn first_seq(&mut self) -> Result<u64, JournalError> {
        Ok(self.head()?.first_seq)
    }

    fn read(&mut self, from_seq: u64, limit: PageLimit) -> Result<Vec<Record>, JournalError> {
        let acknowledged = self.0.acknowledged.load(Ordering::Acquire);
        // In one query, so that nothing is trimmed between the head and the page.
        self.0.query("reading", |connection| {
            let (first, last) = (Head::read(connection)?.first_seq, acknowledged);
            if from_seq < first || from_seq > last + 1 {
                return Ok(Err(JournalError::NotThere { wanted: from_seq, first, last }));
            }
            records::page(connection, from_seq..=last, limit.of_a_reader()).map(Ok)
        })?
    }
}
