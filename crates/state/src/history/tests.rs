//! The history against a recount of all steps.

use live_users_core::{CallId, Caller, EndReason, Evidence, Numbers, Said, Source};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use std::collections::BTreeMap;
use std::sync::Arc;

use super::stored::StoredHistory;
use super::time_series::TimeSeries;
use super::*;
use crate::record::{Change, Record};
use crate::snapshot;
use crate::state::{Settings, State};

mod parts;

const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * HOUR_MS;
/// 2026-11-18, in the middle of a minute.
const BEGIN: u64 = 1_795_000_000_007;

/// Short, so that random steps cross them.
const SHORT: Retention =
    Retention { minutes_ms: 2 * HOUR_MS, quarters_ms: DAY, hours_ms: 10 * DAY };

/// No agent is forgotten within a test.
const LONG: Retention = Retention { hours_ms: 20_000 * DAY, ..SHORT };

/// That of all calls, or of an agent with so many users now.
fn subject(agent: Option<(&str, usize)>) -> Subject<'_> {
    agent.map_or(Subject::All, |(id, users)| Subject::Agent(id, users))
}

/// A step of an agent.
fn step(history: &mut History, now: Millis, id: &Arc<str>, before: &Breakdown, after: &Breakdown) {
    let at = history.moment(now);
    history.agents.step(at, id, before, after);
}

fn settings() -> Settings {
    Settings { retention: LONG, ..Settings::default() }
}

/// Every step that there was: since when, and how many.
type Steps = Vec<(u64, u32)>;

/// The intervals between the steps, up to this moment: from, to, how many.
fn intervals(steps: &Steps, now: u64) -> Vec<(u64, u64, u32)> {
    let ends = steps.iter().skip(1).map(|(at, _)| *at).chain([now]);
    let all = steps.iter().zip(ends).map(|((from, users), to)| (*from, to, *users));
    all.filter(|(from, to, _)| from < to).collect()
}

fn recounted(steps: &Steps, known_from: u64, (from, to): (u64, u64), now: u64) -> Point {
    let (from, to) = (from.max(known_from), to.min(now));
    let within = intervals(steps, now).into_iter();
    let within = within.map(|(a, b, users)| (a.max(from), b.min(to), users));
    let within: Vec<_> = within.filter(|(a, b, _)| a < b).collect();
    Point {
        min: within.iter().map(|it| it.2).min().unwrap_or(0),
        max: within.iter().map(|it| it.2).max().unwrap_or(0),
        sum: within.iter().map(|(a, b, users)| (b - a) * u64::from(*users)).sum(),
        known_ms: within.iter().map(|(a, b, _)| b - a).sum(),
    }
}

fn recounted_peak(steps: &Steps, within_ms: Option<u64>, now: u64) -> Peak {
    let begin = within_ms.map_or(0, |ms| now - ms);
    let all = intervals(steps, now).into_iter().filter(|(_, to, _)| *to > begin);
    let peaks = all.map(|(from, _, users)| Peak { at: Millis(from.max(begin)), users });
    let peaks: Vec<_> = peaks.collect();
    let most = peaks.iter().map(|peak| peak.users).max().unwrap();
    peaks.into_iter().rfind(|peak| peak.users == most).unwrap()
}

/// Compares the steps of the last minutes with all steps, but for what lasted no half second.
fn check_recent(
    history: &History,
    line: Line,
    steps: &Steps,
    now: u64,
) -> Result<(), TestCaseError> {
    let from = now.saturating_sub(15 * MINUTE);
    let recent = history.steps(Subject::All, Millis(from)).unwrap();
    prop_assert_eq!(recent[0].at, Millis(from.max(steps[0].0)), "nothing is missing before");
    for (since, to, users) in intervals(steps, now + 1) {
        // A change may be told with one of another number, half a second too early.
        let at = to - 500;
        if at >= from.max(since) {
            let stood = recent.iter().rfind(|step| step.at.0 <= at).unwrap();
            prop_assert_eq!(stood.of_line(line), users, "{:?} at {}", line, at);
        }
    }
    prop_assert!(recent.is_sorted_by(|a, b| a.at < b.at), "in the order of time");
    Ok(())
}

