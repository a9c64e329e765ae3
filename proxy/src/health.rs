//! Whether the proxy lives, and whether it can do its work.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use live_users_wire::Health;
use serde::Serialize;

use crate::upstream::{Asked, Shards, Upstream};

/// The answer of `/readyz`.
#[derive(Serialize)]
struct Readiness {
    #[serde(flatten)]
    health: Health,
    /// Each shard in its order; absent with a single backend.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shards: Vec<ShardContact>,
}

/// When a shard has told its number last.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShardContact {
    shard: usize,
    /// Absent before the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    contact_at: Option<String>,
    /// How long ago that was, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    contact_age_ms: Option<u128>,
}

/// 200 as long as the process answers.
pub(crate) async fn healthz() -> Json<Health> {
    Json(Health { status: "ok".to_owned(), reason: None, warnings: Vec::new() })
}

/// 200 when the backend has just given a count, else 503 with the reason. Of several shards, each has to.
pub(crate) async fn readyz(upstream: Data<Arc<Upstream>>) -> HttpResponse {
    let (status, word, reason) = match upstream.count(&Asked::default()).await {
        Ok(_) => (StatusCode::OK, "ready", None),
        Err(trouble) => (StatusCode::SERVICE_UNAVAILABLE, "unready", Some(trouble.to_string())),
    };
    let health = Health { status: word.to_owned(), reason, warnings: Vec::new() };
    HttpResponse::build(status).json(Readiness { health, shards: contacts(upstream.shards()) })
}

fn contacts(shards: &Shards) -> Vec<ShardContact> {
    if shards.only().is_some() {
        return Vec::new();
    }
    let contact = |shard: &crate::upstream::Shard| {
        let contact = shard.contact();
        ShardContact {
            shard: shard.number,
            contact_at: contact.at.map(|_| format!("{:.3}", contact.moment)),
            contact_age_ms: contact.at.map(|at| at.elapsed().as_millis()),
        }
    };
    shards.iter().map(contact).collect()
}
