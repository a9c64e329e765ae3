//! The tables against a plain map, of all sizes.

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

fn check(remembered: &Remembered, model: &Model) -> Result<(), TestCaseError> {
    prop_assert!(remembered.is_sound());
    for (print, ended) in &model.0 {
        prop_assert_eq!(remembered.find(*print), Some(*ended));
        let other = Fingerprint { is_text: !print.is_text, ..*print };
        prop_assert_eq!(remembered.find(other), model.0.get(&other).copied());
    }
    let mut all = BTreeMap::new();
    for hour in remembered.hours() {
        let calls = remembered.calls_of(hour);
        prop_assert!(calls.is_sorted() && calls.len() <= remembered.count_of(hour));
        all.extend(calls.iter().map(|call| (call.fingerprint(), call.ended(hour))));
    }
    prop_assert_eq!(&all, &model.0);
    Ok(())
}

proptest! {
    #[test]
    fn remembered_calls_are_those_of_a_plain_map(
        steps in prop::collection::vec((prints(), 0..5 * HOUR_MS, any::<bool>(), 0..20u8), 0..80),
    ) {
        let (mut remembered, mut model) = (Remembered::default(), Model::default());
        for (print, end, is_sids, what) in steps {
            let end = Millis(end);
            let ended = Ended { at: end, is_sids };
            match what {
                0 => remembered.settle(),
                1 => remembered.condensed(end),
                2 => {
                    remembered.forget(end);
                    model.0.retain(|_, of| of.at >= end);
                }
                _ if remembered.find(print).is_some() || end < remembered.forgotten_before => {}
                _ => {
                    remembered.insert(print, ended);
                    model.0.insert(print, ended);
                }
            }
            check(&remembered, &model)?;
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

/// As many as make each kind of directory.
#[test]
fn tables_of_all_sizes_have_what_was_put_in_and_nothing_else() {
    for len in [0, 1, 2, 63, 2_047, 2_048, 20_000, 1 << 19] {
        let print = |n: u32| CallId::parse(&std::format!("CA{n:032x}")).unwrap().fingerprint();
        let ended = |n| Ended { at: Millis(u64::from(n)), is_sids: true };
        let call = |n| RememberedCall::new(print(n), ended(n));
        let mut calls: Vec<_> = (0..len).map(call).collect();
        calls.sort_unstable();
        let table = Table::of(0, calls.iter().copied());
        assert!(table.is_sound() && table.calls().eq(calls.iter().copied()), "{len}");
        let find = |n| table.find(print(n)).collect::<Vec<_>>();
        let step = (len / 1_000).max(1) as usize;
        assert!((0..len).step_by(step).all(|n| find(n) == [call(n)]), "{len}");
        let others = len..len + 1_000;
        assert!(others.clone().all(|n| find(n).is_empty()), "{len}");
        let passed = others.filter(|n| table.may_have(Probe::of(print(*n).bits))).count();
        assert!(passed < 60, "the filter lets {passed} of 1,000 pass at {len}");
    }
}

#[test]
fn an_hour_that_gets_no_more_calls_is_one_table() {
    let mut remembered = Remembered::default();
    let ids = (0..3 * FRESH_MAX as u64 + 5).map(|n| (n, CallId::parse(&std::format!("v{n}"))));
    for (n, id) in ids {
        remembered.insert(id.unwrap().fingerprint(), Ended { at: Millis(n), is_sids: false });
    }
    assert_eq!(remembered.fresh.len(), 5);
    remembered.condensed(Millis(HOUR_MS));
    assert_eq!((remembered.tables.len(), remembered.fresh.len()), (1, 0));
    assert_eq!(remembered.open_hour(), 1);
}
