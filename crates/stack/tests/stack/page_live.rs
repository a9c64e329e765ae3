//! What the page *Existing Agents* tells of agents, places, durations and events, in a real
//! Chromium, and that everybody gets to know it.

use live_users_testkit::Twilio;

use crate::page::{open, wait_for_text};
use crate::start_both;

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";

fn post(twilio: &Twilio, path: &str, n: u8, fields: &[(&str, &str)]) {
    let sid = format!("CA{n:032x}");
    let common = [("CallSid", sid.as_str()), ("Direction", "inbound"), ("To", "+15005550006")];
    let status = twilio.post(path, &[&common[..], fields].concat()).status;
    assert!((200..300).contains(&status), "{path}: {status}");
}

fn start(twilio: &Twilio, n: u8, from: &[(&str, &str)]) {
    post(twilio, "/voice", n, &[&[("CallStatus", "ringing")], from].concat());
}

fn end(twilio: &Twilio, n: u8, from: &str, seconds: &str) {
    let fields = [("CallStatus", "completed"), ("From", from), ("CallDuration", seconds)];
    post(twilio, "/call-status", n, &fields);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_agent_has_a_card_with_its_load_and_with_the_durations_that_twilio_tells() {
    let (_backend, proxy, twilio) = start_both();
    let browser = open(&proxy).await;
    browser.wait_for("all cards", "document.querySelectorAll('#cards h3').length === 3").await;
    wait_for_text(&browser, "#cards", "Front desk reception +1 500 555 0009 0 users live").await;
    start(&twilio, 1, &[("From", "+14155550101")]);
    start(&twilio, 2, &[("From", "+14155550102")]);
    wait_for_text(&browser, "#cards .card", "2 users live 2 of 20 calls").await;
    end(&twilio, 1, "+14155550101", "61");
    wait_for_text(&browser, "#cards .card", "1 user live 1 of 20 calls").await;
    wait_for_text(&browser, "#cards .card", "Last hour 1:01 1 call").await;
    wait_for_text(&browser, "#figures", "Calls, last hour 1 1:01 on average").await;
    wait_for_text(&browser, "#figures", "Calls, last day 1 1:01 on average").await;
    wait_for_text(&browser, "#figures", "Calls live 1 with 1 agent").await;
    let average = "document.querySelector('#cards .card dd').innerText";
    let before = browser.evaluate(average).await.to_string();
    let ticks = format!("JSON.stringify({average}) !== '{before}'");
    browser.wait_for("the average to tick", &ticks).await;
    // A number that nobody has described shows up as itself.
    let elsewhere = [("CallSid", "CAx"), ("From", "+14155550103"), ("To", "+15005559942")];
    twilio.post("/voice", &elsewhere);
    wait_for_text(&browser, "#cards", "+15…42 unassigned number 1 user live").await;
    assert_eq!(browser.console_errors().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_happened_is_told_at_once_and_put_right_when_twilio_knows_better() {
    let (_backend, proxy, twilio) = start_both();
    let browser = open(&proxy).await;
    wait_for_text(&browser, "#activity", "Nothing has happened yet.").await;
    let from = [
        ("From", "+14155550101"),
        ("FromCountry", "US"),
        ("FromState", "CA"),
        ("FromCity", "SAN FRANCISCO"),
    ];
    start(&twilio, 1, &from);
    wait_for_text(&browser, "#feed", "Call started").await;
    wait_for_text(&browser, "#feed", "Table bookings · San Francisco, CA").await;
    let goodbye = [("CallStatus", "in-progress"), ("SpeechResult", "goodbye")];
    post(&twilio, "/speech-result", 1, &goodbye);
    wait_for_text(&browser, "#feed", "Said goodbye after 0:").await;
    end(&twilio, 1, "+14155550101", "3725");
    wait_for_text(&browser, "#feed", "Said goodbye after 1:02:05").await;
    let items = "document.querySelectorAll('.activity').length";
    assert_eq!(browser.evaluate(items).await, 2, "it is put right in its place");
    start(&twilio, 2, &[("From", "anonymous")]);
    wait_for_text(&browser, "#feed", "withheld · Table bookings").await;
    let newest = "document.querySelector('.activity').innerText.includes('Call started')";
    assert_eq!(browser.evaluate(newest).await, true, "the newest first");
    assert_eq!(browser.axe_violations().await, [""; 0]);
    assert_eq!(browser.console_errors().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_callers_are_is_told_by_country_and_unknown_is_unknown() {
    let (_backend, proxy, twilio) = start_both();
    let browser = open(&proxy).await;
    wait_for_text(&browser, "#places", "Nobody is on the line.").await;
    let american = |state: &'static str| [("FromCountry", "US"), ("FromState", state)];
    for (n, state) in [(1, "CA"), (2, "CA"), (3, "NY")] {
        let from = format!("+1415555010{n}");
        start(&twilio, n, &[&american(state)[..], &[("From", &from)]].concat());
    }
    start(&twilio, 4, &[("From", "+442079460123")]);
    // Withheld; for the number that stands for it Twilio reports Lesotho.
    start(&twilio, 5, &[("From", "+266696687"), ("FromCountry", "LS")]);
    let all = "United States 3 users CA 2, NY 1 United Kingdom 1 user \
               Unknown 1 user Withheld, or not told";
    wait_for_text(&browser, "#places-list", all).await;
    let bars = "[...document.querySelectorAll('#places .bar-fill')]\
                .map((it) => Number(it.style.getPropertyValue('--load')).toFixed(2)).join()";
    assert_eq!(browser.evaluate(bars).await, "1.00,0.33,0.33");
    let lesotho = "document.body.innerText.includes('Lesotho')";
    assert_eq!(browser.evaluate(lesotho).await, false);
    end(&twilio, 4, "+442079460123", "5");
    let gone = "!document.querySelector('#places-list').innerText.includes('Kingdom')";
    browser.wait_for("nobody in that country", gone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_countries_the_first_are_shown_and_of_many_regions_too() {
    let (_backend, proxy, _twilio) = start_both();
    let browser = open(&proxy).await;
    wait_for_text(&browser, "#places", "Nobody is on the line.").await;
    let draw = "import('/admin/places.js').then(({ Places }) => {
        const countries = ['DE', 'FR', 'IT', 'ES', 'PT', 'PL', 'SE', 'NO', null];
        const byCountry = countries.map((country, i) => ({ country, liveUsers: 20 - i }));
        const byRegion = ['A', 'B', 'C', 'D', 'E', null]
            .map((region, i) => ({ country: 'DE', region, liveUsers: i }));
        new Places({ summary: { byCountry, byRegion } }).draw();
        return document.querySelector('#places').innerText.replace(/\\s+/g, ' ');
    })";
    let told = browser.evaluate(draw).await;
    let told = told.as_str().expect("a text");
    for part in [
        "Where callers are 8",
        "Germany 20 users E 4, D 3, C 2, B 1, and 1 more",
        "Poland 15 users 2 more countries 27 users Sweden, Norway Unknown 12 users",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspect_call_is_marked_and_counted_all_the_same() {
    let (_backend, proxy, _twilio) = start_both();
    let browser = open(&proxy).await;
    wait_for_text(&browser, "#calls", "No calls yet").await;
    // Half a minute of silence is the least that makes a call suspect: too long for a test.
    let draw = "import('/admin/calls.js').then(({ Calls }) => {
        const call = { callSid: 'CA1', caller: '3fa9c2', agent: 'booking', suspect: true,
            liveMs: 61500, since: new Date().toISOString(), country: null, region: null };
        const list = [call, { ...call, callSid: 'CA2', suspect: false }];
        const calls = { list, receivedAt: performance.now(), next: null,
            isKnown: true, error: null };
        new Calls({ calls, summary: null, elapsedSince: () => 0 }).draw();
        const rows = [...document.querySelectorAll('tr.call')];
        const suspect = rows.map((row) => row.innerText.includes('suspect')).join();
        return `${suspect} of ${document.querySelector('#calls-count').innerText}`;
    })";
    // At once: the page draws its own calls again when the next summary comes.
    assert_eq!(browser.evaluate(draw).await, "true,false of 2");
    assert_eq!(browser.axe_violations().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_announced_politely_and_nothing_pulses_for_who_wants_it_still() {
    let (_backend, proxy, twilio) = start_both();
    let browser = open(&proxy).await;
    let announced =
        |text: &str| format!("document.querySelector('[role=status]').textContent === '{text}'");
    browser.wait_for("the first number", &announced("0 users live")).await;
    twilio.start(1);
    // Not more often than each ten seconds, or nobody could listen to anything else.
    browser.wait_for("the next number", &announced("1 user live")).await;

    let dot = "document.querySelector('live-users').shadowRoot.querySelector('[part=dot]')";
    let moving = format!(
        "{dot}.getAnimations({{ subtree: true }}).filter((it) => it.playState === 'running').length"
    );
    assert_eq!(browser.evaluate(&format!("{moving} > 0")).await, true);
    browser.set_reduced_motion(true).await;
    assert_eq!(browser.evaluate(&moving).await, 0);
    let bar = "getComputedStyle(document.querySelector('.bar-fill')).transitionDuration";
    assert_eq!(browser.evaluate(bar).await, "0s");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_can_be_used_by_keyboard_alone() {
    let (_backend, proxy, twilio) = start_both();
    twilio.start(1);
    let browser = open(&proxy).await;
    browser.wait_for("the call", "document.querySelector('tr.call')").await;
    browser.press(TAB).await;
    let focus = "document.activeElement.className";
    assert_eq!(browser.evaluate(focus).await, "skip", "the first stop leads past the bar");
    let seen = "document.activeElement.getBoundingClientRect().top >= 0";
    browser.wait_for("it to be seen", seen).await;
    browser.press(ENTER).await;
    browser.wait_for("the agents", "document.activeElement.id === 'agents'").await;
    let mut stops = 0;
    while browser.evaluate(focus).await != "toggle" {
        browser.press(TAB).await;
        stops += 1;
        assert!(stops < 20, "no way to the call");
    }
    browser.press(ENTER).await;
    browser.wait_for("the details", "document.querySelector('.evidence li')").await;
    browser.press(TAB).await;
    browser.press(ENTER).await;
    browser.wait_for("the question", "document.querySelector('#evict').open").await;
    let safe = "document.activeElement.id === 'evict-cancel'";
    assert_eq!(browser.evaluate(safe).await, true, "what does no harm comes first");
    browser.press(ENTER).await;
    browser.wait_for("no question", "!document.querySelector('#evict').open").await;
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
}
