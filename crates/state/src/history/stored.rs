//! The history in a snapshot.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use base64::prelude::*;
use live_users_core::{HOUR_MS, Millis};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::chunks::{self, Chunks, SeriesKey};
use super::codec::{Bucket, OpenSegment};
use super::lines::{Line, Lines};
use super::peaks::{Interval, PeakDeque};
use super::recent::{RecentSteps, Step};
use super::resolution::{Chunk, Resolution};
use super::subjects::Subjects;
use super::time_series::TimeSeries;
use super::{History, Retention, RetentionClock};
use crate::format::DecodeError;

/// What a snapshot has of it; it was not in the snapshots of older programs.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredHistory {
    all: StoredSeries,
    agents: Vec<(Arc<str>, StoredSeries)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<u64>,
    /// The time of the retention and that of the newest record, if an older program has not
    /// written it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clock: Option<(u64, u64)>,
    /// The numbers beside the live users, by name; of all, and of agents.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    lines: BTreeMap<String, StoredSeries>,
    #[serde(default, rename = "agentLines", skip_serializing_if = "BTreeMap::is_empty")]
    agent_lines: BTreeMap<Arc<str>, BTreeMap<String, StoredSeries>>,
    /// The steps of the last minutes, of all and of agents; older programs have kept none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    recent: StoredSteps,
    #[serde(default, rename = "agentRecent", skip_serializing_if = "BTreeMap::is_empty")]
    agent_recent: BTreeMap<Arc<str>, StoredSteps>,
    /// Those of accounts; older programs have kept none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    accounts: Option<StoredAccounts>,
}

#[derive(Serialize, Deserialize)]
struct StoredAccounts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    list: Vec<StoredAccount>,
}

#[derive(Serialize, Deserialize)]
struct StoredAccount {
    account: Arc<str>,
    live: StoredSeries,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    lines: BTreeMap<String, StoredSeries>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    recent: StoredSteps,
}

/// The numbers beside the live users, by name.
type Rest = BTreeMap<String, StoredSeries>;

/// When, and the numbers in the order of [`Line::ALL`].
type StoredSteps = Vec<(u64, [u32; 6])>;

/// The names of the numbers beside the live users, in the order of [`Line::REST`].
const NAMES: [&str; 5] = ["with-agent", "waiting", "with-person", "machine", "on-the-line"];
const _: () = assert!(NAMES.len() == Line::REST.len());

#[derive(Serialize, Deserialize)]
struct StoredSeries {
    since: u64,
    at: u64,
    users: u32,
    minutes: StoredResolution,
    quarters: StoredResolution,
    hours: StoredResolution,
    /// Of each interval its beginning, its end, and the users.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    stairs: Vec<(u64, u64, u32)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ever: Option<(u64, u64, u32)>,
}

#[derive(Serialize, Deserialize)]
struct StoredResolution {
    before: u32,
    /// The first and the last bucket of each, and what stood at its end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    chunks: Vec<(u64, u64, u32, Bytes)>,
    /// The same of what is being written, with the min of the last bucket and how many there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<(u64, u64, u32, u32, u32, Bytes)>,
    /// Which bucket, min, max, users times milliseconds, and what stood last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    open: Option<(u64, u32, u32, u64, u32)>,
}

/// Bytes as base64, without a copy of the text on either way.
struct Bytes(Arc<[u8]>);

impl StoredHistory {
    pub(crate) fn of(history: &History) -> Option<Self> {
        let all = history.all.as_ref()?;
        let by_agent = &history.agents.lines;
        let agents = by_agent.iter().map(|(id, lines)| (id.clone(), (&lines.live).into()));
        let agent_recent = by_agent.iter().map(|(id, lines)| (id.clone(), recent_of(lines)));
        let agent_lines = by_agent.iter().map(|(id, lines)| (id.clone(), rest_of(lines)));
        Some(Self {
            all: (&all.live).into(),
            agents: agents.collect(),
            refused: history.agents.refused.map(|Millis(at)| at),
            clock: Some((history.clock.time.0, history.clock.last.0)),
            lines: rest_of(all),
            agent_lines: agent_lines.filter(|(_, rest)| !rest.is_empty()).collect(),
            recent: recent_of(all),
            agent_recent: agent_recent.collect(),
            accounts: Some(StoredAccounts::of(&history.accounts)),
        })
    }

