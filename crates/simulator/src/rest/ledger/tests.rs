//! Tests of what shows of calls, and when.

use super::*;
use proptest::prelude::*;

fn facts(sid: &str, status: CallStatus) -> CallFacts<'_> {
    let direction = Direction::Inbound;
    CallFacts { sid, parent: None, status, direction, from: "+14155550100", to: "+15005550006" }
}

fn shows(in_lists_from_ms: u64, alone_from_ms: u64) -> Shows {
    Shows { in_lists_from_ms, alone_from_ms }
}

fn sids(ledger: &mut Ledger, now_ms: u64, status: CallStatus) -> Vec<String> {
    ledger.settle(now_ms);
    ledger.list(now_ms, status, None).unwrap().map(|view| view.sid.to_owned()).collect()
}

#[test]
fn what_shows_is_never_taken_back() {
    let mut ledger = Ledger::default();
    ledger.note(0, &facts("CA1", CallStatus::InProgress), shows(5000, 900));
    ledger.note(100, &facts("CA1", CallStatus::Completed), shows(1000, 200));
    let alone = |ledger: &Ledger, ms| ledger.call(ms, "CA1").map(|view| view.change.status);
    assert_eq!(alone(&ledger, 199), None);
    for ms in [200, 900, 9000] {
        assert_eq!(alone(&ledger, ms), Some(CallStatus::Completed));
    }
    for ms in [999, 1000, 5000, 9000] {
        assert_eq!(sids(&mut ledger, ms, CallStatus::InProgress), [""; 0]);
        let over = sids(&mut ledger, ms, CallStatus::Completed);
        assert_eq!(over.len(), usize::from(ms >= 1000));
    }
}

#[test]
fn a_call_that_is_over_stays_over_until_it_is_forgotten() {
    let mut ledger = Ledger::default();
    ledger.note(0, &facts("CA1", CallStatus::InProgress), shows(0, 0));
    ledger.note(2500, &facts("CA1", CallStatus::Completed), shows(2500, 2500));
    ledger.note(3000, &facts("CA1", CallStatus::InProgress), shows(3000, 3000));
    ledger.note(3000, &facts("CA2", CallStatus::Ringing), shows(3000, 3000));
    assert_eq!(sids(&mut ledger, 4000, CallStatus::Completed), ["CA1"]);
    assert_eq!(ledger.call(4000, "CA1").unwrap().duration_s(), Some(2));
    ledger.forget(2500);
    assert_eq!(ledger.n_calls(), 2);
    ledger.forget(2501);
    assert_eq!(sids(&mut ledger, 4000, CallStatus::Completed), [""; 0]);
    assert!(ledger.call(4000, "CA1").is_none() && ledger.call(4000, "CA2").is_some());
}

#[test]
fn nothing_is_left_of_a_forgotten_call_even_if_nobody_ever_asked() {
    let mut ledger = Ledger::default();
    ledger.note(0, &facts("CA1", CallStatus::InProgress), shows(9000, 0));
    ledger.note(100, &facts("CA1", CallStatus::Completed), shows(4000, 100));
    ledger.forget(200);
    assert_eq!((ledger.n_calls(), ledger.unlisted.len(), ledger.ended.len()), (0, 0, 0));
}

proptest! {
    /// The lists are an index kept by and by; this recounts them from the notes.
    #[test]
    fn lists_show_the_newest_change_that_shows(
        notes in prop::collection::vec((0..8u8, 0..9usize, 0..50u64, 0..50u64), 0..60),
        moments in prop::collection::vec(0..200u64, 1..10),
    ) {
        let mut ledger = Ledger::default();
        let mut truth: BTreeMap<String, Vec<(CallStatus, u64)>> = BTreeMap::new();
        for (i, (call, status, list_lag, call_lag)) in (0u64..).zip(notes) {
            let (sid, status) = (format!("CA{call}"), CallStatus::ALL[status]);
            let lists_from = i + list_lag;
            ledger.note(i, &facts(&sid, status), shows(lists_from, i + call_lag));
            let changes = truth.entry(sid).or_default();
            if changes.last().is_none_or(|(last, _)| !last.is_terminal()) {
                let shown = match status {
                    CallStatus::Initiated => CallStatus::Ringing,
                    status => status,
                };
                if changes.last().is_none_or(|(last, _)| *last != shown) {
                    changes.push((shown, lists_from));
                }
            }
        }
        let mut moments = moments;
        moments.sort_unstable();
        for now in moments {
            for status in CallStatus::ALL {
                let mut listed = sids(&mut ledger, now, status);
                listed.sort();
                let newest = |changes: &[(CallStatus, u64)]| {
                    changes.iter().rfind(|(_, from)| *from <= now).map(|(status, _)| *status)
                };
                let expected: Vec<_> = truth.iter()
                    .filter(|(_, changes)| newest(changes) == Some(status))
                    .map(|(sid, _)| sid.clone())
                    .collect();
                prop_assert_eq!(listed, expected);
            }
        }
    }
}
