//! The settings that bound what clients take of a server: connections, and time for heads and
//! bodies.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{SettingsReader, StreamsMax};

/// Connections beside streams, by default.
const OTHERS: u64 = 4_000;

/// The most connections that can be set.
const CONNECTIONS_MAX: u64 = 2_000_000;

/// Descriptors that no connection takes: for the journal and for connections to others. Where the
/// system allows few descriptors, it is a quarter of them.
const KEPT_FILES: u64 = 1_000;

/// What clients may take of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientLimits {
    /// Open connections (`CONNECTIONS_MAX`).
    pub(crate) open: usize,
    /// Connections that wait for their client to send (`CONNECTIONS_WAITING_MAX`).
    pub(crate) waiting: usize,
    /// Connections of one address (`CONNECTIONS_PER_ADDRESS`).
    pub(crate) per_address: usize,
    /// For the head of a request (`REQUEST_HEAD_MS`).
    pub(crate) head: Duration,
    /// For the body of a request (`REQUEST_BODY_MS`).
    pub(crate) body: Duration,
    /// The least pace of a body (`REQUEST_BODY_BYTES_PER_SECOND`).
    pub(crate) body_bytes_per_s: u64,
    /// Between two requests on one connection (`KEEP_ALIVE_MS`).
    pub(crate) keep_alive: Duration,
}

impl ClientLimits {
    /// Reads the settings. Streams are connections too.
    pub fn read(reader: &mut SettingsReader<'_>, streams: StreamsMax) -> Self {
        let (all, streams) = (as_u64(streams.all()), as_u64(streams.public));
        let open = reader.within(
            "CONNECTIONS_MAX",
            all.saturating_add(OTHERS),
            10..=CONNECTIONS_MAX,
            "connections",
        );
        if open <= streams {
            reader.error(format!(
                "CONNECTIONS_MAX is {open}: expected more than the {streams} of STREAMS_MAX, for \
                 each stream is a connection"
            ));
        }
        let bounds = 1..=CONNECTIONS_MAX;
        let waiting =
            reader.within("CONNECTIONS_WAITING_MAX", 2_000, bounds.clone(), "connections");
        let per_address = reader.within("CONNECTIONS_PER_ADDRESS", 1_000, bounds, "connections");
        let mut ms = |name, default, bounds| {
            Duration::from_millis(reader.within(name, default, bounds, "milliseconds"))
        };
        Self {
            open: as_usize(open),
            waiting: as_usize(waiting),
            per_address: as_usize(per_address),
            // actix-http measures these two by a clock that goes on each half second.
            head: ms("REQUEST_HEAD_MS", 10_000, 1_000..=120_000),
            keep_alive: ms("KEEP_ALIVE_MS", 5_000, 1_000..=600_000),
            body: ms("REQUEST_BODY_MS", 10_000, 100..=120_000),
            body_bytes_per_s: reader.within(
                "REQUEST_BODY_BYTES_PER_SECOND",
                500,
                1..=1_000_000,
                "bytes per second",
            ),
        }
    }

    /// The same limits, with no more connections than this process may have files. Raises that
    /// limit first, as far as allowed: the usual 1,024 is for programs that use select(2).
    #[must_use]
    pub fn fit_files(self) -> Self {
        let possible = room_for_connections(raise_file_limit());
        if possible < self.open {
            log::warn!(
                "the system allows {possible} connections beside the files of this process, and \
                 CONNECTIONS_MAX is {}: raise the limit of open files (ulimit -n), or set a \
                 smaller CONNECTIONS_MAX and STREAMS_MAX",
                self.open
            );
        }
        Self { open: self.open.min(possible), ..self }
    }

    /// The most streams that leave room for short requests: nine of ten connections.
    pub fn streams(&self) -> usize {
        self.open - self.open.div_ceil(10)
    }

    /// The most streams of one address, which leave room for its short requests.
    pub(crate) fn streams_per_address(&self) -> usize {
        (self.per_address - self.per_address.div_ceil(10)).max(1)
    }
}

fn room_for_connections(files: u64) -> usize {
    as_usize(files - KEPT_FILES.min(files / 4))
}

/// Raises this process's limit of descriptors to the most that it may have, and tells how many.
fn raise_file_limit() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let allowed = if raised.is_ok() { maximum } else { current };
    allowed.unwrap_or(u64::MAX)
}

fn as_u64(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

fn as_usize(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConfigErrors, Env};

    fn read(env: Env) -> Result<ClientLimits, ConfigErrors> {
        let mut reader = SettingsReader::new(&env);
        let limits = ClientLimits::read(&mut reader, StreamsMax { public: 90, reserved: 10 });
        reader.finish(limits)
    }

    #[test]
    fn streams_are_connections_and_leave_room_for_others() {
        let limits = read(Env::default()).unwrap();
        assert_eq!((limits.open, limits.streams()), (4_100, 3_690));
        let small = read(Env::of([("CONNECTIONS_MAX", "101")])).unwrap();
        assert_eq!((small.open, small.streams()), (101, 90));
        let wrong = read(Env::of([("CONNECTIONS_MAX", "90")])).unwrap_err().to_string();
        assert!(wrong.contains("CONNECTIONS_MAX") && wrong.contains("STREAMS_MAX"), "{wrong}");
    }

    #[test]
    fn every_limit_is_bounded_and_named() {
        for (name, wrong) in [
            ("CONNECTIONS_MAX", "many"),
            ("CONNECTIONS_WAITING_MAX", "0"),
            ("CONNECTIONS_PER_ADDRESS", "-1"),
            ("REQUEST_HEAD_MS", "999"),
            ("REQUEST_BODY_MS", "120001"),
            ("REQUEST_BODY_BYTES_PER_SECOND", "0"),
            ("KEEP_ALIVE_MS", "5s"),
        ] {
            let mistakes = read(Env::of([(name, wrong)])).unwrap_err().to_string();
            assert!(mistakes.contains(name) && mistakes.contains("expected"), "{mistakes}");
        }
    }

    #[test]
    fn some_files_are_kept_whatever_the_system_allows() {
        for (files, room) in [(1_024, 768), (4_000, 3_000), (20_000, 19_000)] {
            assert_eq!(room_for_connections(files), room);
        }
        let before = getrlimit(Resource::Nofile);
        let limits = read(Env::of([("CONNECTIONS_MAX", "2000000")])).unwrap().fit_files();
        let after = getrlimit(Resource::Nofile);
        assert_eq!((after.maximum, after.current), (before.maximum, before.maximum));
        assert!(after.current.is_none_or(|files| as_u64(limits.open) < files));
    }
}
