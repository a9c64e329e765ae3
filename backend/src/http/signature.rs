//! Lets in the webhooks that Twilio has signed, as forms: form bodies, queries of GET, and JSON.

use std::sync::Arc;
use std::time::Instant;

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt;
use live_users_http_kit::LogThrottle;
use live_users_intake::agents::is_id;
use live_users_twilio::{
    AuthTokens, Form, JsonBody, Payload as Signed, Rejection, SETTINGS_HEADER, SIGNATURE_HEADER,
    SignedRequest,
};
use log::warn;

use crate::config::Verification;
use crate::parts::accounts::{Account, Accounts};
use crate::parts::public_url::{UrlRule, other_bases, path_and_query};

/// The longest body that is read, in bytes. A voice request with all its tokens has 3 kB.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// How much of a body that is too long is read and dropped, in bytes, so that its sender gets to
/// read our answer.
const DROPPED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The longest part of a URL that is written to the log, in bytes.
const LOGGED_URL_BYTES_MAX: usize = 300;

/// From this many digits in a row on, digits in the log may be a phone number.
const DIGITS_MAX: usize = 6;

/// Lets in the webhooks that Twilio has signed.
pub(crate) struct SignatureVerifier {
    verification: Verification,
    url_rule: UrlRule,
    /// The accounts with tokens of their own.
    accounts: Arc<Accounts>,
    /// Anybody may send unsigned requests, so there are few lines about them.
    refusals: LogThrottle,
}

/// What a webhook that was let in says.
pub(crate) enum Received {
    /// The fields of each call that it tells of: of one, but for batches of events.
    Forms {
        forms: Vec<Form>,
        /// How many events tell of no call.
        n_others: usize,
    },
    /// Twilio has signed it, and it cannot be read. The text says what is wrong.
    Unreadable(String),
}

/// Why a webhook is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The body is neither a form nor JSON.
    NotAForm,
    /// The body is too long.
    TooLarge {
        /// The longest body that is read.
        bytes_max: usize,
    },
    /// The body did not arrive.
    Incomplete,
    /// The body is a form, but not one that a webhook can be.
    BadForm(String),
    /// The request is not signed by Twilio. Every reason has the same answer, so that
    /// an attacker learns nothing; the log has the reason.
    Unsigned,
}

impl SignatureVerifier {
    pub(crate) fn new(
        verification: Verification,
        url_rule: UrlRule,
        accounts: Arc<Accounts>,
    ) -> Self {
        Self { verification, url_rule, accounts, refusals: LogThrottle::default() }
    }

    /// The public URL of a request, with its query as it came.
    pub(crate) fn url_of(&self, request: &HttpRequest) -> String {
        self.url_rule.url_of(request)
    }

    /// Whether who is let in has proved who it is.
    pub(crate) fn is_signed(&self) -> bool {
        matches!(self.verification, Verification::Signed(_))
    }

    /// Lets a webhook in.
    ///
    /// # Errors
    /// If it is neither form nor JSON, too large, or not signed by Twilio.
    pub(crate) async fn verify(
        &self,
        request: &HttpRequest,
        body: Payload,
    ) -> Result<Received, Refusal> {
        let body = read_body(body, BODY_BYTES_MAX).await?;
        let bad = |error: live_users_twilio::FormError| Refusal::BadForm(error.to_string());
        let one = |form| Received::Forms { forms: vec![form], n_others: 0 };
        if request.method() == Method::GET {
            let form = Form::parse(request.query_string().as_bytes()).map_err(bad)?;
            self.check(request, Signed::None, self.account(&form))?;
            return Ok(one(form));
        }
        match content_type(request) {
            Some(ContentType::Form) => {
                let form = Form::parse(&body).map_err(bad)?;
                self.check(request, Signed::Form(&form), self.account(&form))?;
                Ok(one(form))
            }
            Some(ContentType::Json) => {
                let parsed = JsonBody::parse(&body);
                let forms = parsed.as_ref().map(|it| it.forms.as_slice()).unwrap_or_default();
                self.check(request, Signed::Raw(&body), self.account_of_all(forms))?;
                Ok(match parsed {
                    Ok(JsonBody { forms, n_others }) => Received::Forms { forms, n_others },
                    Err(why) => Received::Unreadable(why.to_string()),
                })
            }
            None => Err(Refusal::NotAForm),
        }
    }

