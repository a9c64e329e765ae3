//! What `<live-users-chart>` makes of a stream that goes on, stops, and of histories that are known in part.

use std::time::Duration;

use live_users_testkit::Browser;
use serde_json::json;

use crate::chart::{CHART, FOUR_POINTS, open, within};
use crate::{page, start_both};

/// Puts a chart with a stream of its own on the page of an admin, in place of the one of the page.
async fn own_chart(browser: &Browser, attributes: &str) {
    let make = format!(
        "(() => {{ const own = document.createElement('live-users-chart'); \
         for (const [key, value] of Object.entries({attributes})) own.setAttribute(key, value); \
         own.setAttribute('src', '/'); {CHART}.replaceWith(own); return true; }})()"
    );
    browser.evaluate(&make).await;
}

/// The value at which the last line ends, as the grid has it.
fn line_end() -> String {
    format!(
        "(() => {{ const root = {CHART}.shadowRoot; \
         const y = Number([...root.querySelectorAll('.mean')].at(-1).getAttribute('d').split(',').at(-1)); \
         const [bottom, next] = [...root.querySelectorAll('.grid')].map((it) => Number(it.getAttribute('y1'))); \
         const step = Number(root.querySelectorAll('.is-value')[1].textContent); \
         return Math.round(step * (bottom - y) / (bottom - next)); }})()"
    )
}

fn state_is(state: &str) -> String {
    format!("{CHART}.getAttribute('state') === '{state}'")
}

