//! The journal's time against wall clocks that do everything wrong.

use proptest::prelude::*;

use super::*;

const S: u64 = 1_000;
const HOUR: u64 = 3_600 * S;
/// Some moment of the year 2026, in milliseconds.
const NOON: u64 = 1_795_000_000_000;

fn reading(steady_ms: u64, wall_ms: u64) -> Reading {
    Reading { steady: Duration::from_millis(steady_ms), wall: Duration::from_millis(wall_ms) }
}

fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap()
}

fn started(wall_ms: u64, last_record: u64) -> (DisciplinedClock, Option<Notice>) {
    DisciplinedClock::start(reading(7, wall_ms), Millis(last_record))
}

#[test]
fn a_clock_that_is_right_is_followed_exactly_and_without_a_word() {
    let (mut clock, notice) = started(NOON, 0);
    assert_eq!((clock.time(), notice), (Millis(NOON), None));
    for after in (0..HOUR).step_by(5_003) {
        assert_eq!(clock.look(reading(7 + after, NOON + after)), None);
        assert_eq!((clock.time(), clock.offset_ms()), (Millis(NOON + after), 0));
    }
}

#[test]
fn a_small_difference_is_worked_off_slowly_and_without_a_word() {
    for ahead in [900_i64, -900, 4_900, -4_900] {
        let (mut clock, _) = started(NOON, 0);
        let wall = |after: u64| (NOON + after).saturating_add_signed(ahead);
        assert_eq!(clock.look(reading(7 + S, wall(S))), None);
        assert_eq!(clock.offset_ms(), ahead - 50 * ahead.signum(), "one part in twenty");
        assert_eq!(clock.look(reading(7 + 200 * S, wall(200 * S))), None);
        assert_eq!((clock.offset_ms(), clock.time()), (0, Millis(wall(200 * S))));
    }
}

#[test]
fn a_jump_for_some_seconds_moves_the_time_by_a_part_of_these_seconds_at_most() {
    for (jump, back) in [(signed(5 * HOUR), false), (-signed(2 * HOUR), true)] {
        let (mut clock, _) = started(NOON, 0);
        let wrong = |after: u64| reading(7 + after, (NOON + after).saturating_add_signed(jump));
        assert_eq!(clock.look(wrong(S)), Some(Notice::Jumped(jump)));
        assert_eq!(clock.look(wrong(3 * S)), None, "it is told once");
        let worked_off = if back { -150 } else { 150 };
        assert_eq!(clock.time(), Millis((NOON + 3 * S).saturating_add_signed(worked_off)));
        assert_eq!(clock.look(reading(7 + 4 * S, NOON + 4 * S)), Some(Notice::Agrees));
        assert_eq!(clock.look(reading(7 + 9 * S, NOON + 9 * S)), None);
        assert_eq!((clock.time(), clock.offset_ms()), (Millis(NOON + 9 * S), 0));
    }
}

#[test]
fn each_jump_is_told_with_the_difference_that_it_leaves() {
    let (mut clock, _) = started(NOON, 0);
    let (day, hour) = (signed(24 * HOUR), signed(HOUR));
    let mut at = 0;
    for jump in [day, 2 * day, -hour, hour, -3 * day] {
        at += S;
        let notice = clock.look(reading(7 + at, (NOON + at).saturating_add_signed(jump)));
        let Some(Notice::Jumped(left)) = notice else { panic!("{notice:?}") };
        assert!((left - jump).abs() <= 1_000, "{left} of {jump}");
    }
    assert_eq!(clock.look(reading(7 + at + S, NOON + at + S)), Some(Notice::Agrees));
}

#[test]
fn a_jump_that_stays_is_worked_off_and_then_told_to_be_over() {
    for jump in [signed(60 * S), -signed(60 * S)] {
        let (mut clock, _) = started(NOON, 0);
        let mut notices = Vec::new();
        for after in (S..HOUR).step_by(5_000) {
            let wall = (NOON + after).saturating_add_signed(jump);
            notices.extend(clock.look(reading(7 + after, wall)));
        }
        assert_eq!(notices, [Notice::Jumped(jump), Notice::Agrees]);
        assert_eq!(clock.offset_ms(), 0);
    }
}

