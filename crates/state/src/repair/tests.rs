//! Journals that a clock ahead has written into, and what a repair makes of them.

use live_users_core::{Direction, HOUR_MS, MINUTE_MS};
use live_users_journal::{Memory, Position};
use proptest::prelude::*;

use super::*;
use crate::history::{Grain, Line, Subject};
use crate::recovery::{Replayed, replay};

/// In the middle of an hour.
const NOW: Millis = Millis(1_800_001_800_000);

fn rules() -> TimeRules {
    TimeRules {
        now: NOW,
        max_call_ms: 4 * HOUR_MS,
        quiet_ms: 15 * MINUTE_MS,
        tombstone_ms: 25 * HOUR_MS,
        settings: Settings::default(),
    }
}

fn ago(ms: u64) -> Millis {
    NOW.minus(ms)
}

fn ahead(ms: u64) -> Millis {
    Millis(NOW.0 + ms)
}

fn id(n: u8) -> CallId {
    CallId::parse(&format!("CA{n}")).unwrap()
}

fn record(at: Millis, n: u8, source: Source, said: Said) -> Record {
    let direction = Some(Direction::Inbound);
    let evidence = Evidence { direction, ..Evidence::about(id(n), source, said) };
    Record { at, change: Change::Evidence(evidence) }
}

fn start(at: Millis, n: u8) -> Record {
    record(at, n, Source::Voice, Said::Dialing)
}

fn end(at: Millis, n: u8) -> Record {
    record(at, n, Source::StatusCallback, Said::Over(EndReason::Completed))
}

fn time_out(at: Millis, n: u8) -> Record {
    record(at, n, Source::Clock, Said::Over(EndReason::TimedOut))
}

/// A journal with these records. So many of them are in a snapshot, and so many are trimmed.
fn journal(records: &[Record], covered: usize, trimmed: u64) -> Box<dyn Journal> {
    let mut journal = Memory::new().unwrap().open().unwrap();
    let bytes: Vec<_> = records.iter().map(Record::encode).collect();
    let at = journal.append(&bytes).unwrap();
    if covered > 0 {
        let mut state = State::default();
        for record in &records[..covered] {
            state.apply(record);
        }
        let at = Position { seq: covered as u64, ..at };
        journal.snapshots().unwrap().save_parts(at, &mut snapshot::parts(&state)).unwrap();
        journal.trim(trimmed + 1).unwrap();
    }
    journal
}

fn records(journal: &mut dyn Journal) -> Vec<Record> {
    let page = journal.read(journal.first_seq(), PageLimit::default()).unwrap();
    page.iter().map(|stored| decode(stored).unwrap()).collect()
}

/// The most live users in each hour until the present.
fn hours(state: &State, count: usize) -> Vec<u32> {
    let begin = Millis((NOW.0 / HOUR_MS + 1 - count as u64) * HOUR_MS);
    let times = (begin, ahead(HOUR_MS));
    let slice = state.history().slice(Subject::All, Line::Live, Grain::Hour, times, NOW).unwrap();
    slice.points(begin, HOUR_MS, count).iter().map(|point| point.max).collect()
}

/// Five calls, of which the clock ends three while it is 25 h ahead for a moment.
fn glitch() -> Vec<Record> {
    let jump = 25 * HOUR_MS;
    vec![
        start(ago(6 * HOUR_MS), 1),
        start(ago(2 * HOUR_MS), 2),
        start(ago(2 * HOUR_MS), 3),
        start(ago(HOUR_MS), 4),
        end(ago(HOUR_MS - 5), 4),
        time_out(ahead(jump - HOUR_MS), 1),
        time_out(ahead(jump - HOUR_MS), 2),
        time_out(ahead(jump - HOUR_MS), 3),
        Record { at: ahead(jump - HOUR_MS), change: Change::Forget { ended_before: NOW } },
        start(ahead(jump - HOUR_MS), 5),
        end(ahead(jump - HOUR_MS + 7), 5),
        record(
            ahead(jump - HOUR_MS + 9),
            3,
            Source::StatusCallback,
            Said::Over(EndReason::Completed),
        ),
    ]
}

