//! Snapshots: parts in a stream of their own, and a manifest that names them once all are stored.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::json;

use super::fault::Fault;
use super::log::Log;
use super::runtime::Runtime;
use super::state::Manifest;
use crate::JournalError;
use crate::contract::{Position, Snapshots, refuse_odd};

/// The size of a part, in bytes. An append waits for at most one of them.
const PART_BYTES: usize = 256 * 1024;

/// How many parts are fetched at once.
const FETCHED_AT_ONCE: usize = 8;

/// How long storing a part may take, with all attempts.
const PART_PATIENCE: Duration = Duration::from_secs(20);

/// The longest time to save or load a snapshot. After it, something is stuck.
const PATIENCE: Duration = Duration::from_secs(600);

/// Parts of no snapshot are removed when they are older than this, in milliseconds: the process
/// that was saving them has ended.
const LEFT_BEHIND_MS: u64 = 2 * 600 * 1_000;

pub(super) struct NatsSnapshots {
    pub(super) runtime: Arc<Runtime>,
}

impl Snapshots for NatsSnapshots {
    fn save(&mut self, at: Position, bytes: &[u8]) -> Result<(), JournalError> {
        let log = self.runtime.log.clone();
        let bytes = Bytes::copy_from_slice(bytes);
        let saving = async move { save(&log, at, bytes).await };
        let saved = self.runtime.wait(PATIENCE, saving);
        saved.map_err(|fault| fault.into_error("saving a snapshot"))
    }

    fn load(&mut self) -> Result<Option<(Position, Vec<u8>)>, JournalError> {
        let log = self.runtime.log.clone();
        let loaded = self.runtime.wait(PATIENCE, async move { load(&log).await });
        loaded.map_err(|fault| fault.into_error("loading a snapshot"))
    }
}

async fn save(log: &Log, at: Position, bytes: Bytes) -> Result<(), Fault> {
    check(log, at).await?;
    let id = format!("{:016x}-{}-{:016x}", at.epoch, at.seq, super::draw().map_err(Fault::Error)?);
    let saved = save_parts(log, at, &id, bytes).await;
    let left = match &saved {
        Ok(replaced) => replaced.as_ref().map(|it| it.id.clone()),
        Err(_) => Some(id),
    };
    if let Some(left) = left {
        let _the_next_one_removes_them = remove_parts(log, &left).await;
    }
    saved?;
    let _the_next_one_tries_again = remove_left_behind(log).await;
    Ok(())
}

/// Refuses a snapshot that does not fit. Returns the manifest that it would replace.
async fn check(log: &Log, at: Position) -> Result<super::state::Said<Manifest>, Fault> {
    let newest = log.state().manifest().await?;
    let index = {
        let index = log.index.lock();
        Position { epoch: index.epoch, seq: index.end().seq }
    };
    refuse_odd(at, index, newest.it.as_ref().map(|it| it.seq)).map_err(Fault::Error)?;
    Ok(newest)
}

/// Returns the snapshot that was replaced.
async fn save_parts(
    log: &Log,
    at: Position,
    id: &str,
    bytes: Bytes,
) -> Result<Option<Manifest>, Fault> {
    let subject = log.subjects.part_subject(id);
    let mut parts = Vec::with_capacity(bytes.len() / PART_BYTES + 1);
    for (n, start) in (0..bytes.len()).step_by(PART_BYTES).enumerate() {
        let part = bytes.slice(start..bytes.len().min(start + PART_BYTES));
        parts.push(save_part(log, &subject, format!("{id}-{n}"), part).await?);
    }
    let manifest = Manifest::new(at.epoch, at.seq, id.to_owned(), parts, &bytes);
    loop {
        let newest = check(log, at).await?;
        match log.state().set_manifest(&newest, &manifest).await {
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

async fn save_part(log: &Log, subject: &str, id: String, part: Bytes) -> Result<u64, Fault> {
    let give_up = tokio::time::Instant::now() + PART_PATIENCE;
    loop {
        match log.client.publish(subject, None, Some(id.clone()), part.clone()).await {
            Err(Fault::Silent(_)) if tokio::time::Instant::now() < give_up => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            other => return other,
        }
    }
}

async fn load(log: &Log) -> Result<Option<(Position, Vec<u8>)>, Fault> {
    let epoch = log.state().epoch;
    let mut tried = None;
    loop {
        let Some(manifest) = log.state().manifest().await?.it else { return Ok(None) };
        let damaged = |why: &str| {
            let what = format!("the snapshot of record {} {why}", manifest.seq);
            Fault::Error(JournalError::Damaged { what })
        };
        let is_the_same = tried.as_ref() == Some(&manifest.id);
        match load_parts(log, &manifest).await {
            Ok(bytes) if manifest.fits(epoch, &bytes) => {
                return Ok(Some((Position { epoch, seq: manifest.seq }, bytes)));
            }
            Ok(_) => return Err(damaged("is not what was saved")),
            Err(Fault::NotFound | Fault::NoStream) if is_the_same => {
                return Err(damaged("has lost a part"));
            }
            // There is a newer snapshot now.
            Err(Fault::NotFound | Fault::NoStream) => tried = Some(manifest.id),
            Err(fault) => return Err(fault),
        }
    }
}

async fn load_parts(log: &Log, manifest: &Manifest) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::with_capacity(manifest.parts.len() * PART_BYTES);
    let fetch = |number: &u64| log.client.message(&log.subjects.parts, *number);
    let mut fetched = stream::iter(&manifest.parts).map(fetch).buffered(FETCHED_AT_ONCE);
    while let Some(part) = fetched.next().await {
        bytes.extend_from_slice(&part?.payload);
    }
    Ok(bytes)
}

async fn remove_parts(log: &Log, id: &str) -> Result<(), Fault> {
    let which = json!({ "filter": log.subjects.part_subject(id) });
    log.client.purge(&log.subjects.parts, which).await
}

/// Removes the parts of saves that were never completed, and of lost logs.
async fn remove_left_behind(log: &Log) -> Result<(), Fault> {
    let Some(newest) = log.state().manifest().await?.it else { return Ok(()) };
    let first = log.client.info(&log.subjects.parts).await?.state.first_sequence;
    // One at a time is enough, because more saves succeed than end half-way.
    if newest.parts.first().is_none_or(|it| *it == first) {
        return Ok(());
    }
    let oldest = log.client.message(&log.subjects.parts, first).await?;
    let now_ms = log.status.log_time_ms((log.clock)());
    let current = log.subjects.part_subject(&newest.id);
    if oldest.subject != current && oldest.at_ms + LEFT_BEHIND_MS < now_ms {
        log.client.purge(&log.subjects.parts, json!({ "filter": oldest.subject })).await?;
    }
    Ok(())
}
