//! `live-users calls`, `explain` and `evict`: the calls behind the number.

use std::process::ExitCode;

use clap::Args;
use live_users_wire::{CallPage, CallView, Evicted, Explanation, merged_calls};
use reqwest::{Method, Url};
use serde_json::Value;

use super::find::{self, call_path};
use super::server::{Server, TWILIO, Trouble};
use super::shards;
use super::status::name;
use super::table::{span, table};
use crate::terminal::shown;
use crate::{Failure, tell};

/// The calls in one answer; the most that a server gives.
const PAGE: &str = "1000";

/// The party of a caller who is connected with nobody.
const WAITING: &str = "waiting";

/// The phase of a call that nobody has answered yet.
const DIALING: &str = "dialing";

/// Which calls are listed.
#[derive(Debug, Default, Args)]
pub(crate) struct Which {
    /// Only those of the agent with this id.
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    /// Only those of this account.
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Only those that this source has told of: an id of the agents file, or twilio.
    #[arg(long, value_name = "ID")]
    source: Option<String>,
    /// Only those that were silent for a while. They count all the same.
    #[arg(long)]
    suspect: bool,
    /// Only those whose callers wait: in a queue, on hold, or because nobody has answered yet.
    #[arg(long)]
    waiting: bool,
}

impl Which {
    /// Whether some calls of the account are left out.
    fn is_filtered(&self) -> bool {
        self.agent.is_some() || self.source.is_some() || self.suspect || self.waiting
    }

    /// What is said where none is wanted of so many calls of the account that is named, or of all.
    fn none(&self, total: Option<u64>) -> String {
        match (&self.account, self.is_filtered(), total) {
            (None, false, _) | (None, _, Some(0)) => "No call is up.".to_owned(),
            (Some(id), false, _) | (Some(id), _, Some(0)) => {
                format!("No call of the account {} is up.", shown(id))
            }
            (_, _, Some(total)) => format!("No call on the line fits (of {total})."),
            (_, _, None) => "No call on the line fits.".to_owned(),
        }
    }

    /// The calls of an answer that are wanted. An older server knows no source and no party to ask for, and a
    /// proxy may pass no account on.
    fn has(&self, call: &CallView) -> bool {
        let has_told = |source: &String| match call.sources.is_empty() {
            true => source == TWILIO,
            false => call.sources.contains(source),
        };
        self.source.as_ref().is_none_or(has_told)
            && (!self.waiting || call.party.as_deref() == Some(WAITING))
            && self.account.as_ref().is_none_or(|it| call.account.as_ref() == Some(it))
    }
}

/// Lists the calls of all pages; of a backend with several shards, those of all shards.
pub(super) async fn list(server: &Server, which: &Which, json: bool) -> Result<ExitCode, Failure> {
    let Listed { whole, page } = match listed_by(server, which).await? {
        Ok(listed) => listed,
        Err(Trouble::OfEachShard(of, _)) => {
            let ask = async |shard: Server| listed_by(&shard, which).await;
            let pages = shards::all(server, of, ask).await?.into_iter().map(|it| Some(it.page));
            let page = merged_calls(pages, usize::MAX).expect("all of them are there");
            let whole = serde_json::to_value(&page).expect("an answer is JSON");
            Listed { whole, page }
        }
        Err(trouble) => return Err(server.failure(&trouble)),
    };
    match json {
        true => tell(whole),
        false if page.calls.is_empty() => tell(which.none(page.total)),
        false => listed(&page.calls).iter().for_each(tell),
    }
    Ok(ExitCode::SUCCESS)
}

/// The calls that are wanted.
struct Listed {
    /// As the server tells them.
    whole: Value,
    page: CallPage,
}

