//! The buckets against a plain map, of all sizes.

use std::collections::BTreeMap;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::CallId;

/// Where the bits of fingerprints lie close together, too.
fn prints() -> impl Strategy<Value = Fingerprint> {
    let bits = prop_oneof![
        4 => any::<u128>(),
        1 => 0..40u128,
        1 => (0..40u128).prop_map(|it| u128::MAX - it),
    ];
    (bits, any::<bool>()).prop_map(|(bits, is_text)| Fingerprint { bits, is_text })
}

/// What is remembered, the plain way.
#[derive(Default)]
struct Model(BTreeMap<Fingerprint, Ended>);

/// All buckets, and not only some.
fn is_sound(it: &Remembered) -> bool {
    (0..it.buckets.len().max(1) as u64).all(|at| it.is_sound(at))
}

fn check(remembered: &Remembered, model: &Model) -> Result<(), TestCaseError> {
    prop_assert!(is_sound(remembered));
    for (print, ended) in &model.0 {
        prop_assert_eq!(remembered.find(*print), Some(*ended));
        let other = Fingerprint { is_text: !print.is_text, ..*print };
        prop_assert_eq!(remembered.find(other), model.0.get(&other).copied());
    }
    let mut all = BTreeMap::new();
    for hour in remembered.hours() {
        let calls = remembered.calls_of(hour);
        let of_all = remembered.buckets.iter().map(|bucket| bucket.calls_of(hour).len());
        prop_assert_eq!(of_all.sum::<usize>(), remembered.count_of(hour));
        prop_assert!(calls.is_sorted() && calls.len() <= remembered.count_of(hour));
        all.extend(calls.iter().map(|call| (call.fingerprint(), call.ended(hour))));
    }
    prop_assert_eq!(&all, &model.0);
    prop_assert!(remembered.count() >= all.len());
    Ok(())
}

proptest! {
    #[test]
    fn remembered_calls_are_those_of_a_plain_map(
        steps in prop::collection::vec((prints(), 0..5 * HOUR_MS, any::<bool>(), 0..20u8), 0..80),
    ) {
        let (mut remembered, mut model) = (Remembered::default(), Model::default());
        // What shares its buckets stays as it is.
        let mut copy = None;
        for (print, end, is_sids, what) in steps {
            let end = Millis(end);
            let ended = Ended { at: end, is_sids };
            match what {
                0 => merge_all(&mut remembered),
                1 => split_one(&mut remembered, print),
                2 => {
                    remembered.forget(end);
                    model.0.retain(|_, of| of.at >= end);
                }
                3 => copy = Some((remembered.clone(), Model(model.0.clone()))),
                _ if end < remembered.forgotten_before => {}
                _ => match remembered.find(print) {
                    None => {
                        remembered.insert(print, ended);
                        model.0.insert(print, ended);
                    }
                    // Told again, perhaps with the news that it has a CallSid.
                    Some(known) => {
                        let is_sids = is_sids || known.is_sids;
                        remembered.insert(print, Ended { is_sids, ..known });
                        model.0.insert(print, Ended { is_sids, ..known });
                    }
                },
            }
            check(&remembered, &model)?;
        }
        if let Some((copy, model)) = copy {
            check(&copy, &model)?;
        }
        let hours = remembered.hours().into_iter();
        let hours: Vec<_> = hours.map(|hour| (hour, remembered.calls_of(hour))).collect();
        let restored = Remembered::restore(remembered.condensed_before(), [], hours);
        check(&restored, &model)?;
        let later = remembered.mapped(&mut |end| Millis(end.0 + HOUR_MS / 2));
        model.0.values_mut().for_each(|it| it.at.0 += HOUR_MS / 2);
        check(&later, &model)?;
    }
}

fn merge_all(remembered: &mut Remembered) {
    let first_hour = remembered.forgotten_before.0 / HOUR_MS;
    for bucket in &mut remembered.buckets {
        Arc::make_mut(bucket).merge(first_hour);
    }
}

/// Splits the bucket of this fingerprint, though it has few calls.
fn split_one(remembered: &mut Remembered, print: Fingerprint) {
    merge_all(remembered);
    if let Some(at) = remembered.bucket_of(print)
        && remembered.buckets[at].bits() < BITS_MAX
    {
        remembered.split(at);
    }
}

fn print(n: u64) -> Fingerprint {
    CallId::parse(&std::format!("CA{n:032x}")).expect("an id").fingerprint()
}

fn ended(at: u64) -> Ended {
    Ended { at: Millis(at), is_sids: true }
}

/// So many that buckets are split on and on.
#[test]
fn many_calls_are_found_in_the_hour_of_their_end_and_no_others_are() {
    for (calls, hours) in [(1, 1), (2_000, 3), (60_000, 5)] {
        let at = |n: u64| n * hours * HOUR_MS / calls;
        let mut remembered = Remembered::default();
        (0..calls).for_each(|n| remembered.insert(print(n), ended(at(n))));
        let by_hour: Vec<_> =
            remembered.hours().iter().map(|hour| (*hour, remembered.calls_of(*hour))).collect();
        let restored = Remembered::restore(Millis(0), [], by_hour.clone());
        for it in [remembered, restored] {
            assert!(is_sound(&it), "{calls}");
            assert_eq!((it.count() as u64, it.hours().len() as u64), (calls, hours));
            assert!((0..calls).all(|n| it.find(print(n)) == Some(ended(at(n)))), "{calls}");
            let others = calls..calls + 1_000;
            assert!(others.clone().all(|n| it.find(print(n)).is_none()), "{calls}");
            let passed = others.filter(|n| it.may_have(print(*n))).count();
            assert!(passed < 60, "the filters let {passed} of 1,000 pass at {calls}");
            let again = it.hours().into_iter().map(|hour| (hour, it.calls_of(hour)));
            assert_eq!(again.collect::<Vec<_>>(), by_hour, "{calls}");
        }
    }
}

/// Counted in rows that are written, since a loaded machine makes any step slow.
#[test]
fn no_call_that_is_added_or_forgotten_costs_more_than_a_few_buckets() {
    const CALLS: u64 = 240_000;
    const HOURS: u64 = 8;
    let mut remembered = Remembered::default();
    let mut longest = 0;
    let mut step = |remembered: &mut Remembered, step: &mut dyn FnMut(&mut Remembered)| {
        let before = remembered.written;
        step(remembered);
        longest = longest.max(remembered.written - before);
    };
    for n in 0..CALLS {
        let at = n * HOURS * HOUR_MS / CALLS;
        step(&mut remembered, &mut |it| it.insert(print(n), ended(at)));
        if n % 1_000 == 0 {
            step(&mut remembered, &mut |it| it.condensed(Millis(at)));
            step(&mut remembered, &mut |it| it.forget(Millis(at).minus(3 * HOUR_MS)));
        }
    }
    assert!(remembered.buckets.len() > 8, "there are several buckets");
    assert!(remembered.count() > 80_000, "what ended within three hours is there");
    let most = (CLEANED_AT_ONCE + 1) * CALLS_MAX;
    assert!(longest <= most, "{longest} rows were written at once");
    assert!(remembered.written as u64 / CALLS < 400, "{} rows in all", remembered.written);
    assert_eq!(remembered.hours().first(), Some(&(HOURS - 4)));
    // Until then all buckets have dropped what is forgotten.
    let kept: usize = remembered.buckets.iter().map(|bucket| bucket.len()).sum();
    assert_eq!(kept, remembered.count());
}