fn restarted(history: &History, now: Millis) -> History {
    let bytes = serde_json::to_vec(&StoredHistory::of(history)).unwrap();
    let stored: StoredHistory = serde_json::from_slice(&bytes).unwrap();
    stored.read(now).unwrap().keeping(history.retention)
}

/// Compares everything that a series gives with the steps.
fn check(
    history: &History,
    agent: Option<(&str, usize)>,
    line: Line,
    steps: &Steps,
    (now, places): (u64, [Index; 2]),
) -> Result<(), TestCaseError> {
    let now = now.max(steps.last().unwrap().0 + 1);
    for grain in Grain::ALL {
        let width = grain.width_ms();
        for step in [width, width * 4, width * 7] {
            let span = (history.retention.of(grain) + 3 * width).min(1500 * step);
            let from = now - places[0].index(usize::try_from(span).unwrap()) as u64;
            let from = from / step * step;
            let count = places[1].index(usize::try_from((now - from) / step).unwrap() + 3) + 1;
            let to = from + count as u64 * step;
            let times = (Millis(from), Millis(to));
            let excerpt = history.slice(subject(agent), line, grain, times, Millis(now)).unwrap();
            let oldest = (now - history.retention.of(grain)) / width * width;
            let known_from = oldest.max(steps[0].0);
            let expected = excerpt.points(Millis(from), step, count);
            for (place, point) in expected.into_iter().enumerate() {
                let begin = from + place as u64 * step;
                let expected = recounted(steps, known_from, (begin, begin + step), now);
                prop_assert_eq!(point, expected, "{:?} {} at {}", grain, step, begin);
            }
        }
    }
    let times = (Millis(now), Millis(now));
    let excerpt = history.slice(subject(agent), line, Grain::Hour, times, Millis(now)).unwrap();
    let expected = Peaks {
        hour: recounted_peak(steps, Some(HOUR_MS), now),
        day: recounted_peak(steps, Some(DAY), now),
        week: recounted_peak(steps, Some(7 * DAY), now),
        month: recounted_peak(steps, Some(30 * DAY), now),
        ever: recounted_peak(steps, None, now),
    };
    prop_assert_eq!(excerpt.peaks(), expected);
    Ok(())
}

/// How long it is until the next step: bursts, exactly the next minute, quarter or hour, gaps.
fn gaps() -> impl Strategy<Value = (u64, u64)> {
    prop_oneof![
        8 => (0_u64..3, Just(1)),
        8 => (0_u64..20_000, Just(1)),
        4 => (0_u64..30 * MINUTE, Just(1)),
        2 => (0_u64..3, select(vec![MINUTE, 15 * MINUTE, HOUR_MS])),
        2 => (0_u64..10 * HOUR_MS, Just(1)),
        1 => (0_u64..12 * DAY, Just(1)),
    ]
}

/// Numbers of which some are mostly 0, as they are.
fn numbers() -> impl Strategy<Value = Breakdown> {
    let rare = || prop_oneof![4 => Just(0_usize), 1 => 0_usize..3];
    (0_usize..6, rare(), rare(), rare(), any::<bool>()).prop_map(|(agent, w, p, m, handed_over)| {
        let of = |users| Numbers { users, calls: users };
        let live = if handed_over { agent + p } else { agent };
        Breakdown { live: of(live), parties: [of(agent), of(w), of(p), of(m)] }
    })
}