/// All pages as one.
async fn listed_by(server: &Server, which: &Which) -> Result<Result<Listed, Trouble>, Failure> {
    let (mut calls, mut whole, mut after) = (Vec::new(), None::<Value>, None::<String>);
    loop {
        let path = page_path(which, after.as_deref());
        let answer = match server.ask(Method::GET, &path).await {
            Ok(answer) => answer,
            Err(trouble) => return Ok(Err(trouble)),
        };
        let mut page: CallPage = server.read(&answer)?;
        let mut passed_on: Value = server.read(&answer)?;
        let mut wanted = page.calls.iter().map(|call| which.has(call));
        if let Some(calls) = passed_on["calls"].as_array_mut() {
            calls.retain(|_| wanted.next().unwrap_or_default());
        }
        let passed_on = joined(whole.take(), passed_on);
        calls.extend(std::mem::take(&mut page.calls).into_iter().filter(|it| which.has(it)));
        match page.next.take() {
            // A server that goes round in circles is asked no further.
            Some(next) if Some(&next) != after.as_ref() => after = Some(next),
            _ => {
                page.calls = calls;
                return Ok(Ok(Listed { whole: passed_on, page }));
            }
        }
        whole = Some(passed_on);
    }
}

/// The calls as a table. Accounts, sources and how long callers have been waiting are columns where there are any.
fn listed(calls: &[CallView]) -> Vec<String> {
    let has_accounts = calls.iter().any(|call| call.account.is_some());
    let has_sources = calls.iter().any(|call| !call.sources.is_empty());
    let has_waiting = calls.iter().any(|call| call.waiting_ms.is_some());
    let mut headings = vec!["CALLSID", "LIVE", "WITH"];
    headings.extend(has_waiting.then_some("WAITS"));
    headings.extend(["COUNTED", "AGENT"]);
    headings.extend(has_accounts.then_some("ACCOUNT"));
    headings.extend(has_sources.then_some("TOLD BY"));
    headings.extend(["CALLER", "PLACE"]);
    let rows = calls.iter().map(|call| {
        let [sid, live, with, counted, agent, caller, place] = row(call);
        let account = call.account.clone().unwrap_or_else(|| "-".to_owned());
        let told_by = match call.sources.is_empty() {
            true => TWILIO.to_owned(),
            false => call.sources.join(", "),
        };
        let waits = call.waiting_ms.map(span).unwrap_or_else(|| "-".to_owned());
        let mut row = vec![sid, live, with];
        row.extend(has_waiting.then_some(waits));
        row.extend([counted, agent]);
        row.extend(has_accounts.then_some(account));
        row.extend(has_sources.then_some(told_by));
        row.extend([caller, place]);
        row
    });
    table(&headings, &rows.collect::<Vec<_>>())
}

/// Shows why a call is counted or not, and all that was said about it.
pub(super) async fn explain(
    server: &Server,
    call_sid: &str,
    json: bool,
) -> Result<ExitCode, Failure> {
    let answer = find::explanation(server, call_sid).await?;
    let explanation: Explanation = server.read(&answer)?;
    match json {
        true => tell(answer),
        false => explained(&explanation).iter().for_each(tell),
    }
    Ok(ExitCode::SUCCESS)
}

/// Takes a call out of the number.
pub(super) async fn evict(
    server: &Server,
    call_sid: &str,
    json: bool,
) -> Result<ExitCode, Failure> {
    let path = call_path(call_sid, "/evict")?;
    let answer = match server.ask(Method::POST, &path).await {
        Ok(answer) => answer,
        Err(Trouble::OfEachShard(of, _)) => {
            let ask = async |shard: Server| Ok(shard.ask(Method::POST, &path).await);
            shards::first(server, of, ask).await?
        }
        Err(trouble) => return Err(server.failure(&trouble)),
    };
    let Evicted { call } = server.read(&answer)?;
    match json {
        true => tell(answer),
        false => tell(format_args!(
            "{} does not count any more, whatever is heard of it. The phone call goes on.",
            shown(&call.call_sid)
        )),
    }
    Ok(ExitCode::SUCCESS)
}

