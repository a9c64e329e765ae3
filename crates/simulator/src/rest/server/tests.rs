//! Tests of the stand-in over HTTP.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use live_users_twilio::rest::{self, Answer, Request};
use live_users_twilio::{CallStatus, Direction};
use reqwest::Client;

use super::*;
use crate::rest::{Behaviour, CallFacts, Outage, Silence};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const EXAMPLE: &str = include_str!("../../../../twilio/tests/fixtures/calls-list-example.json");

fn client() -> Client {
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().tls_certs_only([]).build().unwrap()
}

fn account(behaviour: Behaviour) -> CallsApi {
    let mut api = CallsApi::new(ACCOUNT, "token", 7).with_behaviour(behaviour);
    for (i, status) in (0..).zip([CallStatus::InProgress, CallStatus::Ringing].repeat(4)) {
        let facts = CallFacts {
            sid: &format!("CA{i}"),
            parent: (i == 4).then_some("CA0"),
            status,
            direction: Direction::Inbound,
            from: "+14155550100",
            to: "+15005550006",
        };
        api.note(1_793_785_498_000 + i * 1000, &facts);
    }
    api
}

/// One answer over HTTP, as a client understands it.
async fn asked(stand_in: &StandIn, request: &Request) -> Result<Answer, Failure> {
    let url = stand_in.url() + &request.path_and_query(ACCOUNT);
    let response = client().get(url).basic_auth(ACCOUNT, Some("token")).send().await.unwrap();
    let status = response.status().as_u16();
    rest::answer(request, status, &response.bytes().await.unwrap())
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn over_http_the_answers_are_those_of_the_model() {
    let behaviour = || Behaviour { page_size_max: 3, ..Behaviour::default() };
    let mut model = account(behaviour());
    let clock = Arc::new(AtomicU64::new(0));
    let read = Arc::clone(&clock);
    let now = move || read.load(Ordering::Relaxed);
    let stand_in = StandIn::start_with_clock(account(behaviour()), now).unwrap();
    let mut n_pages = 0;
    for now_ms in (1_793_785_498_000..1_793_785_512_000).step_by(1000) {
        clock.store(now_ms, Ordering::Relaxed);
        let mut requests = vec![
            Request::Call { sid: "CA4".to_owned() },
            Request::Call { sid: "no such call".to_owned() },
            Request::List { status: CallStatus::InProgress, next_page_uri: None },
        ];
        while let Some(request) = requests.pop() {
            let answer = asked(&stand_in, &request).await;
            assert_eq!(answer, model.ask(now_ms, &request), "{request:?} at {now_ms}");
            if let Ok(Answer::Page(page)) = answer {
                n_pages += 1;
                requests.extend(page.next_page_uri.map(|next| Request::List {
                    status: CallStatus::InProgress,
                    next_page_uri: Some(next),
                }));
            }
        }
    }
    assert!(n_pages > 14, "the last lists have two pages");
    assert_eq!(stand_in.api().asked(), model.asked());
}

#[tokio::test]
async fn the_bodies_have_the_fields_of_the_example() {
    let stand_in = StandIn::start(account(Behaviour::without_lag())).unwrap();
    let url = stand_in.url() + "/2010-04-01/Accounts/" + ACCOUNT;
    let got = async |url: String| -> Value {
        let response = client().get(url).basic_auth(ACCOUNT, Some("token")).send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/json");
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
    };
    let example: Value = serde_json::from_str(EXAMPLE).unwrap();
    let page = got(format!("{url}/Calls.json?Status=in-progress&PageSize=3")).await;
    assert_eq!(keys(&page), keys(&example));
    for name in ["page", "page_size", "start", "end", "previous_page_uri", "first_page_uri"] {
        let expected = &example[name];
        assert_eq!(&page[name], expected, "{name}");
    }
    let call = &page["calls"][0];
    assert_eq!(keys(call), keys(&example["calls"][0]));
    assert_eq!(keys(&call["subresource_uris"]), keys(&example["calls"][0]["subresource_uris"]));
    let single = got(format!("{url}/Calls/{}.json", call["sid"].as_str().unwrap())).await;
    assert_eq!(&single, call);
    assert_eq!(single["date_created"], "Wed, 04 Nov 2026 09:45:04 +0000");
}

#[tokio::test]
async fn who_has_no_right_credentials_gets_twilios_401() {
    let mut api = account(Behaviour::without_lag());
    api.accept_key("SK1", "secret");
    let stand_in = StandIn::start(api).unwrap();
    let path = |account: &str| format!("/2010-04-01/Accounts/{account}/Calls/CA1.json");
    let ask = async |path: String, user: &str, password: &str| {
        let request = client().get(stand_in.url() + &path).basic_auth(user, Some(password));
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        (status, body["code"].as_u64())
    };
    assert_eq!(ask(path(ACCOUNT), ACCOUNT, "token").await.0, 200);
    assert_eq!(ask(path(ACCOUNT), "SK1", "secret").await.0, 200);
    let refused = (401, Some(20003));
    assert_eq!(ask(path(ACCOUNT), ACCOUNT, "secret").await, refused);
    assert_eq!(ask(path(ACCOUNT), "SK1", "token").await, refused);
    assert_eq!(ask(path("AC2"), ACCOUNT, "token").await, refused);
    let bare = client().get(stand_in.url() + &path(ACCOUNT)).send().await.unwrap();
    assert_eq!(bare.status().as_u16(), 401);
    assert_eq!(stand_in.api().asked().refused, 4);
}

#[tokio::test]
async fn troubles_are_switched_while_it_runs() {
    let stand_in = StandIn::start_with_clock(account(Behaviour::without_lag()), || 500).unwrap();
    let request = Request::List { status: CallStatus::InProgress, next_page_uri: None };
    stand_in.api().behaviour.too_many_per_mille = 1000;
    assert_eq!(asked(&stand_in, &request).await, Err(Failure::TooMany));
    let outage = Outage { window_ms: 0..501, silence: Silence::Status(502) };
    stand_in.api().behaviour.outages.push(outage);
    assert_eq!(asked(&stand_in, &request).await, Err(Failure::Server(502)));
    stand_in.api().behaviour = Behaviour::without_lag();
    assert!(asked(&stand_in, &request).await.is_ok());
    let odd = Request::List {
        status: CallStatus::InProgress,
        next_page_uri: Some(format!("/2010-04-01/Accounts/{ACCOUNT}/Calls.json?PageSize=0")),
    };
    let told = "status 400, error code 20001".to_owned();
    assert_eq!(asked(&stand_in, &odd).await, Err(Failure::Odd(told)));
}
