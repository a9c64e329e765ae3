//! The requests to a collector, on a runtime of their own, and what became of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use live_users_http_kit::metrics::{Counter, Labels, Page};
use live_users_http_kit::{error_chain, read_body};
use log::{info, warn};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use parking_lot::Mutex;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Url};
use tokio::runtime::Handle;

/// The longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// How often the log is told that spans are dropped.
const TELL_EVERY: Duration = Duration::from_mins(1);

/// Where collectors take gRPC by default.
const GRPC_PORT: u16 = 4317;

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The figures.
    Metrics,
    /// The way of each webhook.
    Traces,
}

impl Signal {
    /// All of them.
    pub(crate) const ALL: [Self; 2] = [Self::Metrics, Self::Traces];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Traces => "traces",
        }
    }

    /// What is added to the address of the collector.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Metrics => "v1/metrics",
            Self::Traces => "v1/traces",
        }
    }

    /// The variable with an address of its own.
    pub(crate) fn endpoint(self) -> &'static str {
        match self {
            Self::Metrics => "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
            Self::Traces => "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        }
    }

    /// The variable that says whether it is sent.
    pub(crate) fn exporter(self) -> &'static str {
        match self {
            Self::Metrics => "OTEL_METRICS_EXPORTER",
            Self::Traces => "OTEL_TRACES_EXPORTER",
        }
    }

    /// The variable with a protocol of its own.
    pub(crate) fn protocol(self) -> &'static str {
        match self {
            Self::Metrics => "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
            Self::Traces => "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        }
    }
}

/// What became of what was to be sent.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// Requests that were not taken, in the order of [`Signal::ALL`].
    failed: [Counter; Signal::ALL.len()],
    /// Whether the last request was not taken, in the same order.
    fails: [AtomicBool; Signal::ALL.len()],
    /// Spans that were dropped because too many waited.
    pub(crate) crowded_out: Counter,
    /// Spans that were dropped because the collector did not take them.
    pub(crate) not_taken: Counter,
    /// When the log was told last that spans are dropped.
    told: Mutex<Option<Instant>>,
}

impl Sent {
    /// The log is told when it begins to fail and when it is well again, and not of each request.
    pub(crate) fn note(&self, signal: Signal, to: &Url, result: Result<(), String>) {
        let name = signal.name();
        let fails = &self.fails[signal as usize];
        let failed_before = fails.swap(result.is_err(), Ordering::Relaxed);
        match result {
            Ok(()) if failed_before => info!("the collector takes {name} again"),
            Ok(()) => {}
            Err(why) => {
                self.failed[signal as usize].add();
                if !failed_before {
                    let hint = match to.port() {
                        Some(GRPC_PORT) => " (4317 is the port of gRPC, and 4318 that of HTTP)",
                        _ => "",
                    };
                    warn!("the collector at {} does not take {name}: {why}{hint}", shown(to));
                }
            }
        }
    }

    /// Notes that a span was dropped because too many waited.
    pub(crate) fn crowd_out(&self, spans_max: usize) {
        self.crowded_out.add();
        let (now, mut told) = (Instant::now(), self.told.lock());
        if told.is_none_or(|told| now.duration_since(told) >= TELL_EVERY) {
            *told = Some(now);
            let n = self.crowded_out.get();
            warn!("{n} spans were dropped, because {spans_max} wait for the collector already");
        }
    }

    /// Adds the figures to a page.
    pub(crate) fn add_to(&self, page: &mut Page) {
        let help = "Exports to the OpenTelemetry collector that it did not take";
        let values =
            Signal::ALL.map(|it| ([("signal", it.name())], self.failed[it as usize].get()));
        let values = values.iter().map(|(labels, n)| (labels as Labels<'_>, *n));
        page.counters("live_users_otlp_failed_exports", help, values);
        let help = "Spans that were not exported: too many waited already, or the collector did not \
                    take them";
        let values = [self.crowded_out.get(), self.not_taken.get()];
        let reasons = ["queue_full", "not_taken"];
        page.counters_by_reason("live_users_otlp_dropped_spans", help, reasons, values);
    }
}

/// An address for the log: there may be a secret in the path or the query.
pub(crate) fn shown(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Where one signal goes. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Collector {
    pub(crate) client: Client,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) timeout: Duration,
    pub(crate) runtime: Handle,
    pub(crate) signal: Signal,
    pub(crate) sent: Arc<Sent>,
}

impl Collector {
    /// Makes one request with this message, and returns the status and the answer.
    pub(crate) async fn post(&self, message: Bytes) -> Result<(u16, Vec<u8>), String> {
        let Self { client, url, headers, timeout, .. } = self.clone();
        let request = client
            .post(url)
            .headers(headers)
            .header(CONTENT_TYPE, "application/x-protobuf")
            .body(message)
            .timeout(timeout);
        let exchange = self.runtime.spawn(async move {
            let answer = request.send().await.map_err(failure)?;
            let status = answer.status().as_u16();
            let body = read_body(answer, ANSWER_BYTES_MAX).await;
            Ok((status, body.map_err(|_| "its answer cannot be read".to_owned())?))
        });
        exchange.await.unwrap_or_else(|_| Err("sending was interrupted".to_owned()))
    }
}

/// Without the address.
fn failure(error: reqwest::Error) -> String {
    match error.is_timeout() {
        true => "there is no answer in time".to_owned(),
        false => error_chain(&error.without_url()),
    }
}

/// For the exporter of spans: its own address and headers are those of this collector anyway.
#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let posted = self.post(request.into_body()).await;
        let result = match &posted {
            Ok((200..=299, _)) => Ok(()),
            Ok((status, _)) => Err(format!("status {status}")),
            Err(why) => Err(why.clone()),
        };
        self.sent.note(self.signal, &self.url, result);
        let (status, body) = posted?;
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status.try_into()?;
        Ok(response)
    }
}
