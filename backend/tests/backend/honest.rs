//! The honest number, the calls behind it, why each is counted, and an operator's word.

use live_users_testkit::{Answer, Server, exit_of, get, send};
use serde_json::Value;

use crate::{AGENTS, BINARY, TOKEN, agents_file, start};

pub(crate) const API_TOKEN: &str = "4p1t0k3n4p1t0k3n4p1t0k3n";
pub(crate) const WITH_TOKEN: (&str, &str) = ("API_TOKEN", API_TOKEN);

pub(crate) fn ask(server: &Server, method: &str, path: &str, token: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    let url = format!("{}/api/live-users{path}", server.url);
    send(method, &url, &[("Authorization", &authorization)], b"")
}

pub(crate) fn read(server: &Server, path: &str) -> Value {
    let answer = ask(server, "GET", path, API_TOKEN);
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    assert_eq!(answer.header("cache-control"), "no-store");
    serde_json::from_str(&answer.body).expect("JSON")
}

pub(crate) fn sid(n: u8) -> String {
    format!("CA{n:032x}")
}

#[test]
fn more_than_the_total_is_for_who_shows_the_token() {
    let (server, twilio) = start(&[WITH_TOKEN]);
    twilio.start(1);
    let evict = format!("/calls/{}/evict", sid(1));
    let call = format!("/calls/{}", sid(1));
    let paths = [
        ("GET", "/summary"),
        ("GET", "/activity"),
        ("GET", "/calls"),
        ("GET", "/setup"),
        ("GET", &call),
        ("POST", &evict),
    ];
    for (method, path) in paths {
        let url = format!("{}/api/live-users{path}", server.url);
        let answer = send(method, &url, &[], b"");
        assert_eq!(answer.status, 401, "{path}: {}", answer.body);
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"live-users\"");
        assert!(answer.body.contains("Authorization"), "{}", answer.body);
        let in_the_url = format!("{url}?token={API_TOKEN}&access_token={API_TOKEN}");
        let refused = send(method, &in_the_url, &[], b"");
        assert_eq!(refused.status, 400, "{path}: {}", refused.body);
        assert!(!refused.body.contains(API_TOKEN), "{}", refused.body);
        let wrong = ask(&server, method, path, "0123456789abcdef");
        assert_eq!(wrong.status, 403, "{path}: {}", wrong.body);
    }
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#, "nothing has happened");
    let (_, log) = server.terminate();
    assert!(!log.contains(API_TOKEN), "{log}");
}

#[test]
fn without_a_token_only_the_total_can_be_read_and_only_on_loopback_it_starts() {
    let (server, twilio) = start(&[]);
    let answer = ask(&server, "GET", "/summary", API_TOKEN);
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("API_TOKEN is not set"), "{}", answer.body);
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
    let env = [("TWILIO_AUTH_TOKEN", TOKEN), ("HOST", "0.0.0.0")];
    let refused = exit_of(BINARY, &[], &env);
    assert_eq!(refused.status.code(), Some(64));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("API_TOKEN is not set"), "{told}");
}

#[test]
fn the_summary_says_how_sure_the_number_is_and_where_it_comes_from() {
    let (server, twilio) = start(&[WITH_TOKEN]);
    let empty = read(&server, "/summary");
    assert_eq!((&empty["liveUsers"], &empty["seq"]), (&0.into(), &0.into()));
    twilio.start(1);
    twilio.start(2);
    twilio.end(2);
    let summary = read(&server, "/summary");
    let number = |name: &str| summary[name].as_u64().unwrap_or(u64::MAX);
    let names = ["liveUsers", "liveCalls", "confirmed", "suspect", "seq"];
    assert_eq!(names.map(number), [1, 1, 1, 0, 3]);
    assert_eq!(summary["epoch"], empty["epoch"]);
    assert_eq!(summary["epoch"].as_str().map(str::len), Some(16));
    assert!(summary["asOf"].as_str().unwrap().ends_with('Z'), "{summary}");
    // The number that was called is no agent's: it shows up as itself, without its middle.
    assert_eq!(summary["byAgent"][0]["address"], "+15…06");
    assert_eq!(summary["byRegion"][0]["country"], "US");
    assert_eq!(summary["referee"]["state"], "off");
    assert_eq!(summary["drift"]["healed"], 0);
    // Not fewer digits: the epoch may have three of them in a row.
    assert!(!summary.to_string().contains("555000"), "{summary}");
}

