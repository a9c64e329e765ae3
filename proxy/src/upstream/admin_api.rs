//! Asks the backend what an admin wants to know, and puts its answer into the envelope. Of several shards it
//! asks the one that the query names; `sums.rs` has what is told of all.

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::Arc;
use std::time::Instant;

use actix_web::http::{StatusCode, header};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, ResponseError};
use live_users_http_kit::{Format, LogThrottle, ParameterError, SVG, read_body};
use live_users_wire::{ACCESS_HEADER, Envelope, Problem};
use reqwest::header::HeaderValue;
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::de::IgnoredAny;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::backend_client::{BackendClient, Failure, failure, has_ended, wrong_status};
use super::exports::{Exports, NoPlace};
use super::rows::{Rows, checked};
use super::shards::{Shard, Shards};
use crate::error::{NO_BACKEND_TOKEN, TOKEN_REFUSED, UpstreamError, problem_of};
use crate::scope::Scope;

/// The parameter that names a shard.
pub(crate) const SHARD: &str = "shard";

/// The biggest answer that is passed on, in bytes.
pub(super) const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The biggest answer that is read as a problem, in bytes.
const PROBLEM_BYTES_MAX: usize = 64 * 1024;

/// Requests under way at the same time; with their bodies they bound the memory that they take.
const REQUESTS_MAX: usize = 32;

/// What every answer begins with that is passed on.
const SUCCESS: &str = "{\"success\":true";

/// One of the requests under way until it is dropped.
pub(super) type Place = Arc<OwnedSemaphorePermit>;

/// Asks the backend for more than the total.
pub(crate) struct AdminApi {
    pub(super) shards: Shards,
    authorization: Option<HeaderValue>,
    places: Arc<Semaphore>,
    exports: Exports,
    lines: Arc<LogThrottle>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminApiError {
    /// The proxy has nothing to show the backend.
    #[error("{NO_BACKEND_TOKEN}")]
    NoBackendToken,
    /// The backend does not want what the proxy shows.
    #[error("{TOKEN_REFUSED}")]
    Refused,
    /// Too many ask at the same time.
    #[error("{REQUESTS_MAX} of these requests are under way: expected fewer, ask again later")]
    Busy,
    /// There is no place for rows.
    #[error(transparent)]
    NoPlace(#[from] NoPlace),
    /// The request itself is wrong, in the backend's words where the backend has seen it.
    #[error("{}", .1.error)]
    Problem(StatusCode, Problem),
    /// The scope that asks is none any more.
    #[error("{}", UpstreamError::AccessEnded)]
    AccessEnded,
    /// The backend gave no answer that could be passed on.
    #[error(transparent)]
    UpstreamError(UpstreamError),
}

/// What is asked, and for whom.
#[derive(Clone)]
pub(crate) struct Question<'a> {
    /// `GET`, unless it is an order.
    pub(crate) method: Method,
    /// What lies below the count. None may be `.` or `..`, which a URL cannot hold as names; everything
    /// else reaches the backend as one segment, whatever is in it.
    pub(crate) segments: &'a [&'a str],
    /// The query. It may name the shard that is asked; everything else is passed on.
    pub(crate) query: &'a [(String, String)],
    /// Of which calls; `None` for all.
    pub(crate) scope: Option<&'a Scope>,
    /// What is sent along, in JSON.
    pub(crate) body: Option<Bytes>,
}

/// A failed exchange, with details that go to the log alone.
struct FailedExchange {
    reason: AdminApiError,
    detail: String,
}

impl AdminApi {
    /// Prepares to ask; nothing is sent yet.
    pub(crate) fn new(shards: Shards, authorization: Option<HeaderValue>) -> Self {
        Self {
            shards,
            authorization,
            places: Arc::new(Semaphore::new(REQUESTS_MAX)),
            exports: Exports::new(),
            lines: Arc::default(),
        }
    }

    /// Asks. The answer is a JSON object, in the envelope.
    pub(crate) async fn ask(&self, question: Question<'_>) -> Result<String, AdminApiError> {
        let shard = self.named(question.query)?;
        self.exchange((shard, self.place()?), question, object).await
    }

    /// The same for a picture, as SVG.
    pub(crate) async fn ask_picture(
        &self,
        question: Question<'_>,
    ) -> Result<String, AdminApiError> {
        let shard = self.named(question.query)?;
        self.exchange((shard, self.place()?), question, picture).await
    }

