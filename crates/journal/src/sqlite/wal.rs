//! Distinguishes a write-ahead log that is torn at its end, as a crash leaves it, from one that is
//! damaged further up.
//!
//! SQLite treats both alike: it uses the frames up to the first wrong one, and forgets the rest.
//! For a torn end that is right, because it was never acknowledged. But a transaction is written
//! only after the one before it is synced. So if whole transactions follow a wrong frame, that
//! frame was once synced and acknowledged, and is damaged. Only damage to the last transaction, or
//! to the end mark of the one before, looks like a torn end.
//!
//! The layout of the file: <https://sqlite.org/fileformat2.html#walformat>.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use super::directory::Directory;
use crate::JournalError;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;

/// Its lowest bit is set if the checksums read the file in words with the highest byte first.
const MAGIC: u32 = 0x377f_0682;

/// The page size of a new log, for a header that is damaged.
const PAGE_BYTES: usize = 4096;

/// Refuses a write-ahead log with damage before its end. Changes nothing.
pub(super) fn refuse_damaged(directory: &Directory) -> Result<(), JournalError> {
    let path = directory.wal();
    let failed = |error: &io::Error| {
        let doing = format!("reading `{}`", path.display());
        JournalError::Io { doing, why: error.to_string() }
    };
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(&error)),
    };
    let Some((header, frames)) = bytes.split_at_checked(HEADER_BYTES) else { return Ok(()) };
    let damaged = match Header::read(header) {
        Some(header) => damaged_frame(&header, &header.frames(frames)),
        None => {
            // Torn while the log began anew, if the database has everything that it held before.
            let header = Header::of_frames(header, frames);
            let frames = header.frames(frames);
            let lost = damaged_frame(&header, &frames).is_some()
                && !are_in_database(&directory.database(), &header, &frames)
                    .map_err(|error| failed(&error))?;
            lost.then_some(1)
        }
    };
    match damaged {
        None => Ok(()),
        Some(frame) => {
            let what = format!(
                "`{}` does not fit from frame {frame} on, and whole transactions follow",
                path.display()
            );
            Err(JournalError::Damaged { what })
        }
    }
}