    /// The same without its chunks, which have parts of their own.
    pub(crate) fn without_chunks(mut self) -> Self {
        self.each_series(|_, series| {
            series.resolutions().into_iter().for_each(|resolution| resolution.chunks.clear());
        });
        self
    }

    /// The same with these chunks, which were in parts of their own.
    ///
    /// # Errors
    /// If some are of no series of it.
    pub(crate) fn with_chunks(mut self, mut chunks: Chunks) -> Result<Self, DecodeError> {
        self.each_series(|key, series| {
            for (list, resolution) in chunks.take(&key).into_iter().zip(series.resolutions()) {
                let list = list.into_iter();
                resolution
                    .chunks
                    .extend(list.map(|it| (it.first, it.last, it.close, Bytes(it.bytes))));
            }
        });
        if chunks.is_empty() { Ok(self) } else { Err(DecodeError::Value("history")) }
    }

    fn each_series(&mut self, mut show: impl FnMut(SeriesKey, &mut StoredSeries)) {
        let mut subject =
            |kind, id: &Arc<str>, live: &mut StoredSeries, rest: Option<&mut Rest>| {
                let key = |line| SeriesKey { kind, id: id.clone(), line };
                show(key(0), live);
                let Some(rest) = rest else { return };
                for (line, name) in (1..).zip(NAMES) {
                    if let Some(series) = rest.get_mut(name) {
                        show(key(line), series);
                    }
                }
            };
        subject(chunks::ALL, &Arc::from(""), &mut self.all, Some(&mut self.lines));
        for (id, live) in &mut self.agents {
            subject(chunks::AGENT, id, live, self.agent_lines.get_mut(id));
        }
        for it in self.accounts.iter_mut().flat_map(|it| &mut it.list) {
            subject(chunks::ACCOUNT, &it.account, &mut it.live, Some(&mut it.lines));
        }
    }

    /// Whether it has the histories of accounts.
    pub(crate) fn has_accounts(&self) -> bool {
        self.accounts.is_some()
    }

    /// The history of a state whose newest record is of this moment.
    pub(crate) fn read(mut self, now: Millis) -> Result<History, DecodeError> {
        // What accounts had before they were kept is not known.
        let unknown = Subjects { refused: Some(now), ..Subjects::default() };
        let accounts = self.accounts.map_or(Ok(unknown), |it| it.read(now))?;
        let agents = self.agents.into_iter().map(|(id, series)| {
            let rest = self.agent_lines.remove(&id).unwrap_or_default();
            let recent = self.agent_recent.remove(&id).unwrap_or_default();
            Ok((id, lines(series, rest, recent, now)?))
        });
        let clock = self.clock.map_or(RetentionClock::at(now), |(time, last)| RetentionClock {
            time: Millis(time),
            last: Millis(last),
        });
        Ok(History {
            retention: Retention::default(),
            all: Some(lines(self.all, self.lines, self.recent, now)?),
            agents: Subjects {
                lines: agents.collect::<Result<_, DecodeError>>()?,
                refused: self.refused.map(Millis),
            },
            accounts,
            clock,
            hour: clock.time.0 / HOUR_MS,
        })
    }
}

impl StoredAccounts {
    fn of(Subjects { lines, refused }: &Subjects) -> Self {
        let account = |(account, lines): (&Arc<str>, &Lines)| StoredAccount {
            account: account.clone(),
            live: (&lines.live).into(),
            lines: rest_of(lines),
            recent: recent_of(lines),
        };
        Self { refused: refused.map(|Millis(at)| at), list: lines.iter().map(account).collect() }
    }

    fn read(self, now: Millis) -> Result<Subjects, DecodeError> {
        let read = |StoredAccount { account, live, lines: rest, recent }| {
            Ok((account, lines(live, rest, recent, now)?))
        };
        Ok(Subjects {
            lines: self.list.into_iter().map(read).collect::<Result<_, DecodeError>>()?,
            refused: self.refused.map(Millis),
        })
    }
}

fn rest_of(lines: &Lines) -> BTreeMap<String, StoredSeries> {
    let rest = NAMES.into_iter().zip(&lines.rest);
    let kept = rest.filter_map(|(name, series)| Some((name.to_owned(), series.as_ref()?.into())));
    kept.collect()
}

