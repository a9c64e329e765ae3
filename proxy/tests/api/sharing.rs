//! Many browsers, one request to the backend.

use live_users_testkit::Server;

use crate::backend::Backend;
use crate::proxy::{count, start_with};

const BROWSERS: usize = 50;

/// Logged for each request that finds one under way.
const JOINS: &str = "joins the request under way";

fn start_talkative(backend: &Backend) -> Server {
    start_with(&backend.url, &[("RUST_LOG", "info,live_users_proxy=debug")])
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_at_the_same_time_share_one_and_a_later_one_starts_afresh() {
    let mut backend = Backend::start();
    let mut proxy = start_talkative(&backend);
    let browsers: Vec<_> = (0..BROWSERS).map(|_| tokio::spawn(ask(proxy.url.clone()))).collect();
    let held = backend.next().await;
    for _ in 1..BROWSERS {
        proxy.await_log(JOINS);
    }
    held.count(4).await;
    for browser in browsers {
        assert_eq!(browser.await.unwrap(), r#"{"success":true,"liveUsers":4}"#);
    }
    assert!(backend.is_idle(), "more than one request for {BROWSERS} browsers");

    let (later, ()) = tokio::join!(count(&proxy), async { backend.next().await.count(5).await });
    assert_eq!(later, (200, r#"{"success":true,"liveUsers":5}"#.to_owned()));
    assert!(backend.is_idle());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_goes_away_takes_the_answer_from_nobody() {
    let mut backend = Backend::start();
    let mut proxy = start_talkative(&backend);
    let first = tokio::spawn(ask(proxy.url.clone()));
    let held = backend.next().await;
    let second = tokio::spawn(ask(proxy.url.clone()));
    proxy.await_log(JOINS);
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    held.count(2).await;
    assert_eq!(second.await.unwrap(), r#"{"success":true,"liveUsers":2}"#);
    assert!(backend.is_idle());
}

async fn ask(url: String) -> String {
    let answer = crate::proxy::client().get(format!("{url}/api/live-users")).send().await;
    answer.expect("the proxy answers").text().await.expect("a whole body")
}
