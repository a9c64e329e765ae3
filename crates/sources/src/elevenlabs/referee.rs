//! How many conversations go on. Which ones, nobody tells.
//!
//! Source: the package `elevenlabs` 2.78.0 (PyPI), run: `conversational_ai.analytics.live_count`.

use live_users_twilio::rest::Failure;
use serde::Deserialize;

use crate::referee::{Access, Answer, Ask, Gives, Referee, Scope};
use crate::referee::{body, encoded, is_token};

pub(super) const REFEREE: Referee = Referee {
    api_url: Some("https://api.elevenlabs.io"),
    key_is: "an API key of the workspace, from the settings of ElevenLabs",
    is_key: is_token,
    takes_secret: false,
    scope: Scope::Agents,
    gives: Gives::Number,
    round,
    headers: |access: &Access<'_>, _| vec![("xi-api-key", access.key.to_owned())],
    read,
    by_name: None,
    room: None,
};

#[derive(Deserialize)]
struct Count {
    count: u32,
}

fn round(agents: &[String]) -> Vec<Ask> {
    let query: Vec<_> = agents.iter().map(|id| format!("agent_ids={}", encoded(id))).collect();
    let question = if query.is_empty() { "" } else { "?" };
    let path = format!("/v1/convai/analytics/live-count{question}{}", query.join("&"));
    vec![Ask { path, ..Ask::default() }]
}

fn read(_: &Ask, status: u16, bytes: &[u8]) -> Result<Answer, Failure> {
    let Count { count } = body(status, bytes)?;
    Ok(Answer { number: Some(count.into()), ..Answer::default() })
}

#[cfg(test)]
mod tests;
