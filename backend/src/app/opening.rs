//! Opens the journal at the start, and says whether it is worth to try again if that fails.

use std::io;

use live_users_core::{HOUR_MS, Millis};
use live_users_intake::shards::ShardSet;
use live_users_journal::{FaultKind, Journal, JournalError, is_missing};
use live_users_state::record::{Change, Record};
use live_users_state::{RecoveryError, Replayed, Settings, ShardMark, replay_with};
use log::info;

use crate::config::Config;
use crate::config::shards::shards_below;
use crate::parts::clock::{moment, steady_unix_ms, wall_unix_ms};

/// A start is refused when the newest record lies further ahead of the machine's clock, in
/// milliseconds. Less is worked off by the clock of the journal within a day.
const AHEAD_MS_MAX: u64 = HOUR_MS;

/// A journal that was opened and replayed.
pub(super) struct Opened {
    pub(super) journal: Box<dyn Journal>,
    pub(super) replayed: Replayed,
}

/// Why the journal was not opened.
#[derive(Debug)]
pub(super) enum NotOpened {
    /// A setting is wrong, or another process works on the journal.
    Refused(io::Error),
    /// The disk, the files or the clock have to be put right. Until then callers can be answered.
    Waiting {
        /// What is wrong.
        kind: FaultKind,
        /// The same in detail, and what to do.
        why: String,
    },
}

impl From<JournalError> for NotOpened {
    fn from(error: JournalError) -> Self {
        match &error {
            JournalError::Full { .. } | JournalError::Io { .. } | JournalError::Damaged { .. } => {
                Self::Waiting { kind: error.kind(), why: error.to_string() }
            }
            _ => Self::Refused(io::Error::other(error)),
        }
    }
}

impl From<RecoveryError> for NotOpened {
    fn from(error: RecoveryError) -> Self {
        match error {
            RecoveryError::Journal(error) => error.into(),
            error => Self::Refused(io::Error::other(error)),
        }
    }
}

/// Where the journals are of the shards that are here.
#[derive(Clone)]
pub(super) struct Places(Vec<Place>);

impl Places {
    pub(super) fn of(configs: &[Config]) -> Self {
        Self(configs.iter().map(Place::of).collect())
    }

    /// A warning if new journals are begun beside those of other shards, which nearly always is a mistake.
    /// `all` has the address of the journals of all shards. It is asked before they are opened.
    pub(super) fn strangers(&self, all: &Config) -> Option<String> {
        let begun = self.0.iter().filter(|place| is_missing(&place.url));
        let begun: ShardSet = begun.map(Place::shard).collect();
        let own = if is_missing(&all.journal_url) { ShardSet::default() } else { ShardSet::one(0) };
        let found = shards_below(&all.journal_url).and(own);
        if begun.is_empty() || found.is_empty() {
            return None;
        }
        let name = live_users_journal::without_secrets(&all.journal_url);
        let whose = match all.layout.shards() {
            1 => "all calls while SHARDS is 1".to_owned(),
            _ => format!("{}, which are to be here", named(begun)),
        };
        Some(format!(
            "JOURNAL_URL: {name} has the journals of {}, and none of {whose}: new ones are begun. If it is \
             the directory of another backend or of one shard, set JOURNAL_URL and SHARDS_HERE as they \
             belong together, and remove the new ones (docs/OPERATIONS.md)",
            named(found)
        ))
    }

    /// Opens all of them, or none.
    pub(super) fn open(&self) -> Result<Vec<Opened>, NotOpened> {
        self.0.iter().map(Place::open).collect()
    }
}

/// Where a journal is, and what its state follows beside the records.
#[derive(Clone)]
struct Place {
    url: String,
    settings: Settings,
    /// What it has to be marked with.
    mark: Option<ShardMark>,
}

impl Place {
    fn of(config: &Config) -> Self {
        let (url, settings) = (config.journal_url.clone(), config.keep.settings);
        Self { url, settings, mark: config.mark() }
    }

    fn shard(&self) -> usize {
        self.mark.as_ref().map(|mark| usize::from(mark.shard)).unwrap_or_default()
    }

    /// Opens the journal and replays it.
    fn open(&self) -> Result<Opened, NotOpened> {
        let mut journal = live_users_journal::open_with_clock(&self.url, steady_unix_ms)?;
        let mut replayed = replay_with(&*journal, self.settings)?;
        let is_new = replayed.at.seq == 0 && replayed.state.tracker().now() == Millis(0);
        check_mark(replayed.state.shard_mark(), self.mark.as_ref(), is_new)
            .map_err(|why| NotOpened::Refused(io::Error::other(self.refusal(&why))))?;
        if let Some(mark) = self.mark.as_ref().filter(|_| replayed.state.shard_mark().is_none()) {
            // Before anything else: a journal with calls and no mark is one of all calls.
            let record = Record { at: time_of(&*journal), change: Change::Shard(mark.clone()) };
            journal.append(&[record.encode()])?;
            replayed = replay_with(&*journal, self.settings)?;
            // Another process may have been first.
            check_mark(replayed.state.shard_mark(), Some(mark), false)
                .map_err(|why| NotOpened::Refused(io::Error::other(self.refusal(&why))))?;
        }
        if !journal.is_shared() {
            refuse_ahead(replayed.state.tracker().now(), Millis(wall_unix_ms()))?;
        }
        let name = live_users_journal::without_secrets(&self.url);
        match &self.mark {
            None => info!("the journal is {name} at {}", replayed.at),
            Some(mark) => info!("the journal of {mark} is {name} at {}", replayed.at),
        }
        Ok(Opened { journal, replayed })
    }

