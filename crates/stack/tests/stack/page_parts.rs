//! The parts of the page *Existing Agents*, in a real Chromium and with its strict policy.

use live_users_testkit::{Browser, Relay, Server, Twilio};
use serde_json::Value;

use crate::page::{all_can_use_it, open, open_at, text};
use crate::remote::ok;
use crate::{API_TOKEN, start_both, start_both_with, write_agents};

/// The page with one call on it.
async fn with_a_call() -> (Server, Server, Twilio, Browser) {
    let (backend, proxy, twilio) = start_both();
    twilio.start(1);
    let browser = open(&proxy).await;
    browser.wait_for("the call", "document.querySelectorAll('tr.call').length === 1").await;
    (backend, proxy, twilio, browser)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_says_who_is_on_the_line_and_for_how_long() {
    let (_backend, _proxy, twilio, browser) = with_a_call().await;
    let row = text(&browser, "tr.call").await;
    assert!(row.contains("United States") && !row.contains("+1415"), "{row}");
    // Out of sight it need not tick.
    browser.evaluate("document.querySelector('tr.call').scrollIntoView()").await;
    let duration = "document.querySelector('.duration').innerText";
    let before = browser.evaluate(duration).await.to_string();
    browser
        .wait_for("the duration to tick", &format!("JSON.stringify({duration}) !== '{before}'"))
        .await;
    assert_eq!(text(&browser, "[data-figure=users]").await, "1");
    assert_eq!(text(&browser, "[data-figure=sureness]").await, "all confirmed");
    twilio.end(1);
    let is_quiet = "document.querySelector('#calls').innerText.includes('Nobody is on the line') \
                    || document.querySelector('#calls').innerText.includes('No calls yet')";
    browser.wait_for("the call to go", is_quiet).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_delivered_is_told_at_the_top_of_the_page_and_in_the_terminal() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/old?key=s3cr3t", listener.local_addr().expect("bound"));
    drop(listener);
    let agent = "[[agent]]\nid = \"booking\"\nname = \"B\"\nnumbers = [\"+15005550006\"]\n";
    let file = format!("{agent}status_callback_urls = [\"{url}\"]\n");
    let (_folder, agents) = write_agents(&file);
    let (backend, proxy, twilio) = start_both_with(&agents);
    let browser = open(&proxy).await;
    twilio.start(1);
    twilio.end(1);
    let says = "document.querySelector('#undelivered li')?.innerText ?? ''";
    // It is tried for an hour.
    browser.wait_for("the failure", &format!("({says}).includes('waiting')")).await;
    let text = text(&browser, "#undelivered li").await;
    assert!(text.starts_with("agent booking: 1 waiting"), "{text}");
    let is_above = "document.querySelector('#undelivered').getBoundingClientRect().bottom \
                    <= document.querySelector('#overview').getBoundingClientRect().top";
    assert_eq!(browser.evaluate(is_above).await, true);
    browser.click("#undelivered a").await;
    assert_eq!(
        browser
            .evaluate(
                "location.hash === '#agent-booking' && \
        document.querySelector(location.hash).matches('.card')"
            )
            .await,
        true
    );
    assert_eq!(browser.axe_violations().await, [""; 0]);
    let status = ok(&backend.url, API_TOKEN, &["status"]);
    let told = status.lines().find(|line| line.starts_with("not delivered to agent booking: "));
    assert!(
        told.is_some_and(|line| line.contains("1 waiting") && !line.contains("s3cr3t")),
        "{status}"
    );
    assert!(text.contains("error") && !text.contains("s3cr3t"), "{text}");
    // Of an agent that is gone there is no card, and whose messages these are is told in any language.
    std::fs::write(&agents, agent.replace("booking", "sales")).expect("a file");
    backend.hang_up();
    let is_gone = format!("({says}).startsWith('agent booking (not in the agents file): ')");
    browser.wait_for("the agent that is gone", &is_gone).await;
    assert_eq!(browser.evaluate("document.querySelector('#undelivered a')").await, Value::Null);
    browser.goto(&format!("{}/admin/existing-agents?lang=de", proxy.url)).await;
    let is_gone = format!("({says}).startsWith('Agent booking (nicht in agents.toml): ')");
    browser.wait_for("the same in German", &is_gone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_explains_itself_and_is_evicted_only_after_a_question() {
    let (_backend, _proxy, twilio, browser) = with_a_call().await;
    browser.click("tr.call .toggle").await;
    browser.wait_for("the details", "document.querySelector('.evidence li') !== null").await;
    let details = text(&browser, ".details").await;
    for told in
        ["Counted: on the line since ", "What happens next", "CA0000", "Call webhook: ringing"]
    {
        assert!(details.contains(told), "{told}: {details}");
    }
    browser.click(".details .button").await;
    let asked = text(&browser, "#evict").await;
    assert!(asked.contains("Remove this call from the count?"), "{asked}");
    browser.click("#evict-cancel").await;
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#, "nothing was done");

    browser.click(".details .button").await;
    browser.click("#evict-confirm").await;
    browser.wait_for("the call to go", "document.querySelector('tr.call') === null").await;
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
    assert_eq!(browser.evaluate("document.querySelector('#evict').open").await, false);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_undone_asks_before_says_why_it_failed_and_can_be_tried_again() {
    let (_backend, proxy, twilio) = start_both();
    twilio.start(1);
    let relay = Relay::start(&proxy.url);
    let browser = open_at(&relay.url).await;
    browser.wait_for("the panel", "!document.querySelector('#shared-links').hidden").await;
    for name in ["one", "two"] {
        browser.click("#share-open").await;
        browser.wait_for("the form", "document.querySelector('#share').open").await;
        browser.evaluate(&format!("document.querySelector('#share-name').value = '{name}'")).await;
        browser.click("#share-confirm").await;
        browser.wait_for("the link", "document.querySelector('#share-url').value !== ''").await;
        browser.click("#share-done").await;
    }
    let links = |n: u32| format!("document.querySelectorAll('.shared-link').length === {n}");
    browser.wait_for("both links", &links(2)).await;
    browser.wait_for("the call", "document.querySelector('tr.call .toggle')").await;
    browser.click("tr.call .toggle").await;
    browser.wait_for("the details", "document.querySelector('.details .button')").await;
    for (dialog, opener, failed, done) in [
        ("revoke", ".shared-link .button", "It was not revoked: ", links(1)),
        ("revoke", ".shared-link .button", "It was not revoked: ", links(0)),
        (
            "evict",
            ".details .button",
            "It was not removed: ",
            "!document.querySelector('tr.call')".to_owned(),
        ),
    ] {
        let sees =
            format!("document.querySelector('{opener}').scrollIntoView({{ block: 'center' }})");
        browser.evaluate(&sees).await;
        let is_open = format!("document.querySelector('#{dialog}').open");
        browser.click(opener).await;
        assert_eq!(browser.evaluate("document.activeElement.innerText").await, "Cancel");
        // Beside it.
        browser.evaluate(&format!("document.querySelector('#{dialog}').click()")).await;
        assert_eq!(browser.evaluate(&is_open).await, false, "{dialog}");
        relay.forbid(&["POST /api/live-users/"]);
        browser.click(opener).await;
        browser.click(&format!("#{dialog}-confirm")).await;
        let error = format!("document.querySelector('#{dialog}-error')");
        browser.wait_for("why it failed", &format!("{error}.checkVisibility()")).await;
        let told = text(&browser, &format!("#{dialog}-error")).await;
        assert!(told.starts_with(failed), "{told}");
        relay.forbid(&[]);
        browser.click(&format!("#{dialog}-confirm")).await;
        browser.wait_for("it to be done", &done).await;
        browser.wait_for("the end of the question", &format!("!{is_open}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bar_has_a_track_where_grounds_have_no_colour_and_the_export_stands_with_the_ranges() {
    let (_backend, _proxy, _twilio, browser) = with_a_call().await;
    browser.resize(1280, 900).await;
    let stands = "(() => { const box = (it) => it.getBoundingClientRect();
        const chart = document.querySelector('live-users-chart');
        const [out, ranges] = [chart.querySelector('.export'), chart.shadowRoot.querySelector('fieldset')].map(box);
        return out.top >= ranges.top && out.bottom <= ranges.bottom && out.left >= ranges.right
            ? 'beside' : JSON.stringify([out, ranges]); })()";
    assert_eq!(browser.evaluate(stands).await, "beside");
    let title = "document.querySelector('live-users-chart').shadowRoot.querySelector('slot').assignedNodes().length";
    assert_eq!(browser.evaluate(title).await, 0, "its title is its own");
    let track = "(() => { const style = getComputedStyle(document.querySelector('.card:not(.is-unlimited) .bar-track'));
        return [style.borderTopWidth, style.borderBottomWidth, style.borderLeftStyle].join(); })()";
    assert_eq!(browser.evaluate(track).await, "0px,0px,none");
    browser.set_forced_colors(true).await;
    assert_eq!(browser.evaluate(track).await, "1px,1px,solid");
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_can_use_the_page_in_light_and_dark_on_small_and_large_screens() {
    let (_backend, _proxy, _twilio, browser) = with_a_call().await;
    browser.click("tr.call .toggle").await;
    browser.wait_for("the details", "document.querySelector('.evidence li') !== null").await;
    all_can_use_it(&browser, [(360, 800), (1280, 900)]).await;
    browser.click("#wallboard").await;
    browser.wait_for("the mode", "document.documentElement.matches('.wallboard')").await;
    assert_eq!(browser.axe_violations().await, [""; 0], "on the wall");
    assert_eq!(browser.evaluate("location.search").await, "?wallboard");
    let hidden = "document.querySelector('#calls').checkVisibility()";
    assert_eq!(browser.evaluate(hidden).await, false, "only what can be read from afar");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_is_marked_with_its_age_and_does_not_tick() {
    let (mut backend, _proxy, _twilio, browser) = with_a_call().await;
    backend.kill();
    browser.wait_for("the mark", "document.body.matches('.is-stale')").await;
    let link = text(&browser, "#link").await;
    assert_eq!(link, "Offline", "one notice has the age");
    let sure = "getComputedStyle(document.querySelector('[data-figure=sureness]')).visibility";
    assert_eq!(browser.evaluate(sure).await, "hidden", "nothing is confirmed any more");
    let notice = text(&browser, "#notice").await;
    assert!(notice.contains("old") && notice.contains("Trying again"), "{notice}");
    let told = "document.querySelector('#announcement').textContent.includes('Offline')";
    browser.wait_for("whoever listens to be told", told).await;
    assert_eq!(browser.axe_violations().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_signed_out_elsewhere_is_led_to_the_sign_in_and_back() {
    let (_backend, _proxy, _twilio, browser) = with_a_call().await;
    browser.evaluate("fetch('/admin/sign-out', { method: 'POST' }).then(() => true)").await;
    browser.wait_for("the sign-in", "location.pathname === '/admin/sign-in'").await;
    let next = browser.evaluate("new URLSearchParams(location.search).get('next')").await;
    assert_eq!(next, "/admin/existing-agents");
    let told = text(&browser, "[role=status]").await;
    assert!(told.contains("another window"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_agents_are_sorted_found_and_touched_only_where_they_change() {
    let (_backend, proxy, _twilio) = start_both();
    let browser = open(&proxy).await;
    browser.wait_for("the first frame", "!document.querySelector('#cards').ariaBusy").await;
    // A second set of cards on the same page, with a summary of its own; the first one is not drawn
    // again, because no new frames are let in.
    let draw = "(async () => {
        const { Cards } = await import('/admin/cards.js');
        const byAgent = Array.from({ length: 1000 }, (_, i) => ({
            agent: `a${i}`, name: `Agent ${i}`, numbers: [`+1500555${String(i).padStart(4, '0')}`],
            capacity: 10, ownVoice: false, liveUsers: i % 12, liveCalls: i % 12,
            averageMs: i % 12 ? 61500 : null, longestMs: null,
            lastHour: { calls: 3, averageMs: 70000, longestMs: 80000 },
            lastDay: { calls: 0, averageMs: null, longestMs: null },
        }));
        document.querySelector('main').inert = false;
        for (const id of ['cards', 'agents-search', 'agents-sort', 'agents-all']) {
            const old = document.getElementById(id);
            old.replaceWith(old.cloneNode(id !== 'cards'));
        }
        window.store = { summary: { byAgent }, elapsedMs: 0 };
        window.cards = new Cards(window.store);
        window.cards.draw();
        return true;
    })()";
    browser.evaluate(draw).await;
    let shown = "[...document.querySelectorAll('#cards h3')].map((it) => it.textContent)";
    let names = browser.evaluate(shown).await;
    assert_eq!((names[0].as_str(), names[1].as_str()), (Some("Agent 11"), Some("Agent 23")));
    assert_eq!(names.as_array().map(Vec::len), Some(24), "the first of them");
    let over = text(&browser, "#cards .card").await;
    for part in
        ["11 of 10 calls", "over capacity", "+1\u{a0}500\u{a0}555\u{a0}0011", "1:10 3 calls"]
    {
        assert!(over.contains(part), "{part}: {over}");
    }

    let search = "(() => { const field = document.querySelector('#agents-search'); \
                  field.value = '555 0777'; field.dispatchEvent(new Event('input')); \
                  return true; })()";
    browser.evaluate(search).await;
    assert_eq!(browser.evaluate(&format!("{shown}.join()")).await, "Agent 777");
    let all = "(() => { const field = document.querySelector('#agents-search'); field.value = ''; \
               field.dispatchEvent(new Event('input')); \
               document.querySelector('#agents-all').click(); return true; })()";
    browser.evaluate(all).await;
    let touched = format!(
        "(async () => {{ const seen = []; \
         const watch = new MutationObserver((all) => seen.push(...all)); \
         watch.observe(document.querySelector('#cards'), {{ subtree: true, childList: true, \
         characterData: true }}); \
         const rows = window.store.summary.byAgent; \
         rows.forEach((row, i) => rows[i] = {{ ...row, longestMs: i, \
         averageMs: row.averageMs && row.averageMs + 9 }}); \
         rows[23] = {{ ...rows[23], liveUsers: 12, liveCalls: 12 }}; window.cards.draw(); \
         await 0; const cards = new Set(seen.map(({{ target }}) => \
         (target.closest ?? target.parentElement.closest).call(target.closest ? target : \
         target.parentElement, '.card')).filter(Boolean)); \
         return [{shown}.length, cards.size]; }})()"
    );
    let touched = browser.evaluate(&touched).await;
    assert_eq!((touched[0].as_u64(), touched[1].as_u64()), (Some(1000), Some(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_spans_and_places_are_written_as_people_read_them() {
    let (_backend, proxy, _twilio) = start_both();
    let browser = open(&proxy).await;
    let written = "import('/admin/format.js').then((it) => [
        it.span(null), it.span(0), it.span(7_900), it.span(61_500), it.span(3_661_000), it.span(-5),
        it.age(59_400), it.age(119_000), it.age(121_000), it.age(7_200_000), it.age(172_800_000),
        it.ago(200), it.ago(12_000), it.ago(-240_000),
        it.userWord(1), it.userWord(0), it.calls(1), it.calls(1042),
        it.country('US'), it.country(null), it.country('??'), it.country('ZZ'),
        it.place({ country: 'US', region: 'CA' }), it.place({ country: 'DE', region: null }),
        it.place({ country: null, region: 'CA' }),
        it.place({ country: 'US', region: 'CA', city: 'SAN FRANCISCO' }),
        it.place({ country: 'CA', region: null, city: 'ST. JOHN’S' }),
        it.place({ country: 'CA', region: 'QC', city: 'Montréal' }),
        it.locality({ country: 'DE', region: null, city: null }),
        it.phone('+14155550123'), it.phone('+442079460958'), it.phone('+33142685300'),
        it.phone('+35312345678'), it.phone('+79161234567'), it.phone('+12345678'),
        it.phone('+1500***0042'), it.phone('sip:desk@example.com'),
        it.words('no-answer'), it.words('a-new-word'), it.moment('not a moment'),
    ].map((text) => text.replaceAll('\\u00a0', ' ')).join(' | '))";
    let expected = [
        "–",
        "0:00",
        "0:07",
        "1:01",
        "1:01:01",
        "0:00",
        "59 s",
        "119 s",
        "2 min",
        "2 h",
        "2 d",
        "just now",
        "12 s ago",
        "in 4 min",
        "user",
        "users",
        "1 call",
        "1,042 calls",
        "United States",
        "Unknown",
        "??",
        "Unknown Region",
        "CA, United States",
        "Germany",
        "Unknown",
        "San Francisco, CA, United States",
        "St. John’s, Canada",
        "Montréal, QC, Canada",
        "",
        "+1 415 555 0123",
        "+44 207 946 0958",
        "+33 142 685 300",
        "+353 123 456 78",
        "+7 916 123 4567",
        "+1 234 5678",
        "+1500***0042",
        "sip:desk@example.com",
        "not answered",
        "a new word",
        "–",
    ];
    assert_eq!(browser.evaluate(written).await, expected.join(" | "));
    let whole = "import('/admin/format.js').then((it) => \
                 [59_400, 121_000, 7_200_000].every((ms) => it.age(ms).includes('\\u00a0')))";
    assert_eq!(browser.evaluate(whole).await, true, "a number and its unit stay on one line");
}
