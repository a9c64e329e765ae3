//! What the page says to do while no webhook has come, in a real Chromium.

use live_users_simulator::rest::{Behaviour, CallsApi, StandIn};
use live_users_testkit::{Browser, Server, Twilio, exit_of, send};

use crate::page::{all_can_use_it, open, text};
use crate::{ADMIN_TOKEN, STACK, TOKEN, agents_file, backend_with, proxy_of, start_both};

const ACCOUNT: &str = "AC00000000000000000000000000000001";

/// Both servers, and a backend with these settings beside its own.
fn start_with(more: &[(&str, &str)]) -> (Server, Server, Twilio) {
    let backend = backend_with(&agents_file(), more);
    let proxy = proxy_of(&backend);
    let twilio = Twilio::new(&backend.url, TOKEN);
    (backend, proxy, twilio)
}

const IS_SHOWN: &str = "!document.querySelector('#setup').hidden";

/// Everything in one process, which somebody started by cargo, and the page of it.
fn start_all_in_one(more: &[(&str, &str)]) -> (Server, String) {
    let agents = agents_file();
    let env = [("AGENTS_FILE", &*agents), ("ADMIN_TOKEN", ADMIN_TOKEN), ("CARGO", "cargo")];
    let ports = ["--backend-port", "0", "--proxy-port", "0"];
    let mut server = Server::start(STACK, &ports, &[&env[..], more].concat());
    let line = server.log().lines().find(|it| it.contains("The page  ")).expect("the welcome");
    let page = line.split_whitespace().last().expect("an address").to_owned();
    // The second of the two servers.
    server.await_log("listening on");
    (server, page)
}

/// The sections of the page that are shown, in their order.
const SECTIONS: &str = "[...document.querySelectorAll('main > section')]
    .filter((it) => it.checkVisibility()).map(({ id }) => id).join()";