/// So many users, all of them with an agent.
fn users(users: usize) -> Breakdown {
    let numbers = Numbers { users, calls: users };
    let nobody = Numbers::default();
    Breakdown { live: numbers, parties: [numbers, nobody, nobody, nobody] }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn everything_given_is_what_a_recount_of_all_steps_gives(
        steps in vec((gaps(), numbers(), any::<bool>()), 1..400),
        big in 0_usize..2_000_000,
        rest in 0_u64..3 * HOUR_MS,
        restart in any::<Index>(),
        places in any::<[Index; 2]>(),
    ) {
        let mut now = BEGIN;
        let all = Some(Lines::new(Millis(now), &Breakdown::default()));
        let mut whole = History { all, retention: SHORT, ..History::default() };
        let mut recovered = whole.clone();
        let mut expected: [Steps; 6] = std::array::from_fn(|_| vec![(now, 0)]);
        let (restart, last) = (restart.index(steps.len()), steps.len() - 1);
        for (place, ((gap, round), mut numbers, trims)) in steps.into_iter().enumerate() {
            now = (now + gap).next_multiple_of(round);
            if place == last / 2 {
                numbers.live.users = big;
            }
            if place == restart {
                recovered = restarted(&recovered, Millis(now));
            }
            for history in [&mut whole, &mut recovered] {
                history.all.as_mut().unwrap().step(Millis(now), &numbers);
                if trims {
                    history.clock = RetentionClock::at(Millis(now));
                    history.trim();
                }
            }
            for (line, steps) in Line::ALL.into_iter().zip(&mut expected) {
                let users = line.users(&numbers);
                if steps.last().unwrap().1 != users {
                    steps.push((now, users));
                }
            }
        }
        for (line, steps) in Line::ALL.into_iter().zip(&expected) {
            check(&whole, None, line, steps, (now + rest, places))?;
            check(&recovered, None, line, steps, (now + rest, places))?;
            for now in [now, now + rest] {
                check_recent(&whole, line, steps, now)?;
            }
        }
        let stored = |history| serde_json::to_string(&StoredHistory::of(history)).unwrap();
        prop_assert_eq!(stored(&whole), stored(&recovered), "I7");
    }

    #[test]
    fn whatever_changes_a_number_is_a_step_in_all_and_for_each_agent(
        records in vec((gaps(), 0_u8..6, 0_u8..3, 0_usize..8, 0_u64..4), 1..120),
        rest in 0_u64..HOUR_MS,
        restart in any::<Index>(),
        places in any::<[Index; 2]>(),
    ) {
        let mut now = BEGIN;
        let mut state = State::default().with(settings());
        let mut expected: BTreeMap<Option<String>, Steps> = BTreeMap::new();
        let (restart, mut begin) = (restart.index(records.len()), 0);
        for (place, ((gap, round), call, agent, what, caller)) in records.into_iter().enumerate() {
            now = (now + gap).next_multiple_of(round);
            if place == restart {
                state = snapshot::decode(snapshot::encode(&state)).unwrap().with(settings());
            }
            let record = record(now, call, agent, what, caller);
            state.apply(&record);
            if begin == 0 && matches!(record.change, Change::Forget { .. }) {
                continue;
            }
            let is_first = begin == 0;
            begin = if is_first { now } else { begin };
            let numbers = state.tracker().by_agent();
            let agents = ["a0", "a1", "a2"].map(|id| {
                let of = numbers.iter().find(|(agent, _)| *agent == Agent::Id(id.into()));
                (Some(id.to_owned()), of.map_or(0, |(_, numbers)| count(numbers)))
            });
            let all = (None, count(&state.tracker().numbers()));
            for (agent, users) in agents.into_iter().chain([all]) {
                let steps = expected.entry(agent).or_insert_with(|| vec![(begin, users)]);
                if !is_first && steps.last().unwrap().1 != users {
                    steps.push((now, users));
                }
            }
        }
        for (agent, steps) in expected {
            let users = steps.last().unwrap().1 as usize;
            let agent = agent.as_deref().map(|id| (id, users));
            check(state.history(), agent, Line::Live, &steps, (now + rest, places))?;
        }
    }
}

