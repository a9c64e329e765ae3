//! `POST /sources/ID`: webhooks of carriers and platforms, each verified and read as its kind does.
//! `POST /api/events`: events in our own words.
//!
//! Nobody on the line hears these answers. What could not be recorded is answered with 503, which
//! brings most of them again.

use std::io;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use live_users_core::Evidence;
use live_users_http_kit::{LogThrottle, vouch_for};
use live_users_intake::{name, of_room_over, of_source_event};
use live_users_sources::{CallEvent, Reading, Rejection, Request, What};
use log::{info, warn};

use super::auth::BearerAuth;
use super::error::ApiError;
use super::signature::read_body;
use super::webhooks::{Webhooks, record_all};
use crate::parts::counters::Outcome;
use crate::parts::notices::word;
use crate::parts::sources::{EVENTS, SourceEntry, SourceOutcome, SourceRegistry};

/// The longest body that is read, in bytes. Platforms send whole transcripts.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// What both handlers share.
pub(crate) struct SourceWebhooks {
    registry: Arc<SourceRegistry>,
    webhooks: Arc<Webhooks>,
    /// Whoever shows `API_TOKEN` at `/api/events`.
    own: Arc<SourceEntry>,
    /// Anybody may send to unknown sources, and unsigned webhooks to known ones.
    refusals: LogThrottle,
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
    shared.record(&source, reading, &body).await
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
            auth.check_whole(&request).map_err(ApiError::Auth)?;
            shared.own.clone()
        }
    };
    let reading = with_request(&request, &url, &body, |it| (source.kind.read)(it));
    let reading = reading.map_err(|why| shared.unreadable(&source, why))?;
    shared.record(&source, reading, &body).await
}

/// A request as the kinds of sources look at it.
fn with_request<T>(
    request: &HttpRequest,
    url: &str,
    body: &[u8],
    look: impl FnOnce(&Request<'_>) -> T,
) -> T {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    look(&Request { method: request.method().as_str(), url, header: &header, body })
}

/// The wall clock, in milliseconds since 1970: signatures name their time.
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl SourceWebhooks {
    /// Those of the sources that the agents' file has at each moment.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub(crate) fn new(webhooks: Arc<Webhooks>) -> io::Result<Self> {
        let registry = webhooks.agents.sources().clone();
        let own = Arc::new(SourceEntry::own()?);
        Ok(Self { registry, webhooks, own, refusals: LogThrottle::default() })
    }

    /// Records what a source tells, in its order. Types that say nothing of a call are told once.
    async fn record(
        &self,
        source: &SourceEntry,
        reading: Reading,
        body: &[u8],
    ) -> Result<HttpResponse, ApiError> {
        let repeats = &self.webhooks.repeats;
        let Reading { events, ignored } = reading;
        // Whoever has lost our answer sends the same again. It may be out of date by now.
        let has_ids = events.iter().any(|event| event.id.is_some());
        let repeat = (!has_ids).then(|| repeats.id_of_event(&source.table.id, (b"", body)));
        if repeats.is_one(repeat) {
            source.seen.note(SourceOutcome::Repeated, now_ms());
            return Ok(HttpResponse::NoContent().finish());
        }
        for kind in ignored.iter().map(|kind| word(kind)).filter(|kind| source.seen.is_new(kind)) {
            info!("source {}: {kind} says nothing of who is on the line", source.table.id);
        }
        let mut outcome = SourceOutcome::Ignored;
        for event in events {
            let became = match self.record_one(source, &event).await {
                Ok(became) => became,
                Err(why) => {
                    source.seen.note(SourceOutcome::NotRecorded, now_ms());
                    return Err(why);
                }
            };
            if outcome != SourceOutcome::Accepted {
                outcome = became;
            }
        }
        repeats.remember(repeat);
        source.seen.note(outcome, now_ms());
        Ok(HttpResponse::NoContent().finish())
    }

    async fn record_one(
        &self,
        source: &SourceEntry,
        event: &CallEvent,
    ) -> Result<SourceOutcome, ApiError> {
        let webhooks = &self.webhooks;
        let repeat = event.id.as_ref().map(|id| {
            let about = (id.as_bytes(), event.call.as_bytes());
            webhooks.repeats.id_of_event(&source.table.id, about)
        });
        if webhooks.repeats.is_one(repeat) {
            return Ok(SourceOutcome::Repeated);
        }
        let evidence = self.evidence(source, event).await?;
        let recorders = (&webhooks.old_callbacks, &webhooks.queue);
        match record_all(recorders, event.at_ms, evidence).await {
            Ok((Outcome::Old, _)) => Ok(SourceOutcome::Old),
            Ok(_) => {
                webhooks.repeats.remember(repeat);
                Ok(SourceOutcome::Accepted)
            }
            Err((call, why)) => {
                warn!("503 for an event of {call} from source {}: {why}", source.table.id);
                Err(why.into())
            }
        }
    }

    /// What an event says: of one call, or of all that are in a room.
    async fn evidence(
        &self,
        source: &SourceEntry,
        event: &CallEvent,
    ) -> Result<Vec<Evidence>, ApiError> {
        let settings = &source.settings;
        if event.what == What::RoomOver {
            let Some(room) = name(settings, &event.call) else { return Ok(Vec::new()) };
            let calls = self.webhooks.queue.query(move |view| view.state.tracker().in_room(&room));
            let calls = calls.await?.into_iter();
            return Ok(calls.map(|call| of_room_over(settings, call)).collect());
        }
        let (agents, key) = (self.webhooks.agents.now(), &self.webhooks.caller_key);
        // What has no time happened now, and nothing happens later than now: a clock that is ahead
        // would make every later word one that was overtaken.
        let now_ms = now_ms();
        let at_ms = Some(event.at_ms.map_or(now_ms, |at_ms| at_ms.min(now_ms)));
        let event = CallEvent { at_ms, ..event.clone() };
        Ok(of_source_event(settings, &event, &agents, key).into_iter().collect())
    }

    fn unsigned(&self, source: &SourceEntry, why: Rejection) -> ApiError {
        source.seen.note(SourceOutcome::Unsigned, now_ms());
        self.refuse(|| {
            let (id, title) = (&source.table.id, source.kind.title);
            let (variable, secret_is) = (&source.table.secret_env, source.kind.secret_is);
            format!(
                "a webhook of source {id} is refused: {why}; if it came from {title}, then \
                 {variable} is not what it signs with: expected {secret_is}"
            )
        });
        ApiError::SourceRefused { is_missing: matches!(why, Rejection::Missing(_)) }
    }

    fn unreadable(&self, source: &SourceEntry, why: live_users_sources::Unreadable) -> ApiError {
        source.seen.note(SourceOutcome::Bad, now_ms());
        self.refuse(|| format!("400 for a webhook of source {}: {why}", source.table.id));
        ApiError::SourceUnreadable { field: why.field, expected: why.expected }
    }

    fn refuse(&self, line: impl FnOnce() -> String) {
        if let Some(held_back) = self.refusals.line_at(Instant::now()) {
            warn!("{} ({held_back} such lines before this one were held back)", line());
        }
    }
}