fn recent_of(lines: &Lines) -> StoredSteps {
    lines.recent.list.iter().map(|step| (step.at.0, step.users)).collect()
}

/// Where no steps were kept, they begin with the newest record.
fn lines(
    live: StoredSeries,
    mut rest: BTreeMap<String, StoredSeries>,
    recent: StoredSteps,
    now: Millis,
) -> Result<Lines, DecodeError> {
    if !recent.is_sorted_by_key(|(at, _)| *at) {
        return Err(DecodeError::Value("history"));
    }
    let steps = recent.into_iter().map(|(at, users)| Step { at: Millis(at), users });
    let recent = RecentSteps { list: steps.collect() };
    let mut lines = Lines { live: live.read()?, rest: Default::default(), recent };
    for (name, series) in NAMES.into_iter().zip(&mut lines.rest) {
        *series = rest.remove(name).map(StoredSeries::read).transpose()?;
    }
    if lines.recent.list.is_empty() {
        lines.recent = RecentSteps::begin(lines.present(now));
    }
    Ok(lines)
}

impl From<&TimeSeries> for StoredSeries {
    fn from(series: &TimeSeries) -> Self {
        let [minutes, quarters, hours] = series.resolutions.each_ref().map(StoredResolution::from);
        let PeakDeque { list, ever } = &series.peaks;
        let row = |&Interval { since, until, users }: &Interval| (since, until, users);
        Self {
            since: series.since,
            at: series.at,
            users: series.users,
            minutes,
            quarters,
            hours,
            stairs: list.iter().map(row).collect(),
            ever: ever.as_ref().map(row),
        }
    }
}

impl StoredSeries {
    /// In the order of [`super::Grain::ALL`].
    fn resolutions(&mut self) -> [&mut StoredResolution; 3] {
        [&mut self.minutes, &mut self.quarters, &mut self.hours]
    }

    fn read(self) -> Result<TimeSeries, DecodeError> {
        let interval = |(since, until, users)| Interval { since, until, users };
        Ok(TimeSeries {
            since: self.since,
            at: self.at,
            users: self.users,
            resolutions: [self.minutes.read()?, self.quarters.read()?, self.hours.read()?],
            peaks: PeakDeque {
                list: self.stairs.into_iter().map(interval).collect(),
                ever: self.ever.map(interval),
            },
        })
    }
}

impl From<&Resolution> for StoredResolution {
    fn from(Resolution { before, chunks, segment, open }: &Resolution) -> Self {
        let chunk = |it: &Chunk| (it.first, it.last, it.close, Bytes(it.bytes.clone()));
        let row = |it: &OpenSegment| {
            let OpenSegment { first, next, low, last, count, bytes } = it;
            (*first, *next, *last, *low, *count, Bytes(bytes.as_slice().into()))
        };
        Self {
            before: *before,
            chunks: chunks.iter().map(chunk).collect(),
            run: segment.as_ref().map(row),
            open: open.map(|it| (it.index, it.min, it.max, it.sum, it.last)),
        }
    }
}

impl StoredResolution {
    fn read(self) -> Result<Resolution, DecodeError> {
        let mut behind = 0;
        let mut chunks = Vec::with_capacity(self.chunks.len());
        for (first, last, close, Bytes(bytes)) in self.chunks {
            // They are looked for by their places.
            if first < behind || last < first || last == u64::MAX {
                return Err(DecodeError::Value("history"));
            }
            behind = last + 1;
            chunks.push(Chunk { first, last, close, bytes });
        }
        let segment = self.run.map(|(first, next, last, low, count, Bytes(bytes))| OpenSegment {
            first,
            next,
            low,
            last,
            count,
            bytes: bytes.to_vec(),
        });
        let open =
            self.open.map(|(index, min, max, sum, last)| Bucket { index, min, max, sum, last });
        Ok(Resolution { before: self.before, chunks: chunks.into(), segment, open })
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(&self.0, &STANDARD))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(OfText)
    }
}

struct OfText;

impl Visitor<'_> for OfText {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("base64")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
        BASE64_STANDARD.decode(text).map(|bytes| Bytes(bytes.into())).map_err(E::custom)
    }
}
