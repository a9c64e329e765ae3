//! Answers to polling, which a client need not download twice.

use std::hash::{DefaultHasher, Hasher};

use actix_web::http::header::{CacheControl, CacheDirective, ETag, EntityTag, IfNoneMatch};
use actix_web::web::Bytes;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};

/// Answers 200 with this JSON, or 304 if the client's `If-None-Match` names it. With `no-cache` a
/// cache has to ask each time, because the value may change at any moment.
pub fn answer(request: &HttpRequest, json: impl Into<Bytes>) -> HttpResponse {
    answer_as(request, "application/json", json)
}

/// The same with something of another content type.
pub fn answer_as(
    request: &HttpRequest,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> HttpResponse {
    let body = body.into();
    let tag = tag(&body);
    let is_known = match request.get_header::<IfNoneMatch>() {
        Some(IfNoneMatch::Any) => true,
        Some(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(&tag)),
        None => false,
    };
    let mut answer = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header(CacheControl(vec![CacheDirective::NoCache])).insert_header(ETag(tag));
    if is_known { answer.finish() } else { answer.content_type(content_type).body(body) }
}

/// The standard hasher has fixed keys, so two replicas give the same tag.
fn tag(body: &[u8]) -> EntityTag {
    let mut hasher = DefaultHasher::new();
    hasher.write(body);
    EntityTag::new_strong(format!("{:016x}", hasher.finish()))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{ETAG, IF_NONE_MATCH};
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn what_is_known_is_not_sent_again() {
        let ask = |known: &str, json: &'static str| {
            let request = TestRequest::default().insert_header((IF_NONE_MATCH, known));
            let answer = answer(&request.to_http_request(), json);
            let tag = answer.headers().get(ETAG).unwrap().to_str().unwrap().to_owned();
            (answer.status().as_u16(), tag)
        };
        let (status, three) = ask("\"other\"", r#"{"liveUsers":3}"#);
        assert_eq!(status, 200);
        assert_eq!(ask(&three, r#"{"liveUsers":3}"#), (304, three.clone()));
        assert_eq!(ask(&format!("\"a\", W/{three}"), r#"{"liveUsers":3}"#).0, 304);
        assert_eq!(ask("*", r#"{"liveUsers":3}"#).0, 304);
        assert_eq!(ask(&three, r#"{"liveUsers":4}"#).0, 200);
    }
}
