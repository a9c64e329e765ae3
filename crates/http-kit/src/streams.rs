//! The most streams of a server.

use crate::SettingsReader;

const STREAMS_DEFAULT: usize = 10_000;
const STREAMS_MAX: usize = 1_000_000;
const RESERVED_DEFAULT: usize = 1_000;

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

    /// No more than this many in all. Half of them may be reserved at most.
    #[must_use]
    pub fn at_most(self, all: usize) -> Self {
        let reserved = self.reserved.min(all / 2);
        Self { public: self.public.min(all - reserved), reserved }
    }

    /// All of them.
    pub(crate) fn all(self) -> usize {
        self.public.saturating_add(self.reserved)
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
}