/// The state of the line with this title.
fn state_of(title: &str) -> String {
    format!(
        "[...document.querySelectorAll('.check')]\
         .find((it) => it.querySelector('h3').textContent === '{title}').dataset.state"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nothing_has_come_the_page_says_what_to_set_and_copies_it() {
    let (_backend, proxy, _) = start_with(&[("PUBLIC_URL", "https://calls.example.com")]);
    let browser = open(&proxy).await;
    browser.wait_for("the checklist", IS_SHOWN).await;
    let list = text(&browser, "#setup").await;
    for told in [
        "PUBLIC_URL is https://calls.example.com.",
        "https://calls.example.com/voice",
        "https://calls.example.com/call-status#ct=500&rc=5&rp=all",
        "Primary handler fails",
        "TwiML Bin",
        "TWILIO_ACCOUNT_SID",
        "no webhook yet",
    ] {
        assert!(list.contains(told), "{told}: {list}");
    }
    assert_eq!(browser.evaluate(&state_of("Twilio’s API answers")).await, "todo");
    // Whatever this browser allows: the URL is in the clipboard, or else it is selected.
    browser.click(".check-url .button").await;
    let told = "document.querySelector('#setup-told').textContent.startsWith('A call comes in: ')";
    browser.wait_for("a word about the copy", told).await;
    browser
        .evaluate(
            "(() => { Object.defineProperty(navigator, 'clipboard', { value: undefined }); \
             document.querySelector('#setup-told').textContent = ''; return true; })()",
        )
        .await;
    browser.click(".check-url .button").await;
    let selected = "document.querySelector('#setup-told').textContent.includes('selected') \
                    && getSelection().toString() === 'https://calls.example.com/voice'";
    browser.wait_for("the URL to be selected", selected).await;
    let focused = "document.activeElement.ariaLabel";
    assert_eq!(browser.evaluate(focused).await, "Copy the URL for A call comes in");
    all_can_use_it(&browser, [(360, 800), (1280, 900)]).await;
    assert_eq!(browser.console_errors().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demonstration_says_first_how_it_is_filled_until_the_first_call_is_heard() {
    let (server, page) = start_all_in_one(&[]);
    let browser = Browser::start().await;
    browser.sign_in(&page, ADMIN_TOKEN).await;
    browser.wait_for("the checklist", IS_SHOWN).await;
    let sections = browser.evaluate(SECTIONS).await.to_string();
    assert!(sections.starts_with("\"simulate,setup,overview"), "{sections}");
    let list = text(&browser, "#setup").await;
    let file = format!(" numbers in {} so far.", agents_file());
    assert!(list.contains("Each number of the agents file") && list.contains(&file), "{list}");
    // It is said at length there, and so in no line beside it.
    let line = "document.querySelector('#demo').checkVisibility()";
    assert_eq!(browser.evaluate(line).await, false);
    let command = text(&browser, "#simulate code").await;
    assert!(server.log().contains(&format!("  {command}\n")), "{command}: {}", server.log());
    let arguments = command.strip_prefix("cargo run").expect("as it was started");
    let (_profile, arguments) = arguments.split_once(" -- ").expect("arguments");
    assert!(arguments.starts_with("simulate --calls 25 --backend-port "), "{command}");
    browser.wait_for("the list", "document.querySelector('#calls-empty a')").await;
    let leads_to = "document.querySelector('#calls-empty a').hash";
    assert_eq!(browser.evaluate(leads_to).await, "#simulate");
    all_can_use_it(&browser, [(360, 800), (1280, 900)]).await;

    browser.goto(&format!("{page}?lang=de")).await;
    browser.wait_for("the step", "document.querySelector('#simulate')?.checkVisibility()").await;
    let german = text(&browser, "#simulate").await;
    for told in ["Dies ist eine Vorführung", "simulierte Anrufer", "Kopieren", &command] {
        assert!(german.contains(told), "{told}: {german}");
    }

    // Whatever this browser allows: the command is in the clipboard, or else it is selected.
    browser.click("#simulate .button").await;
    let told = "/^Der Befehl ist (kopiert|markiert)/\
                .test(document.querySelector('#simulate [role=status]').textContent)";
    browser.wait_for("a word about the copy", told).await;
    Twilio::new(&server.url, "live-users-demonstration-token").start(1);
    let is_gone = "!document.querySelector('#simulate').checkVisibility()";
    browser.wait_for("the step to go", is_gone).await;
    let focused = "document.activeElement.closest('#setup') !== null";
    assert_eq!(browser.evaluate(focused).await, true, "the focus goes on");
    let arguments: Vec<_> = arguments.split(' ').chain(["--pace", "60"]).collect();
    let ended = exit_of(STACK, &arguments, &[]);
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    browser.wait_for("the list to go", "document.querySelector('#setup').hidden").await;
    assert_eq!(browser.console_errors().await, [""; 0]);
}

/// The lines that say of the page that its calls are simulated, in each language.
const SIMULATED: [(&str, &str); 6] = [
    ("en", "Demonstration: Twilio’s calls here are simulated."),
    ("de", "Vorführung: Die Anrufe von Twilio sind hier simuliert."),
    ("es", "Demostración: las llamadas de Twilio aquí son simuladas."),
    ("fr", "Démonstration\u{a0}: les appels de Twilio sont ici simulés."),
    ("pt", "Demonstração: as chamadas do Twilio aqui são simuladas."),
    ("ja", "デモ: ここに表示される Twilio の通話は模擬通話です。"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_demonstration_says_so_as_long_as_it_is_one_to_all_readers_and_how_it_goes_on() {
    let (server, page) = start_all_in_one(&[]);
    let twilio = Twilio::new(&server.url, "live-users-demonstration-token");
    twilio.start(1);
    let browser = Browser::start().await;
    browser.sign_in(&page, ADMIN_TOKEN).await;
    let row = "document.querySelectorAll('tr.call').length === 1";
    for (language, line) in SIMULATED {
        browser.goto(&format!("{page}?lang={language}")).await;
        browser.wait_for("the call", row).await;
        assert_eq!(text(&browser, "#demo").await, line);
    }
    browser.goto(&format!("{page}?wallboard")).await;
    browser.wait_for("the wallboard", "document.documentElement.matches('.wallboard')").await;
    browser
        .wait_for("the number", "document.querySelector('[data-figure=users]').innerText === '1'")
        .await;
    let is_seen = "document.querySelector('#demo').checkVisibility()";
    assert_eq!(browser.evaluate(is_seen).await, true, "on the wall too");
    all_can_use_it(&browser, [(360, 800), (1280, 900)]).await;
    browser.goto(&page).await;
    browser.wait_for("the call", row).await;
    twilio.end(1);
    browser.wait_for("what is next", "document.querySelector('#calls-empty code')").await;
    let next = text(&browser, "#calls-empty").await;
    assert!(next.starts_with("No simulated caller is on the line any more."), "{next}");
    for told in ["simulate --calls 25 --backend-port", "set TWILIO_ACCOUNT_SID"] {
        assert!(next.contains(told), "{told}: {next}");
    }
    all_can_use_it(&browser, [(360, 800), (1280, 900)]).await;

    // Readers of a link are told, too, but not how to fill it.
    let api = page.split("/admin").next().expect("an address");
    let body = r#"{"name":"Lobby","scope":{"all":true},"view":"wallboard","expires":"1d"}"#;
    let authorization = format!("Bearer {ADMIN_TOKEN}");
    let headers = [("Authorization", &*authorization), ("Content-Type", "application/json")];
    let made = send("POST", &format!("{api}/api/live-users/links"), &headers, body.as_bytes());
    let made: serde_json::Value = serde_json::from_str(&made.body).expect("a link");
    let token = made["token"].as_str().expect("a token");
    let reader = Browser::start().await;
    reader.goto(&format!("{api}/view#token={token}")).await;
    reader.wait_for("the wallboard", "document.documentElement.matches('.wallboard')").await;
    assert_eq!(text(&reader, "#demo").await, SIMULATED[0].1);
    assert_eq!(
        reader.evaluate("document.documentElement.dataset.simulate ?? null").await,
        serde_json::Value::Null
    );

    // Started again for an account, at the same address, the page says it no more.
    let (_, log) = server.terminate();
    let port = |flag: &str| {
        let (_, behind) = log.split_once(flag).expect("the command");
        behind.split_whitespace().next().expect("a port").to_owned()
    };
    let ports = [port("--backend-port "), port("--proxy-port ")];
    let arguments = ["--backend-port", &ports[0], "--proxy-port", &ports[1]];
    let agents = agents_file();
    let env =
        [("AGENTS_FILE", &*agents), ("ADMIN_TOKEN", ADMIN_TOKEN), ("TWILIO_AUTH_TOKEN", TOKEN)];
    let _server = Server::start(STACK, &arguments, &env);
    let is_gone = "document.querySelector('#demo') === null";
    browser.wait_for("the page to be loaded again", is_gone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_demonstration_does_not_say_how_one_is_filled() {
    let (_backend, proxy, _) = start_both();
    let (_server, page) = start_all_in_one(&[("TWILIO_AUTH_TOKEN", TOKEN)]);
    for page in [format!("{}/admin/existing-agents", proxy.url), page] {
        let browser = Browser::start().await;
        browser.sign_in(&page, ADMIN_TOKEN).await;
        browser.wait_for("the checklist", IS_SHOWN).await;
        let sections = browser.evaluate(SECTIONS).await.to_string();
        assert!(sections.starts_with("\"setup,overview"), "{page}: {sections}");
        let html = browser.evaluate("document.documentElement.outerHTML").await.to_string();
        assert!(!html.contains("simulate"), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_only_asking_tells_of_calls_the_checklist_says_why_there_is_no_number() {
    let api = CallsApi::new(ACCOUNT, "another token", 1).with_behaviour(Behaviour::without_lag());
    let account = StandIn::start(api).expect("a server");
    let url = account.url();
    let (_backend, proxy, _) =
        start_with(&[("TWILIO_ACCOUNT_SID", ACCOUNT), ("TWILIO_API_URL", &url)]);
    let browser = open(&proxy).await;
    browser.wait_for("the checklist", IS_SHOWN).await;
    let failing = format!("{} === 'failing'", state_of("Twilio’s API answers"));
    browser.wait_for("the credentials are told", &failing).await;
    let list = text(&browser, "#setup").await;
    assert!(list.contains("credentials refused: status 401"), "{list}");
    let trouble = text(&browser, "main").await;
    assert!(trouble.contains("Twilio's list of calls was not read yet"), "{trouble}");
    assert!(!trouble.contains("0 users live"), "{trouble}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_webhooks_are_told_and_the_list_folds_when_the_first_one_is_accepted() {
    let (_backend, proxy, twilio) = start_with(&[]);
    let stranger = Twilio::new(&twilio.url, "another token");
    assert_eq!(stranger.start(1).status, 403);
    let browser = open(&proxy).await;
    browser.wait_for("the checklist", IS_SHOWN).await;
    let urls = "The phone numbers have these URLs at Twilio";
    assert_eq!(browser.evaluate(&state_of(urls)).await, "failing");
    let public = "The backend knows its public address";
    assert_eq!(browser.evaluate(&state_of(public)).await, "todo");
    let list = text(&browser, "#setup").await;
    assert!(list.contains("1 webhook got 403") && list.contains("Set PUBLIC_URL"), "{list}");

    twilio.start(1);
    let is_folded = "!document.querySelector('#setup-fold').open";
    browser.wait_for("the list to fold", is_folded).await;
    browser.click("#setup summary").await;
    browser
        .wait_for("the kind to be done", &format!("{} === 'done'", state_of("A call comes in")))
        .await;
    assert_eq!(browser.evaluate(&state_of(urls)).await, "done");
    twilio.post("/speech-result", &[("CallSid", "CA1"), ("CallStatus", "in-progress")]);
    twilio.end(1);
    browser.wait_for("the list to go", "document.querySelector('#setup').hidden").await;
    assert_eq!(browser.console_errors().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_something_has_happened_there_is_no_checklist() {
    let (_backend, proxy, twilio) = start_both();
    twilio.start(1);
    let browser = open(&proxy).await;
    let is_drawn = "document.querySelectorAll('#feed li').length > 0";
    browser.wait_for("the activity", is_drawn).await;
    assert_eq!(browser.evaluate(IS_SHOWN).await, false);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_were_found_only_by_asking_are_told_with_how_exact_the_number_is() {
    let (_backend, proxy, _) = start_both();
    let browser = open(&proxy).await;
    let told = "import('/admin/webhooks.js').then(({ unheard }) => {
        const none = { lastAgoMs: null };
        const setup = (sinceMs, heardMs, foundMs) => ({
            webhooks: { sinceMs, voice: { lastAgoMs: heardMs }, speechResult: none, callStatus: none },
            foundByAsking: { lastAgoMs: foundMs },
        });
        const minute = 60_000;
        return [
            unheard(setup(9 * minute, null, 5_000), 0),
            unheard(setup(90 * minute, 12 * minute, minute), minute),
            unheard(setup(9 * minute, null, null), 0),
            unheard(setup(9 * minute, minute, 5_000), 0),
            unheard(setup(9 * minute, 3 * minute, 4 * minute), 0),
            unheard(setup(90 * minute, 60 * minute, 14 * minute), 2 * minute),
            unheard(setup(minute, null, 5_000), 0),
        ].map((text) => text ?? '-');
    })";
    let told = browser.evaluate(told).await;
    let told: Vec<_> =
        told.as_array().expect("texts").iter().map(|it| it.as_str().expect("a text")).collect();
    assert!(
        told[0].starts_with("No webhook for 9\u{a0}min: calls were found only by asking."),
        "{told:?}"
    );
    assert!(told[0].contains("within some seconds"), "{told:?}");
    assert!(told[1].starts_with("No webhook for 13\u{a0}min: "), "{told:?}");
    assert_eq!(
        told[2..],
        ["-"; 5],
        "nothing found, heard since, found before, long ago, just begun"
    );
    assert_eq!(browser.evaluate("document.querySelector('#unheard').hidden").await, true);
}
