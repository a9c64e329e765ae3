//! What can go wrong, and how it is told to a client.

use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError};
use live_users_wire::Envelope;

/// Why there is no count. The texts go to browsers, so none names an address; the log has the
/// details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Trouble {
    /// No connection came about.
    #[error("the backend cannot be reached")]
    Unreachable,
    /// A connection came about, a whole HTTP answer did not.
    #[error("the backend's answer broke off or was not HTTP")]
    Broken,
    /// The exchange took longer than `BACKEND_TIMEOUT_MS`.
    #[error("the backend did not answer in time")]
    Slow,
    /// Followed nowhere: a redirect would lead to whoever the answer names.
    #[error("the backend answered with a redirect instead of a count")]
    Redirect,
    /// Any other status than 200.
    #[error("the backend answered with status {0} instead of a count")]
    Status(u16),
    /// More bytes than any count has.
    #[error("the backend's answer is too big to be a count")]
    TooBig,
    /// Status 200, and something else than JSON.
    #[error("the backend's answer is not JSON")]
    NotJson,
    /// JSON, but not the shape of a count.
    #[error("the backend's answer is not a count")]
    WrongShape,
    /// The task that asked is gone.
    #[error("the proxy gave up asking the backend")]
    Interrupted,
}

impl ResponseError for Trouble {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Slow => StatusCode::GATEWAY_TIMEOUT,
            Self::Unreachable
            | Self::Broken
            | Self::Redirect
            | Self::Status(_)
            | Self::TooBig
            | Self::NotJson
            | Self::WrongShape
            | Self::Interrupted => StatusCode::BAD_GATEWAY,
        }
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::build(self.status_code()).json(Envelope::failure(self.to_string()))
    }
}

/// The answer to a path that does not exist.
pub(crate) async fn not_found(request: HttpRequest) -> HttpResponse {
    refusal(&request, HttpResponse::NotFound(), "there is nothing at this path".to_owned())
}

/// The answer to a path that exists, asked with a method other than GET or HEAD.
pub(crate) async fn wrong_method(request: HttpRequest) -> HttpResponse {
    let mut answer = HttpResponse::MethodNotAllowed();
    answer.insert_header(header::Allow(vec![Method::GET, Method::HEAD]));
    refusal(&request, answer, "this path can only be read: expected GET or HEAD".to_owned())
}

/// In the envelope where programs ask, as text where people look.
fn refusal(request: &HttpRequest, mut answer: HttpResponseBuilder, text: String) -> HttpResponse {
    let path = request.path();
    if path == "/api" || path.starts_with("/api/") {
        answer.json(Envelope::failure(text))
    } else {
        answer.content_type(header::ContentType::plaintext()).body(text)
    }
}
