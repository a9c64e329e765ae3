//! What each request goes through: its body is timed, its connection changes its phase, and a
//! client with too many is told so.

use std::cell::Cell;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use actix_http::ConnectionType;
use actix_service::{Service, Transform, forward_ready};
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
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

/// What lets requests through. It is written out instead of as an asynchronous function, which would
/// take several pieces of memory for each request.
#[derive(Clone, Copy)]
pub(crate) struct Limit(pub(crate) LimitAnswers);

/// [`Limit`] before a service.
pub(crate) struct Limited<S> {
    service: S,
    answers: LimitAnswers,
}

/// A request on its way through.
pub(crate) enum Passing<F> {
    /// The server answers it.
    On { serving: F, under_way: Option<UnderWay>, answers: LimitAnswers },
    /// It was refused.
    Refused(Option<ServiceResponse<TrackedBody>>),
}

impl<S> Transform<S, ServiceRequest> for Limit
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
    S::Future: Unpin,
{
    type Response = ServiceResponse<TrackedBody>;
    type Error = Error;
    type Transform = Limited<S>;
    type InitError = ();
    type Future = Ready<Result<Limited<S>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(Limited { service, answers: self.0 }))
    }
}

impl<S> Service<ServiceRequest> for Limited<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
    S::Future: Unpin,
{
    type Response = ServiceResponse<TrackedBody>;
    type Error = Error;
    type Future = Passing<S::Future>;

    forward_ready!(service);

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let answers = self.answers;
        // Tests of an application alone have none.
        let Some(connection) = request.conn_data::<Connection>().cloned() else {
            return Passing::On { serving: self.service.call(request), under_way: None, answers };
        };
        let progress = time_body(&mut request, &connection);
        let forwarded = forwarded(&connection, answers, &request);
        // From here on, whatever happens to the request, it ends.
        let under_way = UnderWay { connection, progress };
        let connection = &under_way.connection;
        let has_body = under_way.progress() == Progress::Open;
        if connection.begin(Instant::now(), has_body, forwarded).is_err() {
            let error = LimitError::TooManyRequests(connection.limits().per_address);
            let answer = (answers.answer)(request.request(), error);
            let answer = request.into_response(answer);
            return Passing::Refused(Some(tracked(answer, Some(under_way))));
        }
        let serving = self.service.call(request);
        Passing::On { serving, under_way: Some(under_way), answers }
    }
}

impl<F> Future for Passing<F>
where
    F: Future<Output = Result<ServiceResponse<BoxBody>, Error>> + Unpin,
{
    type Output = Result<ServiceResponse<TrackedBody>, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::On { serving, under_way, answers } => {
                let answer = ready!(Pin::new(serving).poll(context))?;
                let under_way = under_way.take();
                let answer = match &under_way {
                    Some(under_way) => permitted(answer, under_way, *answers),
                    None => answer,
                };
                Poll::Ready(Ok(tracked(answer, under_way)))
            }
            Self::Refused(answer) => {
                Poll::Ready(Ok(answer.take().expect("not polled after it was ready")))
            }
        }
    }
}

/// The answer, or another one if the body came too slowly or there are too many streams.
fn permitted(
    mut answer: ServiceResponse<BoxBody>,
    under_way: &UnderWay,
    answers: LimitAnswers,
) -> ServiceResponse<BoxBody> {
    let (connection, limits) = (&under_way.connection, under_way.connection.limits());
    let refuse = |answer: ServiceResponse<BoxBody>, error| {
        let (request, _) = answer.into_parts();
        let refusal = (answers.answer)(&request, error);
        ServiceResponse::new(request, refusal)
    };
    if let Progress::Cut(cut) = under_way.progress() {
        connection.note_cut(cut);
        let error = LimitError::SlowBody {
            ms_max: limits.body.as_millis(),
            bytes_per_s: limits.body_bytes_per_s,
        };
        answer = refuse(answer, error);
        answer.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    } else if is_stream(&answer) && connection.stream(Instant::now()).is_err() {
        answer = refuse(answer, LimitError::TooManyStreams(limits.streams_per_address()));
    }
    answer
}

/// Times the body, if there is one. `None` without one.
fn time_body(request: &mut ServiceRequest, connection: &Connection) -> Option<Rc<Cell<Progress>>> {
    let headers = request.headers();
    let length = headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0");
    let has_body = length || headers.contains_key(TRANSFER_ENCODING);
    has_body.then(|| {
        let progress = Rc::new(Cell::new(Progress::Open));
        let (body, whole) = (request.take_payload(), connection.clone());
        let on_whole = move || whole.answer(Instant::now());
        let timed = TimedBody::new(body, connection.limits(), progress.clone(), on_whole);
        request.set_payload(Payload::Stream { payload: Box::pin(timed) });
        progress
    })
}

/// The client behind a trusted proxy, if its requests are limited.
fn forwarded(
    connection: &Connection,
    answers: LimitAnswers,
    request: &ServiceRequest,
) -> Option<ClientKey> {
    let (trusted, peer) = (connection.trusted(), request.head().peer_addr?.ip());
    let is_limited = trusted.believes(peer) && !(answers.is_exempt)(request.path());
    let client = is_limited.then(|| trusted.client(request.head()))?;
    // Requests of the proxy itself, such as its health checks, are nobody's.
    (client != peer.to_canonical()).then(|| client.into())
}

fn is_stream(answer: &ServiceResponse<BoxBody>) -> bool {
    let content_type = answer.headers().get(CONTENT_TYPE);
    answer.status() == StatusCode::SWITCHING_PROTOCOLS
        || content_type.is_some_and(|it| it.as_bytes().starts_with(b"text/event-stream"))
}

fn tracked(
    answer: ServiceResponse<BoxBody>,
    under_way: Option<UnderWay>,
) -> ServiceResponse<TrackedBody> {
    answer.map_body(|_, body| TrackedBody { body, _under_way: under_way })
}

/// A request that is under way.
pub(crate) struct UnderWay {
    connection: Connection,
    /// `None` without a body.
    progress: Option<Rc<Cell<Progress>>>,
}

impl UnderWay {
    fn progress(&self) -> Progress {
        self.progress.as_ref().map_or(Progress::Whole, |progress| progress.get())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.connection.end(Instant::now(), self.progress() != Progress::Whole);
    }
}

/// The body of an answer. Its request is under way until it is dropped.
pub(crate) struct TrackedBody {
    body: BoxBody,
    _under_way: Option<UnderWay>,
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
