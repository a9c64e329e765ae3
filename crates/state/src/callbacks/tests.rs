//! What waits to be passed on is the same after any way through the journal, and bounded.

use proptest::prelude::*;

use super::*;
use crate::record::{Change, Record};
use crate::snapshot;
use crate::state::State;

fn sealed(id: u128, receivers: &[u64], text: &[u8]) -> SealedCallback {
    SealedCallback {
        id: CallbackId(id),
        agent: "booking".into(),
        receivers: receivers.iter().map(|it| ReceiverId(*it)).collect(),
        sealed: text.into(),
    }
}

fn taken(callbacks: &mut Callbacks, at: u64, callback: &SealedCallback) -> usize {
    callbacks.take(Millis(at), callback);
    callbacks.n_dropped(callback)
}

fn settle(callbacks: &mut Callbacks, at: u64, id: u128, receiver: Option<u64>) {
    let receiver = receiver.map(ReceiverId);
    callbacks.passed_on(Millis(at), PassedOn { id: CallbackId(id), receiver });
}

fn waiting(callbacks: &Callbacks, after: u64) -> Vec<(u64, u128, usize)> {
    let waiting = callbacks.after(after);
    waiting.map(|it| (it.number, it.callback.id.0, it.callback.receivers.len())).collect()
}

#[test]
fn a_callback_waits_until_each_receiver_has_it_and_is_known_for_a_while() {
    let mut callbacks = Callbacks::default();
    assert_eq!(taken(&mut callbacks, 1, &sealed(7, &[1, 2, 1], b"one")), 1, "a receiver twice");
    assert_eq!(taken(&mut callbacks, 2, &sealed(8, &[1], b"two")), 0);
    assert_eq!(taken(&mut callbacks, 3, &sealed(7, &[1, 2], b"again")), 0, "a repeat");
    assert_eq!(waiting(&callbacks, 0), [(1, 7, 2), (2, 8, 1)]);
    assert_eq!((waiting(&callbacks, 1), callbacks.n_deliveries()), (vec![(2, 8, 1)], 3));
    assert_eq!(callbacks.by_agent(), BTreeMap::from([("booking".into(), 3)]));
    settle(&mut callbacks, 4, 7, Some(1));
    settle(&mut callbacks, 4, 7, Some(1));
    settle(&mut callbacks, 4, 9, None);
    assert_eq!(waiting(&callbacks, 0), [(1, 7, 1), (2, 8, 1)]);
    settle(&mut callbacks, 5, 8, None);
    settle(&mut callbacks, 5, 7, Some(2));
    assert_eq!(
        (waiting(&callbacks, 0), callbacks.n_deliveries(), callbacks.n_bytes),
        (vec![], 0, 0)
    );
    assert_eq!(taken(&mut callbacks, 5 + DONE_MS, &sealed(7, &[1], b"again")), 0);
    assert_eq!(waiting(&callbacks, 0), []);
    assert_eq!(taken(&mut callbacks, 6 + DONE_MS, &sealed(7, &[1], b"anew")), 0);
    assert_eq!(waiting(&callbacks, 0), [(3, 7, 1)]);
}

#[test]
fn what_waits_is_bounded_in_all_for_each_receiver_and_in_bytes() {
    let mut callbacks = Callbacks::default();
    let mut dropped = 0;
    for id in 0..=CALLBACKS_OF_ONE_MAX as u128 {
        dropped += taken(&mut callbacks, 1, &sealed(id, &[1], b"x"));
    }
    assert_eq!((dropped, callbacks.n_deliveries()), (1, CALLBACKS_OF_ONE_MAX));
    for id in 0..CALLBACKS_OF_ONE_MAX as u128 {
        dropped += taken(&mut callbacks, 1, &sealed(1_000 + id, &[1, 2], b"x"));
    }
    assert_eq!((dropped, callbacks.n_deliveries()), (1 + CALLBACKS_OF_ONE_MAX, CALLBACKS_MAX));
    assert_eq!(taken(&mut callbacks, 1, &sealed(5_000, &[3], b"x")), 1);
    settle(&mut callbacks, 2, 0, None);
    // What was dropped may come again.
    assert_eq!(taken(&mut callbacks, 2, &sealed(5_000, &[3], b"y")), 0);
    let mut callbacks = Callbacks::default();
    let half = vec![0; CALLBACK_BYTES_MAX / 2];
    let dropped = [1, 2, 3].map(|id| taken(&mut callbacks, 1, &sealed(id, &[1, 2], &half)));
    assert_eq!((dropped, callbacks.n_deliveries()), ([0, 0, 2], 4));
}

#[test]
fn the_memory_of_what_is_done_is_bounded() {
    let mut callbacks = Callbacks::default();
    for id in 0..=DONE_MAX as u128 {
        callbacks.take(Millis(1), &sealed(id, &[1], b"x"));
        settle(&mut callbacks, 1, id, None);
    }
    assert_eq!((callbacks.done.len(), callbacks.known.len()), (DONE_MAX, DONE_MAX));
    assert!(!callbacks.known.contains(&CallbackId(0)));
}

