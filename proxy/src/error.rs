//! What can go wrong, and how clients learn of it.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError};
use live_users_http_kit::{LimitAnswers, LimitError, Methods, ParameterError};
use live_users_wire::{Envelope, Problem};

use crate::missing::{Mismatch, Missing};

/// The backend does not want what the proxy shows.
pub(crate) const TOKEN_REFUSED: &str =
    "the backend refuses the proxy's BACKEND_TOKEN: expected the backend's API_TOKEN";

/// The proxy has nothing to show the backend.
pub(crate) const NO_BACKEND_TOKEN: &str =
    "BACKEND_TOKEN is not set in the proxy: expected the backend's API_TOKEN";

/// Why the backend has given no answer that could be passed on. The texts go to browsers, so none
/// names an address; the log has the details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// No connection came about.
    #[error("the backend cannot be reached")]
    Unreachable,
    /// A connection came about, a whole HTTP answer did not.
    #[error("the backend's answer broke off or was not HTTP")]
    Broken,
    /// The exchange took longer than `BACKEND_TIMEOUT_MS`.
    #[error("the backend did not answer in time")]
    Slow,
    /// Followed nowhere: a redirect would lead to a server that the answer names.
    #[error("the backend answered with a redirect")]
    Redirect,
    /// A status that is no answer to the question.
    #[error("the backend answered with status {0}")]
    Status(u16),
    /// The backend has no number: what went wrong there is the operator's.
    #[error("the number is not known at present")]
    NotKnown,
    /// Some shards tell no number, so there is no sum.
    #[error("shards without a number: {0}")]
    ShardsMissing(Missing),
    /// Something else than the shard that is expected at its address.
    #[error("{0}")]
    OtherShard(Mismatch),
    /// The backend counts in several shards, and the proxy asks it as if there were one.
    #[error("the backend counts in shards: expected SHARDS (or also SHARD_BACKENDS) in the proxy")]
    InShards,
    /// More bytes than any answer has.
    #[error("the backend's answer is too big")]
    TooBig,
    /// Status 200, and something else than JSON.
    #[error("the backend's answer is not JSON")]
    NotJson,
    /// JSON, but not the shape of a count.
    #[error("the backend's answer is not a count")]
    NotACount,
    /// JSON, but no object, or one that says `success` itself.
    #[error("the backend's answer is not a JSON object")]
    NotAnObject,
    /// Something else than a picture, where one was asked for.
    #[error("the backend's answer is not a picture")]
    NotAPicture,
    /// Something else than rows of the form that was asked for, as from a backend that has none.
    #[error("the backend's answer is not in the form that was asked for")]
    NotRows,
    /// Something else than a stream, where a stream was asked for.
    #[error("the backend's answer is not a stream")]
    NotAStream,
    /// JSON, but not what a token may see.
    #[error("the backend's answer is not an access")]
    NotAnAccess,
    /// The token of an account that asks was changed or removed.
    #[error("the token of this account was changed or removed")]
    AccessEnded,
    /// The agent is not public, not in scope, or not known: the backend does not say which.
    #[error("agent: there is no such agent here")]
    NoSuchAgent,
    /// The backend is of before there were numbers of agents, and has told the total of all.
    #[error("the backend cannot tell the number of one agent: it is of an older version")]
    NotOfAgent,
    /// The backend has ended its stream, as it does when it stops.
    #[error("the backend has stopped")]
    Ended,
    /// Whoever reads rows takes them too slowly, and holds a place that others wait for.
    #[error("the rows were read too slowly")]
    SlowReader,
    /// The task that asked is gone.
    #[error("the proxy gave up asking the backend")]
    Interrupted,
}

impl UpstreamError {
    /// Whether it is so because of who asks and for what, and not because of the backend.
    pub(crate) fn is_of_reader(self) -> bool {
        matches!(self, Self::AccessEnded | Self::NoSuchAgent)
    }
}

impl ResponseError for UpstreamError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Slow => StatusCode::GATEWAY_TIMEOUT,
            Self::NoSuchAgent => StatusCode::NOT_FOUND,
            Self::Unreachable
            | Self::Broken
            | Self::Redirect
            | Self::Status(_)
            | Self::NotKnown
            | Self::ShardsMissing(_)
            | Self::OtherShard(_)
            | Self::InShards
            | Self::TooBig
            | Self::NotJson
            | Self::NotACount
            | Self::NotAnObject
            | Self::NotAPicture
            | Self::NotRows
            | Self::NotAStream
            | Self::NotAnAccess
            | Self::AccessEnded
            | Self::NotOfAgent
            | Self::Ended
            | Self::SlowReader
            | Self::Interrupted => StatusCode::BAD_GATEWAY,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let (error, mut field, mut expected) = (self.to_string(), None, None);
        if *self == Self::NoSuchAgent {
            field = Some("agent".to_owned());
            expected = Some(
                "the id of an agent with public = true, or for who is signed in one of theirs"
                    .to_owned(),
            );
        }
        let envelope = Envelope::from(Problem { error, field, expected });
        HttpResponse::build(self.status_code()).json(envelope)
    }
}

/// The answers to requests that take more than one client may.
pub(crate) const LIMIT_ANSWERS: LimitAnswers =
    LimitAnswers { answer: limited, is_exempt: |_| false };

fn limited(request: &HttpRequest, why: LimitError) -> HttpResponse {
    let mut answer = HttpResponse::build(why.status());
    // This is outside what gives all other answers their headers.
    answer.insert_header((header::CACHE_CONTROL, "no-store"));
    answer.insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    if let Some(seconds) = why.retry_after_s() {
        answer.insert_header((header::RETRY_AFTER, seconds));
    }
    refusal(request, answer, why.to_string())
}

/// The answer to a path that does not exist.
pub(crate) async fn not_found(request: HttpRequest) -> HttpResponse {
    refusal(&request, HttpResponse::NotFound(), "there is nothing at this path".to_owned())
}

/// The answer to a method that a path does not take.
pub(crate) fn wrong_method(request: &HttpRequest, methods: Methods) -> HttpResponse {
    let text = match methods {
        Methods::Read => "this path can only be read: expected GET or HEAD",
        Methods::Order => "this path takes orders: expected POST",
        Methods::Stream => "this path opens a stream: expected GET",
    };
    not_allowed(request, methods.allow(), text)
}

/// The answer to a query that a path has no use for, in the envelope.
pub(crate) fn wrong_parameter(mistake: ParameterError) -> HttpResponse {
    HttpResponse::BadRequest().json(Envelope::from(problem_of(mistake)))
}

/// What is wrong with a parameter.
pub(crate) fn problem_of(mistake: ParameterError) -> Problem {
    let error = mistake.to_string();
    Problem { error, field: Some(mistake.name), expected: Some(mistake.expected) }
}

/// The answer to a path that is read and takes orders, by another method.
pub(crate) async fn read_or_post(request: HttpRequest) -> HttpResponse {
    not_allowed(
        &request,
        "GET, HEAD, POST",
        "this path is read or takes orders: expected GET, HEAD or POST",
    )
}

/// The answer to a form's path, asked with a method that it has no use for.
pub(crate) async fn only_form(request: HttpRequest) -> HttpResponse {
    not_allowed(&request, "GET, HEAD, POST", "this path has a form: expected GET, HEAD or POST")
}

fn not_allowed(request: &HttpRequest, allow: &'static str, text: &str) -> HttpResponse {
    let mut answer = HttpResponse::MethodNotAllowed();
    answer.insert_header((header::ALLOW, allow));
    refusal(request, answer, text.to_owned())
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
