//! `GET /api/live-users/setup`: how far this process is connected with Twilio, and what is missing.

use std::sync::Arc;
use std::time::Instant;

use actix_web::HttpResponse;
use actix_web::web::Data;
use live_users_core::Millis;
use live_users_wire::{ProviderApiView, Setup, SetupUrls};

use super::answer::json;
use super::authorized::Authorized;
use crate::parts::agents::AgentRegistry;
use crate::parts::arrivals::Arrivals;
use crate::parts::clock::Clock;
use crate::parts::counters::Hook;
use crate::parts::queue::Queue;
use crate::parts::replica_status::{ReplicaStatus, StatusReader};
use crate::parts::summary::Summarizer;

/// Twilio's connection overrides for status callbacks, which are lost otherwise when an answer is
/// late or missing: half a second to connect, five more attempts, after any failure.
const OVERRIDES: &str = "#ct=500&rc=5&rp=all";

/// The parts that know.
pub(crate) struct Sources {
    agents: Arc<AgentRegistry>,
    arrivals: Arrivals,
    clock: Clock,
    queue: Queue,
    status: StatusReader,
    /// `PUBLIC_URL`, if it is set.
    public_url: Option<String>,
    /// Whether there are credentials for the provider's API.
    has_api: bool,
}

impl Sources {
    /// `has_api`: whether there are credentials for the provider's API.
    pub(crate) fn new(
        (public_url, has_api): (Option<String>, bool),
        arrivals: &Arrivals,
        Summarizer { agents, queue, status, .. }: &Summarizer,
        clock: Clock,
    ) -> Self {
        let (agents, arrivals) = (agents.clone(), arrivals.clone());
        let (queue, status) = (queue.clone(), status.clone());
        Self { agents, arrivals, clock, queue, status, public_url, has_api }
    }
}

/// Answers also while the journal cannot be read: what has arrived is known all the same.
pub(crate) async fn setup(_: Authorized, sources: Data<Sources>) -> HttpResponse {
    let arrivals = sources.arrivals.clone();
    let found = sources
        .queue
        .query(move |view| arrivals.learn_found(view.state.corrections(), view.now.0))
        .await
        .unwrap_or_else(|_| sources.arrivals.found());
    let now = Instant::now();
    let provider_api = provider_api(sources.has_api, sources.status.get(), sources.clock.now());
    json(&Setup {
        instance: sources.arrivals.instance().to_owned(),
        urls: sources.public_url.as_deref().map(urls),
        public_url: sources.public_url.clone(),
        agents_file: sources.agents.file(),
        provider_api,
        webhooks: sources.arrivals.webhooks(now),
        numbers: sources.arrivals.numbers(&sources.agents.now(), now),
        found_by_asking: found,
    })
}

fn urls(public_url: &str) -> SetupUrls {
    SetupUrls {
        voice: format!("{public_url}{}", Hook::Voice.path()),
        status_callback: format!("{public_url}{}{OVERRIDES}", Hook::Status.path()),
    }
}

/// Of several replicas only the leader asks; of the others an old failure says nothing.
fn provider_api(has_api: bool, status: ReplicaStatus, now: Millis) -> ProviderApiView {
    let ReplicaStatus { leads, reconciler, .. } = status;
    let asked = reconciler.unwrap_or_default();
    let failure = asked.failure.filter(|_| leads);
    let state = match (has_api, &failure, asked.polled) {
        (false, ..) => "off",
        (true, Some(_), _) => "fails",
        (true, None, Some(_)) => "answers",
        (true, None, None) => "unasked",
    };
    ProviderApiView {
        state: state.to_owned(),
        reason: failure.map(|failure| failure.to_string()),
        last_answer_ago_ms: asked.polled.map(|polled| now.0.saturating_sub(polled.0)),
    }
}

#[cfg(test)]
mod tests {
    use live_users_intake::Status;
    use live_users_twilio::rest::Failure;

    use super::*;

    #[test]
    fn the_api_is_off_unasked_answers_or_fails() {
        let told = |has_api, leads, polled: Option<u64>, failure| {
            let asked = Status { polled: polled.map(Millis), failure, ..Status::default() };
            let status = ReplicaStatus { leads, reconciler: Some(asked), ..Default::default() };
            let view = provider_api(has_api, status, Millis(5_000));
            (view.state, view.reason.is_some(), view.last_answer_ago_ms)
        };
        let state = |state: &str, has_reason, ago| (state.to_owned(), has_reason, ago);
        assert_eq!(told(false, true, None, None), state("off", false, None));
        assert_eq!(told(true, true, None, None), state("unasked", false, None));
        assert_eq!(told(true, true, Some(2_000), None), state("answers", false, Some(3_000)));
        let late = Some(Failure::Timeout);
        assert_eq!(told(true, true, None, late.clone()), state("fails", true, None));
        assert_eq!(told(true, true, Some(1), late.clone()), state("fails", true, Some(4_999)));
        assert_eq!(told(true, false, None, late), state("unasked", false, None));
        let waiting = provider_api(true, ReplicaStatus::default(), Millis(0));
        assert_eq!(waiting.state, "unasked", "the journal is not open yet");
    }

    #[test]
    fn the_urls_are_those_to_set_at_twilio() {
        let urls = urls("https://example.com/calls");
        assert_eq!(urls.voice, "https://example.com/calls/voice");
        let callback = "https://example.com/calls/call-status#ct=500&rc=5&rp=all";
        assert_eq!(urls.status_callback, callback);
    }
}
