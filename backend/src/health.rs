//! Whether the process is alive, and whether it can do its work.

use std::borrow::Cow;

use actix_web::HttpResponse;
use actix_web::web::Data;
use live_users_wire::Health;

use crate::app::State;
use crate::queue::NotRecorded;

/// `GET /healthz`: the process answers. A platform restarts it when it does not.
pub(crate) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok".to_owned(), reason: None })
}

/// `GET /readyz`: what a webhook says would be recorded now. A platform sends no requests here
/// while it is not so.
pub(crate) async fn ready(state: Data<State>) -> HttpResponse {
    match state.queue.state() {
        Ok(()) => HttpResponse::Ok().json(Health { status: "ready".to_owned(), reason: None }),
        Err(why) => HttpResponse::ServiceUnavailable()
            .json(Health { status: "unready".to_owned(), reason: Some(reason(why).into_owned()) }),
    }
}

/// What an operator is told.
pub(crate) fn reason(why: NotRecorded) -> Cow<'static, str> {
    match why {
        NotRecorded::Full => "the queue of the writer is full",
        NotRecorded::Stopped => "the writer has stopped",
        NotRecorded::Slow => "the writer does not acknowledge in time",
        NotRecorded::Trouble => "the journal cannot be written; the log says why",
        NotRecorded::Stale { age_ms } => {
            let age_s = age_ms / 1000;
            return Cow::Owned(format!(
                "the journal's servers cannot be reached: what is known here is {age_s} s old"
            ));
        }
    }
    .into()
}
