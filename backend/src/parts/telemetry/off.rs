//! The build exports nothing.

use std::io;
use std::time::Duration;

use live_users_http_kit::SettingsReader;
use live_users_http_kit::metrics::Page;
use reqwest::{Error, RequestBuilder, Response};

use super::purpose::Purpose;

/// The variables that ask for an export.
const ENDPOINTS: [&str; 3] = [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
];

/// Which variable asks for what this build cannot do.
#[derive(Debug)]
pub(crate) struct Settings(Option<&'static str>);

impl Settings {
    /// Reads them.
    pub(crate) fn read(reader: &mut SettingsReader<'_>) -> Self {
        Self(ENDPOINTS.into_iter().find(|name| reader.env().get(name).is_some()))
    }

    /// Says in the log that nothing is exported. It is no error: platforms set these for all that they
    /// run.
    #[expect(clippy::unnecessary_wraps, reason = "a build that exports may fail here")]
    pub(crate) fn start(&mut self) -> io::Result<Telemetry> {
        if let Some(name) = self.0 {
            log::warn!(
                "{name} is set, and this build exports nothing to OpenTelemetry: build it with the \
                 feature `otlp` (docs/OPERATIONS.md)"
            );
        }
        Ok(Telemetry)
    }
}

/// Exports nothing.
pub(crate) struct Telemetry;

impl Telemetry {
    pub(crate) fn metrics_every(&self) -> Option<Duration> {
        None
    }

    pub(crate) fn add_to(&self, _: &mut Page) {}

    pub(crate) async fn export(&self, _: &Page) {}

    pub(crate) async fn stop(&self, _: &Page) {}
}

/// Stands for nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mark(());

impl Mark {
    pub(crate) fn here() -> Self {
        Self(())
    }

    pub(crate) fn end(self, _: Option<&'static str>) {}
}

/// Notes nothing.
#[derive(Debug, Default)]
pub(crate) struct Times(());

impl Times {
    pub(crate) fn begin<'a>(&self, _: impl Iterator<Item = &'a Mark>) {}

    pub(crate) fn answered(&self) {}

    pub(crate) fn publishing(&self, publish: impl FnOnce()) {
        publish();
    }

    pub(crate) fn commit<'a>(&self, _: impl Iterator<Item = &'a Mark>) {}
}

pub(crate) fn in_span<F: Future>(_: &'static str, future: F) -> F {
    future
}

pub(crate) fn within<T>(_: &'static str, what: impl FnOnce() -> T) -> T {
    what()
}

pub(crate) fn note(_: &'static str, _: &str) {}

pub(crate) fn send(
    request: RequestBuilder,
    _: Purpose,
) -> impl Future<Output = Result<Response, Error>> {
    request.send()
}
