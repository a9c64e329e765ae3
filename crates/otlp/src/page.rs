//! The figures of `/metrics` as a message for a collector: the same page, so that they cannot differ.
//!
//! The SDK's own instruments are passed over: none of them takes a whole histogram as it is, and the
//! figures of a set that is not known could not be left out.

use std::time::{SystemTime, UNIX_EPOCH};

use live_users_http_kit::metrics::{Family, Page, Value};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value::{AsDouble, AsInt};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

/// What says where the figures come from.
pub(crate) const SCOPE: &str = "live-users";

/// Counters whose values are older than the process: since when they count is not known.
const OF_THE_JOURNAL: [&str; 1] = ["live_users_healed_calls"];

/// Where the figures come from, and since when they count.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    resource: Resource,
    scope: InstrumentationScope,
    started: SystemTime,
}

impl Origin {
    /// This process, from now on.
    pub(crate) fn here(attributes: &[(String, String)], version: &str) -> Self {
        let attributes = attributes.iter().map(|(name, value)| attribute(name, value)).collect();
        let (name, version) = (SCOPE.to_owned(), version.to_owned());
        Self {
            resource: Resource { attributes, ..Resource::default() },
            scope: InstrumentationScope { name, version, ..InstrumentationScope::default() },
            started: SystemTime::now(),
        }
    }
}

/// The figures of this page, which was made just now.
pub(crate) fn message(page: &Page, origin: &Origin) -> ExportMetricsServiceRequest {
    let Origin { resource, scope, started } = origin.clone();
    let times = (nanoseconds(started), nanoseconds(SystemTime::now()));
    let metrics = page.families().iter().map(|family| metric(family, times)).collect();
    let (resource, scope) = (Some(resource), Some(scope));
    let scope_metrics = vec![ScopeMetrics { scope, metrics, ..ScopeMetrics::default() }];
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource,
            scope_metrics,
            ..ResourceMetrics::default()
        }],
    }
}

fn metric(family: &Family, (started, now): (u64, u64)) -> Metric {
    let started = if OF_THE_JOURNAL.contains(&family.name) { 0 } else { started };
    let points = |start_time_unix_nano| -> Vec<NumberDataPoint> {
        let samples = family.samples.iter();
        let point = samples.filter_map(|(labels, value)| {
            let value = match value {
                Value::Gauge(value) => AsDouble(*value),
                Value::Counter(n) => AsInt(i64::try_from(*n).unwrap_or(i64::MAX)),
                Value::Info => AsInt(1),
                Value::Histogram { .. } => return None,
            };
            Some(NumberDataPoint {
                attributes: attributes(labels),
                start_time_unix_nano,
                time_unix_nano: now,
                value: Some(value),
                ..NumberDataPoint::default()
            })
        });
        point.collect()
    };
    let cumulative = AggregationTemporality::Cumulative.into();
    let data = match family.samples[0].1 {
        Value::Gauge(_) | Value::Info => Data::Gauge(Gauge { data_points: points(0) }),
        Value::Counter(_) => Data::Sum(Sum {
            data_points: points(started),
            aggregation_temporality: cumulative,
            is_monotonic: true,
        }),
        Value::Histogram { .. } => Data::Histogram(Histogram {
            data_points: histograms(family, (started, now)),
            aggregation_temporality: cumulative,
        }),
    };
    let is_info = matches!(family.samples[0].1, Value::Info);
    Metric {
        name: format!("{}{}", family.name, if is_info { "_info" } else { "" }),
        description: family.help.to_owned(),
        unit: if family.name.ends_with("_seconds") { "s" } else { "" }.to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

fn histograms(family: &Family, (started, now): (u64, u64)) -> Vec<HistogramDataPoint> {
    let samples = family.samples.iter();
    let point = samples.filter_map(|(labels, value)| {
        let Value::Histogram { buckets, count, sum_s } = value else { return None };
        let (explicit_bounds, mut bucket_counts): (Vec<_>, Vec<_>) =
            buckets.iter().copied().unzip();
        // What is in no other bucket.
        bucket_counts.push(count - bucket_counts.iter().sum::<u64>());
        Some(HistogramDataPoint {
            attributes: attributes(labels),
            start_time_unix_nano: started,
            time_unix_nano: now,
            count: *count,
            sum: Some(*sum_s),
            bucket_counts,
            explicit_bounds,
            ..HistogramDataPoint::default()
        })
    });
    point.collect()
}

fn attributes(labels: &[(&'static str, String)]) -> Vec<KeyValue> {
    labels.iter().map(|(name, value)| attribute(name, value)).collect()
}

fn attribute(name: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(StringValue(value.to_owned())) });
    KeyValue { key: name.to_owned(), value, ..KeyValue::default() }
}

fn nanoseconds(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
