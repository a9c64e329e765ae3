//! `GET /metrics`: how the proxy does, for Prometheus.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse};
use live_users_broadcast::Transport;
use live_users_http_kit::Connections;
use live_users_http_kit::metrics::{Counter, Labels, Page, Started};
use parking_lot::RwLock;

use crate::admin::{Authenticator, TokenShown};
use crate::streams::Streams;
use crate::total_reader::TotalRules;
use crate::upstream::{Shard, Shards, StreamHealth, StreamNow, Upstream};

/// The classes of status codes, 1xx to 5xx.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The route of a request whose path is none of ours.
const NO_ROUTE: &str = "none";

/// What is counted since the start of the process.
pub(crate) struct Metrics {
    started: Started,
    /// By route, which there are only so many of, and by class.
    requests: RwLock<BTreeMap<String, [Counter; CLASSES.len()]>>,
}

impl Metrics {
    /// Nothing has happened yet.
    pub(crate) fn new() -> Self {
        Self { started: Started::now(), requests: <_>::default() }
    }

    fn note(&self, route: &str, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        if let Some(classes) = self.requests.read().get(route) {
            return classes[class].add();
        }
        self.requests.write().entry(route.to_owned()).or_default()[class].add();
    }
}

/// Counts a request by the pattern of its path, never by the path itself, which anybody may choose.
pub(crate) async fn count(
    metrics: Data<Metrics>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let answer = next.call(request).await;
    match &answer {
        Ok(answer) => {
            let pattern = answer.request().match_pattern().filter(|it| !it.is_empty());
            metrics.note(pattern.as_deref().unwrap_or(NO_ROUTE), answer.status());
        }
        Err(error) => metrics.note(NO_ROUTE, error.as_response_error().status_code()),
    }
    answer
}

/// All figures, for clients that show `ADMIN_TOKEN`.
pub(crate) async fn metrics(
    _: TokenShown,
    metrics: Data<Metrics>,
    upstream: Data<Arc<Upstream>>,
    streams: Data<Streams>,
    clients: Data<Connections>,
    authenticator: Data<Authenticator>,
    total_rules: Data<TotalRules>,
) -> HttpResponse {
    let mut page = Page::of(env!("CARGO_PKG_VERSION"), metrics.started);
    requests(&mut page, &metrics);
    match upstream.shards().only() {
        Some(only) => add_stream(&mut page, &only.health),
        None => add_shards(&mut page, upstream.shards()),
    }
    let connections = streams.connections();
    let labels = Transport::ALL.map(|by| (by, [("transport", by.name())]));
    let values = labels.iter().map(|(by, labels)| {
        // Exact up to 2^53, as every number that Prometheus knows.
        (labels as Labels<'_>, connections.taken_by(*by) as f64)
    });
    page.gauges("live_users_proxy_open_streams", "Streams that are open", values);
    let values = labels.iter().map(|(by, labels)| (labels as Labels<'_>, connections.sent_by(*by)));
    page.counters("live_users_proxy_frames", "Frames that streams were told", values);
    // Exact up to 2^53, as every number that Prometheus knows.
    let help = "Streams of the backend for tokens of accounts, each for all readers of one token";
    page.gauge("live_users_proxy_scoped_streams", help, streams.scopes() as f64);
    let help = "Tokens that were refused, by the form or by Authorization: wrong ones, and those \
                that were not looked at after too many wrong ones";
    let reasons = ["wrong", "too_many"];
    page.counters_by_reason(
        "live_users_proxy_refused_tokens",
        help,
        reasons,
        authenticator.refused(),
    );
    let help = "Reads of the total that came too often from one client";
    page.counter("live_users_proxy_refused_reads", help, total_rules.limit.refused());
    clients.add_to(&mut page);
    page.answer()
}

fn requests(page: &mut Page, metrics: &Metrics) {
    let requests = metrics.requests.read();
    let each = requests.iter().flat_map(|(route, classes)| {
        let classes = CLASSES.into_iter().zip(classes.each_ref().map(Counter::get));
        classes.map(|(class, n)| ([("route", route.as_str()), ("status", class)], n))
    });
    let values: Vec<_> = each.filter(|(_, n)| *n > 0).collect();
    let values = values.iter().map(|(labels, n)| (labels as Labels<'_>, *n));
    page.counters("live_users_proxy_requests", "Requests by route and class of status", values);
}

/// How the backend's stream does.
fn add_stream(page: &mut Page, stream: &StreamHealth) {
    let StreamNow { is_up, received, framed } = stream.now();
    if let Some(is_up) = is_up {
        page.gauge(UP, UP_HELP, f64::from(u8::from(is_up)));
    }
    if let Some(received) = received {
        page.gauge(HEARD, HEARD_HELP, received.elapsed().as_secs_f64());
    }
    if let Some(framed) = framed {
        page.gauge(FRAME, FRAME_HELP, framed.elapsed().as_secs_f64());
    }
    page.counter(LOSSES, LOSSES_HELP, stream.losses.get());
}

/// How the stream of each shard does, and when each was in contact.
fn add_shards(page: &mut Page, shards: &Shards) {
    let numbers: Vec<_> = shards.iter().map(|shard| shard.number.to_string()).collect();
    let labels: Vec<_> = numbers.iter().map(|number| [("shard", number.as_str())]).collect();
    let labels = || labels.iter().map(|labels| labels as Labels<'_>);
    let mut add = |name, help, value: &dyn Fn(&Shard) -> Option<f64>| {
        let values = labels().zip(shards.iter());
        page.gauges(name, help, values.filter_map(|(labels, shard)| Some((labels, value(shard)?))));
    };
    add(UP, UP_HELP, &|shard| shard.health.now().is_up.map(|it| f64::from(u8::from(it))));
    let age = |at: Option<Instant>| at.map(|at| at.elapsed().as_secs_f64());
    add(HEARD, HEARD_HELP, &|shard| age(shard.health.now().received));
    add(FRAME, FRAME_HELP, &|shard| age(shard.health.now().framed));
    add(CONTACT, CONTACT_HELP, &|shard| age(shard.contact().at));
    let losses = labels().zip(shards.iter()).map(|(labels, it)| (labels, it.health.losses.get()));
    page.counters(LOSSES, LOSSES_HELP, losses);
}

const UP: &str = "live_users_proxy_upstream_up";
const UP_HELP: &str = "Whether the backend's stream is open; absent while nobody listens, since then it \
                       need not be";

const HEARD: &str = "live_users_proxy_upstream_heard_age_seconds";
const HEARD_HELP: &str =
    "How long ago anything was heard of the backend's stream, heartbeats included";

const FRAME: &str = "live_users_proxy_upstream_frame_age_seconds";
const FRAME_HELP: &str = "How long ago the backend's stream has told a frame; one of the total comes only \
                          when it changes";

const LOSSES: &str = "live_users_proxy_upstream_losses";
const LOSSES_HELP: &str = "How often the backend's stream has broken off, or could not be opened; each \
                           time it is tried again";

const CONTACT: &str = "live_users_proxy_shard_contact_age_seconds";
const CONTACT_HELP: &str = "How long ago a shard has told its number, or that it still holds; absent \
                            before the first time. Without a reader nobody asks";
