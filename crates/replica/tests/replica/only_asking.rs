//! Where nothing but the provider's answers tells of calls, the numbers are unknown without them.

use std::cell::Cell;

use live_users_core::{EndReason, Millis, Said, Source};
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

fn listed(sid: &str) -> CallResource {
    CallResource {
        sid: sid.to_owned(),
        parent_call_sid: None,
        status: Some(CallStatus::InProgress),
        direction: Some(Direction::Inbound),
        from: Some("+15550001234".to_owned()),
        to: Some(NUMBER.to_owned()),
        duration_s: None,
        answered_by: None,
    }
}

/// What the provider says when these calls are up.
fn answer(request: &Request, up: &[&str]) -> Answer {
    match request {
        Request::List { status: CallStatus::InProgress, .. } => Answer::Page(CallPage {
            calls: up.iter().map(|sid| listed(sid)).collect(),
            next_page_uri: None,
        }),
        Request::List { .. } => Answer::Page(CallPage { calls: Vec::new(), next_page_uri: None }),
        Request::Call { sid } => {
            Answer::Call(CallResource { status: Some(CallStatus::Completed), ..listed(sid) })
        }
    }
}

fn driver(journal: Box<dyn Journal>) -> Driver {
    let agents = format!("[[agent]]\nid = \"sales\"\nname = \"Sales\"\nnumbers = [\"{NUMBER}\"]\n");
    let (agents, mistakes) = Agents::parse(&agents);
    assert_eq!(mistakes, [""; 0]);
    with_agents(journal, agents)
}

fn with_agents(journal: Box<dyn Journal>, agents: Agents) -> Driver {
    let key = CallerKey::new("0123456789abcdef").expect("long enough");
    let rules = ReconcilerRules::polling_every(5_000, 120_000).as_only_source(true);
    let reconciler = Reconciler::new(rules, agents, key, |bound| bound - 1);
    Driver::only_asking(journal, reconciler, KNOWN_MS)
}

fn memory() -> Box<dyn Journal> {
    live_users_journal::open("memory:").expect("a journal")
}

/// Lets time pass, from deadline to deadline. The provider answers, or fails.
fn pass(driver: &mut Driver, until: u64, answers: bool) {
    pass_with(driver, until, answers.then_some(&["a"]));
}

fn pass_with(driver: &mut Driver, until: u64, up: Option<&[&str]>) {
    let provider =
        |request: &Request| up.map(|up| answer(request, up)).ok_or(Failure::Refused(401));
    pass_by(driver, until, &provider);
}

