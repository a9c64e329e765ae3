//! Three backends as shards behind one proxy, in real processes and a real Chromium.

use live_users_testkit::{Browser, Events, Heard, Relay, Server, Socket, Twilio, get};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{ADMIN_TOKEN, TOKEN, agents_file, backend_with, page, proxy_all};

/// A shard whose journal is on a disk, so that it may come back.
struct Shard {
    folder: TempDir,
    backend: Server,
    /// Where the proxy finds it, also after a restart.
    way: Relay,
}

impl Shard {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let backend = backend_in(&folder);
        let way = Relay::start(&backend.url);
        Self { folder, backend, way }
    }

    /// The same again, for the proxy at the same address.
    fn start_again(&mut self) {
        self.backend = backend_in(&self.folder);
        self.way.lead_to(&self.backend.url);
    }

    fn twilio(&self) -> Twilio {
        Twilio::new(&self.backend.url, TOKEN)
    }
}

fn backend_in(folder: &TempDir) -> Server {
    let journal = format!("file:{}", folder.path().to_str().expect("a path of text"));
    backend_with(&agents_file(), &[("JOURNAL_URL", &journal)])
}

fn start() -> ([Shard; 3], Server) {
    let shards = [Shard::start(), Shard::start(), Shard::start()];
    let proxy = proxy_of(&shards);
    (shards, proxy)
}

fn proxy_of(shards: &[Shard; 3]) -> Server {
    let urls = shards.each_ref().map(|shard| shard.way.url.as_str());
    proxy_all(&[("BACKEND_URLS", &urls.join(","))])
}

fn polled(proxy: &Server) -> Value {
    serde_json::from_str(&get(&format!("{}/api/live-users", proxy.url)).body).expect("JSON")
}

/// Reads until a frame is as expected: others may come before.
async fn told(events: &mut Events, socket: &mut Socket, is_so: impl Fn(&Value) -> bool) {
    let is_so = |text: &str| is_so(&serde_json::from_str(text).expect("JSON"));
    while !is_so(&events.next().await.expect("the stream is open")) {}
    loop {
        match socket.next().await {
            Heard::Text(text) if is_so(&text) => return,
            Heard::Text(_) => {}
            other => panic!("the socket is open: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_backends_are_one_number_and_the_one_that_is_killed_is_named() {
    let (mut shards, proxy) = start();
    let at = |path: &str| format!("{}/api/live-users{path}", proxy.url);
    let mut events = Events::open(&at("/stream"), &[]).await.expect("a stream");
    let mut socket = Socket::open(&at("/ws"), &[]).await.expect("a socket");
    for n in 0..6 {
        shards[usize::from(n) % 3].twilio().start(n);
    }
    told(&mut events, &mut socket, |frame| frame["liveUsers"] == 6).await;
    assert_eq!(polled(&proxy), json!({"success": true, "liveUsers": 6}));
    shards[2].twilio().end(5);
    told(&mut events, &mut socket, |frame| frame["liveUsers"] == 5).await;

    shards[1].backend.kill();
    let is_named = |frame: &Value| {
        let error = frame["error"].as_str().unwrap_or_default();
        frame["success"] == false
            && frame["liveUsers"] == 0
            && error.starts_with("shards without a number: 1 (since 20")
    };
    let lost = polled(&proxy);
    assert!(is_named(&lost), "{lost}");
    told(&mut events, &mut socket, is_named).await;

    shards[1].start_again();
    told(&mut events, &mut socket, |frame| frame["success"] == true && frame["liveUsers"] == 5)
        .await;
    assert_eq!(polled(&proxy), json!({"success": true, "liveUsers": 5}));
    let bearer = format!("Bearer {ADMIN_TOKEN}");
    let summary =
        live_users_testkit::send("GET", &at("/summary"), &[("Authorization", &bearer)], b"");
    let summary: Value = serde_json::from_str(&summary.body).expect("JSON");
    assert_eq!((&summary["liveUsers"], &summary["liveCalls"]), (&json!(5), &json!(5)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_the_sum_and_says_in_its_language_which_shard_is_missing() {
    let (mut shards, proxy) = start();
    for (n, shard) in (1..).zip(&shards) {
        shard.twilio().start(n);
    }
    let browser: Browser = page::open(&proxy).await;
    browser.wait_for_live_users("3 users live").await;
    browser.wait_for("all calls", "document.querySelectorAll('tr.call').length === 3").await;
    shards[0].twilio().start(9);
    browser.wait_for_live_users("4 users live").await;
    // So that all parts of it are seen, which are loaded then.
    browser.resize(1200, 3000).await;
    browser.goto(&format!("{}/admin/existing-agents?lang=de", proxy.url)).await;
    browser.wait_for_live_users("4 Nutzer live").await;
    // Each shard tells of its own history, and there are no links.
    let chart = "document.querySelector('live-users-chart').shadowRoot.textContent";
    let says = "das sagt jeder der 3 Shards für sich, und eine Summe davon gibt es nicht";
    let says = format!("{chart}.includes('{says}')");
    browser.wait_for("why there is no chart", &says).await;
    browser.wait_for("no links", "document.querySelector('#shared-links').hidden").await;
    let exports = "[...document.querySelectorAll('.export')]";
    let hidden = format!("{exports}.length === 2 && {exports}.every((it) => it.hidden)");
    browser.wait_for("no export, which each shard has for itself", &hidden).await;
    shards[2].backend.kill();
    page::wait_for_text(&browser, "#notice", "Shards ohne Zahl: 2 (seit 20").await;
    shards[2].start_again();
    browser.wait_for_live_users("4 Nutzer live").await;
    browser.wait_for("no notice", "!document.body.matches('.is-stale')").await;

    // One that starts now cannot tell whether there ever was anything to show.
    shards[2].backend.kill();
    let proxy = proxy_of(&shards);
    let young = page::open(&proxy).await;
    let nothing = "There is nothing to show at present: shards without a number: 2 (since 20";
    page::wait_for_text(&young, "#notice", nothing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_and_a_screen_on_the_wall_say_beside_the_number_that_it_is_an_upper_bound() {
    let shards = [("SHARDS", "2"), ("SHARD_BY", "agent")];
    let backend = backend_with(&agents_file(), &shards);
    let proxy = proxy_all(&[("BACKEND_URL", &backend.url), ("SHARDS", "2")]);
    let twilio = Twilio::new(&backend.url, TOKEN);
    twilio.start(1);
    let browser: Browser = page::open(&proxy).await;
    browser.wait_for_live_users("1 user live").await;
    page::wait_for_text(&browser, "[data-figure=sureness]", "all confirmed").await;
    let alone = page::text(&browser, "[data-figure=sureness]").await;
    assert_eq!(alone, "all confirmed", "one person is not counted twice");
    twilio.start(2);
    let says = "at most so many users: who talks to agents of two shards counts twice";
    page::wait_for_text(&browser, "[data-figure=sureness]", says).await;
    browser.goto(&format!("{}/admin/existing-agents?wallboard", proxy.url)).await;
    let seen = "document.querySelector('.wallboard .bound')?.checkVisibility() === true";
    browser.wait_for("the same on a wall", seen).await;
}