    /// Whether a form that was let in is signed with this one of the tokens.
    pub(crate) fn is_signed_with(
        &self,
        token: &AuthTokens,
        request: &HttpRequest,
        form: &Form,
    ) -> bool {
        let payload = match *request.method() {
            Method::GET => Signed::None,
            _ => Signed::Form(form),
        };
        token.verify(&signed(request, &self.url_rule.url_of(request), payload)).is_ok()
    }

    /// The account of the agents file that a form says it is of.
    fn account(&self, form: &Form) -> Option<&Account> {
        let sid = form.text("AccountSid").ok().flatten()?;
        self.accounts.by_sid(sid)
    }

    /// The one that all of these say they are of.
    fn account_of_all(&self, forms: &[Form]) -> Option<&Account> {
        let (first, rest) = forms.split_first()?;
        let account = self.account(first)?;
        let is_its = |form: &Form| self.account(form).is_some_and(|it| it.sid == account.sid);
        rest.iter().all(is_its).then_some(account)
    }

    /// Checks the signature, and that the fields are those that were signed. The tokens of an account
    /// sign for that account alone, those of the settings for any.
    fn check(
        &self,
        request: &HttpRequest,
        payload: Signed<'_>,
        account: Option<&Account>,
    ) -> Result<(), Refusal> {
        let Verification::Signed(tokens) = &self.verification else { return Ok(()) };
        let url = self.url_rule.url_of(request);
        let signed = signed(request, &url, payload);
        let both = [tokens, account.map_or(tokens, |account| &account.tokens)];
        let tokens = if account.is_some() { &both[..] } else { &both[..1] };
        signed.accept(tokens).map_err(|rejection| {
            let tokens = both[1];
            if let Some(held_back) = self.refusals.line_at(Instant::now()) {
                self.log_refusal(tokens, request, payload, rejection, held_back);
            }
            Refusal::Unsigned
        })
    }

    /// A wrong `PUBLIC_URL` is the usual first mistake. The log has the URL that was checked, and
    /// the value of `PUBLIC_URL` that would have been right if it can be found.
    fn log_refusal(
        &self,
        tokens: &AuthTokens,
        request: &HttpRequest,
        payload: Signed<'_>,
        why: Rejection,
        held_back: u64,
    ) {
        let checked = shown(&self.url_rule.url_of(request));
        let fits = |base: &String| {
            let url = format!("{base}{}", path_and_query(request));
            tokens.verify(&signed(request, &url, payload)).is_ok()
        };
        let right = match why {
            Rejection::Mismatch => other_bases(request).into_iter().find(fits),
            _ => None,
        };
        let hint = match right {
            Some(right) => format!(
                "; it is right for {}: set PUBLIC_URL to that, or TRUSTED_PROXIES to the address of \
                 your reverse proxy",
                shown(&right)
            ),
            None if why == Rejection::Mismatch => {
                "; if this came from Twilio, then PUBLIC_URL is not what is configured there, or \
                 TWILIO_AUTH_TOKEN (or the auth_token_env of its [[account]]) is not the primary token \
                 of its account"
                    .to_owned()
            }
            None => String::new(),
        };
        let before = match held_back {
            0 => String::new(),
            n => format!(" ({n} refusals before this one are not in the log)"),
        };
        warn!("403: {why}; checked against {checked}{hint}{before}");
    }
}

fn signed<'a>(request: &'a HttpRequest, url: &'a str, payload: Signed<'a>) -> SignedRequest<'a> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    SignedRequest {
        url,
        signature: header(SIGNATURE_HEADER),
        settings: header(SETTINGS_HEADER),
        payload,
    }
}

