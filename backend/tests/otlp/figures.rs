//! The figures that came, written as Prometheus writes them.

use std::collections::BTreeMap;

use live_users_otlp::messages::collector::metrics::v1::ExportMetricsServiceRequest;
use live_users_otlp::messages::common::v1::KeyValue;
use live_users_otlp::messages::metrics::v1::metric::Data;
use live_users_otlp::messages::metrics::v1::number_data_point::Value;
use live_users_otlp::messages::metrics::v1::{
    AggregationTemporality, HistogramDataPoint, NumberDataPoint,
};

use crate::spans::attributes;

/// The name with labels of each figure, and its value.
pub(crate) fn figures(message: &ExportMetricsServiceRequest) -> BTreeMap<String, f64> {
    let mut figures = BTreeMap::new();
    let scopes = message.resource_metrics.iter().flat_map(|it| &it.scope_metrics);
    for metric in scopes.flat_map(|it| &it.metrics) {
        let name = &metric.name;
        assert!(!metric.description.is_empty(), "{name}");
        assert_eq!(metric.unit == "s", name.ends_with("_seconds"), "{name}");
        match metric.data.as_ref().expect("data") {
            Data::Gauge(gauge) => {
                for point in &gauge.data_points {
                    add(&mut figures, &series(name, &point.attributes, None), number(point));
                }
            }
            Data::Sum(sum) => {
                assert!(sum.is_monotonic, "{name}");
                assert_eq!(sum.aggregation_temporality(), AggregationTemporality::Cumulative);
                for point in &sum.data_points {
                    let name = format!("{name}_total");
                    add(&mut figures, &series(&name, &point.attributes, None), number(point));
                }
            }
            Data::Histogram(histogram) => {
                assert_eq!(histogram.aggregation_temporality(), AggregationTemporality::Cumulative);
                histogram.data_points.iter().for_each(|it| durations(&mut figures, name, it));
            }
            other => panic!("no kind of Prometheus: {other:?}"),
        }
    }
    figures
}

fn durations(figures: &mut BTreeMap<String, f64>, name: &str, point: &HistogramDataPoint) {
    assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
    let mut below = 0;
    let bounds = point.explicit_bounds.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
    for (bound, n) in bounds.zip(&point.bucket_counts) {
        below += n;
        let le = Some(("le", bound.as_str()));
        add(figures, &series(&format!("{name}_bucket"), &point.attributes, le), below as f64);
    }
    assert_eq!(below, point.count);
    add(figures, &series(&format!("{name}_count"), &point.attributes, None), point.count as f64);
    let sum = point.sum.expect("a sum");
    add(figures, &series(&format!("{name}_sum"), &point.attributes, None), sum);
}

fn add(figures: &mut BTreeMap<String, f64>, series: &str, value: f64) {
    assert!(figures.insert(series.to_owned(), value).is_none(), "twice: {series}");
}

/// The labels in an order of their own: a scrape has them in another.
pub(crate) fn series(name: &str, labels: &[KeyValue], le: Option<(&str, &str)>) -> String {
    let mut labels = attributes(labels);
    labels.extend(le.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let labels: Vec<_> =
        labels.into_iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    match labels.is_empty() {
        true => name.to_owned(),
        false => format!("{name}{{{}}}", labels.join(",")),
    }
}

/// The same series with its labels in the order of [`series`]. None of the test has a comma in it.
pub(crate) fn sorted(series: &str) -> String {
    let Some((name, labels)) = series.split_once('{') else { return series.to_owned() };
    let mut labels: Vec<_> = labels.trim_end_matches('}').split(',').collect();
    labels.sort_unstable();
    format!("{name}{{{}}}", labels.join(","))
}

fn number(point: &NumberDataPoint) -> f64 {
    match point.value.expect("a value") {
        Value::AsDouble(value) => value,
        Value::AsInt(n) => n as f64,
    }
}
