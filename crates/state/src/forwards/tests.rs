//! What waits for other shards is the same after any way through the journal, in its order, and counted.

use live_users_core::{EndReason, Source};
use proptest::prelude::*;

use super::*;
use crate::record::{Change, Record};
use crate::snapshot;
use crate::state::State;

fn call(n: u32) -> CallId {
    CallId::parse(&format!("CA{n}")).unwrap()
}

fn forward(shard: u8, n: u32, said: Said) -> Forward {
    let evidence = Evidence::about(call(n), Source::StatusCallback, said);
    Forward { shard, sent_at_ms: None, first_in_conference: None, evidence }
}

fn numbers(forwards: &Forwards, shard: u8) -> Vec<u64> {
    forwards.of(|it| it == shard).map(|it| it.number).collect()
}

#[test]
fn what_is_recorded_elsewhere_waits_no_more_and_the_rest_keeps_its_order() {
    let mut forwards = Forwards::default();
    for (n, shard) in (1..).zip([3, 1, 3, 2, 3]) {
        forwards.take(Millis(n.into()), &forward(shard, n, Said::InProgress));
    }
    assert_eq!(forwards.by_shard(), [(1, 1), (2, 1), (3, 3)]);
    forwards.forwarded(&Forwarded { shards: vec![2, 3], through: 3 });
    forwards.forwarded(&Forwarded { shards: vec![2, 3], through: 3 });
    assert_eq!(forwards.by_shard(), [(1, 1), (2, 1), (3, 1)]);
    assert_eq!([1, 2, 3].map(|it| numbers(&forwards, it)), [vec![2], vec![4], vec![5]]);
    assert!(forwards.has_room());
    forwards.forwarded(&Forwarded { shards: vec![1, 2, 3], through: 9 });
    assert_eq!((forwards.by_shard(), forwards.n_bytes), (&[][..], 0));
    forwards.take(Millis(9), &forward(1, 1, Said::InProgress));
    assert_eq!(numbers(&forwards, 1), [6], "no number twice");
}

#[test]
fn when_something_was_last_said_counts_unless_the_end_waits() {
    let mut forwards = Forwards::default();
    let over = Said::Over(EndReason::Completed);
    for (at, n, said) in
        [(1, 1, Said::Dialing), (2, 2, Said::Dialing), (3, 1, Said::InProgress), (4, 2, over)]
    {
        forwards.take(Millis(at), &forward(1, n, said));
    }
    forwards.take(Millis(5), &forward(1, 2, Said::InProgress));
    let calls = [1, 2, 3].map(call);
    let last = forwards.last_words(calls.iter());
    assert_eq!(last[&calls[0]], Some(Millis(3)));
    assert_eq!(last[&calls[1]], None);
}

#[test]
fn there_is_room_for_so_many_and_what_is_in_the_journal_is_never_left_out() {
    let mut forwards = Forwards::default();
    for n in 0..FORWARDS_MAX {
        assert!(forwards.has_room());
        forwards.take(Millis(1), &forward(1, u32::try_from(n).unwrap(), Said::InProgress));
    }
    assert!(!forwards.has_room());
    forwards.take(Millis(1), &forward(1, 1, Said::InProgress));
    assert_eq!(forwards.by_shard(), [(1, FORWARDS_MAX + 1)]);
}

/// These lines never change: there are journals with such records.
const FORWARD: &str = concat!(
    r#"{"v":2,"at":5,"forget":0,"forward":{"shard":3,"sentAt":4,"firstInConference":1,"#,
    r#""evidence":{"call":"CA1","source":"status-callback","said":"in-progress","about":{}}}}"#
);
const FORWARDED: &str = r#"{"v":2,"at":5,"forget":0,"forwarded":{"shards":[2,3],"through":17}}"#;
const WAITING: &str = concat!(
    r#""forwards":{"count":18,"waiting":[{"since":5,"number":17,"shard":3,"sentAt":4,"#,
    r#""firstInConference":1,"evidence":{"call":"CA1","source":"status-callback","#,
    r#""said":"in-progress","about":{}}}]}"#
);

