//! Which traces are kept.

use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SamplingResult, ShouldSample};

use crate::settings::Sampling;

/// The rule of the settings, and one for the batches of the writer: such a span stands alone, and is
/// kept if a webhook that it is linked to is.
#[derive(Clone, Debug)]
pub(crate) struct Rule(Sampler);

impl Rule {
    pub(crate) fn of(Sampling { by_parent, ratio }: Sampling) -> Self {
        // With 1 it keeps all of them, and with 0 none.
        let root = Sampler::TraceIdRatioBased(ratio);
        Self(if by_parent { Sampler::ParentBased(Box::new(root)) } else { root })
    }
}

impl ShouldSample for Rule {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let is_kept = |link: &Link| link.span_context.is_sampled();
        let rule = if links.iter().any(is_kept) { &Sampler::AlwaysOn } else { &self.0 };
        rule.should_sample(parent, trace_id, name, kind, attributes, links)
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceState};
    use opentelemetry_sdk::trace::SamplingDecision;

    use super::*;

    fn decides(rule: &Rule, links: &[TraceFlags]) -> SamplingDecision {
        let link = |flags: &TraceFlags| {
            let ids = (TraceId::from(7), SpanId::from(7));
            Link::with_context(SpanContext::new(ids.0, ids.1, *flags, false, TraceState::NONE))
        };
        let links: Vec<_> = links.iter().map(link).collect();
        rule.should_sample(None, TraceId::from(1), "x", &SpanKind::Internal, &[], &links).decision
    }

    #[test]
    fn a_batch_is_kept_if_one_of_its_webhooks_is() {
        let none = Rule::of(Sampling { by_parent: true, ratio: 0.0 });
        let (kept, left_out) = (TraceFlags::SAMPLED, TraceFlags::NOT_SAMPLED);
        assert_eq!(decides(&none, &[]), SamplingDecision::Drop);
        assert_eq!(decides(&none, &[left_out, left_out]), SamplingDecision::Drop);
        assert_eq!(decides(&none, &[left_out, kept]), SamplingDecision::RecordAndSample);
        let all = Rule::of(Sampling { by_parent: false, ratio: 1.0 });
        assert_eq!(decides(&all, &[]), SamplingDecision::RecordAndSample);
    }
}
