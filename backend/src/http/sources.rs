//! `POST /sources/ID`: webhooks of carriers and platforms, each verified and read as its kind does.
//! `POST /api/events`: events in our own words.
//!
//! Nobody on the line hears these answers. What could not be recorded is answered with 503, which
//! brings most of them again.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use live_users_core::{EndReason, Evidence, Said, Source};
use live_users_http_kit::{LogThrottle, vouch_for};
use live_users_intake::sources::SourceSettings;
use live_users_intake::{name, of_source_event};
use live_users_sources::{CallEvent, Reading, Rejection, Request, What};
use log::{info, warn};

use super::auth::BearerAuth;
use super::error::ApiError;
use super::signature::read_body;
use super::webhooks::{Webhooks, record_all};
use crate::parts::counters::Outcome;
use crate::parts::notices::word;
use crate::parts::sources::{SourceEntry, SourceOutcome, SourceRegistry};

/// The longest body that is read, in bytes. Platforms send whole transcripts.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The kind of the sources that `/api/events` is for.
const EVENTS: &str = "events";

/// What tells of the source that shows `API_TOKEN`.
const OWN_SOURCE: &str = "api";

/// What both handlers share.
pub(crate) struct SourceWebhooks {
    pub(crate) registry: Arc<SourceRegistry>,
    pub(crate) webhooks: Arc<Webhooks>,
    /// Anybody may send to unknown sources, and unsigned webhooks to known ones.
    pub(crate) refusals: LogThrottle,
}

/// `POST /sources/ID`.
pub(crate) async fn receive(
    shared: Data<SourceWebhooks>,
    id: Path<String>,
    request: HttpRequest,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    let Some(source) = shared.registry.get(&id) else {
        shared.refuse(|| {
            format!(
                "404 for a webhook of an unknown source {}: expected the id of a [[source]] in the \
                 agents file",
                word(&id)
            )
        });
        return Err(ApiError::NoSource);
    };
    let body = read_body(body, BODY_BYTES_MAX).await?;
    let url = shared.webhooks.signature.url_of(&request);
    let verified = with_request(&request, &url, &body, |it| source.secrets.verify(it, now_ms()));
    if let Err(why) = verified {
        return Err(shared.unsigned(&source, why));
    }
    vouch_for(&request);
    let reading = with_request(&request, &url, &body, |it| (source.kind.read)(it));
    let reading = reading.map_err(|why| shared.unreadable(&source, why))?;
    shared.record(&source, reading).await
}

/// `POST /api/events`: whoever has the secret of a source of the kind `events`, or `API_TOKEN`.
pub(crate) async fn events(
    shared: Data<SourceWebhooks>,
    auth: Data<BearerAuth>,
    request: HttpRequest,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    let body = read_body(body, BODY_BYTES_MAX).await?;
    let url = shared.webhooks.signature.url_of(&request);
    let known = shared.registry.now();
    let ours = known.values().filter(|source| source.kind.name == EVENTS);
    let verifies = |source: &&Arc<SourceEntry>| {
        with_request(&request, &url, &body, |it| source.secrets.verify(it, now_ms())).is_ok()
    };
    let source = match ours.clone().find(verifies) {
        Some(source) => {
            vouch_for(&request);
            source.clone()
        }
        None => {
            auth.check(&request).map_err(ApiError::Auth)?;
            shared.own_source()
        }
    };
    let reading = with_request(&request, &url, &body, |it| (source.kind.read)(it));
    let reading = reading.map_err(|why| shared.unreadable(&source, why))?;
    shared.record(&source, reading).await
}
