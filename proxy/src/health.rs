//! Whether the proxy lives, and whether it can do its work.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use live_users_wire::Health;

use crate::upstream::{Asked, Upstream};

/// 200 as long as the process answers.
pub(crate) async fn healthz() -> Json<Health> {
    Json(Health { status: "ok".to_owned(), reason: None, warnings: Vec::new() })
}

/// 200 when the backend has just given a count, else 503 with the reason.
pub(crate) async fn readyz(upstream: Data<Arc<Upstream>>) -> HttpResponse {
    match upstream.count(&Asked::default()).await {
        Ok(_) => HttpResponse::Ok().json(Health {
            status: "ready".to_owned(),
            reason: None,
            warnings: Vec::new(),
        }),
        Err(trouble) => HttpResponse::ServiceUnavailable().json(Health {
            status: "unready".to_owned(),
            reason: Some(trouble.to_string()),
            warnings: Vec::new(),
        }),
    }
}
