//! Tests of the client against the stand-in for Twilio, and against worse servers.

use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

use live_users_http_kit::{Env, SettingsReader};
use live_users_simulator::rest::{Behaviour, CallFacts, CallsApi, Outage, Silence, StandIn};
use live_users_twilio::{CallStatus, Direction};

use super::*;
use crate::parts::exchange::BODY_BYTES_MAX;

const ACCOUNT: &str = "AC00000000000000000000000000000001";

/// Far longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// For requests that are never answered.
const IMPATIENCE: Duration = Duration::from_millis(50);

fn client(base_url: &str, token: &str, timeout: Duration) -> TwilioApi {
    let env = Env::of([
        ("TWILIO_ACCOUNT_SID", ACCOUNT),
        ("TWILIO_API_URL", base_url),
        ("TWILIO_AUTH_TOKEN", token),
    ]);
    let mut reader = SettingsReader::new(&env);
    let settings = TwilioApiSettings::read(&mut reader);
    TwilioApi::new(reader.finish(settings).unwrap().unwrap(), timeout).unwrap()
}

fn stand_in(behaviour: Behaviour, n_calls: u64) -> StandIn {
    let mut api = CallsApi::new(ACCOUNT, "token", 1).with_behaviour(behaviour);
    for i in 0..n_calls {
        let facts = CallFacts {
            sid: &format!("CA{i}"),
            parent: None,
            status: CallStatus::InProgress,
            direction: Direction::Inbound,
            from: "+14155550100",
            to: "+15005550006",
        };
        api.note(i, &facts);
    }
    StandIn::start_with_clock(api, || 1_000_000).unwrap()
}

fn first_page() -> Request {
    Request::List { status: CallStatus::InProgress, next_page_uri: None }
}

fn single(sid: &str) -> Request {
    Request::Call { sid: sid.to_owned() }
}

/// Answers one request with these bytes while the client reads, and returns the request.
fn answers_once(answer: Vec<u8>) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = Vec::new();
        let mut byte = [0];
        while !asked.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
            asked.push(byte[0]);
        }
        let _until_the_client_goes = stream.write_all(&answer);
        String::from_utf8(asked).unwrap()
    });
    (address, thread)
}

#[tokio::test]
async fn all_pages_of_a_list_are_got_one_after_the_other() {
    let behaviour = Behaviour { page_size_max: 4, ..Behaviour::without_lag() };
    let stand_in = stand_in(behaviour, 10);
    let client = client(&stand_in.url(), "token", PATIENCE);
    let (mut sids, mut request) = (Vec::new(), first_page());
    loop {
        let Answer::Page(page) = client.ask(&request).await.unwrap() else { panic!("no page") };
        sids.extend(page.calls.into_iter().map(|call| call.sid));
        let Some(next) = page.next_page_uri else { break };
        request = Request::List { status: CallStatus::InProgress, next_page_uri: Some(next) };
    }
    let all: Vec<_> = (0..10).rev().map(|i| format!("CA{i}")).collect();
    assert_eq!(sids, all);
    assert_eq!(stand_in.api().asked().lists, 3);
}

#[tokio::test]
async fn a_call_is_found_or_is_not_there() {
    let stand_in = stand_in(Behaviour::without_lag(), 1);
    let client = client(&stand_in.url(), "token", PATIENCE);
    let Ok(Answer::Call(call)) = client.ask(&single("CA0")).await else { panic!("no call") };
    assert_eq!((call.status, call.duration_s), (Some(CallStatus::InProgress), None));
    for sid in ["CA1", "../Calls", "a?b#c", "v3:9X2/y"] {
        assert_eq!(client.ask(&single(sid)).await, Ok(Answer::NotFound), "{sid}");
    }
}

