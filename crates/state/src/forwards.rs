//! Evidence that waits for the backend that has its shard, until that has recorded it: so nothing is lost
//! with the process that took it.
//!
//! Nothing of it counts here. It goes on in the order in which it was taken.

use std::collections::{HashMap, VecDeque};
use std::io;

use live_users_core::{CallId, Evidence, Millis, Said};
use serde::{Deserialize, Serialize};

use crate::format::DecodeError;
use crate::record::StoredEvidence;

/// So many pieces of evidence may wait, some kilobytes each in the worst case. Who takes evidence looks at
/// this before: what is in the journal is never left out.
pub const FORWARDS_MAX: usize = 50_000;

/// The most bytes that may wait, as records have them.
pub const FORWARD_BYTES_MAX: usize = 32 << 20;

/// A piece of evidence for another shard than the one whose journal it is kept in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The number of the shard that it is for.
    pub shard: u8,
    /// When it was sent, in milliseconds since 1970, if that is known.
    pub sent_at_ms: Option<u64>,
    /// The shard that has heard first of the conference that it is about.
    pub first_in_conference: Option<u8>,
    /// What it says.
    pub evidence: Evidence,
}

/// What waited for these shards is recorded there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forwarded {
    /// The numbers of the shards.
    pub shards: Vec<u8>,
    /// Up to the piece with this number.
    pub through: u64,
}

/// A piece of evidence that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingForward {
    /// When it was recorded here.
    pub since: Millis,
    /// Its number. A later one has a greater number.
    pub number: u64,
    /// What waits.
    pub forward: Forward,
}

/// The evidence that waits for other shards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forwards {
    /// In the order of their numbers.
    waiting: VecDeque<WaitingForward>,
    /// How many there ever were: the number of the newest.
    count: u64,
    n_bytes: usize,
    /// How many wait for each shard that some wait for, in the order of the shards.
    by_shard: Vec<(u8, usize)>,
}

impl Forwards {
    /// Takes a piece of evidence.
    pub(crate) fn take(&mut self, at: Millis, forward: &Forward) {
        self.count += 1;
        self.add(WaitingForward { since: at, number: self.count, forward: forward.clone() });
    }

    fn add(&mut self, waiting: WaitingForward) {
        let shard = waiting.forward.shard;
        self.n_bytes += size(&waiting.forward);
        match self.by_shard.binary_search_by_key(&shard, |(it, _)| *it) {
            Ok(place) => self.by_shard[place].1 += 1,
            Err(place) => self.by_shard.insert(place, (shard, 1)),
        }
        self.waiting.push_back(waiting);
    }

    /// Takes out what is recorded where it belongs.
    pub(crate) fn forwarded(&mut self, Forwarded { shards, through }: &Forwarded) {
        let Self { waiting, n_bytes, by_shard, .. } = self;
        let is_done =
            |it: &WaitingForward| it.number <= *through && shards.contains(&it.forward.shard);
        waiting.retain(|it| {
            let is_done = is_done(it);
            if is_done {
                *n_bytes -= size(&it.forward);
                let place = by_shard.binary_search_by_key(&it.forward.shard, |(it, _)| *it);
                by_shard[place.expect("it was counted")].1 -= 1;
            }
            !is_done
        });
        by_shard.retain(|(_, n)| *n > 0);
    }

    /// How many wait for each shard that some wait for.
    pub fn by_shard(&self) -> &[(u8, usize)] {
        &self.by_shard
    }

    /// Whether there is room for more.
    pub fn has_room(&self) -> bool {
        self.waiting.len() < FORWARDS_MAX && self.n_bytes < FORWARD_BYTES_MAX
    }

    /// What waits for the shards that this picks, the oldest first.
    pub fn of<'a>(
        &'a self,
        picks: impl Fn(u8) -> bool + 'a,
    ) -> impl Iterator<Item = &'a WaitingForward> {
        self.waiting.iter().filter(move |it| picks(it.forward.shard))
    }

    /// When something of each of these calls was last taken that waits; `None` for one whose end waits.
    pub fn last_words<'a>(
        &'a self,
        calls: impl Iterator<Item = &'a CallId>,
    ) -> HashMap<&'a CallId, Option<Millis>> {
        let mut last: HashMap<_, _> = calls.map(|call| (call, Some(Millis(0)))).collect();
        for WaitingForward { since, forward: Forward { evidence, .. }, .. } in &self.waiting {
            if let Some(at) = last.get_mut(&evidence.call) {
                let is_over = matches!(evidence.said, Said::Over(_));
                *at = at.filter(|_| !is_over).map(|at| at.max(*since));
            }
        }
        last
    }

    /// The same with other times.
    pub(crate) fn mended(mut self, mut mend: impl FnMut(Millis) -> Millis) -> Self {
        self.waiting.iter_mut().for_each(|it| it.since = mend(it.since));
        self
    }
}

/// How many bytes a piece takes in a record.
fn size(forward: &Forward) -> usize {
    /// Counts what is written.
    struct Count(usize);

    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut count = Count(0);
    let stored = StoredForward::of(forward);
    serde_json::to_writer(&mut count, &stored).expect("text and numbers are always JSON");
    count.0
}

/// A piece in a record or in a snapshot.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredForward {
    shard: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sent_at: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_in_conference: Option<u8>,
    evidence: StoredEvidence,
}

/// All of them in a snapshot.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct StoredForwards {
    count: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    waiting: Vec<StoredWaiting>,
}

#[derive(Serialize, Deserialize)]
struct StoredWaiting {
    since: u64,
    number: u64,
    #[serde(flatten)]
    forward: StoredForward,
}

impl StoredForward {
    pub(crate) fn of(forward: &Forward) -> Self {
        let Forward { shard, sent_at_ms, first_in_conference, evidence } = forward;
        Self {
            shard: *shard,
            sent_at: *sent_at_ms,
            first_in_conference: *first_in_conference,
            evidence: StoredEvidence::of(evidence),
        }
    }

    pub(crate) fn read(self) -> Result<Forward, DecodeError> {
        Ok(Forward {
            shard: self.shard,
            sent_at_ms: self.sent_at,
            first_in_conference: self.first_in_conference,
            evidence: self.evidence.read()?,
        })
    }
}

impl StoredForwards {
    /// `None` where there never was one.
    pub(crate) fn of(forwards: &Forwards) -> Option<Self> {
        let stored = |it: &WaitingForward| StoredWaiting {
            since: it.since.0,
            number: it.number,
            forward: StoredForward::of(&it.forward),
        };
        (forwards.count > 0).then(|| Self {
            count: forwards.count,
            waiting: forwards.waiting.iter().map(stored).collect(),
        })
    }

    pub(crate) fn read(self) -> Result<Forwards, DecodeError> {
        let mut forwards = Forwards { count: self.count, ..Forwards::default() };
        for StoredWaiting { since, number, forward } in self.waiting {
            if forwards.waiting.back().is_some_and(|it| it.number >= number) {
                return Err(DecodeError::Value("forwards"));
            }
            forwards.count = forwards.count.max(number);
            let forward = forward.read()?;
            forwards.add(WaitingForward { since: Millis(since), number, forward });
        }
        Ok(forwards)
    }
}

#[cfg(test)]
mod tests;
