//! Snapshots in blocks. Each block is a small transaction, and so is each removal.
//!
//! The head of the log and the list of parts name the blocks of the newest complete snapshot. All
//! others belong to a snapshot that was never completed or was replaced. They are dropped.

use std::ops::Range;
use std::sync::Arc;

use rusqlite::{Connection, Transaction, params};

use super::Shared;
use super::fault::Fault;
use super::head::{Content, Head, Saved};
use super::part_list::{self, StoredPart};
use super::schema;
use crate::contract::{Position, Snapshots, refuse_name, refuse_odd};
use crate::part_id::PartId;
use crate::parts::{Part, SavedParts};
use crate::{JournalError, checksum};

/// The size of a block, in bytes. An append waits for at most one: about a millisecond on an SSD.
const BLOCK_BYTES_MAX: usize = 256 * 1024;

/// How many blocks one transaction drops.
const BLOCKS_DROPPED_MAX: u32 = 4;

pub(super) struct FileSnapshots(pub(super) Arc<Shared>);

impl Snapshots for FileSnapshots {
    fn save_parts(
        &mut self,
        at: Position,
        parts: &mut dyn Iterator<Item = Part>,
    ) -> Result<SavedParts, JournalError> {
        let _turn = self.0.snapshot_turn.lock();
        let doing = "saving a snapshot";
        let head = self.0.query(doing, Head::read)?;
        let log = Position { epoch: head.epoch, seq: head.last_seq };
        refuse_odd(at, log, head.snapshot.as_ref().map(|it| it.seq))?;
        self.0.change(doing, schema::upgrade)?;
        // A list that is damaged has no part that could be kept. The new one takes its place.
        let known = self.0.query(doing, |it| Ok(list(it, &head).unwrap_or_default()))?;
        self.drop_blocks()?;
        let mut next = self.0.query(doing, next_block)?;
        let (mut stored, mut saved) = (Vec::<StoredPart>::new(), SavedParts::default());
        for Part { name, bytes } in parts {
            refuse_name(&name, stored.iter().map(|it| &*it.id.name))?;
            let id = PartId::of(name, &bytes);
            let same = known.iter().find(|it| it.id == id);
            let kept = same.filter(|it| self.has_blocks(it)).cloned();
            saved.add(id.length, kept.is_none());
            stored.push(match kept {
                Some(part) => part,
                None => {
                    let first = next;
                    for block in bytes.chunks(BLOCK_BYTES_MAX) {
                        self.0.change(doing, |tx| insert(tx, next, block))?;
                        next += 1;
                    }
                    StoredPart { id, blocks: first..next }
                }
            });
        }
        self.0.change(doing, |tx| part_list::write(tx, at.seq, &stored))?;
        self.drop_blocks()?;
        Ok(saved)
    }

    fn load_parts(&mut self) -> Result<Option<(Position, Vec<Part>)>, JournalError> {
        let _turn = self.0.snapshot_turn.lock();
        let doing = "loading the snapshot";
        let head = self.0.query(doing, Head::read)?;
        let Some(saved) = &head.snapshot else { return Ok(None) };
        let at = Position { epoch: head.epoch, seq: saved.seq };
        if let Content::Whole { blocks, length, crc } = &saved.content {
            let bytes = self.bytes(blocks, *length)?;
            let is_whole = bytes.len() as u64 == *length
                && checksum::of_snapshot(head.epoch, saved.seq, &bytes) == *crc;
            return match is_whole {
                true => Ok(Some((at, vec![Part::whole(bytes)]))),
                false => Err(self.damaged(saved.seq, "")),
            };
        }
        let mut parts = Vec::new();
        for StoredPart { id, blocks } in self.0.query(doing, |it| list(it, &head))? {
            let bytes = self.bytes(&blocks, id.length)?;
            if !id.fits(&bytes) {
                return Err(self.damaged(saved.seq, &id.name));
            }
            parts.push(Part { name: id.name, bytes });
        }
        Ok(Some((at, parts)))
    }
}

impl FileSnapshots {
    /// The bytes in these blocks, as far as they are there.
    fn bytes(&self, blocks: &Range<i64>, length: u64) -> Result<Vec<u8>, JournalError> {
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        for id in blocks.clone() {
            self.0.query("loading the snapshot", |it| read(it, id, &mut bytes))?;
        }
        Ok(bytes)
    }

