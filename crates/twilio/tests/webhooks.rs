//! The 30 webhooks of `fixtures/webhooks`: field sets, order and encoding as Twilio sends them.
#![allow(clippy::unwrap_used, reason = "the helpers of a test are a test")]

use std::fs;
use std::path::PathBuf;

use live_users_twilio::{
    AuthTokens, CallStatus, Direction, Form, Payload, SignedRequest, StatusField, Webhook, sign,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Index {
    base_url: String,
    auth_token: String,
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    file: String,
    path: String,
    call_sid: String,
    call_status: String,
    direction: String,
    sequence_number: Option<u32>,
    x_twilio_signature: String,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/webhooks")
}

fn index() -> Index {
    let index: Index =
        serde_json::from_slice(&fs::read(folder().join("index.json")).unwrap()).unwrap();
    assert_eq!(index.entries.len(), 30);
    index
}

fn form(file: &str) -> Form {
    Form::parse(&fs::read(folder().join(file)).unwrap()).unwrap()
}

fn webhook(form: &Form) -> Webhook<'_> {
    Webhook::parse(form).unwrap()
}

#[test]
fn every_signature_is_accepted_and_made_again() {
    let index = index();
    let tokens = AuthTokens::new([index.auth_token.as_str()]).unwrap();
    for entry in &index.entries {
        let (form, url) = (form(&entry.file), format!("{}{}", index.base_url, entry.path));
        let payload = Payload::Form(&form);
        let signature = Some(entry.x_twilio_signature.as_str());
        let request = SignedRequest { url: &url, signature, settings: None, payload };
        assert_eq!(tokens.verify(&request), Ok(()), "{}", entry.file);
        assert_eq!(sign(&index.auth_token, &url, &payload), entry.x_twilio_signature);
    }
}

#[test]
fn every_webhook_says_what_the_index_says() {
    for entry in index().entries {
        let form = form(&entry.file);
        let webhook = webhook(&form);
        let status = CallStatus::parse(&entry.call_status).unwrap();
        assert_eq!(webhook.call_sid, entry.call_sid, "{}", entry.file);
        assert_eq!(webhook.status, StatusField::Known(status), "{}", entry.file);
        assert_eq!(webhook.direction, Direction::parse(&entry.direction), "{}", entry.file);
        assert!(webhook.direction.is_some(), "{}", entry.file);
        assert_eq!(webhook.sequence_number, entry.sequence_number, "{}", entry.file);
    }
}

#[test]
fn every_body_is_encoded_again_as_twilio_encodes_it() {
    for entry in index().entries {
        let body = fs::read_to_string(folder().join(&entry.file)).unwrap();
        assert_eq!(form(&entry.file).encode(), body, "{}", entry.file);
    }
}

#[test]
fn places_durations_and_words_are_read() {
    let form_of_montreal = form("23_inbound_canada_unicode_city.txt");
    let montreal = webhook(&form_of_montreal);
    assert_eq!(montreal.from_place.country, Some("CA"));
    assert_eq!(montreal.from_place.state, Some("QC"));
    assert_eq!(montreal.from_place.city, Some("Montréal"));
    assert_eq!(montreal.to_place.country, Some("US"));
    assert_eq!(montreal.to_place.city, None);

    let form_of_completed = form("08_inbound_completed.txt");
    let completed = webhook(&form_of_completed);
    assert_eq!(completed.call_duration_s, Some(37));
    assert_eq!(completed.timestamp, Some("Wed, 04 Nov 2026 09:16:07 +0000"));

    let form_of_speech = form("02_gather_speech.txt");
    let speech = webhook(&form_of_speech);
    let said = "I want to book a table for four, please.";
    assert_eq!(speech.speech_result, Some(said));
    assert_eq!(webhook(&form("04_gather_empty.txt")).speech_result, None);
    assert_eq!(webhook(&form("05_gather_empty_digits_blank.txt")).digits, None);

    let form_of_client = form("21_inbound_client.txt");
    let client = webhook(&form_of_client);
    assert_eq!((client.from, client.to), (Some("client:agent-7"), None));
    assert_eq!(webhook(&form("28_voice_fallback.txt")).error_code, Some("11200"));
}

#[test]
fn a_dial_leg_names_its_parent_and_other_calls_name_none() {
    for entry in index().entries {
        let form = form(&entry.file);
        let webhook = webhook(&form);
        let is_leg = webhook.direction == Some(Direction::OutboundDial);
        assert_eq!(webhook.parent_call_sid.is_some(), is_leg, "{}", entry.file);
    }
}
