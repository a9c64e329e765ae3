//! Whether the process is alive, and whether it can do its work.

use actix_web::HttpResponse;
use actix_web::web::Data;
use live_users_journal::WarningKind;
use live_users_wire::Health;

use crate::parts::queue::Queue;

/// `GET /healthz`: the process answers. A platform restarts it when it does not.
pub(crate) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok".to_owned(), reason: None, warnings: Vec::new() })
}

/// `GET /readyz`: a webhook would be recorded now, and the count is not known to be wrong. A
/// platform sends no requests here while it is not.
pub(crate) async fn ready(queue: Data<Queue>) -> HttpResponse {
    let mut warnings = queue.clock().journal_warnings();
    // The one warning by which the count may be wrong.
    let different = warnings.iter().position(|(kind, _)| *kind == WarningKind::DifferentCopies);
    let different = different.map(|at| warnings.remove(at).1);
    let trouble = queue.state().err().map(|why| why.to_string());
    let reason = trouble.or_else(|| queue.violation()).or(different);
    let status = if reason.is_none() { "ready" } else { "unready" }.to_owned();
    let mut answer = match reason {
        None => HttpResponse::Ok(),
        Some(_) => HttpResponse::ServiceUnavailable(),
    };
    let warnings = warnings.into_iter().map(|(_, text)| text);
    let warnings = queue.clock().warning().into_iter().chain(warnings).collect();
    answer.json(Health { status, reason, warnings })
}
