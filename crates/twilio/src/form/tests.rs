//! How a form is read and found in, beside plain code that does the same.

use percent_encoding::percent_decode;
use proptest::prelude::*;

use super::*;

fn pairs(body: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let form = Form::parse(body).unwrap();
    form.fields().map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
}

fn pair(name: &[u8], value: &[u8]) -> (Vec<u8>, Vec<u8>) {
    (name.to_vec(), value.to_vec())
}

#[test]
fn every_field_is_kept_in_order_with_blank_repeated_and_nameless_ones() {
    assert_eq!(
        pairs(b"b=2&a=1&&b=2&City=&flag&=x&e=a=b"),
        [
            pair(b"b", b"2"),
            pair(b"a", b"1"),
            pair(b"b", b"2"),
            pair(b"City", b""),
            pair(b"flag", b""),
            pair(b"", b"x"),
            pair(b"e", b"a=b"),
        ]
    );
    assert!(pairs(b"").is_empty());
}

#[test]
fn plus_is_a_space_and_an_escaped_plus_is_a_plus() {
    assert_eq!(pairs(b"a+b=%2B1+415%20555"), [pair(b"a b", b"+1 415 555")]);
}

#[test]
fn escapes_are_resolved_once_and_malformed_ones_stay_as_they_are() {
    assert_eq!(
        pairs(b"t=%257B&bad=100%&worse=%zz%4"),
        [pair(b"t", b"%7B"), pair(b"bad", b"100%"), pair(b"worse", b"%zz%4"),]
    );
}

#[test]
fn bytes_that_are_not_utf8_are_neither_lost_nor_replaced() {
    assert_eq!(pairs(b"a=%FF%00\xFE"), [pair(b"a", b"\xFF\x00\xFE")]);
}

#[test]
fn the_number_of_fields_is_bounded() {
    let most = vec!["a=1"; FIELDS_MAX].join("&");
    assert_eq!(pairs(most.as_bytes()).len(), FIELDS_MAX);
    let more = format!("{most}&a=1");
    assert_eq!(Form::parse(more.as_bytes()), Err(FormError::TooManyFields));
}

#[test]
fn blank_text_means_absent() {
    let form = Form::parse(b"Digits=12&To=&City=+%20%09&From=%20a%20b+").unwrap();
    assert_eq!(form.text("Digits"), Ok(Some("12")));
    assert!(form.has("From") && !form.has("To") && !form.has("City") && !form.has("x"));
    assert_eq!(form.text("digits"), Ok(None));
    assert_eq!(form.text("To"), Ok(None));
    assert_eq!(form.text("City"), Ok(None));
    assert_eq!(form.text("From"), Ok(Some("a b")));
}

#[test]
fn of_a_field_with_different_values_none_is_given() {
    let form = Form::parse(b"A=1&A=2&B=1&B=+1+&C=1&C=&D=&D=").unwrap();
    assert_eq!(
        form.text("A").unwrap_err().to_string(),
        "A: sent twice, with different values; expected at most 4096 bytes of UTF-8 text"
    );
    assert_eq!(form.text("B"), Ok(Some("1")));
    assert_eq!(form.text("C").unwrap_err().problem, FieldProblem::Contradictory);
    assert_eq!(form.text("D"), Ok(None));
    assert!(form.has("A") && form.has("C") && !form.has("D"));
}

#[test]
fn an_unusable_value_is_named_by_its_field_and_not_repeated() {
    let form = Form::parse(b"From=%2B14155550123%FF&To=%2B14155550123").unwrap();
    assert_eq!(
        form.text("From").unwrap_err().to_string(),
        "From: not valid UTF-8; expected at most 4096 bytes of UTF-8 text"
    );
    assert_eq!(
        form.text_within("To", 11).unwrap_err().to_string(),
        "To: too long; expected at most 11 bytes of UTF-8 text"
    );
    assert_eq!(form.text_within("To", 12), Ok(Some("+14155550123")));
}

