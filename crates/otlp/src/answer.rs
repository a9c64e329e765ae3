//! What a collector says of a request: that it has taken all, a part, or nothing.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use reqwest::header::HeaderMap;

use crate::collector::Signal;

/// How much of a message of a collector is told, in characters.
const MESSAGE_CHARS_MAX: usize = 200;

/// The shortest part of a header that may be a secret, in bytes.
const SECRET_BYTES_MIN: usize = 6;

/// What a collector that takes a request says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The spans or data points that it does not take.
    pub(crate) rejected: u64,
    /// Why, or what else it has to say. It may be anything.
    pub(crate) message: String,
}

/// Reads the status and the body of an answer.
///
/// # Errors
/// Why nothing is known to be taken.
pub(crate) fn read(signal: Signal, status: u16, body: &[u8]) -> Result<Taken, String> {
    if !(200..=299).contains(&status) {
        return Err(format!("status {status}"));
    }
    let part = match signal {
        Signal::Metrics => ExportMetricsServiceResponse::decode(body)
            .map(|it| it.partial_success.map(|it| (it.rejected_data_points, it.error_message))),
        Signal::Traces => ExportTraceServiceResponse::decode(body)
            .map(|it| it.partial_success.map(|it| (it.rejected_spans, it.error_message))),
    };
    match part {
        Ok(part) => {
            let (rejected, message) = part.unwrap_or_default();
            Ok(Taken { rejected: u64::try_from(rejected).unwrap_or_default(), message })
        }
        Err(_) => Err(format!("its answer, with status {status}, is not that of a collector")),
    }
}

/// A message in one line of bounded length, without what was sent in these headers.
pub(crate) fn for_log(message: &str, headers: &HeaderMap) -> String {
    let values = headers.values().filter_map(|value| value.to_str().ok());
    let secrets = values.flat_map(str::split_whitespace);
    let mut text = message.to_owned();
    for secret in secrets.filter(|it| it.len() >= SECRET_BYTES_MIN) {
        text = text.replace(secret, "***");
    }
    format!("{:?}", text.chars().take(MESSAGE_CHARS_MAX).collect::<String>())
}

#[cfg(test)]
mod tests {
    use reqwest::header::{AUTHORIZATION, HeaderValue};

    use super::*;

    #[test]
    fn an_answer_tells_what_is_rejected_and_what_is_no_answer_is_an_error() {
        // `partial_success` with 7 and "late", by hand.
        let part = b"\x0a\x08\x08\x07\x12\x04late";
        let minus_one = b"\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
        for signal in Signal::ALL {
            let taken = |rejected, message: &str| Ok(Taken { rejected, message: message.into() });
            assert_eq!(read(signal, 200, part), taken(7, "late"));
            for (status, empty) in [(200, &b""[..]), (204, b""), (200, b"\x0a\x00")] {
                assert_eq!(read(signal, status, empty), taken(0, ""));
            }
            assert_eq!(read(signal, 200, minus_one), taken(0, ""));
            assert_eq!(read(signal, 503, b""), Err("status 503".to_owned()));
            for garbage in [&b"<html>"[..], b"{}", b"ok", b"\xff\xfe", &part[..7]] {
                assert!(read(signal, 200, garbage).is_err(), "{garbage:?}");
            }
        }
    }

    #[test]
    fn a_message_is_one_short_line_without_the_secret_of_a_header() {
        let headers =
            HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Bearer s3cr3t"))]);
        let told = for_log("no s3cr3t\n\u{1b}[31m\u{202e}", &headers);
        assert_eq!(told, r#""no ***\n\u{1b}[31m\u{202e}""#);
        assert_eq!(for_log(&"x".repeat(9_999), &headers).len(), MESSAGE_CHARS_MAX + 2);
    }
}
