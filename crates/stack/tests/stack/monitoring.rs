//! The rules for Prometheus and the dashboard for Grafana, against the figures of the real servers.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use live_users_testkit::{Events, Server, send};
use serde_json::Value;

use crate::{ADMIN_TOKEN, API_TOKEN, backend_with, proxy_of, write_agents};

/// A bound for a machine that is stuck, in looks of 50 ms.
const LOOKS_MAX: usize = 1_200;

/// Everything that has a figure of its own.
const FILE: &str = r#"
    limit = 60
    at_limit = "busy"

    [[agent]]
    id = "booking"
    name = "Table bookings"
    numbers = ["+15005550006"]
    capacity = 20

    [[source]]
    id = "elevenlabs"
    kind = "elevenlabs"
    secret_env = "ELEVENLABS_SECRET"
    api_key_env = "ELEVENLABS_KEY"
    # Nobody answers there.
    api_url = "http://127.0.0.1:9"

    [[hook]]
    id = "ops"
    format = "slack"
    url_env = "OPS_URL"
    events = ["alert"]

    [[alert]]
    id = "busy"
    when = "users"
    at_least = 50
"#;

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(deploy(path)).expect("the file is there")
}

/// Runs Prometheus' own tool, which `cargo xtask setup` installs.
fn promtool(args: &[&str], file: &Path) -> String {
    let folder = file.parent().expect("a folder");
    let output = Command::new("promtool").args(args).arg(file).current_dir(folder).output();
    let output = output.expect("promtool is there: run `cargo xtask setup`");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "promtool {args:?} {}: {said}", file.display());
    said
}

/// The expressions of the dashboard, with what Grafana puts in.
fn expressions() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&read("grafana/live-users.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut all = Vec::new();
    for panel in panels {
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
        for target in panel["targets"].as_array().expect("targets") {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
            let expression = target["expr"].as_str().expect("an expression");
            all.push(expression.replace("$__rate_interval", "5m").replace("$agent", ".*"));
        }
    }
    assert!(all.len() >= panels.len() && panels.len() > 10, "each panel shows something");
    all
}

/// The names of our own metrics in a text.
fn names(text: &str) -> BTreeSet<String> {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_:".contains(c);
    let words = text.split(|c| !is_inner(c));
    words.filter(|it| it.starts_with("live_users_")).map(str::to_owned).collect()
}

fn start() -> (Server, Server) {
    let (_folder, agents) = write_agents(FILE);
    let env = [
        // Else only asking tells of calls, and the number is not known.
        ("PUBLIC_URL", "https://calls.example.com"),
        ("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000001"),
        // Nobody answers there.
        ("TWILIO_API_URL", "http://127.0.0.1:9"),
        ("ELEVENLABS_SECRET", "wsec_of-this-test-alone"),
        ("ELEVENLABS_KEY", "a-key-of-this-test"),
        ("OPS_URL", "http://127.0.0.1:9/"),
    ];
    let backend = backend_with(&agents, &env);
    let proxy = proxy_of(&backend);
    (backend, proxy)
}

/// All figures that both servers have. Some are there once they lead or are read.
fn figures(backend: &Server, proxy: &Server) -> BTreeSet<String> {
    let of = |server: &Server, token: &str| {
        let authorization = format!("Bearer {token}");
        let headers = [("Authorization", authorization.as_str())];
        names(&send("GET", &format!("{}/metrics", server.url), &headers, b"").body)
    };
    of(backend, API_TOKEN).into_iter().chain(of(proxy, ADMIN_TOKEN)).collect()
}

#[test]
fn the_rules_can_be_read_and_do_what_their_tests_say() {
    let said = promtool(&["check", "rules"], &deploy("prometheus/rules.yml"));
    assert!(said.contains("SUCCESS"), "{said}");
    promtool(&["test", "rules"], &deploy("prometheus/rules.test.yml"));
    promtool(&["check", "config", "--syntax-only"], &deploy("prometheus/prometheus.yml"));
    let (rules, played) = (read("prometheus/rules.yml"), read("prometheus/rules.test.yml"));
    let named = |text: &'static str| {
        let rules = rules.lines().filter_map(move |it| it.trim().strip_prefix(text));
        rules.map(|it| it.trim().to_owned()).collect::<Vec<_>>()
    };
    let all = [named("- alert:"), named("- record:")].concat();
    let missing: Vec<_> = all.iter().filter(|it| !played.contains(it.as_str())).collect();
    assert!(missing.is_empty() && all.len() > 20, "no test plays {missing:?}");
}

#[test]
fn the_expressions_of_the_dashboard_can_be_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rules.yml");
    let mut rules = "groups:\n  - name: dashboard\n    rules:\n".to_owned();
    for (n, expression) in expressions().iter().enumerate() {
        let expression = serde_json::to_string(expression).expect("text");
        write!(rules, "      - record: panel:{n}\n        expr: {expression}\n").expect("text");
    }
    fs::write(&file, rules).expect("a file");
    promtool(&["check", "rules"], &file);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_have_each_figure_that_the_rules_and_the_dashboard_name() {
    let wanted = names(&(read("prometheus/rules.yml") + &expressions().join("\n")));
    assert!(wanted.len() > 30, "{wanted:?}");
    let (backend, proxy) = start();
    // Without a reader the proxy has no stream from the backend.
    let stream = format!("{}/api/live-users/stream", proxy.url);
    let Ok(_reader) = Events::open(&stream, &[]).await else { panic!("no stream") };
    let mut missing = Vec::new();
    for _ in 0..LOOKS_MAX {
        let known = figures(&backend, &proxy);
        missing = wanted.iter().filter(|it| !known.contains(*it)).cloned().collect();
        if missing.is_empty() {
            return;
        }
        // not a wait for time: between two looks at other processes
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no server has {missing:?}");
}
