//! What the page shows before its scripts have asked for anything, and how little it asks for.

use live_users_testkit::{Browser, Relay, Server};

use crate::{page, start_both};

async fn open_with_data(url: &str) -> Browser {
    let browser = page::open_at(url).await;
    load_with_data(&browser, url).await;
    browser
}

/// Loads the page until its data come with it: the page waits for them for 300 ms, which a busy machine may need.
async fn load_with_data(browser: &Browser, url: &str) {
    for _ in 0..100 {
        browser.goto(&format!("{url}/admin/existing-agents")).await;
        if browser.evaluate("document.querySelector('#first-data') !== null").await == true {
            return;
        }
    }
    panic!("the page came 100 times without its data");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_is_there_without_any_script_and_says_its_time_when_it_gets_old() {
    let (_backend, proxy, twilio) = start_both();
    twilio.start(1);
    let relay = Relay::start(&proxy.url);
    relay.forbid(&[".js HTTP"]);
    let browser = open_with_data(&relay.url).await;
    assert_eq!(browser.evaluate("customElements.get('live-users') === undefined").await, true);
    let shown = browser.evaluate("document.querySelector('live-users').innerText").await;
    let shown = shown.as_str().expect("a text");
    assert!(shown.starts_with("1 user live, as of ") && shown.ends_with(" UTC"), "{shown}");
    let width = "document.querySelector('.first-as-of').getBoundingClientRect().width";
    browser.wait_for("the time of the number", &format!("{width} > 0")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_with_the_page_is_drawn_and_is_old_where_the_link_fails() {
    let (_backend, proxy, twilio) = start_both();
    twilio.start(1);
    twilio.start(2);
    let relay = Relay::start(&proxy.url);
    relay.forbid(&["/api/live-users"]);
    let browser = open_with_data(&relay.url).await;
    let figure = "document.querySelector('[data-figure=users]').textContent";
    browser.wait_for("the figure", &format!("{figure} === '2'")).await;
    let card = "/booking/i.test(document.querySelector('#cards').innerText)";
    browser.wait_for("a card of the agent that talks", card).await;
    browser.wait_for("its mark", "document.body.classList.contains('is-stale')").await;
    let notice = "document.querySelector('#notice').textContent";
    browser.wait_for("a notice", &format!("{notice}.startsWith('What is shown is ')")).await;
    let badge = browser.text_of_live_users().await.expect("a text");
    assert!(!badge.contains("2 users live"), "{badge}");
    relay.forbid(&[]);
    browser.wait_for_live_users("2 users live").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_the_header_has_the_number_of_its_time_for_everybody_to_read() {
    let (_backend, proxy, twilio) = start_both();
    twilio.start(1);
    let browser = page::open(&proxy).await;
    browser.wait_for_live_users("1 user live").await;
    browser.set_scripts(false).await;
    load_with_data(&browser, &proxy.url).await;
    let shown = browser.evaluate("document.querySelector('live-users').innerText").await;
    let shown = shown.as_str().expect("a text");
    let time = shown.strip_prefix("1 user live, as of ");
    assert!(
        time.is_some_and(|it| it.ends_with(" UTC (the live count needs JavaScript)")),
        "{shown}"
    );
    let is_hidden = "document.querySelector('live-users').closest('[aria-hidden]') !== null";
    assert_eq!(browser.evaluate(is_hidden).await, false, "nothing else says it");
    let width = "document.querySelector('.first-as-of').getBoundingClientRect().width";
    browser.wait_for("the time of the number", &format!("{width} > 0")).await;
}

/// How often the page has asked for something with this in its address.
async fn asked(browser: &Browser, part: &str) -> serde_json::Value {
    let entries = "performance.getEntriesByType('resource')";
    browser
        .evaluate(&format!("{entries}.filter(({{ name }}) => name.includes('{part}')).length"))
        .await
}

async fn open_whole(proxy: &Server, live_users: u32) -> Browser {
    let browser = open_with_data(&proxy.url).await;
    let users = if live_users == 1 { "user" } else { "users" };
    browser.wait_for_live_users(&format!("{live_users} {users} live")).await;
    let chart = "document.querySelector('live-users-chart').getAttribute('state')";
    browser.wait_for("the history", &format!("!['loading', null].includes({chart})")).await;
    browser
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_asked_for_twice_or_that_has_come_with_the_page_or_is_not_needed() {
    let (_backend, proxy, twilio) = start_both();
    // Nothing has happened yet, so the page says how calls come in, which is one more script and style.
    for (live_users, parts) in [(0, 2), (1, 1)] {
        let browser = open_whole(&proxy, live_users).await;
        let is_drawn = "document.querySelector('#setup-list li, #calls-rows tr') !== null";
        browser.wait_for("the checklist or the call", is_drawn).await;
        for (part, times) in [
            ("/history?", 1),
            ("/access", 0),
            ("/calls?", 1),
            ("/activity?", 1),
            ("/links", 0),
            (".js", parts),
            (".css", parts),
        ] {
            assert_eq!(asked(&browser, part).await, times, "{part} with {live_users}");
        }
        assert_eq!(browser.console_errors().await, [""; 0], "the page's policy allows its data");
        twilio.start(1);
    }
}