fn pass_by(
    driver: &mut Driver,
    until: u64,
    provider: &dyn Fn(&Request) -> Result<Answer, Failure>,
) {
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
            if let Effect::Ask(_, request) = effect {
                effects.extend(driver.step(Input::Provider(0, provider(&request))));
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
    let over = Said::Over(EndReason::Completed);
    driver.record(Millis(1_000), vec![evidence("c", Source::StatusCallback, over)]).expect("kept");
    assert_eq!(shown(&driver), Err(StaleReason::NeverAnswered), "nothing comes from a number");
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

#[test]
fn without_numbers_every_inbound_call_is_counted_and_with_them_others_are_told() {
    let mut driver = with_agents(memory(), Agents::default());
    pass_with(&mut driver, 20_000, Some(&["a", "b"]));
    assert_eq!(shown(&driver), Ok(1), "two calls of one caller");
    assert_eq!(driver.state().tracker().numbers().calls, 2);
    let (agents, _) =
        Agents::parse("[[agent]]\nid = \"x\"\nname = \"X\"\nnumbers = [\"+15550009999\"]\n");
    let mut driver = with_agents(memory(), agents);
    pass_with(&mut driver, 20_000, Some(&["a", "b"]));
    assert_eq!(shown(&driver), Ok(0));
    let status = driver.replica().reconciler_statuses(driver.now()).remove(0);
    assert_eq!(status.unlisted, 2);
    pass_with(&mut driver, 40_000, Some(&[]));
    let status = driver.replica().reconciler_statuses(driver.now()).remove(0);
    assert_eq!(status.unlisted, 0);
}

#[test]
fn calls_that_end_and_others_that_begin_between_two_looks_are_never_counted_together() {
    let journal = Memory::new().expect("a journal");
    let mut before = with_agents(journal.open().expect("it opens"), Agents::default());
    pass_with(&mut before, 60_000, Some(&["a", "b", "c"]));
    pass_with(&mut before, 120_000, Some(&["d", "e", "f"]));
    let calls = |driver: &Driver| {
        let known = driver.published.iter().filter(|it| it.stale.is_none());
        known.map(|it| it.numbers.calls).collect::<Vec<_>>()
    };
    assert_eq!(calls(&before), [3, 3]);
    drop(before);
    // Nor after a restart, with what was up before it.
    let mut after = with_agents(journal.open().expect("it opens again"), Agents::default());
    after.set_now(Now { uptime: Millis(200_000), time: Millis(200_000), log_age_ms: 0 });
    pass_with(&mut after, 260_000, Some(&["g"]));
    assert_eq!(calls(&after), [1]);
}

#[test]
fn an_account_that_is_right_again_is_asked_again_soon() {
    let mut driver = driver(memory());
    pass(&mut driver, 10 * 60_000, false);
    assert_eq!(shown(&driver), Err(StaleReason::NeverAnswered));
    pass(&mut driver, 10 * 60_000 + 40_000, true);
    assert_eq!(shown(&driver), Ok(1));
}

#[test]
fn a_call_that_the_provider_has_trouble_with_hides_no_number_and_no_outage() {
    let mut driver = driver(memory());
    pass(&mut driver, 60_000, true);
    let known = |driver: &Driver| {
        driver.published.iter().all(|it| it.stale.is_none()) && driver.users() == 1
    };
    assert!(known(&driver), "it was unknown at the start alone");
    // The lists are read, and do not have the call; itself it cannot be asked for.
    let trouble = |request: &Request| match request {
        Request::List { .. } => Ok(answer(request, &[])),
        Request::Call { .. } => Err(Failure::Server(500)),
    };
    pass_by(&mut driver, 900_000, &trouble);
    assert!(known(&driver) && shown(&driver) == Ok(1));
    pass_by(&mut driver, 900_000 + KNOWN_MS + 20_000, &|_| Err(Failure::Server(500)));
    assert_eq!(shown(&driver), Err(StaleReason::NotAnsweredSince));
}

#[test]
fn in_the_middle_of_the_list_of_completed_calls_an_outage_makes_the_number_unknown() {
    let up: Vec<String> = (0..30).map(|n| format!("call-{n}")).collect();
    let up: Vec<&str> = up.iter().map(String::as_str).collect();
    let mut driver = with_agents(memory(), Agents::default());
    pass_with(&mut driver, 60_000, Some(&up));
    assert_eq!(driver.state().tracker().numbers().calls, 30);
    let open_lists = |request: &Request| match request {
        Request::List { status: CallStatus::Completed, .. } | Request::Call { .. } => {
            Err(Failure::Server(500))
        }
        Request::List { .. } => Ok(answer(request, &[])),
    };
    pass_by(&mut driver, 70_000, &open_lists);
    pass_with(&mut driver, 70_000 + KNOWN_MS + 20_000, None);
    assert_eq!(shown(&driver), Err(StaleReason::NotAnsweredSince));
}

#[test]
fn of_several_replicas_the_one_that_asks_says_that_it_is_unknown() {
    let log = Memory::with_epoch(1);
    let (journal, _link) = log.open_shared().expect("a log");
    let mut leader = driver(journal);
    assert_eq!(shown(&leader), Err(StaleReason::NeverAnswered), "nobody knows who asks");
    leader.sweep(Millis(1_000));
    assert_eq!(shown(&leader), Err(StaleReason::NeverAnswered), "it asks, and has no answer");
    let (journal, _link) = log.open_shared().expect("a log");
    let mut follower = driver(journal);
    follower.stand_by(Millis(1_000));
    assert_eq!(shown(&follower), Ok(0), "another one asks");
    // It leads now, and what it knew of the other one is known for as long.
    follower.sweep(Millis(2_000));
    assert_eq!(shown(&follower), Ok(0));
    let now = follower.now();
    follower.set_now(Now { uptime: Millis(now.uptime.0 + 1_000), ..now });
    assert_eq!(shown(&follower), Ok(0));
    // When it leads no more, nothing wakes it for that.
    follower.stand_by(Millis(3_000));
    follower.step(Input::Tick);
    assert!(follower.replica().next_deadline() > follower.now().uptime);
    assert_eq!(shown(&follower), Ok(0));
}

/// The most calls that were ever shown, and those that are.
fn most_and_now(driver: &Driver) -> (usize, usize) {
    let known = driver.published.iter().filter(|it| it.stale.is_none());
    let calls = known.map(|it| it.numbers.calls).max().unwrap_or_default();
    (calls, driver.state().tracker().numbers().calls)
}

#[test]
fn whatever_fails_while_calls_are_replaced_they_are_never_added_up() {
    let before: Vec<String> = (0..12).map(|n| format!("before-{n}")).collect();
    let before: Vec<&str> = before.iter().map(String::as_str).collect();
    for n in [4, 12] {
        let before = &before[..n];
        for once in [false, true] {
            let mut driver = with_agents(memory(), Agents::default());
            pass_with(&mut driver, 60_000, Some(before));
            assert_eq!(most_and_now(&driver), (n, n));
            let has_failed = Cell::new(false);
            let trouble = |request: &Request| match request {
                Request::List { status: CallStatus::Completed, .. } => Err(Failure::Server(500)),
                Request::Call { .. } if once && !has_failed.replace(true) => Err(Failure::Timeout),
                _ => Ok(answer(request, &["after-0", "after-1"])),
            };
            pass_by(&mut driver, 180_000, &trouble);
            assert_eq!(most_and_now(&driver), (n, 2), "{n} calls, once: {once}");
            assert_eq!(shown(&driver), Ok(1));
        }
    }
}

#[test]
fn calls_that_are_replaced_as_soon_as_they_are_seen_are_not_added_up_after_a_restart() {
    let journal = Memory::new().expect("a journal");
    let mut before = with_agents(journal.open().expect("it opens"), Agents::default());
    let mut until = 0;
    while shown(&before).is_err() {
        until += 10;
        pass_with(&mut before, until, Some(&["a", "b", "c"]));
    }
    drop(before);
    let mut after = with_agents(journal.open().expect("it opens again"), Agents::default());
    let at = Millis(until + 100);
    after.set_now(Now { uptime: at, time: at, log_age_ms: 0 });
    pass_with(&mut after, until + 60_000, Some(&["d", "e", "f"]));
    assert_eq!(most_and_now(&after), (3, 3));
}
