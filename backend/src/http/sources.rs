//! `POST /sources/ID`: webhooks of carriers and platforms, each verified and read as its kind does.
//! `POST /api/events`: events in our own words.
//!
//! Nobody on the line hears these answers. What could not be recorded is answered with 503, which
//! brings most of them again.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use actix_web::http::Method;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use live_users_core::{Evidence, Millis};
use live_users_http_kit::{LogThrottle, vouch_for};
use live_users_intake::{AskedOfCalls, Relatives, of_source_event_among};
use live_users_sources::{CallEvent, EVENT_FIELDS, Reading, Rejection, Request, UnknownFields};
use log::{info, warn};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::auth::BearerAuth;
use super::error::ApiError;
use super::signature::read_body;
use super::webhooks::{Webhooks, record_all};
use crate::parts::clock::wall_unix_ms;
use crate::parts::counters::Outcome;
use crate::parts::not_recorded::NotRecorded;
use crate::parts::notices::word;
use crate::parts::sources::{EVENTS, SourceEntry, SourceOutcome, SourceRegistry};
use crate::parts::telemetry;

/// The header of Standard Webhooks that a signature stands in.
const SIGNATURE: &str = "webhook-signature";

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

/// What the path of a webhook names, beside slashes too many.
#[derive(Deserialize)]
pub(crate) struct SourcePath {
    id: String,
}

/// `POST /sources/ID`.
pub(crate) async fn receive(
    shared: Data<SourceWebhooks>,
    path: Path<SourcePath>,
    request: HttpRequest,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    let id = &path.id;
    let Some(source) = shared.registry.get(id) else {
        shared.refuse(|| {
            format!(
                "404 for a webhook of an unknown source {}: expected the id of a [[source]] in the \
                 agents file",
                word(id)
            )
        });
        return Err(ApiError::NoSource);
    };
    telemetry::note("live_users.source", &source.table.id);
    if request.method() == Method::GET && !source.kind.by_get {
        shared.refuse(|| {
            let (id, title) = (&source.table.id, source.kind.title);
            format!("405 for a webhook of source {id} by GET: set its method to POST at {title}")
        });
        return Err(ApiError::WrongMethod { allow: "POST" });
    }
    let body = read_body(body, BODY_BYTES_MAX).await?;
    let url = shared.webhooks.signature.url_of(&request);
    let verified = telemetry::within("verify signature", || {
        with_request(&request, &url, &body, |it| shared.verify(&source, it))
    });
    if let Err(why) = verified {
        return Err(shared.unsigned(&source, why));
    }
    vouch_for(&request);
    shared.record(&source, (&request, &url, &body)).await
}

/// `HEAD /sources/ID`: whether the path leads here, for `live-users doctor`. It tells no more than a
/// webhook without a signature would be told, and is no webhook that was refused.
pub(crate) async fn look(
    shared: Data<SourceWebhooks>,
    path: Path<SourcePath>,
) -> Result<HttpResponse, ApiError> {
    match shared.registry.get(&path.id) {
        Some(_) => Err(ApiError::WrongMethod { allow: "GET, POST" }),
        None => Err(ApiError::NoSource),
    }
}

