//! Calls that other sources than Twilio tell of, on the page in a real Chromium.

use live_users_testkit::{Browser, Server, Twilio, send};
use serde_json::{Value, json};

use crate::page::open;
use crate::{TOKEN, backend_with, proxy_of, write_agents};

const APP_TOKEN: &str = "a-token-of-an-application";

const ACME: &str = "4cm3t0k3n4cm3t0k3n4cm3";

const FILE: &str = r#"
    [[agent]]
    id = "booking"
    name = "Table bookings"
    numbers = ["+15005550006"]

    [[source]]
    id = "app"
    kind = "events"
    secret_env = "APP_TOKEN"
    account = "acme"
    heartbeat_seconds = 60

    [[source]]
    id = "openai"
    kind = "openai"
    secret_env = "OPENAI_SECRET"

    [[source]]
    id = "elevenlabs"
    kind = "elevenlabs"
    secret_env = "ELEVENLABS_SECRET"
    api_key_env = "ELEVENLABS_KEY"
    # Nobody answers there.
    api_url = "http://127.0.0.1:9"

    [[token]]
    id = "acme-wall"
    secret_env = "ACME_TOKEN"
    accounts = ["acme"]
"#;

fn post(backend: &Server, body: &Value) {
    let authorization = format!("Bearer {APP_TOKEN}");
    let headers = [("Authorization", authorization.as_str())];
    let url = format!("{}/api/events", backend.url);
    let answer = send("POST", &url, &headers, body.to_string().as_bytes());
    assert_eq!(answer.status, 204, "{}", answer.body);
}

/// A call that `app` tells of, for acme.
fn started() -> Value {
    json!({ "id": "1", "call": "call-1", "event": "started", "agent": "booking",
        "caller": "user-7" })
}

/// A backend and a proxy with these sources.
fn start() -> (Server, Server) {
    let (_folder, agents) = write_agents(FILE);
    let env = [
        ("APP_TOKEN", APP_TOKEN),
        ("OPENAI_SECRET", "whsec_b2YtdGhpcy10ZXN0LWFsb25l"),
        ("ELEVENLABS_SECRET", "wsec_of-this-test-alone"),
        ("ELEVENLABS_KEY", "a-key-of-this-test"),
        ("ACME_TOKEN", ACME),
    ];
    let backend = backend_with(&agents, &env);
    let proxy = proxy_of(&backend);
    (backend, proxy)
}

