//! Calls whose sources promise to be heard of, or know no end: when they are given up.

use std::sync::Arc;

use live_users_core::{CallId, EndReason, Evidence, Limits, Millis, Origin, Phase, Said, Source};
use live_users_replica::{Input, Now, QUIET_MS};
use live_users_state::record::{Change, Record};

use crate::harness::{Driver, HOUR, evidence};

const S: u64 = 1_000;

fn driver() -> Driver {
    Driver::on(live_users_journal::open("memory:").expect("a journal"))
}

fn told(call: &str, said: Said, quiet_s: Option<u32>, longest_s: Option<u32>) -> Evidence {
    Evidence {
        origin: Some(Origin { source: Arc::from("app"), is_carrier: false }),
        limits: Limits { quiet_s, longest_s, silent_s: None },
        ..evidence(call, Source::Event, said)
    }
}

/// Lets time pass, from deadline to deadline, as a driver does.
fn pass(driver: &mut Driver, until: Millis) {
    loop {
        let at = driver.replica().next_deadline().max(driver.now().uptime);
        if at > until {
            return driver.set_now(Now { uptime: until, time: until, log_age_ms: 0 });
        }
        driver.set_now(Now { uptime: at, time: at, log_age_ms: 0 });
        driver.step(Input::Tick);
    }
}

fn phase(driver: &Driver, call: &str) -> Phase {
    let call = CallId::parse(call).expect("an id");
    driver.state().tracker().call(&call).expect("it is known").phase
}

#[test]
fn a_call_is_given_up_when_its_heartbeats_are_missed_and_not_before() {
    let mut driver = driver();
    let up = || told("a", Said::InProgress, Some(90), None);
    pass(&mut driver, Millis(HOUR));
    driver.record(Millis(HOUR), vec![up()]).unwrap();
    pass(&mut driver, Millis(HOUR + 80 * S));
    driver.record(Millis(HOUR + 80 * S), vec![up()]).unwrap();
    pass(&mut driver, Millis(HOUR + 170 * S));
    assert_eq!(driver.users(), 1, "90 s of silence are promised, and no more");
    pass(&mut driver, Millis(HOUR + 171 * S));
    assert_eq!(phase(&driver, "a"), Phase::Ended(EndReason::TimedOut));
    // It was up after all.
    driver.record(Millis(HOUR + 180 * S), vec![up()]).unwrap();
    assert_eq!(driver.users(), 1);
}

#[test]
fn a_call_without_an_end_is_given_up_at_the_longest_that_it_can_be() {
    let mut driver = driver();
    driver.record(Millis(0), vec![told("a", Said::InProgress, None, Some(600))]).unwrap();
    driver.record(Millis(599 * S), vec![told("a", Said::InProgress, None, Some(600))]).unwrap();
    pass(&mut driver, Millis(600 * S));
    assert_eq!(driver.users(), 1);
    pass(&mut driver, Millis(602 * S));
    assert_eq!(driver.users(), 0);
}

#[test]
fn a_call_of_which_twilio_tells_too_is_not_given_up_for_a_missed_heartbeat() {
    let mut driver = driver();
    let twilio = evidence("a", Source::StatusCallback, Said::InProgress);
    let heartbeat = told("a", Said::InProgress, Some(30), Some(60));
    driver.record(Millis(0), vec![heartbeat, twilio]).unwrap();
    pass(&mut driver, Millis(3 * HOUR));
    assert_eq!(driver.users(), 1);
}

#[test]
fn after_a_restart_a_source_has_its_time_again_to_be_heard() {
    let up = || told("a", Said::InProgress, Some(90), None);
    let mut journal = live_users_journal::open("memory:").expect("a journal");
    let record = Record { at: Millis(0), change: Change::Evidence(up()) };
    journal.append(&[record.encode()]).expect("it is appended");
    let mut driver = Driver::on(journal);
    // Nobody listened for ten hours.
    let start = Millis(10 * HOUR);
    driver.set_now(Now { uptime: start, time: start, log_age_ms: 0 });
    driver.step(Input::Tick);
    pass(&mut driver, Millis(start.0 + 89 * S));
    assert_eq!(driver.users(), 1);
    pass(&mut driver, Millis(start.0 + 92 * S));
    assert_eq!(driver.users(), 0);
    const { assert!(QUIET_MS > 92 * S, "else it would show nothing") };
}

#[test]
fn a_restart_makes_no_call_longer_unless_the_clock_may_be_wrong() {
    for (down_ms, ends_at_once) in [(60 * S, true), (HOUR, true), (9 * HOUR, false)] {
        let mut journal = live_users_journal::open("memory:").expect("a journal");
        let up = told("a", Said::InProgress, None, Some(600));
        let record = Record { at: Millis(0), change: Change::Evidence(up) };
        journal.append(&[record.encode()]).expect("it is appended");
        let mut driver = Driver::on(journal);
        let start = Millis(down_ms);
        driver.set_now(Now { uptime: start, time: start, log_age_ms: 0 });
        driver.step(Input::Tick);
        pass(&mut driver, Millis((start.0 + S).max(602 * S)));
        assert_eq!(driver.users() == 0, ends_at_once, "{down_ms}");
        pass(&mut driver, Millis(start.0 + QUIET_MS + 2 * S));
        assert_eq!(driver.users(), 0, "{down_ms}");
    }
}
