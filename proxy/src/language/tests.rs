//! Languages that are asked for, and that nothing is said beside their messages.

use std::path::Path;
use std::time::Duration;

use actix_web::test::TestRequest;

use super::*;
use crate::admin::AuthError;
use crate::config::NamedBy;
use crate::error::UpstreamError;
use crate::missing::{Mismatch, Missing};
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
    let (sources, templates) = (texts("src", ".rs"), texts("web", ".html"));
    let sections: Vec<_> = MESSAGES.iter().filter_map(|(key, _)| key.split_once('.')).collect();
    for literal in sources.split('"') {
        let Some((section, key)) = literal.split_once('.') else { continue };
        let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let is_section = sections.iter().any(|(it, _)| *it == section);
        if is_section && is_key && !["html", "svg"].contains(&key) {
            assert!(MESSAGES.iter().any(|(it, _)| *it == literal), "{literal}");
        }
    }
    // Those of elements are for browsers, too, and the next test looks at those of errors.
    let is_elsewhere = |key: &str| key.starts_with("element.") || key.starts_with("server.");
    for (key, _) in MESSAGES.iter().filter(|(key, _)| !is_elsewhere(key)) {
        let quoted = format!("\"{key}\"");
        assert!(sources.contains(&quoted) || templates.contains(&quoted), "{key}");
    }
}

/// What the proxy says where a shard has to be named. A test of its API reads it there.
const NO_SHARD: &str =
    "shard: missing; expected the number of one of {n} shards, from 0: each tells this for itself";

/// Shards that are missing, perhaps since something else answers at their address.
fn missing(mismatch: Option<Mismatch>) -> UpstreamError {
    let since = "2026-11-23T09:30:00Z".parse().unwrap();
    UpstreamError::ShardsMissing(Missing::new([1, 3].into_iter().collect(), since, mismatch))
}

/// What may be wrong with what answers in place of a shard.
fn mismatches() -> Vec<Mismatch> {
    let named = [NamedBy::Below, NamedBy::Spread, NamedBy::List];
    let of = |named| [Mismatch::Count(503, named), Mismatch::None(named)];
    named.into_iter().flat_map(of).chain([Mismatch::Shard(503)]).collect()
}

/// All errors of the proxy's own that reach pages and elements.
fn errors() -> Vec<String> {
    let source = include_str!("../error.rs");
    let texts = source.split("#[error(\"").skip(1).filter_map(|it| it.split('"').next());
    // That one is below.
    let texts = texts.filter(|it| *it != "{0}");
    let texts =
        texts.map(|it| it.replace("number: {0}", "number: 1, 3 (since 2026-11-23T09:30:00.000Z)"));
    let upstream: Vec<_> = texts.map(|it| it.replace("{0}", "503")).collect();
    assert!(upstream.contains(&UpstreamError::Status(503).to_string()));
    assert!(upstream.contains(&missing(None).to_string()));
    assert_eq!(upstream.len() + 1, source.matches("#[error(").count(), "each is one text");
    let others = [
        AuthError::TooOften(Duration::from_secs(7)).to_string(),
        AuthError::TotalNeedsToken.to_string(),
        AuthError::NotYetKnown(None).to_string(),
        AdminApiError::NoBackendToken.to_string(),
        AdminApiError::Refused.to_string(),
        NO_SHARD.replace("{n}", "3"),
        LookupError::Refused.to_string(),
        LookupError::Throttled.to_string(),
        LookupError::Busy.to_string(),
    ];
    let mismatches = mismatches().into_iter().map(|it| UpstreamError::OtherShard(it).to_string());
    upstream.into_iter().chain(mismatches).chain(others).collect()
}

#[test]
fn each_error_of_the_proxy_is_a_message_by_its_english_text() {
    let mut known = Vec::new();
    for text in errors() {
        // People read it with spaces at which no line breaks.
        let said = Language::ENGLISH.of_server(&text).replace('\u{a0}', " ");
        // A page has no parameter.
        let is_of_one = text == NO_SHARD.replace("{n}", "3");
        let of_each = "each of 3 shards tells this for itself, and there is no sum of it";
        assert_eq!(said, if is_of_one { of_each } else { &text });
        let key = text.replace("503", "{n}").replace(" 7 s", " {n} s");
        let key = key.replace("one of 3 shards", "one of {n} shards");
        let key = key.replace("1, 3 (since 2026-11-23T09:30:00.000Z)", "{shards} (since {since})");
        known.push(format!("server.{key}"));
    }
    for (key, _) in MESSAGES.iter().filter(|(key, _)| key.starts_with("server.")) {
        assert!(known.iter().any(|it| it == key), "{key}");
    }
    for key in known {
        assert!(find(&key).is_some(), "{key}");
    }
    let german = Language(TAGS.iter().position(|it| *it == "de").unwrap());
    let status = "das Backend hat mit Status 503 geantwortet";
    assert_eq!(german.of_server("the backend answered with status 503"), status);
    let told = german.of_server(&missing(None).to_string());
    assert_eq!(told, "Shards ohne Zahl: 1, 3 (seit 2026-11-23T09:30:00.000Z)");
    let mismatch = Mismatch::Count(6, NamedBy::Spread);
    let told = german.of_server(&missing(Some(mismatch)).to_string());
    let why = "das Backend zählt in 6 Shards: erwartet wird dasselbe SHARDS im Proxy";
    assert_eq!(told, format!("Shards ohne Zahl: 1, 3 (seit 2026-11-23T09:30:00.000Z): {why}"));
    assert_eq!(german.of_server("8192 bytes are too many"), "8192 bytes are too many");
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
