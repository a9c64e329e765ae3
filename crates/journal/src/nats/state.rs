//! The state beside a log: the oldest record that is kept, and the newest snapshot. Each is one
//! message. A writer that does not know the present one cannot replace it.

use std::collections::HashSet;
use std::path::PathBuf;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::client::Client;
use super::fault::Fault;
use super::order::{Order, StoredOrder};
use super::subjects::Subjects;
use crate::part_id::PartId;
use crate::{JournalError, checksum};

/// The format of the low watermark.
const FORMAT: u8 = 1;

/// The header that refuses a message if there is a newer one of its subject.
const EXPECTED: &str = "Nats-Expected-Last-Subject-Sequence";

/// The format of the manifest. Format 1 knows no parts by name.
const MANIFEST_FORMAT: u8 = 2;

/// Something that is kept as one message.
pub(super) trait Kept: Serialize + DeserializeOwned {
    /// The newest format that this version knows.
    const FORMAT: u8;
}

/// The oldest record that is kept. It only rises, except in a new log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct LowWatermark {
    format: u8,
    pub(super) first_seq: u64,
    /// The order of the log before the first message that is kept. Older versions do not store it:
    /// their messages say themselves which numbers their records have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base: Option<StoredOrder>,
}

/// The newest complete snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    format: u8,
    /// The last record that it covers.
    pub(super) seq: u64,
    /// Names the save. In format 1, the last word of the subject of its messages.
    pub(super) id: String,
    #[serde(flatten)]
    pub(super) content: Content,
}

/// What a snapshot consists of.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Content {
    /// Parts by name, as format 2 has them.
    Parts {
        list: Vec<StoredPart>,
        /// Of the list.
        crc: u32,
    },
    /// One piece of bytes, as format 1 has it.
    Whole {
        /// The messages with its bytes.
        parts: Vec<u64>,
        length: u64,
        crc: u32,
    },
}

/// A part, and where its bytes are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredPart {
    name: String,
    length: u64,
    digest: String,
    crc: u32,
    /// The last word of the subject of its messages.
    pub(super) id: String,
    /// The messages with its bytes in order: the first of a row, and how many there are.
    pub(super) messages: Vec<(u64, u64)>,
}

impl Kept for LowWatermark {
    const FORMAT: u8 = FORMAT;
}

impl Kept for Manifest {
    const FORMAT: u8 = MANIFEST_FORMAT;
}

impl LowWatermark {
    pub(super) fn new(first_seq: u64, base: &Order) -> Self {
        Self { format: FORMAT, first_seq, base: Some(base.into()) }
    }

    pub(super) fn base(&self) -> Option<Order> {
        self.base.clone().map(Order::from)
    }
}

impl Manifest {
    pub(super) fn new(epoch: u64, seq: u64, id: String, list: Vec<StoredPart>) -> Self {
        let crc = list_crc(epoch, seq, &list);
        Self { format: MANIFEST_FORMAT, seq, id, content: Content::Parts { list, crc } }
    }

    /// Its parts; none of a snapshot that was saved as a whole. `None` if the list is not what was
    /// written.
    pub(super) fn parts(&self, epoch: u64) -> Option<&[StoredPart]> {
        match &self.content {
            Content::Whole { .. } => Some(&[]),
            Content::Parts { list, crc } => {
                (list_crc(epoch, self.seq, list) == *crc).then_some(list)
            }
        }
    }

    /// The last words of the subjects of its messages.
    pub(super) fn subjects(&self) -> HashSet<&str> {
        match &self.content {
            Content::Whole { .. } => [&*self.id].into(),
            Content::Parts { list, .. } => list.iter().map(|part| &*part.id).collect(),
        }
    }
}

impl StoredPart {
    pub(super) fn new(part: &PartId, id: String) -> Self {
        let digest = part.digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let PartId { name, length, crc, .. } = part.clone();
        Self { name, length, digest, crc, id, messages: Vec::new() }
    }