    /// The same for rows in this form, which are passed on while they come.
    pub(crate) async fn ask_rows(
        &self,
        question: Question<'_>,
        format: Format,
    ) -> Result<Rows, AdminApiError> {
        let shard = self.named(question.query)?;
        let place = self.exports.place(question.scope)?;
        let rows = move |response| ready(checked(response, format));
        let response = self.exchange((shard, self.place()?), question, rows).await?;
        Ok(Rows::pass_on(response, place, &shard.client))
    }

    /// The shard that this query names, or the only one.
    ///
    /// # Errors
    /// If there are several and it names none of them.
    fn named(&self, query: &[(String, String)]) -> Result<&Shard, AdminApiError> {
        let named = query.iter().find(|(name, _)| name == SHARD).map(|(_, value)| value.trim());
        let number = match (named, self.shards.only()) {
            (None | Some(""), Some(only)) => return Ok(only),
            (None | Some(""), None) => Err("missing"),
            (Some(value), _) => value.parse().map_err(|_| "invalid"),
        };
        let shard = number.and_then(|number| self.shards.get(number).ok_or("invalid"));
        shard.map_err(|problem| {
            let expected = format!(
                "the number of one of {} shards, from 0: each tells this for itself",
                self.shards.iter().len()
            );
            ParameterError { name: SHARD.to_owned(), problem, expected }.into()
        })
    }

    /// The right to ask, of which there are so many.
    pub(super) fn place(&self) -> Result<Place, AdminApiError> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.map(Arc::new).map_err(|_| AdminApiError::Busy)
    }

    /// Asks a shard, and reads the answer by this.
    pub(super) async fn exchange<
        T: Send + 'static,
        Read: Future<Output = Result<T, Failure>> + Send,
    >(
        &self,
        (shard, place): (&Shard, Place),
        Question { method, segments, query, scope, body }: Question<'_>,
        read: impl FnOnce(Response) -> Read + Send + 'static,
    ) -> Result<T, AdminApiError> {
        let authorization = self.authorization.clone().ok_or(AdminApiError::NoBackendToken)?;
        let mut request = shard
            .client
            .request(method, below(&shard.count_url, segments, query))
            .header(header::AUTHORIZATION.as_str(), authorization);
        let is_scoped = scope.is_some();
        if let Some(scope) = scope {
            request = request.header(ACCESS_HEADER, scope.access());
        }
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE.as_str(), "application/json").body(body);
        }
        let (backend, lines) = (shard.client.clone(), Arc::clone(&self.lines));
        // In a task of its own: an order is carried out even when its sender goes away.
        let exchange = shard.client.runtime.spawn(async move {
            let _place = place;
            let answer = exchange(&backend, request, is_scoped, read).await;
            answer.map_err(|failed| failed.note(&lines))
        });
        exchange.await.unwrap_or(Err(AdminApiError::UpstreamError(UpstreamError::Interrupted)))
    }
}

impl FailedExchange {
    /// Logs what operators should know.
    fn note(self, lines: &LogThrottle) -> AdminApiError {
        let Self { reason, detail } = self;
        match reason {
            AdminApiError::Refused | AdminApiError::UpstreamError(_) => {
                if let Some(held_back) = lines.line_at(Instant::now()) {
                    log::warn!(
                        "no details for an admin: {reason}: {detail} ({held_back} such lines \
                         before this one were held back)"
                    );
                }
            }
            AdminApiError::NoBackendToken
            | AdminApiError::Busy
            | AdminApiError::NoPlace(_)
            | AdminApiError::Problem(..)
            | AdminApiError::AccessEnded => {}
        }
        reason
    }
}

fn below(count_url: &Url, segments: &[&str], query: &[(String, String)]) -> Url {
    let mut url = count_url.clone();
    url.path_segments_mut().expect("http:// and https:// have paths").extend(segments);
    let mut passed_on = query.iter().filter(|(name, _)| name != SHARD).peekable();
    if passed_on.peek().is_some() {
        url.query_pairs_mut().extend_pairs(passed_on);
    }
    url
}

async fn exchange<T, Read: Future<Output = Result<T, Failure>>>(
    backend: &BackendClient,
    request: RequestBuilder,
    is_scoped: bool,
    read: impl FnOnce(Response) -> Read,
) -> Result<T, FailedExchange> {
    let exchange = async {
        let response = request.send().await?;
        backend.check(&response)?;
        let status = response.status().as_u16();
        match status {
            200 => Ok(Ok(read(response).await?)),
            400 | 404 | 409 | 503 => Ok(Err(problem(response).await?)),
            403 if is_scoped => Ok(Err(refusal(response).await?)),
            401 | 403 => Ok(Err(FailedExchange {
                reason: AdminApiError::Refused,
                detail: format!("status {status}"),
            })),
            _ => Err(wrong_status(status)),
        }
    };
    backend.in_time(exchange).await?
}

