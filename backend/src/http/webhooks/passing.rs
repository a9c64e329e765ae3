//! Finds the status callbacks that belong to somebody else too, and has them passed on.
//!
//! A number's own status callback went to another receiver before Live Users took the number over:
//! the `status_callback_url` of its agent. There may be several: `status_callback_urls`. Each gets
//! the same fields, signed for its own URL.

use std::io;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::Method as RequestMethod;
use actix_web::http::header::CONTENT_TYPE;
use live_users_intake::agents::{Agent, Agents};
use live_users_intake::speaks_for_another;
use live_users_state::{CallbackId, SealedCallback};
use live_users_twilio::{CallEvents, Direction, Form, PARTY_BYTES_MAX};

use super::repeats::Repeats;
use crate::http::signature::{SignatureVerifier, is_form};
use crate::parts::callback::{Content, ID_HEADER, MARK};
use crate::parts::deliveries::Deliveries;
use crate::parts::passing_on::PassingOn;
use crate::parts::queue::Queue;
use crate::parts::sealing::Seal;
use crate::parts::signer::{Signer, Signing};

/// What is sealed has at most so many bytes: a record takes little more than these in Base64. A longer
/// one waits in memory alone.
const SEALED_BYTES_MAX: usize = 128 * 1024;

/// What it takes to pass status callbacks on.
pub(crate) struct Passing {
    pub(crate) on: Arc<PassingOn>,
    pub(crate) signer: Arc<Signer>,
    /// The requests that were passed on of late.
    passed: Repeats,
}

impl Passing {
    /// Prepares it, and sends nothing.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn new(signer: Signer, deliveries: Arc<Deliveries>) -> io::Result<Self> {
        let (on, signer) = (Arc::new(PassingOn::new(deliveries)?), Arc::new(signer));
        Ok(Self { on, signer, passed: Repeats::default() })
    }

    /// Has a request to `/call-status` passed on, if it is a number's own status callback and its agent
    /// has another receiver. It never waits, and what becomes of it changes nothing here.
    ///
    /// Its record is in the queue when this returns, before the evidence of the same request. So
    /// whoever learns that the evidence is recorded knows that of the callback, too. What cannot be
    /// recorded is sent from memory.
    pub(super) fn pass_on(
        &self,
        (signature, queue): (&SignatureVerifier, &Queue),
        agents: &Agents,
        request: &HttpRequest,
        forms: &[Form],
    ) {
        let [form] = forms else { return };
        if !is_form(request) || request.headers().contains_key(MARK) {
            return;
        }
        let Some((agent, urls)) = receivers(form, agents) else { return };
        let content = content(request, form, urls);
        let attempt_of = attempt_of(&content);
        let request_id = attempt_of.as_ref().map(|(id, says)| self.passed.id_of_callback(id, says));
        if self.passed.is_one(request_id) {
            return;
        }
        let n_urls = content.urls.len();
        let Some(held) = self.on.hold(content.n_bytes()) else {
            return self.on.dropped(&agent.id, n_urls);
        };
        // Another attempt may have come in between.
        if !self.passed.remember(request_id) {
            return;
        }
        let is_signed_with = |token: &_| signature.is_signed_with(token, request, form);
        let Signing { token, seal } = self.signer.signing(is_signed_with);
        let recorded = sealed(seal, attempt_of, &agent.id, &content).map(|it| queue.pass_on(it));
        let (on, token) = (self.on.clone(), token.map(str::to_owned));
        let (agent, method) = (agent.id.clone(), agent.status_callback_method());
        self.on.runtime().spawn(async move {
            if let Some(recorded) = recorded
                && let Ok(n_dropped) = recorded.await
            {
                return on.dropped(&agent, n_dropped);
            }
            let held = Arc::new(held);
            for url in &content.urls {
                if let Some(callback) = content.callback(url, method, token.as_deref()) {
                    on.send(&agent, (url, callback), held.clone());
                }
            }
        });
    }
}

/// Whose status callback it is, if it is that of a number: of a call that came in to it. Those of
/// legs, conferences, streams and of calls that we made were asked for by somebody who knows us.
fn receivers<'a>(form: &Form, agents: &'a Agents) -> Option<(&'a Agent, Vec<&'a str>)> {
    let text = |name| form.text_within(name, PARTY_BYTES_MAX).ok().flatten();
    let is_inbound = match text("Direction") {
        Some(direction) => Direction::parse(direction) == Some(Direction::Inbound),
        None => !form.has("Direction"),
    };
    let is_of_a_call = form.has("CallStatus") && !form.has("ParentCallSid");
    if !is_inbound || !is_of_a_call || CallEvents::read(form).is_any() {
        return None;
    }
    let agent = agents.by_number(text("To")?)?;
    let targets = agent.status_callback_targets();
    let may_be = !targets.is_empty() && !speaks_for_another(form, agents, agent);
    may_be.then_some((agent, targets))
}

/// What a request says.
fn content(request: &HttpRequest, form: &Form, urls: Vec<&str>) -> Content {
    let came = |name: &str| request.headers().get(name).and_then(|it| it.to_str().ok());
    let kind = came(CONTENT_TYPE.as_str()).filter(|_| !is_get(request));
    Content {
        urls: urls.into_iter().map(str::to_owned).collect(),
        kind: kind.map(str::to_owned),
        request_id: came(ID_HEADER).map(str::to_owned),
        fields: fields(request, form),
    }
}

