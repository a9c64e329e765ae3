//! Recounts: when they are made, where, and what a difference leads to.

use live_users_core::{Millis, Tracker};
use live_users_journal::Memory;
use live_users_replica::{
    AUDIT_CALLS_MAX, AUDIT_EVERY_MS, AUDIT_OFTEN_CALLS_MAX, AUDIT_RARELY_MS, AuditReport,
    AuditTask, Check, Effect, Input, Now, QUIET_MS, check_invariants,
};

use crate::harness::{Driver, HOUR, end, start};

/// A recount that finds a difference as long as exactly two calls are known.
fn differs_with_two(tracker: &Tracker) -> Result<(), String> {
    match tracker.known() {
        2 => Err("I1 in all".to_owned()),
        _ => Ok(()),
    }
}

fn driver(check: Check) -> Driver {
    let journal = live_users_journal::open("memory:").expect("a journal");
    Driver::auditing(journal, check)
}

fn at(uptime_ms: u64) -> Now {
    Now { uptime: Millis(uptime_ms), time: Millis(HOUR + uptime_ms), log_age_ms: 0 }
}

/// Lets the replica do what is due at this uptime. Returns a copy to recount, if there is one.
fn tick(driver: &mut Driver, uptime_ms: u64) -> Option<AuditTask> {
    driver.set_now(at(uptime_ms));
    let effects = driver.step(Input::Tick);
    effects.into_iter().find_map(|effect| match effect {
        Effect::Audit(task) => Some(task),
        _ => None,
    })
}

fn report(driver: &Driver) -> AuditReport {
    driver.replica().audit_report().expect("it recounts").clone()
}

fn checks(driver: &Driver) -> u64 {
    report(driver).checks
}

#[test]
fn a_replica_recounts_at_its_start_and_then_once_a_minute() {
    let mut driver = driver(check_invariants);
    driver.record(Millis(HOUR), vec![start(1), start(2), end(2)]).unwrap();
    for (uptime_ms, made) in [(0, 1), (AUDIT_EVERY_MS - 1, 1), (AUDIT_EVERY_MS, 2)] {
        assert!(tick(&mut driver, uptime_ms).is_none());
        assert_eq!(checks(&driver), made, "after {uptime_ms} ms");
        assert!(driver.replica().next_deadline().0 <= uptime_ms + AUDIT_EVERY_MS);
    }
    assert_eq!(report(&driver), AuditReport { checks: 2, ..AuditReport::default() });
}

#[test]
fn a_replica_that_is_not_asked_to_never_recounts() {
    let mut driver = Driver::on(Memory::new().unwrap().open().unwrap());
    assert!(tick(&mut driver, 0).is_none());
    assert_eq!(driver.replica().audit_report(), None);
}

#[test]
fn a_difference_is_counted_and_remembered_after_it_is_gone() {
    let mut driver = driver(differs_with_two);
    tick(&mut driver, 0);
    assert_eq!(report(&driver).violated, None);
    driver.record(Millis(HOUR), vec![start(1), start(2)]).unwrap();
    tick(&mut driver, AUDIT_EVERY_MS);
    tick(&mut driver, 2 * AUDIT_EVERY_MS);
    driver.record(Millis(HOUR), vec![start(3)]).unwrap();
    tick(&mut driver, 3 * AUDIT_EVERY_MS);
    let violated = Some("I1 in all".to_owned());
    assert_eq!(report(&driver), AuditReport { checks: 4, violations: 2, violated });
    assert_eq!(driver.users(), 3, "it goes on counting");
}

#[test]
fn a_recount_waits_while_much_is_recorded_and_then_takes_a_copy() {
    let mut driver = driver(check_invariants);
    let busy = |driver: &mut Driver, uptime_ms: u64| {
        driver.set_now(at(uptime_ms));
        let batch = (0..64).map(start).collect();
        driver.record(at(uptime_ms).time, batch).unwrap();
        tick(driver, uptime_ms)
    };
    for uptime_ms in (0..AUDIT_RARELY_MS).step_by(1_000) {
        assert!(busy(&mut driver, uptime_ms).is_none());
    }
    assert_eq!(checks(&driver), 0);
    let task = busy(&mut driver, AUDIT_RARELY_MS).expect("a copy");
    driver.step(Input::Audited(task.perform()));
    assert_eq!(checks(&driver), 1);
    // Much was recorded a moment ago, and nothing since.
    assert!(busy(&mut driver, 2 * AUDIT_RARELY_MS).is_none());
    assert!(tick(&mut driver, 2 * AUDIT_RARELY_MS + 1_000).is_none());
    assert_eq!(checks(&driver), 2);
}

#[test]
fn many_calls_are_recounted_on_a_copy_one_at_a_time() {
    let mut driver = driver(check_invariants);
    let calls = (0..=AUDIT_CALLS_MAX).map(start).collect();
    driver.record(Millis(HOUR), calls).unwrap();
    let task = tick(&mut driver, 2_000).expect("a copy");
    assert_eq!(checks(&driver), 0, "nothing is recounted within the step");
    let next = 2_000 + AUDIT_EVERY_MS;
    assert!(tick(&mut driver, next).is_none(), "the first is not done");
    assert_eq!(task.perform(), Ok(()));
    driver.step(Input::Audited(Err("I5".to_owned())));
    assert_eq!(report(&driver).violated.as_deref(), Some("I5"));
    assert!(tick(&mut driver, next + 1_000).is_some());
}

#[test]
fn very_many_calls_are_recounted_rarely() {
    let mut driver = driver(|_| Ok(()));
    let calls = (0..=AUDIT_OFTEN_CALLS_MAX).map(start).collect();
    driver.record(Millis(HOUR), calls).unwrap();
    let task = tick(&mut driver, 2_000).expect("a copy");
    driver.step(Input::Audited(task.perform()));
    assert!(tick(&mut driver, 2_000 + AUDIT_RARELY_MS - 1).is_none());
    assert!(tick(&mut driver, 2_000 + AUDIT_RARELY_MS).is_some());
}

#[test]
fn calls_from_before_a_start_are_left_alone_until_the_replica_has_listened_for_a_while() {
    let memory = Memory::new().unwrap();
    let mut before = Driver::on(memory.open().unwrap());
    before.record(Millis(HOUR), vec![start(1), start(2)]).unwrap();
    drop(before);
    let mut driver = Driver::on(memory.open().unwrap());
    // The clock says that a day has passed. It may be wrong.
    let moment = |uptime_ms| Now { time: Millis(25 * HOUR + uptime_ms), ..at(uptime_ms) };
    let pass = |driver: &mut Driver, uptime_ms| {
        driver.set_now(moment(uptime_ms));
        driver.step(Input::Tick);
        driver.step(Input::Tick);
    };
    for uptime_ms in [1_000, 200_000, QUIET_MS] {
        pass(&mut driver, uptime_ms);
        assert_eq!(driver.users(), 2, "after {uptime_ms} ms");
    }
    // One is heard of. The other one is silent, and the replica has listened for long enough.
    driver.record(moment(QUIET_MS).time, vec![start(2)]).unwrap();
    pass(&mut driver, QUIET_MS + 1_002);
    assert_eq!(driver.users(), 1);
    assert!(driver.replica().next_deadline().0 <= 2 * QUIET_MS + 1_002);
}
