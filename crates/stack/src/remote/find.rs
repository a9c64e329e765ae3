//! Finds a call by its id, or by that which its provider has for it, without the source that it is kept
//! under.

use std::collections::BTreeMap;
use std::fmt::Write;

use live_users_wire::{CALL_SID_BYTES_MAX, Explanation, Summary};
use reqwest::{Method, StatusCode};

use super::server::{Server, TWILIO, Trouble};
use super::shards;
use crate::Failure;
use crate::terminal::shown;

/// The explanation of a call, as the server gives it. If no call has the id, it may be that of one
/// that a source tells of, whose id is kept as `SOURCE/ID` unless it is a long one.
///
/// Of a backend with several shards, each is asked until one knows the call.
pub(super) async fn explanation(server: &Server, id: &str) -> Result<String, Failure> {
    match of_one(server, id).await? {
        Ok(answer) => Ok(answer),
        Err(Trouble::OfEachShard(of, _)) => {
            shards::first(server, of, async |shard: Server| of_one(&shard, id).await).await
        }
        Err(trouble) => Err(server.failure(&trouble)),
    }
}

async fn of_one(server: &Server, id: &str) -> Result<Result<String, Trouble>, Failure> {
    let trouble = match server.ask(Method::GET, &call_path(id, "")?).await {
        Ok(answer) => return Ok(Ok(answer)),
        Err(trouble) => trouble,
    };
    if !matches!(trouble, Trouble::Refused(StatusCode::NOT_FOUND, ..)) {
        return Ok(Err(trouble));
    }
    let mut found = match of_sources(server, id).await? {
        Ok(found) => found,
        Err(trouble) => return Ok(Err(trouble)),
    };
    match (found.len(), found.pop_first()) {
        (1, Some((_, answer))) => Ok(Ok(answer)),
        (n, Some((first, _))) => {
            let ids: Vec<_> = [first].into_iter().chain(found.into_keys()).collect();
            Err(Failure::run(format!(
                "{n} calls have this id at their sources. Name one of them: {}",
                shown(&ids.join(", "))
            )))
        }
        (_, None) => Ok(Err(trouble)),
    }
}

/// The calls that have this id at a source, with their explanations, by the ids that they are kept
/// under. A call of which two sources tell is one.
async fn of_sources(
    server: &Server,
    id: &str,
) -> Result<Result<BTreeMap<String, String>, Trouble>, Failure> {
    let answer = match server.ask(Method::GET, "/summary").await {
        Ok(answer) => answer,
        Err(trouble) => return Ok(Err(trouble)),
    };
    let Summary { sources, .. } = server.read(&answer)?;
    let mut found = BTreeMap::new();
    for source in sources.into_iter().map(|it| it.source).filter(|it| it != TWILIO) {
        // One that is too long with its source is none.
        let Ok(path) = call_path(&format!("{source}/{id}"), "") else { continue };
        match server.ask(Method::GET, &path).await {
            Ok(answer) => {
                let Explanation { call, .. } = server.read(&answer)?;
                found.insert(call.call_sid, answer);
            }
            Err(Trouble::Refused(StatusCode::NOT_FOUND, ..)) => {}
            Err(trouble) => return Ok(Err(trouble)),
        }
    }
    Ok(Ok(found))
}

/// The path of a call, whose id is one segment of it.
pub(super) fn call_path(call_sid: &str, action: &str) -> Result<String, Failure> {
    let is_id = (1..=CALL_SID_BYTES_MAX).contains(&call_sid.len())
        && call_sid.bytes().all(|it| it.is_ascii_graphic())
        && !matches!(call_sid, "." | "..");
    if !is_id {
        return Err(Failure::usage(format!(
            "CALLSID cannot be used: expected 1 to {CALL_SID_BYTES_MAX} visible ASCII characters, \
             such as CA and 32 hexadecimal digits"
        )));
    }
    let mut path = "/calls/".to_owned();
    for byte in call_sid.bytes() {
        let _never_fails = match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'~' => {
                write!(path, "{}", char::from(byte))
            }
            _ => write!(path, "%{byte:02X}"),
        };
    }
    Ok(path + action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_segment_of_the_path() {
        let path = |sid: &str| call_path(sid, "/evict").map_err(|failure| failure.code);
        assert_eq!(path("a/b?c").ok().as_deref(), Some("/calls/a%2Fb%3Fc/evict"));
        for wrong in ["", "..", "a b", "é", &"a".repeat(CALL_SID_BYTES_MAX + 1)] {
            assert_eq!(path(wrong), Err(64), "{wrong}");
        }
    }
}
