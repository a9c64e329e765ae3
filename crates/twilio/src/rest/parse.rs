//! The bodies of the Calls resource, read as liberally as they are sent.

use serde_json::{Map, Value};

use super::{CallPage, CallResource};
use crate::call_events::AnsweredBy;
use crate::status::{CallStatus, Direction};
use crate::webhook::{CALL_SID_BYTES_MAX, PARTY_BYTES_MAX};

/// The longest `next_page_uri` in bytes; Twilio's have some 200.
pub const NEXT_PAGE_URI_BYTES_MAX: usize = 2048;

/// Why a body cannot be used. Nothing of the body is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Not JSON, or JSON of another kind.
    #[error("the body is no JSON object")]
    NotAnObject,
    /// It is not known which call this is.
    #[error("sid: missing or invalid; expected 1 to {CALL_SID_BYTES_MAX} visible ASCII characters")]
    Sid,
    /// No list of calls.
    #[error("calls: missing or invalid; expected an array")]
    Calls,
    /// No list of phone numbers.
    #[error("incoming_phone_numbers: missing or invalid; expected an array")]
    Numbers,
    /// It is not known which phone number this is.
    #[error("sid or phone_number: missing or invalid")]
    Number,
    /// No list of alerts.
    #[error("alerts: missing or invalid; expected an array")]
    Alerts,
    /// It leads to another host, or nowhere.
    #[error("next_page_uri: invalid; expected a path on the same host")]
    NextPage,
}

/// The body of an error: `{"code": 20429, "message": ..., "more_info": ..., "status": 429}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorBody {
    /// Twilio's number for the kind of error; `None` if there is none.
    pub code: Option<u32>,
}

impl ErrorBody {
    /// Reads the body of an error, `None` if it is none of Twilio's kind. Its message is not
    /// taken, since it may repeat a phone number.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let fields = object(body).ok()?;
        Some(Self { code: whole_number(fields.get("code")) })
    }
}

pub(super) fn call(body: &[u8]) -> Result<CallResource, Unreadable> {
    call_of(&object(body)?).ok_or(Unreadable::Sid)
}

pub(super) fn page(body: &[u8]) -> Result<CallPage, Unreadable> {
    let fields = object(body)?;
    let Some(Value::Array(entries)) = fields.get("calls") else { return Err(Unreadable::Calls) };
    let next_page_uri = next_page_uri(&fields)?;
    let calls = entries.iter().filter_map(|entry| call_of(entry.as_object()?)).collect();
    Ok(CallPage { calls, next_page_uri })
}

/// The path and query of the next page, if there is one.
pub(super) fn next_page_uri(fields: &Map<String, Value>) -> Result<Option<String>, Unreadable> {
    match fields.get("next_page_uri") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(uri)) if uri.is_empty() => Ok(None),
        Some(Value::String(uri)) if is_path_on_same_host(uri) => Ok(Some(uri.clone())),
        Some(_) => Err(Unreadable::NextPage),
    }
}

pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, Unreadable> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) | Err(_) => Err(Unreadable::NotAnObject),
    }
}

/// `None` if it has no usable `sid`.
fn call_of(fields: &Map<String, Value>) -> Option<CallResource> {
    Some(CallResource {
        sid: call_sid(fields.get("sid"))?,
        parent_call_sid: call_sid(fields.get("parent_call_sid")),
        status: text(fields.get("status")).and_then(CallStatus::parse),
        direction: text(fields.get("direction")).and_then(Direction::parse),
        from: party(fields.get("from")),
        to: party(fields.get("to")),
        duration_s: whole_number(fields.get("duration")),
        answered_by: text(fields.get("answered_by")).and_then(AnsweredBy::parse),
    })
}

fn call_sid(value: Option<&Value>) -> Option<String> {
    let is_usable = |sid: &&str| {
        sid.len() <= CALL_SID_BYTES_MAX && sid.bytes().all(|byte| byte.is_ascii_graphic())
    };
    text(value).filter(is_usable).map(str::to_owned)
}

fn party(value: Option<&Value>) -> Option<String> {
    text(value).filter(|party| party.len() <= PARTY_BYTES_MAX).map(str::to_owned)
}

/// A whole number as such, as SignalWire sends a duration, or as text, as Twilio does.
pub(super) fn whole_number(value: Option<&Value>) -> Option<u32> {
    match value {
        Some(Value::Number(number)) => number.as_u64()?.try_into().ok(),
        // `parse` alone would take a leading plus as well.
        Some(Value::String(text)) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().ok()
        }
        Some(_) | None => None,
    }
}

/// Text that is not blank.
pub(super) fn text(value: Option<&Value>) -> Option<&str> {
    value?.as_str().filter(|text| !text.trim().is_empty())
}

/// URL parsers take a backslash for a slash and drop tabs and line ends, so that `/\host` and
/// `/<tab>/host` lead to another host, too.
fn is_path_on_same_host(uri: &str) -> bool {
    uri.starts_with('/')
        && !uri.starts_with("//")
        && uri.len() <= NEXT_PAGE_URI_BYTES_MAX
        && uri.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#')
}
