//! The language that an address asks for: it goes along from page to page, and no cookie keeps it.

use actix_web::HttpRequest;
use live_users_http_kit::Query;

use super::{Language, PARAMETER, TAGS};

/// The longest part of a tag between two hyphens (RFC 5646).
const SUBTAG_CHARS_MAX: usize = 8;

/// The language of a tag: of `de-AT`, German. `None` for one that there is not, and for what is no tag.
pub(super) fn of_tag(tag: &str) -> Option<Language> {
    let find = |wanted: &str| TAGS.iter().position(|it| it.eq_ignore_ascii_case(wanted));
    let is_subtag = |it: &str| {
        (1..=SUBTAG_CHARS_MAX).contains(&it.len()) && it.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let primary = tag.split('-').next().filter(|_| tag.split('-').all(is_subtag))?;
    find(tag).or_else(|| find(primary)).map(Language)
}

/// This path of ours, in the language that the address of the request asks for, if it does.
pub(crate) fn kept(request: &HttpRequest, path: &str) -> String {
    let asked = Language::asked(Query::new(request.query_string()));
    let Ok(Some(language)) = asked else { return path.to_owned() };
    let path = without(path);
    let (path, fragment) = path.find('#').map_or((&*path, ""), |at| path.split_at(at));
    let join = if path.contains('?') { '&' } else { '?' };
    format!("{path}{join}{PARAMETER}={}{fragment}", language.tag())
}

/// This path without the language that it asks for.
pub(crate) fn without(path: &str) -> String {
    let (rest, fragment) = path.find('#').map_or((path, ""), |at| path.split_at(at));
    let Some((path, query)) = rest.split_once('?') else { return path.to_owned() };
    let is_kept = |pair: &&str| pair.split('=').next() != Some(PARAMETER);
    let query = query.split('&').filter(is_kept).collect::<Vec<_>>().join("&");
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{path}{mark}{query}{fragment}")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

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
}
