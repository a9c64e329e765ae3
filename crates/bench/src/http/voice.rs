//! Signed `POST /voice`, where nearly every request is a new call.

use std::io::{BufWriter, Write};

use anyhow::{Context, Result, ensure};
use live_users_testkit::send;
use live_users_twilio::{Form, Payload, SIGNATURE_HEADER, sign};
use tempfile::NamedTempFile;

use super::backend::{Binary, PUBLIC_URL, TOKEN, agent_number};
use super::nginx::Nginx;
use super::restart::group_commits_per_s;
use super::wrk::{Load, Requests};
use super::{ROUNDS, Rounds, wrk};
use crate::report::{Goal, Median, Report, Row};
use crate::world::{AGENTS, sid};

pub(super) const PATH: &str = "/voice";

/// How it should stand beside nginx, which reads no form and keeps nothing.
const RATIO_MIN: f64 = 0.45;
const FORM: &str = "application/x-www-form-urlencoded; charset=UTF-8";

/// A voice request with all the fields that Twilio sends.
const BODY: &str = include_str!("../../../twilio/tests/fixtures/webhooks/01_inbound_voice.txt");
const BODY_SID: &str = "CAfa4e0000000000000000000000000001";
const BODY_CALLER: &str = "%2B14155550123";
const BODY_AGENT: &str = "%2B15005550006";

/// Enough that nearly every request to a backend is a new call; a fast one sees some of them again.
pub(super) const CALLS: u64 = 300_000;

/// A record of a voice request, in the journal.
const RECORD_BYTES: usize = 300;

/// What the backend is told, beside what every backend of this program is told.
pub(super) const SIGNED: &[(&str, &str)] = &[("TWILIO_AUTH_TOKEN", TOKEN)];
const UNSIGNED: &[(&str, &str)] = &[("ALLOW_UNSIGNED_WEBHOOKS", "true")];
const QUIET: &[(&str, &str)] = &[("TWILIO_AUTH_TOKEN", TOKEN), ("RUST_LOG", "warn")];
const VOLATILE: &[(&str, &str)] = &[("TWILIO_AUTH_TOKEN", TOKEN), ("JOURNAL_URL", "memory:")];

pub(super) fn measure(report: &mut Report, binary: &Binary) -> Result<()> {
    eprintln!("http: POST {PATH}");
    let requests = signed_requests()?;
    let (content_type, body) = an_answer(binary)?;
    let nginx = Nginx::start(&content_type, &body)?;
    let nginx_url = format!("{}{PATH}", nginx.url);

    let [mut static_answer, mut signed, mut volatile, mut unsigned, mut quiet]: [Rounds; 5] =
        Default::default();
    let (mut new_calls, mut commits) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        static_answer.0.push(wrk::post(&nginx_url, &requests)?);
        let (load, live) = fill(binary, SIGNED, &requests)?;
        new_calls.push(live as f64 / load.requests as f64 * 100.0);
        signed.0.push(load);
        commits.push(group_commits_per_s(wrk::CONNECTIONS, RECORD_BYTES)?);
        volatile.0.push(fill(binary, VOLATILE, &requests)?.0);
        unsigned.0.push(fill(binary, UNSIGNED, &requests)?.0);
        quiet.0.push(fill(binary, QUIET, &requests)?.0);
    }
    let share = Median::of(new_calls).middle.min(100.0);
    let what = format!("`POST {PATH}`, signed and durable, {share:.0} % of them new calls");
    let (row, ratio) = signed.row(&what, "nginx", &static_answer);
    report.add(row.goal(Goal::AtLeast(RATIO_MIN), ratio));
    report.add(signed.row("the same", "journal in memory", &volatile).0);
    let ratio = Median::ratio(&signed.requests_per_s(), &commits);
    let disk = Median::of(commits).with_digits(0);
    // As many records can wait for one sync as there are connections.
    let each = wrk::CONNECTIONS;
    let disk = format!("bare write and fdatasync, {each} records each: {disk} records/s");
    report.add(Row::new("the same", signed.figure()).beside(disk, ratio));
    report.add(signed.row("the same", "not verified", &unsigned).0);
    report.add(signed.row("the same", "not logged (`RUST_LOG=warn`)", &quiet).0);
    Ok(())
}

/// Loads a new backend, and returns how many calls it counts in the end: every one that it was told
/// of, or the figures are worth nothing.
pub(super) fn fill(
    binary: &Binary,
    env: &[(&str, &str)],
    requests: &Requests,
) -> Result<(Load, u64)> {
    let backend = binary.start(env)?;
    let load = wrk::post(&format!("{}{PATH}", backend.url), requests)?;
    let live = backend.live_users()?;
    // Those under way when wrk stopped may be counted too. One thread of wrk may come to the end of
    // its part, and begin again, when the other has hardly begun.
    let expected = load.requests.min(CALLS / wrk::THREADS);
    ensure!(live >= expected, "{live} calls were counted after {} requests", load.requests);
    Ok((load, live))
}

/// The content type and the body that the backend answers a voice request with.
fn an_answer(binary: &Binary) -> Result<(String, String)> {
    let backend = binary.start(UNSIGNED)?;
    let headers = [("Content-Type", FORM)];
    let answer = send("POST", &format!("{}{PATH}", backend.url), &headers, body(0).as_bytes());
    ensure!(answer.status == 200, "{answer:?}");
    Ok((answer.header("content-type").to_owned(), answer.body))
}

/// A request for each call, signed as Twilio signs it.
pub(super) fn signed_requests() -> Result<Requests> {
    let url = format!("{PUBLIC_URL}{PATH}");
    let host = PUBLIC_URL.trim_start_matches("https://");
    let mut file = BufWriter::new(NamedTempFile::new()?);
    let mut length = None;
    for call in 0..CALLS {
        let body = body(call);
        let form = Form::parse(body.as_bytes())?;
        let signature = sign(TOKEN, &url, &Payload::Form(&form));
        let request = format!(
            "POST {PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {FORM}\r\n\
             {SIGNATURE_HEADER}: {signature}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        ensure!(*length.get_or_insert(request.len()) == request.len(), "all are of one length");
        file.write_all(request.as_bytes())?;
    }
    let (file, length) = (file.into_inner()?, length.context("at least one call")?);
    Ok(Requests { file, length, count: CALLS })
}

/// The form of the first request of a call, from a caller of its own.
pub(super) fn form_of_call(call: u64) -> String {
    body(call)
}

fn body(call: u64) -> String {
    let agent = agent_number(call % AGENTS).replace('+', "%2B");
    // No area has the code 999.
    let caller = format!("%2B1999{call:07}");
    BODY.replace(BODY_SID, &sid(call)).replace(BODY_CALLER, &caller).replace(BODY_AGENT, &agent)
}
