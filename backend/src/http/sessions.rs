//! Sessions of admins that have ended before their time. A proxy reports each sign-out here, and
//! all proxies read the list, so that a copy of a cookie opens nothing at any of them.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use live_users_core::Millis;
use live_users_http_kit::{ParameterError, Query};
use live_users_state::{EndedSession, SessionHash};
use live_users_wire as wire;

use super::answer::json;
use super::authorized::Authorized;
use super::error::ApiError;
use crate::parts::shards::Shards;

/// The longest life of a session, in milliseconds: that of `SESSION_HOURS` of the proxy, with room.
const LIFE_MS_MAX: u64 = 366 * 24 * 3_600_000;

/// For how much longer than its proxy says an ended session is remembered, in milliseconds: the clock of
/// that proxy may be behind, and the session lasts by that clock.
const BEHIND_MS_MAX: u64 = 24 * 3_600_000;

/// `GET /api/sessions/ended`.
pub(crate) async fn list(_: Authorized, shards: Data<Shards>) -> Result<HttpResponse, ApiError> {
    let ended = shards.of_no_call()?.query(|view| {
        let ended = view.state.ended_sessions().iter();
        let ended = ended.map(|EndedSession { id, until }| (id, until));
        ended.collect::<Vec<_>>()
    });
    let told = |(id, until): (SessionHash, Millis)| wire::EndedSession {
        id: id.to_string(),
        until_ms: until.0,
    };
    let sessions = ended.await?.into_iter().map(told).collect();
    let answer = wire::EndedSessions { sessions };
    Ok(json(&answer))
}

/// `POST /api/sessions/{id}/end?until_ms=...`. Repeats are harmless.
pub(crate) async fn end(
    _: Authorized,
    shards: Data<Shards>,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let queue = shards.of_no_call()?;
    let session = read(&id, request.query_string(), queue.clock().now())?;
    queue.end_session(session).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn read(id: &str, query: &str, now: Millis) -> Result<EndedSession, ParameterError> {
    const UNTIL: &str = "milliseconds since 1970, within a year from now";
    let id = SessionHash::parse(id);
    let id = id.ok_or_else(|| ParameterError::new("id", "32 hexadecimal digits"))?;
    let until = Query::new(query).parsed("until_ms", UNTIL, |text| {
        let until = Millis(text.parse().ok()?);
        (until.since(now) <= LIFE_MS_MAX).then_some(until)
    })?;
    let until = until.ok_or_else(|| ParameterError::new("until_ms", UNTIL))?;
    Ok(EndedSession { id, until: Millis(until.max(now).0 + BEHIND_MS_MAX) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_the_hash_of_its_id_and_an_end() {
        const ID: &str = "00000000000000000000000000000a0f";
        let now = Millis(1_000);
        let session = read(ID, "until_ms=2000", now).unwrap();
        let until = Millis(2_000 + BEHIND_MS_MAX);
        assert_eq!((session.id.to_string().as_str(), session.until), (ID, until));
        let until = Millis(1_000 + BEHIND_MS_MAX);
        assert_eq!(read(ID, "until_ms=1", now).unwrap().until, until, "by a clock that is behind");
        let far = format!("until_ms={}", 2_000 + LIFE_MS_MAX);
        for (id, query, name) in [
            ("0a0f", "until_ms=2000", "id"),
            (ID, "", "until_ms"),
            (ID, "until_ms=-1", "until_ms"),
            (ID, &far, "until_ms"),
        ] {
            assert_eq!(read(id, query, now).unwrap_err().name, name, "{id} {query}");
        }
    }
}
