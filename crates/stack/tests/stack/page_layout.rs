//! Where the parts of the page *Existing Agents* stand, and how large they are, in a real Chromium.

use live_users_testkit::{Browser, Server, Twilio};
use serde_json::json;

use crate::chart::CHART;
use crate::page::open;
use crate::shared_links::share;
use crate::start_both;

const ROWS: &str = "document.querySelectorAll('tr.call').length";

async fn with_calls(count: u8) -> (Server, Server, Twilio, Browser) {
    let (backend, proxy, twilio) = start_both();
    for n in 1..=count {
        twilio.start(n);
    }
    let browser = open(&proxy).await;
    browser.resize(1280, 900).await;
    browser.wait_for("the calls", &format!("{ROWS} === {count}")).await;
    (backend, proxy, twilio, browser)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_of_the_history_is_what_the_chart_shows() {
    let (_backend, _proxy, _twilio, browser) = with_calls(1).await;
    let told = "document.querySelector('#history-export').innerText.replace('\\u00a0', ' ')";
    let answer = "fetch(document.querySelector('#history-export').href).then(async (it) => \
                  `${it.status} ${(await it.text()).split(',')[0]}`)";
    let asked = "(() => { const { searchParams: it } = new URL(document.querySelector('#history-export').href); \
                 return ['from', 'step', 'format', 'agent'].map((key) => it.get(key)).join(' ').trim(); })()";
    let zone = "new URL(document.querySelector('#history-export').href).searchParams.has('tz')";
    for (range, words, parameters) in [
        ("5m", "Export 5 min", "-5m exact csv"),
        ("15m", "Export 15 min", "-15m exact csv"),
        ("1h", "Export 1 h", "-1h 1m csv"),
        ("24h", "Export 24 h", "-24h 15m csv"),
        ("7d", "Export 7 d", "-7d 1h csv"),
        ("30d", "Export 30 d", "-30d 1h csv"),
    ] {
        browser.evaluate(&format!("({CHART}.range = '{range}', true)")).await;
        browser.wait_for(words, &format!("{told} === '{words}'")).await;
        assert_eq!(browser.evaluate(asked).await, parameters);
        assert_eq!(browser.evaluate(zone).await, !parameters.contains("exact"), "{range}");
        assert_eq!(browser.evaluate(answer).await, "200 at", "{range}");
    }
    browser.evaluate(&format!("({CHART}.setAttribute('agent', 'booking'), true)")).await;
    let of_agent = format!("({asked}) === '-30d 1h csv booking'");
    browser.wait_for("the export of an agent", &of_agent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_activity_stands_in_one_place_however_many_calls_there_are() {
    let (_backend, _proxy, twilio, browser) = with_calls(12).await;
    let place = "document.querySelector('#activity').parentElement.className";
    assert_eq!(browser.evaluate(place).await, "side");
    // Beside a list that is shorter than what stands beside it, no ground is left over.
    let left_over = "(() => { const bottom = (it) => document.querySelector(it).getBoundingClientRect().bottom; \
                     return Math.round(bottom('.columns') - bottom('#shared-links')); })()";
    assert_eq!(browser.evaluate(left_over).await, 0);
    for n in 2..=12 {
        twilio.end(n);
    }
    browser.wait_for("one call to be left", &format!("{ROWS} === 1")).await;
    assert_eq!(browser.evaluate(place).await, "side");
    assert_eq!(browser.evaluate(left_over).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_shared_links_are_no_longer_than_a_card_and_as_large_as_other_cards() {
    let (_backend, proxy, _twilio, browser) = with_calls(1).await;
    for _ in 0..8 {
        share(&proxy, &json!({"all": true}), "page");
    }
    browser.evaluate("(location.reload(), true)").await;
    let panel = "document.querySelector('#shared-links')";
    // They are loaded when they come into sight.
    browser.wait_for("the panel", &format!("{panel}?.checkVisibility()")).await;
    browser.evaluate(&format!("({panel}.scrollIntoView(), true)")).await;
    let has_all = "document.querySelectorAll('.shared-link').length === 8";
    browser.wait_for("the links", has_all).await;
    let height = format!("Math.round({panel}.getBoundingClientRect().height)");
    let height = browser.evaluate(&height).await.as_f64().expect("a height");
    assert!(height < 420.0, "{height} pixels");
    let sizes = "['.shared-link strong', '.shared-link .quiet', '.place-name', '.about'] \
                 .map((it) => getComputedStyle(document.querySelector(it)).fontSize).join()";
    assert_eq!(browser.evaluate(sizes).await, "14px,13px,14px,13px");
    assert_eq!(browser.axe_violations().await, [""; 0], "its end is reached by keyboard");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_filters_stand_in_one_row_and_say_all_of_their_words_in_each_language() {
    let (_backend, proxy, _twilio, browser) = with_calls(2).await;
    // The words of each choice, and the room that its arrow leaves them; also of what is there with sources alone.
    let seen = "(() => { const filters = [...document.querySelectorAll('.filters select')]; \
        for (const it of filters) it.closest('label').hidden = false; \
        const context = document.createElement('canvas').getContext('2d'); \
        const tight = (it) => { const style = getComputedStyle(it); context.font = style.font; \
            const words = context.measureText(it.selectedOptions[0].text).width; \
            const room = it.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - 16; \
            return words > room ? [`${it.selectedOptions[0].text}: ${words} of ${room}`] : []; }; \
        const rows = new Set(filters.map((it) => it.getBoundingClientRect().top)); \
        return `${rows.size} ${filters.flatMap(tight).join()}`.trim(); })()";
    let choose = |place: usize| {
        format!(
            "(() => {{ const it = document.querySelector('#calls-party'); it.selectedIndex = {place}; \
             return it.selectedIndex; }})()"
        )
    };
    for language in ["en", "de", "es", "fr", "pt", "ja"] {
        browser.goto(&format!("{}/admin/existing-agents?lang={language}", proxy.url)).await;
        browser.wait_for("the filters", "!document.querySelector('#calls-tools').hidden").await;
        for place in 0..5 {
            assert_eq!(browser.evaluate(&choose(place)).await, place);
            assert_eq!(browser.evaluate(seen).await, "1", "{language}");
        }
        browser.resize(360, 800).await;
        for place in 0..5 {
            assert_eq!(browser.evaluate(&choose(place)).await, place);
            let cut = format!("({seen}).replace(/^[0-9]+ ?/, '')");
            assert_eq!(browser.evaluate(&cut).await, "", "{language}, on a telephone");
        }
        browser.resize(1280, 900).await;
    }
}
