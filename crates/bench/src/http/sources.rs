//! Webhooks of sources beside a Twilio form: nearly every request is a new call, signed as its kind
//! signs.

use std::io::{BufWriter, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use live_users_sources::StandardWebhooksSecret;
use live_users_twilio::{Form, Payload, sign};
use ring::signature::{Ed25519KeyPair, KeyPair};
use tempfile::{NamedTempFile, TempDir};

use super::backend::{Binary, PUBLIC_URL, TOKEN, agent_number};
use super::voice::form_of_call;
use super::wrk::Requests;
use super::{ROUNDS, Rounds, wrk};
use crate::report::Report;
use crate::world::AGENTS;

/// Fewer than of voice requests, since a signature with a key pair takes its time here, too.
const CALLS: u64 = 120_000;

const FORM: &str = "application/x-www-form-urlencoded; charset=UTF-8";
const JSON: &str = "application/json";
const EVENTS_SECRET: &str = "whsec_YmVuY2htYXJrLXNlY3JldC1vZi1ldmVudHM=";
const EVENTS_TOKEN: &str = "benchmark-token-of-events";

/// How the webhooks of a source are made.
struct Made {
    what: &'static str,
    path: &'static str,
    request: Box<dyn Fn(u64) -> Request>,
}

/// A body, and the headers that say what it is and who has sent it.
type Request = (String, Vec<(&'static str, String)>);

pub(super) fn measure(report: &mut Report, binary: &Binary) -> Result<()> {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]);
    let pair = pair.map_err(|_| anyhow::anyhow!("no key pair of this seed"))?;
    let public_key = BASE64.encode(pair.public_key().as_ref());
    let folder = tempfile::tempdir()?;
    let agents = agents_file(&folder)?;
    let env = [
        ("TWILIO_AUTH_TOKEN", TOKEN),
        ("AGENTS_FILE", agents.as_str()),
        ("SIGNALWIRE_KEY", TOKEN),
        ("TELNYX_KEY", &public_key),
        ("EVENTS_SECRET", EVENTS_SECRET),
        ("EVENTS_TOKEN", EVENTS_TOKEN),
    ];
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    // A signature that names its time is good for 300 s, so each is measured soon after it was made.
    for made in [signalwire(), events_signed(now_s)?, events_by_token(), telnyx(pair, now_s)] {
        eprintln!("sources: {}", made.what);
        let (twilio, requests) = (written(&twilio())?, written(&made)?);
        let [mut beside, mut own]: [Rounds; 2] = Default::default();
        for _ in 0..ROUNDS {
            for (rounds, path, requests) in
                [(&mut beside, "/call-status", &twilio), (&mut own, made.path, &requests)]
            {
                let backend = binary.start(&env)?;
                let load = wrk::post(&format!("{}{path}", backend.url), requests)?;
                let live = backend.live_users()?;
                let expected = load.requests.min(CALLS / wrk::THREADS);
                ensure!(live >= expected, "{path}: {live} calls after {}", load.requests);
                rounds.0.push(load);
            }
        }
        report.add(own.row(made.what, "a Twilio form at `/call-status`", &beside).0);
    }
    Ok(())
}

fn agents_file(folder: &TempDir) -> Result<String> {
    let source = |id: &str, kind: &str, variable: &str| {
        format!("[[source]]\nid = \"{id}\"\nkind = \"{kind}\"\nsecret_env = \"{variable}\"\n")
    };
    let agents = (0..AGENTS).map(|n| {
        let number = agent_number(n);
        format!("[[agent]]\nid = \"agent-{n}\"\nname = \"Agent {n}\"\nnumbers = [\"{number}\"]\n")
    });
    let mut file: String = agents.collect();
    file += &source("signalwire", "signalwire", "SIGNALWIRE_KEY");
    file += &source("telnyx", "telnyx", "TELNYX_KEY");
    file += &source("signed", "events", "EVENTS_SECRET");
    file += &source("token", "events", "EVENTS_TOKEN");
    let path = folder.path().join("agents.toml");
    std::fs::write(&path, file)?;
    Ok(path.to_str().context("a path of UTF-8")?.to_owned())
}

/// The form of a call that was answered, with all the fields that Twilio sends.
fn form(call: u64) -> String {
    form_of_call(call).replace("CallStatus=ringing", "CallStatus=in-progress")
}

fn twilio() -> Made {
    let request = |call| {
        let body = form(call);
        let fields = Form::parse(body.as_bytes()).unwrap_or_default();
        let signature = sign(TOKEN, &format!("{PUBLIC_URL}/call-status"), &Payload::Form(&fields));
        (body, vec![("Content-Type", FORM.to_owned()), ("X-Twilio-Signature", signature)])
    };
    Made { what: "Twilio", path: "/call-status", request: Box::new(request) }
}

fn signalwire() -> Made {
    let request = |call| {
        let body = form(call);
        let fields = Form::parse(body.as_bytes()).unwrap_or_default();
        let url = format!("{PUBLIC_URL}/sources/signalwire");
        let signature = sign(TOKEN, &url, &Payload::FormInOrder(&fields));
        (body, vec![("Content-Type", FORM.to_owned()), ("X-SignalWire-Signature", signature)])
    };
    let what = "SignalWire's form at `/sources/ID`";
    Made { what, path: "/sources/signalwire", request: Box::new(request) }
}

fn event(call: u64) -> String {
    format!(
        "{{\"id\":\"e-{call:07}\",\"call\":\"call-{call:07}\",\"event\":\"answered\",\
         \"agent\":\"agent-{:03}\",\"caller\":\"+1999{call:07}\",\"at\":\"2026-11-29T10:00:00Z\"}}",
        call % 10
    )
}

fn events_signed(now_s: u64) -> Result<Made> {
    let secret = StandardWebhooksSecret::new(EVENTS_SECRET)?;
    let request = move |call| {
        let (body, id) = (event(call), format!("msg_{call:07}"));
        let headers = vec![
            ("Content-Type", JSON.to_owned()),
            ("webhook-signature", secret.sign(&id, now_s, body.as_bytes())),
            ("webhook-id", id),
            ("webhook-timestamp", now_s.to_string()),
        ];
        (body, headers)
    };
    let what = "an event, signed as Standard Webhooks do";
    Ok(Made { what, path: "/sources/signed", request: Box::new(request) })
}

fn events_by_token() -> Made {
    let request = |call| {
        let token = format!("Bearer {EVENTS_TOKEN}");
        (event(call), vec![("Content-Type", JSON.to_owned()), ("Authorization", token)])
    };
    Made { what: "an event with a token", path: "/api/events", request: Box::new(request) }
}

fn telnyx(pair: Ed25519KeyPair, now_s: u64) -> Made {
    let request = move |call| {
        let number = agent_number(call % AGENTS);
        let body = format!(
            "{{\"data\":{{\"event_type\":\"call.answered\",\"id\":\"b97d4d5e-6fe7-4432-911f-\
             796{call:09}\",\"occurred_at\":\"2026-11-29T10:00:00.076316Z\",\"payload\":{{\
             \"call_control_id\":\"v3:9X2vxPDFY2RHSJ1EdMS0RHRksMTg7ldNxdjWbVr9z{call:09}\",\
             \"call_leg_id\":\"b0e6224c-c81c-11f0-afbb-024{call:09}\",\"call_session_id\":\
             \"b0e6141e-c81c-11f0-abac-024{call:09}\",\"client_state\":null,\"connection_id\":\
             \"1234567890\",\"direction\":\"incoming\",\"from\":\"+1999{call:07}\",\
             \"to\":\"{number}\",\"state\":\"answered\"}},\"record_type\":\"event\"}}}}"
        );
        let signed = format!("{now_s}|{body}");
        let headers = vec![
            ("Content-Type", JSON.to_owned()),
            ("telnyx-signature-ed25519", BASE64.encode(pair.sign(signed.as_bytes()))),
            ("telnyx-timestamp", now_s.to_string()),
        ];
        (body, headers)
    };
    let what = "Telnyx's `call.answered`, signed with Ed25519";
    Made { what, path: "/sources/telnyx", request: Box::new(request) }
}

/// The requests of a source, in a file.
fn written(made: &Made) -> Result<Requests> {
    let host = PUBLIC_URL.trim_start_matches("https://");
    let mut file = BufWriter::new(NamedTempFile::new()?);
    let mut length = None;
    for call in 0..CALLS {
        let (body, headers) = (made.request)(call);
        let headers: String =
            headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let (path, n) = (made.path, body.len());
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {n}\r\n\r\n{body}"
        );
        ensure!(*length.get_or_insert(request.len()) == request.len(), "all are of one length");
        file.write_all(request.as_bytes())?;
    }
    let (file, length) = (file.into_inner()?, length.context("at least one call")?);
    Ok(Requests { file, length, count: CALLS })
}