#[test]
fn debug_shows_names_and_no_values() {
    let form = Form::from_pairs([("From", "+14155550123"), ("SpeechResult", "my secret")]);
    assert_eq!(format!("{form:?}"), r#"Form["From", "SpeechResult"]"#);
}

#[test]
fn encoding_escapes_all_but_unreserved_characters() {
    let form = Form::from_pairs([("From", "+1415"), ("City", "São Paulo"), ("x&y", "a=b-._~")]);
    assert_eq!(form.encode(), "From=%2B1415&City=S%C3%A3o%20Paulo&x%26y=a%3Db-._~");
}

/// What a form says, as the standard puts it: each field with strings of its own.
fn plainly_parsed(body: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let decoded = |text: &[u8]| -> Vec<u8> {
        // Before the escapes are resolved, so that `%2B` stays a plus.
        let spaced: Vec<u8> =
            text.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
        percent_decode(&spaced).collect()
    };
    let fields = body.split(|&byte| byte == b'&').filter(|field| !field.is_empty());
    let fields = fields.map(|field| {
        let mut parts = field.splitn(2, |&byte| byte == b'=');
        let mut part = || decoded(parts.next().unwrap_or_default());
        (part(), part())
    });
    fields.collect()
}

fn any_fields() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
    // Few names, so that some come twice.
    let name =
        prop_oneof!["(Prefixed)?[AB\\x00]{0,2}".prop_map(String::into_bytes), any::<Vec<u8>>()];
    let value = prop_oneof!["[ a]{0,2}".prop_map(String::into_bytes), any::<Vec<u8>>()];
    prop::collection::vec((name, value), 0..12)
}

fn of_pairs(fields: &[(Vec<u8>, Vec<u8>)]) -> Form {
    let mut form = Form::default();
    fields.iter().for_each(|(name, value)| form.append(name, value));
    form.sort();
    form
}

#[test]
fn each_of_many_fields_is_found() {
    // More than there are places for names, and so many that some share one.
    let names: Vec<_> = (0..FIELDS_MAX).map(|n| format!("F{n}")).collect();
    let form = Form::from_pairs(names.iter().map(|name| (name.as_str(), name.as_str())));
    for name in &names {
        assert_eq!(form.text(name), Ok(Some(name.as_str())));
    }
    for other in ["F", "G0", "F500", ""] {
        assert_eq!(form.text(other), Ok(None), "{other}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_as_plain_code_reads_them(
        body in prop_oneof![
            any::<Vec<u8>>(),
            "[%+&=0-9a-fA-Fg ]{0,60}".prop_map(String::into_bytes),
        ],
    ) {
        prop_assert_eq!(pairs(&body), plainly_parsed(&body));
    }

    #[test]
    fn a_field_is_found_as_by_a_look_at_all_of_them(fields in any_fields()) {
        let form = of_pairs(&fields);
        for name in ["", "A", "B", "AA", "A\0", "C", "Prefixed", "PrefixedA", "PrefixedAB"] {
            let all = fields.iter().filter(|(n, _)| n == name.as_bytes());
            let mut all: Vec<_> = all.map(|(_, value)| value.as_slice().trim_ascii()).collect();
            let mut found: Vec<_> = form.values(name).collect();
            found.sort_unstable();
            all.sort_unstable();
            prop_assert_eq!(found, all);
        }
        let mut sorted = fields.clone();
        sorted.sort();
        let own = form.sorted_fields().map(|(name, value)| (name.to_vec(), value.to_vec()));
        prop_assert_eq!(own.collect::<Vec<_>>(), sorted);
    }

    #[test]
    fn what_is_encoded_is_read_back(fields in any_fields()) {
        let form = of_pairs(&fields);
        prop_assert_eq!(Form::parse(form.encode().as_bytes()), Ok(form));
    }

    #[test]
    fn any_bytes_are_a_form_that_survives_encoding(body: Vec<u8>) {
        let form = Form::parse(&body).unwrap();
        prop_assert_eq!(Form::parse(form.encode().as_bytes()), Ok(form));
    }
}
