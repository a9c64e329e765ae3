//! The mark: a small file that names the last acknowledged record, beside the database.
//!
//! SQLite takes an empty write-ahead log, or one that was cut short, for what a crash leaves. The
//! mark tells the two apart: its record was acknowledged, and so durable, before it was written.
//! It is not synced, so it survives a kill, and after a power failure it may name an earlier record.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use super::directory::{Directory, open_private};
use super::fault::Fault;
use crate::checksum;
use crate::contract::Position;

/// The file is open for writing, or cannot be written: then a later start knows less.
#[derive(Debug)]
pub(super) struct Mark(Option<File>);

impl Mark {
    /// Opens the mark of a log, and creates it if there is none.
    pub(super) fn open(directory: &Directory) -> Self {
        Self(open_private(&directory.mark()).ok())
    }

    /// Notes that this record is acknowledged. The text always has the same length, and so needs no
    /// room on a full disk.
    pub(super) fn set(&self, at: Position) {
        if let Some(file) = &self.0 {
            // A failure costs nothing but the check at the next start.
            let _ = file.write_all_at(text(at).as_bytes(), 0);
        }
    }
}

/// Refuses a log that ends before its mark.
pub(super) fn refuse_shortened(directory: &Directory, found: Position) -> Result<(), Fault> {
    let path = directory.mark();
    let Some(marked) = fs::read_to_string(&path).ok().as_deref().and_then(read) else {
        return Ok(());
    };
    if marked.epoch != found.epoch || marked.seq <= found.seq {
        return Ok(());
    }
    Err(Fault::Damaged(format!(
        "it ends with record {}, and record {} was acknowledged: the write-ahead log was emptied or \
         cut short, or an older copy was put here; to go on with what is there, remove `{}`",
        found.seq,
        marked.seq,
        path.display()
    )))
}

fn text(Position { epoch, seq }: Position) -> String {
    format!("{epoch:016x} {seq:020} {:08x}\n", checksum::of_numbers(&[epoch, seq]))
}

/// `None` if it is no mark, for example because a crash has torn it.
fn read(text: &str) -> Option<Position> {
    let mut words = text.split_whitespace();
    let epoch = u64::from_str_radix(words.next()?, 16).ok()?;
    let seq = words.next()?.parse().ok()?;
    let crc = u32::from_str_radix(words.next()?, 16).ok()?;
    (crc == checksum::of_numbers(&[epoch, seq])).then_some(Position { epoch, seq })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written_and_a_torn_one_not_at_all() {
        for at in [Position { epoch: 0, seq: 0 }, Position { epoch: u64::MAX, seq: u64::MAX }] {
            let text = text(at);
            assert_eq!((text.len(), read(&text)), (47, Some(at)));
            for end in 0..text.len() - 1 {
                assert_eq!(read(&text[..end]), None);
            }
        }
        let (old, new) = (Position { epoch: 7, seq: 1299 }, Position { epoch: 7, seq: 1300 });
        let torn = format!("{}{}", &text(new)[..37], &text(old)[37..]);
        assert_eq!(read(&torn), None);
    }
}
