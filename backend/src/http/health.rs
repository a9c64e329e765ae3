//! Whether the process is alive, and whether it can do its work.

use actix_web::HttpResponse;
use actix_web::web::Data;
use live_users_journal::WarningKind;
use live_users_wire::Health;

use crate::parts::agents::AgentRegistry;
use crate::parts::queue::Queue;

/// `GET /healthz`: the process answers. A platform restarts it when it does not.
pub(crate) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok".to_owned(), reason: None, warnings: Vec::new() })
}

/// `GET /readyz`: a webhook would be recorded now, and the count is not known to be wrong. A
/// platform sends no requests here while it is not.
pub(crate) async fn ready(queue: Data<Queue>, agents: Data<AgentRegistry>) -> HttpResponse {
    readiness(&queue, agents.refusal())
}

/// `refusal`: that the agents file was refused, if it was.
fn readiness(queue: &Queue, refusal: Option<&str>) -> HttpResponse {
    let mut health = look(queue);
    // Before what the journal warns of.
    let at = health.warnings.len().min(usize::from(queue.clock().warning().is_some()));
    health.warnings.splice(at..at, refusal.map(str::to_owned));
    answer(health)
}

/// How it stands with one state.
pub(super) fn look(queue: &Queue) -> Health {
    let mut warnings = queue.clock().journal_warnings();
    // The one warning by which the count may be wrong.
    let different = warnings.iter().position(|(kind, _)| *kind == WarningKind::DifferentCopies);
    let different = different.map(|at| warnings.remove(at).1);
    let trouble = queue.state().err().map(|why| why.to_string());
    let reason = trouble.or_else(|| queue.violation()).or(different);
    let journals = warnings.into_iter().map(|(_, text)| text);
    // Not ready would mean that no webhook comes here, and one of them would make the number known.
    let unanswered = queue.unanswered().map(|why| format!("the number is unknown: {why}"));
    let warnings = queue.clock().warning().into_iter().chain(unanswered).chain(journals);
    of(reason, warnings.collect())
}

/// Ready unless there is a reason why not.
pub(super) fn of(reason: Option<String>, warnings: Vec<String>) -> Health {
    let status = if reason.is_none() { "ready" } else { "unready" }.to_owned();
    Health { status, reason, warnings }
}

/// The answer of `/readyz`.
pub(super) fn answer(health: Health) -> HttpResponse {
    let mut answer = match health.reason {
        None => HttpResponse::Ok(),
        Some(_) => HttpResponse::ServiceUnavailable(),
    };
    answer.json(health)
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use live_users_journal::ReplicationStatus;
    use tokio::sync::mpsc;

    use super::*;
    use crate::parts::clock::{Clock, steady_unix_ms};
    use crate::parts::replica_status::StatusReader;

    #[actix_web::test]
    async fn a_warning_of_the_journal_is_told_and_one_makes_it_unready() {
        let journal = ReplicationStatus::with_service();
        let now_ms = steady_unix_ms();
        journal.set_clock_offset(now_ms, now_ms);
        let (sender, _stuck) = mpsc::channel(1);
        let (_writer, status) = StatusReader::new();
        let queue = Data::new(Queue::through(sender, Clock::of_service(journal.clone()), status));
        let answer = async || {
            journal.known_at(std::time::Instant::now());
            let answer = readiness(&queue, None);
            let status = answer.status().as_u16();
            let body = to_bytes(answer.into_body()).await.expect("a body");
            (status, String::from_utf8_lossy(&body).into_owned())
        };
        assert_eq!(answer().await, (200, r#"{"status":"ready"}"#.to_owned()));
        journal.set_warning(WarningKind::MixedServers, Some("they are mixed".to_owned()));
        let (status, body) = answer().await;
        assert!(status == 200 && body.contains(r#""warnings":["they are mixed"]"#), "{body}");
        journal.set_warning(WarningKind::DifferentCopies, Some("they differ".to_owned()));
        let (status, body) = answer().await;
        assert!(status == 503 && body.contains(r#""reason":"they differ""#), "{body}");
        assert!(body.contains(r#""warnings":["they are mixed"]"#), "{body}");
    }
}
