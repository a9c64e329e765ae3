//! The delivery of a webhook: what the network does to an attempt, and when Twilio retries.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::scenario::{Loss, Network, Retries};

/// The longest time of all attempts of one webhook together, in milliseconds. (Twilio, "Webhooks:
/// connection overrides": 15 s in any case.)
pub(super) const ATTEMPTS_MS_MAX: u64 = 15_000;

/// The most attempts after the first with `rc=5`.
const RETRIES_MAX: u32 = 5;

/// The longest time from the first copy to a repeat, in milliseconds.
const REPEAT_MS_MAX: u64 = 3_000;

/// Names an attempt of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    /// The number of the call.
    pub(super) call: u64,
    /// The number of the webhook among those of its call.
    pub(super) webhook: u64,
    /// The number of the attempt. 0 is the first.
    pub(super) n: u32,
    /// The time of the first attempt.
    pub(super) first_ms: u64,
}

/// What the network does to an attempt. Times count from the attempt, in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It arrives, and possibly once more.
    Arrives { after_ms: u64, again_after_ms: Option<u64> },
    /// It does not arrive, and Twilio notices.
    Fails { noticed_after_ms: u64 },
    /// It does not arrive, and no other attempt does.
    Vanishes,
}

/// Why an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// There was no connection, or it was lost.
    Connection,
    /// The answer was 5xx.
    Refused,
}

/// Depends on the seed alone, so that every system has the same network.
pub(super) fn fate(seed: u64, network: &Network, attempt: Attempt) -> Fate {
    let mut rng = rng_of(seed, attempt);
    let is = |rng: &mut ChaCha8Rng, share: u32| rng.random_range(0..1_000) < share;
    let is_lost = is(&mut rng, network.lost);
    let is_late = is(&mut rng, network.reordered);
    let is_repeated = is(&mut rng, network.repeated);
    match network.loses {
        Loss::ForGood if is_lost && attempt.n == 0 => return Fate::Vanishes,
        Loss::Attempt if is_lost => {
            let noticed_after_ms = rng.random_range(network.notices_ms.clone());
            return Fate::Fails { noticed_after_ms };
        }
        Loss::ForGood | Loss::Attempt => {}
    }
    let late_ms = if is_late { rng.random_range(0..=network.reordered_ms_max) } else { 0 };
    let after_ms = rng.random_range(network.travel_ms.clone()) + late_ms;
    let again_after_ms = is_repeated.then(|| after_ms + rng.random_range(1..=REPEAT_MS_MAX));
    Fate::Arrives { after_ms, again_after_ms }
}

/// How long Twilio takes to notice that this attempt was not answered.
pub(super) fn noticed_after_ms(seed: u64, network: &Network, attempt: Attempt) -> u64 {
    let mut rng = rng_of(!seed, attempt);
    rng.random_range(network.notices_ms.clone())
}

/// The next attempt after a failed one, if Twilio retries. It retries at once.
pub(super) fn next(
    retries: Retries,
    failed: Attempt,
    failure: Failure,
    now_ms: u64,
) -> Option<Attempt> {
    let may = match (retries, failure) {
        (Retries::Default, Failure::Connection) => failed.n < 1,
        (Retries::Default, Failure::Refused) => false,
        (Retries::All, Failure::Connection | Failure::Refused) => failed.n < RETRIES_MAX,
    };
    let is_in_time = now_ms < failed.first_ms + ATTEMPTS_MS_MAX;
    (may && is_in_time).then_some(Attempt { n: failed.n + 1, ..failed })
}

fn rng_of(seed: u64, attempt: Attempt) -> ChaCha8Rng {
    let Attempt { call, webhook, n, first_ms: _ } = attempt;
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&call.to_le_bytes());
    bytes[16..24].copy_from_slice(&webhook.to_le_bytes());
    bytes[24..28].copy_from_slice(&n.to_le_bytes());
    ChaCha8Rng::from_seed(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Attempt = Attempt { call: 1, webhook: 2, n: 0, first_ms: 1_000 };

    #[test]
    fn by_default_a_failed_connection_and_nothing_else_is_tried_once_more() {
        let again = next(Retries::Default, FIRST, Failure::Connection, 1_100).unwrap();
        assert_eq!(again, Attempt { n: 1, ..FIRST });
        assert_eq!(next(Retries::Default, again, Failure::Connection, 1_200), None);
        assert_eq!(next(Retries::Default, FIRST, Failure::Refused, 1_100), None);
    }

    #[test]
    fn with_all_retries_anything_is_tried_five_times_more_within_fifteen_seconds() {
        let mut attempt = FIRST;
        for n in 1..=5 {
            let failure = if n % 2 == 0 { Failure::Refused } else { Failure::Connection };
            attempt = next(Retries::All, attempt, failure, 1_000 + u64::from(n)).unwrap();
            assert_eq!(attempt.n, n);
        }
        assert_eq!(next(Retries::All, attempt, Failure::Connection, 1_010), None);
        assert!(next(Retries::All, FIRST, Failure::Refused, 15_999).is_some());
        assert_eq!(next(Retries::All, FIRST, Failure::Refused, 16_000), None);
    }

    fn fates(network: &Network) -> Vec<Fate> {
        (0..20_000).map(|call| fate(7, network, Attempt { call, ..FIRST })).collect()
    }

    #[test]
    fn shares_are_those_of_the_network() {
        let network = Network { lost: 50, repeated: 100, reordered: 200, ..Network::default() };
        let fates = fates(&network);
        let share = |is: &dyn Fn(&Fate) -> bool| fates.iter().filter(|fate| is(fate)).count();
        let lost = share(&|fate| *fate == Fate::Vanishes);
        let late = share(&|fate| matches!(fate, Fate::Arrives { after_ms: 121.., .. }));
        let twice = share(&|fate| matches!(fate, Fate::Arrives { again_after_ms: Some(_), .. }));
        assert!((900..1_100).contains(&lost), "{lost}");
        assert!((3_000..4_000).contains(&late), "{late}");
        assert!((1_750..2_050).contains(&twice), "{twice}");
        assert!(fates.iter().all(|fate| !matches!(fate, Fate::Arrives { after_ms: 1_621.., .. })));
    }

    #[test]
    fn a_clean_network_only_takes_its_time() {
        let clean = |fate: &Fate| {
            matches!(fate, Fate::Arrives { after_ms: 20..=120, again_after_ms: None })
        };
        assert!(fates(&Network::default()).iter().all(clean));
    }

    #[test]
    fn what_is_lost_for_good_has_no_second_attempt_and_a_lost_attempt_has() {
        let all = |loses| Network { lost: 1_000, loses, ..Network::default() };
        assert_eq!(fate(1, &all(Loss::ForGood), FIRST), Fate::Vanishes);
        assert!(matches!(
            fate(1, &all(Loss::Attempt), FIRST),
            Fate::Fails { noticed_after_ms: 50..=250 }
        ));
        let second = Attempt { n: 1, ..FIRST };
        assert!(matches!(fate(1, &all(Loss::ForGood), second), Fate::Arrives { .. }));
    }
}
