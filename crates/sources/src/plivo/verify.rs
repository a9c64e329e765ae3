//! `X-Plivo-Signature-V3`: HMAC-SHA256 in Base64 of the URL, the fields and a nonce.
//!
//! What is signed is `URL?query.fields.nonce`: the query sorted and decoded, the names and values of
//! a form sorted and without anything between them. Without a query its point is missing, without
//! fields theirs; with neither, the question mark as well. The packages agree on that for forms, and
//! for a GET whose fields are in its URL alone.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::Mac;
use live_users_twilio::{Boundaries, FieldNames, Form};

use crate::Request;
use crate::compatible::form;
use crate::verify::{BadSecret, Rejection, Verify, hmac_sha256};

/// Several signatures, by comma.
const HEADER: &str = "X-Plivo-Signature-V3";

/// The same, with the token of the main account, of a call of a subaccount.
const MAIN_ACCOUNT_HEADER: &str = "X-Plivo-Signature-Ma-V3";

const NONCE_HEADER: &str = "X-Plivo-Signature-V3-Nonce";

/// The longest nonce, in bytes; those of Plivo's examples are 20 digits.
const NONCE_BYTES_MAX: usize = 64;

pub(super) const SECRET_IS: &str =
    "the Auth Token of the account, or of the subaccount, from the overview of the console";

/// The check of [`Boundaries`] for Plivo's fields.
static BOUNDARIES: LazyLock<Boundaries> = LazyLock::new(|| {
    Boundaries::of(FieldNames {
        counting: &[
            "CallStatus",
            "CallUUID",
            "DialAction",
            "DialBLegDuration",
            "DialBLegFrom",
            "DialBLegHangupCause",
            "DialBLegStatus",
            "DialBLegTo",
            "DialBLegUUID",
            "DialStatus",
            "HangupCause",
        ],
        neighbours: &[
            "ALegRequestUUID",
            "ALegUUID",
            "AnswerTime",
            "BillDuration",
            "BillRate",
            "CallerName",
            "DialALegUUID",
            "DialHangupCause",
            "DialRingStatus",
            "EndTime",
            "ForwardedFrom",
            "HangupSource",
            "ParentAuthID",
            "RequestUUID",
            "RouteType",
            "SessionStart",
            "StartTime",
            "TotalCost",
        ],
        words: &["Direction", "Duration", "From", "Machine", "To"],
        longer: &[
            "DialBLegHangupCauseCode",
            "DialBLegHangupCauseName",
            "DialBLegTotalCost",
            "HangupCauseCode",
            "HangupCauseName",
        ],
        spoken: &["Speech", "StableSpeech", "UnstableSpeech"],
        header_prefix: "X-PH-",
    })
});

struct Secret(Vec<u8>);

pub(super) fn secret(text: &str) -> Result<Box<dyn Verify>, BadSecret> {
    // A token of nothing would be a key that everybody knows.
    let token = Some(text.trim()).filter(|it| !it.is_empty()).ok_or(BadSecret(SECRET_IS))?;
    Ok(Box::new(Secret(token.as_bytes().to_vec())))
}

impl Verify for Secret {
    fn verify(&self, request: &Request<'_>, _now_ms: u64) -> Result<(), Rejection> {
        let headers: Vec<_> =
            [HEADER, MAIN_ACCOUNT_HEADER].into_iter().filter_map(|it| request.header(it)).collect();
        if headers.is_empty() {
            return Err(Rejection::Missing(HEADER));
        }
        let signatures = headers.into_iter().flat_map(|it| it.split(','));
        let signatures: Vec<_> =
            signatures.filter_map(|it| BASE64.decode(it.trim()).ok()).collect();
        let nonce = request.header(NONCE_HEADER).ok_or(Rejection::Missing(NONCE_HEADER))?;
        if signatures.is_empty() {
            return Err(Rejection::Malformed(HEADER));
        }
        // A point would leave open where the fields end.
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if nonce.len() > NONCE_BYTES_MAX || !nonce.bytes().all(is_part) {
            return Err(Rejection::Malformed(NONCE_HEADER));
        }
        let sent = form(request).ok_or(Rejection::Malformed("Content-Type"))?;
        let (url, _fragment) = request.url.split_once('#').unwrap_or((request.url, ""));
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let query_form = Form::parse(query.as_bytes()).map_err(|_| Rejection::Fields)?;
        let query = sorted(&query_form);
        let fields = if request.method == "GET" { Vec::new() } else { sorted(&sent) };

        let query_text = joined(&query);
        let start: &[u8] = if query.is_empty() && fields.is_empty() { b"" } else { b"?" };
        let between: &[u8] = if query.is_empty() || fields.is_empty() { b"" } else { b"." };
        let field_text =
            fields.iter().flat_map(|(name, value)| [*name, *value]).collect::<Vec<_>>();
        let field_text = field_text.concat();
        let parts =
            [base.as_bytes(), start, &query_text, between, &field_text, b".", nonce.as_bytes()];
        let is_right = |it: &Vec<u8>| hmac_sha256(&self.0, &parts).verify_slice(it).is_ok();
        if !signatures.iter().any(is_right) {
            return Err(Rejection::Mismatch(HEADER));
        }
        check(&query, &query_text, &fields)
    }
}

