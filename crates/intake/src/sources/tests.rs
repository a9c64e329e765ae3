//! What is wrong with sources is told by field, and a secret in the wrong place is not repeated.

use live_users_sources::KINDS;

use crate::agents::Agents;
use crate::sources::Ends;

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
        (
            format!("{GOOD}\nsuspect_after_seconds = 0"),
            "suspect_after_seconds: expected 1 to 90000",
        ),
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
        let Ends { by_word, by_list, quiet_s, longest_s } = agents.sources()[0].ends();
        let is_ended = by_word || by_list || quiet_s.is_some() || longest_s.is_some();
        assert!(is_ended, "{}: nothing ends its calls", kind.name);
    }
}

#[test]
fn a_call_is_in_doubt_later_where_its_source_is_silent_in_between() {
    let in_doubt_after_s = |kind: &str, lines: &str| {
        let (agents, mistakes) = Agents::parse(&asking(kind, lines));
        assert!(mistakes.is_empty(), "{mistakes:?}");
        agents.sources()[0].settings().limits.in_doubt_after_ms(120_000) / 1_000
    };
    let asked = "api_key_env = \"KEY\"\nconnection_ids = [\"17\"]";
    for (kind, lines, after_s) in [
        ("vapi", "", 900),
        ("events", "", 900),
        // One heartbeat may be late.
        ("events", "heartbeat_seconds = 300", 600),
        ("events", "heartbeat_seconds = 20", 120),
        // Others are asked.
        ("twilio", "", 120),
        ("telnyx", asked, 120),
        ("retell", "api_key_env = \"KEY\"", 120),
        // A number names no call.
        ("elevenlabs", "api_key_env = \"KEY\"", 900),
        ("vapi", "suspect_after_seconds = 3600", 3_600),
        ("vapi", "suspect_after_seconds = 60", 120),
    ] {
        assert_eq!(in_doubt_after_s(kind, lines), after_s, "{kind} {lines}");
    }
}

/// A source of this kind that is asked, with these lines.
fn asking(kind: &str, lines: &str) -> String {
    source(&format!("id = \"a\"\nkind = \"{kind}\"\nsecret_env = \"S\"\n{lines}"))
}

#[test]
fn how_a_provider_is_asked_is_checked_by_field() {
    let key = "api_key_env = \"KEY\"";
    let telnyx = format!("{key}\nconnection_ids = [\"17\"]");
    for (kind, lines) in [
        ("telnyx", telnyx.clone()),
        ("telnyx", format!("{telnyx}\nask_seconds = 3600\napi_url = \"https://x.example\"")),
        ("plivo", format!("{key}\nauth_id = \"MA1\"")),
        ("livekit", "api_url = \"https://x.example\"".to_owned()),
        ("livekit", format!("{key}\napi_url = \"https://x.example\"")),
        ("retell", key.to_owned()),
        ("elevenlabs", key.to_owned()),
        ("elevenlabs", format!("{key}\nagent_ids = [\"a\", \"b\"]")),
    ] {
        let tables = asking(kind, &lines);
        assert!(mistakes(&tables).is_empty(), "{kind}: {lines}");
        let (agents, _) = Agents::parse(&tables);
        let settings = agents.sources()[0].referee().expect("it is asked");
        assert!((1_000..=3_600_000).contains(&settings.ask_ms));
    }
    let many = format!("{key}\nconnection_ids = [{}]", "\"1\",".repeat(101));
    for (kind, lines, expected) in [
        ("vapi", key.to_owned(), "api_key_env: Vapi cannot be asked for its calls"),
        ("events", "ask_seconds = 5".to_owned(), "ask_seconds: "),
        (
            "telnyx",
            "api_key_env = \"whsec_1\"\nconnection_ids = [\"1\"]".to_owned(),
            "never the key",
        ),
        ("telnyx", key.to_owned(), "connection_ids: expected at most 100 ids"),
        ("telnyx", many, "connection_ids: expected at most 100"),
        ("telnyx", format!("{key}\nconnection_ids = [\"\"]"), "connection_ids: expected"),
        ("telnyx", "connection_ids = [\"17\"]".to_owned(), "there is no api_key_env"),
        ("telnyx", format!("{telnyx}\nauth_id = \"x\""), "auth_id: is not of Telnyx"),
        ("telnyx", format!("{telnyx}\nask_seconds = 0"), "ask_seconds: expected 1 to 3600"),
        ("telnyx", format!("{telnyx}\nask_seconds = 3601"), "ask_seconds: expected 1 to 3600"),
        ("plivo", key.to_owned(), "auth_id: expected"),
        ("livekit", key.to_owned(), "api_url: is missing"),
        ("livekit", "ask_seconds = 5".to_owned(), "there is no api_url"),
        ("retell", format!("{key}\nagent_ids = [\"a\"]"), "agent_ids: is not of Retell"),
    ] {
        let found = mistakes(&asking(kind, &lines));
        assert!(found.len() == 1 && found[0].contains(expected), "{found:?}: {expected}");
        assert!(!found[0].contains("whsec_1"), "{found:?}");
    }
}