/// The number of the first damaged frame, from 1 on. `None` if the end is only torn.
fn damaged_frame(header: &Header, frames: &[Frame<'_>]) -> Option<usize> {
    let whole = header.whole(frames);
    let damaged = (whole..frames.len().saturating_sub(1)).any(|index| {
        let (end, next) = (frames[index], frames[index + 1]);
        let before = index.checked_sub(1).map_or(header.sum, |it| frames[it].stored_sum());
        header.owns(end)
            && header.owns(next)
            && end.ends_transaction()
            && !end.fits_without_its_mark(before, header.is_big_endian)
            && next.fits(end.stored_sum(), header.is_big_endian)
    });
    damaged.then_some(whole + 1)
}

/// Whether the database has the pages of these frames, each as in its last frame.
fn are_in_database(path: &Path, header: &Header, frames: &[Frame<'_>]) -> io::Result<bool> {
    let pages: BTreeMap<u32, &[u8]> = frames
        .iter()
        .take_while(|frame| header.owns(**frame))
        .map(|frame| (frame.page(), frame.content()))
        .collect();
    let (mut file, mut found) = (File::open(path)?, vec![0; header.page_bytes]);
    for (page, expected) in pages {
        let before = u64::from(page).saturating_sub(1) * header.page_bytes as u64;
        file.seek(SeekFrom::Start(before))?;
        match file.read_exact(&mut found) {
            Ok(()) if found == expected => {}
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => return Err(error),
            _ => return Ok(false),
        }
    }
    Ok(true)
}

type Sum = (u32, u32);

#[derive(Clone, Copy)]
struct Header {
    page_bytes: usize,
    /// Random numbers, drawn each time that the log begins anew and repeated in each frame. They
    /// distinguish its frames from older ones.
    salts: [u32; 2],
    sum: Sum,
    is_big_endian: bool,
}

impl Header {
    /// `None` if it is not what was written.
    fn read(bytes: &[u8]) -> Option<Self> {
        let is_big_endian = word(bytes, 0) & 1 == 1;
        let sum = (word(bytes, 6), word(bytes, 7));
        let page_bytes = usize::try_from(word(bytes, 2)).ok()?;
        let fits = word(bytes, 0) & !1 == MAGIC
            && (512..=65_536).contains(&page_bytes)
            && checksum((0, 0), &bytes[..24], is_big_endian) == sum;
        let salts = [word(bytes, 4), word(bytes, 5)];
        fits.then_some(Self { page_bytes, salts, sum, is_big_endian })
    }

    /// As much as the frames alone show.
    fn of_frames(bytes: &[u8], frames: &[u8]) -> Self {
        let salts = frames.get(..FRAME_HEADER_BYTES).map_or([0; 2], |it| Frame(it).salts());
        // The machine's own order, unless the header shows another one.
        let is_big_endian = match word(bytes, 0) & !1 {
            MAGIC => word(bytes, 0) & 1 == 1,
            _ => cfg!(target_endian = "big"),
        };
        Self { page_bytes: PAGE_BYTES, salts, sum: (0, 0), is_big_endian }
    }

    fn frames<'a>(&self, bytes: &'a [u8]) -> Vec<Frame<'a>> {
        bytes.chunks_exact(FRAME_HEADER_BYTES + self.page_bytes).map(Frame).collect()
    }

    fn owns(&self, frame: Frame<'_>) -> bool {
        frame.salts() == self.salts
    }

    /// How many frames are right, from the first on.
    fn whole(&self, frames: &[Frame<'_>]) -> usize {
        let mut sum = self.sum;
        for (index, frame) in frames.iter().enumerate() {
            if !self.owns(*frame) || !frame.fits(sum, self.is_big_endian) {
                return index;
            }
            sum = frame.stored_sum();
        }
        frames.len()
    }
}

/// A page, preceded by a header.
#[derive(Clone, Copy)]
struct Frame<'a>(&'a [u8]);

impl<'a> Frame<'a> {
    fn page(self) -> u32 {
        word(self.0, 0)
    }

    fn content(self) -> &'a [u8] {
        &self.0[FRAME_HEADER_BYTES..]
    }

    fn salts(self) -> [u32; 2] {
        [word(self.0, 2), word(self.0, 3)]
    }

    /// The checksum over all frames up to this one.
    fn stored_sum(self) -> Sum {
        (word(self.0, 4), word(self.0, 5))
    }

    /// The mark of the last frame of a transaction is the size of the database after it.
    fn ends_transaction(self) -> bool {
        word(self.0, 1) != 0
    }

    fn fits(self, before: Sum, is_big_endian: bool) -> bool {
        self.sum(before, &self.0[..8], is_big_endian) == self.stored_sum()
    }

    /// Whether only its mark is wrong. Then it ends no transaction.
    fn fits_without_its_mark(self, before: Sum, is_big_endian: bool) -> bool {
        let mut head = [0; 8];
        head[..4].copy_from_slice(&self.0[..4]);
        self.sum(before, &head, is_big_endian) == self.stored_sum()
    }

    fn sum(self, before: Sum, head: &[u8], is_big_endian: bool) -> Sum {
        let sum = checksum(before, head, is_big_endian);
        checksum(sum, self.content(), is_big_endian)
    }
}

fn checksum(mut sum: Sum, bytes: &[u8], is_big_endian: bool) -> Sum {
    let word = |four: &[u8]| {
        let four = [four[0], four[1], four[2], four[3]];
        if is_big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
    };
    for eight in bytes.chunks_exact(8) {
        sum.0 = sum.0.wrapping_add(word(&eight[..4])).wrapping_add(sum.1);
        sum.1 = sum.1.wrapping_add(word(&eight[4..])).wrapping_add(sum.0);
    }
    sum
}

/// The word with this index. In headers the highest byte comes first.
fn word(bytes: &[u8], index: usize) -> u32 {
    bytes[index * 4..index * 4 + 4].iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}