type Fields<'a> = Vec<(&'a [u8], &'a [u8])>;

/// By name and then by value, repeated ones too.
fn sorted(form: &Form) -> Fields<'_> {
    form.sorted_fields().collect()
}

/// A query as it is signed: decoded.
fn joined(query: &Fields<'_>) -> Vec<u8> {
    let pairs: Vec<_> =
        query.iter().map(|(name, value)| [name, &b"="[..], value].concat()).collect();
    pairs.join(&b'&')
}

/// Whether the signed text has one reading: see [`Boundaries`].
fn check(query: &Fields<'_>, query_text: &[u8], fields: &Fields<'_>) -> Result<(), Rejection> {
    let is_delimited = query
        .iter()
        .all(|(name, value)| !name.iter().any(|it| b"=&".contains(it)) && !value.contains(&b'&'));
    let query_text = std::str::from_utf8(query_text).map_err(|_| Rejection::Fields)?;
    if !is_delimited || BOUNDARIES.check_query(query_text).is_err() {
        return Err(Rejection::Fields);
    }
    BOUNDARIES.check_fields(fields).map_err(|_| Rejection::Fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_fields(more: (&str, &str)) -> bool {
        let fields =
            [("CallStatus", "in-progress"), ("CallUUID", "6f1d"), ("Direction", "inbound")];
        let form = Form::from_pairs(fields.into_iter().chain([("From", "15005550100"), more]));
        check(&Vec::new(), b"", &sorted(&form)).is_ok()
    }

    #[test]
    fn the_names_that_plivo_sends_are_fine() {
        let FieldNames { longer, neighbours, counting, .. } = BOUNDARIES.names();
        let longer = longer.iter().chain(*neighbours).chain(*counting);
        let others =
            ["DialBLegBillDuration", "DialBLegTotalCost", "RecordingDurationMs", "X-PH-To"];
        for name in longer.copied().chain(others).chain(["ConferenceUUID", "EventTimestamp", "b"]) {
            for value in ["4000", "6f1d", "Normal Hangup", "MachineDetection", ""] {
                let is_twice = name == "CallStatus" || name == "CallUUID";
                assert!(is_twice || check_fields((name, value)), "{name}={value}");
            }
        }
    }

    #[test]
    fn a_name_that_counts_stands_only_as_a_whole_name() {
        for (name, value) in [
            ("Zone", "xCallUUID6f1d"),
            ("Zone", "CallStatuscompleted"),
            ("Zone", "To15005550100"),
            ("Event", "xMachinetrue"),
            ("Zone", "Duration31"),
            ("CallUUIDx", "1"),
            ("To15005550100", ""),
            ("1", "x"),
        ] {
            assert!(!check_fields((name, value)), "{name}={value}");
        }
        for query in
            ["a=CallUUID6f1d", "a=1&a=CallStatuscompleted", "a%3Db=1", "a%26b=1", "a=b%26c=1"]
        {
            let query = Form::parse(query.as_bytes()).expect("a form");
            let query = sorted(&query);
            assert_eq!(check(&query, &joined(&query), &Vec::new()), Err(Rejection::Fields));
        }
    }
}
