//! Spans as they came, and how they hang together.

use live_users_otlp::messages::collector::trace::v1::ExportTraceServiceRequest;
use live_users_otlp::messages::common::v1::KeyValue;
use live_users_otlp::messages::common::v1::any_value::Value;
use live_users_otlp::messages::trace::v1::Span;
use live_users_otlp::messages::trace::v1::span::SpanKind;

use crate::collector::Collector;

/// All spans that came so far.
#[derive(Debug, Default)]
pub(crate) struct Spans(pub(crate) Vec<Span>);

impl Spans {
    /// Takes spans in until this is found among them.
    pub(crate) fn until<T>(
        &mut self,
        collector: &Collector,
        mut find: impl FnMut(&Self) -> Option<T>,
    ) -> T {
        loop {
            if let Some(found) = find(self) {
                return found;
            }
            self.add(collector.traces());
        }
    }

    pub(crate) fn add(&mut self, traces: ExportTraceServiceRequest) {
        let of_scopes = traces.resource_spans.into_iter().flat_map(|it| it.scope_spans);
        self.0.extend(of_scopes.flat_map(|it| it.spans));
    }

    pub(crate) fn named(&self, name: &str) -> Option<Span> {
        self.0.iter().find(|span| span.name == name).cloned()
    }

    pub(crate) fn by_id(&self, id: &[u8]) -> Option<&Span> {
        self.0.iter().find(|span| span.span_id == id)
    }

    /// The names of the spans below this one, each with how deep it is, in the order of their times.
    pub(crate) fn below(&self, parent: &Span, depth: usize) -> Vec<(usize, String)> {
        let is_its = |span: &&Span| span.parent_span_id == parent.span_id;
        let mut children: Vec<_> = self.0.iter().filter(is_its).collect();
        children.sort_by_key(|span| (span.start_time_unix_nano, span.end_time_unix_nano));
        let each = children.into_iter().flat_map(|child| {
            assert_eq!(child.trace_id, parent.trace_id);
            assert!(child.start_time_unix_nano <= child.end_time_unix_nano, "{child:?}");
            assert!(child.start_time_unix_nano >= parent.start_time_unix_nano, "{child:?}");
            assert!(child.end_time_unix_nano <= parent.end_time_unix_nano, "{child:?}");
            let mut all = vec![(depth, child.name.clone())];
            all.extend(self.below(child, depth + 1));
            all
        });
        each.collect()
    }
}

/// The attributes as text, in the order of their names.
pub(crate) fn attributes(all: &[KeyValue]) -> Vec<(String, String)> {
    let text = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(n) => n.to_string(),
        other => panic!("neither text nor number: {other:?}"),
    };
    let each = all.iter().map(|it| {
        let value = it.value.as_ref().and_then(|it| it.value.as_ref()).expect("a value");
        (it.key.clone(), text(value))
    });
    let mut each: Vec<_> = each.collect();
    each.sort();
    each
}

/// One attribute of a span.
pub(crate) fn attribute(span: &Span, name: &str) -> Option<String> {
    attributes(&span.attributes).into_iter().find(|(it, _)| it == name).map(|(_, value)| value)
}

/// The spans of requests that went out for this purpose.
pub(crate) fn sent_for(spans: &Spans, purpose: &str) -> Option<Span> {
    let is_it = |span: &&Span| {
        span.kind() == SpanKind::Client
            && attribute(span, "live_users.purpose").as_deref() == Some(purpose)
    };
    spans.0.iter().find(is_it).cloned()
}
