//! The element `<live-users-chart>`, on a page of the test that says what the history is.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, OnceLock};

use live_users_testkit::{Browser, get};

use crate::{page, proxy_with, start_both};

/// The script of the chart, as a proxy serves it.
fn script() -> &'static str {
    static SCRIPT: OnceLock<String> = OnceLock::new();
    SCRIPT.get_or_init(|| {
        let proxy = proxy_with("http://127.0.0.1:9", &[]);
        get(&format!("{}/live-users-chart.js", proxy.url)).body
    })
}

const PAGE: &str = "<!doctype html><html lang=en><title>Chart</title>\
    <script type=module src=/live-users-chart.js></script>\
    <main><h1>Chart</h1><live-users-chart range=1h agent=booking></live-users-chart></main></html>";

/// An hour of 4 minutes, from 10:00 to 10:04 in UTC.
pub(crate) const FOUR_POINTS: &str = r#"{"success":true,"stepMs":60000,"agent":null,
    "from":"2026-11-23T10:00:00.000Z","to":"2026-11-23T10:04:00.000Z",
    "points":[{"at":"2026-11-23T10:00:00.000Z","min":0,"max":1,"mean":0.5},
        {"at":"2026-11-23T10:01:00.000Z","min":1,"max":5,"mean":3.25},
        {"at":"2026-11-23T10:02:00.000Z","min":null,"max":null,"mean":null},
        {"at":"2026-11-23T10:03:00.000Z","min":2,"max":2,"mean":2}],
    "peaks":{"hour":{"at":"2026-11-23T10:01:30.000Z","liveUsers":5},"day":null,"week":null,
        "month":null,"ever":{"at":"2026-05-02T10:01:30.000Z","liveUsers":17}},
    "asOf":"2026-11-23T10:04:00.000Z"}"#;

pub(crate) const CHART: &str = "document.querySelector('live-users-chart')";

/// A page with a chart whose history is answered with this status and body.
pub(crate) async fn open(status: u16, history: &str) -> Browser {
    let browser = Browser::start().await;
    browser.resize(800, 600).await;
    browser.goto(&serve(status, history.to_owned())).await;
    let is_settled = format!("!['loading', null].includes({CHART}.getAttribute('state'))");
    browser.wait_for("an answer", &is_settled).await;
    browser
}

