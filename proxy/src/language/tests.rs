//! Languages that are asked for, and that nothing is said beside their messages.

use std::path::Path;
use std::time::Duration;

use actix_web::test::TestRequest;

use super::*;
use crate::admin::AuthError;
use crate::error::UpstreamError;
use crate::upstream::{AdminApiError, LookupError};

/// What is in the files of a folder of this crate.
fn texts(folder: &str, end: &str) -> String {
    let mut all = String::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(end) {
                all.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    all
}

#[test]
fn each_message_that_the_server_names_is_there_and_is_used() {
    // Here stand the keys of all errors.
    let sources = texts("src", ".rs").replace(include_str!("tests.rs"), "");
    let templates = texts("web", ".html");
    let sections: Vec<_> = MESSAGES.iter().filter_map(|(key, _)| key.split_once('.')).collect();
    for literal in sources.split('"') {
        let Some((section, key)) = literal.split_once('.') else { continue };
        let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let is_section = sections.iter().any(|(it, _)| *it == section);
        if is_section && is_key && !["html", "svg"].contains(&key) {
            assert!(MESSAGES.iter().any(|(it, _)| *it == literal), "{literal}");
        }
    }
    // Those of elements and of errors are for browsers, too.
    let is_of_browsers = |key: &str| key.starts_with("element.") || key.starts_with("server.");
    for (key, _) in MESSAGES.iter().filter(|(key, _)| !is_of_browsers(key)) {
        let quoted = format!("\"{key}\"");
        assert!(sources.contains(&quoted) || templates.contains(&quoted), "{key}");
    }
}

/// All errors of the proxy's own that reach pages and elements.
fn errors() -> Vec<(String, &'static str)> {
    use UpstreamError as Error;
    let upstream = [
        (Error::Unreachable, "server.unreachable"),
        (Error::Broken, "server.broken"),
        (Error::Slow, "server.slow"),
        (Error::Redirect, "server.redirect"),
        (Error::Status(503), "server.status"),
        (Error::TooBig, "server.tooBig"),
        (Error::NotJson, "server.notJson"),
        (Error::NotACount, "server.notACount"),
        (Error::NotAnObject, "server.notAnObject"),
        (Error::NotAPicture, "server.notAPicture"),
        (Error::NotRows, "server.notRows"),
        (Error::NotAStream, "server.notAStream"),
        (Error::NotAnAccess, "server.notAnAccess"),
        (Error::AccessEnded, "server.accessEnded"),
        (Error::NoSuchAgent, "server.noSuchAgent"),
        (Error::NotOfAgent, "server.notOfAgent"),
        (Error::Ended, "server.ended"),
        (Error::SlowReader, "server.slowReader"),
        (Error::Interrupted, "server.interrupted"),
    ];
    let upstream = upstream.into_iter().map(|(error, key)| {
        assert_eq!(error.in_words(Language::ENGLISH), error.to_string());
        (error.to_string(), key)
    });
    let others = [
        (AuthError::TooOften(Duration::from_secs(7)).to_string(), "server.tooOften"),
        (AuthError::TotalNeedsToken.to_string(), "server.notPublic"),
        (AuthError::NotYetKnown.to_string(), "server.notYetKnown"),
        (AdminApiError::NoBackendToken.to_string(), "server.noBackendToken"),
        (AdminApiError::Refused.to_string(), "server.refused"),
        (LookupError::Refused.to_string(), "server.refused"),
        (LookupError::Throttled.to_string(), "server.throttled"),
        (LookupError::Busy.to_string(), "server.manyLookups"),
    ];
    upstream.chain(others).collect()
}

#[test]
fn browsers_know_the_errors_of_the_proxy_by_their_texts() {
    let script = texts("web", "live-users-server-errors.js");
    let values = [("status", Value::Text("503")), ("n", Value::Number(7))];
    let errors = errors();
    for (text, key) in &errors {
        // People read it with spaces at which no line breaks.
        let said = Language::ENGLISH.with(key, &values).replace('\u{a0}', " ");
        assert_eq!(said, *text, "{key}");
        let text = text.replace("503", "{}").replace(" 7 s", " {} s");
        let (_, short) = key.split_once('.').unwrap();
        assert!(script.contains(&format!("[{text:?}, {short:?}],")), "{text}");
    }
    for (key, _) in MESSAGES.iter().filter(|(key, _)| key.starts_with("server.")) {
        assert!(errors.iter().any(|(_, it)| it == key), "{key}");
    }
}

#[test]
fn numbers_and_plurals_are_those_of_the_language() {
    let of = |tag| Language(TAGS.iter().position(|it| *it == tag).unwrap());
    for (tag, n, is_unsure, expected) in [
        ("en", 1, false, "1 user live"),
        ("en", 2_500, false, "2,500 users live"),
        ("en", 11, true, "about 11 users live"),
        ("de", 2_500, false, "2.500 Nutzer live"),
        ("es", 2_500, false, "2500 usuarios en vivo"),
        ("es", 25_000, false, "25.000 usuarios en vivo"),
        ("fr", 0, false, "0 utilisateur en direct"),
        ("fr", 2_500, true, "environ 2\u{202f}500 utilisateurs en direct"),
        ("pt", 1_234_567, false, "1.234.567 usuários ao vivo"),
        ("ja", 2_500, false, "2,500人が通話中"),
        ("en-XA", 2_500, false, "⟦2,500 users live⟧"),
    ] {
        assert_eq!(of(tag).users_live(n, is_unsure), expected);
    }
    let text = [("error", Value::Text("a {n} <b>"))];
    let expected = "Whose token that is cannot be told: a {n} <b>. Try again later.";
    assert_eq!(Language::ENGLISH.with("signIn.lookup", &text), expected);
    assert_eq!(of("ja").around("embed.asOf"), ("（", "時点）"));
}

#[test]
fn a_browser_gets_the_first_of_its_languages_that_there_is() {
    for (accepted, expected) in [
        ("de", "de"),
        ("de-AT, en;q=0.9", "de"),
        ("pt-BR", "pt"),
        ("zh-CN, fr;q=0.5, de;q=0.8", "de"),
        ("zh", "en"),
        ("*", "en"),
        ("*, ja;q=0.5", "ja"),
        ("de;q=0, fr;q=0.1", "fr"),
        ("de;q=0", "en"),
        ("ES-mx", "es"),
        ("deu", "en"),
        ("", "en"),
        (";;", "en"),
    ] {
        let request = TestRequest::default().insert_header(("Accept-Language", accepted));
        let language = Language::of_reader(&request.to_http_request());
        assert_eq!(language.tag(), expected, "{accepted}");
    }
    let request = TestRequest::default().insert_header(("Accept-Language", "de"));
    for (cookie, expected) in [
        ("live-users-language=fr", "fr"),
        ("a=b; live-users-language=ja; c", "ja"),
        ("live-users-language=zh", "de"),
        ("live-users-language=", "de"),
        ("language=fr", "de"),
    ] {
        let request = TestRequest::default()
            .insert_header(("Accept-Language", "de"))
            .insert_header(("Cookie", cookie));
        let language = Language::of_reader(&request.to_http_request());
        assert_eq!(language.tag(), expected, "{cookie}");
    }
    assert_eq!(Language::of_reader(&request.to_http_request()).tag(), "de");
}

/// What people would read of a page that is in no message: texts, and attributes that are read out.
fn texts_of(html: &str) -> Vec<String> {
    let mut plain = html.to_owned();
    for (from, to) in [
        ("{{", "}}"),
        ("{%", "%}"),
        ("{#", "#}"),
        ("<!--", "-->"),
        ("<code>", "</code>"),
        ("<script", "</script>"),
        ("<style", "</style>"),
    ] {
        while let Some((before, rest)) = plain.split_once(from) {
            plain = format!("{before}{}", rest.split_once(to).unwrap_or_default().1);
        }
    }
    let is_text = |text: &&str| text.chars().any(char::is_alphabetic) && *text != "Live Users";
    let mut found = Vec::new();
    for part in plain.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap_or((part, ""));
        let values = ["aria-label=\"", "title=\"", "placeholder=\"", "alt=\"", "label=\""];
        let values = values.iter().filter_map(|name| tag.split_once(&format!(" {name}")));
        let values = values.filter_map(|(_, rest)| rest.split('"').next());
        let all = values.chain([text.trim()]).filter(is_text);
        found.extend(all.map(str::to_owned));
    }
    found
}

