//! The commands that ask a server, of one that has several shards.

use live_users_testkit::{Server, Twilio};

use crate::remote::{json, ok, told};
use crate::{ADMIN_TOKEN, API_TOKEN, TOKEN, agents_file, backend_with, proxy_all};

const ADVICE: &str =
    "Ask the proxy, which reads all shards, by --url, or one of the shards by --shard K";

fn sharded(more: &[(&str, &str)]) -> (Server, Twilio) {
    let env = [("SHARDS", "3"), ("SHARD_BY", "caller")];
    let backend = backend_with(&agents_file(), &[&env[..], more].concat());
    let twilio = Twilio::new(&backend.url, TOKEN);
    (backend, twilio)
}

fn sid(n: u8) -> String {
    format!("CA{n:032}")
}

/// What a command says that fails.
fn refused(url: &str, token: &str, args: &[&str]) -> String {
    let env = [("LIVE_USERS_TOKEN", token), ("JOURNAL_URL", "memory:")];
    let (code, output, error) = told(&[args, &["--url", url]].concat(), &env);
    assert_eq!(code, 1, "{args:?} {output}");
    error
}

#[test]
fn a_command_asks_all_shards_of_a_backend_or_says_how_to_ask() {
    let (backend, twilio) = sharded(&[]);
    (1..=9).for_each(|n| _ = twilio.start(n));
    let ask = |args: &[&str]| ok(&backend.url, API_TOKEN, args);
    let calls = ask(&["calls"]);
    assert!((1..=9).all(|n| calls.contains(&sid(n))), "{calls}");
    let calls = json(&ask(&["calls", "--json"]));
    let listed = calls["calls"].as_array().expect("calls").iter();
    let since: Vec<_> = listed.map(|it| it["since"].as_str().expect("a time")).collect();
    assert!(since.len() == 9 && since.is_sorted(), "the longest first: {since:?}");
    assert_eq!(calls["total"], 9);
    let of_one = |shard: &str| {
        let calls = json(&ask(&["calls", "--json", "--shard", shard]));
        calls["calls"].as_array().expect("calls").len()
    };
    assert_eq!(["0", "1", "2"].map(of_one).iter().sum::<usize>(), 9);
    for n in 1..=9 {
        assert!(ask(&["explain", &sid(n)]).contains(&sid(n)));
    }
    assert!(ask(&["evict", &sid(4)]).contains("does not count any more"));
    assert!(ask(&["status"]).starts_with("8 live users on 8 "), "{}", ask(&["status"]));
    let unknown = refused(&backend.url, API_TOKEN, &["explain", &sid(77)]);
    assert!(unknown.contains("answers 404: ") && unknown.contains(ADVICE), "{unknown}");
    for args in [&["alerts"][..], &["watch"]] {
        let text = refused(&backend.url, API_TOKEN, args);
        assert!(text.contains("expected /shards/0 to /shards/2 before this path"), "{text}");
        assert!(text.contains(ADVICE), "{text}");
    }
    assert!(ask(&["alerts", "--shard", "1"]).contains("no alerts"));

    let proxy = proxy_all(&[("BACKEND_URL", &backend.url), ("SHARDS", "3")]);
    let text = refused(&proxy.url, ADMIN_TOKEN, &["alerts"]);
    assert!(text.contains("shard") && text.contains(ADVICE), "{text}");
    let alerts = ok(&proxy.url, ADMIN_TOKEN, &["alerts", "--shard", "1"]);
    assert!(alerts.contains("no alerts"), "{alerts}");
}

#[test]
fn some_shards_are_never_told_as_all() {
    let env = [
        ("SHARDS_HERE", "0-1"),
        ("SHARD_BACKENDS", "2=http://127.0.0.1:1"),
        ("CALLER_HASH_KEY", "a-key-of-this-test-and-of-no-other-1"),
    ];
    let (backend, _) = sharded(&env);
    for args in [&["calls"][..], &["status"], &["explain", &sid(1)]] {
        let text = refused(&backend.url, API_TOKEN, args);
        assert!(text.contains("shard") && text.contains(ADVICE), "{args:?}: {text}");
    }
    let one = ok(&backend.url, API_TOKEN, &["calls", "--shard", "1"]);
    assert!(one.contains("No call is up."), "{one}");
}

#[test]
fn the_doctor_looks_at_a_backend_with_shards() {
    let (backend, _) = sharded(&[]);
    let env = [("API_TOKEN", API_TOKEN), ("JOURNAL_URL", "memory:")];
    let (code, output, error) = told(&["doctor", "--backend", &backend.url], &env);
    assert!(!output.contains("FAILED   server"), "{code} {output} {error}");
    assert!(output.contains("ok       server"), "{code} {output} {error}");
}

#[test]
fn one_process_has_all_shards_and_says_so() {
    for name in ["SHARDS_HERE", "SHARD_BACKENDS", "BACKEND_URLS"] {
        let value = if name == "SHARDS_HERE" { "0-1" } else { "2=http://127.0.0.1:1" };
        let env = [("SHARDS", "3"), (name, value), ("JOURNAL_URL", "memory:")];
        let (code, output, error) = told(&["--backend-port", "0", "--proxy-port", "0"], &env);
        assert_eq!(code, 64, "{output} {error}");
        assert!(error.contains(&format!("{name} is set: live-users runs one backend")), "{error}");
        assert!(!error.contains("both set"), "{error}");
    }
}
