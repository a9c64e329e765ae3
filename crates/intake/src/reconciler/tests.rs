//! The reconciler against a provider that is written down, second by second.

mod endless;
mod parties;

use std::collections::BTreeMap;

use live_users_core::{Direction, EndReason, Numbers, Said, Source};
use live_users_state::record::{Change, Record};
use live_users_state::{Cause, State, is_suspect};
use live_users_twilio::rest::CallPage;
use live_users_twilio::{CallStatus, Direction as Way};

use super::*;

/// What the provider says, and what was asked of it.
#[derive(Default)]
struct Provider {
    calls: BTreeMap<String, CallResource>,
    /// Calls that lists do not show although they are there.
    hidden: BTreeSet<String>,
    /// Calls that cannot be asked for by name.
    broken: BTreeSet<String>,
    fails: Option<Failure>,
    asked: Vec<Request>,
}

struct Scene {
    now: Millis,
    state: State,
    provider: Provider,
    referee: Reconciler,
}

const SECOND: u64 = 1_000;

fn resource(sid: &str, status: CallStatus) -> CallResource {
    CallResource {
        sid: sid.to_owned(),
        parent_call_sid: None,
        status: Some(status),
        direction: Some(Way::Inbound),
        from: Some("+14155550123".to_owned()),
        to: Some("+15005550006".to_owned()),
        duration_s: None,
        answered_by: None,
    }
}

fn key() -> CallerKey {
    CallerKey::new("0123456789abcdef").unwrap()
}

fn agents() -> Agents {
    let (agents, mistakes) =
        Agents::parse("[[agent]]\nid = \"a\"\nname = \"A\"\nnumbers = [\"+15005550006\"]");
    assert_eq!(mistakes, [""; 0]);
    agents
}

fn id(call: &str) -> CallId {
    CallId::parse(call).unwrap()
}

impl Scene {
    fn new() -> Self {
        Self::with(agents(), ReconcilerRules::default())
    }

    fn with(agents: Agents, rules: ReconcilerRules) -> Self {
        let now = Millis(1_000_000);
        let referee = Reconciler::new(rules, agents, key(), |bound| bound - 1);
        Self { now, state: State::default(), provider: Provider::default(), referee }
    }

    fn receives(&mut self, evidence: Evidence) {
        self.state.apply(&Record { at: self.now, change: Change::Evidence(evidence) });
    }

    /// A webhook reports that a call began.
    fn starts(&mut self, call: &str) {
        let direction = Some(Direction::Inbound);
        self.receives(Evidence {
            direction,
            ..Evidence::about(id(call), Source::Voice, Said::Dialing)
        });
    }

    fn at_provider(&mut self, call: &str, status: CallStatus) {
        self.provider.calls.insert(call.to_owned(), resource(call, status));
    }

    /// Lets time pass, and the reconciler do what it does.
    fn pass(&mut self, ms: u64) {
        let end = Millis(self.now.0 + ms);
        loop {
            let evidence = match self.referee.next(self.now) {
                Action::Wait(until) if until > end => break,
                Action::Wait(until) => {
                    assert!(until > self.now, "it waits for the past");
                    self.now = until;
                    continue;
                }
                Action::Ask(request) => {
                    let answer = self.provider.answer(request);
                    self.referee.receive(self.now, answer)
                }
                Action::Compare => self.referee.compare(self.now, self.state.tracker()),
            };
            evidence.into_iter().for_each(|evidence| self.receives(evidence));
        }
        self.now = end;
    }

    fn live(&self) -> usize {
        let Numbers { calls, .. } = self.state.tracker().numbers();
        calls
    }

    fn drift(&self) -> Vec<(Cause, u64)> {
        self.state.corrections().totals().collect()
    }

    fn singles(&self) -> usize {
        let is_single = |request: &&Request| matches!(request, Request::Call { .. });
        self.provider.asked.iter().filter(is_single).count()
    }
}

impl Provider {
    /// Two calls on a page.
    fn answer(&mut self, request: Request) -> Result<Answer, Failure> {
        self.asked.push(request.clone());
        if let Some(failure) = &self.fails {
            return Err(failure.clone());
        }
        match request {
            Request::Call { sid } if self.broken.contains(&sid) => Err(Failure::Server(500)),
            Request::Call { sid } => {
                let found = self.calls.get(&sid);
                Ok(found.map_or(Answer::NotFound, |call| Answer::Call(call.clone())))
            }
            Request::List { status, next_page_uri } => {
                let after = next_page_uri.unwrap_or_default();
                let listed = self.calls.values().filter(|call| {
                    call.status == Some(status)
                        && !self.hidden.contains(&call.sid)
                        && call.sid.as_str() > after.as_str()
                });
                let calls: Vec<_> = listed.take(2).cloned().collect();
                let next_page_uri = calls.get(1).map(|call| call.sid.clone());
                Ok(Answer::Page(CallPage { calls, next_page_uri }))
            }
        }
    }
}