/// These lines never change: there are journals with such records.
const PASS_ON: &str = concat!(
    r#"{"v":2,"at":5,"forget":0,"passOn":{"id":"0000000000000000000000000000000a","#,
    r#""agent":"booking","receivers":["000000000000000b"],"sealed":"AAH/"}}"#
);
const PASSED_ON: &str = concat!(
    r#"{"v":2,"at":5,"forget":0,"passedOn":{"id":"0000000000000000000000000000000a","#,
    r#""receiver":"000000000000000b"}}"#
);
const SNAPSHOT: &str = concat!(
    r#"{"v":2,"now":0,"calls":[],"callbacks":{"count":4,"waiting":[{"since":5,"number":3,"#,
    r#""id":"0000000000000000000000000000000a","agent":"booking","#,
    r#""receivers":["000000000000000b"],"sealed":"AAH/"}],"#,
    r#""done":[[6,"0000000000000000000000000000000c"]]},"feed":{"told":0,"list":[]}}"#
);

#[test]
fn an_older_program_reads_records_that_forget_nothing() {
    let at = Millis(5);
    let change = Change::PassOn(sealed(10, &[11], &[0, 1, 255]));
    assert_eq!(String::from_utf8(Record { at, change }.encode()).unwrap(), PASS_ON);
    let passed_on = PassedOn { id: CallbackId(10), receiver: Some(ReceiverId(11)) };
    let text = Record { at, change: Change::PassedOn(passed_on) }.encode();
    assert_eq!(String::from_utf8(text).unwrap(), PASSED_ON);
    for (wrong, by) in [("AAH/", "AAH"), ("000b", "00b"), ("000a", "000g"), ("AAH/", "*AH/")] {
        assert!(Record::decode(PASS_ON.replacen(wrong, by, 1).as_bytes()).is_err(), "{by}");
    }
    let both = PASS_ON.replace(r#""forget":0"#, r#""told":{"hook":"crm"}"#);
    assert!(Record::decode(both.as_bytes()).is_err());
}

#[test]
fn a_snapshot_has_what_waits_and_one_without_it_is_read() {
    let state = snapshot::decode_whole(SNAPSHOT.as_bytes()).unwrap();
    assert_eq!(waiting(state.callbacks(), 0), [(3, 10, 1)]);
    let parts = snapshot::encode(&state);
    let text = snapshot::main_text(&parts);
    let part =
        &SNAPSHOT[SNAPSHOT.find(r#""callbacks""#).unwrap()..SNAPSHOT.find(r#","feed""#).unwrap()];
    assert!(text.contains(part), "{text}");
    let before = SNAPSHOT.replace(&format!("{part},"), "");
    assert_eq!(
        snapshot::decode_whole(before.as_bytes()).unwrap().callbacks(),
        &Callbacks::default()
    );
    let twice = SNAPSHOT.replace("00000c", "00000a");
    assert!(snapshot::decode_whole(twice.as_bytes()).is_err(), "it waits and is done");
}

fn changes() -> impl Strategy<Value = Vec<(u64, Change)>> {
    let pass_on = (0..6_u128, prop::collection::vec(0..4_u64, 0..4), any::<[u8; 4]>())
        .prop_map(|(id, receivers, text)| Change::PassOn(sealed(id, &receivers, &text)));
    let passed_on = (0..6_u128, prop::option::of(0..4_u64)).prop_map(|(id, receiver)| {
        let receiver = receiver.map(ReceiverId);
        Change::PassedOn(PassedOn { id: CallbackId(id), receiver })
    });
    let times = prop_oneof![8 => 0..1_000_u64, 1 => Just(DONE_MS)];
    prop::collection::vec((times, prop_oneof![pass_on, passed_on]), 0..40)
}

proptest! {
    #[test]
    fn a_record_is_read_back_as_it_was(changes in changes()) {
        for (at, change) in changes {
            let record = Record { at: Millis(at), change };
            prop_assert_eq!(Record::decode(&record.encode()).unwrap(), record);
        }
    }

    #[test]
    fn a_snapshot_goes_on_as_the_state_does_and_the_sums_are_right(
        before in changes(),
        after in changes(),
    ) {
        let mut now = 0;
        let mut apply = |states: &mut [&mut State], (ms, change): &(u64, Change)| {
            now += ms;
            for state in states {
                state.apply(&Record { at: Millis(now), change: change.clone() });
            }
        };
        let mut original = State::default();
        before.iter().for_each(|it| apply(&mut [&mut original], it));
        let mut restored = snapshot::decode(snapshot::encode(&original)).unwrap();
        prop_assert_eq!(restored.callbacks(), original.callbacks());
        for it in &after {
            apply(&mut [&mut original, &mut restored], it);
            let Callbacks { waiting, done, known, n_deliveries, n_bytes, .. } = original.callbacks();
            prop_assert!(waiting.iter().all(|it| !it.callback.receivers.is_empty()));
            let sum: usize = waiting.iter().map(|it| it.callback.receivers.len()).sum();
            prop_assert_eq!((sum, waiting.len() * 4), (*n_deliveries, *n_bytes));
            prop_assert_eq!(waiting.len() + done.len(), known.len());
        }
        prop_assert_eq!(snapshot::encode(&restored), snapshot::encode(&original));
    }
}
