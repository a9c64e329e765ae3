//! The page *Existing Agents* of a customer, in a real Chromium, before a backend that the test plays:
//! whose numbers they are, and what a reader does not see.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use live_users_testkit::{Browser, Server};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::page::all_can_use_it;
use crate::{ADMIN_TOKEN, proxy_with};

const ACME: &str = "4cm3t0k3n4cm3t0k3n4cm3";
const BOTH: &str = "b0tht0k3nb0tht0k3nb0th";

const AS_OF: &str = "2026-11-23T09:30:00.000Z";

/// Accesses that have ended, and what was asked.
#[derive(Default)]
struct Backend {
    ended: Mutex<Vec<String>>,
    asked: Mutex<Vec<String>>,
}

/// The proxy, and the backend behind it.
fn start() -> (Server, Arc<Backend>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let backend = Arc::<Backend>::default();
    let serving = Arc::clone(&backend);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let backend = Arc::clone(&serving);
            std::thread::spawn(move || backend.serve(stream));
        }
    });
    (proxy_with(&url, &[]), backend)
}

impl Backend {
    /// Answers one request, and ends the connection.
    fn serve(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
        let mut head = reader.by_ref().lines().map_while(Result::ok);
        let asked = head.next().unwrap_or_default();
        let headers = head.take_while(|line| !line.is_empty()).map(|line| line.to_lowercase());
        let headers: Vec<_> = headers.collect();
        let header = |name: &str| {
            let found = headers.iter().find_map(|it| it.strip_prefix(&format!("{name}: ")));
            found.map(str::to_owned)
        };
        let length = header("content-length").and_then(|it| it.parse().ok()).unwrap_or_default();
        let mut question = vec![0; length];
        reader.read_exact(&mut question).expect("the whole body");
        let path = asked.split(' ').nth(1).unwrap_or_default().replace("/api/live-users", "");
        let access = header("live-users-access");
        self.asked.lock().push(format!("{path} {}", access.as_deref().unwrap_or("all")));
        if access.as_ref().is_some_and(|it| self.ended.lock().contains(it)) {
            return answer(
                &mut stream,
                "403 No",
                &json!({ "error": "no", "code": "access-ended" }),
            );
        }
        let body = match path.split('?').next().unwrap_or_default() {
            "/access" => Some(introspected(&question)),
            "/summary" => Some(summary(access.as_deref())),
            "/summary/stream" => return self.tell(stream, access.as_deref()),
            "/calls" => Some(calls(access.as_deref())),
            "/calls/CAacme" => Some(explanation()),
            "/activity" => Some(json!({ "activities": [], "next": null })),
            "" => Some(json!({ "liveUsers": 9 })),
            _ => None,
        };
        match body {
            Some(body) => answer(&mut stream, "200 OK", &body),
            None => answer(&mut stream, "404 Not Found", &json!({ "error": "nothing" })),
        }
    }

    /// A stream, until its access has ended or its reader has gone.
    fn tell(&self, mut stream: TcpStream, access: Option<&str>) {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
        let mut said = write!(stream, "{head}data: {}\n\n", summary(access));
        while said.is_ok() && access.is_none_or(|it| !self.ended.lock().iter().any(|e| e == it)) {
            // not a wait for time: between two looks at what the test has changed
            std::thread::sleep(std::time::Duration::from_millis(20));
            said = write!(stream, ": heartbeat\n\n");
        }
    }
}

fn answer(stream: &mut TcpStream, status: &str, body: &Value) {
    let body = body.to_string();
    let _the_proxy_has_gone = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
}

fn introspected(question: &[u8]) -> Value {
    let access = |id: &str, role: &str, accounts: &[&str]| {
        let access = format!("{id}.1");
        json!({ "active": true, "id": id, "role": role, "accounts": accounts, "access": access })
    };
    let question: Value = serde_json::from_slice(question).expect("JSON");
    match question["token"].as_str().expect("a token") {
        ACME => access("acme-wall", "read", &["acme"]),
        BOTH => access("both", "operate", &["acme", "beta"]),
        _ => json!({ "active": false }),
    }
}

/// What belongs to the settings is not in the answer to a token of an account.
fn summary(access: Option<&str>) -> Value {
    let (users, accounts) = match access {
        Some("acme-wall.1") => (2, json!([{ "account": "acme", "liveUsers": 2, "liveCalls": 2 }])),
        Some(_) => (
            5,
            json!([
                { "account": "acme", "liveUsers": 2, "liveCalls": 2 },
                { "account": "beta", "liveUsers": 4, "liveCalls": 4 },
            ]),
        ),
        None => (9, json!([])),
    };
    let agent = json!({
        "agent": "booking", "account": "acme", "name": "Table bookings", "numbers": [],
        "capacity": null, "ownVoice": false, "liveUsers": users, "liveCalls": users,
        "averageMs": 1000, "longestMs": 1000,
    });
    json!({
        "liveUsers": users, "liveCalls": users, "confirmed": users, "suspect": 0, "asOf": AS_OF,
        "epoch": "e", "seq": 1, "averageMs": 1000, "longestMs": 1000, "byAgent": [agent],
        "byAccount": accounts,
    })
}

fn call() -> Value {
    json!({
        "callSid": "CAacme", "phase": "live", "counted": true, "suspect": false,
        "direction": "inbound", "party": "agent", "agent": "booking", "caller": "3fa9c2",
        "country": "US", "region": null, "city": null, "firstHeardAt": AS_OF, "since": AS_OF,
        "heardAt": AS_OF, "liveMs": 5000, "account": "acme",
    })
}

