//! Lets in the webhooks that Twilio has signed, as forms.

use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{BytesMut, Payload};
use futures_util::StreamExt;
use live_users_http_kit::LogThrottle;
use live_users_intake::agents::is_id;
use live_users_twilio::{
    AuthTokens, Form, Payload as Signed, Rejection, SETTINGS_HEADER, SIGNATURE_HEADER,
    SignedRequest,
};
use log::warn;

use crate::config::Verification;
use crate::parts::public_url::{UrlRule, other_urls};

/// The longest body that is read, in bytes. A voice request with all its tokens has 3 kB.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// How long the body may take to arrive, in milliseconds.
const BODY_MS_MAX: u64 = 5_000;

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
    /// Anybody may send unsigned requests, so there are few lines about them.
    refusals: LogThrottle,
}

/// Why a webhook is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The body is not a form.
    NotAForm,
    /// The body is too long.
    TooLarge {
        /// The longest body that is read.
        bytes_max: usize,
    },
    /// The body did not arrive, or not in time.
    Incomplete {
        /// How long it may take, in milliseconds.
        ms_max: u64,
    },
    /// The body is a form, but not one that a webhook can be.
    BadForm(String),
    /// The request is not signed by Twilio. Every reason has the same answer, so that
    /// an attacker learns nothing; the log has the reason.
    Unsigned,
}

const TOO_LARGE: Refusal = Refusal::TooLarge { bytes_max: BODY_BYTES_MAX };

const INCOMPLETE: Refusal = Refusal::Incomplete { ms_max: BODY_MS_MAX };

impl SignatureVerifier {
    pub(crate) fn new(verification: Verification, url_rule: UrlRule) -> Self {
        Self { verification, url_rule, refusals: LogThrottle::default() }
    }

    /// Lets a webhook in.
    ///
    /// # Errors
    /// If it is no form, too large, or not signed by Twilio.
    pub(crate) async fn verify(
        &self,
        request: &HttpRequest,
        body: Payload,
    ) -> Result<Form, Refusal> {
        let body = tokio::time::timeout(Duration::from_millis(BODY_MS_MAX), read(body)).await;
        let body = body.map_err(|_| INCOMPLETE)??;
        if !is_form(request) {
            return Err(Refusal::NotAForm);
        }
        let form = Form::parse(&body).map_err(|error| Refusal::BadForm(error.to_string()))?;
        match &self.verification {
            Verification::Off => Ok(form),
            Verification::Signed(tokens) => match self.check_signature(tokens, request, &form) {
                Ok(()) => Ok(form),
                Err(rejection) => {
                    if let Some(held_back) = self.refusals.line_at(Instant::now()) {
                        self.log_refusal(tokens, request, &form, rejection, held_back);
                    }
                    Err(Refusal::Unsigned)
                }
            },
        }
    }

    fn check_signature(
        &self,
        tokens: &AuthTokens,
        request: &HttpRequest,
        form: &Form,
    ) -> Result<(), Rejection> {
        tokens.verify(&signed(request, &self.url_rule.url_of(request), form))
    }

    /// A wrong `PUBLIC_URL` is the usual first mistake. The log has the URL that was checked, and
    /// the one that would have been right if it can be found.
    fn log_refusal(
        &self,
        tokens: &AuthTokens,
        request: &HttpRequest,
        form: &Form,
        why: Rejection,
        held_back: u64,
    ) {
        let checked = shown(&self.url_rule.url_of(request));
        let fits = |url: &String| tokens.verify(&signed(request, url, form)).is_ok();
        let right = match why {
            Rejection::Mismatch => other_urls(request).into_iter().find(fits),
            _ => None,
        };
        let hint = match right {
            Some(right) => format!(
                "; it is right for {}: set PUBLIC_URL, or TRUST_FORWARDED_HEADERS behind a proxy \
                 that sets them",
                shown(&right)
            ),
            None if why == Rejection::Mismatch => {
                "; if this came from Twilio, then PUBLIC_URL is not what is configured there, or \
                 TWILIO_AUTH_TOKEN is not the primary token of its account"
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

fn signed<'a>(request: &'a HttpRequest, url: &'a str, form: &'a Form) -> SignedRequest<'a> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    SignedRequest {
        url,
        signature: header(SIGNATURE_HEADER),
        settings: header(SETTINGS_HEADER),
        payload: Signed::Form(form),
    }
}

fn is_form(request: &HttpRequest) -> bool {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

async fn read(mut body: Payload) -> Result<BytesMut, Refusal> {
    let mut kept = BytesMut::new();
    let mut seen = 0;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|_| INCOMPLETE)?;
        seen += chunk.len();
        if seen <= BODY_BYTES_MAX {
            kept.extend_from_slice(&chunk);
        } else if seen > DROPPED_BYTES_MAX {
            break;
        }
    }
    if seen > BODY_BYTES_MAX { Err(TOO_LARGE) } else { Ok(kept) }
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
    use actix_web::dev;
    use actix_web::http::StatusCode;
    use actix_web::test::TestRequest;
    use actix_web::{FromRequest, ResponseError};

    use super::*;
    use crate::http::error::ApiError;

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

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_arrive_is_given_up() {
        let verifier = SignatureVerifier::new(Verification::Off, UrlRule::AsReceived);
        let request = TestRequest::post().to_http_request();
        let never = futures_util::stream::pending().boxed_local();
        let mut body: dev::Payload = dev::Payload::Stream { payload: never };
        let body = Payload::from_request(&request, &mut body).await.unwrap();
        let refused = verifier.verify(&request, body).await;
        let refused = ApiError::from(refused.unwrap_err());
        assert_eq!(refused.status_code(), StatusCode::REQUEST_TIMEOUT);
    }
}
