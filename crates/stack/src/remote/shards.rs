//! What is asked of each shard of a backend that has no sum of it.

use reqwest::StatusCode;

use super::refusal::ADVICE;
use super::server::{Server, Trouble};
use crate::Failure;

/// The answers of all shards.
///
/// # Errors
/// The first one that does not answer: what the others tell would be taken for all.
pub(super) async fn all<T>(
    server: &Server,
    of: usize,
    ask: impl AsyncFn(Server) -> Result<Result<T, Trouble>, Failure>,
) -> Result<Vec<T>, Failure> {
    let mut all = Vec::with_capacity(of);
    for shard in 0..of {
        match ask(server.of_shard(shard)).await? {
            Ok(answer) => all.push(answer),
            Err(trouble) => return Err(not_here(server, shard, &trouble)),
        }
    }
    Ok(all)
}

/// The answer of the shard that knows a call.
///
/// # Errors
/// That none does; or that one which may know it does not answer.
pub(super) async fn first<T>(
    server: &Server,
    of: usize,
    ask: impl AsyncFn(Server) -> Result<Result<T, Trouble>, Failure>,
) -> Result<T, Failure> {
    let mut failure = None;
    for shard in 0..of {
        match ask(server.of_shard(shard)).await? {
            Ok(answer) => return Ok(answer),
            // One that does not answer may know it.
            Err(Trouble::Refused(StatusCode::NOT_FOUND, ..)) if failure.is_some() => {}
            Err(trouble) => failure = Some(not_here(server, shard, &trouble)),
        }
    }
    Err(failure.unwrap_or_else(|| Failure::run("the backend has no shards")))
}

fn not_here(server: &Server, shard: usize, trouble: &Trouble) -> Failure {
    let text = server.describe(trouble);
    Failure::run(format!("shard {shard}: {text}. {ADVICE}"))
}
