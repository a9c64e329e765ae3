//! `live-users status`: the number, how sure it is, and whose it is.

use std::process::ExitCode;

use live_users_wire::{
    AccountCount, AgentCount, AgentRef, DeliveryView, LineView, RefereeView, SourceCount,
    SourceReferee, Summary,
};
use reqwest::Method;

use super::alerts;
use super::server::Server;
use super::table::table;
use crate::terminal::shown;
use crate::{Failure, tell};

/// Asks for the summary and shows it.
pub(super) async fn run(server: &Server, json: bool) -> Result<ExitCode, Failure> {
    let answer = server.ask(Method::GET, "/summary").await.map_err(|it| server.failure(&it))?;
    // Also what is passed on has to be a summary, or there is no number in it.
    let summary: Summary = server.read(&answer)?;
    match json {
        true => tell(answer),
        false => {
            let sees_all = sees_all(server).await;
            lines(&summary, sees_all).iter().for_each(tell);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether the token reads all calls. What a server does not tell, it does not restrict.
async fn sees_all(server: &Server) -> bool {
    let access = server.ask(Method::GET, "/access").await.ok();
    let access = access.and_then(|it| serde_json::from_str::<serde_json::Value>(&it).ok());
    access.is_none_or(|it| it["accounts"].is_null() && it["link"].is_null())
}

fn lines(summary: &Summary, sees_all: bool) -> Vec<String> {
    let Summary { live_users, live_calls, confirmed, suspect, as_of, line, .. } = summary;
    let LineView { with_agent, waiting, with_person, machine, on_the_line } = line;
    let silence = match suspect {
        0 => "",
        _ => " (silent for a while)",
    };
    let mut lines = vec![
        format!(
            "{} on {} at {}",
            about(*live_users, summary.public_suspect),
            calls(*live_calls),
            shown(as_of)
        ),
        format!("confirmed {confirmed}, suspect {suspect}{silence}"),
        format!(
            "with an agent {with_agent}, waiting {waiting}, with a person {with_person}, machine \
             {machine}; on the line {on_the_line}"
        ),
    ];
    // Who reads some accounts is not told how the provider is asked: that is a matter of whoever runs this.
    if sees_all {
        lines.push(format!("asking Twilio: {}", referee(&summary.referee)));
        lines.extend(summary.sources.iter().filter_map(asked));
    }
    lines.extend(summary.deliveries.iter().filter_map(undelivered));
    lines.extend(summary.alerts.iter().flat_map(alerts::firing));
    if !summary.by_agent.is_empty() {
        let rows: Vec<_> = summary.by_agent.iter().map(row).collect();
        let headings =
            ["AGENT", "LIVE USERS", "CALLS", "WAITING", "WITH A PERSON", "MACHINE", "NAME"];
        lines.push(String::new());
        lines.extend(table(&headings, &rows));
    }
    if !summary.sources.is_empty() {
        let rows: Vec<_> = summary.sources.iter().map(row_of_source).collect();
        lines.push(String::new());
        lines.extend(table(&["SOURCE", "LIVE USERS", "CALLS", "LAST HEARD OF", "KIND"], &rows));
    }
    if !summary.by_account.is_empty() {
        let rows: Vec<_> = summary.by_account.iter().map(row_of_account).collect();
        lines.push(String::new());
        lines.extend(table(&["ACCOUNT", "LIVE USERS", "CALLS"], &rows));
    }
    lines
}

fn row_of_source(source: &SourceCount) -> [String; 5] {
    // Of Twilio's own webhooks the moment is not told here.
    let heard = source.heard_at.clone().unwrap_or_else(|| "-".to_owned());
    let (users, calls) = (source.live_users.to_string(), source.live_calls.to_string());
    [source.source.clone(), users, calls, heard, source.kind.clone()]
}

fn row_of_account(it: &AccountCount) -> [String; 3] {
    let account = it.account.clone().unwrap_or_else(|| "-".to_owned());
    [account, it.live_users.to_string(), it.live_calls.to_string()]
}

fn row(agent: &AgentCount) -> [String; 7] {
    let LineView { waiting, with_person, machine, .. } = agent.line;
    [
        name(&agent.agent),
        match agent.public_suspect {
            Some(1..) => format!("about {}", agent.live_users),
            Some(0) | None => agent.live_users.to_string(),
        },
        agent.live_calls.to_string(),
        waiting.to_string(),
        with_person.to_string(),
        machine.to_string(),
        agent.name.clone().unwrap_or_default(),
    ]
}

fn referee(RefereeView { state, failure, unlisted, .. }: &RefereeView) -> String {
    let unlisted = match unlisted {
        0 => String::new(),
        n => format!("; {} on numbers that no agent has, not counted", calls(*n)),
    };
    match failure {
        Some(failure) => shown(&format!("{state}: {failure}{unlisted}")),
        None => shown(&format!("{state}{unlisted}")),
    }
}

/// What somebody does not get who should.
fn undelivered(delivery: &DeliveryView) -> Option<String> {
    let DeliveryView { to, pending, undelivered, failure, failing_since } = delivery;
    if failure.is_none() && *undelivered == 0 {
        return None;
    }
    let waiting = (*pending > 0).then(|| format!("{pending} waiting"));
    let lost = (*undelivered > 0).then(|| format!("{undelivered} lost since the start"));
    let since = failing_since.as_ref().map(|since| format!(" since {since}")).unwrap_or_default();
    let failing = failure.as_ref().map(|why| format!("failing{since} ({why})"));
    let told: Vec<_> = [waiting, lost, failing].into_iter().flatten().collect();
    Some(shown(&format!("not delivered to {to}: {}", told.join(", "))))
}

/// What the provider of a source says, if it is asked.
fn asked(source: &SourceCount) -> Option<String> {
    let SourceReferee { state, calls, difference, failure, .. } = source.referee.as_ref()?;
    let found = calls.zip(*difference);
    let found = found.map(|(calls, difference)| format!("; {calls} up there, {difference:+}"));
    let failure = failure.as_ref().map(|failure| format!(": {failure}"));
    let told = [failure, found].into_iter().flatten().collect::<String>();
    Some(shown(&format!("asking {}: {state}{told}", source.source)))
}

/// Live users, in words, of which so many are suspect.
pub(super) fn about(live_users: u64, suspect: Option<u64>) -> String {
    match suspect {
        Some(1..) => format!("about {}", users(live_users)),
        Some(0) | None => users(live_users),
    }
}

/// Live users, in words.
fn users(live_users: u64) -> String {
    format!("{live_users} live user{}", if live_users == 1 { "" } else { "s" })
}

fn calls(live_calls: u64) -> String {
    format!("{live_calls} call{}", if live_calls == 1 { "" } else { "s" })
}

/// An agent in a word.
pub(super) fn name(AgentRef { agent, address }: &AgentRef) -> String {
    agent.as_ref().or(address.as_ref()).cloned().unwrap_or_else(|| "-".to_owned())
}