fn page_path(which: &Which, after: Option<&str>) -> String {
    let mut query = url_for_encoding();
    {
        let mut pairs = query.query_pairs_mut();
        pairs.append_pair("limit", PAGE);
        // As the page lists them: all who are on the line.
        pairs.append_pair("dialing", "true");
        if let Some(agent) = &which.agent {
            pairs.append_pair("agent", agent);
        }
        if let Some(account) = &which.account {
            pairs.append_pair("account", account);
        }
        if let Some(source) = &which.source {
            pairs.append_pair("source", source);
        }
        if which.suspect {
            pairs.append_pair("suspect", "true");
        }
        if which.waiting {
            pairs.append_pair("party", WAITING);
        }
        if let Some(after) = after {
            pairs.append_pair("after", after);
        }
    }
    format!("/calls?{}", query.query().unwrap_or_default())
}

/// Any address: what is put into it is encoded.
fn url_for_encoding() -> Url {
    Url::parse("http://localhost/").expect("an address")
}

/// The calls of one page behind those before it.
fn joined(before: Option<Value>, mut page: Value) -> Value {
    if let Some(before) = before {
        let mut calls = before["calls"].as_array().cloned().unwrap_or_default();
        calls.extend(page["calls"].as_array().into_iter().flatten().cloned());
        page["calls"] = calls.into();
    }
    page
}

fn row(call: &CallView) -> [String; 7] {
    let place = [&call.place.city, &call.place.region, &call.place.country];
    let place: Vec<_> = place.into_iter().flatten().map(String::as_str).collect();
    let counted = match (call.counted, call.suspect) {
        (true, false) => "yes",
        (true, true) => "yes, suspect",
        (false, _) => "no",
    };
    let party = call.party.clone().unwrap_or_else(|| "-".to_owned());
    let with = if call.phase == DIALING { format!("{party}, not answered yet") } else { party };
    [
        call.call_sid.clone(),
        call.live_ms.map(span).unwrap_or_else(|| "-".to_owned()),
        with,
        counted.to_owned(),
        name(&call.agent),
        call.caller.clone().unwrap_or_else(|| "withheld".to_owned()),
        place.join(", "),
    ]
}

fn explained(explanation: &Explanation) -> Vec<String> {
    let Explanation { call, because, next, legs, evidence, incomplete, as_of, .. } = explanation;
    let mut lines = vec![
        format!("{} at {}", shown(&call.call_sid), shown(as_of)),
        shown(because),
        format!("Next, at {}: {}", shown(&next.at), shown(&next.text)),
    ];
    if !legs.is_empty() {
        let rows = legs.iter().map(|leg| {
            let endpoint = leg.endpoint.clone().unwrap_or_else(|| "unknown".to_owned());
            [leg.call_sid.clone(), leg.phase.clone(), endpoint]
        });
        lines.push(String::new());
        lines.extend(table(&["LEG", "PHASE", "OTHER END"], &rows.collect::<Vec<_>>()));
    }
    let rows = evidence.iter().map(|it| {
        let party = it.party.clone().unwrap_or_else(|| "-".to_owned());
        let leg = it.leg.clone().unwrap_or_default();
        [it.at.clone(), it.source.clone(), it.said.clone(), it.outcome.clone(), party, leg]
    });
    lines.push(String::new());
    let headings = ["AT", "SOURCE", "SAID", "OUTCOME", "WITH", "LEG"];
    lines.extend(table(&headings, &rows.collect::<Vec<_>>()));
    if *incomplete {
        lines.push("There was more.".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_encoded() {
        let some = |text: &str| Some(text.to_owned());
        let which = Which {
            agent: some("a&b"),
            account: some("c d"),
            source: some("e f"),
            suspect: true,
            waiting: true,
        };
        let path = page_path(&which, Some("1 2"));
        assert_eq!(
            path,
            "/calls?limit=1000&dialing=true&agent=a%26b&account=c+d&source=e+f&suspect=true\
             &party=waiting&after=1+2"
        );
    }
}