fn record(at: u64, call: u8, agent: u8, what: usize, caller: u64) -> Record {
    let (source, said) = [
        (Source::Voice, Said::Dialing),
        (Source::Speech, Said::InProgress),
        (Source::Speech, Said::InProgress),
        (Source::StatusCallback, Said::Over(EndReason::Completed)),
        (Source::Operator, Said::Over(EndReason::Evicted)),
        (Source::Clock, Said::Over(EndReason::TimedOut)),
        (Source::Referee, Said::Over(EndReason::Busy)),
        (Source::Voice, Said::Nothing),
    ][what];
    if what == 7 && caller == 0 {
        let ended_before = Millis(at.saturating_sub(HOUR_MS));
        return Record { at: Millis(at), change: Change::Forget { ended_before } };
    }
    let mut evidence = Evidence::about(CallId::parse(&format!("C{call}")).unwrap(), source, said);
    evidence.caller = std::num::NonZeroU64::new(caller).map(Caller);
    evidence.agent = Agent::Id(format!("a{agent}").into());
    Record { at: Millis(at), change: Change::Evidence(evidence) }
}

fn count(numbers: &Numbers) -> u32 {
    u32::try_from(numbers.users).unwrap()
}

fn mean_of_last_hour(state: &State, agent: Option<(&str, usize)>, now: u64) -> Option<f64> {
    let from = Millis(now - HOUR_MS);
    let times = (from, Millis(now));
    let excerpt =
        state.history().slice(subject(agent), Line::Live, Grain::Minute, times, Millis(now))?;
    excerpt.points(from, HOUR_MS, 1)[0].mean()
}

#[test]
fn before_the_first_record_nothing_is_known() {
    let mut state = State::default();
    let now = Millis(BEGIN);
    assert!(
        state.history().slice(Subject::All, Line::Live, Grain::Minute, (now, now), now).is_none()
    );
    assert!(
        state
            .history()
            .slice(Subject::Agent("a0", 0), Line::Live, Grain::Minute, (now, now), now)
            .is_none()
    );
    state.apply(&record(100 * HOUR_MS, 1, 0, 1, 1));
    assert_eq!(mean_of_last_hour(&state, None, 100 * HOUR_MS), None);
    assert_eq!(mean_of_last_hour(&state, None, 101 * HOUR_MS), Some(1.0), "it is one since then");
    assert_eq!(mean_of_last_hour(&state, Some(("a0", 1)), 101 * HOUR_MS), Some(1.0));
    assert_eq!(mean_of_last_hour(&state, Some(("a1", 0)), 101 * HOUR_MS), Some(0.0));
}

/// A history that every agent `0..agents` has had one user in, from this moment on.
fn crowded(agents: usize, now: u64) -> History {
    let mut history =
        History { all: Some(Lines::new(Millis(BEGIN), &users(0))), ..History::default() };
    for n in 0..agents {
        step(&mut history, Millis(now), &format!("a{n}").into(), &users(0), &users(1));
    }
    history
}

#[test]
fn agents_are_bounded_and_of_the_others_nothing_wrong_is_given() {
    let (now, later) = (BEGIN + HOUR_MS, BEGIN + 2 * HOUR_MS);
    let mut history = crowded(SUBJECTS_MAX + 1, now);
    assert_eq!(history.agents.lines.len(), SUBJECTS_MAX);
    let late = "a1000";
    let known_from = |history: &History, users| {
        let times = (Millis(BEGIN), Millis(later));
        let excerpt = history.slice(
            Subject::Agent(late, users),
            Line::Live,
            Grain::Minute,
            times,
            Millis(later),
        );
        excerpt.map(|excerpt| excerpt.known_from())
    };
    assert_eq!(known_from(&history, 1), None, "that it has one now is not known by the history");
    assert_eq!(known_from(&history, 0), Some(Millis(now)), "its end would have been refused too");
    // Two years later there is room: all others have been without users for as long.
    for n in 0..SUBJECTS_MAX {
        step(&mut history, Millis(now + 1), &format!("a{n}").into(), &users(1), &users(0));
    }
    let later = now + Retention::default().hours_ms + 2 * HOUR_MS;
    history.clock = RetentionClock::at(Millis(later));
    step(&mut history, Millis(later), &late.into(), &users(1), &users(2));
    assert_eq!(history.agents.lines.len(), 1);
    assert_eq!(history.agents.lines[late], Lines::new(Millis(later), &users(2)));
}

