//! Calls to a number: the requests that Twilio makes to its URLs, in the order and with the
//! fallback and the retries that Twilio has.
//!
//! Facts from Twilio's pages on webhooks: the voice URL is requested first, then each `<Redirect>`;
//! what fails leads to the fallback URL with `ErrorCode` and `ErrorUrl`; the status callback comes
//! once, after the end, and again as the fragment of its URL asks for (`rc`, `rp`).

use std::time::Duration;

use live_users_twilio::Method;
use live_users_twilio::rest::Webhook;
use live_users_twilio::{CallStatus, Direction, Form, Payload, SIGNATURE_HEADER, sign};
use reqwest::{Client, Url};

use super::ledger::CallFacts;
use super::server::StandIn;

/// How long a request may take, in milliseconds.
const REQUEST_MS_MAX: u64 = 15_000;
/// How many redirects are followed.
const REDIRECTS_MAX: usize = 10;
/// The alert when a voice URL cannot be retrieved.
const ALERT_RETRIEVAL: u32 = 11_200;
/// The alert when a status callback fails.
const ALERT_STATUS_CALLBACK: u32 = 15_003;

/// A call that is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialed {
    /// Its CallSid.
    pub sid: String,
    /// The number that was called.
    pub to: String,
    /// The caller.
    pub from: String,
    /// Every URL that was requested, in order; of failed requests, too.
    pub requested: Vec<String>,
    /// The TwiML that the caller hears; `None` if the caller hears an error.
    pub heard: Option<String>,
}

/// Why a number cannot be called.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// There is no such number, or a trunk has it.
    #[error("no number that takes calls")]
    NoNumber,
    /// There is no HTTP client to be had.
    #[error(transparent)]
    Client(#[from] reqwest::Error),
}

impl StandIn {
    /// Somebody calls a number. The webhooks are signed with this Auth Token.
    ///
    /// # Errors
    /// If there is no such number, or no HTTP client.
    pub async fn dial(&self, token: &str, to: &str, from: &str) -> Result<Dialed, DialError> {
        let settings = self.account().settings_of(to).cloned().ok_or(DialError::NoNumber)?;
        let n = self.api().n_calls();
        let mut call = Dialed {
            sid: format!("CA{:032x}", n + 1),
            to: to.to_owned(),
            from: from.to_owned(),
            requested: Vec::new(),
            heard: None,
        };
        self.note(&call, CallStatus::InProgress);
        let client = client()?;
        let first = self.follow(&client, token, &mut call, &settings.voice, &[]).await;
        let heard = match (first, &settings.fallback.url) {
            (Ok(twiml), _) => Some(twiml),
            (Err(_), None) => None,
            (Err(failed), Some(_)) => {
                let code = ALERT_RETRIEVAL.to_string();
                let why = [("ErrorCode", code.as_str()), ("ErrorUrl", failed.as_str())];
                self.follow(&client, token, &mut call, &settings.fallback, &why).await.ok()
            }
        };
        call.heard = heard;
        if call.heard.is_none() {
            self.note(&call, CallStatus::Failed);
        }
        Ok(call)
    }

    /// The caller hangs up. Returns whether the status callback was answered with 2xx.
    ///
    /// # Errors
    /// If there is no such number any more, or no HTTP client.
    pub async fn hang_up(&self, token: &str, call: &Dialed) -> Result<bool, DialError> {
        self.note(call, CallStatus::Completed);
        let settings = self.account().settings_of(&call.to).cloned().ok_or(DialError::NoNumber)?;
        let Some(url) = &settings.status_callback.url else { return Ok(true) };
        let fragment = url.split_once('#').map_or("", |(_, fragment)| fragment);
        let value = |key: &str| {
            let pairs = fragment.split('&').filter_map(|pair| pair.split_once('='));
            pairs.filter(|(name, _)| *name == key).map(|(_, value)| value).next_back()
        };
        let retries = value("rc").and_then(|rc| rc.parse::<u32>().ok()).unwrap_or(1).min(5);
        let retries_all = value("rp") == Some("all");
        let client = client()?;
        let fields = [("CallDuration", "61"), ("Duration", "2"), ("SequenceNumber", "0")];
        for _attempt in 0..=retries {
            let answer =
                request(&client, token, &settings.status_callback, call, "completed", &fields)
                    .await;
            match answer {
                Some((status, _)) if (200..300).contains(&status) => return Ok(true),
                Some(_) if !retries_all => break,
                Some(_) | None => {}
            }
        }
        let shown = url.split('#').next().unwrap_or_default();
        self.account().note_alert(self.now_ms(), ALERT_STATUS_CALLBACK, shown);
        Ok(false)
    }

