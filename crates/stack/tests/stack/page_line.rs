//! Whom the page *Existing Agents* shows beside the live users, in a real Chromium: who waits, who
//! was handed over to a person, and machines.

use crate::page::{all_can_use_it, open, wait_for_text};
use crate::start_both;

#[tokio::test(flavor = "multi_thread")]
async fn who_is_dialled_waits_beside_the_number_and_is_no_live_user() {
    let (_backend, proxy, twilio) = start_both();
    let browser = open(&proxy).await;
    wait_for_text(&browser, "#figures", "Users live 0 nobody on the line").await;
    let line = "document.querySelector('#line').checkVisibility()";
    assert_eq!(browser.evaluate(line).await, false, "what is 0 is not there");
    let fields = [
        ("CallSid", "CAdialled"),
        ("CallStatus", "ringing"),
        ("Direction", "outbound-api"),
        ("From", "+15005550006"),
        ("To", "+14155550101"),
    ];
    assert_eq!(twilio.post("/call-status", &fields).status, 204);
    wait_for_text(&browser, "#figures", "0 nobody with an agent 1 waiting 1 on the line").await;
    wait_for_text(&browser, "#cards .card", "0 users live 0 of 20 calls 1 waiting").await;
    browser.wait_for_live_users("0 users live").await;
    let told = "document.querySelector('#announcement').textContent === \
                '0 users live, 1 waiting, 1 on the line'";
    browser.wait_for("whoever listens to be told", told).await;
    all_can_use_it(&browser, [(360, 800), (1920, 1000)]).await;
    browser.click("#wallboard").await;
    browser.wait_for("the mode", "document.documentElement.matches('.wallboard')").await;
    assert_eq!(browser.evaluate(line).await, true, "on the wall too");
    assert_eq!(browser.axe_violations().await, [""; 0], "on the wall");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_and_moves_say_with_whom_the_caller_is_connected() {
    let (_backend, proxy, _twilio) = start_both();
    let browser = open(&proxy).await;
    wait_for_text(&browser, "#calls", "No calls yet").await;
    wait_for_text(&browser, "#activity", "Nothing has happened yet.").await;
    // Parts of the same page with a state of their own; nothing happens, so the first ones are not
    // drawn again.
    let draw = "(async () => {
        const [{ Calls }, { Feed }] = await Promise.all(
            ['/admin/calls.js', '/admin/feed.js'].map((it) => import(it)));
        const call = { callSid: 'CA1', caller: '3fa9c2', agent: 'booking', suspect: false,
            counted: false, liveMs: 61500, since: new Date().toISOString(), country: null,
            region: null };
        const parties = [['agent', true], ['waiting', false], ['person', false], ['machine', false],
            ['person', true]];
        const list = [...parties, [undefined, undefined]].map(([party, counted], n) =>
            ({ ...call, callSid: `CA${n}`, party, counted }));
        // So long ago that each duration that goes on is a minute more.
        const calls = { list, receivedAt: performance.now() - 60_000, next: null,
            isKnown: true, error: null };
        new Calls({ calls, summary: null, elapsedSince: () => 60_000 }).draw();
        const what = 'moved', at = new Date().toISOString();
        const moves = ['person', 'agent', 'waiting', 'machine'].map((party, n) =>
            ({ cursor: `${n}`, at, what, party, callSid: 'CA1', agent: 'booking', caller: null,
               country: null, region: null, city: null, direction: 'inbound' }));
        new Feed({ activities: { list: moves, isKnown: true, error: null }, summary: null }).draw();
        const text = (node) => node.innerText.replace(/\\s+/g, ' ').trim();
        const rows = [...document.querySelectorAll('tr.call')].map((row) =>
            `${text(row.querySelector('.who-line'))}, ${text(row.querySelector('.duration'))}`);
        const feed = [...document.querySelectorAll('.activity.is-moved strong')].map(text);
        return [...rows, ...feed];
    })()";
    let expected = serde_json::json!([
        "inbound, 3fa9c2, 2:01",
        "inbound, 3fa9c2 waiting not counted, 1:01",
        "inbound, 3fa9c2 with a person not counted, 1:01",
        "inbound, 3fa9c2 answering machine not counted, 1:01",
        "inbound, 3fa9c2 with a person, 2:01",
        // From a backend that knows nothing of parties.
        "inbound, 3fa9c2, 2:01",
        "Handed over to a person",
        "Connected with an agent",
        "Waiting",
        "An answering machine has answered",
    ]);
    assert_eq!(browser.evaluate(draw).await, expected);
    assert_eq!(browser.axe_violations().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_summary_of_a_backend_that_knows_no_parties_is_drawn_without_them() {
    let (_backend, proxy, _twilio) = start_both();
    let browser = open(&proxy).await;
    let told = "import('/admin/format.js').then(({ others }) => [
        others({ liveUsers: 3 }),
        others({ liveUsers: 3, withAgent: 3, waiting: 0, withPerson: 0, machine: 0, onTheLine: 3 }),
        others({ liveUsers: 5, withAgent: 3, waiting: 1, withPerson: 1200, machine: 2,
            onTheLine: 1206 }),
    ].map((parts) => parts.join(', ')))";
    let all =
        "3 with an agent, 1 waiting, 1,200 with a person, 2 answering machines, 1,206 on the line";
    assert_eq!(browser.evaluate(told).await, serde_json::json!(["", "", all]));
}
