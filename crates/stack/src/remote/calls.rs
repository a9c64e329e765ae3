//! `live-users calls`, `explain` and `evict`: the calls behind the number.

use std::fmt::Write;
use std::process::ExitCode;

use live_users_wire::{CALL_SID_BYTES_MAX, CallPage, CallView, Evicted, Explanation};
use reqwest::{Method, Url};
use serde_json::Value;

use super::server::{Server, shown};
use super::status::name;
use super::table::{span, table};
use crate::{Failure, tell};

/// The calls in one answer; the most that a server gives.
const PAGE: &str = "1000";

/// Lists the calls of all pages.
pub(super) async fn list(
    server: &Server,
    agent: Option<&str>,
    suspect: bool,
    json: bool,
) -> Result<ExitCode, Failure> {
    let (mut rows, mut whole, mut after) = (Vec::new(), None::<Value>, None::<String>);
    loop {
        let path = page_path(agent, suspect, after.as_deref());
        let answer = server.ask(Method::GET, &path).await.map_err(|it| server.failure(&it))?;
        let page: CallPage = server.read(&answer)?;
        if json {
            let page: Value = server.read(&answer)?;
            whole = Some(joined(whole, page));
        } else {
            rows.extend(page.calls.iter().map(row));
        }
        match page.next {
            // A server that goes round in circles is asked no further.
            Some(next) if Some(&next) != after.as_ref() => after = Some(next),
            _ => break,
        }
    }
    match whole {
        Some(whole) => tell(whole),
        None if rows.is_empty() => tell("No call is up."),
        None => {
            let headings = ["CALLSID", "LIVE", "WITH", "COUNTED", "AGENT", "CALLER", "PLACE"];
            table(headings, &rows).iter().for_each(tell);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows why a call is counted or not, and all that was said about it.
pub(super) async fn explain(
    server: &Server,
    call_sid: &str,
    json: bool,
) -> Result<ExitCode, Failure> {
    let path = call_path(call_sid, "")?;
    let answer = server.ask(Method::GET, &path).await.map_err(|it| server.failure(&it))?;
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
    let answer = server.ask(Method::POST, &path).await.map_err(|it| server.failure(&it))?;
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

fn page_path(agent: Option<&str>, suspect: bool, after: Option<&str>) -> String {
    let mut query = url_for_encoding();
    {
        let mut pairs = query.query_pairs_mut();
        pairs.append_pair("limit", PAGE);
        if let Some(agent) = agent {
            pairs.append_pair("agent", agent);
        }
        if suspect {
            pairs.append_pair("suspect", "true");
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

/// The path of a call, whose id is one segment of it.
fn call_path(call_sid: &str, action: &str) -> Result<String, Failure> {
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
    [
        call.call_sid.clone(),
        call.live_ms.map(span).unwrap_or_else(|| "-".to_owned()),
        call.party.clone().unwrap_or_else(|| "-".to_owned()),
        counted.to_owned(),
        name(&call.agent),
        call.caller.clone().unwrap_or_else(|| "withheld".to_owned()),
        place.join(", "),
    ]
}

fn explained(explanation: &Explanation) -> Vec<String> {
    let Explanation { call, because, next, legs, evidence, incomplete, as_of } = explanation;
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
        lines.extend(table(["LEG", "PHASE", "OTHER END"], &rows.collect::<Vec<_>>()));
    }
    let rows = evidence.iter().map(|it| {
        let party = it.party.clone().unwrap_or_else(|| "-".to_owned());
        let leg = it.leg.clone().unwrap_or_default();
        [it.at.clone(), it.source.clone(), it.said.clone(), it.outcome.clone(), party, leg]
    });
    lines.push(String::new());
    let headings = ["AT", "SOURCE", "SAID", "OUTCOME", "WITH", "LEG"];
    lines.extend(table(headings, &rows.collect::<Vec<_>>()));
    if *incomplete {
        lines.push("There was more.".to_owned());
    }
    lines
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

    #[test]
    fn parameters_are_encoded() {
        let path = page_path(Some("a&b"), true, Some("1 2"));
        assert_eq!(path, "/calls?limit=1000&agent=a%26b&suspect=true&after=1+2");
    }
}
