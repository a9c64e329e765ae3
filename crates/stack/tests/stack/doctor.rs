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

#[test]
fn a_demonstration_is_told_as_one_and_so_is_a_file_that_its_backend_has_refused() {
    let world = World::new();
    let none = ["TWILIO_AUTH_TOKEN", "TWILIO_ACCOUNT_SID", "TWILIO_API_URL", "PUBLIC_URL"];
    let demo = none.map(|name| (name, ""));
    std::fs::write(world.path("agents.toml"), "# My agents.\n").expect("a file");
    let mut server = world.start_with(&demo);
    server.await_log("listening on");
    server.await_log("listening on");
    let told = succeeded(&world.run_with(&["doctor"], &demo));
    assert!(told.contains("`live-users` is a demonstration, whose calls are simulated"), "{told}");
    for wrong in ["no webhook can be verified", "PUBLIC_URL is not set", "WARNING"] {
        assert!(!told.contains(wrong), "{wrong}: {told}");
    }
    assert!(told.contains(" checks: 0 failed, 0 warnings."), "{told}");

    std::fs::write(world.path("agents.toml"), "[[agent]]\nidd = \"a\"\n").expect("a file");
    server.hang_up();
    server.await_log("SIGHUP: the agents file is refused");
    // Whoever looks may have none of the backend's variables.
    let elsewhere = [&demo[..], &[("AGENTS_FILE", "")]].concat();
    std::fs::rename(world.path("agents.toml"), world.path("other.toml")).expect("a file");
    let told = succeeded(&world.run_with(&["doctor"], &elsewhere));
    assert!(told.contains("the agents file was refused when it was read last"), "{told}");
    assert!(told.contains(", 1 warning."), "{told}");

    let env = [&demo[..], &[("PUBLIC_ULR", "https://hunter2.example")]].concat();
    std::fs::write(world.path("agents.toml"), "# My agents.\n").expect("a file");
    let told = succeeded(&world.run_with(&["doctor"], &env));
    assert!(told.contains("PUBLIC_ULR is no setting; did you mean PUBLIC_URL?"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
}
