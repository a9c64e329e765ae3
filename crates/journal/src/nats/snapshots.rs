//! Snapshots: blocks in a stream of their own, and a manifest that names them once all are stored.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::json;
use tokio::time::Instant;

use super::fault::Fault;
use super::log::Log;
use super::runtime::Runtime;
use super::state::{Content, Manifest, Said, StoredPart};
use crate::contract::{Position, Snapshots, refuse_name, refuse_odd};
use crate::part_id::PartId;
use crate::parts::{Part, SavedParts};
use crate::{JournalError, checksum};

/// The size of a block, in bytes. An append waits for at most one of them.
const BLOCK_BYTES: usize = 256 * 1024;

/// How many blocks are fetched at once.
const FETCHED_AT_ONCE: usize = 8;

/// How long storing a block may take, with all attempts.
const BLOCK_PATIENCE: Duration = Duration::from_secs(20);

/// The longest time to save or load a snapshot. After it, something is stuck.
const PATIENCE: Duration = Duration::from_secs(600);

/// Blocks of no snapshot are removed when they are older than this, in milliseconds: the process
/// that was saving them has ended.
const LEFT_BEHIND_MS: u64 = 2 * 600 * 1_000;

/// So many parts of no snapshot are looked at after a save.
const LEFT_BEHIND_PARTS_MAX: usize = 100;

pub(super) struct NatsSnapshots {
    pub(super) runtime: Arc<Runtime>,
}

impl Snapshots for NatsSnapshots {
    fn save_parts(
        &mut self,
        at: Position,
        parts: &mut dyn Iterator<Item = Part>,
    ) -> Result<SavedParts, JournalError> {
        let give_up = Instant::now() + PATIENCE;
        let saved = self.store_all(at, parts, give_up);
        saved.map_err(|fault| fault.into_error("saving a snapshot"))
    }

    fn load_parts(&mut self) -> Result<Option<(Position, Vec<Part>)>, JournalError> {
        let log = self.runtime.log.clone();
        let loaded = self.runtime.wait(PATIENCE, async move { load(&log).await });
        loaded.map_err(|fault| fault.into_error("loading a snapshot"))
    }
}

impl NatsSnapshots {
    fn store_all(
        &self,
        at: Position,
        parts: &mut dyn Iterator<Item = Part>,
        give_up: Instant,
    ) -> Result<SavedParts, Fault> {
        let log = self.runtime.log.clone();
        let known = self.runtime.wait(PATIENCE, async move { Known::read(&log, at).await })?;
        let id =
            format!("{:016x}-{}-{:016x}", at.epoch, at.seq, super::draw().map_err(Fault::Error)?);
        let mut save = Save { at, id: id.clone(), list: Vec::new(), kept: HashSet::new() };
        let stored = self.store_parts(&mut save, &known, parts, give_up);
        let log = self.runtime.log.clone();
        let ending = async move {
            let ended = match stored {
                Ok(saved) => name_parts(&log, save).await.map(|()| saved),
                Err(fault) => Err(fault),
            };
            if ended.is_err() {
                let _the_next_one_removes_them = remove(&log, &format!("{id}.>")).await;
            }
            ended
        };
        self.runtime.wait(give_up.saturating_duration_since(Instant::now()), ending)
    }

    /// Stores what is not stored yet, part by part.
    fn store_parts(
        &self,
        save: &mut Save,
        known: &Known,
        parts: &mut dyn Iterator<Item = Part>,
        give_up: Instant,
    ) -> Result<SavedParts, Fault> {
        let mut saved = SavedParts::default();
        for Part { name, bytes } in parts {
            let before = save.list.iter().map(StoredPart::name);
            refuse_name(&name, before).map_err(Fault::Error)?;
            let part = PartId::of(name, &bytes);
            let part = StoredPart::new(&part, format!("{}.{}", save.id, save.list.len()));
            let kept = known.same(&part).cloned();
            saved.add(part.length(), kept.is_none());
            let part = match kept {
                Some(part) => {
                    save.kept.insert(part.id.clone());
                    part
                }
                None => {
                    let log = self.runtime.log.clone();
                    let left = give_up.saturating_duration_since(Instant::now());
                    self.runtime.wait(left, async move { store(&log, part, bytes.into()).await })?
                }
            };
            save.list.push(part);
        }
        Ok(saved)
    }
}

