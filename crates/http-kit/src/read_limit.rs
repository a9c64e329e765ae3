//! How often one client may read what is public.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use lru::LruCache;
use parking_lot::Mutex;

use crate::metrics::Counter;
use crate::{ClientKey, SettingsReader};

/// The clients that are remembered, of some 60 bytes each. The one that has not read for the longest
/// is forgotten first, and one that is forgotten has all its reads again.
const CLIENTS_MAX: NonZeroUsize = NonZeroUsize::new(65_536).expect("not zero");

/// The reads of so many seconds may come at once.
const BURST_S: u32 = 5;

const PER_SECOND_DEFAULT: u32 = 1_000;
const PER_SECOND_MAX: u32 = 1_000_000;

/// Limits the reads of each client.
pub struct ReadLimit {
    /// The time of one read, and of as many as may come at once. `None` without a limit.
    times: Option<(Duration, Duration)>,
    /// For each client when the last of its reads will be forgotten, at one in each interval (the
    /// generic cell rate algorithm, ITU-T I.371).
    clients: Mutex<LruCache<ClientKey, Instant>>,
    refused: Counter,
}

impl ReadLimit {
    /// Reads the setting `READS_PER_SECOND`: reads of one client in a second; 0 for no limit.
    pub fn read(reader: &mut SettingsReader<'_>) -> u32 {
        let expected = format!("reads from 1 to {PER_SECOND_MAX}, or 0 for no limit");
        let per_second = reader.parsed("READS_PER_SECOND", PER_SECOND_DEFAULT, &expected);
        if per_second > PER_SECOND_MAX {
            reader.error(format!("READS_PER_SECOND is {per_second}: expected {expected}"));
        }
        per_second
    }

    /// Allows so many reads in a second; 0 for no limit.
    pub fn new(per_second: u32) -> Self {
        let interval = Duration::from_secs(1).checked_div(per_second);
        let times = interval.map(|interval| (interval, interval * per_second * BURST_S));
        let clients = Mutex::new(LruCache::new(CLIENTS_MAX));
        Self { times, clients, refused: Counter::default() }
    }

    /// Whether there is a limit.
    pub fn is_set(&self) -> bool {
        self.times.is_some()
    }

    /// Takes one read of a client.
    ///
    /// # Errors
    /// How long to wait, if it has read too often.
    pub fn take(&self, client: ClientKey, now: Instant) -> Result<(), Duration> {
        self.take_quietly(client, now).inspect_err(|_| self.refused.add())
    }

    /// The same for a read that is asked for again if it is not taken: a refusal does not count.
    ///
    /// # Errors
    /// How long to wait, if it has read too often.
    pub fn take_quietly(&self, client: ClientKey, now: Instant) -> Result<(), Duration> {
        let Some((interval, burst)) = self.times else { return Ok(()) };
        let mut clients = self.clients.lock();
        let end = clients.get_or_insert_mut(client, || now);
        let next = (*end).max(now) + interval;
        match next.checked_duration_since(now + burst) {
            Some(wait) if !wait.is_zero() => Err(wait),
            Some(_) | None => {
                *end = next;
                Ok(())
            }
        }
    }

    /// How many reads were refused.
    pub fn refused(&self) -> u64 {
        self.refused.get()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::Env;

    fn client(n: u32) -> ClientKey {
        IpAddr::V4((0x0a00_0000 + n).into()).into()
    }

    #[test]
    fn a_client_has_a_burst_and_then_its_rate_and_others_have_their_own() {
        let (limit, start) = (ReadLimit::new(10), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        for _ in 0..50 {
            assert_eq!(limit.take(client(1), start), Ok(()));
        }
        assert_eq!(limit.take(client(1), start), Err(Duration::from_millis(100)));
        assert_eq!(limit.take(client(1), at(99)), Err(Duration::from_millis(1)));
        assert_eq!(limit.take(client(2), at(99)), Ok(()));
        assert_eq!(limit.take(client(1), at(100)), Ok(()), "who was refused loses nothing by it");
        assert_eq!(limit.take(client(1), at(100)), Err(Duration::from_millis(100)));
        for _ in 0..50 {
            assert_eq!(limit.take(client(1), at(60_000)), Ok(()));
        }
        assert_eq!(limit.refused(), 3);
        assert!((0..100).any(|_| limit.take_quietly(client(3), start).is_err()));
        assert_eq!(limit.refused(), 3, "who asks again is counted then");
    }

    #[test]
    fn without_a_limit_nobody_waits_and_the_memory_is_bounded() {
        let now = Instant::now();
        let none = ReadLimit::new(0);
        assert!((0..100_000).all(|_| none.take(client(1), now).is_ok()));
        assert!(none.clients.lock().is_empty());
        let limit = ReadLimit::new(1);
        for n in 0..100_000 {
            assert_eq!(limit.take(client(n), now), Ok(()));
        }
        assert_eq!(limit.clients.lock().len(), CLIENTS_MAX.get());
    }

    #[test]
    fn the_setting_is_bounded() {
        let read = |text| {
            let env = Env::of([("READS_PER_SECOND", text)]);
            let mut reader = SettingsReader::new(&env);
            let per_second = ReadLimit::read(&mut reader);
            reader.finish(per_second)
        };
        assert_eq!((read("").unwrap(), read("0").unwrap()), (1_000, 0));
        for wrong in ["1000001", "-1", "many"] {
            assert!(read(wrong).unwrap_err().to_string().contains("READS_PER_SECOND"), "{wrong}");
        }
    }
}
