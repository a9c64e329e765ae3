//! The settings, by the names that OpenTelemetry has given them.

use std::fmt::{self, Debug};
use std::str::FromStr;
use std::time::Duration;

use live_users_http_kit::{Env, SettingsReader};
use percent_encoding::percent_decode_str;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::collector::Signal;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
const COMPRESSION: &str = "OTEL_EXPORTER_OTLP_COMPRESSION";
const TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TIMEOUT";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
const RESOURCE: &str = "OTEL_RESOURCE_ATTRIBUTES";
const INTERVAL: &str = "OTEL_METRIC_EXPORT_INTERVAL";
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";
const DELAY: &str = "OTEL_BSP_SCHEDULE_DELAY";
const QUEUE: &str = "OTEL_BSP_MAX_QUEUE_SIZE";
const DISABLED: &str = "OTEL_SDK_DISABLED";

/// What else is read.
const READ: [&str; 13] = [
    ENDPOINT,
    HEADERS,
    PROTOCOL,
    COMPRESSION,
    TIMEOUT,
    SERVICE_NAME,
    RESOURCE,
    INTERVAL,
    SAMPLER,
    SAMPLER_ARG,
    DELAY,
    QUEUE,
    DISABLED,
];

/// Headers that are of the connection or say how the message is written: with another value, a
/// collector could not read it, or we not its answer.
const OURS: [&str; 15] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Where to send, and what.
pub struct Settings {
    /// The address of each signal that is sent, in the order of [`Signal::ALL`].
    pub(crate) urls: [Option<Url>; Signal::ALL.len()],
    /// The values are secrets.
    pub(crate) headers: HeaderMap,
    /// The longest time of one request.
    pub(crate) timeout: Duration,
    /// What is said of this process.
    pub(crate) resource: Vec<(String, String)>,
    /// The interval between two exports of metrics.
    pub(crate) metrics_every: Duration,
    /// Which traces are kept.
    pub(crate) sampling: Sampling,
    /// The longest that a span waits for others.
    pub(crate) spans_delay: Duration,
    /// The most spans that wait.
    pub(crate) spans_max: usize,
    /// Variables that are set and not read.
    pub(crate) unread: Vec<String>,
}

/// Which traces are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sampling {
    /// Whether a trace that has begun elsewhere is kept if it is kept there.
    pub(crate) by_parent: bool,
    /// The share of the others.
    pub(crate) ratio: f64,
}

/// `OTEL_TRACES_SAMPLER`: whether it goes by the parent, and the share of the others, unless another
/// variable has that.
struct SamplerName(bool, Option<f64>);

/// Where a signal goes: `otlp` or `none`.
struct IsSent(bool);

impl Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("urls", &self.urls).finish_non_exhaustive()
    }
}

/// Whether a variable names a collector.
fn has_endpoint(env: &Env) -> bool {
    let of_signals = Signal::ALL.map(Signal::endpoint);
    [ENDPOINT].into_iter().chain(of_signals).any(|name| env.get(name).is_some())
}

impl Settings {
    /// Reads them. `None` if nothing is to be sent, which is so where no variable names a collector.
    /// `service` is the name of the service if no variable has one.
    pub fn read(reader: &mut SettingsReader<'_>, service: &str, version: &str) -> Option<Self> {
        let env = reader.env();
        // OpenTelemetry takes it in letters of any case.
        let is_disabled = env.get(DISABLED).is_some_and(|it| it.eq_ignore_ascii_case("true"));
        if !has_endpoint(env) || is_disabled || reader.switch(DISABLED) {
            return None;
        }
        let urls = urls(reader);
        let any = urls.iter().any(Option::is_some);
        read_protocol(reader);
        let settings = Self {
            urls,
            headers: headers(reader),
            timeout: milliseconds(reader, TIMEOUT, 10_000, 100..=60_000),
            resource: resource(reader, service, version),
            metrics_every: milliseconds(reader, INTERVAL, 60_000, 100..=3_600_000),
            sampling: sampling(reader),
            spans_delay: milliseconds(reader, DELAY, 5_000, 10..=60_000),
            spans_max: usize::try_from(reader.within(QUEUE, 2_048, 1..=100_000, "spans"))
                .unwrap_or(usize::MAX),
            unread: unread(env),
        };
        any.then_some(settings)
    }
}

fn milliseconds(
    reader: &mut SettingsReader<'_>,
    name: &str,
    default: u64,
    bounds: std::ops::RangeInclusive<u64>,
) -> Duration {
    Duration::from_millis(reader.within(name, default, bounds, "milliseconds"))
}

/// The address of each signal. That of a signal itself is taken as it is; to the one of all, the path
/// of each signal is added.
fn urls(reader: &mut SettingsReader<'_>) -> [Option<Url>; Signal::ALL.len()] {
    let base = url(reader, ENDPOINT);
    Signal::ALL.map(|signal| {
        let expected = "otlp or none: nothing else can be exported to";
        let is_sent = reader.parsed(signal.exporter(), IsSent(true), expected).0;
        let own = url(reader, signal.endpoint());
        let url = own.or_else(|| {
            let mut url = base.clone()?;
            let path = format!("{}/{}", url.path().trim_end_matches('/'), signal.path());
            url.set_path(&path);
            Some(url)
        });
        url.filter(|_| is_sent)
    })
}

