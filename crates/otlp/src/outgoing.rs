//! Spans of requests that go out.

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanBuilder, SpanKind, Status, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::HeaderInjector;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use reqwest::{Error, Request, RequestBuilder, Response};

use crate::spans::tracer;

/// Sends a request in a span of its own, below the present one if there is one. Its receiver learns
/// of that by the header `traceparent`. `purpose` is why it is sent, by a word of a closed list.
///
/// The span begins when the future is first polled, and ends with the head of the answer.
///
/// # Errors
/// Those of the client.
pub fn send(
    request: RequestBuilder,
    purpose: &'static str,
) -> impl Future<Output = Result<Response, Error>> {
    let traced = tracer().map(|tracer| (tracer, Context::current()));
    async move {
        let Some((tracer, parent)) = traced else { return request.send().await };
        let (client, request) = request.build_split();
        let mut request = request?;
        let span = span_of(&request, purpose).start_with_context(tracer, &parent);
        let context = parent.with_span(span);
        let headers = request.headers_mut();
        TraceContextPropagator::new().inject_context(&context, &mut HeaderInjector(headers));
        // The propagator writes it even where it is empty, which W3C Trace Context says not to send.
        headers.remove("tracestate");
        let result = client.execute(request).await;
        end(&context, &result);
        result
    }
}

fn span_of(request: &Request, purpose: &'static str) -> SpanBuilder {
    let url = request.url();
    let method = request.method().as_str().to_owned();
    // Neither the path nor the query: both may hold secrets.
    let mut attributes = vec![
        KeyValue::new("http.request.method", method.clone()),
        KeyValue::new("live_users.purpose", purpose),
        KeyValue::new("url.scheme", url.scheme().to_owned()),
    ];
    attributes.extend(url.host_str().map(|host| KeyValue::new("server.address", host.to_owned())));
    let port = url.port_or_known_default();
    attributes.extend(port.map(|port| KeyValue::new("server.port", i64::from(port))));
    SpanBuilder::from_name(method).with_kind(SpanKind::Client).with_attributes(attributes)
}

fn end(context: &Context, result: &Result<Response, Error>) {
    let span = context.span();
    let failure = match result {
        Ok(answer) => {
            let status = answer.status().as_u16();
            span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
            (status >= 400).then(|| status.to_string())
        }
        Err(error) if error.is_timeout() => Some("timeout".to_owned()),
        Err(error) if error.is_connect() => Some("connect".to_owned()),
        Err(_) => Some("_OTHER".to_owned()),
    };
    if let Some(why) = failure {
        span.set_attribute(KeyValue::new("error.type", why));
        span.set_status(Status::error(""));
    }
    span.end();
}
