//! Spans of a webhook. Where no webhook is traced, these do nothing.

use std::sync::OnceLock;

use futures_util::future::Either;
use opentelemetry::context::FutureExt;
use opentelemetry::propagation::Extractor;
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags,
    TraceId, TraceState,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, Span};

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Has spans made by this one from now on. The first one stays.
pub(crate) fn install(tracer: SdkTracer) {
    let _is_there_already = TRACER.set(tracer);
}

pub(crate) fn tracer() -> Option<&'static SdkTracer> {
    TRACER.get()
}

/// The present context, if there is a span in it that is kept.
pub(crate) fn present() -> Option<Context> {
    TRACER.get()?;
    let context = Context::current();
    context.span().is_recording().then_some(context)
}

pub(crate) fn start(span: SpanBuilder, parent: &Context) -> Option<Span> {
    Some(span.start_with_context(TRACER.get()?, parent))
}

/// Runs a future in a span below the present one.
pub fn in_span<F: Future>(name: &'static str, future: F) -> impl Future<Output = F::Output> {
    let Some(context) = child(name) else { return Either::Right(future) };
    Either::Left(async move {
        let output = future.with_context(context.clone()).await;
        context.span().end();
        output
    })
}

/// As [`in_span`], for what does not wait.
pub fn within<T>(name: &'static str, what: impl FnOnce() -> T) -> T {
    let Some(context) = child(name) else { return what() };
    let _present = context.attach();
    what()
}

fn child(name: &'static str) -> Option<Context> {
    let parent = present()?;
    let span = start(SpanBuilder::from_name(name), &parent)?;
    Some(parent.with_span(span))
}

/// Adds an attribute to the present span. It must come from a closed list of words, or from the agents
/// file: anything else may be private.
pub fn note(name: &'static str, value: &str) {
    if let Some(context) = present() {
        context.span().set_attribute(KeyValue::new(name, value.to_owned()));
    }
}

/// Says that the present span has failed, and why, by a word of a closed list.
pub(crate) fn fail(why: &'static str) {
    if let Some(context) = present() {
        context.span().set_attribute(KeyValue::new("error.type", why));
        context.span().set_status(Status::error(why));
    }
}

/// The span of a request that came in.
pub struct ServerSpan(Context);

impl ServerSpan {
    /// Begins it, below the one that the header `traceparent` names. `None` if nothing is traced.
    /// `route` is the path as the server knows it, never as it came.
    pub fn begin(method: &str, route: &'static str, headers: &dyn Extractor) -> Option<Self> {
        let tracer = tracer()?;
        let parent = parent(headers);
        // Whoever sends may write anything as its method.
        let method = match method {
            "GET" => "GET",
            "POST" => "POST",
            "HEAD" => "HEAD",
            _ => "_OTHER",
        };
        let shown = if method == "_OTHER" { "HTTP" } else { method };
        let attributes = [
            KeyValue::new("http.request.method", method),
            KeyValue::new("http.route", route),
            KeyValue::new("url.scheme", "http"),
        ];
        let span = SpanBuilder::from_name(format!("{shown} {route}"))
            .with_kind(SpanKind::Server)
            .with_attributes(attributes)
            .start_with_context(tracer, &parent);
        Some(Self(parent.with_span(span)))
    }

    /// Runs a future in it.
    pub fn cover<F: Future>(&self, future: F) -> impl Future<Output = F::Output> {
        future.with_context(self.0.clone())
    }

    /// Ends it with the status of the answer.
    pub fn end(self, status: u16) {
        let span = self.0.span();
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
        if status >= 500 {
            span.set_attribute(KeyValue::new("error.type", status.to_string()));
            span.set_status(Status::error(""));
        }
        span.end();
    }
}

/// The context of the one span that `traceparent` names. `tracestate` is not read: it is free text of
/// whoever sends, and would stand in each span.
fn parent(headers: &dyn Extractor) -> Context {
    let named = match headers.get_all("traceparent").as_deref() {
        Some([text]) => named_by(text),
        _ => None,
    };
    named.map_or_else(Context::new, |span| Context::new().with_remote_span_context(span))
}

/// The span that this names in exactly the form of version 00 of W3C Trace Context. The propagator of
/// the SDK takes shorter ids, and such with a sign.
fn named_by(traceparent: &str) -> Option<SpanContext> {
    let parts: Vec<_> = traceparent.splitn(5, '-').collect();
    let &["00", trace, span, flags] = parts.as_slice() else { return None };
    let is_hex = |text: &str, digits| {
        text.len() == digits && text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
    };
    if !(is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2)) {
        return None;
    }
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let named = SpanContext::new(trace, span, flags, true, TraceState::NONE);
    named.is_valid().then_some(named)
}

/// Makes a span that is over, below the present one.
pub(crate) fn past(
    parent: &Context,
    name: &'static str,
    (from, to): (std::time::SystemTime, std::time::SystemTime),
    links: Vec<opentelemetry::trace::Link>,
) {
    let span = SpanBuilder::from_name(name).with_start_time(from).with_links(links);
    if let Some(mut span) = start(span, parent) {
        // The machine's clock may have been set back meanwhile.
        span.end_with_timestamp(to.max(from));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[test]
    fn a_parent_is_followed_only_in_the_exact_form() {
        for (flags, is_sampled) in [("01", true), ("00", false), ("ff", true), ("fe", false)] {
            let named = named_by(&format!("00-{TRACE}-{SPAN}-{flags}")).expect(flags);
            let ids = (named.trace_id().to_string(), named.span_id().to_string());
            assert_eq!(ids, (TRACE.to_owned(), SPAN.to_owned()));
            assert_eq!(named.is_sampled(), is_sampled, "{flags}");
            assert_eq!(named.trace_state(), &TraceState::NONE);
        }
        let (upper, zeros) = (TRACE.to_uppercase(), "0".repeat(32));
        for wrong in [
            "",
            "junk",
            &format!("01-{TRACE}-{SPAN}-01"),
            &format!("ff-{TRACE}-{SPAN}-01"),
            &format!("0-{TRACE}-{SPAN}-01"),
            &format!("00-{TRACE}-{SPAN}-1"),
            &format!("00-{TRACE}-{SPAN}-+1"),
            &format!("00-{TRACE}-{SPAN}-01-"),
            &format!("00-{TRACE}-{SPAN}-01-x"),
            &format!(" 00-{TRACE}-{SPAN}-01"),
            &format!("00-{upper}-{SPAN}-01"),
            &format!("00-{zeros}-{SPAN}-01"),
            &format!("00-{TRACE}-{}-01", &zeros[..16]),
            &format!("00-{}-{SPAN}-01", &TRACE[1..]),
            &format!("00-+{}-{SPAN}-01", &TRACE[1..]),
            &format!("00-+14155550123-{SPAN}-01"),
            &format!("00-{TRACE}-+{}-01", &SPAN[1..]),
        ] {
            assert_eq!(named_by(wrong), None, "{wrong}");
        }
    }
}
