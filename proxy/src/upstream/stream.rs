//! The one stream from the backend, whatever the number of browsers; and one for each scope that
//! somebody reads. Of several shards, each has one.
//!
//! It is open while somebody listens, and a little longer. Nothing is gained by more: the first
//! browser waits some milliseconds for the connection. And a backend that nobody looks at has
//! nothing to do, which on some platforms means that nothing has to be paid for it.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use jiff::Timestamp;
use live_users_backoff::{Schedule, full};
use live_users_broadcast::{EventStream, HEARTBEAT_MS};
use live_users_http_kit::read_body;
use live_users_wire::parameters::CHANGES;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Response};
use tokio::time::{Instant, sleep, timeout_at};

use super::asked::Asked;
use super::backend_client::{
    BackendClient, Failure, REFUSAL_BYTES_MAX, failure, refusal_of_scope, wrong_answer,
};
use super::direct::Direct;
use super::receiver::{Receiver, Subscription};
use super::stream_health::StreamHealth;
use crate::channels::Channels;
use crate::error::{NO_BACKEND_TOKEN, TOKEN_REFUSED, UpstreamError};

/// How long the stream stays open when nobody listens any more, in milliseconds: longer than it
/// takes to load a page again.
pub(super) const LINGER_MS: u64 = 30_000;

/// The same of a scope, of which there may be many.
pub(super) const SCOPE_LINGER_MS: u64 = 2_000;

/// A backend that is silent for so long is gone, in milliseconds.
const SILENCE_MS_MAX: u64 = 2 * HEARTBEAT_MS;

/// The waits between two tries. With full jitter, many proxies that have lost one backend do not
/// come back at the same moment.
const WAITS: Schedule = Schedule { base_ms: 250, max_ms: 10_000 };

/// A backend that ends a stream is asked at once whether it may still be read, but not more often.
const ASKED_AGAIN_EACH: Duration = Duration::from_secs(10);

/// The longest frame, in bytes: as long as an answer to an admin may be.
const FRAME_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Keeps a backend's stream open.
pub(super) struct Stream<R> {
    backend: BackendClient,
    authorization: Option<HeaderValue>,
    /// Which total it tells of.
    asked: Asked,
    health: Arc<StreamHealth>,
    /// Where it all goes.
    receiver: R,
    /// Tries since the last frame.
    tries: u32,
    /// The backend has refused the token.
    is_refused: bool,
    /// The backend is of before there were changes: each of its frames is a summary.
    tells_no_changes: bool,
    is_up: Option<bool>,
    /// When it was last asked at once after a stream had ended.
    asked_again: Option<Instant>,
}

impl Stream<Direct> {
    /// Goes on for ever.
    pub(super) async fn run(mut self, channels: &Channels) {
        loop {
            channels.has_readers().await;
            tokio::select! {
                () = without_readers(channels, LINGER_MS) => {
                    log::debug!("nobody listens: the backend's stream is closed");
                    self.receiver.forget();
                    self.health.closed();
                    (self.tries, self.is_refused) = (0, false);
                }
                () = self.try_once() => {}
            }
        }
    }

    /// Goes on until nobody listens, and returns early if the access has ended.
    pub(super) async fn run_while_read(&mut self, channels: &Channels) {
        tokio::select! {
            () = without_readers(channels, SCOPE_LINGER_MS) => {}
            () = self.try_until_ended() => {}
        }
    }
}

impl<R: Receiver> Stream<R> {
    /// Nothing is opened yet.
    pub(super) fn new(
        backend: BackendClient,
        authorization: Option<HeaderValue>,
        asked: Asked,
        health: Arc<StreamHealth>,
        receiver: R,
    ) -> Self {
        let (tries, is_refused, tells_no_changes) = (0, false, false);
        let (is_up, asked_again) = (None, None);
        Self {
            backend,
            authorization,
            asked,
            health,
            receiver,
            tries,
            is_refused,
            tells_no_changes,
            is_up,
            asked_again,
        }
    }

    /// Reads, and tries again, until the access has ended.
    pub(super) async fn try_until_ended(&mut self) {
        while !self.receiver.has_ended() {
            self.try_once().await;
        }
    }

    /// Reads until the stream ends, and then waits for the time to try again.
    async fn try_once(&mut self) {
        let subscription = match (&self.authorization, self.is_refused) {
            // An agent has no summary of its own.
            (_, _) if self.asked.agent.is_some() => Subscription::Total,
            (Some(_), false) => Subscription::Summary,
            // The backend's total is of all calls, and no scope's.
            (_, _) if self.asked.scope.is_some() => Subscription::Summary,
            // The total is for everybody.
            (None, _) | (Some(_), true) => Subscription::Total,
        };
        let Failure { upstream_error, detail } = self.read_on(subscription).await;
        if upstream_error.is_of_reader() {
            self.receiver.end(upstream_error);
            return;
        }
        // It takes no such parameter. The next one may.
        let is_older = upstream_error == UpstreamError::Status(400);
        let asked_for_changes = subscription == Subscription::Summary && !self.tells_no_changes;
        self.tells_no_changes = is_older && asked_for_changes;
        if self.tells_no_changes {
            return;
        }
        // What everybody may read is read without it.
        if matches!(upstream_error, UpstreamError::Status(401 | 403))
            && self.asked.is_for_everybody()
            && self.shown_for(subscription).is_some()
        {
            log::warn!("{TOKEN_REFUSED}: {detail}");
            self.is_refused = true;
            return;
        }
        self.is_refused = false;
        self.health.lost();
        match self.is_up.replace(false) {
            Some(false) => {
                log::debug!("the backend's stream is still lost: {upstream_error}: {detail}")
            }
            None | Some(true) => {
                log::warn!("the backend's stream is lost: {upstream_error}: {detail}")
            }
        }
        self.receiver.lose(upstream_error);
        let wait_ms = WAITS.delay_ms(self.tries, full(getrandom::u64().ok()));
        tokio::select! {
            () = sleep(Duration::from_millis(wait_ms)) => {}
            () = self.receiver.is_back() => {}
        }
        self.tries = self.tries.saturating_add(1);
    }

