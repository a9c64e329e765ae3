//! The agents file is read again by order of whoever has `API_TOKEN`.

use std::fs;

use live_users_testkit::{Answer, OpenApi, Server, get, send};

use crate::honest::{API_TOKEN, WITH_TOKEN};
use crate::{AGENTS, TOKEN, agents_file, start};

const PATH: &str = "/api/live-users/agents/reload";

const CHANGED: &str = r#"
    [[agent]]
    id = "sales"
    name = "Sales"
    numbers = ["+15005550006"]
    voice_url = "https://sales.example.com/voice"
"#;

fn reload(server: &Server, token: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    send("POST", &format!("{}{PATH}", server.url), &[("Authorization", &authorization)], b"")
}

#[test]
fn a_changed_file_is_in_force_when_the_order_is_answered() {
    let (_folder, file) = agents_file(AGENTS);
    let (server, twilio) = start(&[WITH_TOKEN, ("AGENTS_FILE", &file)]);
    let document = OpenApi::of(&server.url, env!("CARGO_PKG_VERSION"));
    assert!(twilio.start(1).body.contains("Tables"));
    fs::write(&file, CHANGED).unwrap();
    let denied = send("POST", &format!("{}{PATH}", server.url), &[], b"");
    for (answer, status) in [(denied, 401), (reload(&server, "0123456789abcdef"), 403)] {
        assert_eq!(answer.status, status, "{}", answer.body);
        document.check("POST", PATH, &answer);
    }
    assert!(twilio.start(2).body.contains("Tables"), "a refused order changes nothing");
    let answer = reload(&server, API_TOKEN);
    assert!(
        answer.status == 200 && answer.body.starts_with(r#"{"agents":1,"sha256":""#),
        "{}",
        answer.body
    );
    document.check("POST", PATH, &answer);
    assert!(twilio.start(3).body.contains("https://sales.example.com/voice"));
    assert_eq!(twilio.count(), r#"{"liveUsers":3}"#);
    let summary = format!("{}/api/live-users/summary", server.url);
    let authorization = format!("Bearer {API_TOKEN}");
    let summary = send("GET", &summary, &[("Authorization", &authorization)], b"").body;
    assert!(summary.contains(r#""name":"Sales""#), "{summary}");
    let (_, log) = server.terminate();
    assert!(log.contains("audit: the agents file is read again"), "{log}");
}

#[test]
fn a_file_that_is_wrong_or_gone_is_refused_with_all_mistakes_and_no_secret() {
    let (folder, file) = agents_file(AGENTS);
    let (server, twilio) = start(&[WITH_TOKEN, ("AGENTS_FILE", &file)]);
    let document = OpenApi::of(&server.url, env!("CARGO_PKG_VERSION"));
    let check = |expected: &[&str]| {
        let answer = reload(&server, API_TOKEN);
        assert_eq!(answer.status, 422, "{}", answer.body);
        document.check("POST", PATH, &answer);
        for part in expected {
            assert!(answer.body.contains(part), "{part}: {}", answer.body);
        }
        assert!(!answer.body.contains("s3cr3t"), "{}", answer.body);
        assert!(twilio.start(1).body.contains("Tables"), "the agents stay as they were");
    };
    let twice = CHANGED.repeat(2) + "voice_method = \"PUT\"\n";
    fs::write(&file, twice).unwrap();
    check(&["already the id of agent 1", "each number once", "voice_method: expected"]);
    fs::write(&file, format!("{CHANGED}chat_url = \"https://a.example/?key=s3cr3t\" x\n")).unwrap();
    check(&["agents.toml: line 7: "]);
    fs::remove_file(&file).unwrap();
    check(&["is gone"]);
    let ready = || get(&format!("{}/readyz", server.url));
    let told = ready();
    assert_eq!(told.status, 200, "calls are counted");
    assert!(told.body.contains(r#""warnings":["the agents file was refused"#), "{}", told.body);
    fs::write(&file, CHANGED).unwrap();
    assert_eq!(reload(&server, API_TOKEN).status, 200);
    assert_eq!(ready().body, r#"{"status":"ready"}"#);
    drop(folder);
}

#[test]
fn what_was_read_again_while_standing_by_is_in_force_when_calls_are_counted() {
    let journal = tempfile::tempdir().unwrap();
    let url = format!("file:{}", journal.path().display());
    let (_folder, file) = agents_file(AGENTS);
    // A limit of the file size stands for a disk that is full.
    let script = "ulimit -S -f 0; exec \"$0\"";
    let env =
        [("TWILIO_AUTH_TOKEN", TOKEN), ("JOURNAL_URL", &*url), WITH_TOKEN, ("AGENTS_FILE", &*file)];
    let mut server = Server::start("/bin/sh", &["-c", script, crate::BINARY], &env);
    fs::write(&file, CHANGED).unwrap();
    assert!(reload(&server, API_TOKEN).body.starts_with(r#"{"agents":1,"#));
    server.limit_files(None);
    server.await_log("from now on calls are counted");
    server.await_log("listening on ");
    let twilio = live_users_testkit::Twilio::new(&server.url, TOKEN);
    assert!(twilio.start(1).body.contains("https://sales.example.com/voice"));
}

#[test]
fn the_log_says_which_sources_accounts_tokens_and_hooks_there_are_and_what_changes() {
    const MORE: &str = r#"
        [[source]]
        id = "app"
        kind = "events"
        secret_env = "APP_SECRET"
        [[source]]
        id = "phone"
        kind = "telnyx"
        secret_env = "PHONE_KEY"
        [[account]]
        id = "acme"
        sid = "AC00000000000000000000000000000002"
        auth_token_env = "ACME_AUTH_TOKEN"
        [[hook]]
        id = "crm"
        url = "https://crm.example.com/?key=s3cr3t"
        secret_env = "HOOK_SECRET"
        events = ["call.started"]
    "#;
    const TOKEN_TABLE: &str =
        "\n[[token]]\nid = \"wall\"\nsecret_env = \"WALL\"\naccounts = [\"acme\"]\n";
    let (_folder, file) = agents_file(MORE);
    let (mut server, _) = start(&[
        ("AGENTS_FILE", &file),
        ("APP_SECRET", "s3cr3t-of-16-or-more"),
        ("PHONE_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        ("ACME_AUTH_TOKEN", "s3cr3t4cm3t0k3n4cm3t0k3n4cm3t0k3n"),
        ("HOOK_SECRET", "whsec_s3cr3tAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ("WALL", "s3cr3t-of-16-or-more-of-a-wall"),
        ("TWILIO_API_URL", "http://127.0.0.1:9"),
    ]);
    fs::write(&file, format!("{MORE}{TOKEN_TABLE}")).expect("a file can be written");
    server.hang_up();
    server.await_log("the agents file has changed: 1 token: wall (reads acme)");
    let (_, log) = server.terminate();
    for once in ["2 sources: app (events), phone (telnyx)", "1 account: acme", "1 hook: crm"] {
        assert_eq!(log.matches(once).count(), 1, "{once}: {log}");
    }
    assert!(!log.contains("s3cr3t") && !log.contains("AAAAAAAA"), "{log}");
}
