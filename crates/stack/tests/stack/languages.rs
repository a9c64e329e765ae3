//! The languages in a real Chromium: that each text is in the files of messages, and what readers see of it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use live_users_testkit::{Browser, Relay};
use serde_json::json;

use crate::page::serve;
use crate::shared_links::share;
use crate::{ADMIN_TOKEN, page, proxy_with, start_both};

/// The language of debug builds whose texts are in brackets.
const PSEUDO: &str = "en-XA";

const COOKIE: &str = "live-users-language";

/// What a person may see or hear on the page that is in no file of messages and is no data, as a list. Data
/// are where these selectors say: names, places, and what a provider or the server says of an error.
const STRANGE: &str = r#"(() => {
    const DATA = '#scope, code, pre, time, option[lang], .id, .card h3, .place-name, .agent-name, .account, .caller, ' +
        '.locality, .country, .sub, .about, .numbers a, .shared-link strong, #calls-agent option:not([value=""]), ' +
        '#calls-country option:not([value=""]), #share-scope optgroup option, ' +
        '.facts dd, .check-numbers, noscript, .brand, #places-list .place-note';
    const TITLES = '.card h3, td.agent, .about, time, #scope, .place-name, .evidence li, .numbers span';
    const strange = [];
    const judge = (text, where) => {
        let rest = text;
        for (let before = null; before !== rest;) {
            before = rest;
            rest = rest.replace(/⟦[^⟦⟧]*⟧/gu, '');
        }
        if (/\p{L}/u.test(rest)) strange.push(`${where}: ${text.trim()}`);
    };
    const hidden = (node) => !node.checkVisibility({ visibilityProperty: true });
    const look = (root) => {
        for (const node of root.querySelectorAll('*')) {
            if (['STYLE', 'SCRIPT', 'TITLE'].includes(node.tagName) || (hidden(node) && node.tagName !== 'OPTION')) continue;
            const where = `${node.tagName.toLowerCase()}#${node.id}.${node.getAttribute('class') ?? ''}`;
            for (const name of ['aria-label', 'aria-valuetext', 'aria-description', 'title', 'placeholder', 'alt', 'label']) {
                if (name === 'title' && node.matches(TITLES)) continue;
                judge(node.getAttribute(name) ?? '', `${where}[${name}]`);
            }
            if (node.shadowRoot) look(node.shadowRoot);
            if (node.closest(DATA)) continue;
            // A message may have code in it.
            const texts = [...node.childNodes].filter((child) => child.nodeType === Node.TEXT_NODE);
            judge(texts.map((child) => child.data).join(' '), where);
        }
    };
    look(document);
    judge(document.title.replace(document.querySelector('#scope')?.textContent ?? '', ''), 'the title of the page');
    return strange;
})()"#;

/// Fails if something is on the page that no file of messages has.
async fn is_all_in_the_files(browser: &Browser, what: &str) {
    let bracketed = "document.body.innerHTML.includes('⟦')";
    assert_eq!(browser.evaluate(bracketed).await, true, "{what}: the pseudo-language is shown");
    assert_eq!(browser.evaluate(STRANGE).await, json!([]), "{what}");
}

async fn choose(browser: &Browser, tag: &str) {
    browser.evaluate(&format!("document.cookie = '{COOKIE}={tag}; Path=/'")).await;
}

