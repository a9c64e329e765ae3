//! TwiML is read back with an XML parser that shares no code with the writer.

use proptest::prelude::*;
use roxmltree::Document;

use super::*;

#[test]
fn the_document_is_the_one_of_twilios_examples() {
    let gather = Gather {
        action_on_empty_result: true,
        language: Some("en-US".to_owned()),
        ..Gather::new("/speech-result?agent=a&n=1")
    };
    let response = Response::new()
        .gather(gather.say("How can I help?"))
        .say("I did not hear you.")
        .redirect("/voice", Method::Post)
        .hangup();
    assert_eq!(
        response.to_xml(),
        concat!(
            r#"<?xml version="1.0" encoding="UTF-8"?><Response>"#,
            r#"<Gather input="speech" action="/speech-result?agent=a&amp;n=1" method="POST""#,
            r#" timeout="5" speechTimeout="2" actionOnEmptyResult="true" language="en-US">"#,
            r#"<Say>How can I help?</Say></Gather>"#,
            r#"<Say>I did not hear you.</Say>"#,
            r#"<Redirect method="POST">/voice</Redirect><Hangup/></Response>"#,
        )
    );
}

#[test]
fn a_number_is_dialled_and_its_progress_reported() {
    let dial = Dial {
        number: "+14155550100".to_owned(),
        status_callback: "https://a.example/call-status?a=1&b=2".to_owned(),
    };
    assert_eq!(
        Response::new().dial(dial).to_xml(),
        concat!(
            r#"<?xml version="1.0" encoding="UTF-8"?><Response><Dial><Number "#,
            r#"statusCallback="https://a.example/call-status?a=1&amp;b=2" "#,
            r#"statusCallbackEvent="initiated ringing answered completed">+14155550100"#,
            r#"</Number></Dial></Response>"#,
        )
    );
}

#[test]
fn a_caller_is_rejected_and_put_into_a_queue_as_in_twilios_examples() {
    let inner = |response: Response| {
        let xml = response.to_xml();
        let inner = xml.split_once("<Response>").and_then(|(_, it)| it.strip_suffix("</Response>"));
        inner.unwrap().to_owned()
    };
    assert_eq!(inner(Response::reject_busy()), r#"<Reject reason="busy"/>"#);
    assert_eq!(inner(Response::new().enqueue("a & b")), "<Enqueue>a &amp; b</Enqueue>");
}

#[test]
fn an_empty_response_and_a_silent_gather_are_valid() {
    let xml = Response::new().to_xml();
    assert_eq!(Document::parse(&xml).unwrap().root_element().tag_name().name(), "Response");
    let silent = Gather { input: GatherInput::DtmfOrSpeech, ..Gather::new("/x") };
    let xml = Response::new().gather(silent).to_xml();
    let document = Document::parse(&xml).unwrap();
    let gather = document.root_element().first_element_child().unwrap();
    assert_eq!(gather.attribute("input"), Some("dtmf speech"));
    assert_eq!(gather.attribute("language"), None);
    assert!(!gather.has_children());
}

#[test]
fn characters_that_xml_cannot_hold_are_left_out() {
    let xml = Response::new().say("a\0b\u{1}c\u{B}d\u{FFFE}e\u{FFFF}f\u{1F600}\t\r\n").to_xml();
    let document = Document::parse(&xml).unwrap();
    let say = document.root_element().first_element_child().unwrap();
    assert_eq!(say.text(), Some("abcdef\u{1F600}\t\r\n"));
}

#[test]
fn a_caller_cannot_add_verbs() {
    let words = "</Say><Dial>+14155550123</Dial><Say>";
    let xml = Response::new().say(words).to_xml();
    let document = Document::parse(&xml).unwrap();
    assert_eq!(document.root_element().children().count(), 1);
    assert_eq!(document.root_element().first_element_child().unwrap().text(), Some(words));
}

/// Texts rich in what XML cares about.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "([<>&'\"\\]\r\n\t \0\u{1}a;#\u{FFFE}é]|CDATA|-->){0,20}"]
}

fn without_forbidden(text: &str) -> String {
    // Written as XML 1.0 states its production `Char`, unlike the code under test.
    let is_char = |c: char| {
        matches!(u32::from(c),
            0x9 | 0xA | 0xD | 0x20..=0xD7FF | 0xE000..=0xFFFD | 0x10000..=0x10_FFFF)
    };
    text.chars().filter(|&c| is_char(c)).collect()
}

proptest! {
    #[test]
    fn any_text_comes_out_of_an_xml_parser_as_it_went_in(
        said in any_text(), asked in any_text(), action in any_text(), language in any_text(),
        url in any_text(), timeout_s: u32, speech_timeout_s: u32, action_on_empty_result: bool,
    ) {
        let gather = Gather {
            timeout_s, speech_timeout_s, action_on_empty_result,
            language: Some(language.clone()),
            ..Gather::new(action.as_str())
        };
        let gather = gather.say(asked.as_str());
        let xml = Response::new().say(said.as_str()).gather(gather);
        let xml = xml.redirect(url.as_str(), Method::Get).hangup().to_xml();

        let document = Document::parse(&xml).unwrap();
        let verbs: Vec<_> = document.root_element().children().collect();
        let names: Vec<_> = verbs.iter().map(|verb| verb.tag_name().name()).collect();
        prop_assert_eq!(names, ["Say", "Gather", "Redirect", "Hangup"]);

        let text = |node: &roxmltree::Node<'_, '_>| node.text().unwrap_or_default().to_owned();
        prop_assert_eq!(text(&verbs[0]), without_forbidden(&said));
        prop_assert_eq!(text(&verbs[1].first_child().unwrap()), without_forbidden(&asked));
        prop_assert_eq!(text(&verbs[2]), without_forbidden(&url));
        prop_assert_eq!(verbs[2].attribute("method"), Some("GET"));

        let attribute = |name: &str| verbs[1].attribute(name).map(str::to_owned);
        prop_assert_eq!(attribute("action"), Some(without_forbidden(&action)));
        prop_assert_eq!(attribute("language"), Some(without_forbidden(&language)));
        prop_assert_eq!(attribute("timeout"), Some(timeout_s.to_string()));
        prop_assert_eq!(attribute("speechTimeout"), Some(speech_timeout_s.to_string()));
        prop_assert_eq!(attribute("actionOnEmptyResult"), Some(action_on_empty_result.to_string()));
    }
}
