//! A failure of the backend leaves the caller with TwiML, and asks for a status callback again.

use std::sync::Arc;
use std::time::Duration;

use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, http::StatusCode};
use live_users_core::{Millis, Numbers};
use live_users_http_kit::{AllowedOrigins, Env, ReadLimit, SettingsReader, TrustedProxies};
use live_users_intake::shards::Layout;
use live_users_intake::{CallerKey, Farewell};
use live_users_replica::Publication;
use tokio::sync::watch;

use super::*;
use crate::config::Verification;
use crate::http::auth::BearerAuth;
use crate::http::routes;
use crate::http::signature::SignatureVerifier;
use crate::http::total_reader::TotalRules;
use crate::parts::agents::AgentRegistry;
use crate::parts::arrivals::Arrivals;
use crate::parts::chat::Chat;
use crate::parts::conversation::Conversation;
use crate::parts::counters::Counters;
use crate::parts::doubt::{Doubt, DoubtRules};
use crate::parts::latest::LatestCount;
use crate::parts::notices::Notices;
use crate::parts::old_callbacks::OldCallbacks;
use crate::parts::public_url::UrlRule;
use crate::parts::queue::Queue;
use crate::parts::shards::Shards;
use crate::parts::shared_links::LinkReader;
use crate::parts::signer::Signer;
use crate::parts::tokens::TokenRegistry;

const BODY: &str = "CallSid=CA1&CallStatus=in-progress&Direction=inbound&SpeechResult=goodbye";

fn webhooks(queue: Queue) -> Webhooks {
    let (env, url_rule) = (Env::default(), UrlRule::AsReceived);
    let key = CallerKey::new("0123456789abcdef").unwrap();
    Webhooks {
        agents: Arc::new(AgentRegistry::read(
            &mut SettingsReader::new(&env),
            &url_rule,
            Layout::default(),
        )),
        caller_key: key.clone(),
        conversation: Conversation::new(&url_rule, Farewell::default()),
        signature: SignatureVerifier::new(Verification::Off, url_rule, Arc::default()),
        chat: Arc::new(Chat::new(Duration::from_millis(100)).unwrap()),
        shards: Shards::one(queue),
        counters: Arc::new(Counters::new()),
        arrivals: Arrivals::begin(Instant::now()).unwrap(),
        old_callbacks: OldCallbacks::default(),
        repeats: Repeats::default(),
        passing: Passing::new(Signer::of(&[], &key), Arc::default()).unwrap(),
        accounts: Vec::new(),
        notices: Notices::default(),
    }
}

/// The status and body of the answer to one request, with this queue behind the handlers.
async fn answer(queue: Queue, path: &str) -> (StatusCode, String) {
    let at = live_users_journal::open("memory:").unwrap().position();
    let (numbers, as_of) = (Numbers::default(), Millis(0));
    let publication = Publication { numbers, at, as_of, stale: None };
    let (_publisher, latest) = watch::channel(LatestCount::new(publication));
    let origins = AllowedOrigins::default();
    let no_tokens = Arc::new(TokenRegistry::of_env(&Env::default()));
    let links = LinkReader::new(latest.clone(), queue.clone());
    let webhooks = webhooks(queue.clone());
    let app = App::new()
        .app_data(Data::from(webhooks.agents.clone()))
        .app_data(Data::new(webhooks))
        .app_data(Data::new(queue))
        .app_data(Data::new(latest))
        .app_data(Data::new(BearerAuth::new(no_tokens, links, TrustedProxies::default())))
        .app_data(Data::new(TotalRules {
            is_public: true,
            gives_agents: false,
            suspect: Arc::new(Doubt::new(0, <_>::default())),
            doubt: DoubtRules { share_percent: 10, is_public: false, suspect_after_ms: 120_000 },
            limit: ReadLimit::new(0),
            trusted_proxies: TrustedProxies::default(),
        }))
        .configure(|app| routes::add(app, &origins));
    let app = init_service(app).await;
    let request = match path {
        "/readyz" | "/api/live-users" => TestRequest::get().uri(path),
        _ => TestRequest::post()
            .uri(path)
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .set_payload(BODY),
    };
    let answer = call_service(&app, request.to_request()).await;
    let status = answer.status();
    (status, String::from_utf8(read_body(answer).await.to_vec()).unwrap())
}

async fn assert_the_caller_comes_first(queue: Queue, why: &str) {
    for (path, verb) in [("/voice", "<Gather "), ("/speech-result", "<Hangup/>")] {
        let (status, body) = answer(queue.clone(), path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(body.contains("<Response>") && body.contains(verb), "{path}: {body}");
    }
    let (status, body) = answer(queue, "/call-status").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains(why), "{body}");
}

#[actix_web::test]
async fn when_the_writer_has_stopped() {
    let (queue, stuck) = Queue::broken(1);
    drop(stuck);
    assert_the_caller_comes_first(queue.clone(), "has stopped").await;
    // A number that stands still is not given out as if it lived.
    let (status, body) = answer(queue.clone(), "/api/live-users").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    // Everybody may read it, and why is the operator's.
    assert_eq!(body, r#"{"error":"the number is not known at present"}"#);
    let (status, body) = answer(queue, "/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("unready") && body.contains("has stopped"), "{body}");
}

#[actix_web::test]
async fn when_the_queue_is_full() {
    let (queue, _stuck) = Queue::broken(1);
    queue.catch_up();
    assert_the_caller_comes_first(queue.clone(), "is full").await;
    let (status, body) = answer(queue, "/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("is full"), "{body}");
}

/// Time is paused: it jumps to the next deadline when nothing else is left to do.
#[tokio::test(start_paused = true)]
async fn when_the_writer_is_stuck() {
    let (queue, _stuck) = Queue::broken(8);
    assert_the_caller_comes_first(queue.clone(), "does not acknowledge").await;
    let (status, body) = answer(queue, "/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("does not acknowledge"), "{body}");
}

#[actix_web::test]
async fn when_a_recount_has_found_another_number() {
    let (queue, (_stuck, status)) = Queue::broken(8);
    let (ready, body) = answer(queue.clone(), "/readyz").await;
    assert_eq!((ready, body.as_str()), (StatusCode::OK, r#"{"status":"ready"}"#));
    status.send_modify(|status| status.audit.violated = Some("I1 by agent".to_owned()));
    let (ready, body) = answer(queue, "/readyz").await;
    assert_eq!(ready, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("(I1 by agent); restart this backend"), "{body}");
}

#[actix_web::test]
async fn when_there_is_a_bug_that_panics() {
    let (queue, _stuck) = Queue::broken(1);
    let webhooks = webhooks(queue);
    let answer = spoken(&webhooks, Some("booking"), async { panic!("a bug") }).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let body = actix_web::body::to_bytes(answer.into_body()).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    assert!(body.contains(r#"<Gather input="speech" action="/speech-result?agent=booking""#));
}

/// The server has two copies of what a handler waits for in each request, and they were of 4 kB.
#[test]
fn what_a_voice_webhook_waits_for_is_small() {
    fn size<A, B, C, F: Future>(_: impl Fn(A, B, C) -> F) -> usize {
        size_of::<F>()
    }
    for (name, size) in [("voice", size(voice)), ("speech", size(speech))] {
        assert!(size <= 1_024, "{name}: {size} bytes");
    }
}
