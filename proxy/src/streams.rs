//! Publishes the total and the summary to all readers at once: by server-sent events and by
//! WebSocket.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use live_users_broadcast::{ConnectionLimit, Latest, Refusal, events, websocket};
use live_users_http_kit::{AllowedOrigins, StreamsMax, is_own};
use live_users_wire::Envelope;

use crate::admin::{Admin, Authenticator};
use crate::total_reader::TotalReader;

/// What is published, and to how many readers at most.
pub(crate) struct Streams {
    /// The total, for everybody.
    pub(crate) total: Latest,
    /// The summary, for admins.
    pub(crate) summary: Latest,
    connections: ConnectionLimit,
    origins: AllowedOrigins,
}

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    /// The transport itself says no.
    #[error(transparent)]
    Refused(Refusal),
    /// Browsers leave it to us whose pages may open a WebSocket.
    #[error("Origin: pages of this origin are not allowed here")]
    Origin,
}

impl Streams {
    /// Nothing is published yet.
    pub(crate) fn new(max: StreamsMax, origins: AllowedOrigins) -> Self {
        let connections = ConnectionLimit::new(max.public).reserving(max.reserved);
        Self { total: Latest::default(), summary: Latest::default(), connections, origins }
    }

    /// The connections for streams of all kinds.
    pub(crate) fn connections(&self) -> &ConnectionLimit {
        &self.connections
    }

    /// Resolves when somebody reads.
    pub(crate) async fn has_readers(&self) {
        tokio::select! {
            () = self.total.has_readers() => {}
            () = self.summary.has_readers() => {}
        }
    }

    /// Resolves when nobody reads, of one kind after the other.
    pub(crate) async fn has_no_readers(&self) {
        self.total.has_no_readers().await;
        self.summary.has_no_readers().await;
    }

    /// Takes back what is published: it is no longer known to be true.
    pub(crate) fn clear(&self) {
        self.total.clear();
        self.summary.clear();
    }

    /// Ends all streams.
    pub(crate) fn close(&self) {
        self.total.close();
        self.summary.close();
    }
}

/// The total by server-sent events.
pub(crate) async fn total_events(
    reader: TotalReader,
    request: HttpRequest,
    authenticator: Data<Authenticator>,
    streams: Data<Streams>,
) -> Result<HttpResponse, StreamError> {
    let reader = reader.of_stream(&authenticator);
    events(&request, &streams.total, &streams.connections, reader).map_err(StreamError::Refused)
}

/// The total by WebSocket.
pub(crate) async fn total_socket(
    reader: TotalReader,
    request: HttpRequest,
    received: Payload,
    authenticator: Data<Authenticator>,
    streams: Data<Streams>,
) -> Result<HttpResponse, StreamError> {
    match streams.origins.admit(&request) {
        true => {
            let reader = reader.of_stream(&authenticator);
            websocket(&request, received, &streams.total, &streams.connections, reader)
        }
        false => return Err(StreamError::Origin),
    }
    .map_err(StreamError::Refused)
}

/// The summary by server-sent events.
pub(crate) async fn summary_events(
    admin: Admin,
    request: HttpRequest,
    authenticator: Data<Authenticator>,
    streams: Data<Streams>,
) -> Result<HttpResponse, StreamError> {
    let reader = Authenticator::reader(&authenticator, &admin);
    events(&request, &streams.summary, &streams.connections, reader).map_err(StreamError::Refused)
}

/// The summary by WebSocket: for our own page, whatever `ALLOWED_ORIGINS` says.
pub(crate) async fn summary_socket(
    admin: Admin,
    request: HttpRequest,
    received: Payload,
    authenticator: Data<Authenticator>,
    streams: Data<Streams>,
) -> Result<HttpResponse, StreamError> {
    match is_own(&request) {
        true => {
            let reader = Authenticator::reader(&authenticator, &admin);
            websocket(&request, received, &streams.summary, &streams.connections, reader)
        }
        false => return Err(StreamError::Origin),
    }
    .map_err(StreamError::Refused)
}

impl ResponseError for StreamError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Refused(refusal) => refusal.status(),
            Self::Origin => StatusCode::FORBIDDEN,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        if let Self::Refused(refusal) = self {
            for header in refusal.headers() {
                answer.insert_header(header);
            }
        }
        answer.json(Envelope::failure(self.to_string()))
    }
}