#[tokio::test]
async fn refusals_and_outages_are_told_apart() {
    let stand_in = stand_in(Behaviour::without_lag(), 1);
    let stranger = client(&stand_in.url(), "wrong", PATIENCE);
    assert_eq!(stranger.ask(&first_page()).await, Err(Failure::Refused(401)));
    let client = client(&stand_in.url(), "token", PATIENCE);
    stand_in.api().behaviour.too_many_per_mille = 1000;
    assert_eq!(client.ask(&first_page()).await, Err(Failure::TooMany));
    let outage = Outage { window_ms: 0..u64::MAX, silence: Silence::Status(503) };
    stand_in.api().behaviour.outages.push(outage);
    assert_eq!(client.ask(&single("CA0")).await, Err(Failure::Server(503)));
    stand_in.api().behaviour = Behaviour::without_lag();
    assert!(client.ask(&single("CA0")).await.is_ok());
}

#[tokio::test]
async fn who_does_not_answer_is_not_waited_for_for_ever() {
    let outage = Outage { window_ms: 0..u64::MAX, silence: Silence::NoAnswer };
    let behaviour = Behaviour { outages: vec![outage], ..Behaviour::without_lag() };
    let stand_in = stand_in(behaviour, 1);
    let client = client(&stand_in.url(), "token", IMPATIENCE);
    assert_eq!(client.ask(&first_page()).await, Err(Failure::Timeout));
}

#[tokio::test]
async fn nobody_there_and_a_broken_connection_are_no_connection() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client_of = |address| client(&format!("http://{address}"), "token", PATIENCE);
    assert_eq!(client_of(address).ask(&first_page()).await, Err(Failure::Unreachable));
    for broken in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"calls\":["] {
        let (address, _thread) = answers_once(broken.as_bytes().to_vec());
        let got = client_of(address).ask(&first_page()).await;
        assert_eq!(got, Err(Failure::Unreachable), "{broken:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_an_endless_body_not_read() {
    let redirect =
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let mut endless = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    endless.resize(BODY_BYTES_MAX + 1_000_000, b' ');
    for answer in [redirect.as_bytes().to_vec(), endless] {
        let (address, thread) = answers_once(answer);
        let client = client(&format!("http://{address}"), "token", PATIENCE);
        let got = client.ask(&first_page()).await;
        assert!(matches!(got, Err(Failure::Odd(_))), "{got:?}");
        thread.join().unwrap();
    }
}

#[tokio::test]
async fn what_is_sent_is_what_twilio_asks_for() {
    let (address, thread) = answers_once(b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n".to_vec());
    let client = client(&format!("http://{address}/api/laml/"), "token", PATIENCE);
    assert_eq!(client.ask(&first_page()).await, Err(Failure::Server(500)));
    let asked = thread.join().unwrap();
    let line = format!(
        "GET /api/laml/2010-04-01/Accounts/{ACCOUNT}/Calls.json?Status=in-progress&PageSize=1000 "
    );
    assert!(asked.starts_with(&line), "{asked}");
    // The account and the token with a colon between, in Base64.
    let basic = "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTp0b2tlbg==";
    assert!(asked.contains(&format!("authorization: {basic}\r\n")), "{asked}");
    assert!(asked.contains("user-agent: live-users-backend/"), "{asked}");
}

#[test]
fn a_next_page_counts_from_the_root_and_never_leaves_the_host() {
    let client = client("http://127.0.0.1:8091/api/laml", "token", PATIENCE);
    let url_of = |uri: &str| {
        let next_page_uri = Some(uri.to_owned());
        client.url_of(&Request::List { status: CallStatus::Queued, next_page_uri })
    };
    let url = url_of("/api/laml/next?PageToken=x").unwrap();
    assert_eq!(url.as_str(), "http://127.0.0.1:8091/api/laml/next?PageToken=x");
    for foreign in ["@evil.example.com/", ".evil.example.com/", "0/", "https://evil.example.com/"] {
        assert!(matches!(url_of(foreign), Err(Failure::Odd(_))), "{foreign}");
    }
    assert!(url_of("//evil.example.com/").unwrap().host_str() == Some("127.0.0.1"));
}
