//! The parts of a snapshot.

/// A part of a snapshot. A save writes nothing of a part that the newest snapshot has under the same
/// name with the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which part it is: at most [`PART_NAME_BYTES_MAX`] bytes. The one part of a snapshot that was
    /// saved as a whole has an empty name.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// The longest name of a part, in bytes.
pub const PART_NAME_BYTES_MAX: usize = 100;

/// What a save has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SavedParts {
    /// All bytes of the snapshot.
    pub bytes: u64,
    /// Those of them that were not in the snapshot before, and so were written.
    pub written: u64,
}

impl Part {
    /// The one part of a snapshot that is saved as a whole.
    pub fn whole(bytes: Vec<u8>) -> Self {
        Self { name: String::new(), bytes }
    }

    /// The bytes of all parts, one after the other.
    pub fn joined(parts: Vec<Self>) -> Vec<u8> {
        let mut parts = parts.into_iter();
        let first = parts.next().map(|part| part.bytes).unwrap_or_default();
        parts.fold(first, |mut bytes, part| {
            bytes.extend_from_slice(&part.bytes);
            bytes
        })
    }
}

impl SavedParts {
    pub(crate) fn add(&mut self, bytes: u64, is_written: bool) {
        self.bytes += bytes;
        self.written += if is_written { bytes } else { 0 };
    }
}
