//! The element `<live-users-chart>`, on a page of the test that says what the history is.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use live_users_testkit::Browser;

use crate::{page, start_both};

const FILES: [(&str, &str); 6] = [
    ("/live-users-chart.js", include_str!("../../../../proxy/web/live-users-chart.js")),
    (
        "/live-users-chart-element.js",
        include_str!("../../../../proxy/web/live-users-chart-element.js"),
    ),
    (
        "/live-users-chart-crosshair.js",
        include_str!("../../../../proxy/web/live-users-chart-crosshair.js"),
    ),
    ("/live-users-chart-draw.js", include_str!("../../../../proxy/web/live-users-chart-draw.js")),
    ("/live-users-chart-scale.js", include_str!("../../../../proxy/web/live-users-chart-scale.js")),
    ("/live-users-chart-style.js", include_str!("../../../../proxy/web/live-users-chart-style.js")),
];

const PAGE: &str = "<!doctype html><html lang=en><title>Chart</title>\
    <script type=module src=/live-users-chart.js></script>\
    <main><h1>Chart</h1><live-users-chart range=1h agent=booking></live-users-chart></main></html>";

/// An hour of 4 minutes, from 10:00 to 10:04 in UTC.
const FOUR_POINTS: &str = r#"{"success":true,"stepMs":60000,"agent":null,
    "from":"2026-11-23T10:00:00.000Z","to":"2026-11-23T10:04:00.000Z",
    "points":[{"at":"2026-11-23T10:00:00.000Z","min":0,"max":1,"mean":0.5},
        {"at":"2026-11-23T10:01:00.000Z","min":1,"max":5,"mean":3.25},
        {"at":"2026-11-23T10:02:00.000Z","min":null,"max":null,"mean":null},
        {"at":"2026-11-23T10:03:00.000Z","min":2,"max":2,"mean":2}],
    "peaks":{"hour":{"at":"2026-11-23T10:01:30.000Z","liveUsers":5},"day":null,"week":null,
        "month":null,"ever":{"at":"2026-05-02T10:01:30.000Z","liveUsers":17}},
    "asOf":"2026-11-23T10:04:00.000Z"}"#;

const CHART: &str = "document.querySelector('live-users-chart')";

/// A page with a chart whose history is answered with this status and body.
async fn open(status: u16, history: &str) -> Browser {
    let browser = Browser::start().await;
    browser.resize(800, 600).await;
    browser.goto(&serve(status, history.to_owned())).await;
    let is_settled = format!("!['loading', null].includes({CHART}.getAttribute('state'))");
    browser.wait_for("an answer", &is_settled).await;
    browser
}