fn has(selector: &str, text: &str) -> String {
    format!("(document.querySelector('{selector}')?.innerText ?? '').includes('{text}')")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_text_of_the_page_of_an_admin_is_outside_the_files_of_messages() {
    let (_backend, proxy, twilio) = start_both();
    let browser = Browser::start().await;
    browser.goto(&format!("{}/admin/sign-in", proxy.url)).await;
    choose(&browser, PSEUDO).await;
    browser.goto(&format!("{}/admin/existing-agents", proxy.url)).await;
    browser.wait_for("the form", &has("h1", "⟦Sign in⟧")).await;
    is_all_in_the_files(&browser, "the sign-in").await;
    browser.show_token("wrong-token-wrong-token").await;
    browser.wait_for("the refusal", "document.querySelector('#error')").await;
    is_all_in_the_files(&browser, "the sign-in after a wrong token").await;
    assert_eq!(browser.console_errors().await.len(), 1, "the refusal");
    browser.show_token(ADMIN_TOKEN).await;

    browser.wait_for_live_users("⟦0 users live⟧").await;
    browser.wait_for("the checklist", &has("#setup-list", "⟦")).await;
    browser.wait_for("the chart", "document.querySelector('live-users-chart[state=empty]')").await;
    browser.wait_for("the links", &has("#shared-links-empty", "⟦")).await;
    is_all_in_the_files(&browser, "a system without a call").await;

    for n in 1..=4 {
        twilio.start(n);
    }
    twilio.end(4);
    browser.wait_for_live_users("⟦3 users live⟧").await;
    browser.wait_for("the calls", "document.querySelectorAll('tr.call').length === 3").await;
    browser.wait_for("what has happened", &has("#feed", "⟦Ended after ")).await;
    browser.wait_for("the chart", "document.querySelector('live-users-chart[state=ready]')").await;
    browser.click("tr.call .toggle").await;
    browser.wait_for("the details", "document.querySelector('.evidence li')").await;
    is_all_in_the_files(&browser, "a system with calls").await;
    // What is put into a message is in brackets too, where it is one.
    let why = "[...document.querySelectorAll('.why > p')].map((it) => it.innerText).join(' ')";
    let why = browser.evaluate(why).await;
    let why = why.as_str().expect("a text");
    for message in [
        "⟦Counted: ⟦⟦on the line since ",
        "⟦call webhook⟧: ⟦",
        "; ⟦confirmed ⟦",
        "⟦suspect if nothing",
    ] {
        assert!(why.contains(message), "{message}: {why}");
    }

    browser.click(".details .button").await;
    is_all_in_the_files(&browser, "the question before a call is taken out").await;
    browser.click("#evict-cancel").await;
    browser.click("#share-open").await;
    is_all_in_the_files(&browser, "the form of a link").await;
    browser.evaluate("document.querySelector('#share-name').value = 'Lobby'").await;
    browser.click("#share-confirm").await;
    browser.wait_for("the link", "document.querySelector('#share-url').value !== ''").await;
    is_all_in_the_files(&browser, "a link that was made").await;
    browser.click("#share-done").await;
    browser.wait_for("it in the list", &has("#shared-links-list", "Lobby")).await;
    browser.click("#shared-links-list button").await;
    is_all_in_the_files(&browser, "the question before a link is revoked").await;
    browser.click("#revoke-cancel").await;
    // Other words for other states.
    let search = "(() => { const field = document.querySelector('#calls-search'); field.value = '15005550006'; \
                  field.dispatchEvent(new Event('input')); return true; })()";
    browser.evaluate(search).await;
    browser.wait_for("the hint", "!document.querySelector('#calls-hint').hidden").await;
    is_all_in_the_files(&browser, "a search for a phone number").await;
    browser.evaluate(&search.replace("15005550006", "nobody")).await;
    browser.wait_for("no call", &has("#calls-empty", "⟦No call")).await;
    is_all_in_the_files(&browser, "a search that finds nothing").await;
    assert_eq!(browser.console_errors().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_text_about_what_is_loaded_later_is_outside_the_files_of_messages() {
    let (_backend, proxy, twilio) = start_both();
    twilio.start(1);
    let relay = Relay::start(&proxy.url);
    let browser = Browser::start().await;
    let page = format!("{}/admin/existing-agents", relay.url);
    browser.sign_in(&page, ADMIN_TOKEN).await;
    choose(&browser, PSEUDO).await;
    browser.goto(&page).await;
    browser.wait_for("the call", "document.querySelector('tr.call') !== null").await;
    // Each part is missing first, and on its way then.
    for (part, button, told, is_told) in [
        ("/assets/shared-links.", "#share-open", "#shared-links-error", "⟦No link can be shared: "),
        (
            "/assets/wallboard.",
            "#wallboard",
            "main > .notice[role=alert]",
            "⟦The wallboard cannot ",
        ),
        ("/assets/call-details.", "tr.call .toggle", ".details", "⟦It cannot be explained: "),
    ] {
        relay.forbid(&[part]);
        browser.evaluate(&format!("document.querySelector('{button}').click()")).await;
        browser.wait_for(part, &has(told, is_told)).await;
        is_all_in_the_files(&browser, part).await;
    }
    browser.evaluate("document.querySelector('tr.call .toggle').click()").await;
    relay.forbid(&[]);
    relay.mute(true);
    browser.evaluate("document.querySelector('tr.call .toggle').click()").await;
    browser.wait_for("the question", &has(".details", "⟦Asking why ")).await;
    is_all_in_the_files(&browser, "details that are on their way").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_text_of_an_outage_is_outside_the_files_and_a_page_that_is_opened_then_waits_for_nothing()
 {
    let (mut backend, proxy, twilio) = start_both();
    twilio.start(1);
    let browser = Browser::start().await;
    let page = format!("{}/admin/existing-agents", proxy.url);
    browser.sign_in(&page, ADMIN_TOKEN).await;
    choose(&browser, PSEUDO).await;
    browser.goto(&page).await;
    browser.wait_for("the call", "document.querySelector('tr.call') !== null").await;
    backend.kill();
    browser.wait_for("the notice", &has("#notice", "⟦What is shown is ")).await;
    is_all_in_the_files(&browser, "an outage").await;
    let said = "document.querySelector('#announcement').textContent";
    browser
        .wait_for("it to be said", &format!("{said} === '⟦Offline. What is shown is old.⟧'"))
        .await;

    browser.goto(&page).await;
    browser.wait_for("the notice", &has("#notice", "⟦There is nothing to show")).await;
    let nothing = "⟦Offline. There is nothing to show at present.⟧";
    browser.wait_for("it to be said", &format!("{said} === '{nothing}'")).await;
    browser.wait_for("the calls", &has("#calls-error", "⟦The calls cannot be read: ")).await;
    browser.wait_for("the activity", &has("#activity-error", "⟦The activity cannot be ")).await;
    is_all_in_the_files(&browser, "a page that is opened during an outage").await;
    let visible = "document.body.innerText.includes('Waiting for the first answer') \
                   || document.querySelector('.card.is-waiting').checkVisibility()";
    assert_eq!(browser.evaluate(visible).await, false, "nothing is waited for");
    for place in ["#agents-none", "#places-empty"] {
        browser.wait_for(place, &has(place, "⟦Not known: ")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_text_of_what_others_see_is_outside_the_files_of_messages() {
    let (backend, proxy, twilio) = start_both();
    twilio.start(1);
    let browser = Browser::start().await;
    for (view, scope) in [("page", json!({"all": true})), ("wallboard", json!({"all": true}))] {
        let (_, url) = share(&proxy, &scope, view);
        browser.goto(&format!("{}/view", proxy.url)).await;
        choose(&browser, PSEUDO).await;
        browser.goto("about:blank").await;
        browser.goto(&url).await;
        browser.wait_for("a number", &has("[data-figure=users]", "1")).await;
        browser.wait_for("the foot", "document.querySelector('.card:not(.is-waiting)')").await;
        is_all_in_the_files(&browser, view).await;
    }
    browser.goto(&format!("{}/view", proxy.url)).await;
    is_all_in_the_files(&browser, "where a link is opened").await;
    browser.goto(&format!("{}/embed?lang={PSEUDO}", proxy.url)).await;
    browser.wait_for_live_users("⟦1 user live⟧").await;
    is_all_in_the_files(&browser, "the page for frames").await;
    drop(backend);
    browser.wait_for("its end", "document.querySelector('live-users[state=down]')").await;
    is_all_in_the_files(&browser, "the page for frames without a number").await;
    browser.goto(&format!("{}/embed?lang={PSEUDO}&agent=nobody", proxy.url)).await;
    is_all_in_the_files(&browser, "the page for frames of no agent").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_speaks_each_language_and_keeps_the_one_that_is_chosen() {
    let (_backend, proxy, twilio) = start_both();
    for n in 1..=3 {
        twilio.start(n);
    }
    let browser = page::open(&proxy).await;
    browser.wait_for_live_users("3 users live").await;
    for (tag, live, title, country) in [
        ("de", "3 Nutzer live", "Vorhandene Agenten", "Vereinigte Staaten"),
        ("es", "3 usuarios en vivo", "Agentes existentes", "Estados Unidos"),
        ("fr", "3 utilisateurs en direct", "Agents existants", "États-Unis"),
        ("pt", "3 usuários ao vivo", "Agentes existentes", "Estados Unidos"),
        ("ja", "3人が通話中", "エージェント一覧", "アメリカ合衆国"),
    ] {
        browser.goto(&format!("{}/admin/existing-agents?lang={tag}", proxy.url)).await;
        browser.wait_for_live_users(live).await;
        assert_eq!(browser.evaluate("document.documentElement.lang").await, tag);
        browser.wait_for("the title", &has("h1", title)).await;
        browser.wait_for("the country", &has("#places-list", country)).await;
        // The script of the page has no other language in it.
        let scripts = "performance.getEntriesByType('resource').map(({ name }) => name)\
                       .filter((name) => /assets.page.*js/.test(name)).join()";
        let scripts = browser.evaluate(scripts).await;
        assert!(
            scripts.as_str().is_some_and(|it| it.contains(&format!("page.{tag}."))),
            "{scripts}"
        );
    }
    // The mode of a wall keeps the language.
    for (address, is_on) in [("?wallboard&lang=ja", true), ("?lang=ja", false)] {
        browser.evaluate("document.querySelector('#wallboard').click()").await;
        let is_so = "document.documentElement.classList.contains('wallboard')";
        browser
            .wait_for(
                "the mode",
                &format!("{is_so} === {is_on} && location.search === '{address}'"),
            )
            .await;
    }
    // The address comes before a choice, so the choice takes it away.
    let select = "(() => { const select = document.querySelector('#language'); select.value = 'de'; \
                  select.dispatchEvent(new Event('change', { bubbles: true })); return true; })()";
    browser.evaluate(select).await;
    browser
        .wait_for("German", "document.documentElement.lang === 'de' && location.search === ''")
        .await;
    browser.wait_for_live_users("3 Nutzer live").await;
    browser.goto(&format!("{}/view", proxy.url)).await;
    browser.wait_for("German elsewhere too", &has("h1", "Geteilter Link")).await;
    let select = select.replace("'#language'", "'.languages select'").replace("'de'", "'fr'");
    browser.evaluate(&select).await;
    browser.wait_for("French", &has("h1", "Lien partagé")).await;
    assert_eq!(browser.axe_violations().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_element_speaks_the_language_around_it() {
    let (backend, proxy, twilio) = start_both();
    twilio.start(1);
    let elsewhere = serve(format!(
        "<!doctype html><html lang=de><title>Elsewhere</title>\
         <script type=module src={}/live-users.js></script>\
         <live-users id=around></live-users><live-users id=own lang=fr-CA></live-users>\
         <p lang=PT-br><live-users id=near></live-users></p><live-users id=other lang=zh></live-users>\
         <div id=host lang=es></div><script>const inner = document.createElement('live-users');\
         document.querySelector('#host').attachShadow({{ mode: 'open' }}).append(inner);</script>",
        proxy.url
    ));
    let browser = Browser::start().await;
    browser.goto(&elsewhere).await;
    let text = |element: &str| format!("{element}.shadowRoot.querySelector('.text').textContent");
    let by_id = |id: &str| format!("document.querySelector('#{id}')");
    let inside =
        "document.querySelector('#host').shadowRoot.querySelector('live-users')".to_owned();
    let one = [
        (by_id("around"), "1 Nutzer live"),
        (by_id("own"), "1 utilisateur en direct"),
        (by_id("near"), "1 usuário ao vivo"),
        (by_id("other"), "1 user live"),
        (inside, "1 usuario en vivo"),
    ];
    for (element, expected) in &one {
        browser.wait_for(expected, &format!("{} === '{expected}'", text(element))).await;
    }
    // What is wrong is told in it too.
    let reason = format!("{}.shadowRoot.querySelector('.reason').textContent", by_id("around"));
    // A change takes effect at once, and the link stays as it is.
    let own = by_id("own");
    browser.evaluate(&format!("{own}.lang = 'ja'")).await;
    assert_eq!(browser.evaluate(&text(&own)).await, "1人が通話中");
    assert_eq!(browser.evaluate(&format!("{own}.getAttribute('state')")).await, "live");
    drop(backend);
    let gone = format!("{}.includes('Live-Zahl nicht verfügbar')", text(&by_id("around")));
    browser.wait_for("its end", &gone).await;
    browser.wait_for("why", &format!("/^(das|der) Backend /.test({reason})")).await;
    let age = format!("{own}.shadowRoot.querySelector('.age').textContent");
    browser.wait_for("the age in Japanese", &format!("/^[0-9]+秒前は1人$/.test({age})")).await;
}

/// A backend that says only how many users are live.
fn backend_with(live_users: u64) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            thread::spawn(move || {
                let mut head = [0; 4096];
                let read = stream.read(&mut head).unwrap_or_default();
                let head = String::from_utf8_lossy(&head[..read]).into_owned();
                let body = format!("{{\"liveUsers\":{live_users},\"suspect\":0}}");
                if head.contains("/stream") {
                    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
                    let summary = json!({
                        "liveUsers": live_users, "liveCalls": live_users, "confirmed": live_users, "suspect": 0,
                        "asOf": "2026-11-23T09:30:05.000Z", "epoch": "e", "seq": 1, "averageMs": 1, "longestMs": 1,
                        "byAgent": [],
                    });
                    drop(write!(stream, "{head}data: {summary}\n\n"));
                    // It is open until the proxy has heard nothing for too long.
                    drop(stream.read(&mut [0; 1]));
                    return;
                }
                let path = head.split(' ').nth(1).unwrap_or_default();
                let (status, body) = match path.starts_with("/api/live-users") {
                    true => ("200 OK", body),
                    false => ("404 Not Found", "{}".to_owned()),
                };
                let answer = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n\
                     Content-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                // Whoever asked may be gone.
                drop(stream.write_all(answer.as_bytes()));
            });
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_that_comes_with_a_page_is_written_as_the_script_writes_it() {
    for number in [2_500, 1_234_567] {
        let backend = backend_with(number);
        let proxy = proxy_with(&backend, &[]);
        let browser = Browser::start().await;
        for tag in ["en", "de", "es", "fr", "pt", "ja"] {
            let url = format!("{}/embed?lang={tag}", proxy.url);
            browser.set_scripts(false).await;
            browser.goto(&url).await;
            let first = "document.querySelector('live-users > span').firstChild.data";
            let first = browser.evaluate(first).await;
            let first = first.as_str().expect("a text");
            let of_browser = format!("new Intl.NumberFormat('{tag}').format({number})");
            let of_browser = browser.evaluate(&of_browser).await;
            let of_browser = of_browser.as_str().expect("a text");
            assert!(first.contains(of_browser), "{tag}: {first}, {of_browser}");
            browser.set_scripts(true).await;
            browser.goto(&url).await;
            let drawn = "document.querySelector('live-users').shadowRoot.querySelector('.text').textContent";
            browser.wait_for(first, &format!("{drawn} === '{first}'")).await;
        }
    }
}
