//! A state whose calls that are long over are only remembered, beside one that keeps all of them whole.

use live_users_core::{
    Call, CallId, Caller, Direction, EndReason, Evidence, HOUR_MS, Keeping, Millis, Phase, Said,
    Source,
};
use live_users_journal::Part;
use proptest::prelude::*;
use serde_json::Value;

use crate::outbox::{Cursor, Told};
use crate::record::{Change, Record};
use crate::repair::Shift;
use crate::snapshot;
use crate::state::{Settings, State};

const WHOLE_MS: u64 = 60_000;
const FEW: Keeping = Keeping { whole_ms: WHOLE_MS, whole_calls: 0 };
const ALL: Keeping = Keeping { whole_ms: WHOLE_MS, whole_calls: usize::MAX };
const COMPLETED: Said = Said::Over(EndReason::Completed);

fn keeping(keeping: Keeping) -> State {
    State::default().with(Settings { keeping, ..Settings::default() })
}

fn id(n: u64) -> CallId {
    let text = if n.is_multiple_of(2) { format!("CA{n:032x}") } else { format!("vapi/{n}") };
    CallId::parse(&text).unwrap()
}

fn said(n: u64, source: Source, said: Said) -> Evidence {
    Evidence {
        direction: Some(Direction::Inbound),
        caller: std::num::NonZeroU64::new(n / 2).map(Caller),
        agent: live_users_core::Agent::Id("booking".into()),
        ..Evidence::about(id(n), source, said)
    }
}

fn evidence(at: u64, evidence: Evidence) -> Record {
    Record { at: Millis(at), change: Change::Evidence(evidence) }
}

/// Records with the time that they come after the one before.
fn records() -> impl Strategy<Value = Vec<Record>> {
    let words = prop_oneof![
        3 => Just((Source::Voice, Said::Dialing)),
        2 => Just((Source::Speech, Said::InProgress)),
        3 => Just((Source::StatusCallback, COMPLETED)),
        1 => Just((Source::Speech, Said::Over(EndReason::Goodbye))),
        1 => Just((Source::Referee, Said::InProgress)),
        1 => Just((Source::Operator, Said::Over(EndReason::Evicted))),
    ];
    let gaps = prop_oneof![4 => 0..9u64, 2 => 0..2 * WHOLE_MS, 1 => 0..3 * HOUR_MS];
    let forgets = prop_oneof![9 => Just(None), 1 => (WHOLE_MS..4 * HOUR_MS).prop_map(Some)];
    let steps = prop::collection::vec((0..12u64, words, gaps, forgets), 0..60);
    steps.prop_map(|steps| {
        let mut now = 500_000 * HOUR_MS;
        let records = steps.into_iter().flat_map(|(call, (source, word), gap, forget)| {
            now += gap;
            let forget = forget.map(|age| {
                let change = Change::Forget { ended_before: Millis(now - age) };
                Record { at: Millis(now), change }
            });
            [evidence(now, said(call, source, word))].into_iter().chain(forget)
        });
        records.collect()
    })
}

/// A hook that takes events of calls.
fn hook() -> Record {
    let cursor = Some(Cursor { news: Some(0), ..Cursor::default() });
    Record { at: Millis(0), change: Change::Told(Told { hook: "crm".into(), cursor }) }
}

/// All of a state but the calls that are over.
fn but_what_is_over(state: &State) -> (Value, Vec<Call>) {
    let parts = snapshot::encode(state);
    let mut stored: Value = serde_json::from_str(snapshot::main_text(&parts)).unwrap();
    stored.as_object_mut().unwrap().remove("remembered");
    let open = state.tracker().calls().into_iter();
    (stored, open.filter(|call| !matches!(call.phase, Phase::Ended(_))).collect())
}

proptest! {
    #[test]
    fn everything_else_is_the_same_as_where_all_calls_are_kept_whole(records in records()) {
        let (mut condensing, mut whole) = (keeping(FEW), keeping(ALL));
        for record in [hook()].iter().chain(&records) {
            condensing.apply(record);
            whole.apply(record);
            prop_assert_eq!(but_what_is_over(&condensing), but_what_is_over(&whole));
        }
    }

    #[test]
    fn a_snapshot_goes_on_as_the_replay_does(records in records(), cut in 0..60usize) {
        let mut replayed = keeping(FEW);
        let mut begun = None;
        for (at, record) in records.iter().enumerate() {
            if at == cut {
                let read = snapshot::decode(snapshot::encode(&replayed)).unwrap();
                begun = Some(read.with(replayed.settings()));
            }
            let outcome = replayed.apply(record);
            if let Some(begun) = &mut begun {
                prop_assert_eq!(begun.apply(record), outcome);
                let parts = snapshot::encode(&replayed);
                prop_assert!(snapshot::encode(begun) == parts);
                let read = snapshot::decode(parts.clone()).unwrap();
                prop_assert!(snapshot::encode(&read) == parts);
            }
        }
    }
}

