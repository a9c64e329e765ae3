//! The one row of table `log`: the head of the log, which changes with each commit.

use std::ops::Range;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::fault::Fault;
use crate::checksum;

/// The head of a log. It repeats what the table of records shows, because a damaged page can hide
/// its last rows from SQLite without a sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) epoch: u64,
    pub(super) first_seq: u64,
    /// One less than the first if no record is kept.
    pub(super) last_seq: u64,
    pub(super) snapshot: Option<Saved>,
}

/// The newest complete snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Saved {
    pub(super) seq: u64,
    pub(super) content: Content,
}

/// What a snapshot consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// One piece of bytes, as format 1 has it.
    Whole {
        /// The rows of table `part` with its bytes, in order.
        blocks: Range<i64>,
        length: u64,
        crc: u32,
    },
    /// The parts that table `snapshot_part` lists.
    Parts {
        /// How many.
        count: i64,
        /// Of all their bytes.
        length: u64,
        /// Of the list.
        crc: u32,
    },
}

impl Head {
    /// The head of a new log.
    pub(super) fn new(epoch: u64) -> Self {
        Self { epoch, first_seq: 1, last_seq: 0, snapshot: None }
    }

    pub(super) fn read(connection: &Connection) -> Result<Self, Fault> {
        let mut select = connection.prepare_cached(
            "SELECT epoch, first_seq, last_seq, crc, snapshot_seq, snapshot_first_part,
                snapshot_parts, snapshot_length, snapshot_crc FROM log WHERE id = 1",
        )?;
        let found = select.query_row((), |row| Ok((head(row)?, row.get::<_, u32>("crc")?)));
        match found.optional()? {
            None => Err(Fault::Damaged("the row of table `log` is missing".to_owned())),
            Some((head, crc)) if crc == head.crc() => Ok(head),
            Some(_) => {
                Err(Fault::Damaged("the row of table `log` is not what was written".to_owned()))
            }
        }
    }

    pub(super) fn write(&self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        let saved = self.snapshot.as_ref();
        let content = saved.map(|it| it.content.columns());
        let mut replace = tx.prepare_cached(
            "INSERT OR REPLACE INTO log (id, epoch, first_seq, last_seq, crc, snapshot_seq,
                snapshot_first_part, snapshot_parts, snapshot_length, snapshot_crc)
                VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        replace.execute(params![
            self.epoch.cast_signed(),
            self.first_seq.cast_signed(),
            self.last_seq.cast_signed(),
            self.crc(),
            saved.map(|it| it.seq.cast_signed()),
            content.and_then(|it| it.0),
            content.map(|it| it.1),
            content.map(|it| it.2.cast_signed()),
            content.map(|it| it.3),
        ])?;
        Ok(())
    }

    /// The last record that the snapshot covers, or 0.
    pub(super) fn covered_seq(&self) -> u64 {
        self.snapshot.as_ref().map_or(0, |it| it.seq)
    }

    fn crc(&self) -> u32 {
        let mut numbers = vec![self.epoch, self.first_seq, self.last_seq];
        if let Some(Saved { seq, content }) = &self.snapshot {
            let (first, count, length, crc) = content.columns();
            numbers.push(*seq);
            numbers.extend(first.map(i64::cast_unsigned));
            numbers.extend([count.cast_unsigned(), length, u64::from(crc)]);
        }
        checksum::of_numbers(&numbers)
    }
}

impl Content {
    /// The first block, how many of them or of the parts there are, the length and the checksum.
    fn columns(&self) -> (Option<i64>, i64, u64, u32) {
        match self {
            Self::Whole { blocks, length, crc } => {
                (Some(blocks.start), blocks.end - blocks.start, *length, *crc)
            }
            Self::Parts { count, length, crc } => (None, *count, *length, *crc),
        }
    }
}

fn head(row: &Row<'_>) -> rusqlite::Result<Head> {
    let number = |name: &str| row.get::<_, i64>(name).map(i64::cast_unsigned);
    let seq: Option<i64> = row.get("snapshot_seq")?;
    let snapshot = match seq {
        None => None,
        Some(seq) => {
            let (length, crc) = (number("snapshot_length")?, row.get("snapshot_crc")?);
            let count: i64 = row.get("snapshot_parts")?;
            let content = match row.get::<_, Option<i64>>("snapshot_first_part")? {
                Some(first) => {
                    Content::Whole { blocks: first..first.saturating_add(count), length, crc }
                }
                None => Content::Parts { count, length, crc },
            };
            Some(Saved { seq: seq.cast_unsigned(), content })
        }
    };
    Ok(Head {
        epoch: number("epoch")?,
        first_seq: number("first_seq")?,
        last_seq: number("last_seq")?,
        snapshot,
    })
}