#[test]
fn what_a_clock_has_ended_goes_on_unless_it_is_too_old_or_was_ended_since() {
    for (covered, trimmed) in [(0, 0), (12, 0), (12, 3), (9, 3), (6, 3)] {
        let mut journal = journal(&glitch(), covered, trimmed);
        assert_eq!(replay(&*journal).unwrap().state.tracker().numbers().calls, 0);
        let repair = plan_time_repair(&*journal, rules()).unwrap().unwrap();
        let was = journal.position();
        assert_eq!(repair.shift.last_right, ago(HOUR_MS - 5));
        assert_eq!(repair.newest, ahead(24 * HOUR_MS + 9));
        assert_eq!(repair.records, (12 - trimmed, 7));
        // The first record of call 2 tells that it was live. Where that is trimmed, nothing does.
        let goes_on = if trimmed < 2 { vec![id(2)] } else { vec![] };
        let left = 2 - goes_on.len();
        assert_eq!((&repair.resumed, repair.left_ended), (&goes_on, left), "{covered} {trimmed}");
        assert_eq!(journal.position(), was, "a plan changes nothing");

        let written = repair.write(&mut *journal).unwrap();
        let Replayed { state, at, .. } = replay(&*journal).unwrap();
        assert_eq!((at, state.tracker().numbers()), (written.at, repair.numbers));
        assert_eq!(repair.numbers.calls, goes_on.len());
        assert!(plan_time_repair(&*journal, rules()).unwrap().is_none(), "nothing is ahead");
        let times = records(&mut *journal).into_iter().map(|it| NOW.since(it.at));
        let base = HOUR_MS - 5;
        let all = [6 * HOUR_MS, 2 * HOUR_MS, 2 * HOUR_MS, HOUR_MS, base, base, base, base, base]
            .into_iter()
            .chain([base, base - 7, base - 9]);
        let resumed = goes_on.iter().map(|_| base - 9);
        let trimmed = usize::try_from(trimmed).unwrap();
        let expected: Vec<_> = all.skip(trimmed).chain(resumed).collect();
        assert_eq!(times.len(), expected.len());
        assert_eq!(times.collect::<Vec<_>>(), expected);
        // The tombstones are there: a late webhook revives none of them. What a snapshot has
        // forgotten is gone.
        let is_forgotten = trimmed > 0 && covered > 8;
        for n in [1, 3, 5].into_iter().chain((!is_forgotten).then_some(4)) {
            let phase = state.tracker().call(&id(n)).map(|call| call.phase);
            assert!(matches!(phase, Some(Phase::Ended(_))), "{n}: {phase:?}");
        }
        // Where the snapshot has the wrong times, the hour of the jump is left out.
        let hours = hours(&state, 7);
        assert_eq!(hours[..5], [1, 1, 1, 1, 3][..], "{covered} {trimmed}");
        assert_eq!(hours[5], if trimmed == 0 { 4 } else { 3 }, "{covered} {trimmed}");
    }
}

#[test]
fn a_journal_without_times_ahead_needs_nothing() {
    let mut journal = journal(&glitch()[..5], 0, 0);
    assert!(plan_time_repair(&*journal, rules()).unwrap().is_none());
    journal.append(&[start(NOW, 7).encode()]).unwrap();
    assert!(plan_time_repair(&*journal, rules()).unwrap().is_none(), "now is not ahead");
    let empty = Memory::new().unwrap().open().unwrap();
    assert!(plan_time_repair(&*empty, rules()).unwrap().is_none());
}

#[test]
fn a_journal_that_a_clock_ahead_has_written_alone_ends_now() {
    let day = 24 * HOUR_MS;
    let wrong = [start(ahead(900 * day), 1), start(ahead(900 * day + HOUR_MS), 2)];
    let mut journal = journal(&wrong, 0, 0);
    let repair = plan_time_repair(&*journal, rules()).unwrap().unwrap();
    repair.write(&mut *journal).unwrap();
    let times: Vec<_> = records(&mut *journal).iter().map(|it| it.at).collect();
    assert_eq!(times, [ago(HOUR_MS), NOW]);
    assert_eq!(repair.numbers.calls, 2);
}

proptest! {
    #[test]
    fn mended_times_rise_and_none_lies_ahead(
        gaps in prop::collection::vec((0_usize..3, 0_u64..40 * HOUR_MS, 0_u8..9), 1..40),
        begin in 0_u64..100 * HOUR_MS,
        (covered, trimmed) in (0_usize..40, 0_u64..40),
    ) {
        let mut at = ago(begin);
        let wrong: Vec<_> = gaps
            .iter()
            .map(|(kind, gap, n)| {
                at = Millis(at.0 + gap);
                [start, end, time_out][*kind](at, *n)
            })
            .collect();
        let covered = covered.min(wrong.len());
        let mut journal = journal(&wrong, covered, trimmed.min(covered as u64));
        let before = records(&mut *journal);
        let Some(repair) = plan_time_repair(&*journal, rules()).unwrap() else {
            prop_assert!(at <= NOW);
            return Ok(());
        };
        repair.write(&mut *journal).unwrap();
        let Replayed { state, .. } = replay(&*journal).unwrap();
        prop_assert_eq!(state.tracker().check(), Ok(()));
        prop_assert!(state.tracker().now() <= NOW);
        let after = records(&mut *journal);
        prop_assert!(after.is_sorted_by_key(|it| it.at) && after.iter().all(|it| it.at <= NOW));
        prop_assert_eq!(after.len(), before.len() + repair.resumed.len());
        for (before, after) in before.iter().zip(&after) {
            prop_assert!(before.at > NOW || before == after, "what was right stays");
            prop_assert_eq!(&before.change, &after.change);
        }
        prop_assert!(plan_time_repair(&*journal, rules()).unwrap().is_none());
        // The history ends with what is known now.
        let now = hours(&state, 1);
        prop_assert!(now[0] as usize >= state.tracker().numbers().users);
    }
}
