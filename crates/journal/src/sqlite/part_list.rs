//! The list of the parts of the newest snapshot: table `snapshot_part`.

use std::ops::Range;

use rusqlite::{Connection, Row, Transaction, params};

use super::fault::Fault;
use super::head::{Content, Head, Saved};
use crate::checksum;
use crate::part_id::PartId;

/// A part, and where its bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredPart {
    pub(super) id: PartId,
    /// The rows of table `part` with its bytes, in order.
    pub(super) blocks: Range<i64>,
}

/// The parts of the newest snapshot.
///
/// # Errors
/// [`Fault::Damaged`] if the table does not have what the head says.
pub(super) fn read(
    connection: &Connection,
    epoch: u64,
    saved: &Saved,
) -> Result<Vec<StoredPart>, Fault> {
    let Content::Parts { count, length, crc } = saved.content else { return Ok(Vec::new()) };
    let seq = saved.seq;
    let damaged = || Fault::Damaged(format!("the list of parts of the snapshot of record {seq}"));
    let mut select = connection.prepare_cached(
        "SELECT name, length, digest, crc, first_block, blocks FROM snapshot_part ORDER BY place",
    )?;
    let parts =
        select.query_map((), part)?.collect::<Result<Vec<_>, _>>().map_err(|_| damaged())?;
    let is_whole = i64::try_from(parts.len()) == Ok(count)
        && parts.iter().map(|it| it.id.length).sum::<u64>() == length
        && list_crc(epoch, seq, &parts) == crc;
    if is_whole { Ok(parts) } else { Err(damaged()) }
}

/// Makes these the parts of the newest snapshot.
pub(super) fn write(tx: &Transaction<'_>, seq: u64, parts: &[StoredPart]) -> Result<(), Fault> {
    let head = Head::read(tx)?;
    tx.execute("DELETE FROM snapshot_part", ())?;
    let mut insert = tx.prepare_cached(
        "INSERT INTO snapshot_part (place, name, length, digest, crc, first_block, blocks)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for (place, StoredPart { id, blocks }) in (1_i64..).zip(parts) {
        let (length, count) = (id.length.cast_signed(), blocks.end - blocks.start);
        insert.execute(params![place, id.name, length, id.digest, id.crc, blocks.start, count])?;
    }
    let content = Content::Parts {
        count: i64::try_from(parts.len()).unwrap_or(i64::MAX),
        length: parts.iter().map(|it| it.id.length).sum(),
        crc: list_crc(head.epoch, seq, parts),
    };
    Head { snapshot: Some(Saved { seq, content }), ..head }.write(tx)?;
    Ok(())
}

fn part(row: &Row<'_>) -> rusqlite::Result<StoredPart> {
    let first: i64 = row.get("first_block")?;
    let id = PartId {
        name: row.get("name")?,
        length: row.get::<_, i64>("length")?.cast_unsigned(),
        digest: row.get("digest")?,
        crc: row.get("crc")?,
    };
    Ok(StoredPart { id, blocks: first..first.saturating_add(row.get("blocks")?) })
}

fn list_crc(epoch: u64, seq: u64, parts: &[StoredPart]) -> u32 {
    let mut bytes = Vec::new();
    for StoredPart { id, blocks } in parts {
        let place = [blocks.start, blocks.end].map(i64::cast_unsigned);
        for number in [id.name.len() as u64, id.length, u64::from(id.crc), place[0], place[1]] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(id.name.as_bytes());
        bytes.extend_from_slice(&id.digest);
    }
    checksum::of_snapshot(epoch, seq, &bytes)
}