#[test]
fn no_text_stands_in_a_page_outside_the_messages() {
    let wrong = "<p title=\"One\">Two <b>{{ t(\"x.y\") }}</b></p><!-- a -->{# b #}<code>c</code>\
        <p class=\"brand\">Live Users</p>{% if a %} three {% endif %}<input placeholder=\"\">";
    assert_eq!(texts_of(wrong), ["One", "Two", "three"]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("web");
    let mut pages = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "html" || it == "svg") {
            let html = std::fs::read_to_string(&path).unwrap();
            assert_eq!(texts_of(&html), [""; 0], "{}", path.display());
            pages += 1;
        }
    }
    assert!(pages > 4, "{pages}");
}

#[test]
fn a_tag_has_the_language_of_its_first_part() {
    for (tag, expected) in [
        ("de", "de"),
        ("DE", "de"),
        ("de-DE", "de"),
        ("de-AT", "de"),
        ("pt-BR", "pt"),
        ("es-419", "es"),
        ("ja-Jpan-JP", "ja"),
        ("de-CH-1996", "de"),
        ("EN-xa", "en-XA"),
        ("en-GB", "en"),
    ] {
        assert_eq!(of_tag(tag).map(Language::tag), Some(expected), "{tag}");
    }
    for wrong in [
        "",
        "zh",
        "zh-DE",
        "deu",
        "english",
        "de-",
        "-de",
        "de--AT",
        "de_AT",
        "de-ü",
        "de-123456789",
    ] {
        assert_eq!(of_tag(wrong), None, "{wrong}");
    }
}

#[test]
fn what_an_address_asks_for_goes_along_and_nothing_else() {
    for (asked, path, expected) in [
        ("/?lang=fr", "/admin/a", "/admin/a?lang=fr"),
        ("/?a=b&lang=pt-BR", "/admin/a?b=c#d", "/admin/a?b=c&lang=pt#d"),
        ("/?lang=fr", "/a#", "/a?lang=fr#"),
        ("/?lang=fr", "/a?lang=es", "/a?lang=fr"),
        ("/?lang=zh", "/a", "/a"),
        ("/?lang=", "/a", "/a"),
        ("/", "/a?b", "/a?b"),
    ] {
        let request = TestRequest::with_uri(asked).to_http_request();
        assert_eq!(kept(&request, path), expected, "{asked} {path}");
    }
    for (path, expected) in [
        ("/a", "/a"),
        ("/a?lang=fr", "/a"),
        ("/a?b=c&lang=fr&d", "/a?b=c&d"),
        ("/a?language=fr#lang=de", "/a?language=fr#lang=de"),
        ("/a?lang#x", "/a#x"),
    ] {
        assert_eq!(without(path), expected);
    }
}
