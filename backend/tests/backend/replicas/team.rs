//! Some backends, and what is asked of them.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use live_users_testkit::{Answer, Server, Twilio, get, send};
use serde_json::Value;

use crate::honest::API_TOKEN;
use crate::start;

/// How long the replicas may take to agree, in seconds: a bound for a machine that is stuck. The
/// servers of a journal need some seconds to choose a new leader.
const PATIENCE_S: u64 = 120;

/// One backend.
pub(crate) struct Replica {
    pub(crate) server: Server,
    pub(crate) twilio: Twilio,
}

impl Replica {
    pub(crate) fn start(journal_url: &str) -> Self {
        Self::start_with(journal_url, &[])
    }

    pub(crate) fn start_with(journal_url: &str, more: &[(&str, &str)]) -> Self {
        let env = [("JOURNAL_URL", journal_url), ("API_TOKEN", API_TOKEN)];
        let (server, twilio) = start(&[&env, more].concat());
        Self { server, twilio }
    }

    /// The answer to `GET /api/live-users`: the number, or what is said in place of it.
    pub(crate) fn count(&self) -> Result<usize, Answer> {
        count(&self.twilio)
    }

    pub(crate) fn readiness(&self) -> Answer {
        get(&format!("{}/readyz", self.server.url))
    }

    /// What is told to whoever shows the token.
    pub(crate) fn details(&self, path: &str) -> Value {
        let url = format!("{}/api/live-users{path}", self.server.url);
        let authorization = format!("Bearer {API_TOKEN}");
        let answer = send("GET", &url, &[("Authorization", &authorization)], b"");
        serde_json::from_str(&answer.body).expect("JSON")
    }

    /// What time it is there.
    pub(crate) fn time(&self) -> Timestamp {
        let summary = self.details("/summary");
        summary["asOf"].as_str().expect("a moment").parse().expect("in RFC 3339")
    }

    /// A first request of a voice call, whose caller is a user of their own. What matters is that
    /// it is answered with TwiML, whatever else goes on.
    pub(crate) fn voice(&self, call: u32) {
        let answer = self.twilio.post("/voice", &fields(&sid(call), "ringing"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(answer.body.contains("<Response>"), "{}", answer.body);
    }

    /// The status of a call; the answer's status, if there is an answer.
    pub(crate) fn report(&self, call: u32, status: &str) -> Option<u16> {
        report(&self.twilio, call, status)
    }
}

pub(crate) fn count(twilio: &Twilio) -> Result<usize, Answer> {
    let answer = get(&format!("{}/api/live-users", twilio.url));
    if answer.status != 200 {
        return Err(answer);
    }
    let body: Value = serde_json::from_str(&answer.body).expect("JSON");
    Ok(body["liveUsers"].as_u64().expect("a number").try_into().expect("a small one"))
}

pub(crate) fn report(twilio: &Twilio, call: u32, status: &str) -> Option<u16> {
    let answer = twilio.try_post("/call-status", &fields(&sid(call), status));
    answer.map(|answer| answer.status)
}

pub(crate) fn sid(call: u32) -> String {
    format!("CA{call:032x}")
}

fn fields<'a>(sid: &'a str, status: &'a str) -> [(&'a str, &'a str); 3] {
    [("CallSid", sid), ("CallStatus", status), ("Direction", "inbound")]
}

/// Waits until this is so.
pub(crate) fn await_that(what: &str, is_so: impl Fn() -> bool) {
    await_look(what, &is_so, |is_so| *is_so);
}

/// Looks until what is seen is so, and returns it. If it never is, the failure has what was seen at last.
pub(crate) fn await_look<T: Debug>(
    what: &str,
    look: impl Fn() -> T,
    is_so: impl Fn(&T) -> bool,
) -> T {
    let deadline = Instant::now() + Duration::from_secs(PATIENCE_S);
    loop {
        let seen = look();
        if is_so(&seen) {
            return seen;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE_S} s; at last: {seen:?}");
        // not a wait for time: between two looks at other processes
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until all show this number.
pub(crate) fn await_agreement(replicas: &[Replica], live: usize) {
    for (n, replica) in replicas.iter().enumerate() {
        let what = format!("replica {n} shows {live}");
        await_that(&what, || replica.count().is_ok_and(|count| count == live));
    }
}