#[test]
fn the_calls_now_live_are_listed_page_by_page_the_longest_first() {
    let (server, twilio) = start(&[WITH_TOKEN]);
    (1..=7).for_each(|n| drop(twilio.start(n)));
    twilio.end(3);
    let mut path = "/calls?limit=2".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = read(&server, &path);
        let calls = page["calls"].as_array().unwrap();
        assert!(calls.len() <= 2);
        seen.extend(calls.iter().map(|call| call["callSid"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => path = format!("/calls?limit=2&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen, [1, 2, 4, 5, 6, 7].map(sid));
    let first = &read(&server, "/calls")["calls"][0];
    assert_eq!((&first["counted"], &first["suspect"]), (&true.into(), &false.into()));
    assert_eq!((&first["phase"], &first["direction"]), (&"live".into(), &"inbound".into()));
    assert_eq!(first["caller"].as_str().map(str::len), Some(6));
    assert!(first["liveMs"].is_u64() && first["since"].is_string());
    for (query, n) in [("suspect=true", 0), ("suspect=false", 6), ("source=twilio", 6)] {
        let page = read(&server, &format!("/calls?{query}"));
        assert_eq!(page["calls"].as_array().unwrap().len(), n, "{query}");
    }
    for (query, field, expected) in [
        ("agent=TYPO", "agent", "another agent that has calls"),
        ("account=TYPO", "account", "another account that has calls"),
        ("source=TYPO", "source", "twilio, api or another source that tells of calls"),
    ] {
        let answer = ask(&server, "GET", &format!("/calls?{query}"), API_TOKEN);
        let told: Value = serde_json::from_str(&answer.body).expect("JSON");
        assert_eq!((answer.status, &told["field"]), (404, &field.into()), "{query}");
        assert_eq!(told["expected"], expected, "{query}");
    }
    let wrong = ask(&server, "GET", "/calls?limit=lots", API_TOKEN);
    assert_eq!(wrong.status, 400);
    assert!(wrong.body.contains(r#""field":"limit""#), "{}", wrong.body);
}

#[test]
fn the_list_of_calls_is_searched_and_filtered_with_a_count_of_what_is_left() {
    let (_agents, file) = agents_file(AGENTS);
    let (server, twilio) = start(&[WITH_TOKEN, ("AGENTS_FILE", &file)]);
    let calls = [
        (1, "/voice", "+14155550001", "US", "SAN FRANCISCO"),
        (2, "/voice?agent=support", "+493055500002", "DE", "MÜNCHEN"),
        (3, "/voice", "+14155550003", "US", "OAKLAND"),
        (4, "/voice?agent=support", "anonymous", "", ""),
    ];
    for (n, path, from, country, city) in calls {
        let sid = sid(n);
        let fields = [
            ("CallSid", &*sid),
            ("CallStatus", "ringing"),
            ("Direction", "inbound"),
            ("From", from),
            ("FromCountry", country),
            ("FromCity", city),
            ("To", "+15005550006"),
        ];
        assert_eq!(twilio.post(path, &fields).status, 200, "{n}");
    }
    let label = read(&server, "/calls?limit=1")["calls"][0]["caller"].as_str().unwrap().to_owned();
    let by_label = format!("search={}", label.to_uppercase());
    for (query, left) in [
        ("", [1, 2, 3, 4].as_slice()),
        ("country=US", &[1, 3]),
        ("country=de", &[2]),
        ("country=unknown", &[4]),
        ("source=twilio", &[1, 2, 3, 4]),
        ("search=tables", &[1, 3]),
        ("search=SUPP", &[2, 4]),
        ("search=m%C3%BCnch", &[2]),
        ("search=oakl", &[3]),
        ("search=germ", &[]),
        ("search=germ&searchCountries=DE", &[2]),
        ("searchCountries=DE", &[1, 2, 3, 4]),
        ("search=s&country=US&agent=booking", &[1, 3]),
        ("search=%2B1415", &[]),
        (&by_label, &[1]),
    ] {
        let page = read(&server, &format!("/calls?{query}"));
        let seen = page["calls"].as_array().unwrap().iter().map(|call| call["callSid"].clone());
        let left: Vec<_> = left.iter().map(|n| serde_json::json!(sid(*n))).collect();
        assert_eq!(seen.collect::<Vec<_>>(), left, "{query}");
        assert_eq!((&page["matching"], &page["total"]), (&left.len().into(), &4.into()), "{query}");
    }
    let page = read(&server, "/calls?limit=1&country=US");
    let more = format!("/calls?limit=1&country=US&after={}", page["next"].as_str().unwrap());
    let more = read(&server, &more);
    assert_eq!((&more["calls"][0]["callSid"], &more["next"]), (&sid(3).into(), &Value::Null));
    assert_eq!(more["matching"], 2, "on all pages");
    for field in ["country=USA", "source=a%20b", "searchCountries=US,,DE"] {
        assert_eq!(
            ask(&server, "GET", &format!("/calls?{field}"), API_TOKEN).status,
            400,
            "{field}"
        );
    }
}

#[test]
fn a_call_is_explained_by_all_that_was_said_about_it_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file:{}", folder.path().display());
    let env = [WITH_TOKEN, ("JOURNAL_URL", &*url)];
    let (mut server, twilio) = start(&env);
    twilio.start(1);
    twilio.start(2);
    let path = format!("/calls/{}", sid(1));
    let live = read(&server, &path);
    assert_eq!(
        (&live["call"]["counted"], &live["next"]["what"]),
        (&true.into(), &"suspect".into())
    );
    let because = live["because"].as_str().unwrap();
    assert!(because.starts_with("Counted: on the line since "), "{because}");
    server.kill();
    let (server, twilio) = start(&env);
    twilio.end(1);
    twilio.end(1);
    twilio.start(1);
    let over = read(&server, &path);
    assert_eq!(
        (&over["call"]["counted"], &over["next"]["what"]),
        (&false.into(), &"forgotten".into())
    );
    let because = over["because"].as_str().unwrap();
    assert!(because.contains("it is over (status callback: completed at "), "{because}");
    let told = over["evidence"].as_array().unwrap().iter().map(|piece| {
        let text = |name: &str| piece[name].as_str().unwrap().to_owned();
        (text("source"), text("said"), text("outcome"))
    });
    let told: Vec<_> = told.collect();
    let expected = [
        ("voice", "dialing", "started"),
        ("status-callback", "completed", "ended"),
        ("status-callback", "completed", "duplicate"),
        ("voice", "dialing", "late"),
    ];
    assert_eq!(told, expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())));
    assert_eq!(over["incomplete"], false);
    let seqs: Vec<_> = over["evidence"].as_array().unwrap().iter().map(|it| &it["seq"]).collect();
    assert_eq!(seqs, [1, 3, 4, 5]);
    for unknown in ["CA-nobody", "%20", &"x".repeat(65)] {
        let answer = ask(&server, "GET", &format!("/calls/{unknown}"), API_TOKEN);
        assert_eq!(answer.status, 404, "{}", answer.body);
    }
}

#[test]
fn an_operators_word_takes_a_call_out_of_the_count_for_good() {
    let (server, twilio) = start(&[WITH_TOKEN]);
    twilio.start(1);
    twilio.start(2);
    let path = format!("/calls/{}/evict", sid(1));
    let answer = ask(&server, "POST", &path, API_TOKEN);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let evicted: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        (&evicted["call"]["phase"], &evicted["call"]["counted"]),
        (&"evicted".into(), &false.into())
    );
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
    twilio.start(1);
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#, "a late webhook does not revive it");
    assert_eq!(ask(&server, "POST", &path, API_TOKEN).status, 409);
    assert_eq!(ask(&server, "POST", "/calls/CA-nobody/evict", API_TOKEN).status, 404);
    let wrong_method = ask(&server, "GET", &path, API_TOKEN);
    assert_eq!((wrong_method.status, wrong_method.header("allow")), (405, "POST"));
    let drift = &read(&server, "/summary")["drift"];
    assert_eq!((&drift["healed"], &drift["byCause"]["evicted"]), (&1.into(), &1.into()));
    assert_eq!(drift["recent"][0]["callSid"], sid(1));
    let (_, log) = server.terminate();
    let audit = format!("audit: {} is evicted from the count", sid(1));
    assert!(log.contains(&audit), "{log}");
}

#[test]
fn reading_does_not_need_the_methods_that_change_something() {
    let (server, _twilio) = start(&[WITH_TOKEN]);
    for path in ["/summary", "/activity", "/calls", "/calls/CA1"] {
        let answer = ask(&server, "POST", path, API_TOKEN);
        assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD"), "{path}");
    }
    assert_eq!(get(&format!("{}/api/live-users", server.url)).status, 200);
}

#[test]
fn an_id_with_any_visible_characters_is_explained_and_evicted_by_its_encoded_path() {
    let (server, twilio) = start(&[WITH_TOKEN]);
    for (id, encoded) in [
        ("a/b", "a%2Fb"),
        ("a%2Fb", "a%252Fb"),
        ("a?b#c", "a%3Fb%23c"),
        ("../summary", "..%2Fsummary"),
        ("a\\b+c", "a%5Cb%2Bc"),
    ] {
        let caller = [("From", "+14155550001"), ("To", "+14155550100")];
        let call = [("CallSid", id), ("CallStatus", "ringing"), ("Direction", "inbound")];
        let started = twilio.post("/voice", &[&call[..], &caller].concat());
        assert_eq!(started.status, 200, "{id}: {}", started.body);
        let told = read(&server, &format!("/calls/{encoded}"));
        assert_eq!(told["call"]["callSid"], id);
        let evict = format!("/calls/{encoded}/evict");
        assert_eq!(ask(&server, "POST", &evict, API_TOKEN).status, 200, "{id}");
        assert_eq!(twilio.count(), r#"{"liveUsers":0}"#, "{id}");
    }
}
