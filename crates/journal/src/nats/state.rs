//! What is said of a log beside it: the oldest record that is kept, and the newest snapshot. Each
//! is one message that is replaced only by whoever knew the one before.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::frame::FORMAT;
use super::names::{Names, newer};
use super::service::Service;
use crate::{JournalError, checksum};

/// The header by which a message is refused if there is a newer one of its subject.
const EXPECTED: &str = "Nats-Expected-Last-Subject-Sequence";

/// The oldest record that is kept.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Floor {
    format: u8,
    pub(super) first_seq: u64,
}

/// The newest complete snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    format: u8,
    /// The record up to which it says everything.
    pub(super) seq: u64,
    /// The last word of the subject of its parts.
    pub(super) id: String,
    /// The messages that are its parts.
    pub(super) parts: Vec<u64>,
    /// Its bytes in all.
    length: u64,
    crc: u32,
}

impl Floor {
    pub(super) fn new(first_seq: u64) -> Self {
        Self { format: FORMAT, first_seq }
    }
}

impl Manifest {
    pub(super) fn new(epoch: u64, seq: u64, id: String, parts: Vec<u64>, bytes: &[u8]) -> Self {
        let crc = checksum::of_snapshot(epoch, seq, bytes);
        Self { format: FORMAT, seq, id, parts, length: bytes.len() as u64, crc }
    }

    pub(super) fn fits(&self, epoch: u64, bytes: &[u8]) -> bool {
        self.length == bytes.len() as u64
            && self.crc == checksum::of_snapshot(epoch, self.seq, bytes)
    }
}

/// What is said of the log of one epoch.
pub(super) struct State<'a> {
    pub(super) service: &'a Service,
    pub(super) names: &'a Names,
    pub(super) epoch: u64,
}

/// Something that was said, with what it takes to replace it.
pub(super) struct Said<T> {
    pub(super) it: Option<T>,
    revision: u64,
}

impl State<'_> {
    pub(super) async fn floor(&self) -> Result<Said<Floor>, Fault> {
        self.get("floor").await
    }

    pub(super) async fn manifest(&self) -> Result<Said<Manifest>, Fault> {
        self.get("snapshot").await
    }

    /// Fails with [`Fault::Conflict`] if somebody else was faster.
    pub(super) async fn set_floor(&self, was: &Said<Floor>, it: Floor) -> Result<(), Fault> {
        self.put("floor", was.revision, &it).await
    }

    /// Fails with [`Fault::Conflict`] if somebody else was faster.
    pub(super) async fn set_manifest(
        &self,
        was: &Said<Manifest>,
        it: &Manifest,
    ) -> Result<(), Fault> {
        self.put("snapshot", was.revision, it).await
    }

    /// Says anything at all, and returns the number of the message and its time.
    pub(super) async fn ask_the_time(&self) -> Result<u64, Fault> {
        let subject = self.names.state_subject(self.epoch, "clock");
        let number = self.service.publish(&subject, None, None, Bytes::new()).await?;
        Ok(self.service.message(&self.names.state, number).await?.at_ms)
    }

    async fn get<T: DeserializeOwned>(&self, what: &str) -> Result<Said<T>, Fault> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let subject = self.names.state_subject(self.epoch, what);
        let Some(found) = self.service.last(&self.names.state, &subject).await? else {
            return Ok(Said { it: None, revision: 0 });
        };
        let odd = |_| {
            let what = format!("what stream {} says of the {what}", self.names.state);
            Fault::Error(JournalError::Damaged { what })
        };
        let Version { format } = serde_json::from_slice(&found.payload).map_err(odd)?;
        if format > FORMAT.into() {
            return Err(Fault::Error(newer(&self.names.state, format)));
        }
        let it = serde_json::from_slice(&found.payload).map_err(odd)?;
        Ok(Said { it: Some(it), revision: found.message })
    }

    async fn put(&self, what: &str, revision: u64, it: &impl Serialize) -> Result<(), Fault> {
        let subject = self.names.state_subject(self.epoch, what);
        let payload = serde_json::to_vec(it).expect("it has nothing that JSON cannot say");
        let expected = Some((EXPECTED, revision));
        self.service.publish(&subject, expected, None, payload.into()).await.map(drop)
    }
}
