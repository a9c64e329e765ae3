//! Each kind of source against the vectors that its provider's own packages have made or checked
//! (`tools/vectors`), valid and spoiled.

use std::collections::BTreeMap;
use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use live_users_core::{AnsweredBy, Direction, EndReason};
use live_users_sources::{
    CallEvent, KINDS, Kind, Reading, Rejection, Request, Secrets, StandardWebhooksSecret, What,
    standard_webhooks_secret,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    packages: Vec<String>,
    secret: String,
    url: String,
    method: String,
    now_ms: u64,
    max_age_s: Option<u64>,
    signed_headers: Vec<String>,
    #[serde(default)]
    signs_url: bool,
    vectors: Vec<Vector>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    headers: BTreeMap<String, String>,
    body: Option<String>,
    body_base64: Option<String>,
    url: Option<String>,
    method: Option<String>,
    secret: Option<String>,
    #[serde(default = "yes")]
    valid: bool,
    #[serde(default = "yes")]
    spoil: bool,
    /// Of a form: whether it is still accepted with its fields in another order.
    reordered: Option<bool>,
    #[serde(default)]
    events: Vec<Value>,
}

fn yes() -> bool {
    true
}

impl Vector {
    fn body(&self) -> Vec<u8> {
        match (&self.body, &self.body_base64) {
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(encoded)) => BASE64.decode(encoded).expect("Base64"),
            _ => panic!("{}: expected body or body_base64", self.name),
        }
    }
}

/// One way to ask whether a request is accepted.
struct Ask<'a> {
    kind: &'a Kind,
    secrets: Vec<&'a str>,
    url: &'a str,
    method: &'a str,
    headers: &'a BTreeMap<String, String>,
    body: &'a [u8],
    now_ms: u64,
}

impl Ask<'_> {
    fn with<T>(&self, ask: impl FnOnce(&Request<'_>) -> T) -> T {
        let header = |name: &str| {
            let found = self.headers.iter().find(|(it, _)| it.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.as_str())
        };
        ask(&Request { method: self.method, url: self.url, header: &header, body: self.body })
    }

    fn verify(&self) -> Result<(), Rejection> {
        let secrets =
            Secrets::new(self.kind, self.secrets.iter().copied()).expect("usable secrets");
        self.with(|request| secrets.verify(request, self.now_ms))
    }
}