/// Whether the fields of a request are those of a form, in its body or its query.
pub(crate) fn is_form(request: &HttpRequest) -> bool {
    request.method() == Method::GET || matches!(content_type(request), Some(ContentType::Form))
}

/// The types of bodies that are read as JSON.
const JSON_TYPES: [&str; 3] =
    ["application/json", "application/cloudevents+json", "application/cloudevents-batch+json"];

enum ContentType {
    Form,
    Json,
}

fn content_type(request: &HttpRequest) -> Option<ContentType> {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok())?;
    let essence = value.split(';').next().unwrap_or_default().trim();
    let is = |name: &&str| essence.eq_ignore_ascii_case(name);
    match () {
        () if is(&"application/x-www-form-urlencoded") => Some(ContentType::Form),
        () if JSON_TYPES.iter().any(is) => Some(ContentType::Json),
        () => None,
    }
}

/// Reads a body of at most so many bytes.
pub(crate) async fn read_body(mut body: Payload, bytes_max: usize) -> Result<Bytes, Refusal> {
    // Nearly each body comes in one piece, which is not copied.
    let (mut first, mut joined) = (Bytes::new(), BytesMut::new());
    let mut seen = 0;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|_| Refusal::Incomplete)?;
        let is_first = seen == 0;
        seen += chunk.len();
        if is_first && seen <= bytes_max {
            first = chunk;
        } else if seen <= bytes_max {
            if joined.is_empty() {
                joined.extend_from_slice(&first);
            }
            joined.extend_from_slice(&chunk);
        } else if seen > DROPPED_BYTES_MAX {
            break;
        }
    }
    match (seen > bytes_max, joined.is_empty()) {
        (true, _) => Err(Refusal::TooLarge { bytes_max }),
        (false, true) => Ok(first),
        (false, false) => Ok(joined.freeze()),
    }
}

/// A URL for the log: of limited length, without control characters and phone numbers. Of the
/// query it has only the names, and the value of our own `agent`.
fn shown(url: &str) -> String {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let mut shown: String = masked(path);
    for (n, parameter) in query.split('&').filter(|it| !it.is_empty()).enumerate() {
        shown.push(if n == 0 { '?' } else { '&' });
        match parameter.split_once('=') {
            Some(("agent", id)) if is_id(id) => shown.push_str(parameter),
            Some((name, _)) => shown.push_str(&format!("{}=*", masked(name))),
            None => shown.push_str(&masked(parameter)),
        }
    }
    if shown.len() > LOGGED_URL_BYTES_MAX {
        shown.truncate(LOGGED_URL_BYTES_MAX);
        shown.push_str("...");
    }
    shown
}

/// The text in visible ASCII, without digits that may be a phone number.
fn masked(text: &str) -> String {
    let mut digits = 0;
    let mask = |c: char| {
        digits = if c.is_ascii_digit() { digits + 1 } else { 0 };
        match c {
            _ if digits > DIGITS_MAX => '*',
            '!'..='~' => c,
            _ => '?',
        }
    };
    text.chars().map(mask).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_in_the_log_has_no_phone_number_and_no_control_characters() {
        for (url, expected) in [
            ("https://a.example:8443/voice", "https://a.example:8443/voice"),
            ("https://a.example/voice?agent=a_b-1", "https://a.example/voice?agent=a_b-1"),
            ("https://a.example/voice?agent=a%20b", "https://a.example/voice?agent=*"),
            (
                "https://a.example/voice?From=415-555-0123&n=%2B1%20415%20555%200123&flag",
                "https://a.example/voice?From=*&n=*&flag",
            ),
            ("https://a.example/14155550123\n", "https://a.example/141555*****?"),
        ] {
            assert_eq!(shown(url), expected);
        }
        assert!(shown(&"x".repeat(10_000)).len() < 310);
    }
}
