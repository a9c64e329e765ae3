//! Exports the figures of `/metrics` at an interval, where an OpenTelemetry collector is set.

use std::sync::Arc;

use live_users_http_kit::metrics::Page;
use tokio::task::AbortHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::app_data::Parts;
use crate::http::auth::BearerAuth;
use crate::http::metrics;
use crate::http::total_reader::TotalRules;
use crate::parts::telemetry::Telemetry;

/// What the figures are made of, and where they go. Cheap to clone.
#[derive(Clone)]
pub(super) struct Exporting {
    auth: Arc<BearerAuth>,
    total_rules: Arc<TotalRules>,
    figures: Arc<metrics::Sources>,
}

impl Exporting {
    pub(super) fn of(parts: &Parts) -> Self {
        let Parts { auth, total_rules, figures, .. } = parts;
        let (auth, total_rules) = (auth.clone(), total_rules.clone());
        Self { auth, total_rules, figures: figures.clone() }
    }

    /// Begins with it, if there is a collector for it.
    pub(super) fn start(&self) -> Option<AbortHandle> {
        let mut ticks = interval(self.telemetry().metrics_every()?);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let this = self.clone();
        let exporting = tokio::spawn(async move {
            loop {
                ticks.tick().await;
                this.telemetry().export(&this.page().await).await;
            }
        });
        Some(exporting.abort_handle())
    }

    /// The same page that a scrape gets.
    pub(super) async fn page(&self) -> Page {
        metrics::page(&self.auth, &self.total_rules, &self.figures).await
    }

    pub(super) fn telemetry(&self) -> &Telemetry {
        &self.figures.telemetry
    }
}
