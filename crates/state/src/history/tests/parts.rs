//! The history in a snapshot: what is stored of it, and its closed chunks as parts.

use live_users_journal::Part;

use super::*;

#[test]
fn a_snapshot_from_before_there_was_a_history_begins_one_with_what_is_live() {
    let mut state = State::default();
    state.apply(&record(BEGIN, 1, 0, 1, 1));
    let mut stored: serde_json::Value =
        serde_json::from_slice(&snapshot::encode_version_2(&state)).unwrap();
    stored.as_object_mut().unwrap().remove("history").expect("it is there");
    let mut state = snapshot::decode_whole(&serde_json::to_vec(&stored).unwrap()).unwrap();
    state.apply(&record(100 * HOUR_MS + BEGIN / HOUR_MS * HOUR_MS, 2, 1, 1, 2));
    let now = 101 * HOUR_MS + BEGIN / HOUR_MS * HOUR_MS;
    let means = [None, Some(("a0", 1)), Some(("a1", 1)), Some(("a2", 0))]
        .map(|agent| mean_of_last_hour(&state, agent, now));
    assert_eq!(means, [Some(2.0), Some(1.0), Some(1.0), Some(0.0)]);
}

#[test]
fn a_snapshot_whose_chunks_are_out_of_order_is_refused() {
    let mut history = crowded(0, BEGIN);
    let all = history.all.as_mut().unwrap();
    for minute in 0..600 {
        all.step(Millis(BEGIN + minute * MINUTE), &users(usize::try_from(minute % 2).unwrap()));
    }
    let stored = serde_json::to_value(StoredHistory::of(&history)).unwrap();
    let read =
        |stored| serde_json::from_value::<StoredHistory>(stored).unwrap().read(Millis(BEGIN));
    assert_eq!(read(stored.clone()).unwrap().agents, history.agents);
    let mut turned = stored;
    turned["all"]["minutes"]["chunks"].as_array_mut().unwrap().reverse();
    assert!(read(turned).is_err());
}

#[test]
fn closed_chunks_are_parts_that_stay_and_come_back() {
    let all = Some(Lines::new(Millis(BEGIN), &users(0)));
    let mut state = State { history: History { all, ..History::default() }, ..State::default() };
    // With each agent at another time of the minute, for more than a day.
    let apply = |state: &mut State, minutes: std::ops::Range<u64>| {
        for minute in minutes {
            for agent in 0..3 {
                let at = Millis(BEGIN + minute * MINUTE + agent * 7_000);
                let (before, after) = (minute % 2, (minute + 1) % 2);
                let numbers = [before, after].map(|n| users(usize::try_from(n).unwrap()));
                let id = format!("a{agent}").into();
                step(&mut state.history, at, &id, &numbers[0], &numbers[1]);
            }
        }
    };
    apply(&mut state, 0..1_500);
    let chunks = |parts: &[Part]| -> Vec<Part> {
        parts.iter().filter(|part| part.name.starts_with("history/")).cloned().collect()
    };
    let before = snapshot::encode(&state);
    assert!(chunks(&before).len() > 4, "{}", chunks(&before).len());
    let read = snapshot::decode(before.clone()).unwrap();
    assert!(read.history().all == state.history().all);
    assert!(read.history().agents == state.history().agents);
    assert!(snapshot::encode(&read) == before);
    apply(&mut state, 1_500..1_600);
    let (before, after) = (chunks(&before), chunks(&snapshot::encode(&state)));
    let stay = before.iter().filter(|part| after.contains(part)).count();
    assert!(stay + 1 >= before.len(), "{stay} of {} stay", before.len());
    // The version before had all in one piece.
    let whole = snapshot::decode_whole(&snapshot::encode_version_2(&state)).unwrap();
    assert!(snapshot::encode(&whole) == snapshot::encode(&state));
    // Chunks of a series that the history does not have are none of this snapshot.
    state.history.agents.lines.remove("a1").unwrap();
    let mut parts = snapshot::encode(&state);
    parts.retain(|part| !part.name.starts_with("history/"));
    parts.extend(after);
    assert!(snapshot::decode(parts).is_err());
}
