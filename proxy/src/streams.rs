//! Publishes the total and the summary to all readers at once: by server-sent events and by
//! WebSocket.

use std::sync::Arc;

use actix_web::http::{StatusCode, header};
use actix_web::web::{Data, Payload};
use actix_web::{Error, HttpRequest, HttpResponse, ResponseError};
use live_users_broadcast::{ConnectionLimit, Refusal, events, websocket};
use live_users_http_kit::{AllowedOrigins, ParameterError, Query, StreamsMax, is_own};
use live_users_wire::Envelope;
use live_users_wire::parameters::CHANGES;

use crate::admin::Admin;
use crate::channels::Channels;
use crate::error::{UpstreamError, wrong_parameter};
use crate::scope::Scope;
use crate::total_reader::TotalReader;
use crate::upstream::{Asked, SCOPES_MAX, ScopedStreams, Upstream};

/// What is published, and to how many readers at most.
pub(crate) struct Streams {
    /// Of all calls.
    all: Arc<Channels>,
    /// Of what the tokens of accounts see.
    scoped: ScopedStreams,
    connections: ConnectionLimit,
    origins: AllowedOrigins,
}

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    /// The transport itself says no.
    #[error(transparent)]
    Refused(Refusal),
    /// Too many scopes have readers.
    #[error("{SCOPES_MAX} tokens have open streams: come back later, or poll")]
    ManyScopes,
    /// Browsers leave it to us whose pages may open a WebSocket.
    #[error("Origin: pages of this origin are not allowed here")]
    Origin,
    /// It is not known in which form the summary is asked for.
    #[error(transparent)]
    Parameter(ParameterError),
}

impl Streams {
    /// Nothing is published yet.
    pub(crate) fn new(
        all: Arc<Channels>,
        scoped: ScopedStreams,
        max: StreamsMax,
        origins: AllowedOrigins,
    ) -> Self {
        let connections = ConnectionLimit::new(max.public).reserving(max.reserved);
        Self { all, scoped, connections, origins }
    }

    /// The connections for streams of all kinds.
    pub(crate) fn connections(&self) -> &ConnectionLimit {
        &self.connections
    }

    /// How many scopes have a stream of their own.
    pub(crate) fn scopes(&self) -> usize {
        self.scoped.open()
    }

    /// What is published for who sees this much.
    fn of(&self, scope: Option<&Arc<Scope>>) -> Result<Arc<Channels>, StreamError> {
        self.of_asked(&Asked { agent: None, scope: scope.cloned() })
    }

    /// What is published of this total.
    fn of_asked(&self, asked: &Asked) -> Result<Arc<Channels>, StreamError> {
        match asked {
            Asked { agent: None, scope: None } => Ok(Arc::clone(&self.all)),
            asked => self.scoped.join(asked).ok_or(StreamError::ManyScopes),
        }
    }

    /// What is published of the total that is read. The backend is asked first whether an agent may be
    /// read: a stream that is open says so no more.
    async fn of_total(
        &self,
        reader: &TotalReader,
        upstream: &Arc<Upstream>,
    ) -> Result<Arc<Channels>, Error> {
        let asked = reader.asked();
        if asked.agent.is_some() {
            // Otherwise its stream tells the number, or why there is none.
            let answer = upstream.count(&asked).await;
            if let Err(error @ (UpstreamError::NoSuchAgent | UpstreamError::AccessEnded)) = answer {
                return Err(reader.refused(error));
            }
        }
        Ok(self.of_asked(&asked)?)
    }

    /// Ends all streams.
    pub(crate) fn close(&self) {
        self.all.close();
        self.scoped.close();
    }
}

/// The total by server-sent events.
pub(crate) async fn total_events(
    reader: TotalReader,
    request: HttpRequest,
    streams: Data<Streams>,
    upstream: Data<Arc<Upstream>>,
) -> Result<HttpResponse, Error> {
    let channels = streams.of_total(&reader, &upstream).await?;
    let reader = reader.of_stream(&channels);
    let opened = events(&request, &channels.total, &streams.connections, reader);
    Ok(opened.map_err(StreamError::Refused)?)
}

/// The total by WebSocket.
pub(crate) async fn total_socket(
    reader: TotalReader,
    request: HttpRequest,
    received: Payload,
    streams: Data<Streams>,
    upstream: Data<Arc<Upstream>>,
) -> Result<HttpResponse, Error> {
    if !streams.origins.admit(&request) {
        return Err(StreamError::Origin.into());
    }
    let channels = streams.of_total(&reader, &upstream).await?;
    let reader = reader.of_stream(&channels);
    let opened = websocket(&request, received, &channels.total, &streams.connections, reader);
    Ok(opened.map_err(StreamError::Refused)?)
}

/// The summary by server-sent events.
pub(crate) async fn summary_events(
    admin: Admin,
    request: HttpRequest,
    streams: Data<Streams>,
) -> Result<HttpResponse, Error> {
    let as_changes = as_changes(&request)?;
    let channels = streams.of(admin.scope())?;
    let reader = admin.reader(&channels);
    let opened = events(&request, channels.summary(as_changes), &streams.connections, reader);
    Ok(opened.map_err(StreamError::Refused)?)
}

/// The summary by WebSocket: for our own page, whatever `ALLOWED_ORIGINS` says.
pub(crate) async fn summary_socket(
    admin: Admin,
    request: HttpRequest,
    received: Payload,
    streams: Data<Streams>,
) -> Result<HttpResponse, Error> {
    if !is_own(&request) {
        return Err(StreamError::Origin.into());
    }
    let as_changes = as_changes(&request)?;
    let channels = streams.of(admin.scope())?;
    let reader = admin.reader(&channels);
    let frames = channels.summary(as_changes);
    let opened = websocket(&request, received, frames, &streams.connections, reader);
    Ok(opened.map_err(StreamError::Refused)?)
}

/// Whether a snapshot and changes are asked for, in place of summaries.
fn as_changes(request: &HttpRequest) -> Result<bool, StreamError> {
    let query = Query::new(request.query_string());
    let asked = query.parsed(CHANGES, "true or false", |text| text.parse().ok());
    asked.map(Option::unwrap_or_default).map_err(StreamError::Parameter)
}

impl ResponseError for StreamError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Refused(refusal) => refusal.status(),
            Self::ManyScopes => StatusCode::SERVICE_UNAVAILABLE,
            Self::Origin => StatusCode::FORBIDDEN,
            Self::Parameter(_) => StatusCode::BAD_REQUEST,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        match self {
            Self::Parameter(mistake) => return wrong_parameter(mistake.clone()),
            Self::Refused(refusal) => {
                for header in refusal.headers() {
                    answer.insert_header(header);
                }
            }
            Self::ManyScopes => {
                answer.insert_header((header::RETRY_AFTER, 10));
            }
            Self::Origin => {}
        }
        answer.json(Envelope::failure(self.to_string()))
    }
}
