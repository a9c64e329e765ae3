//! `live-users doctor` and what the agents file has beside agents: sources and accounts.

use live_users_testkit::send;

use crate::account_world::{ACCOUNT, World, failed, succeeded};
use crate::{API_TOKEN, TOKEN};

const APP_TOKEN: &str = "a-token-of-an-application";

fn file(more: &str) -> String {
    format!(
        "[[source]]\nid = \"app\"\nkind = \"events\"\nsecret_env = \"APP_TOKEN\"\n\
         [[source]]\nid = \"quiet\"\nkind = \"vapi\"\nsecret_env = \"VAPI_SECRET\"\n\
         [[account]]\nid = \"main\"\nsid = \"{ACCOUNT}\"\nauth_token_env = \"MAIN_TOKEN\"\n{more}"
    )
}

const VARIABLES: [(&str, &str); 4] = [
    ("APP_TOKEN", APP_TOKEN),
    ("VAPI_SECRET", "a-secret-of-this-test"),
    ("MAIN_TOKEN", TOKEN),
    ("OTHER_TOKEN", "0th3rt0k3n0th3rt0k3n0th3rt0k3n00"),
];

#[test]
fn each_source_and_each_account_is_looked_at() {
    let world = World::new();
    std::fs::write(world.path("agents.toml"), file("")).expect("a file");
    let mut server = world.start_with(&VARIABLES);
    server.await_log("listening on");
    let url = world.public_url();
    let authorization = format!("Bearer {APP_TOKEN}");
    let body = br#"{"id":"1","call":"call-1","event":"started"}"#;
    let headers = [("Authorization", authorization.as_str())];
    assert_eq!(send("POST", &format!("{url}/api/events"), &headers, body).status, 204);

    let told = succeeded(&world.run_with(&["doctor"], &VARIABLES));
    for expected in [
        "ok       source      app (Events) was last heard of ",
        "WARNING  source      quiet (Vapi): no webhook since the start",
        "ok       account     main: Twilio says which of its calls are up",
    ] {
        assert!(told.contains(expected), "{expected} is not in\n{told}");
    }
    // It looks, and is no webhook that was refused.
    let authorization = format!("Bearer {API_TOKEN}");
    let headers = [("Authorization", authorization.as_str())];
    let summary = send("GET", &format!("{url}/api/live-users/summary"), &headers, b"").body;
    assert!(!summary.contains(r#""refusedAt":"2"#), "{summary}");

    let told = failed(&world.run_with(&["doctor"], &VARIABLES[1..]), 1);
    assert!(told.contains("source \"app\": APP_TOKEN is not set"), "{told}");
    // What the backend has not read yet.
    let more = "[[source]]\nid = \"new\"\nkind = \"events\"\nsecret_env = \"OTHER_TOKEN\"\n\
                [[account]]\nid = \"other\"\nsid = \"AC00000000000000000000000000000002\"\n\
                auth_token_env = \"OTHER_TOKEN\"\n";
    std::fs::write(world.path("agents.toml"), file(more)).expect("a file");
    let told = failed(&world.run_with(&["doctor"], &VARIABLES), 1);
    for expected in [
        format!("FAILED   source      new: {url}/sources/new is not known there"),
        "FAILED   account     other: its calls cannot be read".to_owned(),
    ] {
        assert!(told.contains(&expected), "{expected} is not in\n{told}");
    }
    for (_, secret) in VARIABLES {
        assert!(!told.contains(secret), "{told}");
    }
    let (_, log) = server.terminate();
    assert!(!log.contains("is refused:") && !log.contains("set the webhook's method"), "{log}");
}