/// What is found in the shadow root of the chart.
pub(crate) fn within(selector: &str, then: &str) -> String {
    format!("[...{CHART}.shadowRoot.querySelectorAll('{selector}')].map((it) => it.{then}).join()")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chart_draws_what_the_history_says() {
    let browser = open(200, FOUR_POINTS).await;
    for (selector, then, expected) in [
        (".is-value", "textContent", "0,1,2,3,4,5"),
        (".peak-label", "textContent", "peak 5"),
        (".mean", "nodeName", "path,path"),
        (".since", "textContent.slice(0, 6)", "since "),
        (".peaks dt", "textContent", "Hour’s peak,Peak ever"),
        (".peaks dd", "firstChild.data", "5,17"),
        ("input:checked", "value", "1h"),
    ] {
        let seen = browser.evaluate(&within(selector, then)).await;
        assert_eq!(seen, expected, "{selector}: a gap is a gap");
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
        ("Home", "0.5 on average at "),
        ("Home", ", from 0 to 1"),
        ("ArrowRight", "3.3 on average at "),
        ("ArrowRight", "not known at "),
        ("End", "2 at "),
        ("ArrowRight", "2 at "),
        ("PageDown", "0.5 on average at "),
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
        (200, unknown.as_str(), "empty", "No data yet."),
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

#[tokio::test(flavor = "multi_thread")]
async fn the_line_ends_at_the_present_number_and_the_axis_begins_where_data_begins() {
    let present = r#""present":{"at":"2026-11-23T10:04:00.000Z","liveUsers":4,"withAgent":4,
        "waiting":0,"withPerson":0,"machine":0,"onTheLine":4},"asOf""#;
    let browser = open(200, &FOUR_POINTS.replace("\"asOf\"", present)).await;
    // From the edges of the grid: where the last line ends, and the value there; and where the first begins.
    let places = format!(
        "(() => {{ const root = {CHART}.shadowRoot; const lines = [...root.querySelectorAll('.mean')]; \
         const of = (it) => it.getAttribute('d').slice(1).split('L').map((at) => at.split(',').map(Number)); \
         const grid = [...root.querySelectorAll('.grid')].map((it) => ['x1', 'x2', 'y1'].map((at) => +it.getAttribute(at))); \
         const [x, y] = of(lines.at(-1)).at(-1); const [left, right, bottom] = grid[0]; \
         const value = (bottom - y) / (bottom - grid[1][2]); \
         const first = (of(lines[0])[0][0] - left) / (right - left); \
         return [Math.round(right - x), Math.round(value * 10), Math.round(first * 100)].join(); }})()"
    );
    // Four minutes are known, and a picture of an hour has ten at least.
    assert_eq!(browser.evaluate(&places).await, "0,40,60");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_point_alone_is_a_dot_and_of_equal_peaks_the_last_is_marked() {
    let alone = FOUR_POINTS
        .replace(r#""min":0,"max":1,"mean":0.5"#, r#""min":null,"max":null,"mean":null"#);
    let browser = open(200, &alone).await;
    assert_eq!(browser.evaluate(&within(".dot", "nodeName")).await, "circle");
    let tie = FOUR_POINTS.replace(r#""min":2,"max":2,"mean":2"#, r#""min":5,"max":5,"mean":5"#);
    let browser = open(200, &tie).await;
    let is_last = format!(
        "(() => {{ const root = {CHART}.shadowRoot; const peak = +root.querySelector('.peak').getAttribute('cx'); \
         const start = +root.querySelectorAll('.mean')[1].getAttribute('d').slice(1).split(',')[0]; \
         return peak >= start; }})()"
    );
    assert_eq!(browser.evaluate(&is_last).await, true);
}

/// The same hour with others on the line.
fn with_parties() -> String {
    let range = |name: &str, n: u32| format!(r#""{name}":{{"min":{n},"max":{n},"mean":{n}}}"#);
    let parties =
        [("withAgent", 2), ("waiting", 3), ("withPerson", 1), ("machine", 1), ("onTheLine", 7)];
    let parties = parties.map(|(name, n)| range(name, n)).join(",");
    let present = r#""present":{"at":"2026-11-23T10:04:00.000Z","liveUsers":2,"withAgent":2,"waiting":3,
        "withPerson":1,"machine":1,"onTheLine":7},"asOf""#;
    let last = r#""min":2,"max":2,"mean":2"#;
    FOUR_POINTS.replace(last, &format!("{last},{parties}")).replace("\"asOf\"", present)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_on_the_line_is_stacked_and_told_by_more_than_colour() {
    let browser = open(200, &with_parties()).await;
    let legend =
        "With an agent\u{a0}2,With a person\u{a0}1,Waiting\u{a0}3,Answering machine\u{a0}1";
    assert_eq!(browser.evaluate(&within(".legend li", "textContent")).await, legend);
    assert_eq!(browser.evaluate(&within(".is-value", "textContent")).await, "0,2,4,6,8");
    let patterns = within(".chart .pattern", "getAttribute('fill')");
    let patterns = browser.evaluate(&patterns).await.to_string();
    for party in ["withAgent", "withPerson", "waiting", "machine"] {
        assert!(patterns.contains(&format!("url(#pattern-{party})")), "{party}: {patterns}");
    }
    let end = format!(
        "(() => {{ const stage = {CHART}.shadowRoot.querySelector('.stage'); stage.focus(); \
         stage.dispatchEvent(new KeyboardEvent('keydown', {{ key: 'End' }})); \
         return stage.getAttribute('aria-valuetext').replace(/ at [^,]*/, ''); }})()"
    );
    let told = "2, 2 with an agent, 1 with a person, 3 waiting, 1 answering machine";
    assert_eq!(browser.evaluate(&end).await, told);
    // Each border against the ground, and against each area, by the formula of WCAG 2.
    let contrast = format!(
        "(() => {{ const root = {CHART}.shadowRoot; \
         const canvas = document.createElement('canvas').getContext('2d'); \
         const rgb = (colour) => {{ canvas.fillStyle = '#fff'; canvas.fillRect(0, 0, 1, 1); \
           canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); \
           return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3); }}; \
         const light = (colour) => rgb(colour).map((it) => it / 255) \
           .map((it) => it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4) \
           .reduce((sum, it, n) => sum + it * [0.2126, 0.7152, 0.0722][n], 0); \
         const style = (it, what) => getComputedStyle(it)[what]; \
         const of = (selector, what) => [...root.querySelectorAll(selector)].map((it) => light(style(it, what))); \
         const grounds = [...of('.chart .tint', 'fill'), ...of('.casing', 'stroke')]; \
         const edges = of('.chart .edge', 'stroke'); const ground = of('.casing', 'stroke')[0]; \
         const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); \
         const all = edges.flatMap((a) => grounds.map((b) => ratio(a, b))); \
         const control = ratio(of('select', 'borderTopColor')[0], ground); \
         return edges.length >= 4 ? Math.min(control, ...all) : 0; }})()"
    );
    for dark in [false, true] {
        browser.set_color_scheme(dark).await;
        let page = "document.documentElement.style.cssText = \
                    'color-scheme: light dark; background: light-dark(#ffffff, #18181b)'";
        browser.evaluate(page).await;
        let least = browser.evaluate(&contrast).await.as_f64().expect("a ratio");
        assert!(least >= 3.0, "{least} when dark: {dark}");
        assert_eq!(browser.axe_violations().await, [""; 0], "dark: {dark}");
    }
    // Where there is one colour, it is that of the text, and the patterns tell the areas apart.
    browser.set_forced_colors(true).await;
    let strokes = within(".chart :is(.edge, .mean)", "computedStyleMap().get('stroke').toString()");
    let strokes = browser.evaluate(&strokes).await.to_string();
    let text = format!("getComputedStyle({CHART}.shadowRoot.querySelector('.legend')).color");
    let text = browser.evaluate(&text).await.as_str().expect("a colour").to_owned();
    assert_eq!(strokes.trim_matches('"').replace(&text, "").replace(',', ""), "", "{strokes}");
    let marks = format!(
        "[...{CHART}.shadowRoot.querySelectorAll('.chart pattern')].map((it) => [...it.children] \
         .filter((mark) => getComputedStyle(mark).display !== 'none').length).join()"
    );
    assert_eq!(browser.evaluate(&marks).await, "1,1,2,1");
    let filled = format!(
        "[...{CHART}.shadowRoot.querySelectorAll('.chart .tint')] \
         .filter((it) => getComputedStyle(it).fill !== 'none').length"
    );
    assert_eq!(browser.evaluate(&filled).await, 0, "the grid is seen");
    browser.set_forced_colors(false).await;
    assert_eq!(browser.evaluate(&marks).await, "0,1,2,1");
    assert_ne!(browser.evaluate(&filled).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_is_compared_with_yesterday_and_asked_for_once() {
    let browser = open(200, FOUR_POINTS).await;
    let choose = |value: &str| {
        format!(
            "(() => {{ const select = {CHART}.shadowRoot.querySelector('select'); select.value = '{value}'; \
             select.dispatchEvent(new Event('change')); return {CHART}.getAttribute('compare') ?? ''; }})()"
        )
    };
    assert_eq!(browser.evaluate(&choose("yesterday")).await, "yesterday");
    let legend = within(".legend li", "textContent");
    browser.wait_for("the legend", &format!("({legend}) === 'Yesterday'")).await;
    // The window of the day before, and as long again.
    let asked = "performance.getEntriesByType('resource').map((it) => new URL(it.name)) \
                 .filter((it) => it.searchParams.has('to')).map((it) => \
                 ['from', 'to'].map((of) => Date.parse(it.searchParams.get(of))).map((at) => \
                 Math.round((at - Date.parse('2026-11-22T10:04:00Z')) / 60000)).join()).join(' ')";
    assert_eq!(browser.evaluate(asked).await, "-60,60");
    assert_eq!(browser.evaluate(&choose("")).await, "");
    browser
        .wait_for("the line to go", &format!("({}) === ''", within(".compared", "nodeName")))
        .await;
    assert_eq!(browser.evaluate(&choose("yesterday")).await, "yesterday");
    browser.wait_for("the legend", &format!("({legend}) === 'Yesterday'")).await;
    assert_eq!(browser.evaluate(asked).await, "-60,60", "what is known is not asked for again");
    let choices =
        |range: &str| format!("({CHART}.range = '{range}', {})", within("option", "value"));
    assert_eq!(browser.evaluate(&choices("24h")).await, ",yesterday,last-week");
    assert_eq!(
        browser.evaluate(&choices("7d")).await,
        ",last-week",
        "a week reaches into yesterday"
    );
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
    // The day before was the same.
    let compared = history.replace("2026-11-23", "2026-11-22");
    let history = if target.contains("&to=") { &compared } else { history };
    let (status, kind, body) = match path {
        "/" => (200, "text/html", PAGE),
        "/api/live-users/history" => (history_status, "application/json", history),
        "/live-users-chart.js" => (200, "text/javascript", script()),
        _ => (204, "text/plain", ""),
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
    assert_eq!(
        browser.evaluate(&within("input:checked", "value")).await,
        "5m",
        "it has just begun"
    );
    let peaks = "Hour’s peak,Day’s peak,Week’s peak,Month’s peak,Peak ever";
    assert_eq!(browser.evaluate(&within(".peaks dt", "textContent")).await, peaks);
    assert_eq!(browser.evaluate(&within(".peaks dd", "firstChild.data")).await, "2,2,2,2,2");
    // Each change comes by the stream, and the history is asked for once.
    let steps = within(".mean", "getAttribute('d').split('L').length");
    let before = browser.evaluate(&steps).await.as_str().and_then(|it| it.parse::<usize>().ok());
    twilio.start(3);
    let more = format!("Number({steps}) > {}", before.expect("a line"));
    browser.wait_for("the change as a step", &more).await;
    let told = format!("{CHART}.shadowRoot.querySelector('.stage').getAttribute('aria-valuetext')");
    browser.wait_for("the newest number", &format!("({told}).startsWith('2 at ')")).await;
    let asked = "performance.getEntriesByType('resource').map((it) => it.name.split('/history?')[1]) \
                 .filter(Boolean).map((it) => it.split('&tz=')[0]).join(' ')";
    assert_eq!(browser.evaluate(asked).await, "from=-15m&step=exact");
    let same = format!("({CHART}.range = '15m', {CHART}.getAttribute('state'))");
    assert_eq!(browser.evaluate(&same).await, "ready", "the same steps are drawn");
    assert_eq!(browser.evaluate(asked).await, "from=-15m&step=exact");
    browser.evaluate("location.reload()").await;
    let kept = format!("{CHART}?.range === '15m' && {CHART}.getAttribute('state') === 'ready'");
    browser.wait_for("the range that was chosen", &kept).await;
    assert_eq!(browser.evaluate(asked).await, "from=-15m&step=exact");
    for range in ["24h", "7d", "30d"] {
        let choose = format!("({CHART}.range = '{range}', {CHART}.getAttribute('state'))");
        assert_eq!(browser.evaluate(&choose).await, "loading", "{range}");
        let drawn = format!("{CHART}.getAttribute('state') === 'ready'");
        browser.wait_for(range, &drawn).await;
    }
    assert_eq!(browser.console_errors().await, [""; 0]);
}
