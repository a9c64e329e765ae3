//! The details: what the backend tells an admin, in the envelope.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use live_users_http_kit::{ParameterError, SVG, Sparing, read_body};
use live_users_wire::{Envelope, Problem};
use reqwest::header::HeaderValue;
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::de::IgnoredAny;
use tokio::sync::Semaphore;

use super::link::{Failure, Link, failure, wrong_status};
use crate::error::Trouble;

/// The biggest answer that is passed on, in bytes.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The biggest answer that is read as a problem, in bytes.
const PROBLEM_BYTES_MAX: usize = 64 * 1024;

/// Requests under way at the same time; with their bodies they bound the memory that they take.
const REQUESTS_MAX: usize = 32;

/// What every answer begins with that is passed on.
const SUCCESS: &str = "{\"success\":true";

/// Asks the backend for details.
pub(crate) struct Details {
    link: Link,
    count_url: Url,
    authorization: Option<HeaderValue>,
    places: Arc<Semaphore>,
    lines: Arc<Sparing>,
}

/// Why there are none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoDetails {
    /// The proxy has nothing to show the backend.
    #[error("BACKEND_TOKEN is not set in the proxy: expected the backend's API_TOKEN")]
    NoBackendToken,
    /// The backend does not want what the proxy shows.
    #[error("the backend refuses the proxy's BACKEND_TOKEN: expected the backend's API_TOKEN")]
    Refused,
    /// Too many ask at the same time.
    #[error("{REQUESTS_MAX} of these requests are under way: expected fewer, ask again later")]
    Busy,
    /// The request itself is wrong, in the backend's words where the backend has seen it.
    #[error("{}", .1.error)]
    Problem(StatusCode, Problem),
    /// The backend gave no answer that could be passed on.
    #[error(transparent)]
    Trouble(Trouble),
}

/// What an answer has to be.
#[derive(Clone, Copy)]
enum Kind {
    /// A JSON object, which comes out in the envelope.
    Object,
    /// SVG, which comes out as it is.
    Picture,
}

/// A failed exchange, with what only the log is told.
struct Told {
    reason: NoDetails,
    detail: String,
}

impl Details {
    /// Prepares to ask; nothing is sent yet.
    ///
    /// # Errors
    /// When `BACKEND_URL` can have no path behind it.
    pub(crate) fn new(link: Link, authorization: Option<HeaderValue>) -> std::io::Result<Self> {
        Ok(Self {
            count_url: link.count_url()?,
            link,
            authorization,
            places: Arc::new(Semaphore::new(REQUESTS_MAX)),
            lines: Arc::default(),
        })
    }

    /// Asks what is at these segments below the count. None may be `.` or `..`, which a URL cannot
    /// hold as names; everything else reaches the backend as one segment, whatever is in it.
    ///
    /// The answer is a JSON object, in the envelope.
    pub(crate) async fn ask(
        &self,
        method: Method,
        segments: &[&str],
        query: &[(String, String)],
    ) -> Result<String, NoDetails> {
        self.exchange(method, (segments, query), Kind::Object).await
    }

    /// The same for a picture, as SVG.
    pub(crate) async fn ask_picture(
        &self,
        segments: &[&str],
        query: &[(String, String)],
    ) -> Result<String, NoDetails> {
        self.exchange(Method::GET, (segments, query), Kind::Picture).await
    }

    async fn exchange(
        &self,
        method: Method,
        (segments, query): (&[&str], &[(String, String)]),
        kind: Kind,
    ) -> Result<String, NoDetails> {
        let authorization = self.authorization.clone().ok_or(NoDetails::NoBackendToken)?;
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| NoDetails::Busy)?;
        let request = self
            .link
            .request(method, below(&self.count_url, segments, query))
            .header(header::AUTHORIZATION.as_str(), authorization);
        let (link, lines) = (self.link.clone(), Arc::clone(&self.lines));
        // In a task of its own: an order is carried out also when whoever gave it goes away.
        let exchange = self.link.runtime.spawn(async move {
            let answer = exchange(&link, request, kind).await;
            drop(place);
            answer.map_err(|told| told.note(&lines))
        });
        exchange.await.unwrap_or(Err(NoDetails::Trouble(Trouble::Interrupted)))
    }
}

