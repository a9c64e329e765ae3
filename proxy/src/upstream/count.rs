//! The count: one request at a time, shared by all who wait. That of several shards is their sum.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use live_users_http_kit::{LogThrottle, read_body};
use live_users_wire::{Count, WITH_DOUBT, all_parts, sum_of_counts};
use parking_lot::Mutex;
use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use tokio::sync::watch;
use tokio::time::{sleep_until, timeout};

use super::asked::Asked;
use super::backend_client::{Failure, failure, refusal_of_scope, wrong_answer};
use super::shards::{CONTACT, Shard, Shards};
use crate::error::{TOKEN_REFUSED, UpstreamError};

/// The biggest body that is read as a count, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// How often a shard is asked while somebody reads a stream of a sum.
const ASKED_EACH: Duration = Duration::from_secs(1);

/// All that the backend tells of the total is asked for; what of it clients get is decided here.
const ACCEPTED: &str = WITH_DOUBT;

type Answer = Result<Count, UpstreamError>;

/// What the task that asks the backend will say; `None` until then.
type Flight = watch::Receiver<Option<Answer>>;

/// Asks the backend for the count.
pub(crate) struct Upstream {
    shards: Shards,
    authorization: Option<HeaderValue>,
    /// By what is asked for.
    flights: Mutex<HashMap<String, Flight>>,
    is_up: Mutex<Option<bool>>,
    /// The lines about a token that is refused.
    refusals: LogThrottle,
}

impl Upstream {
    /// Prepares to ask; nothing is sent yet.
    pub(crate) fn new(shards: Shards, authorization: Option<HeaderValue>) -> Arc<Self> {
        let (flights, is_up, refusals) = <_>::default();
        Arc::new(Self { shards, authorization, flights, is_up, refusals })
    }

    /// The shards that are asked.
    pub(crate) fn shards(&self) -> &Shards {
        &self.shards
    }

    /// The count, from a request that was under way or is started now. Nothing is remembered
    /// between requests, so a count is never older than one request may take.
    pub(crate) async fn count(self: &Arc<Self>, asked: &Asked) -> Answer {
        let mut flight = self.join_or_start(asked);
        match flight.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(answer)) => answer.clone(),
            Ok(None) | Err(_) => Err(UpstreamError::Interrupted),
        }
    }

    /// The request runs in a task of its own, so that one browser that goes away does not cancel
    /// it for the others.
    fn join_or_start(self: &Arc<Self>, asked: &Asked) -> Flight {
        let mut flights = self.flights.lock();
        let is_under_way =
            |flight: &Flight| flight.borrow().is_none() && flight.has_changed().is_ok();
        flights.retain(|_, flight| is_under_way(flight));
        let key = asked.key();
        if let Some(flight) = flights.get(&key) {
            log::debug!("joins the request under way");
            return flight.clone();
        }
        let (sender, flight) = watch::channel(None);
        let (this, asked) = (Arc::clone(self), asked.clone());
        self.shards.first().runtime.spawn(async move {
            let answer = this.ask(&asked).await;
            // What one agent or one scope is refused says nothing of the link.
            if asked.agent.is_none() && asked.scope.is_none() {
                this.note(&answer);
            }
            sender.send_replace(Some(answer.map_err(|failure| failure.upstream_error)));
        });
        flights.insert(key, flight.clone());
        flight
    }

    async fn ask(&self, asked: &Asked) -> Result<Count, Failure> {
        match self.shards.only() {
            Some(only) => self.ask_shard(only, asked).await,
            None => self.ask_all(asked).await,
        }
    }

    /// The sum over all shards, each of which answers while the others do.
    async fn ask_all(&self, asked: &Asked) -> Result<Count, Failure> {
        let asked = self.shards.iter().map(|shard| self.ask_in_contact(shard, asked));
        let (mut counts, mut details) = (Vec::new(), Vec::new());
        for (shard, answer) in join_all(asked).await.into_iter().enumerate() {
            match answer {
                Ok(count) => counts.push(Some(count)),
                // So it is in all of them, which have the same settings.
                Err(failure) if failure.upstream_error.is_of_reader() => return Err(failure),
                Err(Failure { upstream_error, detail }) => {
                    counts.push(None);
                    details.push(format!("shard {shard}: {upstream_error}: {detail}"));
                }
            }
        }
        for shard in self.shards.lacking(Instant::now()).iter() {
            if let Some(count) = counts.get_mut(shard).filter(|it| it.is_some()) {
                *count = None;
                details.push(format!("shard {shard}: evidence for it waits at another backend"));
            }
        }
        let missing = all_parts(counts.iter().map(Option::as_ref)).err().unwrap_or_default();
        self.shards.missed_none_but(missing);
        let missing = |shards| failure(self.shards.missing(shards), details.join("; "));
        sum_of_counts(counts).map_err(missing)
    }

    /// Asks a shard for a part of a sum, which is one of parts of the same time.
    async fn ask_in_contact(&self, shard: &Shard, asked: &Asked) -> Result<Count, Failure> {
        let answer = timeout(CONTACT, self.ask_shard(shard, asked)).await;
        let late = |_| failure(UpstreamError::Slow, format!("no answer after {CONTACT:?}"));
        let count = answer.map_err(late)??;
        shard.in_contact();
        Ok(count)
    }

    /// Stays in contact with all shards while somebody reads a stream of a sum: a stream is silent while its
    /// number stays the same. Goes on for ever.
    pub(crate) async fn keep_contact(self: Arc<Self>) {
        let each = self.shards.iter().map(|shard| async {
            loop {
                self.shards.is_watched().await;
                let next = Instant::now() + ASKED_EACH;
                if let Err(Failure { upstream_error, detail }) =
                    self.ask_in_contact(shard, &Asked::default()).await
                {
                    let number = shard.number;
                    log::debug!("shard {number} is out of contact: {upstream_error}: {detail}");
                }
                sleep_until(next.into()).await;
            }
        });
        join_all(each).await;
    }

    /// With the proxy's own token the backend counts no reads, and answers also if the total is not public.
    /// If it refuses the token, everybody may read what is public all the same.
    async fn ask_shard(&self, shard: &Shard, asked: &Asked) -> Result<Count, Failure> {
        let exchange = async {
            let answer = self.ask_with(shard, asked, self.authorization.as_ref()).await;
            if self.authorization.is_none() || !asked.is_for_everybody() || !is_refused(&answer) {
                return answer;
            }
            if let Some(held_back) = self.refusals.line_at(Instant::now()) {
                log::warn!(
                    "{TOKEN_REFUSED} ({held_back} such lines before this one were held back)"
                );
            }
            let of_everybody = self.ask_with(shard, asked, None).await;
            if is_refused(&of_everybody) { answer } else { of_everybody }
        };
        shard.client.in_time(exchange).await
    }

    async fn ask_with(
        &self,
        shard: &Shard,
        asked: &Asked,
        authorization: Option<&HeaderValue>,
    ) -> Result<Count, Failure> {
        let mut url = shard.count_url.clone();
        asked.add_to_query(&mut url, authorization.is_some());
        let request = shard.client.request(Method::GET, url).header(ACCEPT, ACCEPTED);
        let mut request = asked.add_to_headers(request);
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let response = request.send().await?;
        shard.client.check(&response)?;
        match response.status().as_u16() {
            200 => {
                let count = count_in(&read_body(response, BODY_BYTES_MAX).await?)?;
                match asked.is_answered_by(count.agent.as_deref()) {
                    true => Ok(count),
                    false => Err(failure(UpstreamError::NotOfAgent, "no agent".to_owned())),
                }
            }
            404 if asked.agent.is_some() => {
                Err(failure(UpstreamError::NoSuchAgent, "status 404".to_owned()))
            }
            403 if asked.scope.is_some() => {
                Err(refusal_of_scope(&read_body(response, BODY_BYTES_MAX).await?))
            }
            503 => Err(match wrong_answer(response).await {
                Failure { upstream_error: UpstreamError::Status(_), detail } => {
                    failure(UpstreamError::NotKnown, detail)
                }
                in_shards => in_shards,
            }),
            _ => Err(wrong_answer(response).await),
        }
    }

    /// Logs when the link goes up or down, not every failure: browsers ask every few seconds.
    fn note(&self, answer: &Result<Count, Failure>) {
        let was_up = self.is_up.lock().replace(answer.is_ok());
        match (was_up, answer) {
            (Some(true), Ok(_)) => {}
            (None | Some(false), Ok(_)) => log::info!("link to the backend is up"),
            (None | Some(true), Err(Failure { upstream_error, detail })) => {
                log::warn!("link to the backend is down: {upstream_error}: {detail}");
            }
            (Some(false), Err(Failure { upstream_error, detail })) => {
                log::debug!("link to the backend is still down: {upstream_error}: {detail}");
            }
        }
    }
}

