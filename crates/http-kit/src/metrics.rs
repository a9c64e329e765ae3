//! Metrics in the text format of Prometheus (version 0.0.4): counters of events, and the page of
//! all figures, which is made anew for each scrape.
//!
//! A counter of events is an atomic. The size of a set is never one: it is read from the set.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::prometheus_text::{CONTENT_TYPE, encode};
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

/// Counts an event since the start of the process.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds so many.
    pub fn add_many(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The count.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The upper bounds of the buckets of a [`Histogram`], in seconds. The last bucket has no bound.
const BOUNDS_S: [f64; 11] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 2.0];

/// Durations of something, in buckets from half a millisecond to 2 s.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; BOUNDS_S.len() + 1],
    sum_us: AtomicU64,
}

impl Histogram {
    /// Adds a duration.
    pub fn note(&self, took: Duration) {
        let bucket = BOUNDS_S.partition_point(|bound| *bound < took.as_secs_f64());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    fn value(&self) -> Value {
        let counts = self.buckets.each_ref().map(|bucket| bucket.load(Ordering::Relaxed));
        let sum_s = Duration::from_micros(self.sum_us.load(Ordering::Relaxed)).as_secs_f64();
        let count = counts.iter().sum();
        Value::Histogram { buckets: BOUNDS_S.into_iter().zip(counts).collect(), count, sum_s }
    }
}

/// The moment at which this process started.
#[derive(Clone, Copy, Debug)]
pub struct Started(SystemTime);

impl Started {
    /// Now.
    pub fn now() -> Self {
        Self(SystemTime::now())
    }
}

/// The figures of one scrape, by family.
#[derive(Debug, Default)]
pub struct Page(Vec<Family>);

/// The labels of one figure.
pub type Labels<'a> = &'a [(&'static str, &'a str)];

/// Figures of one name, which differ in their labels. There is at least one.
#[derive(Debug)]
pub struct Family {
    /// The name, without the `_total` of a counter and the `_info` of labels without a value.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// The labels and the value of each figure. All are of one kind.
    pub samples: Vec<(Vec<(&'static str, String)>, Value)>,
}

/// A figure.
#[derive(Debug)]
pub enum Value {
    /// The present value of something.
    Gauge(f64),
    /// The count of an event.
    Counter(u64),
    /// None: the labels say all.
    Info,
    /// Durations. The bucket without a bound has what is in no other.
    Histogram {
        /// The upper bound of each bucket in seconds, and how many are in it and in none before it.
        buckets: Vec<(f64, u64)>,
        /// How many there are.
        count: u64,
        /// Their sum in seconds.
        sum_s: f64,
    },
}

impl Page {
    /// A page with the figures that every server has.
    pub fn of(version: &str, started: Started) -> Self {
        let mut page = Self::default();
        page.info("live_users_build", "The version that runs", &[("version", version)]);
        let since = started.0.duration_since(UNIX_EPOCH).unwrap_or_default();
        let help = "When the process was started, in seconds since the Unix epoch";
        page.gauge("process_start_time_seconds", help, since.as_secs_f64());
        page
    }

    /// Adds the present value of something.
    pub fn gauge(&mut self, name: &'static str, help: &'static str, value: f64) {
        self.gauges(name, help, [(&[] as Labels<'_>, value)]);
    }

    /// As [`Page::gauge`], for several labels.
    pub fn gauges<'a>(
        &mut self,
        name: &'static str,
        help: &'static str,
        values: impl IntoIterator<Item = (Labels<'a>, f64)>,
    ) {
        let values = values.into_iter().map(|(labels, value)| (labels, Value::Gauge(value)));
        self.family(name, help, values);
    }

    /// Adds the count of an event. `_total` is added to the name.
    pub fn counter(&mut self, name: &'static str, help: &'static str, value: u64) {
        self.counters(name, help, [(&[] as Labels<'_>, value)]);
    }

    /// As [`Page::counter`], for several labels.
    pub fn counters<'a>(
        &mut self,
        name: &'static str,
        help: &'static str,
        values: impl IntoIterator<Item = (Labels<'a>, u64)>,
    ) {
        let values = values.into_iter().map(|(labels, value)| (labels, Value::Counter(value)));
        self.family(name, help, values);
    }

    /// As [`Page::counters`], for an event that has several reasons.
    pub fn counters_by_reason<const N: usize>(
        &mut self,
        name: &'static str,
        help: &'static str,
        reasons: [&'static str; N],
        values: [u64; N],
    ) {
        let labels = reasons.map(|reason| [("reason", reason)]);
        let values = labels.iter().map(|labels| labels as Labels<'_>).zip(values);
        self.counters(name, help, values);
    }

    /// Adds labels without a value. `_info` is added to the name.
    pub fn info(&mut self, name: &'static str, help: &'static str, labels: Labels<'_>) {
        self.family(name, help, [(labels, Value::Info)]);
    }

    /// Adds durations.
    pub fn histogram(&mut self, name: &'static str, help: &'static str, values: &Histogram) {
        self.family(name, help, [(&[] as Labels<'_>, values.value())]);
    }

    /// Adds a family, unless it has no figure.
    fn family<'a>(
        &mut self,
        name: &'static str,
        help: &'static str,
        samples: impl IntoIterator<Item = (Labels<'a>, Value)>,
    ) {
        let owned = |labels: Labels<'a>| {
            labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
        };
        let samples: Vec<_> =
            samples.into_iter().map(|(labels, value)| (owned(labels), value)).collect();
        if !samples.is_empty() {
            self.0.push(Family { name, help, samples });
        }
    }

    /// Adds the figures of another page, each with one label more.
    pub fn add_labelled(&mut self, (name, value): (&'static str, &str), other: Self) {
        for mut family in other.0 {
            for (labels, _) in &mut family.samples {
                labels.insert(0, (name, value.to_owned()));
            }
            match self.0.iter_mut().find(|known| known.name == family.name) {
                Some(known) => known.samples.append(&mut family.samples),
                None => self.0.push(family),
            }
        }
    }

    /// All figures, by family.
    pub fn families(&self) -> &[Family] {
        &self.0
    }

    /// The answer to a scrape.
    pub fn answer(self) -> HttpResponse {
        HttpResponse::Ok()
            .insert_header((CACHE_CONTROL, "no-store"))
            .content_type(CONTENT_TYPE)
            .body(self.text())
    }

    fn text(self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        encode(&mut text, &registry).expect("a text takes any text");
        text
    }
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for Family { name, help, samples } in &self.0 {
            let kind = match samples[0].1 {
                Value::Gauge(_) => MetricType::Gauge,
                Value::Counter(_) => MetricType::Counter,
                Value::Info => MetricType::Info,
                Value::Histogram { .. } => MetricType::Histogram,
            };
            let mut family = encoder.encode_descriptor(name, help, None, kind)?;
            for (labels, value) in samples {
                match value {
                    Value::Info => family.encode_info(labels)?,
                    _ if labels.is_empty() => value.encode(&mut family)?,
                    _ => value.encode(&mut family.encode_family(labels)?)?,
                }
            }
        }
        Ok(())
    }
}

impl Value {
    fn encode(&self, metric: &mut MetricEncoder<'_>) -> fmt::Result {
        match self {
            Self::Gauge(value) => metric.encode_gauge(value),
            Self::Counter(value) => metric.encode_counter::<NoLabelSet, _, f64>(value, None),
            Self::Info => Ok(()),
            Self::Histogram { buckets, count, sum_s } => {
                metric.encode_histogram::<NoLabelSet>(*sum_s, *count, buckets, None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_form_and_labels_are_escaped() {
        let mut page = Page::default();
        page.gauge("a_seconds", "A", 1.5);
        page.counters("b", "B", [(&[("x", "q\"u\\o\nte")] as Labels<'_>, 2)]);
        page.info("c", "C", &[("version", "1")]);
        page.gauges("none", "None", []);
        let expected = concat!(
            "# HELP a_seconds A\n# TYPE a_seconds gauge\na_seconds 1.5\n",
            "# HELP b_total B\n# TYPE b_total counter\nb_total{x=\"q\\\"u\\\\o\\nte\"} 2\n",
            "# HELP c_info C\n# TYPE c_info gauge\nc_info{version=\"1\"} 1\n",
        );
        assert_eq!(page.text(), expected);
    }

    #[test]
    fn the_figures_of_several_parts_stand_in_one_family_with_a_label() {
        let mut page = Page::default();
        for shard in ["0", "1"] {
            let mut own = Page::default();
            own.gauge("a", "A", 1.5);
            own.counters("b", "B", [(&[("x", "y")] as Labels<'_>, 2)]);
            page.add_labelled(("shard", shard), own);
        }
        let expected = concat!(
            "# HELP a A\n# TYPE a gauge\na{shard=\"0\"} 1.5\na{shard=\"1\"} 1.5\n",
            "# HELP b_total B\n# TYPE b_total counter\nb_total{shard=\"0\",x=\"y\"} 2\n",
            "b_total{shard=\"1\",x=\"y\"} 2\n",
        );
        assert_eq!(page.text(), expected);
    }

    #[test]
    fn a_histogram_counts_what_took_at_most_so_long() {
        let histogram = Histogram::default();
        for ms in [0, 1, 2, 2_000, 2_001, 60_000] {
            histogram.note(Duration::from_millis(ms));
        }
        let mut page = Page::default();
        page.histogram("d_seconds", "D", &histogram);
        let text = page.text();
        for line in [
            "d_seconds_bucket{le=\"0.0005\"} 1",
            "d_seconds_bucket{le=\"0.001\"} 2",
            "d_seconds_bucket{le=\"0.0025\"} 3",
            "d_seconds_bucket{le=\"1\"} 3",
            "d_seconds_bucket{le=\"2\"} 4",
            "d_seconds_bucket{le=\"+Inf\"} 6",
            "d_seconds_count 6",
            "d_seconds_sum 64.004",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} in\n{text}");
        }
    }
}
