//! The commands that ask a server, where other sources than Twilio tell of calls and accounts have them.

use live_users_testkit::{Server, Twilio, send};
use serde_json::{Value, json};

use crate::remote::{json as parsed, ok, told};
use crate::{ADMIN_TOKEN, API_TOKEN, TOKEN, backend_with, proxy_of, write_agents};

const TOKENS: [(&str, &str); 2] =
    [("app", "a-token-of-an-application"), ("other", "a-token-of-another-application")];

const FILE: &str = r#"
    [[source]]
    id = "app"
    kind = "events"
    secret_env = "APP_TOKEN"
    account = "acme"

    [[source]]
    id = "other"
    kind = "events"
    secret_env = "OTHER_TOKEN"
"#;

fn start() -> (Server, Server, Twilio) {
    let (_folder, agents) = write_agents(FILE);
    let tokens = [("APP_TOKEN", TOKENS[0].1), ("OTHER_TOKEN", TOKENS[1].1)];
    let backend = backend_with(&agents, &tokens);
    let proxy = proxy_of(&backend);
    let twilio = Twilio::new(&backend.url, TOKEN);
    (backend, proxy, twilio)
}

fn begin(backend: &Server, source: usize, call: &str) {
    let authorization = format!("Bearer {}", TOKENS[source].1);
    let headers = [("Authorization", authorization.as_str())];
    let event = json!({ "id": call, "call": call, "event": "started" }).to_string();
    let url = format!("{}/sources/{}", backend.url, TOKENS[source].0);
    assert_eq!(send("POST", &url, &headers, event.as_bytes()).status, 204);
}

#[test]
fn sources_and_accounts_are_shown_and_calls_are_filtered_by_them() {
    let (backend, proxy, twilio) = start();
    twilio.start(1);
    begin(&backend, 0, "call-1");
    begin(&backend, 1, "call-2");
    for (url, token) in [(&backend.url, API_TOKEN), (&proxy.url, ADMIN_TOKEN)] {
        let status = ok(url, token, &["status"]);
        let line = |start: &str| {
            let words = status.lines().map(|it| it.split_whitespace().collect::<Vec<_>>());
            let found = words.into_iter().find(|it| it.first() == Some(&start));
            found.unwrap_or_else(|| panic!("{start} is not in {status}"))
        };
        assert_eq!(line("ACCOUNT"), ["ACCOUNT", "LIVE", "USERS", "CALLS"]);
        assert_eq!(line("acme"), ["acme", "1", "1"]);
        assert_eq!((line("app")[1], line("app")[4]), ("1", "events"));
        assert_eq!(line("twilio"), ["twilio", "1", "1", "-", "twilio"]);

        let all = ok(url, token, &["calls"]);
        assert!(all.contains("ACCOUNT") && all.contains("TOLD BY"), "{all}");
        for (args, expected) in [
            (["--account", "acme"], "app/call-1"),
            (["--source", "app"], "app/call-1"),
            (["--source", "other"], "other/call-2"),
            (["--source", "twilio"], "CA00000000000000000000000000000001"),
        ] {
            let calls = ok(url, token, &[&["calls"], &args[..]].concat());
            assert!(calls.contains(expected) && calls.lines().count() == 2, "{args:?} {calls}");
            let calls = parsed(&ok(url, token, &[&["calls", "--json"], &args[..]].concat()));
            assert_eq!(calls["calls"].as_array().map(Vec::len), Some(1), "{args:?} {calls}");
            assert_eq!(calls["calls"][0]["callSid"], expected);
        }
        for filter in ["--source", "--agent", "--account"] {
            let args = ["calls", filter, "nobody", "--url", url];
            let (code, output, error) = told(&args, &[("LIVE_USERS_TOKEN", token)]);
            assert_eq!((code, output.as_str()), (1, ""), "{filter} {error}");
            assert!(error.contains("answers 404: "), "{filter} {error}");
        }
    }
}

#[test]
fn where_only_twilio_tells_of_calls_there_is_nothing_of_sources() {
    let (backend, _, twilio) = crate::start_both();
    twilio.start(1);
    let shown = ok(&backend.url, API_TOKEN, &["status"]) + &ok(&backend.url, API_TOKEN, &["calls"]);
    assert!(["SOURCE", "ACCOUNT", "TOLD BY"].iter().all(|it| !shown.contains(it)), "{shown}");
}

#[test]
fn a_call_is_explained_by_the_id_of_its_source_if_it_is_of_one_call() {
    let (backend, proxy, _) = start();
    begin(&backend, 0, "call-1");
    begin(&backend, 0, "both");
    begin(&backend, 1, "both");
    for (url, token) in [(&backend.url, API_TOKEN), (&proxy.url, ADMIN_TOKEN)] {
        let why = ok(url, token, &["explain", "call-1"]);
        assert!(why.starts_with("app/call-1 at "), "{why}");
        let why: Value = parsed(&ok(url, token, &["explain", "call-1", "--json"]));
        assert_eq!(why["call"]["callSid"], "app/call-1");
        let env = [("LIVE_USERS_TOKEN", token)];
        let (code, output, error) = told(&["explain", "both", "--url", url], &env);
        assert_eq!((code, output.as_str()), (1, ""), "{error}");
        let expected =
            "2 calls have this id at their sources. Name one of them: app/both, other/both";
        assert!(error.contains(expected), "{error}");
        let (code, _, error) = told(&["explain", "nobody", "--url", url], &env);
        assert!(code == 1 && error.contains("answers 404: "), "{error}");
    }
}
