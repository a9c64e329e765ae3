//! Snapshots in parts. Each part is a small transaction, and so is each removal.
//!
//! The head of the log names the parts of the newest complete snapshot. All other parts belong to a
//! snapshot that was never completed or was replaced. They are dropped.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::Shared;
use super::fault::Fault;
use super::head::{Head, Saved};
use crate::contract::{Position, Snapshots, refuse_odd};
use crate::{JournalError, checksum};

/// The size of a part, in bytes. An append waits for at most one: about a millisecond on an SSD.
const PART_BYTES_MAX: usize = 256 * 1024;

/// How many parts one transaction drops.
const PARTS_DROPPED_MAX: u32 = 4;

pub(super) struct FileSnapshots(pub(super) Arc<Shared>);

impl Snapshots for FileSnapshots {
    fn save(&mut self, at: Position, bytes: &[u8]) -> Result<(), JournalError> {
        let _turn = self.0.snapshot_turn.lock();
        let doing = "saving a snapshot";
        let head = self.0.query(doing, Head::read)?;
        let log = Position { epoch: head.epoch, seq: head.last_seq };
        refuse_odd(at, log, head.snapshot.map(|it| it.seq))?;
        self.drop_parts()?;
        let first = self.0.query(doing, next_part)?;
        let mut next = first;
        for part in bytes.chunks(PART_BYTES_MAX) {
            self.0.change(doing, |tx| insert(tx, next, part))?;
            next += 1;
        }
        let crc = checksum::of_snapshot(at.epoch, at.seq, bytes);
        let saved = Saved { seq: at.seq, parts: first..next, length: bytes.len() as u64, crc };
        self.0.change(doing, |tx| {
            Head { snapshot: Some(saved), ..Head::read(tx)? }.write(tx)?;
            Ok(())
        })?;
        self.drop_parts()
    }

    fn load(&mut self) -> Result<Option<(Position, Vec<u8>)>, JournalError> {
        let _turn = self.0.snapshot_turn.lock();
        let doing = "loading the snapshot";
        let head = self.0.query(doing, Head::read)?;
        let Some(saved) = head.snapshot else { return Ok(None) };
        let mut bytes = Vec::new();
        for id in saved.parts.clone() {
            let part = self.0.query(doing, |it| read(it, id))?;
            bytes.extend_from_slice(&part.unwrap_or_default());
        }
        let whole = bytes.len() as u64 == saved.length
            && checksum::of_snapshot(head.epoch, saved.seq, &bytes) == saved.crc;
        if !whole {
            let what = format!("the snapshot of record {} is not what was saved", saved.seq);
            return Err(Fault::Damaged(what).into_error(doing, &self.0.directory.database()));
        }
        Ok(Some((Position { epoch: head.epoch, seq: saved.seq }, bytes)))
    }
}

impl FileSnapshots {
    fn drop_parts(&self) -> Result<(), JournalError> {
        while self.0.change("dropping an old snapshot", drop_some)? > 0 {}
        Ok(())
    }
}

/// Saves a snapshot into a log that nobody else has open, and that has none.
pub(super) fn save_whole(tx: &Transaction<'_>, bytes: &[u8]) -> Result<(), Fault> {
    let head = Head::read(tx)?;
    let mut next = 1;
    for part in bytes.chunks(PART_BYTES_MAX) {
        insert(tx, next, part)?;
        next += 1;
    }
    let crc = checksum::of_snapshot(head.epoch, head.last_seq, bytes);
    let (seq, length) = (head.last_seq, bytes.len() as u64);
    let saved = Saved { seq, parts: 1..next, length, crc };
    Head { snapshot: Some(saved), ..head }.write(tx)?;
    Ok(())
}

fn insert(tx: &Transaction<'_>, id: i64, part: &[u8]) -> Result<(), Fault> {
    tx.prepare_cached("INSERT INTO part (id, bytes) VALUES (?1, ?2)")?
        .execute(params![id, part])?;
    Ok(())
}

fn read(connection: &Connection, id: i64) -> Result<Option<Vec<u8>>, Fault> {
    let mut select = connection.prepare_cached("SELECT bytes FROM part WHERE id = ?1")?;
    Ok(select.query_row([id], |row| row.get(0)).optional()?)
}

fn next_part(connection: &Connection) -> Result<i64, Fault> {
    let next = "SELECT coalesce(max(id), 0) + 1 FROM part";
    Ok(connection.query_row(next, (), |row| row.get(0))?)
}

/// Drops a few unused parts, and returns how many.
fn drop_some(tx: &Transaction<'_>) -> Result<usize, Fault> {
    let named = Head::read(tx)?.snapshot.map_or(0..0, |it| it.parts);
    let dropped = tx.execute(
        "DELETE FROM part WHERE id IN
            (SELECT id FROM part WHERE id < ?1 OR id >= ?2 ORDER BY id LIMIT ?3)",
        params![named.start, named.end, PARTS_DROPPED_MAX],
    )?;
    Ok(dropped)
}
