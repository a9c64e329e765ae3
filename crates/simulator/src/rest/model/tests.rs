//! Tests of the model of the Calls resource.

use live_users_twilio::rest::CallResource;
use live_users_twilio::{CallStatus, Direction};

use super::*;
use crate::rest::Outage;

const ACCOUNT: &str = "AC00000000000000000000000000000001";

fn api(behaviour: Behaviour) -> CallsApi {
    CallsApi::new(ACCOUNT, "token", 7).with_behaviour(behaviour)
}

fn facts(sid: &str, status: CallStatus) -> CallFacts<'_> {
    let direction = Direction::Inbound;
    CallFacts { sid, parent: None, status, direction, from: "+14155550100", to: "+15005550006" }
}

fn first_page(status: CallStatus) -> Request {
    Request::List { status, next_page_uri: None }
}

fn single(sid: &str) -> Request {
    Request::Call { sid: sid.to_owned() }
}

/// All pages of a list, and how many they were.
fn walk(api: &mut CallsApi, now_ms: u64, status: CallStatus) -> (Vec<CallResource>, usize) {
    let (mut calls, mut next_page_uri, mut n_pages) = (Vec::new(), None, 0);
    loop {
        let Ok(Answer::Page(page)) = api.ask(now_ms, &Request::List { status, next_page_uri })
        else {
            panic!("no page")
        };
        calls.extend(page.calls);
        n_pages += 1;
        match page.next_page_uri {
            None => return (calls, n_pages),
            next => next_page_uri = next,
        }
    }
}

#[test]
fn a_change_shows_after_its_lag_and_not_before() {
    let lags =
        Behaviour { list_lag_ms: 4000..=4000, call_lag_ms: 500..=500, ..Behaviour::default() };
    let mut api = api(lags);
    api.note(1000, &facts("CA1", CallStatus::InProgress));
    api.note(9000, &facts("CA1", CallStatus::Completed));
    let listed = |api: &mut CallsApi, ms| walk(api, ms, CallStatus::InProgress).0.len();
    assert_eq!(api.ask(1499, &single("CA1")), Ok(Answer::NotFound));
    assert!(matches!(api.ask(1500, &single("CA1")), Ok(Answer::Call(_))));
    assert_eq!((listed(&mut api, 4999), listed(&mut api, 5000)), (0, 1));
    let Ok(Answer::Call(call)) = api.ask(9500, &single("CA1")) else { panic!("no call") };
    assert_eq!((call.status, call.duration_s), (Some(CallStatus::Completed), Some(8)));
    assert_eq!((listed(&mut api, 12_999), listed(&mut api, 13_000)), (1, 0), "lists are later");
}

#[test]
fn lags_are_drawn_from_the_range_for_each_change() {
    let mut api = api(Behaviour { list_lag_ms: 0..=5000, ..Behaviour::default() });
    for i in 0..1000 {
        api.note(0, &facts(&format!("CA{i}"), CallStatus::InProgress));
    }
    let listed = [0, 2500, 5000].map(|ms| walk(&mut api, ms, CallStatus::InProgress).0.len());
    assert!(listed[0] < 20 && (400..600).contains(&listed[1]) && listed[2] == 1000, "{listed:?}");
}

#[test]
fn pages_are_followed_to_the_last_one_without_gap_or_repeat() {
    let mut api = api(Behaviour { page_size_max: 3, ..Behaviour::without_lag() });
    for i in 0..7 {
        api.note(i, &facts(&format!("CA{i}"), CallStatus::InProgress));
        api.note(i, &facts(&format!("CB{i}"), CallStatus::Ringing));
    }
    let (calls, n_pages) = walk(&mut api, 10, CallStatus::InProgress);
    let sids: Vec<_> = calls.iter().map(|call| call.sid.as_str()).collect();
    assert_eq!(sids, ["CA6", "CA5", "CA4", "CA3", "CA2", "CA1", "CA0"], "newest first");
    assert_eq!(n_pages, 3);
    assert_eq!(walk(&mut api, 10, CallStatus::Queued), (Vec::new(), 1));
}

#[test]
fn a_full_last_page_has_no_next_one() {
    let mut api = api(Behaviour { page_size_max: 3, ..Behaviour::without_lag() });
    for i in 0..6 {
        api.note(i, &facts(&format!("CA{i}"), CallStatus::InProgress));
    }
    assert_eq!(walk(&mut api, 10, CallStatus::InProgress).1, 2);
}