#[test]
fn an_end_that_no_webhook_reported_is_found_within_a_minute() {
    let mut scene = Scene::new();
    scene.starts("CA1");
    scene.at_provider("CA1", CallStatus::Completed);
    scene.pass(60 * SECOND);
    assert_eq!(scene.live(), 0);
    assert_eq!(scene.drift(), [(Cause::MissedEnd, 1)]);
    let phase = scene.state.tracker().call(&id("CA1")).unwrap().phase;
    assert_eq!(phase, Phase::Ended(EndReason::Completed));
}

#[test]
fn a_start_that_no_webhook_reported_is_found_with_its_caller_and_agent() {
    let mut scene = Scene::new();
    scene.at_provider("CA1", CallStatus::InProgress);
    scene.pass(60 * SECOND);
    assert_eq!((scene.live(), scene.drift()), (1, vec![(Cause::MissedStart, 1)]));
    let call = scene.state.tracker().call(&id("CA1")).unwrap();
    assert_eq!(call.caller, key().person("+14155550123"));
    // The webhook comes after all: the same call, not another.
    scene.starts("CA1");
    assert_eq!(scene.live(), 1);
}

#[test]
fn an_answer_that_no_webhook_reported_is_found() {
    let mut scene = Scene::new();
    let direction = Some(Direction::Outbound);
    let dialing = Evidence::about(id("CA1"), Source::StatusCallback, Said::Dialing);
    scene.receives(Evidence { direction, ..dialing });
    scene.at_provider("CA1", CallStatus::InProgress);
    scene.pass(60 * SECOND);
    assert_eq!((scene.live(), scene.drift()), (1, vec![(Cause::MissedAnswer, 1)]));
}

#[test]
fn a_silent_call_that_the_provider_has_stays_confirmed_for_hours() {
    let mut scene = Scene::new();
    scene.starts("CA1");
    scene.at_provider("CA1", CallStatus::InProgress);
    for _ in 0..120 {
        scene.pass(60 * SECOND);
        let call = scene.state.tracker().call(&id("CA1")).unwrap();
        assert!(
            !is_suspect((call.heard, call.limits()), scene.now, 120 * SECOND),
            "{:?}",
            call.heard
        );
    }
    assert_eq!((scene.live(), scene.drift(), scene.singles()), (1, vec![], 0));
}

#[test]
fn a_list_that_lags_behind_ends_nothing() {
    let mut scene = Scene::new();
    scene.starts("CA1");
    scene.at_provider("CA1", CallStatus::InProgress);
    scene.provider.hidden.insert("CA1".to_owned());
    scene.pass(300 * SECOND);
    // Asked for by name it is there.
    assert!(scene.singles() > 0);
    assert_eq!((scene.live(), scene.drift()), (1, vec![]));
}

#[test]
fn a_call_that_the_provider_does_not_know_is_never_ended_and_seldom_asked_for() {
    let mut scene = Scene::new();
    scene.starts("CA1");
    scene.pass(3600 * SECOND);
    assert_eq!((scene.live(), scene.drift()), (1, vec![]));
    assert!((5..=7).contains(&scene.singles()), "{}", scene.singles());
    assert_eq!(scene.state.confidence(scene.now, 120 * SECOND).suspect, 1);
}

#[test]
fn calls_on_other_numbers_of_the_account_and_legs_of_others_are_not_added() {
    let mut scene = Scene::new();
    scene.at_provider("CA1", CallStatus::InProgress);
    let elsewhere = CallResource {
        to: Some("+15005550099".to_owned()),
        ..resource("CA2", CallStatus::InProgress)
    };
    let leg = CallResource {
        parent_call_sid: Some("CA9".to_owned()),
        ..resource("CA3", CallStatus::InProgress)
    };
    let trunk = CallResource { direction: None, ..resource("CA4", CallStatus::InProgress) };
    let more = [elsewhere, leg, trunk].map(|call| (call.sid.clone(), call));
    scene.provider.calls.extend(more);
    scene.pass(120 * SECOND);
    assert_eq!((scene.live(), scene.state.tracker().known()), (1, 1));
}

