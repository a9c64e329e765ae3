//! Shared links: what the readers of each see, until it ends or is revoked.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use live_users_testkit::{Answer, Events, OpenApi, Server, Socket, Twilio, get, send};
use serde_json::{Value, json};

use crate::honest::{API_TOKEN, WITH_TOKEN, ask, read, sid};
use crate::hooks::SECRET;
use crate::replicas::team::await_look;
use crate::{agents_file, start};

mod moved_calls;

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
    id = "ops"
    secret_env = "OPS_TOKEN"
    accounts = ["acme"]
    role = "operate"
"#;

const OPS: &str = "0pst0k3n0pst0k3n0pst0k3n0pst";

fn start_with(agents: &str, more: &[(&str, &str)]) -> (Server, Twilio) {
    start(&[&[WITH_TOKEN, ("AGENTS_FILE", agents), ("OPS_TOKEN", OPS)], more].concat())
}

/// A call of this person to a number of ours.
fn call(twilio: &Twilio, n: u8, from: u8, to: &str) {
    let (sid, from) = (sid(n), format!("+1415555010{from}"));
    let country = if to.ends_with('6') { "US" } else { "GB" };
    let fields = [
        ("CallSid", sid.as_str()),
        ("CallStatus", "ringing"),
        ("Direction", "inbound"),
        ("From", from.as_str()),
        ("FromCountry", country),
        ("To", to),
    ];
    assert_eq!(twilio.post("/voice", &fields).status, 200);
}

/// One call with booking, which is acme's, and two with support, which is zeta's.
fn with_calls(more: &[(&str, &str)]) -> (Server, Twilio) {
    let (_folder, agents) = agents_file(AGENTS);
    let (server, twilio) = start_with(&agents, more);
    call(&twilio, 1, 1, "+15005550006");
    call(&twilio, 2, 2, "+15005550007");
    call(&twilio, 3, 3, "+15005550007");
    (server, twilio)
}

fn post(server: &Server, path: &str, token: &str, body: &Value) -> Answer {
    let authorization = format!("Bearer {token}");
    let url = format!("{}/api/live-users{path}", server.url);
    let headers = [("Authorization", &*authorization), ("Content-Type", "application/json")];
    send("POST", &url, &headers, body.to_string().as_bytes())
}

