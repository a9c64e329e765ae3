//! What a webhook's form may and may not say. The captured shapes are in `tests/webhooks.rs`.

use proptest::prelude::*;

use super::*;

/// The form is leaked, so that a test needs no name for it.
fn parse(body: &str) -> Result<Webhook<'static>, FieldError> {
    Webhook::parse(Box::leak(Box::new(Form::parse(body.as_bytes()).unwrap())))
}

fn mistake(body: &str) -> String {
    parse(body).unwrap_err().to_string()
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
    let expected = "expected 1 to 128 characters of visible ASCII";
    for (body, problem) in [
        ("CallStatus=ringing", "missing"),
        ("CallSid=", "missing"),
        ("CallSid=%20%09", "missing"),
        ("callsid=CA1", "missing"),
        (&format!("CallSid={}", "a".repeat(129)), "too long"),
        ("CallSid=%FF", "not valid UTF-8"),
        ("CallSid=a%20b", "invalid"),
        ("CallSid=a%00b", "invalid"),
        ("CallSid=%C3%A9", "invalid"),
        ("CallSid=CA1&CallSid=CA2", "sent twice, with different values"),
        ("CallSid=CA1&CallSid=", "sent twice, with different values"),
    ] {
        assert_eq!(mistake(body), format!("CallSid: {problem}; {expected}"), "{body}");
    }
    assert_eq!(parse(&format!("CallSid={}", "a".repeat(128))).unwrap().call_sid.len(), 128);
}

#[test]
fn a_side_field_that_cannot_be_used_counts_as_not_said() {
    let long = "5".repeat(257);
    for bad in ["%FF", &long, "1&{name}=2"] {
        let field = |name: &str| format!("&{name}={}", bad.replace("{name}", name));
        let names = ["CallStatus", "Direction", "From", "To", "FromCity", "CallDuration"];
        let body: String = names.into_iter().map(field).collect();
        let webhook = parse(&format!("CallSid=CA1{body}")).unwrap();
        assert_eq!(webhook.status, StatusField::Unknown);
        assert_eq!((webhook.direction, webhook.call_duration_s), (None, None));
        assert_eq!((webhook.from, webhook.to), (None, None));
        assert!(!webhook.from_place.is_told());
    }
}

#[test]
fn a_field_that_is_sent_twice_with_one_value_is_believed() {
    let webhook =
        parse("CallSid=x&CallSid=x&CallStatus=completed&CallStatus=completed&From=1&From=+1")
            .unwrap();
    assert_eq!(webhook.status, StatusField::Known(CallStatus::Completed));
    assert_eq!(webhook.from, Some("1"));
}

#[test]
fn a_parent_that_cannot_be_used_still_makes_a_leg() {
    for (parent, id, has_parent) in [
        ("CA9", Some("CA9"), true),
        ("a+b", None, true),
        ("%FF", None, true),
        (&"9".repeat(129), None, true),
        ("", None, false),
        ("CA8&ParentCallSid=CA9", None, false),
    ] {
        let webhook = parse(&format!("CallSid=x&ParentCallSid={parent}")).unwrap();
        assert_eq!((webhook.parent_call_sid, webhook.has_parent), (id, has_parent));
    }
}

#[test]
fn the_time_of_sending_is_read_in_the_forms_of_all_providers() {
    let sent = |text: &str| parse(&format!("CallSid=x&Timestamp={text}")).unwrap().sent_at_ms;
    assert_eq!(sent("Sun%2C%2025%20Mar%202018%2009%3A53%3A19%20%2B0000"), Some(1_521_971_599_000));
    assert_eq!(sent("2018-03-25T09:53:19Z"), Some(1_521_971_599_000));
    assert_eq!(sent("soon"), None);
}

#[test]
fn only_a_url_that_failed_makes_a_fallback() {
    let webhook = parse("CallSid=x&ErrorCode=64105").unwrap();
    assert_eq!((webhook.error_code, webhook.has_error_url), (Some("64105"), false));
    let long = "x".repeat(9_000);
    for url in ["https://a.example/voice", "%FF", &long] {
        assert!(parse(&format!("CallSid=x&ErrorUrl={url}")).unwrap().has_error_url);
    }
    assert!(!parse("CallSid=x&ErrorUrl=").unwrap().has_error_url);
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
    let from = Geography { country: Some("US"), state: None, city: Some("Oslo"), zip: None };
    assert_eq!(webhook.from_place, from);
    assert_eq!(webhook.to_place, Geography { state: Some("NY"), ..Geography::default() });
}

#[test]
fn a_bad_place_does_not_lose_the_call() {
    let body = format!("CallSid=x&FromCity=%FF&CallerCity={}&FromState=CA", "a".repeat(129));
    let webhook = parse(&body).unwrap();
    assert_eq!(webhook.from_place.city, None);
    assert_eq!(webhook.from_place.state, Some("CA"));
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
    fn any_form_is_read_unless_its_call_has_no_name(
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
            Ok(webhook) => prop_assert!((1..=128).contains(&webhook.call_sid.len())),
            Err(mistake) => prop_assert_eq!(mistake.field, "CallSid"),
        }
    }
}
