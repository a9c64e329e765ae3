//! The same signed text has one reading, and usual requests have it.

use proptest::prelude::*;

use super::*;
use crate::{Form, Payload, SignedRequest};

const CALL: [(&str, &str); 7] = [
    ("AccountSid", "AC00000000000000000000000000000001"),
    ("ApiVersion", "2010-04-01"),
    ("CallSid", "CA00000000000000000000000000000001"),
    ("CallStatus", "in-progress"),
    ("Direction", "inbound"),
    ("From", "+14155550123"),
    ("To", "+15005550006"),
];

fn check(url: &str, fields: &[(&str, &str)]) -> Result<(), Rejection> {
    let form = Form::from_pairs(fields.iter().copied());
    let payload = if fields.is_empty() { Payload::None } else { Payload::Form(&form) };
    SignedRequest { url, signature: None, settings: None, payload }.check_boundaries()
}

/// The usual fields and one more.
fn with(name: &str, value: &str) -> Result<(), Rejection> {
    check("https://a.example/voice", &[&CALL[..], &[(name, value)]].concat())
}

#[test]
fn every_captured_request_is_fine() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/webhooks");
    let mut n_checked = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        let body = std::fs::read_to_string(&path).unwrap();
        let form = Form::parse(body.trim_end().as_bytes()).unwrap();
        let url = "https://a.example/voice?agent=booking";
        let (signature, settings) = (None, None);
        let post = SignedRequest { url, signature, settings, payload: Payload::Form(&form) };
        assert_eq!(post.check_boundaries(), Ok(()), "{}", path.display());
        let url = format!("{url}&{}", body.trim_end());
        let get = SignedRequest { url: &url, signature, settings, payload: Payload::None };
        assert_eq!(get.check_boundaries(), Ok(()), "GET of {}", path.display());
        n_checked += 1;
    }
    assert_eq!(n_checked, 30);
}

#[test]
fn longer_names_of_providers_and_names_of_applications_are_fine() {
    for name in [
        "ParentCallSid",
        "CallSidLegacy",
        "ParentCallSidLegacy",
        "DialCallSid",
        "DialCallStatus",
        "DialCallDuration",
        "CallSidEndingConference",
        "ParticipantCallStatus",
        "DequeingCallSid",
        "CallToken",
        "CallTokenLegacy",
        "ForwardedFrom",
        "FromCity",
        "FromNumber",
        "ToNumber",
        "Total",
        "StatusCallbackEvent",
        "UnstableSpeechResult",
        "SipHeader_X-Team",
        "SipHeader_X-Twilio-CallSid",
        "SipHeader_X-To",
        "parentCallSid",
        "callTo",
        "userId",
        "msg",
        "room-name",
        "a.b",
        "items[0]",
        "_x",
        "CallerId",
        "CallInitiatedAt",
        "HangupSource",
    ] {
        assert_eq!(with(name, "CA00000000000000000000000000000002"), Ok(()), "{name}");
        assert_eq!(with(name, "+14155550199"), Ok(()), "{name}");
        assert_eq!(with(name, ""), Ok(()), "{name}");
    }
}

