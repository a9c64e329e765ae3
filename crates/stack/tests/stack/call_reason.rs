//! Why a call is counted, in the words of the page: the same as the backend's in English, and in each language.

use live_users_testkit::{Browser, Server, Twilio, send};
use serde_json::{Value, json};

use crate::page::open;
use crate::{API_TOKEN, TOKEN, backend_with, proxy_of, write_agents};

const FILE: &str = r#"
    [[agent]]
    id = "booking"
    name = "Table bookings"
    numbers = ["+15005550006"]

    [[agent]]
    id = "full"
    name = "One at a time"
    capacity = 1
    at_capacity = "queue:support"

    [[agent]]
    id = "busy"
    name = "Nobody but one"
    capacity = 1
    at_capacity = "busy"
"#;

/// The calls of a backend in many states.
fn start() -> (Server, Twilio, tempfile::TempDir) {
    let (folder, agents) = write_agents(FILE);
    let backend = backend_with(&agents, &[]);
    let twilio = Twilio::new(&backend.url, TOKEN);
    (backend, twilio, folder)
}

/// A webhook of a call that comes in, or goes out.
fn tell(twilio: &Twilio, path: &str, sid: &str, status: &str, more: &[(&str, &str)]) {
    let phone = format!("+1415555{:04}", sid.bytes().map(u16::from).sum::<u16>());
    let (from, to) = match more.iter().find(|(name, _)| *name == "Direction") {
        Some((_, "outbound-api" | "outbound-dial")) => ("+15005550006", phone.as_str()),
        _ => (phone.as_str(), "+15005550006"),
    };
    let fields = [("CallSid", sid), ("CallStatus", status), ("From", from), ("To", to)];
    let answer = twilio.post(path, &[&fields[..], more].concat());
    assert!(answer.status < 300, "{sid}: {}", answer.body);
}

/// What the backend says of each call.
fn explanations(backend: &Server, calls: &[&str]) -> Vec<Value> {
    let authorization = format!("Bearer {API_TOKEN}");
    let explain = |sid: &&str| {
        let url = format!("{}/api/live-users/calls/{sid}", backend.url);
        let answer = send("GET", &url, &[("Authorization", &authorization)], b"");
        let told: Value = serde_json::from_str(&answer.body).expect("JSON");
        assert!(told["reason"]["code"].is_string() && told["next"]["why"].is_string(), "{told}");
        told
    };
    calls.iter().map(explain).collect()
}

