//! Answers that both servers give in the same form.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};

/// The content type of a picture.
pub const SVG: &str = "image/svg+xml";

/// The picture may be opened as a page. It needs its own style, and nothing else.
const PICTURE_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";

/// Answers with a picture of the present, as SVG.
pub fn picture(svg: String) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    answer.content_type(SVG).insert_header((CACHE_CONTROL, "no-store"));
    let mut answer = answer.body(svg);
    guard_picture(&mut answer);
    answer
}

/// Makes of an answer with a picture one that can be opened as a page without harm.
pub fn guard_picture(answer: &mut HttpResponse) {
    let headers = answer.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(PICTURE_POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// Answers with the OpenAPI document of a server: every path, for programs that generate clients.
pub fn openapi(document: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-cache"))
        .content_type("application/json")
        .body(document)
}

/// A wait in seconds, for `Retry-After`. Rounded up: who waits that long has waited enough.
pub fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}