    /// Requests a URL and each redirect. The error is the URL that failed.
    async fn follow(
        &self,
        client: &Client,
        token: &str,
        call: &mut Dialed,
        first: &Webhook,
        more: &[(&str, &str)],
    ) -> Result<String, String> {
        let mut webhook = first.clone();
        for _redirect in 0..=REDIRECTS_MAX {
            let url = webhook.url.clone().unwrap_or_default();
            call.requested.push(url.clone());
            let answer = request(client, token, &webhook, call, "ringing", more).await;
            let Some((200, twiml)) = answer else {
                self.account().note_alert(self.now_ms(), ALERT_RETRIEVAL, &url);
                return Err(url);
            };
            match redirect(&twiml, &url) {
                Ok(None) => return Ok(twiml),
                Ok(Some(next)) => webhook = next,
                Err(()) => {
                    self.account().note_alert(self.now_ms(), ALERT_RETRIEVAL, &url);
                    return Err(url);
                }
            }
        }
        Err(webhook.url.unwrap_or_default())
    }

    fn note(&self, call: &Dialed, status: CallStatus) {
        let Dialed { sid, to, from, .. } = call;
        let direction = Direction::Inbound;
        let facts = CallFacts { sid, parent: None, status, direction, from, to };
        self.api().note(self.now_ms(), &facts);
    }
}

/// One request as Twilio makes it: the status and the body, or `None` without an answer.
async fn request(
    client: &Client,
    token: &str,
    webhook: &Webhook,
    call: &Dialed,
    status: &str,
    more: &[(&str, &str)],
) -> Option<(u16, String)> {
    let url = webhook.url.as_deref().unwrap_or_default().split('#').next().unwrap_or_default();
    let Dialed { sid, to, from, .. } = call;
    let fields = [
        ("CallSid", sid.as_str()),
        ("CallStatus", status),
        ("ApiVersion", "2010-04-01"),
        ("Direction", "inbound"),
        ("From", from),
        ("To", to),
    ];
    let form = Form::from_pairs(fields.iter().chain(more).copied());
    let asked = match webhook.method {
        Method::Post => {
            let signature = sign(token, url, &Payload::Form(&form));
            let body = client.post(url).body(form.encode());
            let body =
                body.header("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8");
            body.header(SIGNATURE_HEADER, signature)
        }
        Method::Get => {
            let joined = if url.contains('?') { '&' } else { '?' };
            let url = format!("{url}{joined}{}", form.encode());
            let signature = sign(token, &url, &Payload::Form(&Form::default()));
            client.get(url).header(SIGNATURE_HEADER, signature)
        }
    };
    let answer = asked.send().await.ok()?;
    let status = answer.status().as_u16();
    Some((status, answer.text().await.ok()?))
}

/// Where the TwiML sends Twilio on to: only if nothing is said or asked before.
///
/// # Errors
/// If it is no TwiML.
fn redirect(twiml: &str, from: &str) -> Result<Option<Webhook>, ()> {
    let document = roxmltree::Document::parse(twiml).map_err(|_| ())?;
    let root = document.root_element();
    if !root.has_tag_name("Response") {
        return Err(());
    }
    let Some(first) = root.children().find(roxmltree::Node::is_element) else { return Ok(None) };
    if !first.has_tag_name("Redirect") {
        return Ok(None);
    }
    let method = first.attribute("method").and_then(Method::parse).unwrap_or_default();
    let to = first.text().unwrap_or_default().trim();
    let url = Url::parse(from).and_then(|from| from.join(to)).map_err(|_| ())?;
    Ok(Some(Webhook { url: Some(url.into()), method }))
}

fn client() -> reqwest::Result<Client> {
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    builder.tls_certs_only([]).timeout(Duration::from_millis(REQUEST_MS_MAX)).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_followed_by_its_method_and_relative_to_its_page() {
        let twiml = |inner: &str| format!("<?xml version=\"1.0\"?><Response>{inner}</Response>");
        let redirected = |inner: &str| redirect(&twiml(inner), "https://a.example/x/voice?y=1");
        assert_eq!(redirected("<Say>Hello</Say><Redirect>/z</Redirect>"), Ok(None));
        assert_eq!(redirected(""), Ok(None));
        assert_eq!(
            redirected("<Redirect method=\"GET\">/z?a=1&amp;b=2</Redirect>"),
            Ok(Some(Webhook {
                url: Some("https://a.example/z?a=1&b=2".to_owned()),
                method: Method::Get
            }))
        );
        assert_eq!(
            redirected("<Redirect>https://b.example/</Redirect>"),
            Ok(Some(Webhook::post("https://b.example/")))
        );
        assert_eq!(redirect("no XML", "https://a.example"), Err(()));
        assert_eq!(redirect("<html/>", "https://a.example"), Err(()));
    }
}
