//! What is told of all shards at once: the sum of their summaries, their calls and activities in one order,
//! and the call that one of them knows. With a single backend, or where the query names a shard, that one is
//! asked.

use std::collections::VecDeque;
use std::time::Instant;

use actix_web::http::StatusCode;
use futures_util::future::join_all;
use live_users_http_kit::{ParameterError, read_body};
use live_users_wire::{
    ActivityPage, CallPage, Success, Summary, Summed, all_parts, merged_activities, merged_calls,
    sum_of_summaries,
};
use reqwest::{Method, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::admin_api::{AdminApi, AdminApiError, BODY_BYTES_MAX, Question, SHARD, object};
use super::backend_client::{Failure, failure};
use super::shards::{CONTACT, Shard};
use crate::error::{UpstreamError, problem_of};

/// How many calls and activities there are in an answer whose query does not say: as many as of a backend.
const LIMIT_DEFAULT: usize = 100;

/// Between the places in the feeds of the shards, in their order.
const PLACES: char = ',';

impl AdminApi {
    /// The summary.
    pub(crate) async fn summary(&self, question: Question<'_>) -> Result<String, AdminApiError> {
        if !self.is_of_all(&question) {
            return self.ask(question).await;
        }
        let parts = self.ask_all(|_| question.clone()).await?;
        let summed = sum_of_summaries(parts);
        let Summed { value, .. } = summed.map_err(|missing| self.without(missing))?;
        Ok(in_envelope::<Summary>(&value))
    }

    /// The calls, the longest first.
    pub(crate) async fn calls(&self, question: Question<'_>) -> Result<String, AdminApiError> {
        if !self.is_of_all(&question) {
            return self.ask(question).await;
        }
        // All shards order calls alike, so one place is a place in each of them.
        let pages = self.ask_all(|_| question.clone()).await?;
        let merged = merged_calls(pages, limit_in(&question));
        let page = merged.map_err(|missing| self.without(missing))?;
        Ok(in_envelope::<CallPage>(&page))
    }

    /// What has happened to calls, the newest first.
    pub(crate) async fn activity(&self, question: Question<'_>) -> Result<String, AdminApiError> {
        if !self.is_of_all(&question) {
            return self.ask(question).await;
        }
        let shards = self.shards.iter().len();
        let after = question.query.iter().find(|(name, _)| name == "after");
        let after = after.map(|(_, value)| value.trim()).filter(|value| !value.is_empty());
        let places: Option<Vec<_>> = after.map(|after| after.split(PLACES).collect());
        if places.as_ref().is_some_and(|places| places.len() != shards) {
            let expected = "the `cursor` of an answer before, which has a place in each shard";
            return Err(ParameterError::new("after", expected).into());
        }
        let queries: Vec<Vec<_>> = (0..shards)
            .map(|shard| {
                let place = places.as_ref().map(|places| places[shard]);
                let pairs = question.query.iter().cloned();
                let pair = |(name, value): (String, String)| match (&*name, place) {
                    ("after", Some(place)) => (name, place.to_owned()),
                    _ => (name, value),
                };
                pairs.map(pair).collect()
            })
            .collect();
        let asked = |shard: usize| Question { query: &queries[shard], ..question.clone() };
        let pages = self.ask_all(asked).await?;
        let merged = merged_activities(pages, (limit_in(&question), after.is_some()), PLACES);
        let page = merged.map_err(|missing| self.without(missing))?;
        Ok(in_envelope::<ActivityPage>(&page))
    }

    /// Asks the shard that knows a call, by a path below that of the call. What is read tells which it is.
    pub(crate) async fn ask_of_call(
        &self,
        call: &str,
        question: Question<'_>,
    ) -> Result<String, AdminApiError> {
        if !self.is_of_all(&question) {
            return self.ask(question).await;
        }
        let segments = ["calls", call];
        let explains =
            Question { method: Method::GET, segments: &segments, body: None, ..question.clone() };
        let place = self.place()?;
        let answers = self.shards.iter().map(|shard| {
            let exchange = self.exchange((shard, place.clone()), explains.clone(), object);
            async move { (shard, exchange.await) }
        });
        let mut answers: VecDeque<_> = join_all(answers).await.into();
        if let Some(n) = answers.iter().position(|(_, answer)| answer.is_ok())
            && let Some((shard, answer)) = answers.remove(n)
        {
            return match question.segments == segments {
                true => answer,
                false => self.exchange((shard, place), question, object).await,
            };
        }
        // Whoever cannot be asked may know it.
        let is_silent = |(shard, answer): &(&Shard, Result<_, AdminApiError>)| {
            answer.as_ref().err().is_some_and(AdminApiError::is_of_backend).then_some(shard.number)
        };
        let silent: Vec<_> = answers.iter().filter_map(is_silent).collect();
        if !silent.is_empty() {
            return Err(self.without(silent.into_iter().collect()));
        }
        let (_, answer) = answers.pop_front().expect("there is a shard");
        answer
    }

    /// Whether links can be shared. A link is kept by one shard, and others would refuse it.
    ///
    /// # Errors
    /// If there are several shards.
    pub(crate) fn check_links(&self) -> Result<(), AdminApiError> {
        if self.shards.only().is_some() {
            return Ok(());
        }
        let expected = "a token of an account, or one backend without shards".to_owned();
        let (name, problem) =
            ("links".to_owned(), "none are shared where there are several shards");
        // As of a backend that has no links at all, so the page says nothing of them.
        let why = problem_of(ParameterError { name, problem, expected });
        Err(AdminApiError::Problem(StatusCode::NOT_FOUND, why))
    }

    /// Whether all shards are asked: there are several, and the query names none.
    fn is_of_all(&self, question: &Question<'_>) -> bool {
        let is_named = |(name, value): &(String, String)| name == SHARD && !value.trim().is_empty();
        self.shards.only().is_none() && !question.query.iter().any(is_named)
    }

    /// Asks each shard this, by its number. `None` of those that gave no answer of their own.
    async fn ask_all<'a, T: DeserializeOwned + Send + 'static>(
        &self,
        question: impl Fn(usize) -> Question<'a>,
    ) -> Result<Vec<Option<T>>, AdminApiError> {
        let place = self.place()?;
        let each = self.shards.iter().map(|shard| {
            let asked = (shard, place.clone());
            let exchange = self.exchange(asked, question(shard.number), read::<T>);
            async move { (shard, timeout(CONTACT, exchange).await) }
        });
        let mut parts = Vec::new();
        for (shard, answer) in join_all(each).await {
            parts.push(match answer {
                Ok(Ok(part)) => {
                    shard.in_contact();
                    Some(part)
                }
                // The proxy's token is one setting, wrong for all of them or at one that has another.
                Ok(Err(error @ AdminApiError::Refused)) => return Err(error),
                Ok(Err(error)) if !error.is_of_backend() => return Err(error),
                Ok(Err(_)) | Err(_) => None,
            });
        }
        for shard in self.shards.lacking(Instant::now()).iter() {
            if let Some(part) = parts.get_mut(shard) {
                *part = None;
            }
        }
        let missing = all_parts(parts.iter().map(Option::as_ref)).err().unwrap_or_default();
        self.shards.missed_none_but(missing);
        Ok(parts)
    }

    fn without(&self, missing: live_users_wire::ShardSet) -> AdminApiError {
        AdminApiError::UpstreamError(self.shards.missing(missing))
    }
}

impl AdminApiError {
    /// Whether it is so because of the backend that was asked, and not because of what was asked.
    fn is_of_backend(&self) -> bool {
        match self {
            Self::Refused | Self::UpstreamError(_) => true,
            Self::Problem(status, _) => *status == StatusCode::SERVICE_UNAVAILABLE,
            Self::NoBackendToken | Self::Busy | Self::NoPlace(_) | Self::AccessEnded => false,
        }
    }
}

/// As many as the query wants. A shard has refused it by now if it is no number.
fn limit_in(question: &Question<'_>) -> usize {
    let limit = question.query.iter().find(|(name, _)| name == "limit");
    limit.and_then(|(_, value)| value.trim().parse().ok()).unwrap_or(LIMIT_DEFAULT)
}

async fn read<T: DeserializeOwned>(response: Response) -> Result<T, Failure> {
    let body = read_body(response, BODY_BYTES_MAX).await?;
    let read = serde_json::from_slice(&body);
    read.map_err(|error| failure(UpstreamError::NotAnObject, error.to_string()))
}

fn in_envelope<T: Serialize>(value: &T) -> String {
    serde_json::to_string(&Success::new(value)).expect("texts and numbers are always JSON")
}