/// Whether the backend does not answer whoever asks so.
fn is_refused(answer: &Result<Count, Failure>) -> bool {
    let error = answer.as_ref().err().map(|failure| failure.upstream_error);
    matches!(error, Some(UpstreamError::Status(401 | 403)))
}

fn count_in(body: &[u8]) -> Result<Count, Failure> {
    let value: serde_json::Value = serde_json::from_slice(body)
        .map_err(|error| failure(UpstreamError::NotJson, error.to_string()))?;
    if !value.is_object() {
        // Serde would take `[3]` for a count, too.
        return Err(failure(UpstreamError::NotACount, "not an object".to_owned()));
    }
    serde_json::from_value(value)
        .map_err(|error| failure(UpstreamError::NotACount, error.to_string()))
}

#[cfg(test)]
mod tests {
    use live_users_wire::ByAgent;

    use super::*;

    #[test]
    fn only_an_object_with_a_whole_number_is_a_count() {
        let upstream_error =
            |body: &str| count_in(body.as_bytes()).map_err(|failure| failure.upstream_error);
        let count = |live_users, by_agent| Ok(Count { live_users, by_agent, ..Count::default() });
        assert_eq!(upstream_error(r#"{"liveUsers":3}"#), count(3, None));
        assert_eq!(upstream_error(r#" {"liveUsers":0,"later":"more"} "#), count(0, None));
        let by_agent = ByAgent::from([("booking".to_owned(), 2)]);
        assert_eq!(
            upstream_error(r#"{"liveUsers":2,"byAgent":{"booking":2}}"#),
            count(2, Some(by_agent))
        );
        for wrong in ["[3]", "3", "null", "{}", r#"{"liveUsers":"3"}"#, r#"{"liveUsers":-1}"#] {
            assert_eq!(upstream_error(wrong), Err(UpstreamError::NotACount), "{wrong}");
        }
        for wrong in ["", "<html>", r#"{"liveUsers":3"#, r#"{"liveUsers":3} x"#] {
            assert_eq!(upstream_error(wrong), Err(UpstreamError::NotJson), "{wrong}");
        }
        assert_eq!(
            upstream_error(&"[".repeat(BODY_BYTES_MAX)),
            Err(UpstreamError::NotJson),
            "too deep"
        );
    }
}
