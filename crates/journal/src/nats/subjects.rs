//! The names, subjects and configurations of the streams of a log.

use std::path::PathBuf;
use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, Info, StorageType};

use super::client::unsuitable;
use super::frame::FORMAT;
use crate::{JournalError, LEASE_MS};

/// How long the service remembers the id of a message, to drop repeats.
const REPEATS_DROPPED: Duration = Duration::from_secs(120);

/// The streams of one log. Each name ends with its own word, so no two logs share a stream.
#[derive(Clone, Debug)]
pub(super) struct Subjects {
    name: String,
    replicas: usize,
    /// How much all streams may take on each server, in bytes.
    max_bytes: Option<u64>,
    /// The log itself.
    pub(super) log: String,
    /// Beside the log: the oldest record that is kept, and the newest snapshot.
    pub(super) state: String,
    /// The parts of snapshots.
    pub(super) parts: String,
    /// The holders of leases. An entry ends by itself.
    pub(super) leases: String,
}

impl Subjects {
    pub(super) fn new(name: &str, replicas: usize, max_bytes: Option<u64>) -> Self {
        let stream = |what: &str| format!("live-users-{name}-{what}");
        Self {
            name: name.to_owned(),
            replicas,
            max_bytes,
            log: stream("log"),
            state: stream("state"),
            parts: stream("parts"),
            leases: stream("leases"),
        }
    }

    /// The subject of the log. It contains the epoch, so a message for a lost log never gets into
    /// the next one.
    pub(super) fn log_subject(&self, epoch: u64) -> String {
        format!("live-users.{}.log.{epoch:016x}", self.name)
    }

    /// A subject of the state. It belongs to the log of this epoch.
    pub(super) fn state_subject(&self, epoch: u64, what: &str) -> String {
        format!("live-users.{}.state.{epoch:016x}.{what}", self.name)
    }

    pub(super) fn part_subject(&self, snapshot: &str) -> String {
        format!("live-users.{}.parts.{snapshot}", self.name)
    }

    pub(super) fn lease_subject(&self, lease: &str) -> String {
        format!("live-users.{}.leases.{lease}", self.name)
    }

    /// The configuration of the log. The log is created with its epoch, and lost with it.
    pub(super) fn log_config(&self, epoch: u64) -> Config {
        Config {
            description: Some(format!(
                "Live Users journal, format {FORMAT}, epoch {epoch:016x}; see docs/JOURNAL.md"
            )),
            duplicate_window: REPEATS_DROPPED,
            ..self.config(&self.log, self.log_subject(epoch))
        }
    }

    pub(super) fn other_configs(&self) -> [Config; 3] {
        let all = |what: &str| format!("live-users.{}.{what}.>", self.name);
        let newest_only = |config| Config { max_messages_per_subject: 1, ..config };
        [
            newest_only(self.config(&self.state, all("state"))),
            self.config(&self.parts, all("parts")),
            Config {
                max_age: Duration::from_millis(LEASE_MS),
                duplicate_window: Duration::from_secs(1),
                ..newest_only(self.config(&self.leases, all("leases")))
            },
        ]
    }

    /// The share of a stream in the size of all, in bytes; -1 without a limit.
    fn max_bytes_of(&self, stream: &str) -> i64 {
        let Some(all) = self.max_bytes else { return -1 };
        // Three small messages, one of which names the parts of a snapshot: 5 bytes for 256 KiB.
        let (state, leases) = (4 << 20, 1 << 20);
        let rest = all.saturating_sub(state + leases);
        let parts = rest / 4;
        let share = match stream {
            it if it == self.state => state,
            it if it == self.leases => leases,
            it if it == self.parts => parts,
            _ => rest - parts,
        };
        i64::try_from(share).unwrap_or(i64::MAX)
    }

    fn config(&self, stream: &str, subject: String) -> Config {
        Config {
            name: stream.to_owned(),
            subjects: vec![subject],
            storage: StorageType::File,
            num_replicas: self.replicas,
            discard: DiscardPolicy::New,
            max_messages: -1,
            max_bytes: self.max_bytes_of(stream),
            max_messages_per_subject: -1,
            max_consumers: -1,
            allow_direct: true,
            ..Config::default()
        }
    }
}

/// The epoch of the log in this stream.
pub(super) fn epoch_of(info: &Info) -> Result<u64, JournalError> {
    let said = info.config.description.as_deref().unwrap_or_default();
    let word = |before: &str| {
        let rest = said.split_once(before)?.1;
        rest.split([',', ';', ' ']).next()
    };
    let format = word("format ").and_then(|it| it.parse::<u32>().ok());
    let epoch = word("epoch ").and_then(|it| u64::from_str_radix(it, 16).ok());
    let stream = &info.config.name;
    match (format, epoch) {
        (Some(found), _) if found > FORMAT.into() => Err(newer(stream, found)),
        (Some(_), Some(epoch)) => Ok(epoch),
        _ => Err(unsuitable(&format!(
            "has a stream `{stream}` that is not a journal: name another one in JOURNAL_URL"
        ))),
    }
}

pub(super) fn newer(stream: &str, found: u32) -> JournalError {
    let path = PathBuf::from(format!("stream {stream}"));
    JournalError::NewerFormat { path, found, known: FORMAT.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_streams_together_take_what_was_asked_for() {
        for all in [16 << 20, (256 << 20) + 3, 10 << 30] {
            let subjects = Subjects::new("x", 1, Some(all));
            let log = subjects.log_config(7);
            let sizes = subjects.other_configs().map(|it| it.max_bytes);
            assert_eq!(sizes.iter().sum::<i64>() + log.max_bytes, all.cast_signed());
            assert!(log.max_bytes > all.cast_signed() / 2 && sizes.iter().all(|it| *it >= 1 << 20));
        }
        let without = Subjects::new("x", 1, None);
        assert_eq!(without.log_config(7).max_bytes, -1);
    }
}
