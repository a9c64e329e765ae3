//! The list of calls on the page: searched, filtered, longer on request, and still under a reader.

use live_users_testkit::{Browser, Twilio};

use crate::page::{all_can_use_it, open, text};
use crate::remote::ok;
use crate::{API_TOKEN, start_both};

const ROWS: &str = "document.querySelectorAll('tr.call').length";

/// A call of this country and city, to this agent.
fn call(twilio: &Twilio, n: u32, agent: &str, (country, city): (&str, &str)) {
    let (sid, from) = (format!("CA{n:032x}"), format!("+1415555{n:04}"));
    let fields = [
        ("CallSid", &*sid),
        ("CallStatus", "ringing"),
        ("Direction", "inbound"),
        ("From", &from),
        ("FromCountry", country),
        ("FromCity", city),
        ("To", "+15005550006"),
    ];
    assert_eq!(twilio.post(&format!("/voice?agent={agent}"), &fields).status, 200);
}

fn end(twilio: &Twilio, n: u32) {
    let (sid, from) = (format!("CA{n:032x}"), format!("+1415555{n:04}"));
    let fields = [
        ("CallSid", &*sid),
        ("CallStatus", "completed"),
        ("Direction", "inbound"),
        ("From", &from),
        ("To", "+15005550006"),
    ];
    assert_eq!(twilio.post("/call-status", &fields).status, 204);
}

async fn set(browser: &Browser, field: &str, value: &str) {
    let set = format!(
        "(() => {{ const field = document.querySelector('#calls-{field}'); field.value = '{value}'; \
         const kind = field.tagName === 'SELECT' ? 'change' : 'input'; \
         field.dispatchEvent(new Event(kind, {{ bubbles: true }})); return field.value; }})()"
    );
    assert_eq!(browser.evaluate(&set).await, value, "{field} can be that");
}