    fn refusal(&self, Mismatch { why, remedy }: &Mismatch) -> String {
        let name = live_users_journal::without_secrets(&self.url);
        format!("the journal {name} is {why}: {remedy} (docs/OPERATIONS.md)")
    }
}

/// A journal is of another shard than it is to be opened as.
#[derive(Debug, PartialEq, Eq)]
struct Mismatch {
    why: String,
    remedy: &'static str,
}

/// `shards 0, 1`, or one of them.
fn named(shards: ShardSet) -> String {
    let each: Vec<_> = shards.iter().map(|it| it.to_string()).collect();
    let s = if each.len() == 1 { "" } else { "s" };
    format!("shard{s} {}", each.join(", "))
}

/// The present by the clock that the records of a journal have their times of.
fn time_of(journal: &dyn Journal) -> Millis {
    Millis(match journal.is_shared() {
        true => journal.replication_status().log_time_ms(steady_unix_ms()),
        false => wall_unix_ms(),
    })
}

/// Refuses a journal that was written as another shard than it is opened as, since its calls would be
/// mixed with those of others. A new one is marked once it is open.
fn check_mark(
    found: Option<&ShardMark>,
    wanted: Option<&ShardMark>,
    is_new: bool,
) -> Result<(), Mismatch> {
    const SETTINGS: &str = "set SHARDS and SHARD_BY as they were, or begin with new journals";
    const PLACE: &str = "the settings are as they were and the directory is that of another shard; put the \
                         journal of each shard back into its place, or set JOURNAL_URL and SHARDS_HERE as \
                         they belong together";
    let mismatch = |why, remedy| Err(Mismatch { why, remedy });
    match (found, wanted) {
        (None, None) => Ok(()),
        (Some(found), Some(wanted)) if found == wanted => Ok(()),
        (None, Some(_)) if is_new => Ok(()),
        (None, Some(wanted)) => {
            mismatch(format!("one of all calls, and is to be opened as {wanted}"), SETTINGS)
        }
        (Some(found), None) => {
            mismatch(format!("that of {found}, and is to be opened with SHARDS=1"), SETTINGS)
        }
        (Some(found), Some(wanted)) => {
            let is_moved = (found.of, &found.by) == (wanted.of, &wanted.by);
            let remedy = if is_moved { PLACE } else { SETTINGS };
            mismatch(format!("that of {found}, and is to be opened as {wanted}"), remedy)
        }
    }
}

/// Refuses a journal whose newest record lies far ahead of the clock: either of the two is wrong,
/// and only an operator can say which.
fn refuse_ahead(newest: Millis, now: Millis) -> Result<(), NotOpened> {
    if newest.since(now) <= AHEAD_MS_MAX {
        return Ok(());
    }
    let why = format!(
        "the newest record of the journal is from {}, and this machine's clock shows {}: if the \
         clock is wrong, set it; if it is right, a clock ahead has written the journal, and \
         `live-users-backend journal repair --time` mends it (docs/JOURNAL.md)",
        moment(newest),
        moment(now)
    );
    Err(NotOpened::Waiting { kind: FaultKind::Ahead, why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_is_opened_as_what_it_was_written_as() {
        let mark = |shard, of, by: &str| ShardMark { shard, of, by: by.into() };
        let (one, other) = (mark(0, 4, "agent"), mark(1, 4, "agent"));
        for is_new in [true, false] {
            assert_eq!(check_mark(None, None, is_new), Ok(()));
            assert_eq!(check_mark(Some(&one), Some(&one), is_new), Ok(()));
            assert!(check_mark(Some(&one), None, is_new).unwrap_err().why.contains("SHARDS=1"));
            for (another, remedy) in [
                (&other, "put the journal of each shard back"),
                (&mark(0, 5, "agent"), "set SHARDS and SHARD_BY"),
                (&mark(0, 4, "caller"), "set SHARDS and SHARD_BY"),
            ] {
                let refused = check_mark(Some(&one), Some(another), is_new).unwrap_err();
                let why = &refused.why;
                assert!(why.contains("shard 0 of SHARDS=4 with SHARD_BY=agent"), "{why}");
                assert!(refused.remedy.contains(remedy), "{}", refused.remedy);
            }
        }
        assert_eq!(check_mark(None, Some(&one), true), Ok(()));
        let refused = check_mark(None, Some(&one), false).unwrap_err();
        assert!(refused.why.contains("all calls"), "{}", refused.why);
    }

    #[test]
    fn a_journal_that_is_more_than_an_hour_ahead_is_refused_with_both_times() {
        let now = Millis(1_795_000_000_007);
        for behind_ms in [0, 1, AHEAD_MS_MAX] {
            assert!(refuse_ahead(Millis(now.0 + behind_ms), now).is_ok());
        }
        assert!(refuse_ahead(Millis(0), now).is_ok(), "an empty journal");
        let refused = refuse_ahead(Millis(now.0 + AHEAD_MS_MAX + 1), now).unwrap_err();
        let NotOpened::Waiting { kind: FaultKind::Ahead, why } = refused else {
            panic!("{refused:?}");
        };
        assert!(why.contains("2026-11-18T12:06:40.008Z"), "{why}");
        assert!(why.contains("2026-11-18T11:06:40.007Z") && why.contains("repair --time"), "{why}");
    }
}
