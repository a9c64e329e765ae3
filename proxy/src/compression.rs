//! Compresses answers that are made anew each time: JSON, the page, pictures.
//!
//! The length of a compressed answer tells something of its content to who watches the network, and can
//! make the browser of an admin ask for it again and again with words to compare (BREACH). Nobody can: the
//! session is not sent for another site, and such a request would be refused. That of a link is sent where
//! another site leads to its page, which repeats nothing that was asked. Besides, no answer has a token or a
//! cookie in it; what the sign-in page repeats stands beside no secret.

use actix_http::encoding::Encoder;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    self, AcceptEncoding, ContentEncoding, ETAG, Encoding, HeaderMap, HeaderValue, VARY,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};

/// The shortest answer that is compressed, in bytes: what fits into one packet is no faster.
const BYTES_MIN: u64 = 1_024;

/// The types that get smaller.
const TYPES: [&str; 3] = ["application/json", "text/html", "image/svg+xml"];

/// Answers as the client accepts it. A stream has no length, and is never compressed: each of its frames
/// would wait for the next one.
pub(crate) async fn compress<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<Encoder<B>>, Error> {
    let accepted = accepted(&request);
    let answer = next.call(request).await?;
    Ok(answer.map_body(|head, body| {
        let mut coding = ContentEncoding::Identity;
        if is_worth_it(head.headers(), body.size()) {
            coding = accepted;
            if coding == ContentEncoding::Identity {
                head.headers_mut().append(VARY, HeaderValue::from_static("accept-encoding"));
            }
        }
        Encoder::response(coding, head, body)
    }))
}

/// The coding that the client takes most gladly. Who refuses even what is not encoded gets that.
pub(crate) fn accepted(request: &impl HttpMessage) -> ContentEncoding {
    let known = [Encoding::brotli(), Encoding::gzip(), Encoding::identity()];
    let accepted = request.get_header::<AcceptEncoding>();
    match accepted.and_then(|it| it.negotiate(known.iter())) {
        Some(Encoding::Known(coding)) => coding,
        Some(Encoding::Unknown(_)) | None => ContentEncoding::Identity,
    }
}

/// What has a tag is told by it apart from other versions, and would need one for each encoding.
fn is_worth_it(headers: &HeaderMap, size: BodySize) -> bool {
    let is_long = matches!(size, BodySize::Sized(bytes) if bytes >= BYTES_MIN);
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let is_of_type = |content_type: &str| TYPES.iter().any(|it| content_type.starts_with(it));
    is_long && !headers.contains_key(ETAG) && content_type.is_some_and(is_of_type)
}
