//! Where nothing but the provider's answers tells of calls, the numbers are unknown without them.

use live_users_core::{Millis, Said, Source};
use live_users_intake::agents::Agents;
use live_users_intake::{CallerKey, Reconciler, ReconcilerRules};
use live_users_journal::{Journal, Memory};
use live_users_replica::{Effect, Input, Now, StaleReason};
use live_users_twilio::rest::{Answer, CallPage, CallResource, Failure, Request};
use live_users_twilio::{CallStatus, Direction};

use crate::harness::{Driver, evidence};

/// For how long an answer counts, in milliseconds.
const KNOWN_MS: u64 = 30_000;

const NUMBER: &str = "+15550006789";

fn listed() -> CallResource {
    CallResource {
        sid: "a".to_owned(),
        parent_call_sid: None,
        status: Some(CallStatus::InProgress),
        direction: Some(Direction::Inbound),
        from: Some("+15550001234".to_owned()),
        to: Some(NUMBER.to_owned()),
        duration_s: None,
        answered_by: None,
    }
}

fn answer(request: &Request) -> Answer {
    match request {
        Request::List { status, .. } => {
            let calls = match status {
                CallStatus::InProgress => vec![listed()],
                _ => Vec::new(),
            };
            Answer::Page(CallPage { calls, next_page_uri: None })
        }
        Request::Call { .. } => Answer::NotFound,
    }
}

fn driver(journal: Box<dyn Journal>) -> Driver {
    let key = CallerKey::new("0123456789abcdef").expect("long enough");
    let agents = format!("[[agent]]\nid = \"sales\"\nname = \"Sales\"\nnumbers = [\"{NUMBER}\"]\n");
    let (agents, mistakes) = Agents::parse(&agents);
    assert_eq!(mistakes, [""; 0]);
    let rules = ReconcilerRules::polling_every(5_000, 120_000);
    let reconciler = Reconciler::new(rules, agents, key, |bound| bound - 1);
    Driver::only_asking(journal, reconciler, KNOWN_MS)
}

fn memory() -> Box<dyn Journal> {
    live_users_journal::open("memory:").expect("a journal")
}

/// Lets time pass, from deadline to deadline. The provider answers, or fails.
fn pass(driver: &mut Driver, until: u64, answers: bool) {
    loop {
        let at = driver.replica().next_deadline().max(driver.now().uptime);
        if at > Millis(until) {
            return driver.set_now(Now {
                uptime: Millis(until),
                time: Millis(until),
                log_age_ms: 0,
            });
        }
        driver.set_now(Now { uptime: at, time: at, log_age_ms: 0 });
        let mut effects = driver.step(Input::Tick);
        while let Some(effect) = effects.pop() {
            if let Effect::Ask(request) = effect {
                let answer =
                    if answers { Ok(answer(&request)) } else { Err(Failure::Refused(401)) };
                effects.extend(driver.step(Input::Provider(answer)));
            }
        }
    }
}

/// What is shown: the number, or why there is none.
fn shown(driver: &Driver) -> Result<usize, StaleReason> {
    let first = driver.replica().first_publication(Millis(0));
    let last = driver.published.last().copied().unwrap_or(first);
    last.stale.map_or(Ok(last.numbers.users), |stale| Err(stale.reason))
}

#[test]
fn no_number_is_shown_before_the_calls_of_the_first_answer_are_counted() {
    let mut driver = driver(memory());
    assert_eq!(shown(&driver), Err(StaleReason::NeverAnswered));
    pass(&mut driver, 20_000, true);
    assert_eq!(shown(&driver), Ok(1));
    // A second poll had to confirm the call, and no 0 was shown meanwhile.
    assert!(driver.published.iter().all(|it| it.stale.is_some() || it.numbers.users == 1));
}

#[test]
fn while_it_never_answers_the_number_stays_unknown() {
    let mut driver = driver(memory());
    pass(&mut driver, 3_600_000, false);
    assert_eq!(shown(&driver), Err(StaleReason::NeverAnswered));
    assert_eq!(driver.published, [], "nothing new was said");
}

#[test]
fn it_is_unknown_some_time_after_the_last_answer_and_known_after_the_next() {
    let mut driver = driver(memory());
    pass(&mut driver, 60_000, true);
    let settled = driver.published.len();
    pass(&mut driver, 60_000 + KNOWN_MS - 6_000, false);
    assert_eq!(shown(&driver), Ok(1), "one look that fails is no reason");
    pass(&mut driver, 60_000 + KNOWN_MS, false);
    assert_eq!(shown(&driver), Err(StaleReason::NotAnsweredSince));
    assert_eq!(driver.published.len(), settled + 1);
    pass(&mut driver, 3_600_000, false);
    assert_eq!(driver.published.len(), settled + 1, "that is said once");
    pass(&mut driver, 2 * 3_600_000, true);
    assert_eq!(shown(&driver), Ok(1));
}

#[test]
fn a_webhook_shows_that_asking_is_not_all() {
    let mut driver = driver(memory());
    pass(&mut driver, 1_000, false);
    driver.record(Millis(1_000), vec![evidence("b", Source::Voice, Said::Dialing)]).expect("kept");
    assert_eq!(shown(&driver), Ok(1));
    pass(&mut driver, 3_600_000, false);
    assert_eq!(shown(&driver), Ok(1));
}

#[test]
fn what_was_known_before_a_restart_is_not_shown_before_an_answer() {
    let journal = Memory::new().expect("a journal");
    let mut before = driver(journal.open().expect("it opens"));
    pass(&mut before, 20_000, true);
    assert_eq!(shown(&before), Ok(1));
    drop(before);
    let mut after = driver(journal.open().expect("it opens again"));
    after.set_now(Now { uptime: Millis(30_000), time: Millis(30_000), log_age_ms: 0 });
    assert_eq!((after.users(), shown(&after)), (1, Err(StaleReason::NeverAnswered)));
    pass(&mut after, 60_000, true);
    assert_eq!(shown(&after), Ok(1));
}