#[test]
fn what_people_say_and_where_they_live_is_fine() {
    for words in [
        "From Paris To Rome",
        "my CallSid is lost",
        "what is a CallSid",
        "To 15005550006",
        "Direction",
        "Tomorrow",
        "call status: in progress",
        "From me",
        "ToTo",
        "the CallStatus",
    ] {
        assert_eq!(with("SpeechResult", words), Ok(()), "{words}");
    }
    for (name, value) in [
        ("FromCity", "Toronto"),
        ("ToCity", "Directionville"),
        ("CallerName", "FROM TOM"),
        ("Caller", "client:Tom"),
        ("HandoffData", r#"{"CallSid":"CA1","To":"+14155550123"}"#),
        ("ErrorUrl", "https://b.example/voice?CallSid=CA1&From=%2B1415&To="),
        ("CallToken", "%7B%22parentCallInfoToken%22%3A%22eyJhbGciTo12From%22%7D"),
    ] {
        assert_eq!(with(name, value), Ok(()), "{name}={value}");
    }
}

#[test]
fn a_name_that_counts_inside_a_value_or_a_longer_name_is_refused() {
    for (name, value) in [
        ("CallerName", "xCallSidCA2"),
        ("SpeechResult", "CallSidCA2CallStatuscompleted"),
        ("FromCity", "XFrom+14155550199"),
        ("CallerCity", "xTo15005550006"),
        ("Zone", "Directionoutbound-api"),
        ("CallSidX", "1"),
        ("CallStatus2", "completed"),
        ("AnsweredByx", "human"),
        ("x", "AnsweredBymachine_start"),
        ("StirVerstat", "ToCityX"),
        ("Fromanonymous", ""),
        ("To15005550006", ""),
    ] {
        assert_eq!(with(name, value), Err(Rejection::Boundary), "{name}={value}");
    }
    // Across the end of a name, and of a value.
    for fields in [
        &[("Ca", "x"), ("CallS", "idCA1")][..],
        &[("ApiVersion", "2010-04-01Call"), ("Sid", "CA1")],
        &[("ApiVersion", "2010-04-01CallSid"), ("CAx", "")],
        &[("ApiVersion", "2010-04-01CallSidCA1"), ("CallStatus", "ringing")],
        &[("CallSid", "=CA1&CallStatus=ringing")],
    ] {
        let checked = check("https://a.example/voice", fields);
        assert_eq!(checked, Err(Rejection::Boundary), "{fields:?}");
    }
}

#[test]
fn names_have_the_form_of_the_providers() {
    let long = "a".repeat(257);
    for name in ["", "1a", "+1415", "-x", "a b", "a=b", "a&b", "größe", "a\n", "a+b", "a%b", &long]
    {
        assert_eq!(with(name, "x"), Err(Rejection::FieldName), "{name}");
    }
}

#[test]
fn fields_do_not_move_into_the_url() {
    for query in [
        "agent=booking",
        "CallSid=CA1&From=%2B1415",
        "parentCallSid=CA1",
        "agent=ToTo",
        "CallSidLegacy=1",
        "a=FromSales",
        "bodySHA256=00",
        "x=CallSid",
    ] {
        assert_eq!(check(&format!("https://a.example/voice?{query}"), &CALL), Ok(()), "{query}");
    }
    for query in [
        "agent=bookingAccountSidAC00000000000000000000000000000001",
        "x=CallSidCA1",
        "agent=bookingFrom+14155550123",
        "CallSidX=1",
        "a=CallStatuscompleted&CallSid=CA2",
    ] {
        let url = format!("https://a.example/voice?{query}");
        assert_eq!(check(&url, &[]), Err(Rejection::Boundary), "{query}");
    }
}

/// The values of all fields that decide what is counted, as they would be read.
fn counting(fields: &[(String, String)]) -> Vec<(String, String)> {
    let names =
        ["AnsweredBy", "CallSid", "CallStatus", "Direction", "ParentCallSid", "DialCallStatus"];
    let mut kept: Vec<_> =
        fields.iter().filter(|(name, _)| names.contains(&&**name)).cloned().collect();
    kept.sort();
    kept.dedup();
    kept
}

/// The fields `from..to` as one field and perhaps a second, cut anew at these places.
fn cut_anew(
    fields: &[(String, String)],
    (from, to): (usize, usize),
    mut cuts: [usize; 3],
    is_two: bool,
) -> Vec<(String, String)> {
    let text: String = fields[from..to].iter().map(|(n, v)| format!("{n}{v}")).collect();
    cuts.iter_mut().for_each(|cut| *cut %= text.len() + 1);
    cuts.sort_unstable();
    let [a, b, c] = cuts;
    let part = |range: std::ops::Range<usize>| text[range].to_owned();
    let pieces = match is_two {
        true => vec![(part(0..a), part(a..b)), (part(b..c), part(c..text.len()))],
        false => vec![(part(0..a), part(a..text.len()))],
    };
    [&fields[..from], &pieces, &fields[to..]].concat()
}

/// Checks one reading of the text; a text of another order would be signed as another text.
fn assert_same_or_refused(genuine: &[(String, String)], reading: &[(String, String)]) {
    let pairs: Vec<_> = reading.iter().map(|(n, v)| (&**n, &**v)).collect();
    if pairs.is_sorted() && check("https://a.example/voice", &pairs).is_ok() {
        assert_eq!(counting(reading), counting(genuine), "{reading:?}");
    }
}

fn usual(more: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut fields: Vec<_> = [&CALL[..], more]
        .concat()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    fields.sort();
    fields
}

#[test]
fn no_run_of_fields_read_as_one_says_anything_else_of_what_counts() {
    let fields = usual(&[
        ("AnsweredBy", "machine_start"),
        ("ParentCallSid", "CA00000000000000000000000000000009"),
        ("SpeechResult", "a table for two"),
        ("StirVerstat", "TN-Validation-Passed-A"),
    ]);
    for from in 0..fields.len() {
        for to in from + 1..=fields.len() {
            let length: usize = fields[from..to].iter().map(|(n, v)| n.len() + v.len()).sum();
            for cut in 0..=length {
                let reading = cut_anew(&fields, (from, to), [cut; 3], false);
                assert_same_or_refused(&fields, &reading);
            }
        }
    }
}

/// The check of fields as plain code does it: each name is looked for at each place.
fn plainly_checked(fields: &[(String, String)]) -> Result<(), Rejection> {
    let names = TWILIO.names();
    let text: String = fields.iter().map(|(n, v)| format!("{n}{v}")).collect();
    if !fields.iter().all(|(name, _)| is_name(name.as_bytes())) {
        return Err(Rejection::FieldName);
    }
    let mut start = 0;
    for (name, value) in fields {
        let (value_start, end) = (start + name.len(), start + name.len() + value.len());
        if value.starts_with('=') && names.all().any(|known| known == name) {
            return Err(Rejection::Boundary);
        }
        for (at, known) in (start..end).flat_map(|at| names.all().map(move |known| (at, known))) {
            if !text.as_bytes()[at..].starts_with(known.as_bytes()) {
                continue;
            }
            let found_end = at + known.len();
            let place = match at {
                _ if found_end > end => Place::Across,
                _ if at >= value_start => Place::Value,
                _ if found_end <= value_start => Place::Name(name.as_bytes(), at - start),
                _ => Place::Across,
            };
            let ends_value = found_end == end && names.spoken.contains(&name.as_str());
            let after = &text.as_bytes()[found_end..];
            if !ends_value && !names.is_harmless(known, &place, after) {
                return Err(Rejection::Boundary);
            }
        }
        start = end;
    }
    Ok(())
}

/// The same of a query.
fn plainly_checked_query(query: &str) -> Result<(), Rejection> {
    let names = TWILIO.names();
    for (at, _) in query.char_indices() {
        for known in names.all().filter(|known| query[at..].starts_with(known)) {
            let after = &query.as_bytes()[at + known.len()..];
            if !names.is_longer_in_query(&query[at..]) && is_followed_by_value(known, after) {
                return Err(Rejection::Boundary);
            }
        }
    }
    Ok(())
}

/// Texts that are made of names that count, parts of them, and what stands beside them.
fn of_names() -> impl Strategy<Value = String> {
    let names: Vec<_> = TWILIO.names().all().chain(LONGER.iter().copied()).collect();
    let name = prop::sample::select(names);
    let part = (name.clone(), 1..8_usize).prop_map(|(name, n)| name[..n.min(name.len())].into());
    let piece = prop_oneof![
        name.prop_map(str::to_owned),
        part,
        "[A-Za-z+=&%_ .-]{0,4}",
        prop::sample::select(vec!["+14155550123", "inbound", "CA1", "ü"]).prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

#[test]
fn capitals_are_found_among_all_bytes_and_at_each_place() {
    for byte in 0..=u8::MAX {
        let others = [b'@', b'[', b'a', 0, 0x7f, 0x80, 0xff, b'@' | 0x80];
        for at in 0..8 {
            let mut word = others;
            word[at] = byte;
            let expected = if byte.is_ascii_uppercase() { 0x80 << (8 * at) } else { 0 };
            assert_eq!(capitals(&word), expected, "{byte} at {at}");
            assert_eq!(capitals(&word[..at]), 0);
        }
    }
}

proptest! {
    #[test]
    fn any_fields_are_checked_as_plain_code_checks_them(
        fields in prop::collection::vec((of_names(), of_names()), 0..5),
        query in of_names(),
    ) {
        let pairs: Vec<_> = fields.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect();
        prop_assert_eq!(TWILIO.check_fields(&pairs), plainly_checked(&fields));
        prop_assert_eq!(TWILIO.check_query(&query), plainly_checked_query(&query));
    }

    /// However the signed text of a usual request is cut into fields anew, it is refused or says
    /// the same of what counts.
    #[test]
    fn the_same_text_in_other_pieces_says_nothing_else(
        words in "[A-Za-z+0-9 ]{0,20}",
        answered in prop::option::of(prop::sample::select(vec!["human", "machine_start"])),
        anew in prop::collection::vec(
            (any::<prop::sample::Index>(), 1_usize..4, any::<[u16; 3]>(), any::<bool>()),
            1..3,
        ),
    ) {
        let mut more = vec![("SpeechResult", words.as_str())];
        more.extend(answered.map(|who| ("AnsweredBy", who)));
        let fields = usual(&more);
        let mut reading = fields.clone();
        for (from, n, cuts, is_two) in anew {
            let from = from.index(reading.len());
            let to = reading.len().min(from + n);
            reading = cut_anew(&reading, (from, to), cuts.map(usize::from), is_two);
        }
        assert_same_or_refused(&fields, &reading);
    }
}
