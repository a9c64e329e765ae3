//! The way of spans to the collector: a queue whose bound is kept here, so that what is dropped can
//! be counted and told. The queue of the SDK drops silently; it has more room than this lets in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor,
};

use crate::collector::Sent;

/// The most spans in one request.
const BATCH_MAX: usize = 512;

/// Spans that have ended and were not yet taken by the exporter.
#[derive(Debug)]
struct Waiting {
    spans: AtomicUsize,
    max: usize,
    sent: Arc<Sent>,
}

/// Lets as many spans wait as the settings allow.
#[derive(Debug)]
pub(crate) struct Processor {
    inner: BatchSpanProcessor,
    waiting: Arc<Waiting>,
}

/// Tells how many spans were taken out of the queue, and which of them the collector did not take.
#[derive(Debug)]
struct Exporter<E> {
    inner: E,
    waiting: Arc<Waiting>,
}

impl Processor {
    /// Starts the thread of the exporter.
    pub(crate) fn start<E: SpanExporter + 'static>(
        exporter: E,
        (max, delay): (usize, Duration),
        sent: Arc<Sent>,
    ) -> Self {
        let waiting = Arc::new(Waiting { spans: AtomicUsize::new(0), max, sent });
        let exporter = Exporter { inner: exporter, waiting: waiting.clone() };
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(max + BATCH_MAX)
            .with_max_export_batch_size(BATCH_MAX.min(max))
            .with_scheduled_delay(delay)
            .build();
        Self { inner: BatchSpanProcessor::new(exporter, config), waiting }
    }
}

impl SpanProcessor for Processor {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        let Waiting { spans, max, sent } = &*self.waiting;
        if spans.fetch_add(1, Ordering::AcqRel) >= *max {
            spans.fetch_sub(1, Ordering::AcqRel);
            return sent.crowd_out(*max);
        }
        self.inner.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl<E: SpanExporter> SpanExporter for Exporter<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let n = batch.len();
        self.waiting.spans.fetch_sub(n, Ordering::AcqRel);
        let result = self.inner.export(batch).await;
        let sent = &self.waiting.sent;
        // One batch after the other is exported, so this is what the collector has said of this one.
        let rejected = sent.rejected.swap(0, Ordering::AcqRel);
        let lost = if result.is_err() { n as u64 } else { rejected.min(n as u64) };
        sent.not_taken.add_many(lost);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
