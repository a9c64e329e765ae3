//! The most streams of a server, and the file descriptors that they take.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::SettingsReader;

const STREAMS_DEFAULT: usize = 10_000;
const STREAMS_MAX: usize = 1_000_000;
const RESERVED_DEFAULT: usize = 1_000;

/// Descriptors for everything else: requests, the journal, outgoing connections.
const OTHERS: u64 = 1_000;

/// How many streams may be open at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamsMax {
    /// `STREAMS_MAX`: those of everybody.
    pub public: usize,
    /// `STREAMS_RESERVED`: more of them, for readers who have shown a token or are signed in.
    pub reserved: usize,
}

impl StreamsMax {
    /// Reads the settings `STREAMS_MAX` and `STREAMS_RESERVED`.
    pub fn read(reader: &mut SettingsReader<'_>) -> Self {
        let mut within = |name: &str, default, from| {
            let expected = format!("streams from {from} to {STREAMS_MAX}");
            let streams = reader.parsed(name, default, &expected);
            if !(from..=STREAMS_MAX).contains(&streams) {
                reader.error(format!("{name} is {streams}: expected {expected}"));
            }
            streams
        };
        let public = within("STREAMS_MAX", STREAMS_DEFAULT, 1);
        Self { public, reserved: within("STREAMS_RESERVED", RESERVED_DEFAULT, 0) }
    }

    /// All of them.
    pub fn all(self) -> usize {
        self.public.saturating_add(self.reserved)
    }
}

/// Raises this process's limit of descriptors to what these streams need, as far as allowed. Logs a
/// warning if that is not enough. The usual limit of 1,024 is for programs that use select(2).
pub fn raise_fd_limit(streams: usize) {
    let needed = u64::try_from(streams).unwrap_or(u64::MAX).saturating_add(OTHERS);
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|limit| limit >= needed) {
        return;
    }
    let possible = maximum.map_or(needed, |maximum| maximum.min(needed));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(possible), maximum });
    if raised.is_err() || possible < needed {
        log::warn!(
            "the system does not allow the {needed} open files that STREAMS_MAX={streams} may \
             take: raise the limit (ulimit -n), or set a smaller STREAMS_MAX"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Env;

    #[test]
    fn the_number_of_streams_is_bounded() {
        let read = |text| {
            let env = Env::of([("STREAMS_MAX", text)]);
            let mut reader = SettingsReader::new(&env);
            let streams = StreamsMax::read(&mut reader).public;
            reader.finish(streams)
        };
        assert_eq!((read("").unwrap(), read("1").unwrap()), (10_000, 1));
        for wrong in ["0", "1000001", "-1", "many"] {
            assert!(read(wrong).unwrap_err().to_string().contains("STREAMS_MAX"), "{wrong}");
        }
    }

    #[test]
    fn room_is_made_as_far_as_the_system_allows() {
        let before = getrlimit(Resource::Nofile);
        raise_fd_limit(1);
        raise_fd_limit(usize::MAX);
        let after = getrlimit(Resource::Nofile);
        assert_eq!((after.maximum, after.current), (before.maximum, before.maximum));
    }
}
