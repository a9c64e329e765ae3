//! What the clock may end where there is a provider that can be asked.

use live_users_core::{
    CallId, Direction, EndReason, Endpoint, Evidence, Millis, Phase, Said, Source,
};
use live_users_intake::agents::Agents;
use live_users_intake::{CallerKey, Reconciler, ReconcilerRules};
use live_users_replica::{Effect, Input, Now};
use live_users_twilio::CallStatus;
use live_users_twilio::rest::{Answer, CallPage, CallResource, Failure, Request};

use crate::harness::{Driver, HOUR, evidence};

/// What the provider says of the call `a`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Provider {
    Lists,
    KnowsByName,
    KnowsNothing,
    Fails,
}

impl Provider {
    fn answer(self, request: &Request) -> Result<Answer, Failure> {
        let call = CallResource {
            sid: "a".to_owned(),
            parent_call_sid: None,
            status: Some(CallStatus::InProgress),
            direction: None,
            from: None,
            to: None,
            duration_s: None,
            answered_by: None,
        };
        let lists = |status| self == Self::Lists && status == CallStatus::InProgress;
        match request {
            _ if self == Self::Fails => Err(Failure::Timeout),
            Request::List { status, .. } => {
                let calls = if lists(*status) { vec![call] } else { Vec::new() };
                Ok(Answer::Page(CallPage { calls, next_page_uri: None }))
            }
            Request::Call { sid } if sid == "a" && self == Self::KnowsByName => {
                Ok(Answer::Call(call))
            }
            Request::Call { .. } => Ok(Answer::NotFound),
        }
    }
}

fn driver() -> Driver {
    let key = CallerKey::new("0123456789abcdef").expect("long enough");
    let rules = ReconcilerRules::default();
    let reconciler = Reconciler::new(rules, Agents::default(), key, |bound| bound - 1);
    Driver::asking(live_users_journal::open("memory:").expect("a journal"), reconciler)
}

/// Lets time pass, from deadline to deadline.
fn pass(driver: &mut Driver, until: Millis, provider: Provider) {
    loop {
        let at = driver.replica().next_deadline().max(driver.now().uptime);
        if at > until {
            return driver.set_now(Now { uptime: until, time: until, log_age_ms: 0 });
        }
        driver.set_now(Now { uptime: at, time: at, log_age_ms: 0 });
        let mut effects = driver.step(Input::Tick);
        while let Some(effect) = effects.pop() {
            if let Effect::Ask(_, request) = effect {
                effects.extend(driver.step(Input::Provider(0, provider.answer(&request))));
            }
        }
    }
}

fn phase(driver: &Driver, call: &str) -> Phase {
    let call = CallId::parse(call).expect("an id");
    driver.state().tracker().call(&call).expect("it is known").phase
}

fn started() -> Driver {
    let mut driver = driver();
    driver.record(Millis(0), vec![evidence("a", Source::Voice, Said::Dialing)]).expect("recorded");
    driver
}

const MINUTE: u64 = 60_000;

#[test]
fn what_the_provider_has_is_not_ended_by_the_clock_however_old_it_is() {
    for provider in [Provider::Lists, Provider::KnowsByName] {
        let mut driver = started();
        pass(&mut driver, Millis(30 * HOUR), provider);
        assert_eq!(phase(&driver, "a"), Phase::Live);
    }
}

#[test]
fn while_the_provider_does_not_answer_the_clock_ends_nothing() {
    let mut driver = started();
    pass(&mut driver, Millis(9 * HOUR), Provider::Fails);
    assert_eq!(driver.users(), 1);
    // Soon after it has said that it does not know the call, that is over.
    pass(&mut driver, Millis(9 * HOUR + 30 * MINUTE), Provider::KnowsNothing);
    assert_eq!(phase(&driver, "a"), Phase::Ended(EndReason::TimedOut));
}

#[test]
fn what_nobody_knows_is_ended_as_soon_as_it_is_overdue() {
    let mut driver = started();
    pass(&mut driver, Millis(4 * HOUR), Provider::KnowsNothing);
    assert_eq!(driver.users(), 1);
    pass(&mut driver, Millis(4 * HOUR + 11 * MINUTE), Provider::KnowsNothing);
    assert_eq!(driver.users(), 0);
}

#[test]
fn a_call_that_is_heard_of_while_it_is_held_is_not_ended() {
    let mut driver = started();
    pass(&mut driver, Millis(5 * HOUR), Provider::Fails);
    let speech = evidence("a", Source::Speech, Said::InProgress);
    driver.record(Millis(5 * HOUR), vec![speech]).unwrap();
    pass(&mut driver, Millis(5 * HOUR + 14 * MINUTE), Provider::KnowsNothing);
    assert_eq!(driver.users(), 1);
    pass(&mut driver, Millis(5 * HOUR + 40 * MINUTE), Provider::KnowsNothing);
    assert_eq!(driver.users(), 0);
}

#[test]
fn a_leg_on_which_nothing_depends_is_ended_without_asking() {
    let mut driver = driver();
    let leg = Evidence {
        direction: Some(Direction::Dial),
        endpoint: Some(Endpoint::Person),
        parent: Some(CallId::parse("nobody").unwrap()),
        ..evidence("leg", Source::StatusCallback, Said::InProgress)
    };
    driver.record(Millis(0), vec![leg]).unwrap();
    pass(&mut driver, Millis(5 * HOUR), Provider::Fails);
    assert_eq!(phase(&driver, "leg"), Phase::Ended(EndReason::TimedOut));
}