    /// Whether all blocks of a part are there. What is in them is looked at when it is loaded.
    fn has_blocks(&self, StoredPart { id, blocks }: &StoredPart) -> bool {
        let lengths = |connection: &Connection| {
            let sum = "SELECT coalesce(sum(length(bytes)), 0) FROM part WHERE id >= ?1 AND id < ?2";
            Ok(connection.query_row(sum, [blocks.start, blocks.end], |row| row.get::<_, i64>(0))?)
        };
        self.0.query("saving a snapshot", lengths).is_ok_and(|sum| sum.cast_unsigned() == id.length)
    }

    fn damaged(&self, seq: u64, name: &str) -> JournalError {
        let what = match name {
            "" => format!("the snapshot of record {seq} is not what was saved"),
            _ => format!("part `{name}` of the snapshot of record {seq} is not what was saved"),
        };
        Fault::Damaged(what).into_error("loading the snapshot", &self.0.directory.database())
    }

    fn drop_blocks(&self) -> Result<(), JournalError> {
        while self.0.change("dropping an old snapshot", drop_some)? > 0 {}
        Ok(())
    }
}

/// Saves a snapshot into a log that nobody else has open, and that has none.
pub(super) fn save_whole(tx: &Transaction<'_>, parts: &[Part]) -> Result<(), Fault> {
    let (mut next, mut stored) = (1, Vec::with_capacity(parts.len()));
    for Part { name, bytes } in parts {
        let first = next;
        for block in bytes.chunks(BLOCK_BYTES_MAX) {
            insert(tx, next, block)?;
            next += 1;
        }
        stored.push(StoredPart { id: PartId::of(name.clone(), bytes), blocks: first..next });
    }
    let last = Head::read(tx)?.last_seq;
    part_list::write(tx, last, &stored)
}

/// The parts of the newest snapshot; none of one that was saved as a whole.
fn list(connection: &Connection, head: &Head) -> Result<Vec<StoredPart>, Fault> {
    let read = |saved: &Saved| part_list::read(connection, head.epoch, saved);
    head.snapshot.as_ref().map_or(Ok(Vec::new()), read)
}

fn insert(tx: &Transaction<'_>, id: i64, block: &[u8]) -> Result<(), Fault> {
    tx.prepare_cached("INSERT INTO part (id, bytes) VALUES (?1, ?2)")?
        .execute(params![id, block])?;
    Ok(())
}

/// Adds the bytes of a block, if it is there.
fn read(connection: &Connection, id: i64, bytes: &mut Vec<u8>) -> Result<(), Fault> {
    let mut select = connection.prepare_cached("SELECT bytes FROM part WHERE id = ?1")?;
    let mut rows = select.query([id])?;
    if let Some(row) = rows.next()? {
        let block = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
        bytes.extend_from_slice(block);
    }
    Ok(())
}

fn next_block(connection: &Connection) -> Result<i64, Fault> {
    let next = "SELECT coalesce(max(id), 0) + 1 FROM part";
    Ok(connection.query_row(next, (), |row| row.get(0))?)
}

/// Drops a few unused blocks, and returns how many.
fn drop_some(tx: &Transaction<'_>) -> Result<usize, Fault> {
    let head = Head::read(tx)?;
    let mut named: Vec<_> = match &head.snapshot {
        Some(Saved { content: Content::Whole { blocks, .. }, .. }) => vec![blocks.clone()],
        Some(_) => match list(tx, &head) {
            Ok(list) => list.into_iter().map(|it| it.blocks).collect(),
            // What it named is not known, so nothing is dropped.
            Err(_) => return Ok(0),
        },
        None => Vec::new(),
    };
    // Trap: behind a part without bytes lies no gap, as it may begin where another one does.
    named.retain(|blocks| !blocks.is_empty());
    named.sort_unstable_by_key(|blocks| blocks.start);
    let mut delete = tx.prepare_cached(
        "DELETE FROM part WHERE id IN
            (SELECT id FROM part WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3)",
    )?;
    let ends = named.iter().map(|blocks| blocks.start).chain([i64::MAX]);
    let starts = [i64::MIN].into_iter().chain(named.iter().map(|blocks| blocks.end));
    for (start, end) in starts.zip(ends).filter(|(start, end)| start < end) {
        let dropped = delete.execute(params![start, end, BLOCKS_DROPPED_MAX])?;
        if dropped > 0 {
            return Ok(dropped);
        }
    }
    Ok(0)
}
