//! The table of records: insert, page, trim.

use std::ops::RangeInclusive;
use std::slice;
use std::sync::LazyLock;

use rusqlite::{Connection, Row, Transaction};

use super::fault::Fault;
use super::head::Head;
use crate::checksum;
use crate::contract::{PageLimit, Record, TRIM_RECORDS_MAX};

/// How many records one statement inserts. To run a statement costs more than a row of it.
const ROWS: usize = 16;

static INSERT_ONE: LazyLock<String> = LazyLock::new(|| inserting(1));
static INSERT_MANY: LazyLock<String> = LazyLock::new(|| inserting(ROWS));

/// The statement that inserts so many records.
fn inserting(rows: usize) -> String {
    format!("INSERT INTO record (seq, crc, bytes) VALUES {}", vec!["(?, ?, ?)"; rows].join(", "))
}

/// Inserts a batch after the last record, which must have this number.
pub(super) fn insert(tx: &Transaction<'_>, last_seq: u64, batch: &[Vec<u8>]) -> Result<(), Fault> {
    let mut head = Head::read(tx)?;
    if head.last_seq != last_seq {
        return Err(foreign(head.last_seq, last_seq));
    }
    let (many, rest) = batch.as_chunks::<ROWS>();
    let many = many.iter().map(|rows| (&*INSERT_MANY, rows.as_slice()));
    let rest = rest.iter().map(|row| (&*INSERT_ONE, slice::from_ref(row)));
    for (statement, rows) in many.chain(rest) {
        let mut insert = tx.prepare_cached(statement)?;
        for (row, bytes) in rows.iter().enumerate() {
            head.last_seq += 1;
            insert.raw_bind_parameter(3 * row + 1, head.last_seq.cast_signed())?;
            insert.raw_bind_parameter(3 * row + 2, checksum::of_record(head.last_seq, bytes))?;
            insert.raw_bind_parameter(3 * row + 3, bytes)?;
        }
        insert.raw_execute()?;
    }
    head.write(tx)?;
    Ok(())
}

/// A page of these records. It checks each number, so that none is missing, and each checksum.
pub(super) fn page(
    connection: &Connection,
    range: RangeInclusive<u64>,
    limit: PageLimit,
) -> Result<Vec<Record>, Fault> {
    let mut select = connection
        .prepare_cached("SELECT seq, crc, bytes FROM record WHERE seq >= ?1 ORDER BY seq")?;
    let mut rows = select.query([range.start().cast_signed()])?;
    let (mut page, mut sum) = (Vec::new(), 0);
    for expected in range.take(limit.records_max.max(1)) {
        let unreadable = |error| Fault::Damaged(format!("record {expected}: {error}"));
        let Some(row) = rows.next().map_err(unreadable)? else {
            return Err(Fault::Damaged(format!("record {expected} is missing")));
        };
        let (seq, crc, bytes) = columns(row).map_err(unreadable)?;
        if seq != expected {
            let what = format!("record {expected} is missing; the next one is {seq}");
            return Err(Fault::Damaged(what));
        }
        if crc != checksum::of_record(seq, bytes) {
            return Err(Fault::Damaged(format!("record {seq} is not what was appended")));
        }
        sum += bytes.len();
        if sum > limit.bytes_max && !page.is_empty() {
            break;
        }
        page.push(Record { seq, at_ms: None, bytes: bytes.to_vec() });
    }
    Ok(page)
}

/// Removes records before this one, within the limit of one call and of the snapshot. Returns the
/// first record that is left.
pub(super) fn trim(tx: &Transaction<'_>, before_seq: u64) -> Result<u64, Fault> {
    let mut head = Head::read(tx)?;
    let end = before_seq.min(head.covered_seq() + 1).min(head.first_seq + TRIM_RECORDS_MAX);
    if end > head.first_seq {
        tx.execute("DELETE FROM record WHERE seq < ?1", [end.cast_signed()])?;
        head.first_seq = end;
        head.write(tx)?;
    }
    Ok(head.first_seq)
}

/// Removes the batch whose append has failed, if it lies after this record. Refuses to remove
/// anything else: it belongs to somebody.
pub(super) fn undo(tx: &Transaction<'_>, last_seq: u64, batch: &[Vec<u8>]) -> Result<(), Fault> {
    let head = Head::read(tx)?;
    if head.last_seq == last_seq {
        return Ok(());
    }
    if head.last_seq != last_seq + batch.len() as u64 {
        return Err(foreign(head.last_seq, last_seq));
    }
    let mut select = tx.prepare_cached("SELECT bytes FROM record WHERE seq > ?1 ORDER BY seq")?;
    let found: Vec<Vec<u8>> =
        select.query_map([last_seq.cast_signed()], |row| row.get(0))?.collect::<Result<_, _>>()?;
    if found != batch {
        return Err(foreign(head.last_seq, last_seq));
    }
    tx.execute("DELETE FROM record WHERE seq > ?1", [last_seq.cast_signed()])?;
    Head { last_seq, ..head }.write(tx)?;
    Ok(())
}

/// The log ends with a record that this process did not write.
pub(super) fn foreign(found: u64, known: u64) -> Fault {
    Fault::Foreign(format!(
        "it ends with record {found}, and this process has written up to {known}"
    ))
}

fn columns<'a>(row: &'a Row<'_>) -> rusqlite::Result<(u64, u32, &'a [u8])> {
    let seq: i64 = row.get(0)?;
    Ok((seq.cast_unsigned(), row.get(1)?, row.get_ref(2)?.as_blob()?))
}
