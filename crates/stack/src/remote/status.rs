//! `live-users status`: the number, how sure it is, and whose it is.

use std::process::ExitCode;

use live_users_wire::{
    AccountCount, AgentCount, AgentRef, LineView, RefereeView, SourceCount, SourceReferee, Summary,
};
use reqwest::Method;

use super::alerts;
use super::server::{Server, shown};
use super::table::table;
use crate::{Failure, tell};

/// Asks for the summary and shows it.
pub(super) async fn run(server: &Server, json: bool) -> Result<ExitCode, Failure> {
    let answer = server.ask(Method::GET, "/summary").await.map_err(|it| server.failure(&it))?;
    // Also what is passed on has to be a summary, or there is no number in it.
    let summary: Summary = server.read(&answer)?;
    match json {
        true => tell(answer),
        false => lines(&summary).iter().for_each(tell),
    }
    Ok(ExitCode::SUCCESS)
}

fn lines(summary: &Summary) -> Vec<String> {
    let Summary { live_users, live_calls, confirmed, suspect, as_of, line, .. } = summary;
    let LineView { with_agent, waiting, with_person, machine, on_the_line } = line;
    let silence = match suspect {
        0 => "",
        _ => " (silent for a while)",
    };
    let mut lines = vec![
        format!("{} on {} at {}", users(*live_users), calls(*live_calls), shown(as_of)),
        format!("confirmed {confirmed}, suspect {suspect}{silence}"),
        format!(
            "with an agent {with_agent}, waiting {waiting}, with a person {with_person}, machine \
             {machine}; on the line {on_the_line}"
        ),
        format!("asking the provider: {}", referee(&summary.referee)),
    ];
    lines.extend(summary.sources.iter().filter_map(asked));
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
        agent.live_users.to_string(),
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

/// What the provider of a source says, if it is asked.
fn asked(source: &SourceCount) -> Option<String> {
    let SourceReferee { state, calls, difference, failure, .. } = source.referee.as_ref()?;
    let found = calls.zip(*difference);
    let found = found.map(|(calls, difference)| format!("; {calls} up there, {difference:+}"));
    let failure = failure.as_ref().map(|failure| format!(": {failure}"));
    let told = [failure, found].into_iter().flatten().collect::<String>();
    Some(shown(&format!("asking {}: {state}{told}", source.source)))
}

/// Live users, in words.
pub(super) fn users(live_users: u64) -> String {
    format!("{live_users} live user{}", if live_users == 1 { "" } else { "s" })
}

fn calls(live_calls: u64) -> String {
    format!("{live_calls} call{}", if live_calls == 1 { "" } else { "s" })
}

/// An agent in a word.
pub(super) fn name(AgentRef { agent, address }: &AgentRef) -> String {
    agent.as_ref().or(address.as_ref()).cloned().unwrap_or_else(|| "-".to_owned())
}