impl Told {
    /// Tells the log what it is to know.
    fn note(self, lines: &Sparing) -> NoDetails {
        let Self { reason, detail } = self;
        match reason {
            NoDetails::Refused | NoDetails::Trouble(_) => {
                if let Some(held_back) = lines.line_at(Instant::now()) {
                    log::warn!(
                        "no details for an admin: {reason}: {detail} ({held_back} such lines \
                         before this one were held back)"
                    );
                }
            }
            NoDetails::NoBackendToken | NoDetails::Busy | NoDetails::Problem(..) => {}
        }
        reason
    }
}

fn below(count_url: &Url, segments: &[&str], query: &[(String, String)]) -> Url {
    let mut url = count_url.clone();
    url.path_segments_mut().expect("http:// and https:// have paths").extend(segments);
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    url
}

async fn exchange(link: &Link, request: RequestBuilder, kind: Kind) -> Result<String, Told> {
    let exchange = async {
        let response = request.send().await?;
        let status = response.status().as_u16();
        match status {
            200 => Ok(Ok(match kind {
                Kind::Object => in_envelope(read_body(response, BODY_BYTES_MAX).await?)?,
                Kind::Picture => picture(response).await?,
            })),
            400 | 404 | 409 | 503 => Ok(Err(problem(response).await?)),
            401 | 403 => {
                Ok(Err(Told { reason: NoDetails::Refused, detail: format!("status {status}") }))
            }
            _ => Err(wrong_status(status)),
        }
    };
    link.in_time(exchange).await?
}

/// The answer as it came, with `success` before its own fields. It is checked, and not built anew:
/// that would take many times its size in memory.
fn in_envelope(body: Vec<u8>) -> Result<String, Failure> {
    let not_json = |error: &dyn ToString| failure(Trouble::NotJson, error.to_string());
    let not_an_object = |why: &str| failure(Trouble::NotAnObject, why.to_owned());
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
        return Err(failure(Trouble::NotAPicture, "another content type".to_owned()));
    }
    let body = read_body(response, BODY_BYTES_MAX).await?;
    String::from_utf8(body).map_err(|error| failure(Trouble::NotAPicture, error.to_string()))
}

/// What the backend says is wrong with the request.
async fn problem(response: Response) -> Result<Told, Failure> {
    let status = response.status().as_u16();
    let body = read_body(response, PROBLEM_BYTES_MAX).await?;
    match (StatusCode::from_u16(status), serde_json::from_slice(&body)) {
        (Ok(status), Ok(problem)) => {
            Ok(Told { reason: NoDetails::Problem(status, problem), detail: String::new() })
        }
        // Not the backend's own words: something between us and it has answered.
        _ => Err(wrong_status(status)),
    }
}

impl From<Failure> for Told {
    fn from(Failure { trouble, detail }: Failure) -> Self {
        Self { reason: NoDetails::Trouble(trouble), detail }
    }
}

impl From<ParameterError> for NoDetails {
    fn from(mistake: ParameterError) -> Self {
        let error = mistake.to_string();
        let ParameterError { name, expected } = mistake;
        let problem = Problem { error, field: Some(name), expected: Some(expected) };
        Self::Problem(StatusCode::BAD_REQUEST, problem)
    }
}

impl ResponseError for NoDetails {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NoBackendToken | Self::Refused => StatusCode::BAD_GATEWAY,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Problem(status, _) => *status,
            Self::Trouble(trouble) => trouble.status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        match self {
            Self::Problem(_, problem) => answer.json(Envelope::from(problem.clone())),
            Self::Busy => answer
                .insert_header((header::RETRY_AFTER, "1"))
                .json(Envelope::failure(self.to_string())),
            Self::NoBackendToken | Self::Refused | Self::Trouble(_) => {
                answer.json(Envelope::failure(self.to_string()))
            }
        }
    }
}

#[cfg(test)]
mod tests;
