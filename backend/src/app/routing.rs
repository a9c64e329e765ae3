//! Which paths an application has: those of the one state, or those of all shards and of each.

use std::sync::Arc;

use actix_web::web::{self, Data, ServiceConfig};
use live_users_http_kit::AllowedOrigins;

use super::app_data::Parts;
use crate::http::routes;
use crate::http::shards::{AllShards, OneShard};

/// The parts behind the paths. Cheap to clone.
#[derive(Clone)]
pub(super) struct Routing {
    /// One at least.
    parts: Arc<[Parts]>,
    all: Arc<AllShards>,
    origins: AllowedOrigins,
}

impl Routing {
    pub(super) fn of(parts: Vec<Parts>, origins: AllowedOrigins) -> Self {
        let each = parts.iter().map(|parts| OneShard {
            queue: parts.queue.clone(),
            latest: parts.latest.clone(),
            total_rules: parts.total_rules.clone(),
            summarizer: parts.summarizer.clone(),
            figures: parts.figures.clone(),
        });
        let all = Arc::new(AllShards(each.collect()));
        Self { parts: parts.into(), all, origins }
    }

    /// Adds them to the application of a worker.
    pub(super) fn add_to(&self, app: &mut ServiceConfig) {
        if let [only] = &*self.parts {
            only.add_to(app);
            return routes::add(app, &self.origins);
        }
        self.parts[0].add_to(app);
        app.app_data(Data::from(self.all.clone()));
        for (shard, parts) in self.parts.iter().enumerate() {
            let scope = web::scope(&format!("/shards/{shard}"));
            app.service(scope.configure(|app| {
                parts.add_to(app);
                routes::add_of_shard(app, &self.origins);
            }));
        }
        routes::add_of_all(app, &self.origins);
    }
}
