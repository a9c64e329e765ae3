//! The total and the summary, told at once to whoever listens: by server-sent events and by
//! WebSocket.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use live_users_broadcast::{
    Cell, Places, Refusal, events, events_while, websocket, websocket_while,
};
use live_users_http_kit::{AllowedOrigins, is_own};
use live_users_wire::Envelope;

use crate::admin::{Admin, Door};

/// What is told, and to how many at most.
pub(crate) struct Streams {
    /// The total, for everybody.
    pub(crate) total: Cell,
    /// The summary, for admins.
    pub(crate) summary: Cell,
    places: Places,
    origins: AllowedOrigins,
}

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoStream {
    /// The transport itself says no.
    #[error(transparent)]
    Refused(Refusal),
    /// Browsers leave it to us whose pages may open a WebSocket.
    #[error("Origin: pages of this origin are not allowed here")]
    Origin,
}

impl Streams {
    /// Nothing is told yet.
    pub(crate) fn new(streams_max: usize, origins: AllowedOrigins) -> Self {
        let places = Places::new(streams_max);
        Self { total: Cell::default(), summary: Cell::default(), places, origins }
    }

    /// The places for streams of all kinds.
    pub(crate) fn places(&self) -> &Places {
        &self.places
    }

    /// Resolves when somebody listens.
    pub(crate) async fn wanted(&self) {
        tokio::select! {
            () = self.total.wanted() => {}
            () = self.summary.wanted() => {}
        }
    }

    /// Resolves when nobody listens, of one kind after the other.
    pub(crate) async fn unwanted(&self) {
        self.total.unwanted().await;
        self.summary.unwanted().await;
    }

    /// Takes back what is told: it is no longer known to be true.
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
    request: HttpRequest,
    streams: Data<Streams>,
) -> Result<HttpResponse, NoStream> {
    events(&request, &streams.total, &streams.places).map_err(NoStream::Refused)
}

/// The total by WebSocket.
pub(crate) async fn total_socket(
    request: HttpRequest,
    heard: Payload,
    streams: Data<Streams>,
) -> Result<HttpResponse, NoStream> {
    match streams.origins.admit(&request) {
        true => websocket(&request, heard, &streams.total, &streams.places),
        false => return Err(NoStream::Origin),
    }
    .map_err(NoStream::Refused)
}

/// The summary by server-sent events.
pub(crate) async fn summary_events(
    admin: Admin,
    request: HttpRequest,
    door: Data<Door>,
    streams: Data<Streams>,
) -> Result<HttpResponse, NoStream> {
    let welcome = Door::welcome(&door, &admin);
    events_while(&request, &streams.summary, &streams.places, welcome).map_err(NoStream::Refused)
}

/// The summary by WebSocket: for our own page, whatever `ALLOWED_ORIGINS` says.
pub(crate) async fn summary_socket(
    admin: Admin,
    request: HttpRequest,
    heard: Payload,
    door: Data<Door>,
    streams: Data<Streams>,
) -> Result<HttpResponse, NoStream> {
    match is_own(&request) {
        true => {
            let welcome = Door::welcome(&door, &admin);
            websocket_while(&request, heard, &streams.summary, &streams.places, welcome)
        }
        false => return Err(NoStream::Origin),
    }
    .map_err(NoStream::Refused)
}

impl ResponseError for NoStream {
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