/// `POST /api/events`: whoever has the secret of a source of the kind `events`, or `API_TOKEN`.
pub(crate) async fn events(
    shared: Data<SourceWebhooks>,
    auth: Data<BearerAuth>,
    request: HttpRequest,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    let says_who = [AUTHORIZATION.as_str(), SIGNATURE];
    if !says_who.iter().any(|name| request.headers().contains_key(*name)) {
        // Nobody reads a long body of whoever does not say who it is.
        auth.check(&request).map_err(ApiError::Auth)?;
    }
    let body = read_body(body, BODY_BYTES_MAX).await?;
    let url = shared.webhooks.signature.url_of(&request);
    let known = shared.registry.now();
    let (mut found, mut why) = (None, None);
    for source in known.values().filter(|source| source.kind.name == EVENTS) {
        match with_request(&request, &url, &body, |it| shared.verify(source, it)) {
            Ok(()) => {
                vouch_for(&request);
                found = Some(source.clone());
                break;
            }
            // A header that is missing only says that it is signed in another way.
            Err(Rejection::Missing(_)) => {}
            Err(rejection) => why = Some((source.clone(), rejection)),
        }
    }
    let source = match found {
        Some(source) => source,
        // Only what opens no source is looked at as a token of ours: a wrong one counts as a guess.
        None => match auth.check_whole(&request) {
            Ok(_) => shared.own.clone(),
            Err(refusal) => {
                // The remedy is told of the source that it may be of.
                let refused = why.map(|(source, why)| shared.unsigned(&source, why));
                let is_signed = request.headers().contains_key(SIGNATURE);
                return Err(refused.filter(|_| is_signed).unwrap_or(ApiError::Auth(refusal)));
            }
        },
    };
    telemetry::note("live_users.source", &source.table.id);
    shared.record(&source, (&request, &url, &body)).await
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

/// Counts the fields of events that our own format does not have, and tells of each once: whoever
/// misspells one would wonder for long why nothing comes of it.
fn tell_unknown(source: &SourceEntry, unknown: &UnknownFields) {
    source.seen.unknown_fields.add_many(unknown.count);
    let odd = unknown.has_odd.then(|| "a field with an odd name".to_owned());
    let named = unknown.names.iter().map(|name| format!("field {name}"));
    for field in named.chain(odd).filter(|field| source.seen.is_new(field)) {
        let (id, known) = (&source.table.id, EVENT_FIELDS.join(", "));
        info!("source {id}: {field} of an event is not known; known are {known}");
    }
}

/// Gives the events of a webhook ids of its content, if its source gives none. Whoever has lost our answer
/// sends the same again, and it may be out of date by now: also after a restart, and at another replica.
fn give_ids(events: &mut [CallEvent], (request, body): (&HttpRequest, &[u8])) {
    if events.iter().any(|event| event.id.is_some()) {
        return;
    }
    // By GET the fields are in the URL.
    let url = request.uri().to_string();
    let content = Sha256::new().chain_update(url).chain_update([0]).chain_update(body).finalize();
    let content: String = content.iter().map(|byte| format!("{byte:02x}")).collect();
    for (event, place) in events.iter_mut().zip(1..) {
        event.id = Some(format!("content/{content}/{place}"));
    }
}

impl SourceWebhooks {
    /// Those of the sources that the agents' file has at each moment.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub(crate) fn new(webhooks: Arc<Webhooks>) -> io::Result<Self> {
        let registry = webhooks.agents.sources().clone();
        let own = Arc::new(SourceEntry::own(registry.own.clone())?);
        Ok(Self { registry, webhooks, own, refusals: LogThrottle::default() })
    }

    /// The journal's time, which all that is shown and compared goes by.
    fn now(&self) -> Millis {
        self.webhooks.shards.first().clock().now()
    }

    /// Whether a source has signed a request. A signature that names its time is good for a while, by the
    /// clock of this machine or by the journal's time: either may be off by hours.
    fn verify(&self, source: &SourceEntry, request: &Request<'_>) -> Result<(), Rejection> {
        let verified = source.secrets.verify(request, wall_unix_ms());
        match verified {
            Err(Rejection::TooOld { .. } | Rejection::TooNew { .. }) => {
                source.secrets.verify(request, self.now().0).or(verified)
            }
            verified => verified,
        }
    }

    /// Records what a source tells in a request that is verified, in its order. Types that say nothing
    /// of a call are told once.
    async fn record(
        &self,
        source: &SourceEntry,
        (request, url, body): (&HttpRequest, &str, &[u8]),
    ) -> Result<HttpResponse, ApiError> {
        let reading = telemetry::within("read events", || {
            with_request(request, url, body, |it| (source.kind.read)(it))
        });
        let Reading { mut events, ignored, unknown } =
            reading.map_err(|why| self.unreadable(source, why))?;
        give_ids(&mut events, (request, body));
        for kind in ignored.iter().map(|kind| word(kind)).filter(|kind| source.seen.is_new(kind)) {
            info!("source {}: {kind} says nothing of who is on the line", source.table.id);
        }
        tell_unknown(source, &unknown);
        let outcome = self.record_events(source, &events).await.inspect_err(|_| {
            source.seen.note(SourceOutcome::NotRecorded, self.now());
        })?;
        source.seen.note(outcome, self.now());
        Ok(HttpResponse::NoContent().finish())
    }

    /// Records the events of one webhook together, but for those that were recorded before.
    async fn record_events(
        &self,
        source: &SourceEntry,
        events: &[CallEvent],
    ) -> Result<SourceOutcome, ApiError> {
        let webhooks = &self.webhooks;
        let (mut new, mut evidence) = (HashSet::new(), Vec::new());
        for event in events {
            let repeat = event.id.as_ref().map(|id| {
                let about = (id.as_bytes(), event.call.as_bytes());
                webhooks.repeats.id_of_event(&source.table.id, about)
            });
            // An event may stand in a batch twice.
            if webhooks.repeats.is_one(repeat) || repeat.is_some_and(|id| !new.insert(id)) {
                continue;
            }
            let of_event = self.evidence(source, event).await?;
            evidence.extend(of_event.into_iter().map(|evidence| (event.at_ms, evidence)));
        }
        if evidence.is_empty() {
            let is_new = |event: &CallEvent| event.id.is_none() || !new.is_empty();
            if !events.is_empty() && !events.iter().any(is_new) {
                return Ok(SourceOutcome::Repeated);
            }
            let has_others = source.settings.account.is_some()
                && events.iter().any(|event| event.account.is_some());
            if has_others && source.seen.is_new("of another account") {
                warn!(
                    "source {}: events of another account than its own are left out: give that \
                     account a source of its own",
                    source.table.id
                );
            }
            return Ok(SourceOutcome::Ignored);
        }
        if evidence.len() > 1 && !webhooks.shards.have_room_beside_calls() {
            // A batch waits for its sender's next try, and leaves the room to whoever calls.
            return Err(NotRecorded::Full.into());
        }
        match record_all((&webhooks.old_callbacks, &webhooks.shards), evidence).await {
            Ok((Outcome::Old, _)) => Ok(SourceOutcome::Old),
            Ok(_) => {
                new.into_iter().for_each(|id| _ = webhooks.repeats.remember(Some(id)));
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
        let relatives = match AskedOfCalls::by(&source.settings, event) {
            Some(asked) => self.webhooks.shards.relatives(asked).await?,
            None => Relatives::default(),
        };
        let known = (&*self.webhooks.agents.now(), &self.webhooks.caller_key);
        Ok(of_source_event_among(&source.settings, event, known, relatives))
    }

    fn unsigned(&self, source: &SourceEntry, why: Rejection) -> ApiError {
        source.seen.note(SourceOutcome::Unsigned, self.now());
        self.refuse(|| {
            let (id, title) = (&source.table.id, source.kind.title);
            if matches!(why, Rejection::TooOld { .. } | Rejection::TooNew { .. }) {
                return format!(
                    "a webhook of source {id} is refused: {why}; compare this machine's clock; if it is \
                     right, something has held the webhook up, or somebody has sent it again"
                );
            }
            let (variable, secret_is) = (&source.table.secret_env, source.kind.secret_is);
            format!(
                "a webhook of source {id} is refused: {why}; if it came from {title}, then \
                 {variable} is not what it signs with: expected {secret_is}"
            )
        });
        ApiError::SourceRefused { is_missing: matches!(why, Rejection::Missing(_)) }
    }

    fn unreadable(&self, source: &SourceEntry, why: live_users_sources::Unreadable) -> ApiError {
        source.seen.note(SourceOutcome::Bad, self.now());
        self.refuse(|| format!("400 for a webhook of source {}: {why}", source.table.id));
        ApiError::SourceUnreadable { field: why.field, expected: why.expected }
    }

    fn refuse(&self, line: impl FnOnce() -> String) {
        if let Some(held_back) = self.refusals.line_at(Instant::now()) {
            warn!("{} ({held_back} such lines before this one were held back)", line());
        }
    }
}