/// Two calls that have ended, one of them by our guess, as versions wrote them that kept all calls
/// whole.
const WHOLE: &str = concat!(
    r#"{"v":2,"now":1800000000000,"calls":["#,
    r#"{"call":"CA00000000000000000000000000000002","phase":"completed","first":1799990000000,"#,
    r#""since":1799993600000,"heard":1799993600000,"about":{"direction":"inbound","agent":"booking"},"#,
    r#""more":{"firm":true}},"#,
    r#"{"call":"vapi/1","phase":"goodbye","since":1799993600001,"heard":1799993600001},"#,
    r#"{"call":"vapi/3","phase":"live","since":1799999000000,"heard":1799999000000}]}"#
);

/// The part of the hour in which the first of them has ended, as it is written after the next record.
/// Neither ever changes: there are journals with such snapshots.
const HOUR: (&str, [u8; 19]) = (
    "ended/499998",
    [
        0x71, 0xcf, 0x43, 0x49, 0xa6, 0x1b, 0x5e, 0xbd, 0x1b, 0xa4, 0xdd, 0x72, 0x63, 0xcd, 0x45,
        0xf1, 0x4c, 0x35, 0x00,
    ],
);

#[test]
fn a_snapshot_of_whole_calls_is_read_and_its_old_calls_are_remembered_with_the_next_record() {
    let mut state = snapshot::decode_whole(WHOLE.as_bytes()).unwrap();
    state = state.with(Settings { keeping: FEW, ..Settings::default() });
    assert_eq!(state.tracker().known(), 3);
    state.apply(&evidence(1_800_000_000_001, said(3, Source::Speech, Said::InProgress)));
    let calls = state.tracker();
    assert_eq!(calls.remembered_end(&id(2)), Some(Millis(1_799_993_600_000)));
    assert!(calls.call(&id(1)).is_some_and(|call| call.may_go_on()), "a guess may be taken back");
    let parts = snapshot::encode(&state);
    let hour = parts.iter().find(|part| part.name == HOUR.0).expect("the hour has its part");
    assert_eq!(hour.bytes, HOUR.1);
    assert!(
        snapshot::main_text(&parts).contains(r#""remembered":{"condensedBefore":1799993600002}"#)
    );
    let read = snapshot::decode(parts).unwrap();
    assert!(read.tracker().has_ended(&id(2)) && !read.tracker().has_ended(&id(4)));
}

#[test]
fn a_damaged_part_of_remembered_calls_is_no_snapshot() {
    let parts = snapshot::encode(&State::default());
    let with = |name: &str, bytes: &[u8]| {
        let part = Part { name: name.to_owned(), bytes: bytes.to_vec() };
        snapshot::decode(parts.iter().cloned().chain([part]))
    };
    assert!(with("ended/1", &[7; 38]).is_ok());
    for (name, bytes) in [("ended/1", &[7; 20][..]), ("ended/x", &[]), ("ended/-1", &[])] {
        assert!(with(name, bytes).is_err(), "{name}");
    }
}

#[test]
fn what_is_told_long_after_of_how_long_a_call_was_corrects_nothing() {
    let mut state = keeping(FEW);
    let at = 500_000 * HOUR_MS;
    state.apply(&evidence(at, said(2, Source::Voice, Said::Dialing)));
    state.apply(&evidence(at + 5_000, said(2, Source::StatusCallback, COMPLETED)));
    let long_after = at + 2 * WHOLE_MS;
    state.apply(&evidence(long_after, said(4, Source::Voice, Said::Dialing)));
    let before = state.durations().last_hour(None, Millis(long_after));
    let told = Evidence { duration_s: Some(3), ..said(2, Source::StatusCallback, COMPLETED) };
    state.apply(&evidence(long_after, told));
    assert_eq!(state.durations().last_hour(None, Millis(long_after)), before);
    assert_eq!((before.calls, before.longest_ms), (1, 5_000));
}

#[test]
fn the_times_of_remembered_calls_are_mended_with_all_others() {
    let mut state = keeping(FEW);
    let (now, ahead) = (500_000 * HOUR_MS, 500_009 * HOUR_MS);
    for at in [now, ahead] {
        let call = if at == now { 2 } else { 4 };
        state.apply(&evidence(at, said(call, Source::StatusCallback, COMPLETED)));
    }
    state.apply(&evidence(ahead + 2 * WHOLE_MS, said(6, Source::Voice, Said::Dialing)));
    let mut latest = Millis(0);
    state.each_time(&mut |at| latest = latest.max(at));
    assert_eq!(latest, Millis(ahead + 2 * WHOLE_MS));
    let shift = Shift { now: Millis(now), first_ahead: Millis(ahead), last_right: Millis(now) };
    let mended = state.mended(shift);
    let ends = [2, 4].map(|n| mended.tracker().remembered_end(&id(n)));
    assert_eq!(ends, [Some(Millis(now)); 2]);
    mended.each_time(&mut |at| assert!(at <= Millis(now)));
    assert_eq!(mended.tracker().check(), Ok(()));
}
