//! Tokens of the agents file: each opens the calls of its accounts, and nothing of others.

use std::fs;

use live_users_testkit::{Answer, Events, OpenApi, Server, Socket, Twilio, exit_of, get, send};
use serde_json::{Value, json};

use crate::honest::{API_TOKEN, WITH_TOKEN, ask, sid};
use crate::{BINARY, TOKEN, agents_file, start};

const WALL: &str = "w4llt0k3nw4llt0k3nw4llt0k3n";
const OPS: &str = "0pst0k3n0pst0k3n0pst0k3n0pst";
const ALL: &str = "4llt0k3n4llt0k3n4llt0k3n4llt";
const BOTH: &str = "b0tht0k3nb0tht0k3nb0tht0k3n";

const AGENTS: &str = r#"
    [[agent]]
    id = "booking"
    name = "Bookings"
    account = "acme"
    numbers = ["+15005550006"]

    [[agent]]
    id = "support"
    name = "Support of zeta"
    account = "zeta"
    numbers = ["+15005550007"]

    [[token]]
    id = "wall"
    secret_env = "WALL_TOKEN"
    accounts = ["acme"]

    [[token]]
    id = "ops"
    secret_env = "OPS_TOKEN"
    accounts = ["acme"]
    role = "operate"

    [[token]]
    id = "all"
    secret_env = "ALL_TOKEN"

    [[token]]
    id = "both"
    secret_env = "BOTH_TOKEN"
    accounts = ["acme", "zeta"]
"#;

const SECRETS: [(&str, &str); 4] =
    [("WALL_TOKEN", WALL), ("OPS_TOKEN", OPS), ("ALL_TOKEN", ALL), ("BOTH_TOKEN", BOTH)];

fn start_with(agents: &str, more: &[(&str, &str)]) -> (Server, Twilio) {
    start(&[&[WITH_TOKEN, ("AGENTS_FILE", agents)], &SECRETS[..], more].concat())
}

/// A call of this person to a number of ours.
fn call(twilio: &Twilio, n: u8, from: u8, to: &str) {
    let (sid, from) = (sid(n), format!("+1415555010{from}"));
    let fields = [
        ("CallSid", sid.as_str()),
        ("CallStatus", "ringing"),
        ("Direction", "inbound"),
        ("From", from.as_str()),
        ("FromCity", if n == 1 { "OAKLAND" } else { "LONDON" }),
        ("FromCountry", if n == 1 { "US" } else { "GB" }),
        ("To", to),
    ];
    assert_eq!(twilio.post("/voice", &fields).status, 200);
}

/// One call of acme, two of zeta; the person with the first one has one of these, too.
fn with_calls(more: &[(&str, &str)]) -> (Server, Twilio) {
    let (_folder, agents) = agents_file(AGENTS);
    let (server, twilio) = start_with(&agents, more);
    call(&twilio, 1, 1, "+15005550006");
    call(&twilio, 2, 1, "+15005550007");
    call(&twilio, 3, 2, "+15005550007");
    (server, twilio)
}

pub(crate) fn read(server: &Server, path: &str, token: &str) -> Value {
    let answer = ask(server, "GET", path, token);
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    serde_json::from_str(&answer.body).expect("JSON")
}

/// Nothing in it is of zeta.
fn leaks_nothing(path: &str, answer: &Answer) {
    for of_zeta in ["zeta", "support", "Support", "5550007", "GB", "LONDON", &sid(2), &sid(3)] {
        assert!(!answer.body.contains(of_zeta), "{path}: {of_zeta}: {}", answer.body);
    }
}

