//! What each request goes through: its body is timed, its connection changes its phase, and a
//! client with too many is told so.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_http::ConnectionType;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage as _, HttpRequest, HttpResponse};

use super::Connection;
use super::body::{Progress, TimedBody};
use crate::trusted_proxies::ClientKey;

/// Why a request is refused whatever it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// Its body came too slowly.
    #[error(
        "body: too slow; expected the whole of it within {ms_max} ms, and {bytes_per_s} bytes per second"
    )]
    SlowBody {
        /// For the whole body, in milliseconds.
        ms_max: u128,
        /// The least pace.
        bytes_per_s: u64,
    },
    /// Its address has too many requests under way.
    #[error("{0} requests from this address are under way: expected fewer, come back later")]
    TooManyRequests(usize),
    /// Its address has too many streams open.
    #[error("{0} streams from this address are open: expected fewer, come back later")]
    TooManyStreams(usize),
}

impl LimitError {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::SlowBody { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::TooManyRequests(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::TooManyStreams(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// When to come back, in seconds, for `Retry-After`.
    pub fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::SlowBody { .. } => None,
            Self::TooManyRequests(_) => Some(1),
            Self::TooManyStreams(_) => Some(10),
        }
    }
}

/// How a server answers requests that are refused by a limit.
#[derive(Clone, Copy)]
pub struct LimitAnswers {
    /// The answer.
    pub answer: fn(&HttpRequest, LimitError) -> HttpResponse,
    /// Whether a request to this path is taken however many its address has under way: one that
    /// proves by its body who sends it.
    pub is_exempt: fn(&str) -> bool,
}

/// Lets one request through.
pub(crate) async fn limit(
    answers: LimitAnswers,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    // Tests of an application alone have none.
    let Some(connection) = request.conn_data::<Connection>().cloned() else {
        return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
    };
    let limits = *connection.all.limits();
    let progress = time_body(&mut request, &connection);
    let forwarded = forwarded(&connection, answers, &request);
    // From here on, whatever happens to the request, it ends.
    let under_way = UnderWay { connection: connection.clone(), progress: progress.clone() };
    if connection.begin(progress.get() == Progress::Open, forwarded).is_err() {
        let error = LimitError::TooManyRequests(limits.per_address);
        let answer = (answers.answer)(request.request(), error);
        return Ok(tracked(request.into_response(answer), under_way));
    }
    let mut answer = next.call(request).await?.map_into_boxed_body();
    let refuse = |answer: ServiceResponse<BoxBody>, error| {
        let (request, _) = answer.into_parts();
        let refusal = (answers.answer)(&request, error);
        ServiceResponse::new(request, refusal)
    };
    if let Progress::Cut(cut) = progress.get() {
        connection.all.0.cut[cut as usize].add();
        let error = LimitError::SlowBody {
            ms_max: limits.body.as_millis(),
            bytes_per_s: limits.body_bytes_per_s,
        };
        answer = refuse(answer, error);
        answer.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    } else if is_stream(&answer) && connection.stream().is_err() {
        answer = refuse(answer, LimitError::TooManyStreams(limits.streams_per_address()));
    }
    Ok(tracked(answer, under_way))
}

/// Times the body, if there is one.
fn time_body(request: &mut ServiceRequest, connection: &Connection) -> Rc<Cell<Progress>> {
    let headers = request.headers();
    let length = headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0");
    let has_body = length || headers.contains_key(TRANSFER_ENCODING);
    let progress = if has_body { Progress::Open } else { Progress::Whole };
    let progress = Rc::new(Cell::new(progress));
    if has_body {
        let (body, whole) = (request.take_payload(), connection.clone());
        let limits = connection.all.limits();
        let timed = TimedBody::new(body, limits, progress.clone(), move || whole.answer());
        request.set_payload(Payload::Stream { payload: Box::pin(timed) });
    }
    progress
}

/// The client behind a trusted proxy, if its requests are limited.
fn forwarded(
    connection: &Connection,
    answers: LimitAnswers,
    request: &ServiceRequest,
) -> Option<ClientKey> {
    let peer = request.head().peer_addr?.ip();
    let is_limited =
        connection.all.0.trusted.believes(peer) && !(answers.is_exempt)(request.path());
    let client = is_limited.then(|| connection.all.0.trusted.client(request.head()))?;
    // Requests of the proxy itself, such as its health checks, are nobody's.
    (client != peer.to_canonical()).then(|| client.into())
}

fn is_stream(answer: &ServiceResponse<BoxBody>) -> bool {
    let content_type = answer.headers().get(CONTENT_TYPE);
    answer.status() == StatusCode::SWITCHING_PROTOCOLS
        || content_type.is_some_and(|it| it.as_bytes().starts_with(b"text/event-stream"))
}

fn tracked(answer: ServiceResponse<BoxBody>, under_way: UnderWay) -> ServiceResponse<BoxBody> {
    answer.map_body(|_, body| BoxBody::new(TrackedBody { body, _under_way: under_way }))
}

/// A request that is under way.
struct UnderWay {
    connection: Connection,
    progress: Rc<Cell<Progress>>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.connection.end(self.progress.get() != Progress::Whole);
    }
}

/// The body of an answer. Its request is under way until it is dropped.
struct TrackedBody {
    body: BoxBody,
    _under_way: UnderWay,
}

impl MessageBody for TrackedBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