/// An address, whose errors do not repeat it: there may be a password in it.
fn url(reader: &mut SettingsReader<'_>, name: &str) -> Option<Url> {
    let text = reader.word(name)?;
    let url = Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https") && url.has_host() && url.fragment().is_none()
    });
    let problem = match &url {
        None => "is no address of a collector: expected one like http://localhost:4318",
        Some(url) if !url.username().is_empty() || url.password().is_some() => {
            "has a login in it: expected that in OTEL_EXPORTER_OTLP_HEADERS"
        }
        Some(_) => return url,
    };
    reader.error(format!("{name} {problem}"));
    None
}

fn read_protocol(reader: &mut SettingsReader<'_>) {
    let why = "no other is spoken (collectors take it on port 4318)";
    for name in [PROTOCOL].into_iter().chain(Signal::ALL.map(Signal::protocol)) {
        only(reader, name, "http/protobuf", why);
    }
    only(reader, COMPRESSION, "none", "requests are not compressed");
}

/// Refuses any other value than the one that can be honoured.
fn only(reader: &mut SettingsReader<'_>, name: &str, value: &str, why: &str) {
    if let Some(other) = reader.text(name).filter(|text| *text != value) {
        reader.error(format!("{name} is {other:?}: expected {value}, since {why}"));
    }
}

/// `a=b,c=d` with percent-encoded values.
fn pairs<'a>(reader: &mut SettingsReader<'a>, name: &str) -> Vec<(&'a str, String)> {
    let text = reader.text(name).unwrap_or_default();
    let mut pairs = Vec::new();
    for (place, pair) in (1..).zip(text.split(',').map(str::trim).filter(|it| !it.is_empty())) {
        let decoded = pair.split_once('=').and_then(|(key, value)| {
            let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
            (!key.trim().is_empty()).then(|| (key.trim(), value.into_owned()))
        });
        match decoded {
            Some(pair) => pairs.push(pair),
            None => reader.error(format!(
                "{name} has no pair in place {place}: expected NAME=VALUE,NAME=VALUE with \
                 percent-encoded values"
            )),
        }
    }
    pairs
}

fn headers(reader: &mut SettingsReader<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (place, (name, value)) in (1..).zip(pairs(reader, HEADERS)) {
        let header = HeaderName::from_str(name).ok().zip(HeaderValue::from_str(&value).ok());
        let Some((name, mut value)) = header else {
            reader.error(format!("{HEADERS} has no header in place {place}: expected NAME=VALUE"));
            continue;
        };
        if OURS.contains(&name.as_str()) {
            reader.error(format!(
                "{HEADERS} has the header {name}: expected others, since this one belongs to the \
                 message or the connection"
            ));
        }
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    headers
}

fn resource(
    reader: &mut SettingsReader<'_>,
    service: &str,
    version: &str,
) -> Vec<(String, String)> {
    let given = pairs(reader, RESOURCE);
    let name = reader.text(SERVICE_NAME).map(|name| ("service.name", name.to_owned()));
    let defaults = [
        Some(("service.name", service.to_owned())),
        Some(("service.version", version.to_owned())),
        instance_id().map(|id| ("service.instance.id", id)),
    ];
    let mut all: Vec<(String, String)> = Vec::new();
    // The first of each name is taken.
    for (key, value) in name.into_iter().chain(given).chain(defaults.into_iter().flatten()) {
        if all.iter().all(|(known, _)| known != key) {
            all.push((key.to_owned(), value));
        }
    }
    all
}

/// A random UUID, which tells this process from others of the same name.
fn instance_id() -> Option<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Some([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

fn sampling(reader: &mut SettingsReader<'_>) -> Sampling {
    let expected = "always_on, always_off, traceidratio, or one of these with parentbased_ before \
                    it; others cannot be honoured";
    let SamplerName(by_parent, ratio) =
        reader.parsed(SAMPLER, SamplerName(true, Some(1.0)), expected);
    let ratio = ratio.unwrap_or_else(|| {
        let ratio = reader.parsed(SAMPLER_ARG, 1.0, "a share from 0 to 1");
        if !(0.0..=1.0).contains(&ratio) {
            reader.error(format!("{SAMPLER_ARG} is {ratio}: expected a share from 0 to 1"));
        }
        ratio
    });
    Sampling { by_parent, ratio }
}

/// The variables of OpenTelemetry that are set and not read. An operator who has set one should know.
fn unread(env: &Env) -> Vec<String> {
    let is_read = |name: &str| {
        let of = |signal: Signal| [signal.endpoint(), signal.exporter(), signal.protocol()];
        READ.contains(&name) || Signal::ALL.iter().any(|signal| of(*signal).contains(&name))
    };
    let begins = |name: &&str| name.starts_with("OTEL_") && !is_read(name);
    env.names().filter(begins).map(str::to_owned).collect()
}

impl FromStr for SamplerName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (by_parent, name) = match text.strip_prefix("parentbased_") {
            Some(name) => (true, name),
            None => (false, text),
        };
        let ratio = match name {
            "always_on" => Some(1.0),
            "always_off" => Some(0.0),
            "traceidratio" => None,
            _ => return Err(()),
        };
        Ok(Self(by_parent, ratio))
    }
}

impl FromStr for IsSent {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "otlp" => Ok(Self(true)),
            "none" => Ok(Self(false)),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests;
