//! How the engines know a part of a snapshot again.

use sha2::{Digest as _, Sha256};

use crate::checksum;

/// The first 16 bytes of the SHA-256 of a part. Whether two parts are the same must not be left to
/// a checksum: a wrong answer would save an old state under a new position.
pub(crate) type Digest = [u8; 16];

fn digest(bytes: &[u8]) -> Digest {
    let all: [u8; 32] = Sha256::digest(bytes).into();
    let mut first = [0; 16];
    first.copy_from_slice(&all[..16]);
    first
}

/// How an engine knows a part that it has stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartId {
    pub(crate) name: String,
    pub(crate) length: u64,
    pub(crate) digest: Digest,
    /// It is looked at when the part is read: it takes a tenth of the time of a digest.
    pub(crate) crc: u32,
}

impl PartId {
    pub(crate) fn of(name: String, bytes: &[u8]) -> Self {
        let (digest, crc) = (digest(bytes), checksum::of_bytes(bytes));
        Self { name, length: bytes.len() as u64, digest, crc }
    }

    /// Whether these are the bytes that were stored.
    pub(crate) fn fits(&self, bytes: &[u8]) -> bool {
        self.length == bytes.len() as u64 && self.crc == checksum::of_bytes(bytes)
    }
}