fn file(kind: &Kind) -> File {
    let folder = kind.name.replace('-', "_");
    let path = format!("{}/src/{folder}/fixtures/vectors.json", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_kind_has_vectors_of_pinned_packages() {
    assert!(!KINDS.is_empty());
    for kind in KINDS {
        let file = file(kind);
        let is_pinned = |it: &String| it.rsplit(' ').next().is_some_and(|it| it.contains('.'));
        assert!(!file.packages.is_empty() && file.packages.iter().all(is_pinned), "{}", kind.name);
        assert!(file.vectors.iter().filter(|it| it.valid).count() > 2, "{}", kind.name);
    }
}

#[test]
fn vectors_are_accepted_and_spoiled_ones_are_not() {
    KINDS.iter().for_each(are_accepted_and_spoiled_ones_are_not);
}

fn are_accepted_and_spoiled_ones_are_not(kind: &Kind) {
    let file = file(kind);
    for vector in &file.vectors {
        let (name, body) = (format!("{}: {}", kind.name, vector.name), vector.body());
        let secret = vector.secret.as_ref().unwrap_or(&file.secret);
        let ask = Ask {
            kind,
            secrets: vec![secret],
            url: vector.url.as_ref().unwrap_or(&file.url),
            method: vector.method.as_ref().unwrap_or(&file.method),
            headers: &vector.headers,
            body: &body,
            now_ms: file.now_ms,
        };
        match (ask.verify(), vector.valid) {
            (Ok(()), true) if vector.spoil => spoil(&ask, &file, &name),
            (Ok(()), true) | (Err(_), false) => {}
            (verified, valid) => panic!("{name}: {verified:?}, expected valid: {valid}"),
        }
        if let Some(expected) = vector.reordered {
            let fields: Vec<_> = body.rsplit(|byte| *byte == b'&').collect();
            let body = fields.join(&b'&');
            let verified = Ask { body: &body, ..again(&ask) }.verify();
            assert_eq!(verified.is_ok(), expected, "{name}, in another order: {verified:?}");
        }
    }
}

/// Standard Webhooks is no kind, because it says nothing of what a body means.
fn standard_webhooks() -> Kind {
    Kind {
        name: "standard-webhooks",
        title: "Standard Webhooks",
        secret_is: "a secret",
        referee: None,
        secret: standard_webhooks_secret,
        read: |_| Ok(Reading::default()),
        by_get: false,
        tells: KINDS[0].tells,
    }
}

#[test]
fn signatures_of_standard_webhooks_are_verified_and_made_as_its_packages_do() {
    let kind = standard_webhooks();
    are_accepted_and_spoiled_ones_are_not(&kind);
    let file = file(&kind);
    for vector in file.vectors.iter().filter(|it| it.valid) {
        let secret = vector.secret.as_ref().unwrap_or(&file.secret);
        let secret = StandardWebhooksSecret::new(secret).expect("usable secret");
        let header = |name: &str| vector.headers[name].as_str();
        let seconds = header("webhook-timestamp").parse().expect("seconds");
        let signed = secret.sign(header("webhook-id"), seconds, &vector.body());
        let mut entries = header("webhook-signature").split(' ');
        assert!(entries.any(|it| it == signed), "{}", vector.name);
    }
}

fn spoil(ask: &Ask<'_>, file: &File, name: &str) {
    // A changed byte, at each place.
    for at in 0..ask.body.len() {
        let mut body = ask.body.to_vec();
        body[at] ^= 1;
        assert!(Ask { body: &body, ..again(ask) }.verify().is_err(), "{name}: byte {at}");
    }
    for at in (0..ask.url.len()).filter(|_| file.signs_url) {
        let mut url = ask.url.as_bytes().to_vec();
        url[at] ^= 1;
        let url = String::from_utf8(url).expect("ASCII stays ASCII");
        assert!(Ask { url: &url, ..again(ask) }.verify().is_err(), "{name}: byte {at} of the URL");
    }
    let other = another(ask.secrets[0]);
    assert!(Ask { secrets: vec![&other], ..again(ask) }.verify().is_err(), "{name}: other secret");
    let rotated = vec![other.as_str(), ask.secrets[0]];
    assert_eq!(Ask { secrets: rotated, ..again(ask) }.verify(), Ok(()), "{name}: rotated");
    for signed in &file.signed_headers {
        let mut headers = ask.headers.clone();
        headers.retain(|it, _| !it.eq_ignore_ascii_case(signed));
        let missing = Ask { headers: &headers, ..again(ask) }.verify();
        assert!(missing.is_err(), "{name}: without {signed}");
        let mut headers = ask.headers.clone();
        for (header, value) in &mut headers {
            if header.eq_ignore_ascii_case(signed) {
                value.insert(0, 'x');
            }
        }
        let changed = Ask { headers: &headers, ..again(ask) }.verify();
        assert!(changed.is_err(), "{name}: changed {signed}");
    }
    if let Some(max_age_s) = file.max_age_s {
        let later = |s| Ask { now_ms: file.now_ms + s * 1_000, ..again(ask) }.verify();
        assert_eq!(later(max_age_s - 1), Ok(()), "{name}: nearly too old");
        assert!(matches!(later(max_age_s + 1_000), Err(Rejection::TooOld { .. })), "{name}: old");
    }
}

fn again<'a>(ask: &Ask<'a>) -> Ask<'a> {
    Ask { secrets: ask.secrets.clone(), ..*ask }
}

/// A secret of the same form that is another one: the letters turned round in their groups.
fn another(secret: &str) -> String {
    let turned = |c: char| match c {
        'a'..='y' | 'A'..='Y' | '0'..='8' => char::from(c as u8 + 1),
        'z' => 'a',
        'Z' => 'A',
        '9' => '0',
        other => other,
    };
    // What says which form it has stays: `whsec_`, `KEY:`.
    let at = secret.find(['_', ':']).filter(|at| *at < 16).map_or(0, |at| at + 1);
    let (form, rest) = secret.split_at(at);
    format!("{form}{}", rest.chars().map(turned).collect::<String>())
}

#[test]
fn vectors_are_read_as_they_say() {
    for kind in KINDS {
        let file = file(kind);
        for vector in file.vectors.iter().filter(|it| it.valid) {
            let body = vector.body();
            let ask = Ask {
                kind,
                secrets: Vec::new(),
                url: vector.url.as_ref().unwrap_or(&file.url),
                method: vector.method.as_ref().unwrap_or(&file.method),
                headers: &vector.headers,
                body: &body,
                now_ms: file.now_ms,
            };
            let reading = ask.with(|request| (kind.read)(request));
            let reading = reading.unwrap_or_else(|why| panic!("{}: {why}", vector.name));
            let events: Vec<_> = reading.events.iter().map(shown).collect();
            assert_eq!(events, vector.events, "{}: {}", kind.name, vector.name);
            assert!(!events.is_empty() || !reading.ignored.is_empty(), "{}", vector.name);
        }
    }
}