#[test]
fn two_busy_years_of_an_agent_take_as_much_as_is_said() {
    let mut series = TimeSeries::new(Millis(BEGIN), 0);
    let days = 730;
    for minute in 0..days * 1440 {
        let at = Millis(BEGIN + minute * MINUTE + minute % 7 * 3001);
        series.step(at, u32::try_from(minute % 5).unwrap());
        if minute % 60 == 0 {
            series.trim(Retention::default(), at);
        }
    }
    let bytes = |resolution: &resolution::Resolution| {
        let chunks =
            resolution.chunks.iter().map(|it| it.bytes.len() + size_of::<resolution::Chunk>() + 32);
        chunks.sum::<usize>()
            + resolution.segment.as_ref().map_or(0, |segment| segment.bytes.capacity())
    };
    let [minutes, quarters, hours] = series.resolutions.each_ref().map(bytes);
    assert!(
        minutes < 14_000 && quarters < 16_000 && hours < 76_000,
        "{minutes} {quarters} {hours}"
    );
    assert!(series.peaks.list.len() <= 4);
}

/// The calls of a week, one in each minute, by the default retention.
fn week(state: &mut State) -> u64 {
    let minutes = 7 * DAY / MINUTE;
    for n in 0..minutes {
        let (at, call) = (BEGIN + n * MINUTE, u8::try_from(n % 200).unwrap());
        state.apply(&record(at, 1, 0, if n % 2 == 0 { 0 } else { 3 }, 0));
        state.apply(&record(at + 1, call, 0, 0, n));
        state.apply(&record(at + 30_000, call, 0, 3, n));
    }
    BEGIN + minutes * MINUTE
}

/// How many minutes are known of the first day, if the clock shows the end of the week.
fn known_of_first_days(state: &State, grain: Grain) -> u64 {
    let times = (Millis(BEGIN), Millis(BEGIN + 7 * DAY));
    let slice = state.history().slice(Subject::All, Line::Live, grain, times, times.1).unwrap();
    let begin = BEGIN / HOUR_MS * HOUR_MS;
    let count = usize::try_from(7 * DAY / grain.width_ms()).unwrap();
    let points = slice.points(Millis(begin), grain.width_ms(), count);
    points.iter().filter(|point| point.max > 0).count() as u64
}

#[test]
fn a_clock_that_is_years_ahead_at_a_restart_drops_no_history() {
    let mut state = State::default().with(Settings::default());
    let now = week(&mut state);
    let known = Grain::ALL.map(|grain| known_of_first_days(&state, grain));
    let year = 365 * DAY;
    // What a restart by such a clock records, within an hour.
    let mut ahead = state.clone();
    for n in 0..60 {
        let what = if n % 2 == 0 { 0 } else { 3 };
        ahead.apply(&record(now + 3 * year + n * MINUTE, 1, 0, what, 0));
        let parts = snapshot::encode(&ahead);
        ahead = snapshot::decode(parts).unwrap().with(Settings::default());
    }
    let still_known = Grain::ALL.map(|grain| known_of_first_days(&ahead, grain));
    assert!(still_known[1..] == known[1..], "{still_known:?}, not {known:?}");
    // An hour of records confirms a day.
    assert!(still_known[0] + 1_500 + 256 >= known[0], "{still_known:?}, not {known:?}");
}

#[test]
fn a_quiet_night_is_caught_up_with_and_old_minutes_go() {
    let mut state = State::default().with(Settings::default());
    let mut at = BEGIN;
    for _ in 0..30 {
        for n in 0..60_u8 {
            at += MINUTE;
            state.apply(&record(at, 1, 0, if n % 2 == 0 { 0 } else { 3 }, 0));
            state.apply(&record(at, n + 2, 0, 0, u64::from(n)));
            state.apply(&record(at + 1, n + 2, 0, 3, u64::from(n)));
        }
        at += 23 * HOUR_MS;
    }
    let clock = state.history().clock;
    assert!(clock.last.since(clock.time) <= HOUR_MS, "{clock:?}");
}