/// Shares a link. Its id and its token.
fn share(server: &Server, scope: &Value, view: &str, expires: &str) -> (String, String) {
    let body = json!({ "name": "A link", "scope": scope, "view": view, "expires": expires });
    let answer = post(server, "/links", API_TOKEN, &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let made: Value = serde_json::from_str(&answer.body).expect("JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    (text(&made["link"]["id"]), text(&made["token"]))
}

fn revoke(server: &Server, id: &str) -> Answer {
    post(server, &format!("/links/{id}/revoke"), API_TOKEN, &Value::Null)
}

fn shown(server: &Server, path: &str, token: &str) -> Value {
    let answer = ask(server, "GET", path, token);
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    serde_json::from_str(&answer.body).expect("JSON")
}

#[test]
fn a_link_shows_its_scope_and_everything_else_is_403() {
    let (server, _twilio) = with_calls(&[]);
    let (call_1, call_2) = (format!("/calls/{}", sid(1)), format!("/calls/{}", sid(2)));
    let evict = format!("/calls/{}/evict", sid(1));
    let reads = ["", "/summary", "/history", "/history.svg", "/access"];
    let of_calls = ["/calls", "/calls?format=csv", "/activity", "/stretches", &call_1, "/alerts"];
    let orders = ["/links", "/journal/rewrite", "/agents/reload", &evict];
    for (scope, view, users, sees_calls) in [
        (json!({"all": true}), "page", 3, true),
        (json!({"all": true}), "wallboard", 3, false),
        (json!({"total": true}), "page", 3, false),
        (json!({"total": true}), "wallboard", 3, false),
        (json!({"agent": "booking"}), "page", 1, true),
        (json!({"agent": "booking"}), "wallboard", 1, false),
        (json!({"account": "acme"}), "page", 1, true),
        (json!({"account": "acme"}), "wallboard", 1, false),
    ] {
        let what = format!("{scope} {view}");
        let (_, token) = share(&server, &scope, view, "1d");
        for path in reads {
            let answer = ask(&server, "GET", path, &token);
            assert_eq!(answer.status, 200, "{what} {path}: {}", answer.body);
            let own = ["zeta", "support", "Support", "5550007", "GB", &sid(2), &sid(3)];
            let is_theirs = |text: &&&str| users == 1 && answer.body.contains(**text);
            assert_eq!(own.iter().find(is_theirs), None, "{what} {path}: {}", answer.body);
        }
        for path in ["", "/summary"] {
            assert_eq!(shown(&server, path, &token)["liveUsers"], users, "{what} {path}");
        }
        for path in of_calls {
            let answer = ask(&server, "GET", path, &token);
            assert_eq!(answer.status, if sees_calls { 200 } else { 403 }, "{what} {path}");
            let told = answer.body.contains(r#""code":"out-of-scope""#);
            assert_eq!(told, !sees_calls, "{what} {path}: {}", answer.body);
        }
        let theirs = ask(&server, "GET", &call_2, &token).status;
        assert_eq!(
            theirs,
            if !sees_calls {
                403
            } else if users == 1 {
                404
            } else {
                200
            },
            "{what}"
        );
        for path in orders {
            let answer = ask(&server, "POST", path, &token);
            assert_eq!(answer.status, 403, "{what} {path}: {}", answer.body);
        }
        for path in ["/links", "/setup"] {
            assert_eq!(ask(&server, "GET", path, &token).status, 403, "{what} {path}");
        }
        let url = format!("{}/metrics", server.url);
        let authorization = format!("Bearer {token}");
        assert_eq!(send("GET", &url, &[("Authorization", &authorization)], b"").status, 403);
    }
    assert_eq!(read(&server, "/summary")["liveUsers"], 3, "nothing has happened");
}

#[test]
fn a_total_has_no_agent_and_no_place_in_it_and_its_history_is_of_all() {
    let (server, _twilio) = with_calls(&[("PUBLIC_BY_AGENT", "true")]);
    for view in ["page", "wallboard"] {
        let (_, token) = share(&server, &json!({"total": true}), view, "1d");
        let summary = shown(&server, "/summary", &token);
        assert_eq!((&summary["liveCalls"], &summary["confirmed"]), (&json!(3), &json!(3)));
        for parts in ["byAgent", "byCountry", "byRegion"] {
            assert_eq!(summary[parts], json!([]), "{parts}: {summary}");
        }
        let all = summary.to_string() + &shown(&server, "", &token).to_string();
        for part in ["booking", "support", "acme", "US", "GB", "5550006"] {
            assert!(!all.contains(part), "{part}: {all}");
        }
        assert_eq!(shown(&server, "/history", &token)["peaks"]["ever"]["liveUsers"], 3);
        for path in ["?agent=booking", "?account=acme", "?agent=nobody"] {
            for kind in ["", ".svg"] {
                let path = format!("/history{kind}{path}");
                assert_eq!(ask(&server, "GET", &path, &token).status, 403, "{path}");
            }
        }
    }
    let (_, token) = share(&server, &json!({"all": true}), "wallboard", "1d");
    let summary = shown(&server, "/summary", &token);
    assert_eq!(summary["byAgent"].as_array().map(Vec::len), Some(2));
    assert_eq!(shown(&server, "/history?agent=booking", &token)["agent"], "booking");
}

#[test]
fn an_agents_link_shows_the_calls_that_are_with_it_and_what_happens_to_them() {
    let (server, twilio) = with_calls(&[]);
    let (_, token) = share(&server, &json!({"agent": "support"}), "page", "1d");
    let summary = shown(&server, "/summary", &token);
    assert_eq!(summary["byAgent"].as_array().map(Vec::len), Some(1), "{summary}");
    assert_eq!(
        (&summary["byAgent"][0]["agent"], &summary["liveUsers"]),
        (&json!("support"), &json!(2))
    );
    assert_eq!(summary["byCountry"], json!([{"country": "GB", "liveUsers": 2, "liveCalls": 2}]));
    let calls = shown(&server, "/calls", &token)["calls"].clone();
    let ids: Vec<_> =
        calls.as_array().into_iter().flatten().map(|call| call["callSid"].clone()).collect();
    assert_eq!(ids, [sid(2), sid(3)]);
    // Neither the accounts nor the agents of others are named to whoever asks for them.
    for path in ["/calls?account=zeta", "/activity?account=acme", "/calls?agent=booking"] {
        let answer = ask(&server, "GET", path, &token);
        assert_eq!(answer.status, 404, "{path}: {}", answer.body);
        let named = ["zeta", "acme", "booking"].iter().find(|it| answer.body.contains(**it));
        assert_eq!(named, None, "{path}: {}", answer.body);
    }
    let activities = shown(&server, "/activity", &token);
    assert_eq!(activities["activities"].as_array().map(Vec::len), Some(2));
    let cursor = activities["cursor"].as_str().expect("a cursor");
    call(&twilio, 4, 4, "+15005550006");
    call(&twilio, 5, 5, "+15005550007");
    let newer = shown(&server, &format!("/activity?after={cursor}"), &token)["activities"].clone();
    assert_eq!((newer[0]["callSid"].clone(), &newer[1]), (json!(sid(5)), &Value::Null), "{newer}");
    let ever = |path: &str| shown(&server, path, &token)["peaks"]["ever"]["liveUsers"].clone();
    assert_eq!([ever("/history"), ever("/history?agent=support")], [3, 3]);
    for path in ["/history?agent=booking", "/history?account=zeta", "/history.svg?agent=booking"] {
        assert_eq!(ask(&server, "GET", path, &token).status, 404, "{path}");
    }
    let explained = shown(&server, &format!("/calls/{}", sid(5)), &token);
    assert_eq!(explained["evidence"][0]["seq"], 1, "{explained}");
    // A call that moves to another agent is that one's, and what it was before stays in the rows.
    let fields = [("CallSid", &*sid(5)), ("CallStatus", "in-progress"), ("Direction", "inbound")];
    assert_eq!(twilio.post("/voice?agent=booking", &fields).status, 200);
    assert_eq!(ask(&server, "GET", &format!("/calls/{}", sid(5)), &token).status, 404);
    let rows = ask(&server, "GET", "/stretches", &token).body;
    let rows = rows.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let of_moved: Vec<_> = rows.filter(|row| row["callSid"] == sid(5)).collect();
    assert!(of_moved.len() == 1 && of_moved[0]["agent"] == "support", "{of_moved:?}");
    assert!(of_moved[0]["durationMs"].is_u64(), "{of_moved:?}");
    let whole = ask(&server, "GET", "/stretches?agent=support", API_TOKEN).body;
    assert_eq!(whole.lines().count(), 5 - 2, "as many as the link shows: {whole}");
    assert_eq!(shown(&server, "", &token)["liveUsers"], 2);
    // The feed tells that it is not here any more, and nothing of where it is.
    let newer = shown(&server, &format!("/activity?after={cursor}"), &token)["activities"].clone();
    let told: Vec<_> = newer.as_array().into_iter().flatten().collect();
    assert_eq!(told.len(), 2, "{newer}");
    let away = told[0];
    assert_eq!((&away["what"], &away["away"]), (&json!("moved"), &json!(true)), "{newer}");
    assert_eq!((&away["callSid"], &away["agent"]), (&json!(sid(5)), &json!("support")), "{newer}");
    assert_eq!(away["party"], Value::Null, "{newer}");
    assert!(!newer.to_string().contains("booking"), "{newer}");
    assert_eq!(told[1].get("away"), None, "{newer}");
    OpenApi::of(&server.url, env!("CARGO_PKG_VERSION")).check(
        "GET",
        "/api/live-users/activity",
        &ask(&server, "GET", "/activity", &token),
    );
    // Who sees both is told where it is; what happens to it there is no matter of the link.
    let all = shown(&server, "/activity?limit=1", API_TOKEN)["activities"][0].clone();
    assert_eq!((&all["what"], &all["agent"]), (&json!("moved"), &json!("booking")), "{all}");
    assert_eq!((&all["party"], all.get("away")), (&json!("agent"), None), "{all}");
    let end = [("CallSid", &*sid(5)), ("CallStatus", "completed")];
    assert_eq!(twilio.post("/call-status", &end).status, 204);
    let cursor = shown(&server, &format!("/activity?after={cursor}"), &token)["cursor"].clone();
    assert_eq!(cursor, away["cursor"]);
}

#[tokio::test]
async fn what_is_public_is_read_with_each_link_as_by_everybody() {
    let public = AGENTS.replace("name = \"Support of zeta\"", "name = \"Support\"\npublic = true");
    let (folder, agents) = agents_file(&public);
    let (server, twilio) = start_with(&agents, &[]);
    call(&twilio, 1, 1, "+15005550006");
    call(&twilio, 2, 2, "+15005550007");
    call(&twilio, 3, 3, "+15005550007");
    let (_, total) = share(&server, &json!({"total": true}), "page", "1d");
    let (_, of_booking) = share(&server, &json!({"agent": "booking"}), "page", "1d");
    let (_, of_acme) = share(&server, &json!({"account": "acme"}), "wallboard", "1d");
    let path = "?agent=support";
    let everybodys = get(&format!("{}/api/live-users{path}", server.url));
    let everybodys: Value = serde_json::from_str(&everybodys.body).expect("JSON");
    assert_eq!(everybodys["liveUsers"], 2, "{everybodys}");
    let tokens = [total.as_str(), &of_booking, &of_acme, OPS];
    for token in tokens {
        assert_eq!(shown(&server, path, token), everybodys);
        let private = ask(&server, "GET", "?agent=nobody", token);
        assert_eq!(private.status, 404, "{}", private.body);
    }
    // An agent that is not public stays what the link says.
    assert_eq!(ask(&server, "GET", "?agent=booking", &total).status, 404);
    assert_eq!(shown(&server, "?agent=booking", &of_booking)["liveUsers"], 1);
    let authorization = format!("Bearer {total}");
    let headers = [("Authorization", authorization.as_str())];
    let url = format!("{}/api/live-users/stream{path}", server.url);
    let mut events = Events::open(&url, &headers).await.unwrap();
    let frame = events.next().await.unwrap();
    assert!(
        frame.contains(r#""liveUsers":2"#) && frame.contains(r#""agent":"support""#),
        "{frame}"
    );
    drop((events, server, folder));
    let (_folder, agents) = agents_file(&public);
    let (server, _) = start_with(&agents, &[("PUBLIC_TOTAL", "false")]);
    let (_, total) = share(&server, &json!({"total": true}), "page", "1d");
    assert_eq!(ask(&server, "GET", path, &total).status, 404, "nothing is public");
}

#[test]
fn links_are_listed_without_their_tokens_and_revoked_by_who_has_api_token() {
    let (server, _twilio) = with_calls(&[]);
    let document = OpenApi::of(&server.url, env!("CARGO_PKG_VERSION"));
    let check = |answer: &Answer, method: &str, path: &str, status: u16| {
        assert_eq!(answer.status, status, "{}", answer.body);
        document.check(method, path, answer);
    };
    let body = json!({"name": "Lobby", "scope": {"agent": "booking"}, "view": "wallboard", "expires": "30d"});
    let answer = post(&server, "/links", API_TOKEN, &body);
    check(&answer, "POST", "/api/live-users/links", 200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let made: Value = serde_json::from_str(&answer.body).expect("JSON");
    let token = made["token"].as_str().expect("a token");
    assert!(token.starts_with("link-") && token.len() == 69, "{token}");
    let link = &made["link"];
    let at = |value: &Value| value.as_str().expect("text").parse::<Timestamp>().expect("a moment");
    let lasts = at(&link["expires"]) - at(&link["created"]);
    let lasts_h = lasts.total(jiff::Unit::Hour).expect("hours");
    assert!((lasts_h - 720.0).abs() < 0.1, "{link}");
    let (second, _) = share(&server, &json!({"total": true}), "page", "1h");
    let answer = ask(&server, "GET", "/links", API_TOKEN);
    check(&answer, "GET", "/api/live-users/links", 200);
    assert!(!answer.body.contains(token), "{}", answer.body);
    let list: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!((&list["links"][0]["id"], &list["links"][1]), (&json!(second), link));
    // Its use is told.
    let access = shown(&server, "/access", token);
    let expected = json!({"role": "read", "accounts": null, "id": link["id"],
        "access": access["access"], "link": {"name": "Lobby", "scope": {"agent": "booking"},
        "view": "wallboard", "expiresMs": at(&link["expires"]).as_millisecond()}});
    assert_eq!(access, expected);
    let used = read(&server, "/links")["links"][1]["lastUsed"].clone();
    assert!(at(&used) >= at(&link["created"]), "{used}");
    // Who may not do so.
    for other in [OPS, token] {
        let id = link["id"].as_str().expect("an id");
        for path in ["/links".to_owned(), format!("/links/{id}/revoke")] {
            let answer = post(&server, &path, other, &body);
            assert_eq!(answer.status, 403, "{}", answer.body);
            assert!(answer.body.contains("needs-api-token"), "{}", answer.body);
        }
        check(&ask(&server, "GET", "/links", other), "GET", "/api/live-users/links", 403);
    }
    let id = link["id"].as_str().expect("an id");
    check(&revoke(&server, id), "POST", "/api/live-users/links/{id}/revoke", 200);
    for id in [id, "0000000000000000", "x", "A000000000000000"] {
        check(&revoke(&server, id), "POST", "/api/live-users/links/{id}/revoke", 404);
    }
    assert_eq!(ask(&server, "GET", "/summary", token).status, 403);
    for (field, wrong, status) in [
        ("scope", json!({"agent": "nobody"}), 404),
        ("scope", json!({"account": "nobody"}), 404),
        ("expires", json!("367d"), 400),
        ("name", json!(""), 400),
        ("name", json!("Lob\u{202e}by"), 400),
        ("name", json!("Lobby\u{2066}"), 400),
        ("view", json!("x"), 400),
    ] {
        let mut body = body.clone();
        body[field] = wrong;
        check(&post(&server, "/links", API_TOKEN, &body), "POST", "/api/live-users/links", status);
    }
    let (_, log) = server.terminate();
    assert!(log.contains(&format!("audit: link {id} is shared")), "{log}");
    assert!(log.contains(&format!("audit: link {id} is revoked")) && !log.contains(token), "{log}");
}

#[test]
fn a_proxy_asks_for_the_readers_of_a_link_until_it_is_revoked() {
    let (server, _twilio) = with_calls(&[]);
    let (id, token) = share(&server, &json!({"agent": "booking"}), "page", "1d");
    let opened = |token: &str| -> Value {
        let answer = post(&server, "/access", API_TOKEN, &json!({ "token": token }));
        serde_json::from_str(&answer.body).expect("JSON")
    };
    let mut own = shown(&server, "/access", &token);
    own["active"] = json!(true);
    assert_eq!(opened(&token), own);
    assert_eq!(opened(&format!("{token}0")), json!({"active": false}));
    let access = own["access"].as_str().expect("an access").to_owned();
    let asked = |token: &str, path: &str| {
        let authorization = format!("Bearer {token}");
        let headers = [("Authorization", &*authorization), ("Live-Users-Access", &*access)];
        send("GET", &format!("{}/api/live-users{path}", server.url), &headers, b"")
    };
    assert_eq!(asked(API_TOKEN, "").body, r#"{"liveUsers":1}"#);
    assert_eq!(asked(&token, "").status, 400, "a link opens what it opens");
    assert_eq!(asked(OPS, "").status, 400);
    assert_eq!(revoke(&server, &id).status, 200);
    assert_eq!(opened(&token), json!({"active": false}));
    let ended = asked(API_TOKEN, "/summary");
    assert!(ended.status == 403 && ended.body.contains("access-ended"), "{}", ended.body);
}

#[tokio::test]
async fn streams_of_a_link_show_its_scope_and_end_with_it() {
    let (server, twilio) = with_calls(&[]);
    let at = |path: &str| format!("{}/api/live-users{path}", server.url);
    let scope = json!({"agent": "booking"});
    let (id, revoked) = share(&server, &scope, "wallboard", "1d");
    let number = |json: &str| {
        let value: Value = serde_json::from_str(json).expect("JSON");
        assert!(!json.contains("zeta") && !json.contains("support"), "{json}");
        value["liveUsers"].as_u64().expect("a number")
    };
    let open = async |token: &str| {
        let shown = format!("Bearer {token}");
        let shown = [("Authorization", shown.as_str())];
        let mut total = Events::open(&at("/stream"), &shown).await.unwrap();
        let mut summary = Events::open(&at("/summary/stream"), &shown).await.unwrap();
        let mut socket = Socket::open(&at("/summary/ws"), &shown).await.unwrap();
        assert_eq!(number(&total.next().await.unwrap()), 1);
        assert_eq!(number(&summary.next().await.unwrap()), 1);
        assert_eq!(number(&socket.text().await), 1);
        (total, summary, socket)
    };
    let mut streams = vec![open(&revoked).await];
    let ends = Timestamp::now() + Duration::from_secs(10);
    let (_, ending) = share(&server, &scope, "page", &ends.to_string());
    streams.push(open(&ending).await);
    call(&twilio, 4, 4, "+15005550006");
    assert_eq!(number(&streams[0].0.next().await.unwrap()), 2);
    assert_eq!(revoke(&server, &id).status, 200);
    for (mut total, mut summary, _socket) in streams {
        while total.next().await.is_some() {}
        while summary.next().await.is_some() {}
    }
    assert!(Timestamp::now() >= ends, "the second one has ended when it was to end");
    for token in [&revoked, &ending] {
        assert_eq!(ask(&server, "GET", "/summary", token).status, 403);
    }
    assert_eq!(read(&server, "/links")["links"], json!([]));
}

fn files_have(folder: &Path, text: &str) -> bool {
    let files = std::fs::read_dir(folder).expect("a folder");
    files.into_iter().any(|file| {
        let bytes = std::fs::read(file.expect("a file").path()).expect("a file");
        bytes.windows(text.len()).any(|part| part == text.as_bytes())
    })
}

#[test]
fn a_link_survives_kills_and_so_does_its_end_and_no_token_is_written() {
    let (folder, agents) = agents_file(AGENTS);
    let data = folder.path().join("journal");
    let journal = format!("file:{}", data.display());
    let journal = [("JOURNAL_URL", journal.as_str())];
    let (mut server, twilio) = start_with(&agents, &journal);
    call(&twilio, 1, 1, "+15005550006");
    let (kept, kept_token) = share(&server, &json!({"account": "acme"}), "page", "1d");
    let (gone, gone_token) = share(&server, &json!({"total": true}), "page", "1d");
    assert_eq!(ask(&server, "GET", "/summary", &kept_token).status, 200);
    assert_eq!(revoke(&server, &gone).status, 200);
    let list = read(&server, "/links")["links"].clone();
    server.kill();
    let (mut server, _) = start_with(&agents, &journal);
    assert_eq!(shown(&server, "/summary", &kept_token)["liveUsers"], 1);
    assert_eq!(ask(&server, "GET", "/summary", &gone_token).status, 403);
    let again = read(&server, "/links")["links"].clone();
    assert_eq!((&again[0]["id"], &again[0]["created"]), (&json!(kept), &list[0]["created"]));
    assert!(again[0]["lastUsed"].is_string() && again[1].is_null(), "{again}");
    // A new journal begins with a snapshot, which has the links.
    std::fs::rename(&data, folder.path().join("elsewhere")).expect("moved away");
    let rewrite = || ask(&server, "POST", "/journal/rewrite", API_TOKEN);
    await_look("it has noticed", rewrite, |answer| answer.status == 200);
    server.kill();
    let (server, _) = start_with(&agents, &journal);
    assert_eq!(shown(&server, "", &kept_token)["liveUsers"], 1);
    assert_eq!(ask(&server, "GET", "", &gone_token).status, 403);
    drop(server.terminate());
    assert!(files_have(&data, &kept), "the link is in the journal");
    for token in [&kept_token, &gone_token] {
        assert!(!files_have(&data, token) && !files_have(&data, &token[5..]), "and no token is");
    }
}

#[test]
fn there_are_at_most_a_hundred_links() {
    let (server, _) = start(&[WITH_TOKEN]);
    let ids: Vec<_> =
        (0..100).map(|_| share(&server, &json!({"total": true}), "page", "1h").0).collect();
    let body = json!({"name": "One more", "scope": {"total": true}, "expires": "1h"});
    let answer = post(&server, "/links", API_TOKEN, &body);
    assert_eq!(answer.status, 409, "{}", answer.body);
    OpenApi::of(&server.url, env!("CARGO_PKG_VERSION")).check(
        "POST",
        "/api/live-users/links",
        &answer,
    );
    assert_eq!(revoke(&server, &ids[7]).status, 200);
    assert_eq!(post(&server, "/links", API_TOKEN, &body).status, 200);
}

#[tokio::test]
async fn a_link_to_all_calls_tells_nothing_that_is_the_operators() {
    let hook = "[[hook]]\nid = \"crm\"\nurl = \"http://127.0.0.1:9/told\"\nsecret_env = \"CRM\"\n\
                events = [\"call.started\"]\n";
    let (_folder, file) = agents_file(hook);
    let (server, twilio) = start(&[WITH_TOKEN, ("AGENTS_FILE", &file), ("CRM", SECRET)]);
    let (_, token) = share(&server, &json!({"all": true}), "page", "1d");
    let url = format!("{}/api/live-users/summary/stream", server.url);
    let streams = [API_TOKEN, &token].map(|token| format!("Bearer {token}"));
    let [mut operators, mut readers] = {
        let [own, link] = streams.each_ref().map(|it| [("Authorization", it.as_str())]);
        let (own, link) = (Events::open(&url, &own).await, Events::open(&url, &link).await);
        [own.expect("a stream"), link.expect("a stream")]
    };
    twilio.start(1);
    let fails = |frame: &str| frame.contains("hook crm") && frame.contains(r#""failure":"#);
    while !fails(&operators.next().await.expect("a frame")) {}
    let summary = shown(&server, "/summary", &token);
    assert_eq!((&summary["liveUsers"], &summary["deliveries"]), (&json!(1), &Value::Null));
    let frame = loop {
        let frame = readers.next().await.expect("a frame");
        assert!(!frame.contains("crm"), "{frame}");
        if frame.contains(r#""liveUsers":1"#) {
            break frame;
        }
    };
    assert!(frame.contains(r#""byAgent":[{"#), "all calls: {frame}");
}

#[test]
fn who_waits_is_listed_to_whoever_reads_the_agent_or_account_and_to_nobody_else() {
    let (server, twilio) = with_calls(&[]);
    let of_call = sid(4);
    let fields = [
        ("CallSid", &*of_call),
        ("CallStatus", "ringing"),
        ("Direction", "outbound-api"),
        ("From", "+15005550006"),
        ("To", "+14155550104"),
    ];
    assert_eq!(twilio.post("/call-status", &fields).status, 204);
    let share = |scope: Value| share(&server, &scope, "page", "1d").1;
    let page = |query: &str, token: &str| shown(&server, &format!("/calls?{query}"), token);
    for token in [&*share(json!({"agent": "booking"})), &share(json!({"account": "acme"})), OPS] {
        let waiting = page("party=waiting", token);
        assert_eq!((&waiting["matching"], &waiting["total"]), (&json!(1), &json!(2)), "{waiting}");
        assert_eq!(
            (&waiting["calls"][0]["callSid"], &waiting["next"]),
            (&json!(of_call), &Value::Null)
        );
        assert_eq!(page("", token)["total"], 1, "who was answered");
    }
    for token in [&*share(json!({"agent": "support"})), &share(json!({"account": "zeta"}))] {
        let waiting = page("party=waiting", token);
        assert_eq!((&waiting["calls"], &waiting["total"]), (&json!([]), &json!(2)), "{waiting}");
    }
    for account in ["acme", "zeta"] {
        let n = page(&format!("party=waiting&account={account}"), API_TOKEN)["matching"].clone();
        assert_eq!(n, u64::from(account == "acme"), "{account}");
    }
}
