//! Whoever has the secret of one account reaches nothing of another one, whatever it knows.

use live_users_testkit::{Answer, Server, Twilio, send};
use serde_json::{Value, json};

use crate::accounts::{self, TABLES};
use crate::honest::{WITH_TOKEN, read, sid};
use crate::receiver::Receiver;
use crate::{agents_file, start};

const ACME: (&str, &str) = (accounts::ACME, accounts::ACME_TOKEN);
const OTHER: (&str, &str) = (accounts::OTHER, accounts::OTHER_TOKEN);
const ACME_APP: &str = "t0k3n-0f-the-app-of-acme";
const OTHER_APP: &str = "t0k3n-0f-the-app-of-other";
const NUMBER: &str = "+15005550006";

const SOURCES: &str = r#"
    [[source]]
    id = "app-acme"
    kind = "events"
    secret_env = "ACME_APP"
    account = "acme"

    [[source]]
    id = "app-other"
    kind = "events"
    secret_env = "OTHER_APP"
    account = "other"
"#;

/// A server on which the only agent is of `other`, with these lines more.
fn start_with(lines: &str) -> Server {
    let agent = format!(
        "[[agent]]\nid = \"booking\"\nname = \"Bookings\"\nnumbers = [\"{NUMBER}\"]\n\
         account = \"other\"\n{lines}\n"
    );
    let (_folder, agents) = agents_file(&format!("{agent}{TABLES}{SOURCES}"));
    start(&[
        WITH_TOKEN,
        ("AGENTS_FILE", agents.as_str()),
        ("ACME_AUTH_TOKEN", ACME.1),
        ("OTHER_AUTH_TOKEN", OTHER.1),
        ("ACME_APP", ACME_APP),
        ("OTHER_APP", OTHER_APP),
        ("TWILIO_API_URL", "http://127.0.0.1:9"),
    ])
    .0
}

/// What comes of a form of this account about this call, to the number of the agent of `other`.
fn form(server: &Server, (account, token): (&str, &str), path: &str, call: u8) -> Answer {
    let (sid, from) = (sid(call), format!("+1415555010{call}"));
    let fields = [
        ("CallSid", sid.as_str()),
        ("AccountSid", account),
        ("CallStatus", if path == "/call-status" { "completed" } else { "ringing" }),
        ("Direction", "inbound"),
        ("From", from.as_str()),
        ("To", NUMBER),
        ("SpeechResult", "cancel my table"),
    ];
    Twilio::new(&server.url, token).post(path, &fields)
}

fn event(server: &Server, token: &str, call: &str, what: &str) {
    let body = json!({ "id": format!("{token}-{call}-{what}"), "call": call, "event": what,
        "agent": "booking", "caller": format!("person-{call}") });
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let url = format!("{}/api/events", server.url);
    let answer = send("POST", &url, &headers, body.to_string().as_bytes());
    assert_eq!(answer.status, 204, "{}", answer.body);
}

fn live_of(server: &Server, account: &str) -> u64 {
    let summary = read(server, "/summary");
    let all = summary["byAccount"].as_array().cloned().unwrap_or_default();
    let own = all.iter().find(|it| it["account"] == account);
    own.and_then(|it| it["liveUsers"].as_u64()).unwrap_or_default()
}

