//! Finds the status callbacks that belong to somebody else too, and passes them on.
//!
//! A number's own status callback went to another receiver before Live Users took the number over:
//! the `status_callback_url` of its agent. There may be several: `status_callback_urls`. Each gets
//! the same fields, signed for its own URL.

use std::io;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::Method as RequestMethod;
use live_users_intake::agents::{Agent, Agents, Method};
use live_users_twilio::{
    CallEvents, Direction, Form, PARTY_BYTES_MAX, Payload, SIGNATURE_HEADER, sign,
};
use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::repeats::{ID_HEADER, Repeats};
use crate::http::signature::{SignatureVerifier, is_form};
use crate::parts::deliveries::Deliveries;
use crate::parts::passing_on::{Callback, PassingOn};
use crate::parts::signer::Signer;

/// Marks what was passed on. It is not passed on once more: two servers that name each other would
/// never end.
const MARK: &str = "Live-Users-Passed-On";

/// The content type of Twilio's forms, for one that came in a query.
const FORM: &str = "application/x-www-form-urlencoded; charset=UTF-8";

/// What it takes to pass status callbacks on.
pub(crate) struct Passing {
    pub(crate) on: Arc<PassingOn>,
    signer: Signer,
    /// The requests that were passed on of late.
    passed: Repeats,
}

impl Passing {
    /// Prepares it, and sends nothing.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn new(signer: Signer, deliveries: Arc<Deliveries>) -> io::Result<Self> {
        Ok(Self { on: Arc::new(PassingOn::new(deliveries)?), signer, passed: Repeats::default() })
    }

    /// Passes a request to `/call-status` on, if it is a number's own status callback and its agent
    /// has another receiver. It never waits, and what becomes of it changes nothing here.
    pub(super) fn pass_on(
        &self,
        signature: &SignatureVerifier,
        agents: &Agents,
        request: &HttpRequest,
        forms: &[Form],
    ) {
        let [form] = forms else { return };
        if !is_form(request) || request.headers().contains_key(MARK) {
            return;
        }
        let Some((agent, urls)) = receivers(form, agents) else { return };
        let request_id = self.passed.id_of(request);
        if self.passed.is_one(request_id) {
            return;
        }
        let token = self.signer.token(|token| signature.is_signed_with(token, request, form));
        let placed = urls.into_iter().filter_map(|url| {
            let callback = callback(request, form, (agent, url), token)?;
            let n_bytes = callback.url.as_str().len() + callback.body.len();
            Some((callback, self.on.place(&agent.id, url, n_bytes)?))
        });
        let placed: Vec<_> = placed.collect();
        // Another attempt may have come in between. One that no receiver has a place for may come
        // again.
        if !placed.is_empty() && self.passed.remember(request_id) {
            placed.into_iter().for_each(|(callback, place)| self.on.send(callback, place));
        }
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
    (!targets.is_empty()).then_some((agent, targets))
}

/// The request as it is passed on. A fragment of the URL is neither signed nor sent. `None` for a
/// URL that is none, which the agents file is refused with.
fn callback(
    request: &HttpRequest,
    form: &Form,
    (agent, url): (&Agent, &str),
    token: Option<&str>,
) -> Option<Callback> {
    let mut url = Url::parse(url).ok()?;
    let method = agent.status_callback_method();
    let fields = fields(request, form);
    let mut headers = HeaderMap::new();
    let mut add = |name: &str, value: &[u8]| {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
            headers.insert(name, value);
        }
    };
    let came = |name: &str| request.headers().get(name).map(|value| value.as_bytes());
    let (body, signed) = match method {
        Method::Get => {
            let query = [url.query().unwrap_or_default(), &fields];
            let query: Vec<_> = query.into_iter().filter(|it| !it.is_empty()).collect();
            url.set_query(Some(&query.join("&")));
            (String::new(), None)
        }
        Method::Post => {
            let kind = came(CONTENT_TYPE.as_str()).filter(|_| !is_get(request));
            add(CONTENT_TYPE.as_str(), kind.unwrap_or(FORM.as_bytes()));
            let form = Form::parse(fields.as_bytes()).ok()?;
            (fields, Some(form))
        }
    };
    if let Some(token) = token {
        let payload = signed.as_ref().map_or(Payload::None, Payload::Form);
        add(SIGNATURE_HEADER, sign(token, url.as_str(), &payload).as_bytes());
    }
    if let Some(id) = came(ID_HEADER) {
        add(ID_HEADER, id);
    }
    add(MARK, b"1");
    Some(Callback { agent: agent.id.clone(), url, method, headers, body })
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
}