/// What tells a callback from others: its id of Twilio's, and what it says. `None` if it has no id: such
/// a one is none that comes again.
///
/// Twilio documents that the attempts of one request share the id (`I-Twilio-Idempotency-Token`), and not
/// that nothing else has it. So two requests with one id that say different things are two callbacks, and
/// none is lost. Those that say the same are one, also at another URL of ours, which has another
/// signature. A request to a fallback URL says in addition why it is made.
fn attempt_of(content: &Content) -> Option<(Vec<u8>, String)> {
    let id = content.request_id.as_ref().filter(|id| !id.is_empty())?;
    let mut fields: Vec<_> = content.fields.split('&').collect();
    if fields.iter().any(|field| field.starts_with("ErrorUrl=")) {
        fields.retain(|it| !it.starts_with("ErrorUrl=") && !it.starts_with("ErrorCode="));
    }
    fields.sort_unstable();
    Some((id.as_bytes().to_vec(), fields.join("&")))
}

/// The callback as it waits in the journal. `None` if it is too long, or the system has no randomness.
fn sealed(
    seal: &Seal,
    attempt_of: Option<(Vec<u8>, String)>,
    agent: &str,
    content: &Content,
) -> Option<SealedCallback> {
    let id = match attempt_of {
        Some((id, says)) => seal.id_of([&id, says.as_bytes()]),
        None => {
            let mut id = [0; 16];
            getrandom::fill(&mut id).ok()?;
            CallbackId(u128::from_be_bytes(id))
        }
    };
    let sealed = seal.seal(id, agent, content.encode())?;
    (sealed.len() <= SEALED_BYTES_MAX).then(|| SealedCallback {
        id,
        agent: agent.into(),
        receivers: content.urls.iter().map(|url| seal.receiver(url)).collect(),
        sealed: sealed.into(),
    })
}

/// The fields in the order in which they came. Of a query, our own `agent` is none of them.
fn fields(request: &HttpRequest, form: &Form) -> String {
    let encoded = form.encode();
    if !is_get(request) {
        return encoded;
    }
    let of_twilio = encoded.split('&').filter(|field| !field.starts_with("agent="));
    of_twilio.collect::<Vec<_>>().join("&")
}

fn is_get(request: &HttpRequest) -> bool {
    request.method() == RequestMethod::GET
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENTS: &str = r#"
        [[agent]]
        id = "taken-over"
        name = "Taken over"
        numbers = ["+15005550006"]
        status_callback_url = "https://old.example.com/status"
        status_callback_urls = ["https://b.example.com/", "https://old.example.com/status"]
        [[agent]]
        id = "new"
        name = "New"
        numbers = ["+15005550007"]
    "#;

    const OWN: [(&str, &str); 4] = [
        ("CallSid", "CA1"),
        ("CallStatus", "completed"),
        ("Direction", "inbound"),
        ("To", "+15005550006"),
    ];

    #[test]
    fn only_a_numbers_own_status_callback_has_another_receiver() {
        let (agents, mistakes) = Agents::parse(AGENTS);
        assert_eq!(mistakes, [""; 0]);
        let of = |fields: &[(&str, &str)]| {
            receivers(&Form::from_pairs(fields.iter().copied()), &agents).map(|(_, urls)| urls)
        };
        let urls = Some(vec!["https://old.example.com/status", "https://b.example.com/"]);
        assert_eq!(of(&OWN), urls);
        assert_eq!(of(&[OWN[0], OWN[1], OWN[3]]), urls, "without a direction a call is inbound");
        for more in [
            ("ParentCallSid", "CA0"),
            ("StreamEvent", "stream-started"),
            ("StatusCallbackEvent", "participant-join"),
            ("DialCallStatus", "completed"),
            ("Direction", "outbound-api"),
            ("To", "+15005550007"),
        ] {
            let is_other = |(name, _): &&(&str, &str)| *name != more.0;
            let mut fields: Vec<_> = OWN.iter().filter(is_other).copied().collect();
            fields.push(more);
            if more.0.starts_with("St") {
                fields.extend([("StreamSid", "MZ1"), ("ConferenceSid", "CF1")]);
            }
            assert_eq!(of(&fields), None, "{more:?}");
        }
        assert_eq!(of(&[OWN[0], OWN[2], OWN[3]]), None, "it says no status");
    }

    #[test]
    fn a_callback_is_another_one_only_with_another_id_or_other_fields() {
        let of = |id: Option<&str>, fields: &str| {
            attempt_of(&Content {
                urls: Vec::new(),
                kind: None,
                request_id: id.map(str::to_owned),
                fields: fields.to_owned(),
            })
        };
        let first = of(Some("1"), "CallSid=CA1&CallStatus=completed");
        for same in [
            "CallStatus=completed&CallSid=CA1",
            "CallSid=CA1&ErrorCode=11205&ErrorUrl=https%3A%2F%2Fa.example&CallStatus=completed",
        ] {
            assert_eq!(of(Some("1"), same), first, "{same}");
        }
        assert_ne!(of(Some("2"), "CallSid=CA1&CallStatus=completed"), first);
        assert_ne!(of(Some("1"), "CallSid=CA1&CallStatus=busy"), first);
        assert_ne!(of(Some("1"), "CallSid=CA1&CallStatus=completed&ErrorCode=1"), first);
        assert_eq!((of(None, "CallSid=CA1"), of(Some(""), "CallSid=CA1")), (None, None));
    }
}
