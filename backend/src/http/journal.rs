//! `POST /api/live-users/journal/rewrite`: an operator has lost the files of the journal, and this
//! process still knows everything.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use live_users_replica::NotRewritten;
use live_users_wire as wire;
use log::info;

use super::audit;
use super::authorized::Authorized;
use super::error::ApiError;
use crate::parts::not_recorded::NotRecorded;
use crate::parts::queue::Queue;

/// Writes the state into a new journal, and goes on with that one.
pub(crate) async fn rewrite(
    _: Authorized,
    queue: Data<Queue>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let rewritten = queue.rewrite().await.ok_or(NotRecorded::Stopped)?;
    let rewritten = rewritten.map_err(|why| match why {
        NotRewritten::InOrder => ApiError::JournalInOrder,
        NotRewritten::Unknown => ApiError::Unavailable(
            "the journal cannot be read, so a new one would lack something: restart the backend"
                .to_owned(),
        ),
        NotRewritten::Failed(why) => ApiError::Unavailable(why),
    })?;
    let from = audit::from(&request);
    info!("audit: the journal is written anew for the holder of API_TOKEN{from}");
    let name = rewritten.aside.as_deref().and_then(|it| it.file_name());
    Ok(HttpResponse::Ok().json(wire::JournalRewritten {
        epoch: format!("{:016x}", rewritten.at.epoch),
        seq: rewritten.at.seq,
        aside: name.map(|it| it.to_string_lossy().into_owned()),
    }))
}
