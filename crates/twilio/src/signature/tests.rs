//! What the vectors in `tests/fixtures` do not say about signatures.

use proptest::prelude::*;

use super::*;

const URL: &str = "https://agent.example.com/voice?agent=front-desk";

fn tokens(tokens: &[&str]) -> AuthTokens {
    AuthTokens::new(tokens.iter().copied()).unwrap()
}

fn form_request<'a>(form: &'a Form, signature: Option<&'a str>) -> SignedRequest<'a> {
    SignedRequest { url: URL, signature, settings: None, payload: Payload::Form(form) }
}

#[test]
fn any_of_the_tokens_may_have_signed() {
    let form = Form::from_pairs([("CallSid", "CA1")]);
    let signature = sign("old", URL, &Payload::Form(&form));
    let request = form_request(&form, Some(&signature));
    assert_eq!(tokens(&["new", "old"]).verify(&request), Ok(()));
    assert_eq!(tokens(&["new", "newer"]).verify(&request), Err(Rejection::Mismatch));
}

#[test]
fn a_form_in_order_keeps_the_order_of_values_and_their_repeats() {
    let signed = |fields: &[(&str, &str)]| {
        sign("t", URL, &Payload::FormInOrder(&Form::from_pairs(fields.iter().copied())))
    };
    let genuine = signed(&[("b", "2"), ("a", "y"), ("a", "x"), ("b", "2")]);
    // Names are sorted, so only the order among the values of one name matters.
    assert_eq!(signed(&[("a", "y"), ("b", "2"), ("b", "2"), ("a", "x")]), genuine);
    assert_ne!(signed(&[("a", "x"), ("a", "y"), ("b", "2"), ("b", "2")]), genuine);
    assert_ne!(signed(&[("a", "y"), ("a", "x"), ("b", "2")]), genuine);
    let form = Form::from_pairs([("CallSid", "CA1"), ("From", "+1")]);
    assert_eq!(sign("t", URL, &Payload::FormInOrder(&form)), sign("t", URL, &Payload::Form(&form)));
    let hidden = Form::from_pairs([("Zone", "xCallSidCA2"), ("CallSid", "CA1")]);
    let payload = Payload::FormInOrder(&hidden);
    let request = SignedRequest { url: URL, signature: None, settings: None, payload };
    assert_eq!(request.check_boundaries(), Err(Rejection::Boundary));
}

#[test]
fn an_empty_token_is_no_token() {
    assert!(AuthTokens::new(["", "  "]).is_none());
    assert!(AuthTokens::new(Vec::<String>::new()).is_none());
    let form = Form::default();
    let forged = sign("", URL, &Payload::Form(&form));
    let request = form_request(&form, Some(&forged));
    assert_eq!(tokens(&["", "real"]).verify(&request), Err(Rejection::Mismatch));
}

#[test]
fn each_kind_of_rejection_has_its_name() {
    let (token, form) = (tokens(&["12345"]), Form::default());
    let genuine = sign("12345", URL, &Payload::None);
    let verify = |signature, settings, payload| {
        token.verify(&SignedRequest { url: URL, signature, settings, payload })
    };
    let form = Payload::Form(&form);
    assert_eq!(verify(None, None, form), Err(Rejection::Missing));
    assert_eq!(verify(Some(""), None, form), Err(Rejection::Missing));
    assert_eq!(verify(Some("not base64!"), None, form), Err(Rejection::Malformed));
    assert_eq!(verify(Some("RSOYDt4T1cUTdK1PDd93/VVr8B8="), None, form), Err(Rejection::Mismatch));
    let body_hash_missing = Err(Rejection::BodyHashMissing);
    assert_eq!(verify(Some(&genuine), None, Payload::Raw(b"{}")), body_hash_missing);
    let unsupported = Err(Rejection::UnsupportedAlgorithm);
    assert_eq!(verify(Some(&genuine), Some("key=k,algorithm=HMAC_MD5"), form), unsupported);
    assert_eq!(verify(Some(&genuine), Some("key=k, algorithm=hmac_sha1"), form), Ok(()));
    assert_eq!(verify(Some(&genuine), Some("key=k"), form), Ok(()));
}

#[test]
fn a_changed_body_is_told_from_a_forged_url() {
    let body = br#"[{"specversion":"1.0"}]"#;
    let url = format!("https://a.example/events?bodySHA256={}", hex(&Sha256::digest(body)));
    let signature = sign("12345", &url, &Payload::Raw(body));
    let verify = |token, body| {
        let payload = Payload::Raw(body);
        let request =
            SignedRequest { url: &url, signature: Some(&signature), settings: None, payload };
        tokens(&[token]).verify(&request)
    };
    assert_eq!(verify("12345", body), Ok(()));
    assert_eq!(verify("12345", b"[]"), Err(Rejection::BodyHashMismatch));
    assert_eq!(verify("54321", body), Err(Rejection::Mismatch));
}