#[test]
fn a_name_that_is_not_there_and_one_of_another_account_have_the_same_answer() {
    let (server, _) = with_calls(&[]);
    let paths = ["/calls", "/activity", "/history", "/history.svg"];
    let names = [("agent", "support"), ("account", "zeta"), ("source", "platform")];
    for (path, (field, theirs)) in paths.iter().flat_map(|path| names.map(|it| (path, it))) {
        if field == "source" && *path != "/calls" || field == "agent" && *path == "/activity" {
            continue;
        }
        let asked = |name: &str| ask(&server, "GET", &format!("{path}?{field}={name}"), WALL);
        let [not_theirs, not_there] = [theirs, "TYPO"].map(asked);
        assert_eq!(not_there.status, 404, "{path} {field}: {}", not_there.body);
        assert_eq!(not_theirs.body, not_there.body, "{path} {field}");
        leaks_nothing(path, &not_there);
        let told: Value = serde_json::from_str(&not_there.body).expect("JSON");
        assert_eq!(told["field"], field, "{path}");
        let document = OpenApi::of(&server.url, env!("CARGO_PKG_VERSION"));
        document.check("GET", &format!("/api/live-users{path}"), &not_there);
    }
    let expected = |query: &str, token| {
        let answer = ask(&server, "GET", &format!("/calls?{query}=TYPO"), token);
        let told: Value = serde_json::from_str(&answer.body).expect("JSON");
        told["expected"].as_str().expect("text").to_owned()
    };
    assert_eq!(expected("account", WALL), "acme");
    assert_eq!(expected("agent", WALL), "booking or another agent that has calls");
    assert_eq!(expected("account", API_TOKEN), "acme, zeta or another account that has calls");
    assert_eq!(read(&server, "/calls?agent=booking&account=acme", WALL)["total"], 1);
    let mixed = ask(&server, "GET", "/calls?agent=support&account=acme", API_TOKEN);
    assert_eq!(mixed.status, 404, "an agent of another account: {}", mixed.body);
}