#[test]
fn many_calls_are_read_page_by_page() {
    let mut scene = Scene::new();
    for n in 0..25 {
        let call = format!("CA{n:02}");
        scene.starts(&call);
        let status = if n % 2 == 0 { CallStatus::InProgress } else { CallStatus::Completed };
        scene.at_provider(&call, status);
    }
    scene.pass(90 * SECOND);
    assert_eq!((scene.live(), scene.drift()), (13, vec![(Cause::MissedEnd, 12)]));
}

#[test]
fn a_few_missing_calls_are_asked_for_by_name_and_many_are_sifted_from_the_list() {
    for (n, by_name) in [(9, 9), (10, 0), (25, 15)] {
        let mut scene = Scene::new();
        for call in 0..n {
            let call = format!("CA{call:02}");
            scene.starts(&call);
            scene.at_provider(&call, CallStatus::Completed);
        }
        // Five pages of two calls each are read; the rest is asked for by name.
        scene.pass(90 * SECOND);
        assert_eq!((scene.live(), scene.singles()), (0, by_name), "{n}");
    }
}

#[test]
fn a_list_of_completed_calls_that_says_something_else_ends_nothing() {
    let mut scene = Scene::new();
    for call in 0..20 {
        scene.starts(&format!("CA{call:02}"));
    }
    scene.pass(30 * SECOND);
    let odd = (0..20).map(|call| resource(&format!("CA{call:02}"), CallStatus::InProgress));
    let page = CallPage { calls: odd.collect(), next_page_uri: None };
    let round = Round { began: scene.now, differed: None };
    let live = (0..20).map(|call| id(&format!("CA{call:02}"))).collect();
    let missing = Missing { live, dialing: BTreeSet::new() };
    assert_eq!(scene.referee.bulk_check((scene.now, scene.now), round, missing, 1, page), []);
    assert_eq!(scene.live(), 20);
}

#[test]
fn the_budget_is_kept_whatever_there_is_to_ask() {
    let rules = ReconcilerRules { requests_per_minute: 30, ..ReconcilerRules::default() };
    let mut scene = Scene::with(Agents::default(), rules);
    for n in 0..500 {
        let call = format!("CA{n:03}");
        scene.starts(&call);
        scene.at_provider(&call, CallStatus::Completed);
    }
    for minutes in 1..60 {
        scene.pass(60 * SECOND);
        assert!(scene.provider.asked.len() <= 30 * (minutes + 1));
    }
    assert_eq!(scene.live(), 0, "slowly, but all of them");
}

#[test]
fn after_failures_it_waits_longer_and_longer_and_then_goes_on() {
    let mut scene = Scene::new();
    scene.starts("CA1");
    scene.at_provider("CA1", CallStatus::Completed);
    scene.provider.fails = Some(Failure::TooMany);
    scene.pass(600 * SECOND);
    let asked = scene.provider.asked.len();
    assert!((5..=11).contains(&asked), "{asked} requests in ten minutes of refusals");
    assert_eq!(scene.live(), 1, "no answer is no proof");
    assert_eq!(scene.referee.status(scene.now).failure, Some(Failure::TooMany));
    scene.provider.fails = None;
    scene.pass(400 * SECOND);
    assert_eq!((scene.live(), scene.referee.status(scene.now).failure), (0, None));
}

#[test]
fn wrong_credentials_are_not_tried_again_and_again() {
    let mut scene = Scene::new();
    scene.provider.fails = Some(Failure::Refused(401));
    scene.pass(3600 * SECOND);
    assert!(scene.provider.asked.len() <= 13, "{}", scene.provider.asked.len());
}

#[test]
fn when_nothing_differs_one_look_is_three_requests() {
    let mut scene = Scene::new();
    scene.starts("CA1");
    scene.at_provider("CA1", CallStatus::InProgress);
    scene.pass(19 * SECOND);
    assert_eq!(scene.provider.asked.len(), 3);
    scene.pass(SECOND);
    assert_eq!(scene.provider.asked.len(), 6);
}

/// An answer to something else than what was asked, or none at all when nothing was asked.
#[test]
fn odd_answers_do_not_confuse_it() {
    let mut scene = Scene::new();
    assert_eq!(scene.referee.receive(scene.now, Ok(Answer::NotFound)), []);
    assert!(matches!(scene.referee.next(scene.now), Action::Ask(Request::List { .. })));
    let call = resource("CA1", CallStatus::Completed);
    assert_eq!(scene.referee.receive(scene.now, Ok(Answer::Call(call))), []);
    assert_eq!(scene.referee.compare(scene.now, scene.state.tracker()), []);
    scene.starts("CA2");
    scene.at_provider("CA2", CallStatus::Completed);
    scene.pass(60 * SECOND);
    assert_eq!(scene.live(), 0);
}
