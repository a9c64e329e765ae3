//! The requests to a collector, on a runtime of their own, and what became of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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

use crate::answer::{self, Taken};

/// The longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// How often the log is told that something is dropped.
const TELL_EVERY: Duration = Duration::from_mins(1);

/// Where collectors take gRPC by default.
const GRPC_PORT: u16 = 4317;

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
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

    /// What a request has many of.
    fn items(self) -> &'static str {
        match self {
            Self::Metrics => "data points",
            Self::Traces => "spans",
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
    /// Requests that were not taken, or not whole, in the order of [`Signal::ALL`].
    failed: [Counter; Signal::ALL.len()],
    /// Whether the last request was not taken, in the same order.
    fails: [AtomicBool; Signal::ALL.len()],
    /// Spans that were dropped because too many waited.
    pub(crate) crowded_out: Counter,
    /// Spans that were dropped because the collector did not take them.
    pub(crate) not_taken: Counter,
    /// Of the last request with spans, those that the collector does not take.
    pub(crate) rejected: AtomicU64,
    /// When the log was told last that spans are dropped because too many wait.
    crowded_told: Told,
    /// When it was told last what the collector says of requests that it takes, in the same order.
    taken_told: [Told; Signal::ALL.len()],
}

/// When the log was told last.
#[derive(Debug, Default)]
struct Told(Mutex<Option<Instant>>);

impl Told {
    /// Whether to tell it now.
    fn is_due(&self) -> bool {
        let (now, mut told) = (Instant::now(), self.0.lock());
        let is_due = told.is_none_or(|told| now.duration_since(told) >= TELL_EVERY);
        if is_due {
            *told = Some(now);
        }
        is_due
    }
}

impl Sent {
    /// The log is told when it begins to fail and when it is well again, and not of each request.
    fn note(&self, collector: &Collector, result: Result<Taken, String>) {
        let (signal, to) = (collector.signal, &collector.url);
        let name = signal.name();
        let fails = &self.fails[signal as usize];
        let failed_before = fails.swap(result.is_err(), Ordering::Relaxed);
        match result {
            Ok(taken) => {
                if failed_before {
                    info!("the collector takes {name} again");
                }
                self.note_rejected(collector, &taken);
            }
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

    fn note_rejected(&self, collector: &Collector, Taken { rejected, message }: &Taken) {
        let signal = collector.signal;
        if *rejected > 0 {
            self.failed[signal as usize].add();
        }
        let has_something_to_say = *rejected > 0 || !message.is_empty();
        if has_something_to_say && self.taken_told[signal as usize].is_due() {
            let (to, what) = (shown(&collector.url), signal.items());
            let said = answer::for_log(message, &collector.headers);
            warn!("the collector at {to} does not take {rejected} {what} of a request: {said}");
        }
    }

    /// Notes that a span was dropped because too many waited.
    pub(crate) fn crowd_out(&self, spans_max: usize) {
        self.crowded_out.add();
        if self.crowded_told.is_due() {
            let n = self.crowded_out.get();
            warn!("{n} spans were dropped, because {spans_max} wait for the collector already");
        }
    }

    /// Adds the figures to a page.
    pub(crate) fn add_to(&self, page: &mut Page) {
        let help = "Exports to the OpenTelemetry collector that it did not take, or not whole";
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
    /// Makes one request with this message, and notes what became of it.
    pub(crate) async fn export(&self, message: Bytes) -> Result<Response<Bytes>, String> {
        let posted = self.post(message).await;
        let read =
            |it: &Response<Bytes>| answer::read(self.signal, it.status().as_u16(), it.body());
        let result = posted.as_ref().map_err(Clone::clone).and_then(read);
        if self.signal == Signal::Traces {
            // What is not known to be taken is counted as lost.
            let rejected = result.as_ref().map_or(u64::MAX, |taken| taken.rejected);
            self.sent.rejected.store(rejected, Ordering::Release);
        }
        self.sent.note(self, result);
        posted
    }

    /// Makes one request with this message, and returns the answer.
    async fn post(&self, message: Bytes) -> Result<Response<Bytes>, String> {
        let request = self
            .client
            .post(self.url.clone())
            .headers(self.headers.clone())
            .header(CONTENT_TYPE, "application/x-protobuf")
            .body(message)
            .timeout(self.timeout);
        let exchange = self.runtime.spawn(async move {
            let mut answer = request.send().await.map_err(failure)?;
            let mut response = Response::default();
            *response.status_mut() = answer.status();
            // Among them is when to try again.
            *response.headers_mut() = std::mem::take(answer.headers_mut());
            let body = read_body(answer, ANSWER_BYTES_MAX).await;
            *response.body_mut() = body.map_err(|_| "its answer cannot be read".to_owned())?.into();
            Ok(response)
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
        Ok(self.export(request.into_body()).await?)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use live_users_http_kit::http_client;
    use tokio::runtime::Runtime;

    use super::*;

    #[test]
    fn the_exporter_is_told_when_to_try_again() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let answering = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let (head, mut read) = (b"\r\n\r\n", Vec::new());
            while !read.ends_with(head) {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                read.extend(byte);
            }
            let answer = "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy";
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let runtime = Runtime::new().unwrap();
        let collector = Collector {
            client: http_client("test", Duration::from_mins(1)).unwrap(),
            url,
            headers: HeaderMap::new(),
            timeout: Duration::from_mins(1),
            runtime: runtime.handle().clone(),
            signal: Signal::Traces,
            sent: Arc::default(),
        };
        let answer = runtime.block_on(collector.send_bytes(Request::default())).unwrap();
        assert_eq!((answer.status().as_u16(), answer.body().as_ref()), (503, &b"busy"[..]));
        assert_eq!(answer.headers()["retry-after"], "7");
        answering.join().unwrap();
    }
}
