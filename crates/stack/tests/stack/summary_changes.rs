//! The summary as a snapshot and changes in a real Chromium: what the page makes of them.

use crate::{page, start_both_with, write_agents};

/// The same vectors as for the servers.
const VECTORS: &str = include_str!("../../../wire/fixtures/summary_changes.json");

const AGENTS: &str = r#"
    [[agent]]
    id = "booking"
    name = "Table bookings"
    numbers = ["+15005550006"]

    [[agent]]
    id = "10"
    name = "Extension ten"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_snapshot_and_its_changes_give_each_summary_in_the_page_too() {
    let (_folder, agents) = write_agents(AGENTS);
    let (_backend, proxy, _twilio) = start_both_with(&agents);
    let browser = page::open(&proxy).await;
    // A field that is null is absent in a document, and so may a list be that is empty.
    let wrong = format!(
        "import('/live-users-changes.js').then(({{ Changes }}) => {{
            const isEmpty = (it) => it === null || (Array.isArray(it) && it.length === 0);
            const plain = (it) => {{
                if (Array.isArray(it)) return it.map(plain);
                if (Object(it) !== it) return it;
                const told = Object.entries(it).filter(([, value]) => !isEmpty(value)).sort();
                return Object.fromEntries(told.map(([name, value]) => [name, plain(value)]));
            }};
            const changes = new Changes(), wrong = [], vectors = {VECTORS};
            for (const {{ frame, summary }} of vectors) {{
                const taken = JSON.stringify(plain(changes.take(frame)));
                if (taken !== JSON.stringify(plain(summary))) wrong.push(frame.frame, taken);
                const again = {{ ...frame, since: frame.frame, snapshot: undefined, changed: {{}} }};
                if (changes.take(again) !== null) wrong.push('a repeat is news');
            }}
            const next = {{ frame: 'run-99', since: 'run-98', changed: {{}} }};
            if (changes.take(next) !== undefined) wrong.push('a gap is no gap');
            if (changes.take({{ liveUsers: 3 }}).liveUsers !== 3) wrong.push('a whole summary');
            return [...wrong, vectors.length > 5];
        }})"
    );
    assert_eq!(browser.evaluate(&wrong).await, serde_json::json!([true]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_misses_a_frame_is_opened_anew_and_tells_what_is() {
    let (_folder, agents) = write_agents(AGENTS);
    let (_backend, proxy, _twilio) = start_both_with(&agents);
    let browser = page::open(&proxy).await;
    let told = "(async () => {
        const { Link } = await import('/live-users-link.js');
        const own = window.WebSocket, opened = [], frames = [];
        window.WebSocket = class {
            constructor(url) { opened.push([url.search, this]); }
            close() { this.isClosed = true; }
            tell(frame) { this.onmessage?.({ data: JSON.stringify({ success: true, ...frame }) }); }
        };
        const until = async (holds) => { while (!holds()) await new Promise((next) => setTimeout(next, 10)); };
        const all = (n) => ({ frame: `run-${n}`, asOf: '2026-11-23T09:30:00.000Z', snapshot: { liveUsers: n, 'byAgent[]': {} } });
        const change = (n, since) => ({ frame: `run-${n}`, since: `run-${since}`, asOf: '2026-11-23T09:30:00.000Z', changed: { liveUsers: n } });
        const path = 'api/live-users/summary';
        const link = new Link({ src: null, path, onFrame: (frame) => frames.push(frame.liveUsers), onState() {} });
        await until(() => opened.length === 1);
        // Both come before anybody could take the first.
        opened[0][1].tell(all(1));
        opened[0][1].tell(change(2, 1));
        await until(() => frames.length === 2);
        opened[0][1].tell(change(4, 3));
        await until(() => opened.length === 2);
        opened[1][1].tell(all(5));
        await until(() => frames.at(-1) === 5);
        link.close();
        window.WebSocket = own;
        return [...opened.map(([search, socket]) => `${search} ${socket.isClosed === true}`), ...frames];
    })()";
    let expected = serde_json::json!(["?changes=true true", "?changes=true true", 1, 2, 5]);
    assert_eq!(browser.evaluate(told).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_follows_changes_and_shows_what_a_page_shows_that_is_opened_then() {
    let (_folder, agents) = write_agents(AGENTS);
    let (_backend, proxy, twilio) = start_both_with(&agents);
    let browser = page::open(&proxy).await;
    browser.wait_for_live_users("0 users live").await;
    (1..=3).for_each(|n| drop(twilio.start(n)));
    twilio.end(2);
    browser.wait_for_live_users("2 users live").await;
    let seen = "['#agents', '#places'].map((it) => document.querySelector(it)?.innerText \
                .replace(/[0-9]+:[0-9]+/g, 'a while')).join('|')";
    browser
        .wait_for("the cards", "document.querySelector('#agents').innerText.includes('2')")
        .await;
    let later = page::open(&proxy).await;
    later.wait_for_live_users("2 users live").await;
    let expected = later.evaluate(seen).await;
    let expected = expected.as_str().expect("a text").to_owned();
    assert!(
        expected.contains("Table bookings") && expected.contains("Extension ten"),
        "{expected}"
    );
    browser.wait_for("the same", &format!("({seen}) === {}", serde_json::json!(expected))).await;
    assert_eq!(browser.console_errors().await, [""; 0]);
}
