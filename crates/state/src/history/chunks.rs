//! The chunks of a history that do not change any more, in parts of a snapshot of their own.
//!
//! ```text
//! the version, 1
//! of each series that has some in this part:
//!     the kind of its subject, the id of that, and its line
//!     a piece: of each chunk its first bucket, how many buckets later the last one lies, what stood at
//!         its end, and a piece with its bytes
//! ```
//!
//! A part has the chunks of one grain that end in the same [`GROUP_BUCKETS`] buckets. So it stays as it
//! is from the end of those buckets until they are dropped.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use live_users_journal::Part;

use super::lines::Lines;
use super::resolution::Chunk;
use super::subjects::Subjects;
use super::time_series::TimeSeries;
use super::{Grain, History};
use crate::binary::{Reader, Writer};
use crate::format::DecodeError;

/// The version that is written.
const VERSION: u8 = 1;

/// As many as a chunk has at most: four hours of minutes, three days of quarters, eleven days of hours.
const GROUP_BUCKETS: u64 = 256;

/// What the names of these parts begin with; then the grain, and which buckets.
pub(crate) const PREFIX: &str = "history/";
/// In the order of [`Grain::ALL`].
const GRAINS: [&str; 3] = ["minute", "quarter", "hour"];

/// Which series of numbers it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SeriesKey {
    /// All, an agent, or an account.
    pub(super) kind: u8,
    pub(super) id: Arc<str>,
    /// 0 for the live users; the others in the order of [`super::Line::REST`], from 1 on.
    pub(super) line: u8,
}

pub(super) const ALL: u8 = 0;
pub(super) const AGENT: u8 = 1;
pub(super) const ACCOUNT: u8 = 2;

/// The parts with the chunks of a history.
pub(crate) fn parts(history: &History) -> impl Iterator<Item = Part> {
    let mut groups = BTreeMap::<(usize, u64), Vec<(SeriesKey, &Chunk)>>::new();
    each_series(history, |key, series| {
        for (grain, resolution) in series.resolutions.iter().enumerate() {
            for chunk in &resolution.chunks {
                let group = groups.entry((grain, chunk.last / GROUP_BUCKETS)).or_default();
                group.push((key.clone(), chunk));
            }
        }
    });
    groups.into_iter().map(|((grain, group), chunks)| {
        let name = format!("{PREFIX}{}/{group}", GRAINS[grain]);
        Part { name, bytes: encode(&chunks) }
    })
}

/// Shows each series, in the order of their keys.
fn each_series<'a>(history: &'a History, mut show: impl FnMut(&SeriesKey, &'a TimeSeries)) {
    let mut lines = |kind: u8, id: &Arc<str>, lines: &'a Lines| {
        let all = [Some(&lines.live)].into_iter().chain(lines.rest.iter().map(Option::as_ref));
        for (line, series) in (0..).zip(all) {
            if let Some(series) = series {
                show(&SeriesKey { kind, id: id.clone(), line }, series);
            }
        }
    };
    if let Some(all) = &history.all {
        lines(ALL, &"".into(), all);
    }
    let subjects = [(AGENT, &history.agents), (ACCOUNT, &history.accounts)];
    for (kind, Subjects { lines: subjects, .. }) in subjects {
        subjects.iter().for_each(|(id, it)| lines(kind, id, it));
    }
}

fn encode(chunks: &[(SeriesKey, &Chunk)]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.byte(VERSION);
    for of_one in chunks.chunk_by(|(a, _), (b, _)| a == b) {
        let SeriesKey { kind, id, line } = &of_one[0].0;
        writer.byte(*kind);
        writer.plain_text(id);
        writer.byte(*line);
        writer.piece(|writer| {
            for (_, chunk) in of_one {
                writer.number(chunk.first);
                writer.number(chunk.last - chunk.first);
                writer.number(u64::from(chunk.close));
                writer.number(chunk.bytes.len() as u64);
                writer.bytes(&chunk.bytes);
            }
        });
    }
    writer.finish()
}

/// Chunks by their series and grain, as they were read.
#[derive(Debug, Default)]
pub(crate) struct Chunks(HashMap<(SeriesKey, usize), Vec<Chunk>>);

impl Chunks {
    /// Takes in a part of this name. The chunks of a series need not come in their order.
    pub(crate) fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), DecodeError> {
        let unknown = || DecodeError::UnknownPart(name.to_owned());
        let rest = name.strip_prefix(PREFIX).ok_or_else(unknown)?;
        let (grain, group) = rest.split_once('/').ok_or_else(unknown)?;
        let grain = GRAINS.iter().position(|it| *it == grain).ok_or_else(unknown)?;
        group.parse::<u64>().map_err(|_| unknown())?;
        let mut reader = Reader::new(bytes);
        match reader.byte() {
            Some(VERSION) => {}
            Some(version) if version > VERSION => return Err(DecodeError::NewerPart(version)),
            _ => return Err(DecodeError::Value("history")),
        }
        while !reader.is_at_end() {
            self.read(&mut reader, grain).ok_or(DecodeError::Value("history"))?;
        }
        Ok(())
    }

    fn read(&mut self, reader: &mut Reader<'_>, grain: usize) -> Option<()> {
        let (kind, id) = (reader.byte()?, Arc::from(reader.plain_text()?));
        let key = (SeriesKey { kind, id, line: reader.byte()? }, grain);
        let list = self.0.entry(key).or_default();
        reader.piece(|reader| {
            while !reader.is_at_end() {
                let first = reader.number()?;
                let last = first.checked_add(reader.number()?)?;
                let close = u32::try_from(reader.number()?).ok()?;
                let length = usize::try_from(reader.number()?).ok()?;
                let bytes = reader.bytes(length)?.into();
                list.push(Chunk { first, last, close, bytes });
            }
            Some(())
        })
    }

    /// The chunks of a series by grain, the oldest first.
    pub(super) fn take(&mut self, key: &SeriesKey) -> [Vec<Chunk>; Grain::ALL.len()] {
        let mut chunks = [0, 1, 2].map(|grain| {
            let found = self.0.remove(&(key.clone(), grain));
            found.unwrap_or_default()
        });
        chunks.iter_mut().for_each(|list| list.sort_by_key(|chunk| chunk.first));
        chunks
    }

    /// Whether no series is left that has chunks.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
