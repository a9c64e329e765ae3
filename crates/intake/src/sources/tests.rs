//! What is wrong with sources is told by field, and a secret in the wrong place is not repeated.

use live_users_sources::KINDS;

use crate::agents::Agents;

fn mistakes(tables: &str) -> Vec<String> {
    Agents::parse(tables).1
}

fn source(lines: &str) -> String {
    format!("[[source]]\n{lines}\n")
}

const GOOD: &str = "id = \"a\"\nkind = \"vapi\"\nsecret_env = \"VAPI_SECRET\"";

#[test]
fn each_mistake_names_its_field_and_what_is_expected() {
    assert!(mistakes(&source(GOOD)).is_empty());
    for (lines, expected) in [
        (GOOD.replace("\"a\"", "\"a b\""), "source 1 (\"a b\"): id: expected 1 to 64 letters"),
        (GOOD.replace("vapi", "vapy"), "source 1 (\"a\"): kind: \"vapy\" is unknown; expected "),
        (GOOD.replace("VAPI_SECRET", "whsec_1"), "secret_env: expected the name of an environment"),
        (format!("{GOOD}\naccount = \"a b\""), "account: expected 1 to 64"),
        (format!("{GOOD}\nheartbeat_seconds = 0"), "heartbeat_seconds: expected 1 to 90000 s"),
        (
            format!("{GOOD}\nheartbeat_seconds = 9\nmissed_heartbeats = 0"),
            "missed_heartbeats: expected 1 to",
        ),
        (format!("{GOOD}\nmissed_heartbeats = 2"), "missed_heartbeats: there is no heartbeat_sec"),
        (format!("{GOOD}\nlongest_call_minutes = 0"), "longest_call_minutes: expected 1 to 1500"),
        (format!("{GOOD}\nsecret = \"x\""), "unknown field `secret`"),
        ("kind = \"vapi\"".to_owned(), "missing field"),
    ] {
        let found = mistakes(&source(&lines));
        assert!(found.len() == 1 && found[0].contains(expected), "{found:?}: {expected}");
        assert!(!found[0].contains("whsec_1"), "{found:?}");
    }
    let twice = mistakes(&source(GOOD).repeat(2));
    assert!(twice.len() == 1 && twice[0].contains("already the id of source 1"), "{twice:?}");
}

#[test]
fn what_a_call_ends_by_is_told_of_each_kind() {
    for kind in KINDS {
        let (agents, _) = Agents::parse(&source(&GOOD.replace("vapi", kind.name)));
        let ends_by = agents.sources()[0].ends_by();
        assert!(!ends_by.is_empty(), "{}: nothing ends its calls", kind.name);
    }
}
