//! Lines of the log that tell who has changed something; each begins with `audit:`.

use actix_web::HttpRequest;

/// Where a request comes from, to stand behind who has sent it; nothing if that is not known.
pub(super) fn from(request: &HttpRequest) -> String {
    request.peer_addr().map_or_else(String::new, |peer| format!(" at {}", peer.ip()))
}