/// What is found in the shadow root of the chart.
fn within(selector: &str, then: &str) -> String {
    format!("[...{CHART}.shadowRoot.querySelectorAll('{selector}')].map((it) => it.{then}).join()")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chart_draws_what_the_history_says() {
    let browser = open(200, FOUR_POINTS).await;
    for (selector, then, expected) in [
        (".is-value", "textContent", "0,1,2,3,4,5"),
        (".peak-label", "textContent", "peak 5"),
        (".mean", "nodeName", "path"),
        (".dot", "nodeName", "circle"),
        (".peaks dt", "textContent", "Hour’s peak,Peak ever"),
        (".peaks dd", "firstChild.data", "5,17"),
        ("input:checked", "value", "1h"),
    ] {
        let seen = browser.evaluate(&within(selector, then)).await;
        assert_eq!(seen, expected, "{selector}: a gap is a gap, a lone point a dot");
    }
    let state = browser.evaluate(&format!("{CHART}.getAttribute('state')")).await;
    assert_eq!(state, "ready");
    assert_eq!(browser.console_errors().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_point_can_be_read_by_keyboard() {
    let browser = open(200, FOUR_POINTS).await;
    let press = |key: &str| {
        format!(
            "(() => {{ const stage = {CHART}.shadowRoot.querySelector('.stage'); stage.focus(); \
             stage.dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key}' }})); \
             return stage.getAttribute('aria-valuetext'); }})()"
        )
    };
    for (key, told) in [
        ("Home", "0.5 users on average, from 0 to 1"),
        ("ArrowRight", "3.3 users on average, from 1 to 5"),
        ("ArrowRight", "not known"),
        ("End", "2 users live"),
        ("ArrowRight", "2 users live"),
        ("PageDown", "0.5 users on average"),
    ] {
        let text = browser.evaluate(&press(key)).await.to_string();
        assert!(text.contains(told), "{key}: {text}");
    }
    let tip = browser.evaluate(&within(".tip b", "textContent")).await;
    assert_eq!(tip, "0.5 users on average", "and it is seen");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_range_is_asked_for_and_told() {
    let browser = open(200, FOUR_POINTS).await;
    let choose = format!(
        "(() => {{ window.told = []; \
         document.addEventListener('live-users-chart-change', ({{ detail }}) => \
         window.told.push(`${{detail.state}} ${{detail.range}} ${{detail.agent}}`)); \
         {CHART}.shadowRoot.querySelector('input[value=\"7d\"]').click(); \
         return {CHART}.getAttribute('range'); }})()"
    );
    assert_eq!(browser.evaluate(&choose).await, "7d");
    browser.wait_for("the answer", "window.told.includes('ready 7d booking')").await;
    let asked = "performance.getEntriesByType('resource').map((it) => it.name).join()";
    let asked = browser.evaluate(asked).await.to_string();
    let zone = browser.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone").await;
    let zone = zone.as_str().expect("a zone").replace('/', "%2F");
    for part in ["from=-1h&step=1m&agent=booking", "from=-7d&step=1h&agent=booking"] {
        let part = format!("{part}&tz={zone}");
        assert!(asked.contains(&part), "{part}: {asked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_whose_zone_the_server_does_not_take_asks_without_one() {
    let wrong = r#"{"success":false,"liveUsers":0,"error":"tz: invalid","field":"tz"}"#;
    let browser = open(400, wrong).await;
    let asked = "performance.getEntriesByType('resource').map((it) => it.name).join(' ')";
    let asked = browser.evaluate(asked).await.to_string();
    let asked = asked.split([' ', '"']).filter(|it| it.contains("/history?"));
    let with_zone: Vec<_> = asked.map(|it| it.contains("tz=")).collect();
    assert!(with_zone.windows(2).any(|it| it == [true, false]), "{with_zone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_without_a_history_says_why() {
    let from = FOUR_POINTS.find("\"points\":[").expect("it has points");
    let to = FOUR_POINTS.find("\"peaks\"").expect("it has peaks");
    let unknown = format!("{}\"points\":[],{}", &FOUR_POINTS[..from], &FOUR_POINTS[to..]);
    let slow = r#"{"success":false,"liveUsers":0,"error":"the backend is too slow"}"#;
    for (status, body, state, words) in [
        (200, unknown.as_str(), "empty", "Nothing is known of the last hour yet."),
        (504, slow, "down", "The history cannot be shown: the backend is too slow."),
        (401, slow, "down", "The history cannot be shown: nobody is signed in."),
        (200, "<html>", "down", "The history cannot be shown: the answer was 200."),
    ] {
        let browser = open(status, body).await;
        let told = browser.evaluate(&within(".words", "textContent")).await;
        assert_eq!(told, words);
        let seen = browser.evaluate(&format!("{CHART}.getAttribute('state')")).await;
        assert_eq!(seen, state, "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_can_use_the_chart_in_light_and_dark() {
    let browser = open(200, FOUR_POINTS).await;
    let colour = format!("getComputedStyle({CHART}).color");
    let mut colours = Vec::new();
    for dark in [false, true] {
        browser.set_color_scheme(dark).await;
        let page = "document.documentElement.style.cssText = \
                    'color-scheme: light dark; background: light-dark(#ffffff, #18181b)'";
        browser.evaluate(page).await;
        colours.push(browser.evaluate(&colour).await);
        assert_eq!(browser.axe_violations().await, [""; 0], "dark: {dark}");
    }
    assert_ne!(colours[0], colours[1], "it follows the page");
    let light = format!("({CHART}.setAttribute('theme', 'light'), {colour})");
    assert_eq!(browser.evaluate(&light).await, colours[0], "unless it is told otherwise");
}

/// Serves the page, the element, and this history, for as long as the test runs.
fn serve(status: u16, history: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let history = Arc::new((status, history));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let history = Arc::clone(&history);
            // A browser may open a connection that it does not use, and must not block others.
            std::thread::spawn(move || answer(stream, history.0, &history.1));
        }
    });
    url
}

fn answer(mut stream: TcpStream, history_status: u16, history: &str) {
    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let Some(request) = lines.next() else { return };
    lines.find(String::is_empty);
    let target = request.split(' ').nth(1).unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default();
    let file = FILES.iter().find(|(name, _)| *name == path);
    let (status, kind, body) = match (path, file) {
        ("/", _) => (200, "text/html", PAGE),
        ("/api/live-users/history", _) => (history_status, "application/json", history),
        (_, Some((_, script))) => (200, "text/javascript", *script),
        (_, None) => (204, "text/plain", ""),
    };
    let length = body.len();
    let _the_browser_may_be_gone = write!(
        stream,
        "HTTP/1.1 {status} Told\r\nContent-Type: {kind}; charset=utf-8\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\
         Content-Security-Policy: default-src 'none'; script-src 'self'; connect-src 'self'\r\n\r\n\
         {body}"
    );
}

/// The history of the real servers, with which the page begins as soon as anything has happened.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_draws_the_history_that_the_servers_have() {
    let (_backend, proxy, twilio) = start_both();
    twilio.start(1);
    twilio.start(2);
    twilio.end(1);
    let browser = page::open(&proxy).await;
    browser.wait_for("the chart", &format!("{CHART}?.getAttribute('state') === 'ready'")).await;
    assert_eq!(browser.evaluate(&within("input:checked", "value")).await, "1h");
    let peaks = "Hour’s peak,Day’s peak,Week’s peak,Month’s peak,Peak ever";
    assert_eq!(browser.evaluate(&within(".peaks dt", "textContent")).await, peaks);
    assert_eq!(browser.evaluate(&within(".peaks dd", "firstChild.data")).await, "2,2,2,2,2");
    for range in ["24h", "7d", "30d"] {
        let choose = format!("({CHART}.range = '{range}', {CHART}.getAttribute('state'))");
        assert_eq!(browser.evaluate(&choose).await, "loading", "{range}");
        let drawn = format!("{CHART}.getAttribute('state') === 'ready'");
        browser.wait_for(range, &drawn).await;
    }
    assert_eq!(browser.console_errors().await, [""; 0]);
}
