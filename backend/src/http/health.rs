//! Whether the process is alive, and whether it can do its work.

use actix_web::HttpResponse;
use actix_web::web::Data;
use live_users_wire::Health;

use crate::parts::queue::Queue;

/// `GET /healthz`: the process answers. A platform restarts it when it does not.
pub(crate) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok".to_owned(), reason: None })
}

/// `GET /readyz`: a webhook would be recorded now. A platform sends no requests here while it is
/// not.
pub(crate) async fn ready(queue: Data<Queue>) -> HttpResponse {
    match queue.state() {
        Ok(()) => HttpResponse::Ok().json(Health { status: "ready".to_owned(), reason: None }),
        Err(why) => HttpResponse::ServiceUnavailable()
            .json(Health { status: "unready".to_owned(), reason: Some(why.to_string()) }),
    }
}