async fn wait_for_count(browser: &Browser, text: &str) {
    let shown = format!("document.querySelector('#calls-count').innerText === '{text}'");
    browser.wait_for(text, &shown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_searched_and_filtered_and_a_reload_keeps_that() {
    let (_backend, proxy, twilio) = start_both();
    for (n, agent, place) in [
        (1, "booking", ("US", "OAKLAND")),
        (2, "support", ("DE", "MÜNCHEN")),
        (3, "booking", ("DE", "BERLIN")),
        (4, "booking", ("", "")),
    ] {
        call(&twilio, n, agent, place);
    }
    let browser = open(&proxy).await;
    wait_for_count(&browser, "4").await;
    assert_eq!(browser.evaluate("location.hash").await, "");
    let german =
        "[...document.querySelectorAll('#calls-country option')].map((it) => it.text).join()";
    browser.wait_for("the countries", &format!("({german}).includes('Germany')")).await;
    assert_eq!(
        browser.evaluate("document.querySelector('#calls-source').closest('label').hidden").await,
        true
    );

    set(&browser, "country", "DE").await;
    wait_for_count(&browser, "2 of 4").await;
    assert_eq!(browser.evaluate("location.hash").await, "#calls&country=DE");
    let exported = "document.querySelector('#calls-export').search";
    assert_eq!(
        browser.evaluate(exported).await,
        "?country=DE&dialing=true&format=csv",
        "what is shown"
    );
    let told = "document.querySelector('#calls-told[role=status]').textContent";
    assert_eq!(browser.evaluate(told).await, "2 of 4 calls found");
    set(&browser, "agent", "support").await;
    wait_for_count(&browser, "1 of 4").await;
    // What happens meanwhile comes in if it fits, and nobody is told of it aloud.
    call(&twilio, 5, "support", ("DE", "KÖLN"));
    wait_for_count(&browser, "2 of 5").await;
    assert_eq!(browser.evaluate(told).await, "1 of 4 calls found");
    browser.evaluate("location.reload()").await;
    wait_for_count(&browser, "2 of 5").await;
    assert_eq!(browser.evaluate(ROWS).await, 2);
    assert_eq!(browser.evaluate("document.querySelector('#calls-agent').value").await, "support");

    browser.click("#calls-clear").await;
    wait_for_count(&browser, "5").await;
    assert_eq!(browser.evaluate("location.hash").await, "");
    assert_eq!(
        browser.evaluate("document.activeElement.id").await,
        "calls-search",
        "it is not lost"
    );
    // By the city, by the name of the country as it is read here, and by nothing.
    for (text, count) in [("oakl", "1 of 5"), ("german", "3 of 5"), ("nowhere", "0 of 5")] {
        set(&browser, "search", text).await;
        wait_for_count(&browser, count).await;
    }
    let none =
        "document.querySelector('#calls-empty').innerText.startsWith('No call on the line fits')";
    assert_eq!(browser.evaluate(none).await, true);
    // A phone number is in no address and in no request.
    set(&browser, "search", "+1 415 555 0001").await;
    browser.wait_for("the hint", "!document.querySelector('#calls-hint').hidden").await;
    let asked = "performance.getEntriesByType('resource').some((it) => it.name.includes('415'))";
    assert_eq!(browser.evaluate(asked).await, false);
    assert_eq!(browser.evaluate("location.hash.includes('415')").await, false);
    // The other fields filter all the same.
    wait_for_count(&browser, "5").await;
    set(&browser, "country", "DE").await;
    wait_for_count(&browser, "3 of 5").await;
    assert_eq!(browser.evaluate("location.hash").await, "#calls&country=DE");
    assert_eq!(browser.evaluate(asked).await, false);
    assert_eq!(browser.axe_violations().await, [""; 0]);
    assert_eq!(browser.console_errors().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_is_in_the_list_with_how_long_and_a_filter_finds_them() {
    let (backend, proxy, twilio) = start_both();
    call(&twilio, 1, "booking", ("US", "OAKLAND"));
    let sid = format!("CA{:032x}", 2);
    let dialled = [
        ("CallSid", &*sid),
        ("CallStatus", "ringing"),
        ("Direction", "outbound-api"),
        ("From", "+15005550006"),
        ("To", "+14155550102"),
    ];
    assert_eq!(twilio.post("/call-status?agent=booking", &dialled).status, 204);
    let browser = open(&proxy).await;
    wait_for_count(&browser, "2").await;
    let row = text(&browser, "tr.call.is-uncounted").await;
    assert!(row.contains("waiting 0:") && row.contains("not counted"), "{row}");
    let mark = "document.querySelector('.is-uncounted .is-party')";
    assert_eq!(browser.evaluate(&format!("{mark}.title")).await, "Not answered yet");
    browser.evaluate(&format!("{mark}.scrollIntoView()")).await;
    let before = text(&browser, ".is-uncounted .is-party").await;
    browser.wait_for("the time to go on", &format!("{mark}.innerText !== '{before}'")).await;

    set(&browser, "party", "waiting").await;
    wait_for_count(&browser, "1 of 2").await;
    assert_eq!(browser.evaluate("location.hash").await, "#calls&party=waiting");
    assert_eq!(browser.evaluate(&format!("{ROWS} === 1 && {mark} !== null")).await, true);
    all_can_use_it(&browser, [(360, 800), (1280, 900)]).await;
    let exported = "document.querySelector('#calls-export').search";
    let expected = "?party=waiting&dialing=true&format=csv";
    assert_eq!(browser.evaluate(exported).await, expected);
    let listed = ok(&backend.url, API_TOKEN, &["calls", "--waiting"]);
    assert!(listed.contains("WAITS") && listed.lines().count() == 2, "{listed}");
    assert!(listed.contains(&sid) && listed.contains("booking"), "{listed}");

    // Whoever picks up talks with the agent, and waits no more.
    let talks = [&dialled[..1], &[("CallStatus", "in-progress")], &dialled[2..]].concat();
    assert_eq!(twilio.post("/voice?agent=booking", &talks).status, 200);
    wait_for_count(&browser, "0 of 2").await;
    set(&browser, "party", "").await;
    wait_for_count(&browser, "2").await;
    let waits = "document.querySelector('#calls-rows').innerText.includes('waiting')";
    assert_eq!(browser.evaluate(waits).await, false);
    assert_eq!(browser.console_errors().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_calls_are_loaded_and_live_updates_keep_the_place() {
    let (_backend, proxy, twilio) = start_both();
    (1..=130).for_each(|n| call(&twilio, n, "booking", ("US", "OAKLAND")));
    let browser = open(&proxy).await;
    browser.wait_for("the first calls", &format!("{ROWS} === 100")).await;
    let shown = "document.querySelector('#calls-shown').textContent";
    assert_eq!(browser.evaluate(shown).await, "Shown are the 100 longest of 130 calls.");
    browser.evaluate("document.querySelector('#calls-load').focus()").await;
    browser.press("\u{e007}").await;
    browser.wait_for("all of them", &format!("{ROWS} === 130")).await;
    assert_eq!(browser.evaluate("document.querySelector('#calls-more').hidden").await, true);
    // Whoever has pressed the button, which is gone, goes on at the first of the calls that it brought.
    let focused =
        "[...document.querySelectorAll('tr.call')].indexOf(document.activeElement.closest('tr'))";
    assert_eq!(browser.evaluate(focused).await, 100);

    // The head stays in sight, right under the bar.
    let middle = "(() => { const row = document.querySelectorAll('tr.call')[60]; \
                  row.scrollIntoView({ block: 'center' }); \
                  window.watched = row; window.top0 = row.getBoundingClientRect().top; \
                  const head = document.querySelector('.calls thead th').getBoundingClientRect().top; \
                  const bar = document.querySelector('.bar').getBoundingClientRect().bottom; \
                  return Math.abs(head - bar) < 2; })()";
    assert_eq!(browser.evaluate(middle).await, true);
    // Of the rows out of sight none ticks, so that long lists cost little.
    let ticking = "(async () => { const read = () => [...document.querySelectorAll('.duration')].map((it) => it.innerText); \
                   let before = read(); \
                   for (;;) { await new Promise(requestAnimationFrame); const now = read(); \
                   const moved = now.filter((it, n) => it !== before[n]).length; before = now; \
                   if (moved > 0 && moved < 100) return true; } })()";
    assert_eq!(browser.evaluate(ticking).await, true);
    end(&twilio, 1);
    end(&twilio, 2);
    browser.wait_for("the calls to go", &format!("{ROWS} === 128")).await;
    let moved = "Math.abs(window.watched.getBoundingClientRect().top - window.top0)";
    assert!(browser.evaluate(moved).await.as_f64().expect("pixels") < 2.0, "it stays where it was");
    assert_eq!(browser.console_errors().await, [""; 0]);
}
