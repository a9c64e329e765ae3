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
    /// Of each shard.
    figures: Arc<[Arc<metrics::Sources>]>,
}

impl Exporting {
    /// The first of the shards has the parts of the process.
    pub(super) fn of(shards: &[Parts]) -> Self {
        let Parts { auth, total_rules, .. } = &shards[0];
        let (auth, total_rules) = (auth.clone(), total_rules.clone());
        let figures = shards.iter().map(|it| it.figures.clone()).collect();
        Self { auth, total_rules, figures }
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
        &self.figures[0].telemetry
    }
}