/// What ends the calls of `app`, in another language: of what the proxy passes on.
async fn says_in_german(browser: &Browser, proxy: &Server) {
    browser.goto(&format!("{}/admin/existing-agents?lang=de", proxy.url)).await;
    let how = "ein Anruf endet durch seine eigene Meldung oder nach 180\u{a0}s ohne Lebenszeichen";
    let says = format!("document.querySelector('#sources').innerText.includes('{how}')");
    browser.wait_for("it in German", &says).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_who_tells_of_calls_and_what_ends_them() {
    let (backend, proxy) = start();
    let twilio = Twilio::new(&backend.url, TOKEN);
    let browser = open(&proxy).await;
    twilio.start(1);
    browser.wait_for_live_users("1 user live").await;
    post(&backend, &started());
    browser.wait_for_live_users("2 users live").await;
    let text = |selector: &str| {
        format!("document.querySelector('{selector}').innerText.replace(/\\s+/g, ' ')")
    };
    // The number comes by a stream of its own, before the summary.
    let is_told = format!("{}.includes('(acme) 1 user')", text("#sources"));
    browser.wait_for("the call in the summary", &is_told).await;
    let shown = browser.evaluate(&text("#sources")).await.to_string();
    for told in [
        "Who tells of calls 4",
        "Twilio 1 user",
        "a call ends by its own word, or by its list of calls",
        "Events · app (acme) 1 user",
        "a call ends by its own word, or after 180 s without a heartbeat",
        "OpenAI 0 users",
        "Not heard since the start",
        "a call ends after 120 min",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    let is_asked = format!("{}.includes('does not answer: no connection')", text("#sources"));
    browser.wait_for("the provider that does not answer", &is_asked).await;
    let has_both = "document.querySelectorAll('tr.call').length === 2";
    browser.wait_for("both calls", has_both).await;
    let toggles = "[...document.querySelectorAll('tr.call .toggle')].forEach(it => it.click())";
    browser.evaluate(toggles).await;
    let details = "[...document.querySelectorAll('.details')].map(it => it.innerText).join(' ')";
    let is_told = format!("{details}.includes('app: ') && {details}.includes('acme')");
    browser.wait_for("the details of the call", &is_told).await;
    let of_versions = "(async () => {
        const { Sources } = await import('/admin/sources.js');
        const of = (source, more) => ({ source, kind: 'events', title: 'Events', liveUsers: 0, liveCalls: 0,
            heardAt: null, refusedAt: null, endsBy: 'in its own words', ...more });
        const sources = [{}, { ends: { byWord: true, byList: false, byRumour: true } },
            { ends: { byWord: true, byList: true, quietSeconds: 180, longestSeconds: 61 } },
            { ends: { byWord: true, byList: false, byClock: true } }];
        const summary = { sources: sources.map((it, n) => of(`s${n}`, it)), asOf: new Date().toISOString() };
        document.querySelector('#sources-list').replaceChildren();
        new Sources({ seesAll: true, isOfSomeAccounts: false, summary }).draw();
        return [...document.querySelectorAll('#sources-list .place-note:nth-of-type(2)')]
            .map((it) => it.innerText.replace(/.* · /, '').replace(/\\s+/g, ' '));
    })()";
    let expected = json!([
        "a call ends in its own words",
        "a call ends in its own words",
        "a call ends by its own word, or by its list of calls, or after 180 s without a heartbeat, or after 2 min",
        "a call ends by its own word, or by the clock",
    ]);
    // A backend of another version says nothing of it, or something that is not known here.
    assert_eq!(browser.evaluate(of_versions).await, expected);
    let unsigned = send("POST", &format!("{}/sources/openai", backend.url), &[], b"{}");
    assert_eq!(unsigned.status, 401);
    let is_refused = format!("{}.includes('without its signature was refused')", text("#sources"));
    browser.wait_for("the refused webhook", &is_refused).await;
    says_in_german(&browser, &proxy).await;
    assert_eq!(browser.axe_violations().await, [""; 0]);
    assert_eq!(browser.console_errors().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_an_account_is_told_of_its_own_sources_alone_and_what_it_can_do() {
    let (backend, proxy) = start();
    let twilio = Twilio::new(&backend.url, TOKEN);
    twilio.start(1);
    post(&backend, &started());
    let browser = Browser::start().await;
    browser.sign_in(&format!("{}/admin/existing-agents", proxy.url), ACME).await;
    browser.wait_for_live_users("1 user live").await;
    let text = "document.querySelector('#sources').innerText.replace(/\\s+/g, ' ').trim()";
    browser.wait_for("its source", &format!("{text}.includes('1 user')")).await;
    let shown = browser.evaluate(text).await.to_string();
    let begins = "\"Who tells of calls 1 Events · app (acme) 1 user Heard ";
    assert!(shown.starts_with(begins), "{shown}");
    let refuse = || send("POST", &format!("{}/sources/app", backend.url), &[], b"{}");
    assert_eq!(refuse().status, 401);
    // Anybody can send such a request: it is no alarm for a customer. What comes later is there.
    let more = json!({ "id": "2", "call": "call-2", "event": "started", "agent": "booking", "caller": "user-8" });
    post(&backend, &more);
    browser.wait_for("the next call", &format!("{text}.includes('2 users')")).await;
    let page = "document.body.innerText.replace(/\\s+/g, ' ')";
    let shown = browser.evaluate(page).await.to_string();
    for others in [
        "Twilio",
        "OpenAI",
        "ElevenLabs",
        "refused",
        "corrected",
        "agents.toml",
        " log ",
        "replica",
    ] {
        assert!(!shown.contains(others), "{others}: {shown}");
    }
    says_in_german(&browser, &proxy).await;
    assert_eq!(browser.axe_violations().await, [""; 0]);
    assert_eq!(browser.console_errors().await, [""; 0]);
}