#[test]
fn its_form_is_read_for_ever_and_older_programs_read_nothing_in_it() {
    let kept = Forward {
        sent_at_ms: Some(4),
        first_in_conference: Some(1),
        ..forward(3, 1, Said::InProgress)
    };
    let at = Millis(5);
    let record = Record { at, change: Change::Forward(Box::new(kept)) };
    assert_eq!(String::from_utf8(record.encode()).unwrap(), FORWARD);
    assert_eq!(Record::decode(FORWARD.as_bytes()).unwrap(), record);
    let forwarded = Forwarded { shards: vec![2, 3], through: 17 };
    let record = Record { at, change: Change::Forwarded(forwarded) };
    assert_eq!(String::from_utf8(record.encode()).unwrap(), FORWARDED);
    assert_eq!(Record::decode(FORWARDED.as_bytes()).unwrap(), record);
    let smoke = FORWARD.replace(r#""status-callback""#, r#""smoke""#);
    assert!(Record::decode(smoke.as_bytes()).is_err());
}

#[test]
fn a_snapshot_has_what_waits_and_one_without_it_is_read() {
    let before = r#"{"v":2,"now":0,"calls":[],"feed":{"told":0,"list":[]}}"#;
    let none = snapshot::decode_whole(before.as_bytes()).unwrap();
    assert_eq!(none.forwards(), &Forwards::default());
    assert!(!snapshot::main_text(&snapshot::encode(&none)).contains("forwards"));
    let whole = before.replace(r#""feed""#, &format!(r#"{WAITING},"feed""#));
    let state = snapshot::decode_whole(whole.as_bytes()).unwrap();
    assert_eq!((numbers(state.forwards(), 3), state.forwards().count), (vec![17], 18));
    let parts = snapshot::encode(&state);
    assert!(snapshot::main_text(&parts).contains(WAITING), "{}", snapshot::main_text(&parts));
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let said = prop_oneof![Just(Said::InProgress), Just(Said::Over(EndReason::Completed))];
    let piece = (0..4_u8, 0..5_u32, said, prop::option::of(0..9_u64), prop::option::of(0..4_u8));
    let kept = piece.prop_map(|(shard, n, said, sent_at_ms, first_in_conference)| {
        let plain = forward(shard, n, said);
        Change::Forward(Box::new(Forward { sent_at_ms, first_in_conference, ..plain }))
    });
    let forwarded = (prop::collection::vec(0..4_u8, 0..4), 0..30_u64)
        .prop_map(|(shards, through)| Change::Forwarded(Forwarded { shards, through }));
    prop::collection::vec(prop_oneof![3 => kept, 1 => forwarded], 0..40)
}

proptest! {
    #[test]
    fn what_waits_is_what_a_plain_list_has_after_any_changes_and_snapshots(
        changes in changes(),
        saved in prop::collection::vec(any::<bool>(), 40),
    ) {
        let (mut state, mut plain): (_, Vec<(u64, Forward)>) = (State::default(), Vec::new());
        let mut count = 0;
        for ((change, at), is_saved) in changes.into_iter().zip(1..).zip(saved) {
            match &change {
                Change::Forward(it) => {
                    count += 1;
                    plain.push((count, (**it).clone()));
                }
                Change::Forwarded(Forwarded { shards, through }) => {
                    plain.retain(|(n, it)| n > through || !shards.contains(&it.shard));
                }
                _ => {}
            }
            let record = Record { at: Millis(at), change };
            let read = Record::decode(&record.encode()).unwrap();
            prop_assert_eq!(&read, &record);
            state.apply(&read);
            if is_saved {
                let restored = snapshot::decode(snapshot::encode(&state)).unwrap();
                prop_assert_eq!(restored.forwards(), state.forwards());
                state = restored;
            }
            let waiting = state.forwards().of(|_| true).map(|it| (it.number, it.forward.clone()));
            prop_assert_eq!(waiting.collect::<Vec<_>>(), plain.clone());
            for shard in 0..4 {
                let n = plain.iter().filter(|(_, it)| it.shard == shard).count();
                let told = state.forwards().by_shard().iter().find(|(it, _)| *it == shard);
                prop_assert_eq!(told.map_or(0, |(_, n)| *n), n);
            }
            let bytes: usize = plain.iter().map(|(_, it)| size(it)).sum();
            prop_assert_eq!(state.forwards().n_bytes, bytes);
        }
    }
}
