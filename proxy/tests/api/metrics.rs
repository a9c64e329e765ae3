//! What is told to Prometheus, and that it moves as it should.

use std::time::{Duration, Instant};

use live_users_testkit::{Events, Metrics, Server, Socket};
use reqwest::Method;

use crate::admin::{RIGHT, TOKENS};
use crate::backend::{Backend, ok};
use crate::proxy::{ask, count_when, get, header, seen, start, start_with};
use crate::sign_in::cookie;

/// A bound for a machine that is stuck, in seconds.
const PATIENCE_S: u64 = 60;

const FRAME: &str = r#"{"liveUsers":3,"epoch":"e","seq":1,"asOf":"2026-11-23T09:30:00.000Z"}"#;

async fn scrape(proxy: &Server) -> Metrics {
    let answer = get(proxy, "/metrics", &[RIGHT]).await;
    let kind = header(&answer, "content-type").map(str::to_owned);
    assert_eq!(kind.as_deref(), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(header(&answer, "cache-control"), Some("no-store"));
    let (status, text) = seen(answer).await;
    assert_eq!(status, 200, "{text}");
    Metrics::parse(&text)
}

async fn await_scrape(proxy: &Server, what: &str, is_so: impl Fn(&Metrics) -> bool) -> Metrics {
    let deadline = Instant::now() + Duration::from_secs(PATIENCE_S);
    loop {
        let metrics = scrape(proxy).await;
        if is_so(&metrics) {
            return metrics;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE_S} s: {metrics:?}");
        // not a wait for time: between two looks at another process
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn requests(metrics: &Metrics, route: &str, class: &str) -> Option<f64> {
    let series = format!("live_users_proxy_requests_total{{route=\"{route}\",status=\"{class}\"}}");
    metrics.get(&series)
}

#[tokio::test]
async fn metrics_are_for_programs_that_show_the_token_and_not_for_browsers() {
    let backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let session = cookie(&proxy).await;
    let own = [("Cookie", session.as_str()), ("Sec-Fetch-Site", "same-origin")];
    for headers in [&[][..], &own] {
        let refused = get(&proxy, "/metrics", headers).await;
        assert_eq!(header(&refused, "www-authenticate"), Some(r#"Bearer realm="live-users""#));
        assert_eq!(refused.status(), 401);
    }
    let wrong = [("Authorization", "Bearer of-somebody-else-entirely")];
    assert_eq!(get(&proxy, "/metrics", &wrong).await.status(), 403);
    let posted = ask(&proxy, Method::POST, "/metrics", &[RIGHT]).await;
    assert_eq!((posted.status().as_u16(), header(&posted, "allow")), (405, Some("GET, HEAD")));
    let open = start(&backend.url);
    let (status, body) = seen(get(&open, "/metrics", &[RIGHT]).await).await;
    assert!(status == 403 && body.contains("ADMIN_TOKEN is not set"), "{body}");
    assert!(backend.is_idle(), "the backend was asked");
}

#[tokio::test]
async fn requests_are_counted_by_route_and_class_and_never_by_path() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    count_when(&proxy, &mut backend, &ok(r#"{"liveUsers":3}"#)).await;
    count_when(&proxy, &mut backend, &ok("nonsense")).await;
    for path in ["/4155550123", "/api/none", "/live-users.js", "/api/live-users/calls/CA4155550123"]
    {
        get(&proxy, path, &[]).await;
    }
    let wrong = [("Authorization", "Bearer of-somebody-else-entirely")];
    get(&proxy, "/api/live-users/summary", &wrong).await;
    scrape(&proxy).await;
    let metrics = scrape(&proxy).await;
    assert_eq!(requests(&metrics, "/api/live-users", "2xx"), Some(1.0));
    assert_eq!(requests(&metrics, "/api/live-users", "5xx"), Some(1.0));
    assert_eq!(requests(&metrics, "none", "4xx"), Some(2.0));
    assert_eq!(requests(&metrics, "/live-users.js", "2xx"), Some(1.0));
    assert_eq!(requests(&metrics, "/api/live-users/calls/{CallSid}", "4xx"), Some(1.0));
    assert_eq!(requests(&metrics, "/metrics", "2xx"), Some(1.0));
    let refused =
        |why| metrics.get(&format!("live_users_proxy_refused_tokens_total{{reason=\"{why}\"}}"));
    assert_eq!((refused("wrong"), refused("too_many")), (Some(1.0), Some(0.0)));
    assert!(metrics.names("").all(|name| !name.contains("555")), "{metrics:?}");
    let build = format!("live_users_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    assert_eq!(metrics.get(&build), Some(1.0));
}

#[tokio::test]
async fn the_stream_of_the_backend_is_up_or_lost_or_nobody_knows() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let idle = scrape(&proxy).await;
    assert_eq!(idle.names("live_users_proxy_upstream_").count(), 1, "nobody listens: {idle:?}");
    assert_eq!(idle.get("live_users_proxy_upstream_losses_total"), Some(0.0));
    let url = format!("{}/api/live-users", proxy.url);
    let mut events = Events::open(&format!("{url}/stream"), &[]).await.unwrap();
    let mut socket = Socket::open(&format!("{url}/summary/ws"), &[RIGHT]).await.unwrap();
    let mut upstream = backend.next().await;
    upstream.open_stream().await;
    upstream.tell(FRAME).await;
    events.next_event().await.unwrap();
    socket.text().await;
    let metrics = scrape(&proxy).await;
    assert_eq!(metrics.get("live_users_proxy_upstream_up"), Some(1.0));
    assert!(metrics.get("live_users_proxy_upstream_frame_age_seconds").is_some());
    assert!(metrics.get("live_users_proxy_upstream_heard_age_seconds").is_some());
    for by in ["sse", "websocket"] {
        let figure = |name| metrics.get(&format!("live_users_proxy_{name}{{transport=\"{by}\"}}"));
        assert_eq!((figure("open_streams"), figure("frames_total")), (Some(1.0), Some(1.0)));
    }
    drop(upstream);
    let lost = await_scrape(&proxy, "it is lost", |metrics| {
        metrics.get("live_users_proxy_upstream_up") == Some(0.0)
    })
    .await;
    assert_eq!(lost.get("live_users_proxy_upstream_losses_total"), Some(1.0));
    let mut upstream = backend.next().await;
    upstream.open_stream().await;
    upstream.tell(FRAME).await;
    await_scrape(&proxy, "it is open again", |metrics| {
        metrics.get("live_users_proxy_upstream_up") == Some(1.0)
    })
    .await;
}