fn calls(access: Option<&str>) -> Value {
    let mut without = call();
    without["callSid"] = "CAnone".into();
    without["account"] = Value::Null;
    let list = if access == Some("acme-wall.1") { vec![call()] } else { vec![call(), without] };
    json!({ "calls": list, "asOf": AS_OF, "next": null })
}

fn explanation() -> Value {
    json!({
        "call": call(), "because": "it is up", "evidence": [], "incomplete": false, "asOf": AS_OF,
        "next": { "what": "suspect", "at": AS_OF, "text": "it becomes suspect" }, "legs": [],
    })
}

async fn open(proxy: &Server, token: &str) -> Browser {
    let browser = Browser::start().await;
    browser.sign_in(&format!("{}/admin/existing-agents", proxy.url), token).await;
    browser
}

async fn is_shown(browser: &Browser, selector: &str) -> bool {
    let shown = format!("document.querySelector('{selector}')?.checkVisibility() ?? false");
    browser.evaluate(&shown).await == true
}

async fn text(browser: &Browser, selector: &str) -> String {
    let text = format!("document.querySelector('{selector}').innerText.replace(/\\s+/g, ' ')");
    browser.evaluate(&text).await.as_str().expect("a text").trim().to_owned()
}

async fn open_details(browser: &Browser) {
    browser.wait_for("the calls", "document.querySelector('tr.call')").await;
    browser.click("tr.call .toggle").await;
    let is_there = "document.querySelector('.details').innerText.includes('Why it is counted')";
    browser.wait_for("the details", is_there).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_sees_its_own_number_and_nothing_to_operate() {
    let (proxy, backend) = start();
    let browser = open(&proxy, ACME).await;
    browser.wait_for_live_users("2 users live").await;
    browser.wait_for("whose it is", "document.querySelector('#scope').innerText === 'acme'").await;
    assert_eq!(browser.title().await, "(2) Existing Agents, acme");
    browser.wait_for("the figures", "document.querySelector('#line')").await;
    assert_eq!(text(&browser, "[data-figure=users]").await, "2");
    open_details(&browser).await;
    let details = text(&browser, ".details").await;
    assert!(!details.contains("Remove from count"), "{details}");
    // The backend here is an older one, which has no codes: its own words are shown.
    assert!(details.contains("Why it is counted it is up. What happens next At "), "{details}");
    assert!(details.contains(": it becomes suspect. "), "{details}");
    for hidden in ["#setup", "#unheard", "#accounts", "#sources", "#agents-empty"] {
        assert!(!is_shown(&browser, hidden).await, "{hidden}");
    }
    assert_eq!(text(&browser, "#foot").await, "");
    assert_eq!(text(&browser, ".card .id").await, "booking", "all of it is acme's");
    all_can_use_it(&browser, [(360, 800), (1920, 1000)]).await;
    let asked = backend.asked.lock().clone();
    assert!(!asked.iter().any(|it| it.starts_with("/setup")), "{asked:?}");
    assert!(!asked.iter().any(|it| it.starts_with("/summary") && it.ends_with(" all")));
    // The backend here has no history, and a browser logs each 404.
    let errors = browser.console_errors().await;
    let others: Vec<_> = errors.iter().filter(|it| !it.contains("/history")).collect();
    assert!(others.is_empty(), "{others:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sees_several_accounts_sees_the_numbers_of_each() {
    let (proxy, _backend) = start();
    let browser = open(&proxy, BOTH).await;
    browser.wait_for_live_users("5 users live").await;
    let whose = "document.querySelector('#scope').innerText === 'acme, beta'";
    browser.wait_for("whose it is", whose).await;
    browser.wait_for("the accounts", "document.querySelector('#accounts').checkVisibility()").await;
    let accounts = text(&browser, "#accounts").await;
    assert_eq!(accounts, "By account 2 acme 2 users 2 calls beta 4 users 4 calls");
    assert_eq!(text(&browser, ".card .id").await, "booking · acme");
    open_details(&browser).await;
    assert!(text(&browser, ".details").await.contains("Remove from count"), "it may operate");
    assert!(text(&browser, "tr.call .agent").await.contains("acme"));
    let others = "[...document.querySelectorAll('tr.call .account')].map((it) => it.hidden).join()";
    assert_eq!(browser.evaluate(others).await, "false,true");
    all_can_use_it(&browser, [(360, 800), (1920, 1000)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_of_a_wallboard_works_and_leads_to_the_sign_in_when_its_access_ends() {
    let (proxy, backend) = start();
    let browser = Browser::start().await;
    let link = format!("{}/admin/sign-in?next=/admin/existing-agents%3Fwallboard", proxy.url);
    browser.goto(&format!("{link}#token={ACME}")).await;
    browser.wait_for_live_users("2 users live").await;
    browser.wait_for("the mode", "document.documentElement.matches('.wallboard')").await;
    browser.wait_for("whose it is", "document.querySelector('#scope').checkVisibility()").await;
    assert_eq!(browser.axe_violations().await, [""; 0]);
    backend.ended.lock().push("acme-wall.1".to_owned());
    browser.wait_for("the sign-in", "location.pathname === '/admin/sign-in'").await;
    let why = "document.querySelector('#ended').innerText.includes('was changed or removed')";
    browser.wait_for("why", why).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_admins_token_sees_what_it_always_did() {
    let (proxy, backend) = start();
    let browser = open(&proxy, ADMIN_TOKEN).await;
    browser.wait_for_live_users("9 users live").await;
    open_details(&browser).await;
    browser.wait_for("the button", "document.querySelector('.details .is-danger')").await;
    assert!(!is_shown(&browser, "#scope").await);
    assert_eq!(browser.title().await, "(9) Existing Agents");
    let asked = backend.asked.lock().clone();
    assert!(asked.iter().any(|it| it.starts_with("/setup")), "{asked:?}");
}
