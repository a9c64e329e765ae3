//! The most streams of a server.

use crate::SettingsReader;

const STREAMS_DEFAULT: usize = 10_000;
const STREAMS_MAX: usize = 1_000_000;

/// Reads the setting `STREAMS_MAX`.
pub fn read_streams_max(reader: &mut SettingsReader<'_>) -> usize {
    let expected = format!("streams from 1 to {STREAMS_MAX}");
    let streams = reader.parsed("STREAMS_MAX", STREAMS_DEFAULT, &expected);
    if !(1..=STREAMS_MAX).contains(&streams) {
        reader.error(format!("STREAMS_MAX is {streams}: expected {expected}"));
    }
    streams
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
            let streams = read_streams_max(&mut reader);
            reader.finish(streams)
        };
        assert_eq!((read("").unwrap(), read("1").unwrap()), (10_000, 1));
        for wrong in ["0", "1000001", "-1", "many"] {
            assert!(read(wrong).unwrap_err().to_string().contains("STREAMS_MAX"), "{wrong}");
        }
    }
}