/// What the page makes of what the backend says: its own two texts, and the English ones with its clock.
async fn texts(browser: &Browser, told: &[Value]) -> Vec<[Option<String>; 4]> {
    let script = format!(
        "(async () => {{
            const [{{ nextText, reasonText }}, {{ moment }}] = await Promise.all(
                ['/admin/call-reason.js', '/admin/format.js'].map((it) => import(it)));
            const clock = (text) => text.replace(/\\d{{4}}-\\d\\d-\\d\\dT[\\d:.]+Z/g, (at) => moment(at));
            return {}.map(({{ reason, because, next }}) =>
                [reasonText(reason), clock(because), nextText(next), next.text]);
        }})()",
        Value::from(told)
    );
    serde_json::from_value(browser.evaluate(&script).await).expect("four texts of each")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_why_a_call_counts_as_the_backend_does_and_in_each_language() {
    let (backend, twilio, _folder) = start();
    let proxy = proxy_of(&backend);
    let inbound = [("Direction", "inbound")];
    let outbound = [("Direction", "outbound-api")];
    for sid in ["CAlive", "CAspoke", "CAgoodbye", "CAover", "CAevicted", "CAcaller"] {
        tell(&twilio, "/voice", sid, "ringing", &inbound);
    }
    tell(&twilio, "/speech-result", "CAspoke", "in-progress", &[("SpeechResult", "hello")]);
    tell(&twilio, "/speech-result", "CAgoodbye", "in-progress", &[("SpeechResult", "goodbye")]);
    tell(&twilio, "/call-status", "CAover", "completed", &inbound);
    tell(&twilio, "/call-status", "CAdialled", "ringing", &outbound);
    tell(&twilio, "/call-status", "CAmissed", "no-answer", &outbound);
    let leg = [("Direction", "outbound-dial"), ("ParentCallSid", "CAcaller")];
    tell(&twilio, "/call-status", "CAleg", "ringing", &leg);
    tell(&twilio, "/call-status", "CAleg", "in-progress", &leg);
    for sid in ["CAfirst", "CAqueued"] {
        tell(&twilio, "/voice?agent=full", sid, "ringing", &inbound);
    }
    for sid in ["CAone", "CArefused"] {
        tell(&twilio, "/voice?agent=busy", sid, "ringing", &inbound);
    }
    let authorization = format!("Bearer {API_TOKEN}");
    let evict = format!("{}/api/live-users/calls/CAevicted/evict", backend.url);
    assert_eq!(send("POST", &evict, &[("Authorization", &authorization)], b"").status, 200);
    let expected = [
        ("CAlive", "on-the-line"),
        ("CAspoke", "on-the-line"),
        ("CAgoodbye", "goodbye"),
        ("CAover", "completed"),
        ("CAevicted", "evicted"),
        ("CAdialled", "dialing"),
        ("CAmissed", "no-answer"),
        ("CAcaller", "with-person"),
        ("CAleg", "leg"),
        ("CAqueued", "in-queue"),
        ("CArefused", "turned-away"),
    ];
    let told = explanations(&backend, &expected.map(|(sid, _)| sid));
    let codes: Vec<_> = told.iter().map(|it| &it["reason"]["code"]).collect();
    assert_eq!(codes, expected.map(|(_, code)| code));

    let browser = open(&proxy).await;
    browser.wait_for("the calls", "document.querySelector('tr.call')").await;
    let english = texts(&browser, &told).await;
    for [why, because, next, text] in &english {
        assert_eq!((why, next), (because, text));
    }
    for tag in ["de", "es", "fr", "pt", "ja"] {
        browser.goto(&format!("{}/admin/existing-agents?lang={tag}", proxy.url)).await;
        browser.wait_for("the calls", "document.querySelector('tr.call')").await;
        for [why, because, next, text] in texts(&browser, &told).await {
            assert!(why.is_some() && why != because, "{tag}: {why:?}");
            assert!(next.is_some() && next != text, "{tag}: {next:?}");
            let left = [&why, &next].into_iter().flatten().find(|it| it.contains(['{', '}']));
            assert_eq!(left, None, "{tag}: all is put in");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_page_does_not_know_of_a_call_it_says_in_the_words_of_the_backend() {
    let (backend, twilio, _folder) = start();
    let proxy = proxy_of(&backend);
    tell(&twilio, "/voice", "CAlive", "ringing", &[("Direction", "inbound")]);
    let told = explanations(&backend, &["CAlive"]).remove(0);
    let browser = open(&proxy).await;
    browser.wait_for("the calls", "document.querySelector('tr.call')").await;
    let changed = |pointer: &str, value: &str| {
        let mut told = told.clone();
        *told.pointer_mut(pointer).expect("it is there") = value.into();
        told
    };
    let mut none = told.clone();
    none.as_object_mut().expect("an object").remove("reason");
    none["next"].as_object_mut().expect("an object").remove("why");
    let mut unknown = told.clone();
    unknown["reason"]["rule"] = "count-everything".into();
    let unknown = [
        none,
        changed("/reason/code", "on-the-moon"),
        changed("/reason/certainty/code", "hoped"),
        changed("/reason/evidence/source", "rumour"),
        changed("/reason/evidence/said", "toString"),
        unknown,
    ];
    for [why, because, ..] in texts(&browser, &unknown).await {
        assert_eq!(why, None, "{because:?}");
    }
    let next = [changed("/next/why", "who-knows")];
    assert_eq!(texts(&browser, &next).await[0][2], None);
    // Limits of sources, and whose leg it is when nobody has said so, are not told of by Twilio alone.
    let of = |reason: Value| json!({ "reason": reason, "because": "", "next": { "text": "" } });
    let limits = |more: Value| {
        let mut reason =
            json!({ "counted": false, "code": "limits-broken", "sources": ["app", "pbx"] });
        reason.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("one"));
        of(reason)
    };
    let given_up = "Not counted: given up, since no word of it came in time: app, pbx";
    for (told, text) in [
        (
            limits(json!({ "quietSeconds": 2, "longestSeconds": 119 })),
            format!("{given_up} is to be heard of it at least each 2 s and has no call longer than 1 min."),
        ),
        (
            limits(json!({ "longestSeconds": 3600 })),
            format!("{given_up} has no call longer than 60 min."),
        ),
        (
            of(json!({ "counted": false, "code": "leg" })),
            "Not counted: a leg of another call: never a user.".to_owned(),
        ),
        (
            of(json!({ "counted": false, "code": "turned-away", "limit": "account", "unconfirmed": true })),
            "Not counted: turned away, since all agents together were at the limit; the provider has not \
             said so yet."
                .to_owned(),
        ),
    ] {
        assert_eq!(texts(&browser, &[told]).await[0][0], Some(text));
    }
}
