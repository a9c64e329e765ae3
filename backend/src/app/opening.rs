//! Opens the journal at the start, and says whether it is worth to try again if that fails.

use std::io;

use live_users_core::{HOUR_MS, Millis};
use live_users_journal::{FaultKind, Journal, JournalError};
use live_users_state::{RecoveryError, Replayed, Settings, replay_with};
use log::info;

use crate::config::Config;
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

/// Where the journal is, and what its state follows beside the records.
#[derive(Clone)]
pub(super) struct Place {
    url: String,
    settings: Settings,
}

impl Place {
    pub(super) fn of(config: &Config) -> Self {
        Self { url: config.journal_url.clone(), settings: config.keep.settings }
    }

    /// Opens the journal and replays it.
    pub(super) fn open(&self) -> Result<Opened, NotOpened> {
        let journal = live_users_journal::open_with_clock(&self.url, steady_unix_ms)?;
        let replayed = replay_with(&*journal, self.settings)?;
        if !journal.is_shared() {
            refuse_ahead(replayed.state.tracker().now(), Millis(wall_unix_ms()))?;
        }
        let name = live_users_journal::without_secrets(&self.url);
        info!("the journal is {name} at {}", replayed.at);
        Ok(Opened { journal, replayed })
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