#[test]
fn of_a_name_that_stands_twice_in_the_json_of_a_provider_the_last_value_counts() {
    for kind in KINDS {
        let file = file(kind);
        let mut n_read = 0;
        for vector in file.vectors.iter().filter(|it| it.valid) {
            let Ok(whole) = serde_json::from_slice::<Value>(&vector.body()) else { continue };
            let body = twice(&whole).into_bytes();
            let (url, method) = (&*file.url, &*file.method);
            let (secrets, headers, now_ms) = (Vec::new(), &vector.headers, file.now_ms);
            let ask = Ask { kind, secrets, url, method, headers, body: &body, now_ms };
            let reading = ask.with(|request| (kind.read)(request));
            if kind.name == "events" {
                assert!(reading.is_err(), "{}: our own form", vector.name);
                continue;
            }
            let reading = reading.unwrap_or_else(|why| panic!("{}: {why}", vector.name));
            let events: Vec<_> = reading.events.iter().map(shown).collect();
            assert_eq!(events, vector.events, "{}: {}", kind.name, vector.name);
            n_read += 1;
        }
        let has_json = !["events", "plivo", "signalwire"].contains(&kind.name);
        assert_eq!(n_read > 2, has_json, "{}: {n_read}", kind.name);
    }
}

/// JSON with each member of its objects twice: at first with another value.
fn twice(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(twice).collect::<Vec<_>>().join(","))
        }
        Value::Object(members) => {
            let member = |(name, value)| {
                let (name, value) = (Value::from(String::clone(name)), twice(value));
                format!("{name}:\"other\",{name}:{value}")
            };
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
        }
        scalar => scalar.to_string(),
    }
}

/// An event as the vectors write it: without what is empty.
fn shown(event: &CallEvent) -> Value {
    let mut fields = Map::new();
    let CallEvent { call, also, parent, what, direction, from, to, agent, .. } = event;
    let mut put = |name: &str, value: Value| {
        if !value.is_null() && value != json!([]) {
            fields.insert(name.to_owned(), value);
        }
    };
    put("id", json!(event.id));
    put("call", json!(call));
    put("also", json!(also));
    put("parent", json!(parent));
    put("what", json!(word(*what)));
    put("room", json!(event.room));
    put("session", json!(event.session));
    put("account", json!(event.account));
    put("direction", json!(direction.map(direction_word)));
    put("from", json!(from));
    put("to", json!(to));
    put("agent", json!(agent));
    put("answered_by", json!(event.answered_by.map(answered_word)));
    put("duration_s", json!(event.duration_s));
    put("at_ms", json!(event.at_ms));
    Value::Object(fields)
}

fn word(what: What) -> String {
    let ended = |reason| match reason {
        EndReason::Completed => "completed",
        EndReason::Busy => "busy",
        EndReason::NoAnswer => "no-answer",
        EndReason::Canceled => "canceled",
        EndReason::Failed => "failed",
        _ => "of no source",
    };
    match what {
        What::Dialing => "dialing".to_owned(),
        What::Up => "up".to_owned(),
        What::StillUp => "still up".to_owned(),
        What::Answered => "answered".to_owned(),
        What::Waiting => "waiting".to_owned(),
        What::Transferred => "transferred".to_owned(),
        What::Returned => "returned".to_owned(),
        What::Machine => "machine".to_owned(),
        What::Ended(reason) => format!("ended {}", ended(reason)),
        What::Left => "left".to_owned(),
        What::RoomOver => "room over".to_owned(),
    }
}

fn direction_word(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
        Direction::Dial => "dial",
    }
}

fn answered_word(answered_by: AnsweredBy) -> &'static str {
    match answered_by {
        AnsweredBy::Human => "human",
        AnsweredBy::Machine => "machine",
        AnsweredBy::Fax => "fax",
    }
}

#[test]
fn any_bytes_are_refused_or_read_without_a_panic() {
    let url = "https://calls.example.com/sources/one";
    let bodies: [&[u8]; 9] = [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"{\"data\":{}}",
        b"{\"message\":1}",
        b"a=1&a=2",
        b"{\"call\":null,\"event\":\"call_started\",\"type\":7}",
    ];
    for kind in KINDS {
        for body in bodies {
            for content_type in ["application/json", "application/x-www-form-urlencoded", "x"] {
                let headers = [("content-type".to_owned(), content_type.to_owned())].into();
                let (secrets, method) = (Vec::new(), "POST");
                let ask = Ask { kind, secrets, url, method, headers: &headers, body, now_ms: 1 };
                let _either = ask.with(|request| (kind.read)(request).is_ok());
            }
        }
    }
}
