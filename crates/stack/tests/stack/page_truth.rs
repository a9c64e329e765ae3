//! The page *Existing Agents* tells no more than it knows: with a wrong clock, without a link, and with
//! filters that are not applied yet. In a real Chromium.

use live_users_testkit::{Browser, Twilio};

use crate::embed::with_three_in_doubt;
use crate::page::open;
use crate::{TOKEN, start_both};

/// A call to this agent.
fn call(twilio: &Twilio, n: u32, agent: &str) {
    let (sid, from) = (format!("CA{n:032x}"), format!("+1415555{n:04}"));
    let common = [("CallSid", &*sid), ("CallStatus", "ringing"), ("Direction", "inbound")];
    let fields = [&common[..], &[("From", &from), ("To", "+15005550006")]].concat();
    assert_eq!(twilio.post(&format!("/voice?agent={agent}"), &fields).status, 200);
}

async fn wait_for_rows(browser: &Browser, n: u32) {
    let rows = format!("document.querySelectorAll('tr.call').length === {n}");
    browser.wait_for("the calls", &rows).await;
}

async fn text(browser: &Browser, selector: &str) -> String {
    let text = format!("document.querySelector('{selector}').textContent.replace(/\\s+/g, ' ')");
    browser.evaluate(&text).await.as_str().expect("a text").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn durations_stand_still_and_do_not_go_back_when_the_link_is_lost() {
    let (mut backend, proxy, twilio) = start_both();
    let browser = open(&proxy).await;
    call(&twilio, 1, "booking");
    wait_for_rows(&browser, 1).await;
    browser.evaluate("document.querySelector('tr.call').scrollIntoView()").await;
    let watch = "(() => { window.lowered = []; const seen = new Map();
        const read = () => { for (const it of document.querySelectorAll(
                '.duration, [data-figure=average], [data-figure=longest], .card .spans dd:first-of-type')) {
            const [, minutes, seconds] = /(\\d+):(\\d+)/.exec(it.textContent) ?? [];
            if (seconds === undefined) continue;
            const now = 60 * Number(minutes) + Number(seconds);
            if (now < (seen.get(it) ?? 0)) window.lowered.push(it.textContent);
            seen.set(it, now);
        } };
        new MutationObserver(read).observe(document.body,
            { subtree: true, childList: true, characterData: true });
        window.told = () => [...seen.values()].join();
        read(); return true; })()";
    browser.evaluate(watch).await;
    let ticked = |selector: &str| {
        format!("/[0-9]:0[4-9]/.test(document.querySelector('{selector}').textContent)")
    };
    browser.wait_for("the call to get longer", &ticked(".duration")).await;
    browser.wait_for("the figure to tick", &ticked("[data-figure=longest]")).await;
    backend.kill();
    browser.wait_for("the mark", "document.body.matches('.is-stale')").await;
    // All figures are told as of the moment at which the link was lost: some may not have ticked since.
    browser.evaluate("document.dispatchEvent(new Event('visibilitychange'))").await;
    let stood = browser.evaluate("window.told()").await;
    let age = "/is [3-9] s old/.test(document.querySelector('#notice').textContent.replace(/\\s+/g, ' '))";
    browser.wait_for("what is shown to get older", age).await;
    assert_eq!(browser.evaluate("window.told()").await, stood, "they stand still");
    assert_eq!(browser.evaluate("window.lowered.join()").await, "", "none goes back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_of_the_viewer_changes_nothing_on_the_page() {
    for hours in [50, -50] {
        let (_backend, proxy, twilio) = start_both();
        let browser = open(&proxy).await;
        browser.wait_for("the panel", "!document.querySelector('#shared-links').hidden").await;
        let clock = "(() => { const Real = window.Date; window.realNow = () => Real.now();
            const now = () => Real.now() + HOURS * 3600e3;
            window.Date = class extends Real {
                constructor(...of) { if (of.length > 0) super(...of); else super(now()); }
                static now() { return now(); }
            }; return true; })()";
        browser.evaluate(&clock.replace("HOURS", &hours.to_string())).await;
        call(&twilio, 1, "booking");
        wait_for_rows(&browser, 1).await;
        browser.wait_for("the event", "document.querySelector('.activity time')").await;
        // All that ticks is told anew.
        browser.evaluate("document.dispatchEvent(new Event('visibilitychange'))").await;
        let ago = text(&browser, ".activity time").await;
        assert!(ago == "just now" || ago.ends_with(" s ago"), "{hours} h: {ago}");
        let is_of_today = "/^[0-9]{2}:[0-9]{2}:[0-9]{2}$/.test";
        for told in ["('td.time').textContent", "('.activity time').title"] {
            let told = format!("{is_of_today}(document.querySelector{told})");
            assert_eq!(browser.evaluate(&told).await, true, "{hours} h: {told}");
        }
        browser.click("#share-open").await;
        browser.wait_for("the form", "document.querySelector('#share').open").await;
        browser.evaluate("document.querySelector('#share-name').value = 'Lobby'").await;
        browser.click("#share-confirm").await;
        browser.wait_for("the link", "document.querySelector('.shared-link')").await;
        let ends = text(&browser, ".shared-link time").await;
        assert_eq!(ends, "ends in 30 days", "{hours} h");
        browser.click("#share-done").await;
        browser.click("#wallboard").await;
        let off =
            "Math.abs(new Date(document.querySelector('#clock').dateTime) - window.realNow())";
        browser.wait_for("the true time", &format!("{off} < 60e3")).await;
        assert_eq!(browser.console_errors().await, [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_cannot_be_applied_is_not_told_as_if_it_were() {
    let (mut backend, proxy, twilio) = start_both();
    (1..=3).for_each(|n| call(&twilio, n, if n == 3 { "support" } else { "booking" }));
    let browser = open(&proxy).await;
    wait_for_rows(&browser, 3).await;
    let choose = "(() => { const field = document.querySelector('#calls-agent'); \
                  field.value = 'support'; \
                  field.dispatchEvent(new Event('change')); return field.value; })()";
    backend.kill();
    browser.wait_for("the mark", "document.body.matches('.is-stale')").await;
    assert_eq!(browser.evaluate(choose).await, "support");
    let error = "/cannot be read: .*not filtered by this yet/\
                 .test(document.querySelector('#calls-error').textContent)";
    browser.wait_for("that it is not applied", error).await;
    assert_eq!(text(&browser, "#calls-told").await, "", "nothing was found");
    assert_eq!(text(&browser, "#calls-count").await, "3");
    let clear = "document.querySelector('#calls-clear').checkVisibility()";
    assert_eq!(browser.evaluate(clear).await, true, "it can be taken back");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_calls_yet_is_told_the_urls_once_and_the_empty_list_leads_there() {
    let (_backend, proxy, _twilio) = start_both();
    let browser = open(&proxy).await;
    browser.wait_for("the words", "document.querySelector('#calls-empty a')").await;
    browser.wait_for("the checklist", "document.querySelector('.check-url')").await;
    let told = text(&browser, "main").await;
    for once in ["/call-status#ct=500&rc=5&rp=all", "/voice", "What does not fail together"] {
        assert_eq!(told.matches(once).count(), 1, "{once}: {told}");
    }
    browser.click("#calls-empty a").await;
    let leads_there =
        "(() => { const top = (it) => document.querySelector(it).getBoundingClientRect();
        return location.hash === '#setup' && top('#setup').top >= top('.bar').bottom
            && top('#setup').top < innerHeight; })()";
    browser.wait_for("the steps to be in sight", leads_there).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_an_agent_is_about_so_many_where_its_own_calls_are_suspect() {
    let (_folder, backend, proxy) = with_three_in_doubt();
    let twilio = Twilio::new(&backend.url, TOKEN);
    (11..=12).for_each(|n| call(&twilio, n, "support"));
    let browser = open(&proxy).await;
    let of = |agent: &str| format!("document.querySelector('#agent-{agent} .live-number')");
    let sign = |agent: &str| format!("getComputedStyle({}, '::before')", of(agent));
    let (booking, support) = (sign("booking"), sign("support"));
    browser.wait_for("a sign", &format!("{booking}.content === '\"≈\" / \"about\"'")).await;
    assert_eq!(text(&browser, "#agent-booking .live").await, "3 users live");
    let warns = format!("{booking}.color !== getComputedStyle({}).color", of("booking"));
    assert_eq!(browser.evaluate(&warns).await, true, "in the colour of a warning, too");
    browser.wait_for("the other", &format!("{}.textContent === '2'", of("support"))).await;
    assert_eq!(browser.evaluate(&format!("{support}.content")).await, "none");
    // On a wall the sign needs its room.
    let digits = |agent: &str| format!("{}.style.getPropertyValue('--digits')", of(agent));
    assert_eq!(browser.evaluate(&digits("booking")).await, "2");
    assert_eq!(browser.axe_violations().await, [""; 0]);
    // As soon as they are heard of, it is sure again.
    (1..=3).for_each(|n| drop(twilio.start(n)));
    browser.wait_for("it to be sure", &format!("{booking}.content === 'none'")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loads_the_page_in_an_outage_is_told_how_many_there_were_and_when() {
    let (mut backend, proxy, twilio) = start_both();
    let browser = open(&proxy).await;
    (1..=2).for_each(|n| drop(twilio.start(n)));
    browser.wait_for_live_users("2 users live").await;
    backend.kill();
    browser.wait_for("the mark", "document.body.matches('.is-stale')").await;
    browser.goto(&format!("{}/admin/existing-agents", proxy.url)).await;
    browser.wait_for("a notice", "document.querySelector('#notice').checkVisibility()").await;
    let notice = text(&browser, "#notice").await;
    let told = notice.strip_prefix("There is nothing to show now; ").unwrap_or_default();
    let (age, told) = told.split_once(" s ago there were 2 users live: ").unwrap_or_default();
    assert!(age.parse::<u32>().is_ok_and(|age| age < 60), "{notice}");
    assert!(told.ends_with(". Trying again.") && told.len() > 20, "{notice}");
    assert_eq!(text(&browser, "[data-figure=users]").await, "–", "an old number is no figure");
}
