//! The state beside a log: the oldest record that is kept, and the newest snapshot. Each is one
//! message. A writer that does not know the present one cannot replace it.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::client::Client;
use super::fault::Fault;
use super::order::{Order, StoredOrder};
use super::subjects::{Subjects, newer};
use crate::{JournalError, checksum};

/// The format of what is stored here.
const FORMAT: u8 = 1;

/// The header that refuses a message if there is a newer one of its subject.
const EXPECTED: &str = "Nats-Expected-Last-Subject-Sequence";

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
    /// The last word of the subject of its parts.
    pub(super) id: String,
    /// The messages that are its parts.
    pub(super) parts: Vec<u64>,
    /// The number of all its bytes.
    length: u64,
    crc: u32,
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
    pub(super) fn new(epoch: u64, seq: u64, id: String, parts: Vec<u64>, bytes: &[u8]) -> Self {
        let crc = checksum::of_snapshot(epoch, seq, bytes);
        Self { format: FORMAT, seq, id, parts, length: bytes.len() as u64, crc }
    }

    pub(super) fn fits(&self, epoch: u64, bytes: &[u8]) -> bool {
        self.length == bytes.len() as u64
            && self.crc == checksum::of_snapshot(epoch, self.seq, bytes)
    }
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

    async fn get<T: DeserializeOwned>(&self, what: &str) -> Result<Said<T>, Fault> {
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
        if format > FORMAT.into() {
            return Err(Fault::Error(newer(&self.subjects.state, format)));
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