#[test]
fn each_reads_the_calls_of_its_accounts_and_nothing_of_others() {
    let (server, twilio) = with_calls(&[]);
    let live_users = |token| read(&server, "", token)["liveUsers"].clone();
    assert_eq!([API_TOKEN, WALL, OPS, ALL, BOTH].map(live_users), [2, 1, 1, 2, 2]);
    assert_eq!(twilio.count(), r#"{"liveUsers":2}"#, "without a token it is the whole number");
    let paths = ["", "/summary", "/calls", "/activity", "/history", "/history.svg", "/access"];
    for path in paths {
        let answer = ask(&server, "GET", path, WALL);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        leaks_nothing(path, &answer);
    }
    let summary = read(&server, "/summary", WALL);
    assert_eq!((&summary["liveUsers"], &summary["liveCalls"]), (&json!(1), &json!(1)));
    assert_eq!((&summary["confirmed"], &summary["suspect"]), (&json!(1), &json!(0)));
    assert_eq!(summary["byAgent"].as_array().map(Vec::len), Some(1));
    assert_eq!(summary["byAgent"][0]["account"], "acme");
    assert_eq!(summary["byCountry"], json!([{"country": "US", "liveUsers": 1, "liveCalls": 1}]));
    assert_eq!(summary["byAccount"], json!([{"account": "acme", "liveUsers": 1, "liveCalls": 1}]));
    assert!(summary["seq"].as_u64() > Some(1_000_000), "no count of records: {summary}");
    let calls = read(&server, "/calls", WALL)["calls"].clone();
    assert_eq!(calls.as_array().map(Vec::len), Some(1));
    assert_eq!((&calls[0]["callSid"], &calls[0]["account"]), (&json!(sid(1)), &json!("acme")));
    let activities = read(&server, "/activity", WALL);
    assert_eq!(activities["activities"].as_array().map(Vec::len), Some(1));
    let cursor = activities["cursor"].as_str().expect("a cursor");
    call(&twilio, 4, 3, "+15005550006");
    let newer = read(&server, &format!("/activity?after={cursor}"), WALL);
    assert_eq!(newer["activities"][0]["callSid"], json!(sid(4)), "{newer}");
    assert_eq!((&newer["activities"][1], &newer["missed"]), (&Value::Null, &json!(false)));
    let explained = read(&server, &format!("/calls/{}", sid(4)), WALL);
    assert_eq!(explained["evidence"][0]["seq"], 1, "{explained}");
    // What is told of a call of somebody else is what is told of none.
    let [theirs, nobodys] =
        [2, 9].map(|n| ask(&server, "GET", &format!("/calls/{}", sid(n)), WALL));
    assert_eq!((theirs.status, theirs.body), (404, nobodys.body));
}

#[test]
fn the_history_is_that_of_the_accounts() {
    let (server, _twilio) = with_calls(&[]);
    let ever = |path: &str, token| {
        read(&server, &format!("/history{path}"), token)["peaks"]["ever"]["liveUsers"].clone()
    };
    assert_eq!([API_TOKEN, WALL, ALL].map(|token| ever("", token)), [2, 1, 2]);
    assert_eq!(ever("", BOTH), 3, "a person in two accounts is in both");
    assert_eq!([ever("?account=zeta", API_TOKEN), ever("?account=acme", BOTH)], [2, 1]);
    assert_eq!(ever("?agent=booking", WALL), 1);
    for (path, token) in [
        ("?agent=support", WALL),
        ("?agent=nobody", WALL),
        ("?account=zeta", WALL),
        ("?account=nobody", API_TOKEN),
        ("?account=acme&agent=support", API_TOKEN),
    ] {
        for kind in ["", ".svg"] {
            let answer = ask(&server, "GET", &format!("/history{kind}{path}"), token);
            assert_eq!(answer.status, 404, "{path}: {}", answer.body);
        }
    }
    let of = |path: &str, token| read(&server, path, token);
    assert_eq!(of("/calls?account=zeta", API_TOKEN)["calls"].as_array().map(Vec::len), Some(2));
    for path in ["/calls?account=zeta", "/activity?account=zeta"] {
        assert_eq!(ask(&server, "GET", path, WALL).status, 404, "{path}");
    }
    let activities = of("/activity?account=acme", API_TOKEN)["activities"].clone();
    assert_eq!(activities.as_array().map(Vec::len), Some(1));
}

#[test]
fn what_is_of_no_account_needs_api_token_and_an_eviction_the_role() {
    let (server, _twilio) = with_calls(&[]);
    let document = OpenApi::of(&server.url, env!("CARGO_PKG_VERSION"));
    let ended = format!("/api/sessions/{}/end?until_ms=1", "0".repeat(32));
    for (method, path) in [
        ("GET", "/metrics"),
        ("GET", "/api/live-users/setup"),
        ("POST", "/api/live-users/journal/rewrite"),
        ("POST", "/api/live-users/agents/reload"),
        ("GET", "/api/sessions/ended"),
        ("POST", ended.as_str()),
        ("POST", "/api/events"),
    ] {
        for token in [WALL, OPS, ALL] {
            let authorization = format!("Bearer {token}");
            let url = format!("{}{path}", server.url);
            let answer = send(method, &url, &[("Authorization", &authorization)], b"");
            assert_eq!(answer.status, 403, "{path}: {}", answer.body);
            assert!(answer.body.contains(r#""code":"needs-api-token""#), "{}", answer.body);
            assert!(answer.body.contains("API_TOKEN"), "{}", answer.body);
        }
    }
    let evict = |n, token| ask(&server, "POST", &format!("/calls/{}/evict", sid(n)), token);
    for token in [WALL, ALL, BOTH] {
        let answer = evict(1, token);
        assert_eq!(answer.status, 403, "{}", answer.body);
        assert!(answer.body.contains(r#""code":"read-only""#), "{}", answer.body);
        document.check("POST", "/api/live-users/calls/{callSid}/evict", &answer);
    }
    assert_eq!(evict(2, OPS).status, 404);
    assert_eq!(read(&server, "", API_TOKEN)["liveUsers"], 2, "nothing has happened");
    assert_eq!(evict(1, OPS).status, 200);
    assert_eq!(read(&server, "", WALL)["liveUsers"], 0);
    let (_, log) = server.terminate();
    assert!(log.contains("is evicted from the count by the holder of token ops"), "{log}");
    assert!([WALL, OPS, ALL, API_TOKEN].iter().all(|token| !log.contains(token)));
}

#[test]
fn who_has_api_token_may_ask_for_what_a_token_opens() {
    let (server, _twilio) = with_calls(&[]);
    let document = OpenApi::of(&server.url, env!("CARGO_PKG_VERSION"));
    let whole = json!({"role": "operate", "accounts": null, "id": null, "access": null});
    assert_eq!(read(&server, "/access", API_TOKEN), whole);
    let own = read(&server, "/access", WALL);
    let access = own["access"].as_str().expect("an access").to_owned();
    let expected = json!({"role": "read", "accounts": ["acme"], "id": "wall", "access": access});
    assert_eq!(own, expected);
    assert!(access.starts_with("wall.") && !access.contains(WALL));
    let asked = |path: &str, token: &str, access: &str| {
        let authorization = format!("Bearer {token}");
        let headers = [("Authorization", &*authorization), ("Live-Users-Access", access)];
        send("GET", &format!("{}/api/live-users{path}", server.url), &headers, b"")
    };
    let answer = asked("/access", API_TOKEN, &access);
    document.check("GET", "/api/live-users/access", &answer);
    assert_eq!(serde_json::from_str::<Value>(&answer.body).expect("JSON"), expected);
    for path in ["", "/calls", "/activity"] {
        let [one, other] = [asked(path, API_TOKEN, &access), ask(&server, "GET", path, WALL)];
        let without_time = |answer: Answer| {
            let mut value: Value = serde_json::from_str(&answer.body).expect("JSON");
            // For who sees some accounts, the place is a time, too.
            for time in ["asOf", "seq"] {
                value.as_object_mut().expect("an object").remove(time);
            }
            value["calls"].as_array_mut().into_iter().flatten().for_each(|call| {
                call["liveMs"] = Value::Null;
            });
            value
        };
        assert_eq!(without_time(one), without_time(other), "{path}");
    }
    assert_eq!(asked("/setup", API_TOKEN, &access).status, 403);
    for ended in ["wall.00000000000000000000000000000000", "wall", "nobody.1", ""] {
        for path in ["", "/summary", "/access", "/setup"] {
            let answer = asked(path, API_TOKEN, ended);
            assert_eq!(answer.status, 403, "{path} {ended}: {}", answer.body);
            assert!(answer.body.contains(r#""code":"access-ended""#), "{}", answer.body);
        }
    }
    assert_eq!(asked("/summary", WALL, &access).status, 400, "a token opens what it opens");
    let url = format!("{}/api/live-users", server.url);
    let alone = send("GET", &url, &[("Live-Users-Access", &access)], b"");
    assert_eq!(alone.status, 401, "it is never answered with the whole number: {}", alone.body);
    assert_eq!(asked("", "0123456789abcdef", &access).status, 403);
    assert_eq!(ask(&server, "GET", "", "0123456789abcdef").status, 403, "nor is a wrong token");
    assert_eq!(get(&url).body, r#"{"liveUsers":2}"#);
}

/// Asks as a proxy does what a token of somebody else opens.
fn introspect(server: &Server, shown: &str, body: &[u8]) -> Answer {
    let authorization = format!("Bearer {shown}");
    let url = format!("{}/api/live-users/access", server.url);
    send("POST", &url, &[("Authorization", &authorization)], body)
}

#[test]
fn a_proxy_asks_what_tokens_open_and_wrong_ones_are_no_guesses_of_its_own() {
    let (server, _twilio) = with_calls(&[]);
    let document = OpenApi::of(&server.url, env!("CARGO_PKG_VERSION"));
    let opens = |token: &str| -> Value {
        let answer =
            introspect(&server, API_TOKEN, json!({ "token": token }).to_string().as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.header("cache-control"), "no-store");
        document.check("POST", "/api/live-users/access", &answer);
        serde_json::from_str(&answer.body).expect("JSON")
    };
    for token in [WALL, OPS, ALL, BOTH, API_TOKEN] {
        let mut own = read(&server, "/access", token);
        own["active"] = json!(true);
        assert_eq!(opens(token), own, "as whoever has it would be told");
    }
    for n in 0..400 {
        assert_eq!(opens(&format!("0123456789abcdef{n}")), json!({"active": false}));
    }
    assert_eq!((&opens(WALL)["id"], &opens("")), (&json!("wall"), &json!({"active": false})));
    // None of them was counted at the address that they all came from.
    for n in 0..9 {
        assert_eq!(ask(&server, "GET", "/access", &format!("fedcba9876543210{n}")).status, 403);
    }
    assert_eq!(read(&server, "/access", OPS)["id"], "ops");
}

#[test]
fn only_api_token_itself_asks_about_tokens_and_none_is_repeated() {
    let (server, _twilio) = with_calls(&[]);
    let document = OpenApi::of(&server.url, env!("CARGO_PKG_VERSION"));
    let question = json!({ "token": BOTH }).to_string();
    let check = |shown: &str, body: &[u8], status: u16, told: &str| {
        let answer = introspect(&server, shown, body);
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(answer.body.contains(told) && !answer.body.contains(BOTH), "{}", answer.body);
        document.check("POST", "/api/live-users/access", &answer);
    };
    for token in [WALL, OPS, ALL] {
        check(token, question.as_bytes(), 403, r#""code":"needs-api-token""#);
    }
    check("0123456789abcdef", question.as_bytes(), 403, "Authorization");
    let twice = format!(r#"{{"token":"{BOTH}","token":"{BOTH}"}}"#);
    let (no_text, bare) = (format!(r#"{{"token":["{BOTH}"]}}"#), format!("\"{BOTH}\""));
    let (list, lists) = (format!(r#" ["{BOTH}"]"#), format!(r#"[{{"token":"{BOTH}"}}]"#));
    check(API_TOKEN, twice.as_bytes(), 400, r#""field":"token","expected":"each field once""#);
    for body in ["", "{}", "[]", &no_text, &bare, &list, &lists, BOTH, "\u{fffd}"] {
        check(API_TOKEN, body.as_bytes(), 400, r#""field":"token","expected":"a JSON object"#);
    }
    let more = format!("\n {{\"hint\":[1],\"token\":\"{BOTH}\"}}");
    check(API_TOKEN, more.as_bytes(), 200, r#""active":true"#);
    let long = json!({ "token": BOTH.repeat(1000) }).to_string();
    check(API_TOKEN, long.as_bytes(), 413, r#""field":"body","expected":"at most 16384 bytes""#);
    let url = format!("{}/api/live-users/access", server.url);
    let nobody = send("POST", &url, &[], question.as_bytes());
    assert_eq!(nobody.status, 401, "{}", nobody.body);
    let (_, log) = server.terminate();
    assert!(!log.contains(BOTH) && !log.contains(API_TOKEN), "{log}");
}

#[tokio::test]
async fn streams_show_the_accounts_and_end_with_the_token() {
    let (_folder, agents) = agents_file(AGENTS);
    let (server, twilio) = start_with(&agents, &[]);
    let at = |path: &str| format!("{}/api/live-users{path}", server.url);
    let shown = format!("Bearer {WALL}");
    let shown = [("Authorization", shown.as_str())];
    let mut total = Events::open(&at("/stream"), &shown).await.unwrap();
    let mut socket = Socket::open(&at("/ws"), &shown).await.unwrap();
    let mut summary = Events::open(&at("/summary/stream"), &shown).await.unwrap();
    let mut summaries = Socket::open(&at("/summary/ws"), &shown).await.unwrap();
    let number = |json: &str| {
        let value: Value = serde_json::from_str(json).expect("JSON");
        assert!(!json.contains("zeta") && !json.contains("support"), "{json}");
        value["liveUsers"].as_u64().expect("a number")
    };
    assert_eq!(number(&total.next().await.unwrap()), 0);
    assert_eq!(number(&socket.text().await), 0);
    call(&twilio, 2, 2, "+15005550007");
    call(&twilio, 3, 3, "+15005550007");
    call(&twilio, 1, 1, "+15005550006");
    // The calls of zeta are no news.
    assert_eq!(number(&total.next().await.unwrap()), 1);
    assert_eq!(number(&socket.text().await), 1);
    while number(&summary.next().await.unwrap()) != 1 {}
    while number(&summaries.text().await) != 1 {}
    // Nor is their pace: a frame for each would tell it.
    for n in 10..70 {
        call(&twilio, n, 4, "+15005550007");
    }
    call(&twilio, 4, 5, "+15005550006");
    let mut n_frames = 0;
    while number(&summary.next().await.unwrap()) != 2 {
        n_frames += 1;
    }
    assert!(n_frames < 20, "{n_frames} frames for the calls of others");
    let access = read(&server, "/access", WALL)["access"].as_str().expect("text").to_owned();
    let without = AGENTS.replace("id = \"wall\"", "id = \"other\"");
    fs::write(&agents, without).unwrap();
    assert_eq!(ask(&server, "POST", "/agents/reload", API_TOKEN).status, 200);
    while total.next().await.is_some() {}
    while summary.next().await.is_some() {}
    let api = format!("Bearer {API_TOKEN}");
    let headers = [("Authorization", api.as_str()), ("Live-Users-Access", access.as_str())];
    let answer = Events::open(&at("/stream"), &headers).await.err().expect("refused");
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert!(answer.body.contains("access-ended"), "{}", answer.body);
}

#[test]
fn a_restart_keeps_what_stands_for_a_token_until_its_secret_is_replaced() {
    let (folder, agents) = agents_file(AGENTS);
    let journal = format!("file:{}", folder.path().join("journal").display());
    let journal = ("JOURNAL_URL", journal.as_str());
    let (server, twilio) = start_with(&agents, &[journal]);
    call(&twilio, 1, 1, "+15005550006");
    call(&twilio, 2, 2, "+15005550007");
    let before = read(&server, "/access", WALL)["access"].clone();
    drop(server.terminate());
    let rotated = format!("{OPS}new, {WALL}");
    let (server, _) = start_with(&agents, &[journal, ("WALL_TOKEN", &rotated)]);
    assert_eq!(read(&server, "/access", WALL)["access"], before);
    assert_ne!(read(&server, "/access", &format!("{OPS}new"))["access"], before);
    assert_eq!(read(&server, "", WALL)["liveUsers"], 1);
    assert_eq!(read(&server, "/summary", BOTH)["liveUsers"], 2);
    drop(server.terminate());
    let (server, _) = start_with(&agents, &[journal, ("WALL_TOKEN", &format!("{OPS}new"))]);
    assert_eq!(ask(&server, "GET", "/access", WALL).status, 403);
    assert_eq!(read(&server, "", &format!("{OPS}new"))["liveUsers"], 1);
}

#[test]
fn a_token_that_cannot_be_one_ends_the_process_and_at_a_reload_nothing_changes() {
    let (_folder, agents) = agents_file(AGENTS);
    let env = |wall| {
        let own = [("TWILIO_AUTH_TOKEN", TOKEN), WITH_TOKEN, ("AGENTS_FILE", agents.as_str())];
        // Only one program that is both servers has it.
        let admin = ("ADMIN_TOKEN", "admin-token-of-24-letters");
        [&own[..], &SECRETS[1..], &[("WALL_TOKEN", wall), admin]].concat()
    };
    for (wall, expected) in [
        (API_TOKEN, "WALL_TOKEN is also API_TOKEN"),
        ("admin-token-of-24-letters", "WALL_TOKEN is also ADMIN_TOKEN"),
        ("", "token \"wall\": WALL_TOKEN is not set"),
        ("hunter2", "WALL_TOKEN cannot be used"),
    ] {
        let refused = exit_of(BINARY, &[], &env(wall));
        assert_eq!(refused.status.code(), Some(64));
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(told.contains(expected) && !told.contains("hunter2"), "{told}");
    }
    let (server, _) = start_with(&agents, &[]);
    fs::write(&agents, AGENTS.replace("[\"acme\"]", "[\"acne\"]")).unwrap();
    let answer = ask(&server, "POST", "/agents/reload", API_TOKEN);
    assert_eq!(answer.status, 422);
    assert!(answer.body.contains("accounts: no [[agent]]"), "{}", answer.body);
    assert_eq!(read(&server, "/access", WALL)["accounts"], json!(["acme"]));
}

#[test]
fn a_token_that_was_refused_opens_what_the_file_says_after_it_was_read_again() {
    let (_folder, agents) = agents_file(AGENTS);
    let other = AGENTS.replace("WALL_TOKEN", "OTHER_TOKEN");
    let (server, _) = start_with(&agents, &[("OTHER_TOKEN", "another-token-of-the-wall-1")]);
    assert_eq!(ask(&server, "GET", "/access", WALL).status, 200);
    for (file, status) in [(other.as_str(), 403), (AGENTS, 200), (other.as_str(), 403)] {
        fs::write(&agents, file).unwrap();
        assert_eq!(ask(&server, "POST", "/agents/reload", API_TOKEN).status, 200);
        assert_eq!(ask(&server, "GET", "/access", WALL).status, status);
    }
}
