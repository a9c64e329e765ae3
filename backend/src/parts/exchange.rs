//! One exchange with the API of a provider, and why it may fail.

use std::error::Error;
use std::io;
use std::time::{Duration, SystemTime};

use live_users_http_kit::{BodyError, error_chain, read_body};
use live_users_twilio::rest::Failure;
use reqwest::RequestBuilder;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

/// The biggest body that is read, in bytes. A page of 1000 calls has some 3 MB.
pub(crate) const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Sends a request and reads the whole answer, from connecting to the last byte in this time.
///
/// # Errors
/// Why there is no answer.
pub(crate) async fn exchange(asked: RequestBuilder, timeout: Duration) -> Result<Reply, Failure> {
    let exchange = async {
        let response = asked.send().await.map_err(failure)?;
        let status = response.status().as_u16();
        let date = date(response.headers(), &DATE);
        let retry_after = retry_after(response.headers(), date);
        let body = read_body(response, BODY_BYTES_MAX).await.map_err(|error| match error {
            BodyError::TooBig(_) => Failure::Odd(error.to_string()),
            BodyError::Broken(error) => failure(error),
        })?;
        Ok(Reply { status, date, retry_after, body })
    };
    match tokio::time::timeout(timeout, exchange).await {
        Ok(answer) => answer,
        Err(_) => Err(Failure::Timeout),
    }
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    let date = headers.get(name).and_then(|date| date.to_str().ok());
    date.and_then(|date| httpdate::parse_http_date(date).ok())
}

/// In seconds, or as a moment by the clock of the other side.
fn retry_after(headers: &HeaderMap, now: Option<SystemTime>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => date(headers, &RETRY_AFTER)?.duration_since(now?).ok(),
    }
}

/// What the other side has answered.
pub struct Reply {
    /// The status.
    pub status: u16,
    /// What its clock says, by the header `Date`, to the second.
    pub date: Option<SystemTime>,
    /// How long it wants to be left alone, by the header `Retry-After`.
    pub(crate) retry_after: Option<Duration>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// The same if it has status 200.
    ///
    /// # Errors
    /// What another status says.
    pub(crate) fn ok(self) -> Result<Self, Failure> {
        match self.status {
            200 => Ok(self),
            status => Err(Failure::of(status, &self.body)),
        }
    }
}

/// Treats a connection that breaks like one that was never made.
fn failure(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    log::debug!("the API of a provider: {}", error_chain(&error));
    match &error {
        e if e.is_timeout() => Failure::Timeout,
        e if e.is_builder() => Failure::Odd(error_chain(e)),
        e if is_untrusted(e) => Failure::Untrusted,
        _ => Failure::Unreachable,
    }
}

/// Whether the other side has shown a certificate that cannot be verified.
fn is_untrusted(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>() {
        // Trap: its `source` is that of the error inside, which is passed over.
        Some(outer) => outer.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    })
    .filter_map(|cause| cause.downcast_ref::<rustls::Error>())
    .any(|cause| matches!(cause, rustls::Error::InvalidCertificate(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_it_wants_to_be_left_alone_is_told_in_seconds_or_as_a_moment() {
        let now = httpdate::parse_http_date("Sun, 29 Nov 2026 10:00:00 GMT").ok();
        for (text, seconds) in [
            ("90", Some(90)),
            (" 0 ", Some(0)),
            ("Sun, 29 Nov 2026 10:01:30 GMT", Some(90)),
            // It is over.
            ("Sun, 29 Nov 2026 09:59:00 GMT", None),
            ("-1", None),
            ("soon", None),
            ("99999999999999999999999", None),
        ] {
            let value = text.parse().expect("a header");
            let headers = HeaderMap::from_iter([(RETRY_AFTER, value)]);
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(retry_after(&headers, now), expected, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
