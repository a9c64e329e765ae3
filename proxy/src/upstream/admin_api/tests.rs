//! What is asked, and what of the answer is passed on.

use super::*;

fn asked(segments: &[&str], query: &[(&str, &str)]) -> String {
    let query: Vec<_> = query.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let count_url = Url::parse("http://backend/behind/api/live-users").unwrap();
    let url = below(&count_url, segments, &query);
    url.as_str().strip_prefix("http://backend/behind/api/live-users/").unwrap().to_owned()
}

#[test]
fn a_segment_stays_one_segment_whatever_is_in_it() {
    for (sid, expected) in [
        ("CA0123", "calls/CA0123/evict"),
        ("../..", "calls/..%2F../evict"),
        ("a/b", "calls/a%2Fb/evict"),
        ("a\\b", "calls/a%5Cb/evict"),
        ("%2e%2e", "calls/%252e%252e/evict"),
        ("a?b#c", "calls/a%3Fb%23c/evict"),
        ("...", "calls/.../evict"),
        ("a;b@c:d", "calls/a;b@c:d/evict"),
    ] {
        assert_eq!(asked(&["calls", sid, "evict"], &[]), expected);
    }
}

#[test]
fn a_query_is_written_anew() {
    assert_eq!(asked(&["calls"], &[]), "calls");
    assert_eq!(
        asked(&["calls"], &[("limit", "5&suspect=true"), ("after", "a b\n#\u{e9}")]),
        "calls?limit=5%26suspect%3Dtrue&after=a+b%0A%23%C3%A9"
    );
}

#[test]
fn the_fields_of_an_object_stand_behind_success_as_they_came() {
    for (body, expected) in [
        ("{}", r#"{"success":true}"#),
        (" {\n} ", "{\"success\":true\n} "),
        (
            r#"{"z":1e400,"a":[{"success":false}]}"#,
            r#"{"success":true,"z":1e400,"a":[{"success":false}]}"#,
        ),
    ] {
        assert_eq!(in_envelope(body.into()).map_err(|it| it.detail), Ok(expected.to_owned()));
    }
}

#[test]
fn what_is_no_object_or_says_success_itself_is_not_passed_on() {
    let upstream_error =
        |body: &[u8]| in_envelope(body.to_vec()).map_err(|failure| failure.upstream_error);
    for wrong in ["[1]", "3", "null", r#"{"success":true}"#, r#"{"a":1,"\u0073uccess":true}"#] {
        assert_eq!(upstream_error(wrong.as_bytes()), Err(UpstreamError::NotAnObject), "{wrong}");
    }
    for wrong in [&b""[..], b"<html>", b"{\"a\":1", b"{\"a\":1} x", b"{\"a\":\"\xff\"}", b"{,}"] {
        assert_eq!(upstream_error(wrong), Err(UpstreamError::NotJson));
    }
}