#[test]
fn a_part_of_the_signature_is_not_enough() {
    let form = Form::default();
    let signature = BASE64.decode(sign("12345", URL, &Payload::None)).unwrap();
    for length in 0..signature.len() {
        let part = BASE64.encode(&signature[..length]);
        let request = form_request(&form, Some(&part));
        assert!(tokens(&["12345"]).verify(&request).is_err(), "{length} bytes");
    }
}

#[test]
fn neither_tokens_nor_signatures_are_printed() {
    let tokens = tokens(&["f4k3t0k3n", "other"]);
    assert_eq!(format!("{tokens:?}"), "AuthTokens(2 hidden)");
    let form = Form::from_pairs([("From", "+14155550123")]);
    let rejection = tokens.verify(&form_request(&form, Some("AAAA"))).unwrap_err();
    assert_eq!(
        rejection.to_string(),
        "the X-Twilio-Signature header does not match the URL and the form"
    );
}

/// Bytes that are a form whatever they are, so that names and values need not be UTF-8.
fn any_form() -> impl Strategy<Value = Form> {
    proptest::collection::vec(any::<u8>(), 0..200).prop_map(|body| Form::parse(&body).unwrap())
}

/// URLs without a port, since a port may be left out and then does not count.
const ANY_URL: &str =
    "https?://[a-z]{1,10}\\.example(/[a-zA-Z0-9%._~!-]{0,8}){0,3}(\\?[ -~&&[^#]]{0,20})?";

/// Another text that differs in exactly the byte at `at`.
fn with_a_flipped_byte(text: &str, at: prop::sample::Index, flip: u8) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = at.index(bytes.len());
    bytes[at] ^= flip;
    String::from_utf8(bytes).expect("flipping within ASCII stays within ASCII")
}

proptest! {
    #[test]
    fn what_is_signed_is_accepted(url in ANY_URL, token in "[!-~]{1,80}", form in any_form()) {
        for payload in [Payload::None, Payload::Form(&form), Payload::FormInOrder(&form)] {
            let signature = sign(&token, &url, &payload);
            let request =
                SignedRequest { url: &url, signature: Some(&signature), settings: None, payload };
            prop_assert_eq!(tokens(&[&token]).verify(&request), Ok(()));
        }
    }

    #[test]
    fn one_flipped_byte_of_the_url_is_noticed(
        url in ANY_URL, at: prop::sample::Index, flip in 1_u8..0x80,
    ) {
        let (form, flipped) = (Form::default(), with_a_flipped_byte(&url, at, flip));
        let payload = Payload::Form(&form);
        let signature = sign("12345", &url, &payload);
        let request =
            SignedRequest { url: &flipped, signature: Some(&signature), settings: None, payload };
        prop_assert_eq!(tokens(&["12345"]).verify(&request), Err(Rejection::Mismatch));
    }

    #[test]
    fn one_flipped_byte_of_a_token_is_noticed(
        token in "[!-~]{1,80}", at: prop::sample::Index, flip in 1_u8..0x80,
    ) {
        let flipped = with_a_flipped_byte(&token, at, flip);
        prop_assume!(!flipped.trim().is_empty());
        let form = Form::default();
        let signature = sign(&token, URL, &Payload::Form(&form));
        let request = form_request(&form, Some(&signature));
        prop_assert_eq!(tokens(&[&flipped]).verify(&request), Err(Rejection::Mismatch));
    }

    #[test]
    fn one_flipped_byte_of_a_field_is_noticed(
        fields in proptest::collection::vec(("[ -~]{1,8}", "[ -~]{1,8}"), 1..8),
        which: prop::sample::Index, in_name: bool, at: prop::sample::Index, flip in 1_u8..0x80,
    ) {
        let mut changed = fields.clone();
        let (name, value) = &mut changed[which.index(fields.len())];
        let piece = if in_name { name } else { value };
        *piece = with_a_flipped_byte(piece, at, flip);
        let form = |fields: &[(String, String)]| {
            Form::from_pairs(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())))
        };
        let signature = sign("12345", URL, &Payload::Form(&form(&fields)));
        let changed = form(&changed);
        let request = form_request(&changed, Some(&signature));
        prop_assert_eq!(tokens(&["12345"]).verify(&request), Err(Rejection::Mismatch));
    }

    #[test]
    fn nothing_that_is_not_signed_is_accepted_or_panics(
        url: String,
        signature in prop_oneof![any::<String>(), "[a-zA-Z0-9+/]{27}=", "[a-zA-Z0-9+/]{43}="],
        settings in proptest::option::of(prop_oneof![any::<String>(), "algorithm=HMAC_SHA(1|256)"]),
        form in any_form(),
        body: Vec<u8>,
    ) {
        for payload in [Payload::None, Payload::Form(&form), Payload::Raw(&body)] {
            let request = SignedRequest {
                url: &url, signature: Some(&signature), settings: settings.as_deref(), payload,
            };
            prop_assert!(tokens(&["12345"]).verify(&request).is_err());
        }
    }
}