#[test]
fn calls_that_come_and_go_between_two_pages_move_no_others() {
    let mut api = api(Behaviour { page_size_max: 2, ..Behaviour::without_lag() });
    for i in 0..4 {
        api.note(i, &facts(&format!("CA{i}"), CallStatus::InProgress));
    }
    let Ok(Answer::Page(first)) = api.ask(5, &first_page(CallStatus::InProgress)) else {
        panic!("no page")
    };
    api.note(6, &facts("CA9", CallStatus::InProgress));
    api.note(6, &facts("CA2", CallStatus::Completed));
    let next = Request::List {
        status: CallStatus::InProgress,
        next_page_uri: first.next_page_uri.clone(),
    };
    let Ok(Answer::Page(second)) = api.ask(7, &next) else { panic!("no page") };
    let sids: Vec<_> = first.calls.iter().chain(&second.calls).map(|c| c.sid.as_str()).collect();
    assert_eq!(sids, ["CA3", "CA2", "CA1", "CA0"]);
    assert!(first.next_page_uri.is_some() && second.next_page_uri.is_none());
}

#[test]
fn a_page_that_nobody_gave_the_address_of_is_refused() {
    let mut api = api(Behaviour::without_lag());
    for uri in ["/", "/?Status=live", "/?Status=queued&PageSize=0", "/?Status=queued&PageToken=PAx"]
    {
        let next_page_uri = Some(uri.to_owned());
        let request = Request::List { status: CallStatus::Queued, next_page_uri };
        assert!(matches!(api.ask(0, &request), Err(Failure::Odd(_))), "{uri}");
    }
}

#[test]
fn initiated_shows_as_ringing() {
    let mut api = api(Behaviour::without_lag());
    api.note(0, &facts("CA1", CallStatus::Initiated));
    assert_eq!(walk(&mut api, 0, CallStatus::Ringing).0.len(), 1);
    assert_eq!(walk(&mut api, 0, CallStatus::Initiated).0.len(), 0);
}

#[test]
fn troubles_begin_and_end_and_are_counted() {
    let mut api = api(Behaviour::without_lag());
    let silent = Outage { window_ms: 100..200, silence: Silence::NoAnswer };
    let broken = Outage { window_ms: 200..300, silence: Silence::Status(503) };
    api.behaviour.outages = vec![silent, broken];
    let list = first_page(CallStatus::Queued);
    assert!(api.ask(99, &list).is_ok());
    assert_eq!(api.ask(100, &list), Err(Failure::Timeout));
    assert_eq!(api.ask(299, &single("CA1")), Err(Failure::Server(503)));
    assert_eq!(api.ask(300, &single("CA1")), Ok(Answer::NotFound));
    api.behaviour.refuses_credentials = true;
    assert_eq!(api.ask(301, &list), Err(Failure::Refused(401)));
    api.behaviour.refuses_credentials = false;
    api.behaviour.too_many_per_mille = 1000;
    assert_eq!(api.ask(302, &list), Err(Failure::TooMany));
    api.behaviour.too_many_per_mille = 0;
    assert!(api.ask(303, &list).is_ok());
    let asked = Asked { lists: 5, calls: 2, too_many: 1, refused: 1, in_outage: 2 };
    assert_eq!((api.asked(), asked.total()), (asked, 7));
}

#[test]
fn the_share_of_refused_requests_is_as_set() {
    let mut api = api(Behaviour { too_many_per_mille: 250, ..Behaviour::default() });
    for ms in 0..4000 {
        let _ = api.ask(ms, &single("CA1"));
    }
    assert!((850..1150).contains(&api.asked().too_many), "{:?}", api.asked());
}

#[test]
fn a_seed_gives_the_same_answers_however_often_somebody_asks() {
    let lags_of = |n_asked: u64| {
        let mut api = api(Behaviour { too_many_per_mille: 500, ..Behaviour::default() });
        for i in 0..100 {
            api.note(0, &facts(&format!("CA{i}"), CallStatus::InProgress));
            (0..n_asked).for_each(|_| drop(api.ask(0, &single("CA1"))));
        }
        api.behaviour.too_many_per_mille = 0;
        walk(&mut api, 2500, CallStatus::InProgress).0
    };
    assert_eq!(lags_of(0), lags_of(3));
}

#[test]
fn a_world_with_many_calls_stays_small() {
    let mut api = api(Behaviour::default());
    for i in 0..100_000u64 {
        let sid = format!("CA{i}");
        api.note(i * 10, &facts(&sid, CallStatus::InProgress));
        api.note(i * 10 + 5000, &facts(&sid, CallStatus::Completed));
        api.forget((i * 10).saturating_sub(10_000));
        if i % 1000 == 0 {
            let _ = api.ask(i * 10, &first_page(CallStatus::InProgress));
        }
        assert!(api.n_calls() < 2000);
    }
}

#[test]
fn no_secret_is_in_the_debug_output() {
    let mut api = CallsApi::new(ACCOUNT, "topsecrettoken", 1);
    api.accept_key("SK1", "topsecretkey");
    assert!(!format!("{api:?}").contains("topsecret"));
}