#[test]
fn a_call_that_another_account_makes_up_is_with_none_of_our_agents_and_takes_no_place() {
    let server = start_with("capacity = 1\nat_capacity = \"busy\"");
    for path in ["/voice", "/voice?agent=booking"] {
        let answer = form(&server, ACME, path, 1);
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    event(&server, ACME_APP, "made-up", "started");
    assert_eq!((live_of(&server, "other"), live_of(&server, "acme")), (0, 2));
    assert_eq!(read(&server, "/calls?agent=booking")["calls"], json!([]));
    let answer = form(&server, OTHER, "/voice", 3);
    assert!(!answer.body.contains("Reject"), "its caller has the place: {}", answer.body);
    assert_eq!(live_of(&server, "other"), 1);
}

#[test]
fn our_own_account_reaches_all_agents_whatever_the_file_calls_it() {
    let (_folder, agents) = agents_file(&format!(
        "[[agent]]\nid = \"booking\"\nname = \"Bookings\"\nnumbers = [\"{NUMBER}\"]\n\
         account = \"other\"\nvoice_url = \"https://voice.example.com/x\"\n{TABLES}{SOURCES}"
    ));
    let (server, _) = start(&[
        WITH_TOKEN,
        ("AGENTS_FILE", agents.as_str()),
        ("TWILIO_ACCOUNT_SID", ACME.0),
        ("TWILIO_AUTH_TOKEN", ACME.1),
        ("ACME_AUTH_TOKEN", ACME.1),
        ("OTHER_AUTH_TOKEN", OTHER.1),
        ("ACME_APP", ACME_APP),
        ("OTHER_APP", OTHER_APP),
        ("TWILIO_API_URL", "http://127.0.0.1:9"),
    ]);
    assert!(form(&server, ACME, "/voice", 1).body.contains("voice.example.com"));
    assert_eq!(live_of(&server, "other"), 1);
}

#[test]
fn another_account_reads_no_url_of_an_agent_and_says_nothing_in_its_conversations() {
    let receiver = Receiver::start();
    let chat =
        format!("chat_url = \"{}/chat\"\nstatus_callback_url = \"{0}/status\"", receiver.base);
    let server = start_with(&chat);
    assert_eq!(form(&server, OTHER, "/voice", 1).status, 200);
    let answer = form(&server, ACME, "/speech-result?agent=booking", 1);
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("<Response>"), "{}", answer.body);
    assert_eq!(form(&server, ACME, "/call-status", 1).status, 204);
    assert_eq!(live_of(&server, "other"), 1);
    assert!(receiver.is_idle(), "nothing was passed on");
    let server = start_with("voice_url = \"https://voice.example.com/x?key=hunter2\"");
    for path in ["/voice", "/voice?agent=booking"] {
        let answer = form(&server, ACME, path, 2);
        assert!(answer.body.contains("<Response>"), "{}", answer.body);
        assert!(!answer.body.contains("voice.example.com"), "{}", answer.body);
    }
    assert!(form(&server, OTHER, "/voice", 3).body.contains("voice.example.com"));
}

#[test]
fn a_url_that_names_the_agent_of_another_account_leads_to_that_of_the_number() {
    let server = start_with(
        "[[agent]]\nid = \"sales\"\nname = \"Sales\"\nnumbers = [\"+15005550007\"]\n\
         account = \"acme\"\nvoice_url = \"https://sales.example.com/x\"",
    );
    let sid = sid(1);
    let fields = [
        ("CallSid", sid.as_str()),
        ("AccountSid", ACME.0),
        ("CallStatus", "ringing"),
        ("Direction", "inbound"),
        ("From", "+14155550101"),
        ("To", "+15005550007"),
    ];
    let answer = Twilio::new(&server.url, ACME.1).post("/voice?agent=booking", &fields);
    assert!(answer.body.contains("sales.example.com"), "{}", answer.body);
    assert_eq!(read(&server, "/calls?agent=sales")["calls"][0]["account"], "acme");
}

#[test]
fn a_source_of_one_account_changes_no_call_that_a_source_of_another_has_told_of() {
    let server = start_with("");
    let call = "0b8f1e9c-3d4a-4c8e-9f27-5f0f7d9f1e11";
    event(&server, OTHER_APP, call, "started");
    for what in ["ended", "transferred", "heartbeat"] {
        event(&server, ACME_APP, call, what);
    }
    assert_eq!(live_of(&server, "other"), 1);
    let outcomes: Value = read(&server, &format!("/calls/{call}"))["evidence"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| it["outcome"].clone())
        .collect();
    assert_eq!(outcomes, json!(["started", "refused", "refused", "refused"]));
    event(&server, OTHER_APP, call, "ended");
    assert_eq!(live_of(&server, "other"), 0);
}
