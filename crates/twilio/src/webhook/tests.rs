//! What a webhook's form may and may not say. The captured shapes are in `tests/webhooks.rs`.

use proptest::prelude::*;

use super::*;

fn parse(body: &str) -> Result<Webhook, Vec<FieldError>> {
    Webhook::parse(&Form::parse(body.as_bytes()).unwrap())
}

fn mistakes(body: &str) -> Vec<String> {
    parse(body).unwrap_err().iter().map(FieldError::to_string).collect()
}

#[test]
fn a_call_sid_alone_is_a_webhook() {
    let webhook = parse("CallSid=CA1").unwrap();
    assert_eq!(webhook.call_sid, "CA1");
    assert_eq!(webhook.status, StatusField::Missing);
    assert_eq!((webhook.from, webhook.direction, webhook.call_duration_s), (None, None, None));
    assert_eq!(webhook.from_place, Geography::default());
}

#[test]
fn call_sids_of_compatible_providers_are_opaque_text() {
    for call_sid in ["d4c5e6f7-0000-4000-8000-00000000000a", "v3:9X2vxPDFzXm7VNZjvZ7aTg", "x"] {
        assert_eq!(parse(&format!("CallSid={call_sid}")).unwrap().call_sid, call_sid);
    }
}

#[test]
fn a_call_sid_that_is_missing_or_unusable_is_named() {
    let expected = "expected 1 to 64 characters of visible ASCII";
    for (body, problem) in [
        ("CallStatus=ringing", "missing"),
        ("CallSid=", "missing"),
        ("CallSid=%20%09", "missing"),
        ("callsid=CA1", "missing"),
        (&format!("CallSid={}", "a".repeat(65)), "too long"),
        ("CallSid=%FF", "not valid UTF-8"),
        ("CallSid=a%20b", "invalid"),
        ("CallSid=a%00b", "invalid"),
        ("CallSid=%C3%A9", "invalid"),
    ] {
        assert_eq!(mistakes(body), [format!("CallSid: {problem}; {expected}")], "{body}");
    }
    assert_eq!(parse(&format!("CallSid={}", "a".repeat(64))).unwrap().call_sid.len(), 64);
}

#[test]
fn every_mistake_is_reported_at_once_and_in_order() {
    let body = format!("CallStatus=%FF&From={}&ParentCallSid=a+b&To=%FF", "5".repeat(257),);
    assert_eq!(
        mistakes(&body),
        [
            "CallSid: missing; expected 1 to 64 characters of visible ASCII",
            "CallStatus: not valid UTF-8; expected at most 64 bytes of UTF-8 text",
            "ParentCallSid: invalid; expected 1 to 64 characters of visible ASCII",
            "From: too long; expected at most 256 bytes of UTF-8 text",
            "To: not valid UTF-8; expected at most 256 bytes of UTF-8 text",
        ]
    );
}

#[test]
fn a_duration_is_a_whole_number_of_seconds() {
    assert_eq!(parse("CallSid=x&CallDuration=0").unwrap().call_duration_s, Some(0));
    assert_eq!(parse("CallSid=x&CallDuration=86400").unwrap().call_duration_s, Some(86_400));
    assert_eq!(parse("CallSid=x&CallDuration=").unwrap().call_duration_s, None);
    for wrong in ["1.5", "-1", "%2B1", "1e3", "4294967296", "12s", "%D9%A3"] {
        let webhook = parse(&format!("CallSid=x&CallDuration={wrong}")).unwrap();
        assert_eq!(webhook.call_duration_s, None, "{wrong}");
    }
}

#[test]
fn what_is_only_good_to_have_is_dropped_when_it_is_bad_and_loses_no_end_of_a_call() {
    let long = "a".repeat(5000);
    let body = format!(
        "CallSid=x&CallStatus=completed&SequenceNumber=first&Timestamp={long}&Digits={long}\
         &SpeechResult={long}&ErrorCode=%FF&CallDuration=soon"
    );
    let webhook = parse(&body).unwrap();
    assert_eq!(webhook.status, StatusField::Known(CallStatus::Completed));
    assert_eq!((webhook.sequence_number, webhook.call_duration_s), (None, None));
    assert_eq!((webhook.timestamp, webhook.digits, webhook.speech_result), (None, None, None));
}

#[test]
fn unknown_statuses_and_directions_are_no_mistake() {
    let webhook = parse("CallSid=x&CallStatus=early-media&Direction=trunking-originating").unwrap();
    assert_eq!(webhook.status, StatusField::Unknown);
    assert_eq!(webhook.direction, None);
}

#[test]
fn a_place_is_taken_from_the_older_names_when_the_newer_are_blank() {
    let webhook =
        parse("CallSid=x&FromCountry=US&FromCity=&CallerCountry=CA&CallerCity=Oslo&CalledState=NY")
            .unwrap();
    let text = |text: &str| Some(text.to_owned());
    let from = Geography { country: text("US"), state: None, city: text("Oslo") };
    assert_eq!(webhook.from_place, from);
    assert_eq!(webhook.to_place, Geography { state: text("NY"), ..Geography::default() });
}

#[test]
fn a_bad_place_does_not_lose_the_call() {
    let body = format!("CallSid=x&FromCity=%FF&CallerCity={}&FromState=CA", "a".repeat(129));
    let webhook = parse(&body).unwrap();
    assert_eq!(webhook.from_place.city, None);
    assert_eq!(webhook.from_place.state.as_deref(), Some("CA"));
}

#[test]
fn debug_shows_neither_numbers_nor_words_nor_keys() {
    let webhook = parse(
        "CallSid=CA1&From=%2B14155550123&To=%2B15005550006&SpeechResult=my+secret&Digits=4711",
    )
    .unwrap();
    let debug = format!("{webhook:?}");
    assert!(debug.contains("CA1") && debug.contains("from: Some(hidden)"), "{debug}");
    for private in ["4155550123", "5005550006", "secret", "4711"] {
        assert!(!debug.contains(private), "{debug}");
    }
}

proptest! {
    #[test]
    fn any_form_is_read_or_refused_without_repeating_its_values(
        call_sid in proptest::option::of(any::<Vec<u8>>()),
        values in proptest::collection::vec(any::<Vec<u8>>(), 8),
    ) {
        let names = [
            "CallStatus", "Direction", "ParentCallSid", "From", "FromCity", "SpeechResult",
            "CallDuration", "SequenceNumber",
        ];
        let mut body = String::new();
        let call_sids = call_sid.iter().map(|value| ("CallSid", value));
        let fields = call_sids.chain(names.into_iter().zip(&values));
        for (name, value) in fields {
            let value = percent_encoding::percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
            body.push_str(&format!("{name}={value}&"));
        }
        match parse(&body) {
            Ok(webhook) => prop_assert!((1..=64).contains(&webhook.call_sid.len())),
            Err(mistakes) => {
                for mistake in mistakes {
                    let is_known = mistake.field == "CallSid" || names.contains(&&*mistake.field);
                    prop_assert!(is_known, "{}", mistake);
                }
            }
        }
    }
}
