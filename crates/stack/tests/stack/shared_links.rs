//! Shared links in a real Chromium: made on the page, opened beside an admin, revoked; and the wallboard.

use std::fmt::Write as _;

use live_users_testkit::{Browser, Relay, Server, send};
use serde_json::{Value, json as value};

use crate::remote::{json, ok, told};
use crate::{ADMIN_TOKEN, API_TOKEN, page, proxy_with, start_both, start_both_with, write_agents};

const PATH: &str = "location.pathname";
const TEXT: &str = "document.body.innerText";

/// Shares a link by the API of the proxy. Its id, and its address.
pub(crate) fn share(proxy: &Server, scope: &Value, view: &str) -> (String, String) {
    let authorization = format!("Bearer {ADMIN_TOKEN}");
    let body = value!({ "name": "Lobby", "scope": scope, "view": view, "expires": "1d" });
    let url = format!("{}/api/live-users/links", proxy.url);
    let headers = [("Authorization", authorization.as_str())];
    let answer = send("POST", &url, &headers, body.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
    let made: Value = serde_json::from_str(&answer.body).expect("JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let token = text(&made["token"]);
    (text(&made["link"]["id"]), format!("{}/view#token={token}", proxy.url))
}

/// Revokes a link by the API of the proxy.
fn revoke(proxy: &Server, id: &str) {
    let authorization = format!("Bearer {ADMIN_TOKEN}");
    let url = format!("{}/api/live-users/links/{id}/revoke", proxy.url);
    assert_eq!(send("POST", &url, &[("Authorization", &authorization)], b"").status, 200);
}

async fn open(browser: &Browser, url: &str) {
    // Only a fragment would change otherwise, and nothing be loaded.
    browser.goto("about:blank").await;
    browser.goto(url).await;
    browser.wait_for("the page of a link", &format!("/^.view.[0-9a-f]{{16}}$/.test({PATH})")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_shares_a_link_on_the_page_opens_it_and_revokes_it_and_stays_signed_in() {
    let (_backend, proxy, twilio) = start_both();
    twilio.start(1);
    let browser = page::open(&proxy).await;
    browser.wait_for("the panel", "!document.querySelector('#shared-links').hidden").await;
    browser.click("#share-open").await;
    browser.wait_for("the form", "document.querySelector('#share').open").await;
    browser.evaluate("document.querySelector('#share-name').value = 'Screen in the lobby'").await;
    browser
        .evaluate("document.querySelector('#share-scope').value = '{\"agent\":\"booking\"}'")
        .await;
    browser.click("#share-confirm").await;
    browser.wait_for("the link", "document.querySelector('#share-url').value !== ''").await;
    assert_eq!(browser.axe_violations().await, [""; 0]);
    let url = browser.evaluate("document.querySelector('#share-url').value").await;
    let url = url.as_str().expect("a link").to_owned();
    assert!(url.starts_with(&format!("{}/view#token=link-", proxy.url)), "{url}");
    browser.click("#share-done").await;
    // The dialog tells of its end a moment later.
    browser.wait_for("it to be gone", "document.querySelector('#share-url').value === ''").await;
    let listed =
        "/Screen in the lobby/.test(document.querySelector('#shared-links-list').innerText)";
    browser.wait_for("the link in the list", listed).await;

    open(&browser, &url).await;
    browser
        .wait_for("the wallboard", "document.documentElement.classList.contains('wallboard')")
        .await;
    browser.wait_for("the card", &format!("/Table bookings|booking/i.test({TEXT})")).await;
    let shown = browser.evaluate(TEXT).await;
    let shown = shown.as_str().expect("text");
    assert!(!shown.contains("Sign out") && !shown.contains("Leave wallboard"), "{shown}");
    assert!(!shown.contains("Support"), "of another agent: {shown}");
    assert_eq!(browser.evaluate("location.href.includes('link-')").await, false);
    assert_eq!(browser.axe_violations().await, [""; 0]);
    let link = browser.evaluate(PATH).await.as_str().expect("a path").to_owned();

    // The admin is still signed in, sees that the link is used, and ends it.
    browser.goto(&format!("{}/admin/existing-agents", proxy.url)).await;
    browser.wait_for_live_users("1 user live").await;
    assert_eq!(browser.evaluate(PATH).await, "/admin/existing-agents");
    browser.evaluate("document.querySelector('#shared-links').scrollIntoView()").await;
    let used = "/used/.test(document.querySelector('#shared-links-list')?.innerText)";
    browser.wait_for("its use", used).await;
    browser.click("#shared-links-list button").await;
    browser.click("#revoke-confirm").await;
    browser.wait_for("an empty list", "document.querySelector('#shared-links-list').hidden").await;
    browser.goto(&format!("{}{link}", proxy.url)).await;
    browser.wait_for("what has happened", &format!("/was revoked/.test({TEXT})")).await;
    assert_eq!(browser.axe_violations().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_open_while_it_is_revoked_says_so_by_itself() {
    let (_backend, proxy, twilio) = start_both();
    twilio.start(1);
    let browser = Browser::start().await;
    let (id, url) = share(&proxy, &value!({"all": true}), "page");
    open(&browser, &url).await;
    browser.wait_for("the call", "document.querySelector('tr.call')").await;
    // What is told until the page is loaded again, which may be at once.
    let watch = "(() => { sessionStorage.told = ''; const read = () => {
        const notice = document.querySelector('#notice'); const rows = document.querySelector('#calls-rows');
        if (notice.checkVisibility()) sessionStorage.told += `${notice.textContent} `;
        if (document.body.matches('.is-over') && rows.checkVisibility()) sessionStorage.told += 'calls '; };
        new MutationObserver(read).observe(document.body,
            { subtree: true, childList: true, attributes: true, characterData: true });
        return true; })()";
    browser.evaluate(watch).await;
    revoke(&proxy, &id);
    let is_told = format!("/link was revoked[.] Ask/.test({TEXT})");
    browser.wait_for("what has happened", &is_told).await;
    let told = browser.evaluate("sessionStorage.told").await;
    let told = told.as_str().expect("a text");
    for wrong in ["has stopped", "Authorization", "Trying again", "calls"] {
        assert!(!told.contains(wrong), "{wrong}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_sent_in_a_language_and_stays_in_it() {
    let (_backend, proxy, twilio) = start_both();
    twilio.start(1);
    let browser = Browser::start().await;
    let (_, url) = share(&proxy, &value!({"all": true}), "page");
    open(&browser, &url.replace("/view#", "/view?lang=pt-BR#")).await;
    browser.wait_for_live_users("1 usuário ao vivo").await;
    assert_eq!(
        browser.evaluate("document.documentElement.lang + location.search").await,
        "pt?lang=pt"
    );
    // A session that is lost leads to a sign-in in the language, and that leads back.
    let page = format!("{}/admin/existing-agents", proxy.url);
    browser.sign_in(&page, ADMIN_TOKEN).await;
    browser.goto(&format!("{page}?lang=es")).await;
    browser.wait_for_live_users("1 usuario en vivo").await;
    browser.evaluate("(document.querySelector('#sign-out').requestSubmit(), true)").await;
    browser.wait_for("the sign-in", "location.pathname === '/admin/sign-in'").await;
    assert_eq!(browser.evaluate("document.documentElement.lang").await, "es");
    browser.show_token("wrong-token-wrong-token").await;
    browser.wait_for("the refusal", "document.querySelector('#error')").await;
    assert_eq!(browser.evaluate("document.documentElement.lang").await, "es");
    browser.show_token(ADMIN_TOKEN).await;
    browser.wait_for_live_users("1 usuario en vivo").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_refusal_is_enough_for_the_page_of_a_link_that_was_revoked() {
    let (_backend, proxy, twilio) = start_both();
    twilio.start(1);
    let browser = Browser::start().await;
    let (id, url) = share(&proxy, &value!({"all": true}), "page");
    open(&browser, &url).await;
    browser.wait_for("the call", "document.querySelector('tr.call')").await;
    browser.wait_for("the link", "document.querySelector('#link').dataset.state === 'live'").await;
    // The page stays as it is: it is loaded again only when it is older than it says it is. What was asked
    // before the first refusal came may be refused as well.
    let watch = "(() => { performance.now = () => 0; window.refusals = 0; window.askedAfter = 0;
        const { fetch } = window; window.fetch = async (...asked) => {
            if (window.refusals > 0) window.askedAfter += 1;
            const answer = await fetch(...asked); if (answer.status === 401) window.refusals += 1;
            return answer; };
        const { WebSocket } = window; window.sockets = 0;
        window.WebSocket = function (...all) { window.sockets += 1; return new WebSocket(...all); };
        return true; })()";
    browser.evaluate(watch).await;
    revoke(&proxy, &id);
    browser.wait_for("its end", "document.body.matches('.is-over')").await;
    let seen = "JSON.stringify({ isRefused: refusals > 0, askedAfter, sockets })";
    assert_eq!(browser.evaluate(seen).await, r#"{"isRefused":true,"askedAfter":0,"sockets":0}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_link_shows_its_calls_and_no_orders_and_the_total_is_the_total_alone() {
    let (_backend, proxy, twilio) = start_both();
    twilio.start(1);
    twilio.start(2);
    let browser = Browser::start().await;
    let (_, url) = share(&proxy, &value!({"all": true}), "page");
    open(&browser, &url).await;
    browser.wait_for("calls", "document.querySelectorAll('#calls-rows tr').length >= 2").await;
    let buttons = "[...document.querySelectorAll('button')].filter((it) => it.checkVisibility())\
                   .map((it) => it.innerText).join()";
    let shown = browser.evaluate(buttons).await;
    let shown = shown.as_str().expect("text");
    for order in ["Sign out", "Wallboard", "Share a link", "Take", "Evict"] {
        assert!(!shown.contains(order), "{order}: {shown}");
    }
    // How Twilio is asked is a matter of whoever runs this.
    let foot = "document.querySelector('[data-figure=users]').innerText + \
                document.querySelector('#foot').textContent";
    assert_eq!(browser.evaluate(foot).await, "2");
    assert_eq!(browser.console_errors().await, [""; 0]);

    let (_, url) = share(&proxy, &value!({"total": true}), "page");
    open(&browser, &url).await;
    browser
        .wait_for("the number", "document.querySelector('[data-figure=users]').innerText === '2'")
        .await;
    for part in ["#agents", "#calls", "#activity", "#places"] {
        let is_seen = format!("document.querySelector('{part}').checkVisibility()");
        assert_eq!(browser.evaluate(&is_seen).await, false, "{part}");
    }
    assert_eq!(browser.console_errors().await, [""; 0], "nothing is asked that is refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_an_agents_link_tells_that_a_call_moves_away_and_not_where_to() {
    let (_backend, proxy, twilio) = start_both();
    twilio.start(1);
    let browser = Browser::start().await;
    let (_, url) = share(&proxy, &value!({"agent": "booking"}), "page");
    open(&browser, &url).await;
    let feed = "document.querySelector('#feed').innerText";
    browser.wait_for("the call", &format!("/Call started/.test({feed})")).await;
    let sid = format!("CA{:032x}", 1);
    let fields = [("CallSid", &*sid), ("CallStatus", "in-progress"), ("Direction", "inbound")];
    assert_eq!(twilio.post("/voice?agent=support", &fields).status, 200);
    browser.wait_for("the move", &format!("/Moved to another agent/.test({feed})")).await;
    let shown = browser.evaluate(TEXT).await;
    let shown = shown.as_str().expect("text").to_lowercase();
    assert!(!shown.contains("support"), "of another agent: {shown}");
}

/// So many agents, none of which has a call.
fn agents(n: usize) -> String {
    let mut file = String::new();
    for n in 1..=n {
        writeln!(file, "[[agent]]\nid = \"a{n}\"\nname = \"Agent number {n}\"").expect("a text");
    }
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallboard_pages_through_all_agents_and_says_which_page_it_is() {
    let (_folder, file) = write_agents(&agents(32));
    let (_backend, proxy, _twilio) = start_both_with(&file);
    let (_, url) = share(&proxy, &value!({"all": true}), "wallboard");
    let browser = Browser::start().await;
    browser.resize(1920, 1080).await;
    open(&browser, &url).await;
    let watch = "(() => { window.names = new Set(); window.pages = new Set(); setInterval(() => {\
                 for (const it of document.querySelectorAll('#cards h3')) {\
                 if (it.checkVisibility()) window.names.add(it.innerText); }\
                 window.pages.add(document.querySelector('#agents-page').innerText);\
                 }, 200); return true; })()";
    browser.evaluate(watch).await;
    browser.wait_for("the first page", "window.names.size >= 12").await;
    let fits = "document.documentElement.scrollHeight <= innerHeight &&\
                document.querySelector('#agents-page').getBoundingClientRect().bottom <= innerHeight";
    assert_eq!(browser.evaluate(fits).await, true);
    let clock = "/^[0-9]{1,2}:[0-9]{2}/.test(document.querySelector('#clock').innerText)";
    assert_eq!(browser.evaluate(clock).await, true);
    browser.wait_for("all pages", "window.names.size === 32").await;
    let pages = browser.evaluate("[...window.pages].join('; ')").await;
    assert!(
        pages.as_str().is_some_and(|it| it.contains("25 to 32 of 32 agents · page 3 of 3")),
        "{pages}"
    );
    assert_eq!(browser.console_errors().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallboard_keeps_the_screen_awake_and_asks_again_when_it_is_seen_again() {
    let (_backend, proxy, _twilio) = start_both();
    let browser = page::open(&proxy).await;
    let watch = "(() => { window.asked = 0; window.lock = null;\
                 navigator.wakeLock.request = async (kind) => { window.asked += kind === 'screen' ? 1 : 0;\
                 window.lock = { released: false, async release() { this.released = true; } };\
                 return window.lock; }; return true; })()";
    browser.evaluate(watch).await;
    let seen = "document.dispatchEvent(new Event('visibilitychange')) && window.asked";
    assert_eq!(browser.evaluate(seen).await, 0, "no page but the wallboard");
    browser.click("#wallboard").await;
    browser.wait_for("the lock", "window.asked === 1").await;
    assert_eq!(browser.evaluate(seen).await, 1, "it is held");
    browser.evaluate("window.lock.released = true").await;
    assert_eq!(browser.evaluate(seen).await, 2);
    browser.click("#wallboard").await;
    browser.wait_for("it is given back", "window.lock.released === true").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallboard_is_loaded_again_after_an_upgrade_and_only_then() {
    let (backend, mut proxy, twilio) = start_both();
    twilio.start(1);
    // The browser finds each proxy at the same address.
    let way = Relay::start(&proxy.url);
    let (_, url) = share(&proxy, &value!({"all": true}), "wallboard");
    let browser = Browser::start().await;
    open(&browser, &url.replace(&proxy.url, &way.url)).await;
    let number = "document.querySelector('[data-figure=users]').innerText === '1'";
    browser.wait_for("the number", number).await;
    let is_live = "document.querySelector('#link').dataset.state === 'live'";
    let watch = "(() => { window.isOld = true; window.looked = 0; const real = window.fetch;\
                 window.fetch = (url, options) => { if (url !== location.pathname) return real(url, options);\
                 window.looked += 1; return window.build === undefined ? real(url, options)\
                 : Promise.resolve(new Response(`<html data-build=\"${window.build}\">`)); };\
                 return true; })()";
    browser.evaluate(watch).await;
    for (n, build) in [(1, "undefined"), (2, "'00ff'")] {
        browser.evaluate(&format!("window.build = {build}")).await;
        proxy.kill();
        browser.wait_for("the loss", &format!("!({is_live})")).await;
        // The sessions of links go on at another proxy.
        proxy = proxy_with(&backend.url, &[]);
        way.lead_to(&proxy.url);
        if n == 1 {
            browser.wait_for("a look", "window.looked >= 1").await;
            browser.wait_for("the link", is_live).await;
            assert_eq!(browser.evaluate("window.isOld").await, true, "it is the same version");
        }
    }
    browser.wait_for("the page anew", &format!("window.isOld === undefined && {number}")).await;
}

#[test]
fn the_help_has_examples_that_can_be_used() {
    let (_, help, _) = told(&["links", "create", "--help"], &[]);
    let (_, examples) = help.split_once("Examples:\n").expect("examples");
    let examples: Vec<_> = examples.lines().filter(|it| !it.is_empty()).collect();
    assert_eq!(examples.len(), 3, "{examples:?}");
    let known = examples.iter().find(|it| it.contains("agent:booking")).expect("an agent");
    // The name is the one word in quotes.
    let parts: Vec<_> = known.trim().split('"').collect();
    assert_eq!(parts[0], "live-users links create ");
    let args: Vec<_> = parts[2].split_whitespace().collect();
    let (backend, ..) = start_both();
    ok(&backend.url, API_TOKEN, &[&["links", "create", parts[1]], &args[..]].concat());
}

#[test]
fn the_command_lists_shares_and_revokes_links_at_both_servers() {
    let (backend, proxy, _twilio) = start_both();
    for (url, token) in [(&backend.url, API_TOKEN), (&proxy.url, ADMIN_TOKEN)] {
        let create = ["links", "create", "Lobby", "--scope", "agent:booking", "--expires", "30d"];
        let made =
            json(&ok(url, token, &[&create[..], &["--view", "wallboard", "--json"]].concat()));
        let id = made["link"]["id"].as_str().expect("an id");
        let secret = made["token"].as_str().expect("a token");
        let list = ok(url, token, &["links"]);
        let line = list.lines().find(|line| line.starts_with(id)).expect("its line");
        for part in ["wallboard", "agent:booking", "never", "Lobby"] {
            assert!(line.contains(part), "{part}: {line}");
        }
        assert!(!list.contains(secret), "{list}");
        let text = ok(url, token, &create);
        assert!(text.contains(": the page of agent:booking."), "what it shows unless told: {text}");
        let address = format!("Open it at {}/view#token=link-", proxy.url);
        match url == &proxy.url {
            true => assert!(text.contains(&address), "{text}"),
            false => assert!(text.contains("at your proxy, whose address"), "{text}"),
        }
        assert_eq!(ok(url, token, &["links", "revoke", id]), format!("{id} is revoked: Lobby\n"));
        // A name that would turn around what stands beside it.
        let turned = ["links", "create", "Lob\u{202e}by", "--scope", "all", "--expires", "1d"];
        let env = [("LIVE_USERS_TOKEN", token)];
        let (code, _, error) = told(&[&turned[..], &["--url", url]].concat(), &env);
        assert!(code == 1 && error.contains("name: "), "{code} {error}");
        assert!(!ok(url, token, &["links"]).contains(id));
        let (code, _, error) = told(&["links", "revoke", id, "--url", url], &env);
        assert!(code == 1 && error.contains("no such link"), "{code} {error}");
        let (code, _, error) = told(&["links", "revoke", "../x", "--url", url], &env);
        assert!(code == 64 && error.contains("16 hexadecimal digits"), "{code} {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_that_the_command_tells_opens_the_link() {
    let (backend, proxy, _twilio) = start_both();
    let port = |url: &str| url.rsplit(':').next().expect("a port").to_owned();
    let create = ["links", "create", "Lobby", "--scope", "all", "--expires", "1d"];
    let ports = ["--backend-port", &port(&backend.url), "--proxy-port", &port(&proxy.url)];
    let (code, text, error) =
        told(&[&create[..], &ports].concat(), &[("LIVE_USERS_TOKEN", API_TOKEN)]);
    assert_eq!(code, 0, "{error}");
    assert!(text.contains("(--proxy-port)"), "{text}");
    let address = text.lines().find_map(|line| line.strip_prefix("Open it at ")).expect("one");
    assert!(address.starts_with(&format!("{}/view#token=link-", proxy.url)), "{address}");
    let browser = page::open(&proxy).await;
    open(&browser, address).await;
    let (_, help, _) = told(&["links", "create", "--help"], &[]);
    assert!(help.contains("Not set: the page"), "{help}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallboard_neither_takes_nor_keeps_the_range_that_an_admin_has_chosen() {
    const CHOSEN: &str = "localStorage.getItem('live-users.chart.range')";
    const CHART: &str = "document.querySelector('live-users-chart')";
    let (_backend, proxy, twilio) = start_both();
    twilio.start(1);
    let (_, url) = share(&proxy, &value!({"all": true}), "wallboard");
    let browser = page::open(&proxy).await;
    let is_drawn = |range: &str| {
        format!("{CHART}.range === '{range}' && {CHART}.getAttribute('state') === 'ready'")
    };
    browser.wait_for("the chart", &is_drawn("5m")).await;
    browser.evaluate(&format!("({CHART}.range = '15m', true)")).await;
    browser.wait_for("the range to be kept", &format!("{CHOSEN} === '15m'")).await;
    open(&browser, &url).await;
    browser.wait_for("the range of a new system", &is_drawn("5m")).await;
    browser.evaluate(&format!("({CHART}.range = '1h', true)")).await;
    browser.wait_for("the hour", &is_drawn("1h")).await;
    assert_eq!(browser.evaluate(CHOSEN).await, "15m");
}