async fn wait_for_end(browser: &Browser, value: u32) {
    let ends = format!("{} && {} === {value}", state_is("ready"), line_end());
    browser.wait_for(&format!("a line that ends at {value}"), &ends).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_number_of_an_old_stream_or_of_another_agent_is_drawn_as_the_present_one() {
    let (_backend, proxy, twilio) = start_both();
    // Support has one user all the time.
    let caller = [("From", "+14155550199"), ("To", "+15005550007")];
    let call = [("CallSid", "CA000000000000000000000000000000ff"), ("CallStatus", "ringing")];
    twilio.post("/voice", &[caller, call].concat());
    twilio.start(1);
    twilio.start(2);
    let browser = page::open(&proxy).await;
    own_chart(&browser, "{ range: '15m', agent: 'booking' }").await;
    wait_for_end(&browser, 2).await;
    // The stream has spoken: each change is drawn.
    twilio.start(3);
    wait_for_end(&browser, 3).await;
    browser.evaluate(&format!("{CHART}.setAttribute('agent', 'support')")).await;
    wait_for_end(&browser, 1).await;
    browser.evaluate(&format!("{CHART}.removeAttribute('agent')")).await;
    wait_for_end(&browser, 4).await;
    // An hour has no stream, and is asked for again.
    browser.evaluate(&format!("({CHART}.range = '1h', true)")).await;
    wait_for_end(&browser, 4).await;
    twilio.end(1);
    twilio.end(2);
    wait_for_end(&browser, 2).await;
    assert_eq!(browser.console_errors().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_agent_has_its_own_number_before_the_next_frame() {
    let browser = open(200, FOUR_POINTS).await;
    let frame = "{ success: true, asOf: '2026-11-23T10:04:00Z', liveUsers: 5, byAgent: \
                 [{ agent: 'booking', liveUsers: 4 }, { agent: 'support', liveUsers: 1 }] }";
    browser.evaluate(&format!("({CHART}.takeFrame({frame}), true)")).await;
    wait_for_end(&browser, 4).await;
    browser.evaluate(&format!("({CHART}.setAttribute('agent', 'support'), true)")).await;
    wait_for_end(&browser, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_is_stale_while_the_backend_is_lost_and_ends_where_it_was_last_known() {
    for is_fed in [true, false] {
        let (mut backend, proxy, twilio) = start_both();
        twilio.start(1);
        let browser = page::open(&proxy).await;
        if !is_fed {
            own_chart(&browser, "{ range: '15m' }").await;
        }
        wait_for_end(&browser, 1).await;
        twilio.start(2);
        wait_for_end(&browser, 2).await;
        backend.kill();
        let note = format!("{CHART}.shadowRoot.querySelector('.since').textContent");
        let told =
            format!("{} && {note}.includes('not current, last known at ')", state_is("stale"));
        browser.wait_for("the chart to say so", &told).await;
        // Two more ticks of its clock go by: the picture stands.
        let drawn = within(".mean", "getAttribute('d')");
        let keep = format!(
            "(window.before = {drawn} + {note}, window.ticks = 0, \
                            window.timer = setInterval(() => window.ticks += 1, 1000), true)"
        );
        browser.evaluate(&keep).await;
        browser.wait_for("more time", "window.ticks >= 3").await;
        let stands = format!("window.before === {drawn} + {note}");
        assert_eq!(browser.evaluate(&stands).await, true, "fed: {is_fed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_whose_stream_tells_of_no_numbers_goes_on_when_it_does_again() {
    let browser = open(200, FOUR_POINTS).await;
    let frame =
        |answer: &str| format!("({CHART}.takeFrame({answer}), {CHART}.getAttribute('state'))");
    let lost = "{ success: false, error: 'the backend is lost' }";
    let found = "{ success: true, asOf: '2026-11-23T10:04:00Z', liveUsers: 2, byAgent: [] }";
    let told = format!(
        "(window.told = [], {CHART}.addEventListener('live-users-chart-change', \
         ({{ detail }}) => window.told.push(detail.error)), true)"
    );
    browser.evaluate(&told).await;
    assert_eq!(browser.evaluate(&frame(lost)).await, "stale");
    assert_eq!(browser.evaluate("window.told.join()").await, "the backend is lost");
    browser.evaluate(&frame(found)).await;
    browser.wait_for("the history anew", &state_is("ready")).await;
    let interrupted =
        format!("({CHART}.takeState({{ state: 'reconnecting' }}), {CHART}.getAttribute('state'))");
    assert_eq!(browser.evaluate(&interrupted).await, "stale");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_peaks_below_the_minutes_follow_the_stream() {
    let (_backend, proxy, twilio) = start_both();
    twilio.start(1);
    let browser = page::open(&proxy).await;
    wait_for_end(&browser, 1).await;
    let peaks = within(".peaks dd", "firstChild.data");
    assert_eq!(browser.evaluate(&peaks).await, "1,1,1,1,1");
    twilio.start(2);
    twilio.start(3);
    browser.wait_for("the peaks", &format!("({peaks}) === '3,3,3,3,3'")).await;
    twilio.end(1);
    wait_for_end(&browser, 2).await;
    assert_eq!(browser.evaluate(&peaks).await, "3,3,3,3,3");
}

/// Quarters of an hour, of which data begins within the first and is not over in the last.
const QUARTERS: &str = r#"{"success":true,"stepMs":900000,"agent":null,"since":"2026-11-23T10:10:00.000Z",
    "from":"2026-11-22T10:40:00.000Z","to":"2026-11-23T10:40:00.000Z",
    "points":[{"at":"2026-11-23T09:45:00.000Z","min":null,"max":null,"mean":null},
        {"at":"2026-11-23T10:00:00.000Z","min":1,"max":1,"mean":1},
        {"at":"2026-11-23T10:15:00.000Z","min":1,"max":1,"mean":1},
        {"at":"2026-11-23T10:30:00.000Z","min":2,"max":2,"mean":2}],
    "peaks":{},"asOf":"2026-11-23T10:40:00.000Z"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn steps_that_are_known_in_part_are_drawn_and_told_for_that_part() {
    let browser = open(200, QUARTERS).await;
    let quarters = format!("({CHART}.range = '24h', {})", state_is("loading"));
    browser.evaluate(&quarters).await;
    browser.wait_for("the quarters", &state_is("ready")).await;
    // The picture is an hour that ends at 10:40, and data begins in its middle.
    let begins = format!(
        "(() => {{ const root = {CHART}.shadowRoot; const grid = root.querySelector('.grid'); \
         const [left, right] = ['x1', 'x2'].map((at) => Number(grid.getAttribute(at))); \
         const x = Number(root.querySelector('.mean').getAttribute('d').slice(1).split(',')[0]); \
         return Math.round(100 * (x - left) / (right - left)); }})()"
    );
    assert_eq!(browser.evaluate(&begins).await, 50);
    let minutes = |key: &str| {
        format!(
            "(() => {{ const root = {CHART}.shadowRoot; const stage = root.querySelector('.stage'); stage.focus(); \
             stage.dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key}' }})); \
             return [...root.querySelector('.tip').lastChild.textContent.matchAll(/:([0-9]{{2}})/g)] \
             .map((it) => it[1]).join() + '; ' + stage.getAttribute('aria-valuetext').slice(-2); }})()"
        )
    };
    browser.evaluate(&minutes("Home")).await;
    for (key, told) in
        [("ArrowRight", "10,15; 10"), ("ArrowRight", "15,30; 15"), ("End", "30,40; 30")]
    {
        assert_eq!(browser.evaluate(&minutes(key)).await, told, "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_without_data_says_so_and_one_step_of_data_is_a_line() {
    let browser = open(200, QUARTERS).await;
    // Whatever is asked for, the answer is of today: nothing of it is of yesterday.
    let answers = |history: &str| {
        format!(
            "(window.fetch = async () => new Response({}), {CHART}.removeAttribute('compare'), true)",
            json!(history)
        )
    };
    let legend = within(".legend li", "textContent");
    browser.evaluate(&answers(QUARTERS)).await;
    browser
        .evaluate(&format!("({CHART}.range = '24h', {CHART}.compare = 'yesterday', true)"))
        .await;
    browser.wait_for("the legend", &format!("({legend}) === 'Yesterday: no data'")).await;
    assert_eq!(browser.evaluate(&within(".compared", "nodeName")).await, "path");
    // A week ago, one step of what is shown was known.
    let before = QUARTERS.replace("2026-11-23T10:15", "2026-11-16T10:15");
    browser.evaluate(&answers(&before)).await;
    browser.evaluate(&format!("({CHART}.compare = 'last-week', true)")).await;
    browser.wait_for("the legend", &format!("({legend}) === 'Last week'")).await;
    let width =
        format!("{CHART}.shadowRoot.querySelector('.chart > .compared').getBBox().width > 50");
    assert_eq!(browser.evaluate(&width).await, true);
}

/// Calls that come all the time do not put off the question for a history that has just begun.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_system_is_drawn_while_calls_go_on_coming() {
    let (_backend, proxy, twilio) = start_both();
    let browser = page::open(&proxy).await;
    let state = format!("{CHART}?.getAttribute('state')");
    browser.wait_for("a chart without data", &format!("{state} === 'empty'")).await;
    for call in 1..=u8::MAX {
        twilio.start(call);
        if browser.evaluate(&state).await == "ready" {
            return;
        }
        // not a wait for time: the calls come one after the other
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("calls came one after the other, and nothing was drawn");
}