#[test]
fn the_time_begins_with_the_wall_clock_but_not_before_the_last_record() {
    assert_eq!(started(NOON, NOON - HOUR).0.time(), Millis(NOON));
    let (mut clock, notice) = started(NOON, NOON + 2 * HOUR);
    assert_eq!(clock.time(), Millis(NOON + 2 * HOUR));
    assert_eq!(notice, Some(Notice::Astray(-signed(2 * HOUR))));
    assert_eq!(clock.look(reading(7 + 20 * S, NOON + 20 * S)), None, "that is no jump");
    assert_eq!(clock.time(), Millis(NOON + 2 * HOUR + 19 * S), "it does not stand still");
}

#[test]
fn a_machine_that_slept_has_not_jumped() {
    let (mut clock, _) = started(NOON, 0);
    assert_eq!(clock.look(reading(7 + 9 * HOUR, NOON + 9 * HOUR)), None);
    assert_eq!(clock.time(), Millis(NOON + 9 * HOUR));
}

#[test]
fn a_look_that_another_thread_has_overtaken_changes_nothing() {
    let (mut clock, _) = started(NOON, 0);
    clock.look(reading(7 + 2 * S, NOON + 2 * S));
    assert_eq!(clock.look(reading(7 + S, NOON + 9 * HOUR)), None);
    assert_eq!(clock.look(reading(7 + 2 * S, NOON + 9 * HOUR)), None);
    assert_eq!(clock.time(), Millis(NOON + 2 * S));
}

#[test]
fn looks_that_follow_each_other_at_once_still_work_a_difference_off() {
    let (mut clock, _) = started(NOON, 0);
    for us in 0..400_000 {
        let after = Duration::from_micros(us);
        let at = reading(7, NOON + 10);
        clock.look(Reading { steady: at.steady + after, wall: at.wall + after });
    }
    assert_eq!(clock.offset_ms(), 0);
}

proptest! {
    #[test]
    fn whatever_the_wall_clock_shows_the_time_goes_on_steadily(
        first in 0..4_000_000_000_000_u64,
        last_record in 0..4_000_000_000_000_u64,
        looks in prop::collection::vec(
            (prop_oneof![1 => Just(0), 9 => 1..100_000_u64], 0..4_000_000_000_000_u64),
            1..60,
        ),
    ) {
        let (mut clock, _) = started(first, last_record);
        let mut steady = 7;
        for (elapsed, wall) in looks {
            steady += elapsed;
            let (before, offset_before) = (clock.time_ns, clock.offset_ns());
            clock.look(reading(steady, wall));
            if elapsed == 0 {
                // A second look at one moment is not taken, so its wall clock counts for nothing.
                prop_assert_eq!((clock.time_ns, clock.offset_ns()), (before, offset_before));
                continue;
            }
            let apart = (ns(Duration::from_millis(wall)) - before).abs();
            let (went, elapsed) = (clock.time_ns - before, i128::from(elapsed) * NS_PER_MS);
            prop_assert!(went * 100 >= elapsed * 95 && went * 100 <= elapsed * 105);
            let left = clock.offset_ns().abs();
            prop_assert!(left <= apart + elapsed, "{left} of {apart} after {elapsed}");
        }
        // From now on the wall clock is right.
        let wall = clock.last.wall;
        let mut left = clock.offset_ns().abs();
        let mut after = Duration::ZERO;
        while left > 0 {
            after += Duration::from_secs(u64::try_from(left / 1_000_000_000).unwrap() + 1);
            let (steady, wall) = (Duration::from_millis(steady) + after, wall + after);
            clock.look(Reading { steady, wall });
            let closer = clock.offset_ns().abs();
            prop_assert!(closer == 0 || closer * 100 <= left * 96, "{closer} of {left}");
            left = closer;
        }
    }
}
