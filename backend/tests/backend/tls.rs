//! Certificates: what an image without any needs, and a CA of one's own.

use live_users_testkit::{Server, TlsFront, Twilio, get};
use live_users_twilio::CallStatus;

use crate::referee::{A, ACCOUNT, note, stand_in};
use crate::{AGENTS, TOKEN, agents_file, start};

/// A backend that asks a stand-in for Twilio through TLS, with these certificates as the system's.
fn start_with(url: &str, certificates: &[(&str, &str)]) -> (Server, Twilio) {
    let (_folder, agents) = agents_file(AGENTS);
    let env = [
        ("AGENTS_FILE", agents.as_str()),
        ("TWILIO_ACCOUNT_SID", ACCOUNT),
        ("TWILIO_API_URL", url),
        ("REFEREE_LOOK_SECONDS", "1"),
        ("REFEREE_REQUESTS_PER_MINUTE", "6000"),
    ];
    start(&[&env, certificates].concat())
}

#[test]
fn a_ca_that_is_given_is_trusted_by_the_referee() {
    let twilio = stand_in(TOKEN);
    note(&twilio, A, CallStatus::InProgress);
    let front = TlsFront::start(&twilio.url());
    let (mut server, webhooks) = start_with(&front.url, &[("SSL_CERT_FILE", front.ca_file())]);
    server.await_log("call started as the referee has found, 1 live");
    assert_eq!(webhooks.count(), r#"{"liveUsers":1}"#);
}

#[test]
fn without_any_certificate_on_the_system_the_backend_starts_with_those_that_are_built_in() {
    let twilio = stand_in(TOKEN);
    let front = TlsFront::start(&twilio.url());
    let folder = tempfile::tempdir().unwrap();
    let nothing = folder.path().to_str().unwrap();
    let missing = format!("{nothing}/missing.pem");
    let none = [("SSL_CERT_FILE", missing.as_str()), ("SSL_CERT_DIR", nothing)];
    let (mut server, _webhooks) = start_with(&front.url, &none);
    // The CA of the stand-in is none of the world's: it is refused, and that is said.
    server.await_log("the referee has no answer: its certificate is not trusted");
    assert_eq!(get(&format!("{}/healthz", server.url)).status, 200);
    assert!(server.log().contains("those of Mozilla") || server.log().contains("built in"));
}

#[test]
fn a_chat_by_https_needs_no_certificate_of_the_system_to_start() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = folder.path().to_str().unwrap();
    let missing = format!("{nothing}/missing.pem");
    let text = format!("{AGENTS}\nchat_url = \"https://localhost:9/chat\"\n");
    let (_agents_folder, agents) = agents_file(&text.replace("voice_url", "# voice_url"));
    let (server, _) =
        start(&[("AGENTS_FILE", &agents), ("SSL_CERT_FILE", &missing), ("SSL_CERT_DIR", nothing)]);
    assert_eq!(get(&format!("{}/readyz", server.url)).status, 200);
}