/// Reads an object, and puts it into the envelope.
pub(super) async fn object(response: Response) -> Result<String, Failure> {
    in_envelope(read_body(response, BODY_BYTES_MAX).await?)
}

/// The answer as it came, with `success` before its own fields. It is checked, and not built anew:
/// that would take many times its size in memory.
fn in_envelope(body: Vec<u8>) -> Result<String, Failure> {
    let not_json = |error: &dyn ToString| failure(UpstreamError::NotJson, error.to_string());
    let not_an_object = |why: &str| failure(UpstreamError::NotAnObject, why.to_owned());
    let body = String::from_utf8(body).map_err(|error| not_json(&error))?;
    let start = body.len() - body.trim_start_matches([' ', '\t', '\r', '\n']).len();
    if !body[start..].starts_with('{') {
        let any: Result<IgnoredAny, _> = serde_json::from_str(&body);
        return Err(match any {
            Ok(_) => not_an_object("something else"),
            Err(error) => not_json(&error),
        });
    }
    let fields: BTreeMap<String, IgnoredAny> =
        serde_json::from_str(&body).map_err(|error| not_json(&error))?;
    if fields.contains_key("success") {
        return Err(not_an_object("it says `success` itself"));
    }
    Ok(with_success(body, !fields.is_empty()))
}

/// The text of an object, none of whose fields is called `success`, with `success` before them.
pub(super) fn with_success(mut object: String, has_fields: bool) -> String {
    let comma = if has_fields { "," } else { "" };
    let brace = object.find('{').unwrap_or_default();
    object.replace_range(..=brace, &format!("{SUCCESS}{comma}"));
    object
}

/// The picture as it came.
async fn picture(response: Response) -> Result<String, Failure> {
    let is_svg = |kind: &HeaderValue| kind.as_bytes() == SVG.as_bytes();
    if !response.headers().get(header::CONTENT_TYPE.as_str()).is_some_and(is_svg) {
        return Err(failure(UpstreamError::NotAPicture, "another content type".to_owned()));
    }
    let body = read_body(response, BODY_BYTES_MAX).await?;
    String::from_utf8(body).map_err(|error| failure(UpstreamError::NotAPicture, error.to_string()))
}

/// What the backend says is wrong with the request.
async fn problem(response: Response) -> Result<FailedExchange, Failure> {
    let status = response.status().as_u16();
    let body = read_body(response, PROBLEM_BYTES_MAX).await?;
    match (StatusCode::from_u16(status), serde_json::from_slice(&body)) {
        (Ok(status), Ok(problem)) => Ok(FailedExchange {
            reason: AdminApiError::Problem(status, problem),
            detail: String::new(),
        }),
        // Not the backend's own words: something between us and it has answered.
        _ => Err(wrong_status(status)),
    }
}

/// Why the backend refuses a scope.
async fn refusal(response: Response) -> Result<FailedExchange, Failure> {
    let body = read_body(response, PROBLEM_BYTES_MAX).await?;
    let reason = match serde_json::from_slice(&body) {
        _ if has_ended(&body) => AdminApiError::AccessEnded,
        Ok(problem) => AdminApiError::Problem(StatusCode::FORBIDDEN, problem),
        Err(_) => AdminApiError::Refused,
    };
    Ok(FailedExchange { reason, detail: "status 403".to_owned() })
}

impl From<Failure> for FailedExchange {
    fn from(Failure { upstream_error, detail }: Failure) -> Self {
        Self { reason: AdminApiError::UpstreamError(upstream_error), detail }
    }
}

impl From<ParameterError> for AdminApiError {
    fn from(mistake: ParameterError) -> Self {
        Self::Problem(StatusCode::BAD_REQUEST, problem_of(mistake))
    }
}

impl ResponseError for AdminApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NoBackendToken | Self::Refused => StatusCode::BAD_GATEWAY,
            Self::Busy | Self::NoPlace(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::AccessEnded => StatusCode::FORBIDDEN,
            Self::Problem(status, _) => *status,
            Self::UpstreamError(upstream_error) => upstream_error.status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        match self {
            Self::Problem(_, problem) => answer.json(Envelope::from(problem.clone())),
            Self::Busy | Self::NoPlace(_) => answer
                .insert_header((header::RETRY_AFTER, "1"))
                .json(Envelope::failure(self.to_string())),
            Self::NoBackendToken | Self::Refused | Self::AccessEnded | Self::UpstreamError(_) => {
                answer.json(Envelope::failure(self.to_string()))
            }
        }
    }
}

#[cfg(test)]
mod tests;