    /// Adds a message with its next bytes.
    pub(super) fn push(&mut self, message: u64) {
        match self.messages.last_mut() {
            Some((first, count)) if *first + *count == message => *count += 1,
            _ => self.messages.push((message, 1)),
        }
    }

    /// Whether it is this one, wherever it is stored.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (&self.name, self.length, &self.digest, self.crc)
            == (&other.name, other.length, &other.digest, other.crc)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn fits(&self, bytes: &[u8]) -> bool {
        self.length == bytes.len() as u64 && self.crc == checksum::of_bytes(bytes)
    }

    /// The messages with its bytes, in order.
    pub(super) fn each_message(&self) -> impl Iterator<Item = u64> {
        let rows = self.messages.clone().into_iter();
        rows.flat_map(|(first, count)| first..first.saturating_add(count))
    }
}

fn list_crc(epoch: u64, seq: u64, list: &[StoredPart]) -> u32 {
    let bytes = serde_json::to_vec(list).expect("it has nothing that JSON cannot say");
    checksum::of_snapshot(epoch, seq, &bytes)
}

/// The state of the log of one epoch.
pub(super) struct State<'a> {
    pub(super) client: &'a Client,
    pub(super) subjects: &'a Subjects,
    pub(super) epoch: u64,
}

/// A value, with the revision that a replacement has to name.
pub(super) struct Said<T> {
    pub(super) it: Option<T>,
    revision: u64,
}

impl State<'_> {
    pub(super) async fn low_watermark(&self) -> Result<Said<LowWatermark>, Fault> {
        self.get("floor").await
    }

    pub(super) async fn manifest(&self) -> Result<Said<Manifest>, Fault> {
        self.get("snapshot").await
    }

    /// Fails with [`Fault::Conflict`] if another replica was faster.
    pub(super) async fn set_low_watermark(
        &self,
        was: &Said<LowWatermark>,
        it: LowWatermark,
    ) -> Result<(), Fault> {
        self.put("floor", was.revision, &it).await
    }

    /// Fails with [`Fault::Conflict`] if another replica was faster.
    pub(super) async fn set_manifest(
        &self,
        was: &Said<Manifest>,
        it: &Manifest,
    ) -> Result<(), Fault> {
        self.put("snapshot", was.revision, it).await
    }

    /// Stores a message, and returns the time at which the service accepted it.
    pub(super) async fn ask_the_time(&self) -> Result<u64, Fault> {
        let subject = self.subjects.state_subject(self.epoch, "clock");
        let number = self.client.publish(&subject, None, None, Bytes::new()).await?;
        Ok(self.client.message(&self.subjects.state, number).await?.at_ms)
    }

    async fn get<T: Kept>(&self, what: &str) -> Result<Said<T>, Fault> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let subject = self.subjects.state_subject(self.epoch, what);
        let Some(found) = self.client.last(&self.subjects.state, &subject).await? else {
            return Ok(Said { it: None, revision: 0 });
        };
        let odd = |_| {
            let what = format!("what stream {} says of the {what}", self.subjects.state);
            Fault::Error(JournalError::Damaged { what })
        };
        let Version { format } = serde_json::from_slice(&found.payload).map_err(odd)?;
        if format > T::FORMAT.into() {
            let path = PathBuf::from(format!("stream {}", self.subjects.state));
            let known = T::FORMAT.into();
            return Err(Fault::Error(JournalError::NewerFormat { path, found: format, known }));
        }
        let it = serde_json::from_slice(&found.payload).map_err(odd)?;
        Ok(Said { it: Some(it), revision: found.message })
    }

    async fn put(&self, what: &str, revision: u64, it: &impl Serialize) -> Result<(), Fault> {
        let subject = self.subjects.state_subject(self.epoch, what);
        let payload = serde_json::to_vec(it).expect("it has nothing that JSON cannot say");
        let expected = Some((EXPECTED, revision));
        self.client.publish(&subject, expected, None, payload.into()).await.map(drop)
    }
}
