//! Which paths an application has: those of the one state, or those of all shards and of each.

use std::sync::Arc;

use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::web::{self, Data, ServiceConfig};
use live_users_http_kit::AllowedOrigins;
use live_users_intake::shards::{Layout, ShardSet};
use live_users_wire::{SHARD_HEADER, ShardOf};

use super::app_data::Parts;
use crate::http::shards::{AllShards, OneShard};
use crate::http::{routes, spread};

/// The parts behind the paths. Cheap to clone.
#[derive(Clone)]
pub(super) struct Routing {
    /// One at least, each with the number of its shard.
    parts: Arc<[(usize, Parts)]>,
    all: Arc<AllShards>,
    layout: Layout,
    origins: AllowedOrigins,
}

impl Routing {
    /// Of so many shards, of which these are here.
    pub(super) fn of(
        parts: Vec<Parts>,
        (layout, here): (Layout, ShardSet),
        origins: AllowedOrigins,
    ) -> Self {
        let parts: Vec<_> = here.iter().zip(parts).collect();
        let each = parts.iter().map(|(number, parts)| OneShard {
            number: *number,
            queue: parts.queue.clone(),
            latest: parts.latest.clone(),
            total_rules: parts.total_rules.clone(),
            summarizer: parts.summarizer.clone(),
            figures: parts.figures.clone(),
        });
        let all = Arc::new(AllShards { each: each.collect(), of: layout.shards(), here });
        Self { parts: parts.into(), all, layout, origins }
    }

    /// Adds them to the application of a worker.
    pub(super) fn add_to(&self, app: &mut ServiceConfig) {
        let (_, first) = &self.parts[0];
        first.add_to(app);
        if self.all.of == 1 {
            return routes::add(app, &self.origins);
        }
        app.app_data(Data::from(self.all.clone()));
        if !self.all.elsewhere().is_empty() {
            routes::add_of_backends(app);
        }
        for (shard, parts) in self.parts.iter() {
            let scope = web::scope(&format!("/shards/{shard}"));
            let scope = scope.wrap(from_fn(spread::when_all_is_here)).wrap(self.header_of(*shard));
            app.service(scope.configure(|app| {
                parts.add_to(app);
                routes::add_of_shard(app, &self.origins);
            }));
        }
        routes::add_of_all(app, &self.origins);
    }

    /// Says of each answer which shard it is of. Who adds them up sees then that parts are of one whole.
    fn header_of(&self, number: usize) -> DefaultHeaders {
        let (of, by) = (self.layout.shards(), self.layout.by().to_string());
        DefaultHeaders::new().add((SHARD_HEADER, ShardOf { number, of, by }.to_string()))
    }
}