/// A snapshot that is being saved.
struct Save {
    at: Position,
    id: String,
    list: Vec<StoredPart>,
    /// The parts of the newest snapshot that it has, too.
    kept: HashSet<String>,
}

/// What is stored of the newest snapshot.
struct Known {
    parts: Vec<StoredPart>,
    /// How many messages there are of each subject.
    subjects: HashMap<String, u64>,
    /// What stands before the id of a part in its subject.
    prefix: String,
}

impl Known {
    async fn read(log: &Log, at: Position) -> Result<Self, Fault> {
        let manifest = check(log, at).await?.it;
        // A list that is damaged has no part that could be kept. The new one takes its place.
        let parts = manifest.as_ref().and_then(|it| it.parts(at.epoch)).unwrap_or_default();
        let subjects = match parts.is_empty() {
            true => HashMap::new(),
            false => log.client.subjects(&log.subjects.parts).await.unwrap_or_default(),
        };
        Ok(Self { parts: parts.to_vec(), subjects, prefix: log.subjects.part_subject("") })
    }

    /// The same part, if all of its messages are there.
    fn same(&self, part: &StoredPart) -> Option<&StoredPart> {
        let found = self.parts.iter().find(|it| it.is_same(part))?;
        let stored = self.subjects.get(&format!("{}{}", self.prefix, found.id)).copied();
        (stored.unwrap_or(0) == found.each_message().count() as u64).then_some(found)
    }
}

/// Refuses a snapshot that does not fit. Returns the manifest that it would replace.
async fn check(log: &Log, at: Position) -> Result<Said<Manifest>, Fault> {
    let newest = log.state().manifest().await?;
    let index = {
        let index = log.index.lock();
        Position { epoch: index.epoch, seq: index.end().seq }
    };
    refuse_odd(at, index, newest.it.as_ref().map(|it| it.seq)).map_err(Fault::Error)?;
    Ok(newest)
}

/// Stores the bytes of a part.
async fn store(log: &Log, mut part: StoredPart, bytes: Bytes) -> Result<StoredPart, Fault> {
    let subject = log.subjects.part_subject(&part.id);
    for (n, start) in (0..bytes.len()).step_by(BLOCK_BYTES).enumerate() {
        let block = bytes.slice(start..bytes.len().min(start + BLOCK_BYTES));
        let message = store_block(log, &subject, format!("{}-{n}", part.id), block).await?;
        part.push(message);
    }
    Ok(part)
}

async fn store_block(log: &Log, subject: &str, id: String, block: Bytes) -> Result<u64, Fault> {
    let give_up = Instant::now() + BLOCK_PATIENCE;
    loop {
        match log.client.publish(subject, None, Some(id.clone()), block.clone()).await {
            Err(Fault::Silent(_)) if Instant::now() < give_up => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            other => return other,
        }
    }
}

/// Stores the manifest, and removes what only the one before it has named.
async fn name_parts(log: &Log, save: Save) -> Result<(), Fault> {
    let Save { at, id, list, kept } = save;
    let manifest = Manifest::new(at.epoch, at.seq, id, list);
    let replaced = set_manifest(log, at, &manifest, &kept).await?;
    let named = manifest.subjects();
    for left in replaced.iter().flat_map(Manifest::subjects).filter(|it| !named.contains(it)) {
        let _the_next_one_removes_them = remove(log, left).await;
    }
    let _the_next_one_tries_again = remove_left_behind(log).await;
    Ok(())
}

/// Returns the snapshot that was replaced.
async fn set_manifest(
    log: &Log,
    at: Position,
    manifest: &Manifest,
    kept: &HashSet<String>,
) -> Result<Option<Manifest>, Fault> {
    loop {
        let newest = check(log, at).await?;
        // Whoever has saved a snapshot meanwhile has removed the parts that it lacks.
        let named = newest.it.as_ref().map(Manifest::subjects).unwrap_or_default();
        if !kept.iter().all(|id| named.contains(&**id)) {
            let why = "another replica has saved a snapshot meanwhile".to_owned();
            return Err(Fault::Error(JournalError::Refused { why }));
        }
        match log.state().set_manifest(&newest, manifest).await {
            Ok(()) => {
                // Older servers may accept two at once, and the older snapshot may be the last.
                let found = log.state().manifest().await?.it;
                if found.is_some_and(|it| it.seq >= at.seq) {
                    return Ok(newest.it);
                }
            }
            Err(Fault::Conflict) => {}
            // The manifest may be stored all the same.
            Err(Fault::Silent(why)) => {
                let found = log.state().manifest().await?.it;
                return match found.is_some_and(|it| it.id == manifest.id) {
                    true => Ok(newest.it),
                    false => Err(Fault::Silent(why)),
                };
            }
            Err(fault) => return Err(fault),
        }
    }
}