    /// Reads until there is no stream. The backend ends the stream of a scope or of an agent alike when it
    /// stops and when nobody may read that any more, so it is asked which, before readers are told of a loss.
    async fn read_on(&mut self, subscription: Subscription) -> Failure {
        loop {
            let Err(failure) = self.read(subscription).await;
            let may_be_refused = self.asked.scope.is_some() || self.asked.agent.is_some();
            let is_cut =
                matches!(failure.upstream_error, UpstreamError::Ended | UpstreamError::Broken);
            let was_open = self.is_up == Some(true);
            let now = Instant::now();
            let is_soon = self.asked_again.is_some_and(|at| now - at < ASKED_AGAIN_EACH);
            if !may_be_refused || !is_cut || !was_open || is_soon {
                return failure;
            }
            self.asked_again = Some(now);
        }
    }

    async fn read(
        &mut self,
        subscription: Subscription,
    ) -> Result<std::convert::Infallible, Failure> {
        let start = Instant::now();
        let mut response = self.backend.in_time(self.open(subscription)).await?;
        if subscription == Subscription::Total && self.asked.agent.is_none() {
            let why = if self.is_refused { TOKEN_REFUSED } else { NO_BACKEND_TOKEN };
            self.receiver.have_no_summary(why);
        }
        let mut events = EventStream::new(FRAME_BYTES_MAX);
        // The first frame is part of the answer, and has to come in time like one.
        let mut until = start + self.backend.timeout;
        let mut has_frame = false;
        loop {
            let bytes = tokio::select! {
                bytes = chunk(&mut response, until) => bytes?,
                () = self.receiver.lacks_whole() => {
                    self.receiver.give_whole()?;
                    continue;
                }
            };
            let now = Timestamp::now();
            self.receiver.hear(now);
            self.health.received(std::time::Instant::now());
            let events = events.push(&bytes);
            for event in
                events.map_err(|error| failure(UpstreamError::TooBig, error.to_string()))?
            {
                // Before readers are told, so that whoever was told finds it in the metrics. If it is no
                // frame, the stream is lost at once.
                self.health.frame_received(std::time::Instant::now());
                self.receiver.take(subscription, event.into_text(), now)?;
                (self.tries, has_frame) = (0, true);
                if self.is_up.replace(true) != Some(true) {
                    log::info!("the backend's stream is open");
                }
            }
            if has_frame {
                until = Instant::now() + Duration::from_millis(SILENCE_MS_MAX);
            }
        }
    }

    /// The token that the backend is shown for this.
    fn shown_for(&self, subscription: Subscription) -> Option<&HeaderValue> {
        let needs_token = subscription == Subscription::Summary || self.asked.agent.is_some();
        self.authorization.as_ref().filter(|_| needs_token && !self.is_refused)
    }

    async fn open(&self, subscription: Subscription) -> Result<Response, Failure> {
        let mut url = self.backend.count_url().map_err(|it| {
            failure(UpstreamError::Unreachable, format!("BACKEND_URL has no path: {it}"))
        })?;
        let segments: &[&str] = match subscription {
            Subscription::Summary => &["summary", "stream"],
            Subscription::Total => &["stream"],
        };
        url.path_segments_mut().expect("http:// and https:// have paths").extend(segments);
        let shown = self.shown_for(subscription);
        self.asked.add_to_query(&mut url, shown.is_some());
        if subscription == Subscription::Summary && !self.tells_no_changes {
            url.query_pairs_mut().append_pair(CHANGES, "true");
        }
        let mut request =
            self.backend.request(Method::GET, url).header(ACCEPT, "text/event-stream");
        if let Some(authorization) = shown {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let request = self.asked.add_to_headers(request);
        let response = request.send().await?;
        self.backend.check(&response)?;
        let status = response.status().as_u16();
        let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        match status {
            200 if kind.is_some_and(|kind| kind.starts_with("text/event-stream")) => Ok(response),
            200 => Err(failure(UpstreamError::NotAStream, format!("content type {kind:?}"))),
            404 if self.asked.agent.is_some() => {
                Err(failure(UpstreamError::NoSuchAgent, "status 404".to_owned()))
            }
            403 if self.asked.scope.is_some() => {
                Err(refusal_of_scope(&read_body(response, REFUSAL_BYTES_MAX).await?))
            }
            _ => Err(wrong_answer(response).await),
        }
    }
}

/// The next bytes.
async fn chunk(response: &mut Response, until: Instant) -> Result<Bytes, Failure> {
    match timeout_at(until, response.chunk()).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => Err(failure(UpstreamError::Ended, "the backend has ended it".to_owned())),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(failure(UpstreamError::Slow, "silent for too long".to_owned())),
    }
}

/// Resolves when there has been no reader for so long.
pub(super) async fn without_readers(channels: &Channels, linger_ms: u64) {
    loop {
        channels.has_no_readers().await;
        tokio::select! {
            () = sleep(Duration::from_millis(linger_ms)) => return,
            () = channels.has_readers() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_stream_is_kept_a_little_longer_than_somebody_listens() {
        let channels = Channels::default();
        let start = Instant::now();
        without_readers(&channels, LINGER_MS).await;
        assert_eq!(start.elapsed().as_millis(), 30_000);
    }
}
