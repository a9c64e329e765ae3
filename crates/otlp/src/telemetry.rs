//! What sends metrics and traces, from the start of a server to its end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use live_users_http_kit::metrics::Page;
use live_users_http_kit::{error_chain, http_client};
use log::{info, warn};
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanLimits};
use prost::Message;
use tokio::runtime::{Builder, Runtime};

use crate::collector::{Collector, Sent, Signal, shown};
use crate::page::{self, Origin};
use crate::processor::Processor;
use crate::sampler::Rule;
use crate::settings::Settings;
use crate::spans;

/// How long the last exports may take once the server ends.
const LAST_EXPORTS: Duration = Duration::from_millis(1_500);

/// The longest time to connect to a collector.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends metrics and traces. Dropping it ends that.
pub struct Telemetry {
    metrics: Option<Collector>,
    metrics_every: Duration,
    origin: Origin,
    provider: Option<SdkTracerProvider>,
    sent: Arc<Sent>,
    /// Dropped from a thread that may not block: see [`Drop`].
    runtime: Option<Runtime>,
}

impl Telemetry {
    /// Starts it, and sends nothing yet. Says in the log where what is sent.
    ///
    /// # Errors
    /// The system's own, and settings that the exporter refuses.
    pub fn start(settings: Settings, user_agent: &'static str, version: &str) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("otlp")
            .enable_all()
            .build()?;
        let sent = Arc::new(Sent::default());
        let client = http_client(user_agent, CONNECT_TIMEOUT)?;
        let collector = |signal: Signal| {
            settings.urls[signal as usize].clone().map(|url| Collector {
                client: client.clone(),
                url,
                headers: settings.headers.clone(),
                timeout: settings.timeout,
                runtime: runtime.handle().clone(),
                signal,
                sent: sent.clone(),
            })
        };
        let [metrics, traces] = Signal::ALL.map(collector);
        for it in [&metrics, &traces].into_iter().flatten() {
            info!("{} go to the collector at {}", it.signal.name(), shown(&it.url));
        }
        for name in &settings.unread {
            warn!("{name} is set, and is not among the settings of OpenTelemetry that are read");
        }
        let provider = traces.map(|it| provider(it, &settings)).transpose()?;
        if let Some(provider) = &provider {
            spans::install(provider.tracer(page::SCOPE));
        }
        let origin = Origin::here(&settings.resource, version);
        let (metrics_every, runtime) = (settings.metrics_every, Some(runtime));
        Ok(Self { metrics, metrics_every, origin, provider, sent, runtime })
    }

    /// The interval between two exports of metrics, if they are exported.
    pub fn metrics_every(&self) -> Option<Duration> {
        self.metrics.as_ref().map(|_| self.metrics_every)
    }

    /// Adds figures about exports to a page.
    pub fn add_to(&self, page: &mut Page) {
        self.sent.add_to(page);
    }

    /// Sends the figures of this page, and returns when that has succeeded or failed.
    pub async fn export(&self, page: &Page) {
        let Some(collector) = &self.metrics else { return };
        let message = page::message(page, &self.origin).encode_to_vec();
        // What became of it is counted and told there.
        let _answer = collector.export(message.into()).await;
    }

    /// Sends the figures of this last page, and the spans that wait. It takes at most 1.5 s.
    pub async fn stop(&self, last: &Page) {
        let provider = self.provider.clone();
        let traces = tokio::task::spawn_blocking(move || {
            provider.is_none_or(|it| it.shutdown_with_timeout(LAST_EXPORTS).is_ok())
        });
        let both = async { tokio::join!(self.export(last), traces) };
        if !matches!(tokio::time::timeout(LAST_EXPORTS, both).await, Ok(((), Ok(true)))) {
            warn!("the collector has not taken the last spans or metrics in time");
        }
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn provider(collector: Collector, settings: &Settings) -> io::Result<SdkTracerProvider> {
    let sent = collector.sent.clone();
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_endpoint(collector.url.as_str())
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(settings.timeout)
        .with_http_client(collector)
        .build()
        .map_err(|error| io::Error::other(error_chain(&error)))?;
    let spans = (settings.spans_max, settings.spans_delay);
    let attributes = settings.resource.iter().map(|(k, v)| KeyValue::new(k.clone(), v.clone()));
    let resource = Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(attributes)
        .build();
    Ok(SdkTracerProvider::builder()
        .with_span_processor(Processor::start(exporter, spans, sent))
        .with_sampler(Rule::of(settings.sampling))
        // The SDK takes them from variables that are not among the settings.
        .with_span_limits(SpanLimits::default())
        .with_resource(resource)
        .build())
}