async fn load(log: &Log) -> Result<Option<(Position, Vec<Part>)>, Fault> {
    let epoch = log.state().epoch;
    let mut tried = None;
    loop {
        let Some(manifest) = log.state().manifest().await?.it else { return Ok(None) };
        let is_the_same = tried.as_ref() == Some(&manifest.id);
        match load_content(log, epoch, &manifest).await {
            Ok(parts) => return Ok(Some((Position { epoch, seq: manifest.seq }, parts))),
            Err(Fault::NotFound | Fault::NoStream) if is_the_same => {
                return Err(damaged(&manifest, "it has lost a part"));
            }
            // There is a newer snapshot now.
            Err(Fault::NotFound | Fault::NoStream) => tried = Some(manifest.id),
            Err(fault) => return Err(fault),
        }
    }
}

async fn load_content(log: &Log, epoch: u64, manifest: &Manifest) -> Result<Vec<Part>, Fault> {
    if let Content::Whole { parts, length, crc } = &manifest.content {
        let bytes = fetch(log, parts.iter().copied(), *length).await?;
        let is_whole = bytes.len() as u64 == *length
            && checksum::of_snapshot(epoch, manifest.seq, &bytes) == *crc;
        return match is_whole {
            true => Ok(vec![Part::whole(bytes)]),
            false => Err(damaged(manifest, "it is not what was saved")),
        };
    }
    let list = manifest.parts(epoch).ok_or_else(|| damaged(manifest, "its list of parts"))?;
    let mut parts = Vec::with_capacity(list.len());
    for part in list {
        let bytes = fetch(log, part.each_message(), part.length()).await?;
        if !part.fits(&bytes) {
            let what = format!("part `{}` is not what was saved", part.name());
            return Err(damaged(manifest, &what));
        }
        parts.push(Part { name: part.name().to_owned(), bytes });
    }
    Ok(parts)
}

fn damaged(manifest: &Manifest, why: &str) -> Fault {
    let what = format!("the snapshot of record {}: {why}", manifest.seq);
    Fault::Error(JournalError::Damaged { what })
}

async fn fetch(
    log: &Log,
    messages: impl Iterator<Item = u64>,
    length: u64,
) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    let fetch = |number: u64| log.client.message(&log.subjects.parts, number);
    let mut fetched = stream::iter(messages).map(fetch).buffered(FETCHED_AT_ONCE);
    while let Some(block) = fetched.next().await {
        bytes.extend_from_slice(&block?.payload);
    }
    Ok(bytes)
}

/// Removes the messages of a part by the last words of its subject.
async fn remove(log: &Log, id: &str) -> Result<(), Fault> {
    let which = json!({ "filter": log.subjects.part_subject(id) });
    log.client.purge(&log.subjects.parts, which).await
}

/// Removes the parts of saves that were never completed, and of lost logs.
async fn remove_left_behind(log: &Log) -> Result<(), Fault> {
    let Some(newest) = log.state().manifest().await?.it else { return Ok(()) };
    let named: HashSet<_> =
        newest.subjects().into_iter().map(|id| log.subjects.part_subject(id)).collect();
    let stored = log.client.subjects(&log.subjects.parts).await?.into_keys();
    let now_ms = log.status.log_time_ms((log.clock)());
    for subject in stored.filter(|it| !named.contains(it)).take(LEFT_BEHIND_PARTS_MAX) {
        let Some(last) = log.client.last(&log.subjects.parts, &subject).await? else { continue };
        if last.at_ms + LEFT_BEHIND_MS < now_ms {
            log.client.purge(&log.subjects.parts, json!({ "filter": subject })).await?;
        }
    }
    Ok(())
}
