//! The build exports.

use std::io;
use std::time::Duration;

use live_users_http_kit::SettingsReader;
use live_users_http_kit::metrics::Page;
pub(crate) use live_users_otlp::{Mark, Times, in_span, note, within};
use reqwest::{Error, RequestBuilder, Response};

use super::purpose::Purpose;
use crate::parts::user_agent::USER_AGENT;

/// The name of the service, if no setting has one.
const SERVICE: &str = "live-users-backend";

/// What is to be exported, if anything is.
#[derive(Debug)]
pub(crate) struct Settings(Option<live_users_otlp::Settings>);

impl Settings {
    /// Reads them.
    pub(crate) fn read(reader: &mut SettingsReader<'_>) -> Self {
        Self(live_users_otlp::Settings::read(reader, SERVICE, env!("CARGO_PKG_VERSION")))
    }

    /// Starts to export.
    ///
    /// # Errors
    /// The system's own, and settings that cannot be honoured.
    pub(crate) fn start(&mut self) -> io::Result<Telemetry> {
        let start =
            |it| live_users_otlp::Telemetry::start(it, USER_AGENT, env!("CARGO_PKG_VERSION"));
        self.0.take().map(start).transpose().map(Telemetry)
    }
}

/// What exports, if anything is exported.
pub(crate) struct Telemetry(Option<live_users_otlp::Telemetry>);

impl Telemetry {
    /// The interval between two exports of metrics, if they are exported.
    pub(crate) fn metrics_every(&self) -> Option<Duration> {
        self.0.as_ref()?.metrics_every()
    }

    /// Adds figures about exports to a page.
    pub(crate) fn add_to(&self, page: &mut Page) {
        if let Some(telemetry) = &self.0 {
            telemetry.add_to(page);
        }
    }

    /// Exports the figures of this page.
    pub(crate) async fn export(&self, page: &Page) {
        if let Some(telemetry) = &self.0 {
            telemetry.export(page).await;
        }
    }

    /// Exports what is left, and does not wait for long.
    pub(crate) async fn stop(&self, last: &Page) {
        if let Some(telemetry) = &self.0 {
            telemetry.stop(last).await;
        }
    }
}

/// Sends a request in a span of its own.
pub(crate) fn send(
    request: RequestBuilder,
    purpose: Purpose,
) -> impl Future<Output = Result<Response, Error>> {
    live_users_otlp::send(request, purpose.name())
}
