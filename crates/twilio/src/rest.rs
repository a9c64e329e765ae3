//! Questions to Twilio's REST API, and what the answers to them say: the Calls resource, the phone
//! numbers of an account ([`PhoneNumber`]), and the debugger ([`Alert`]).
//!
//! Facts from Twilio's API description: the list takes one `Status` per request and has no total;
//! one follows `next_page_uri` and never builds a page's address. Nearly every field may be null.
//! What both the list and the single call say is eventually consistent.

mod alerts;
mod numbers;
mod parse;

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::call_events::AnsweredBy;
use crate::status::{CallStatus, Direction};
pub use alerts::{Alert, alerts_path, parse_alerts};
pub use numbers::{NumberPage, PhoneNumber, VoiceSettings, Webhook};
pub use parse::{ErrorBody, NEXT_PAGE_URI_BYTES_MAX, Unreadable};

/// How many calls a page is asked to have: the most that Twilio gives.
pub const PAGE_SIZE: usize = 1000;

/// The code in the body of an error, with status 429: too many requests at once. What was asked
/// was not done, and may be asked again later.
pub const CODE_TOO_MANY: u32 = 20429;

/// The code in the body of an error, with status 404: there is no such call.
pub const CODE_NOT_FOUND: u32 = 20404;

/// The code in the body of an error, with status 401: the credentials are wrong.
pub const CODE_UNAUTHORISED: u32 = 20003;

/// What must not stand in one segment of a path. The unreserved characters of RFC 3986 may.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A call, as the REST API describes it. Absent, null and blank fields are `None`, and so are
/// those that cannot be used.
#[derive(Clone, PartialEq, Eq)]
pub struct CallResource {
    /// Which call, in the form of [`Webhook::call_sid`](crate::Webhook::call_sid).
    pub sid: String,
    /// The call that this one is a leg of.
    pub parent_call_sid: Option<String>,
    /// How the call stands; `None` also when it is a status that is not known, since the set is
    /// open. Such a call is neither surely live nor surely over.
    pub status: Option<CallStatus>,
    /// Who began the call; `None` also when it is a direction that is not known.
    pub direction: Option<Direction>,
    /// Who calls, in the forms of [`Webhook::from`](crate::Webhook::from). Private.
    pub from: Option<String>,
    /// Who is called. Private.
    pub to: Option<String>,
    /// How long the call was, in seconds. While it goes on this is `None` or 0.
    pub duration_s: Option<u32>,
    /// Who or what has answered, with machine detection.
    pub answered_by: Option<AnsweredBy>,
}

/// A page of the list of calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallPage {
    /// The calls, newest first.
    pub calls: Vec<CallResource>,
    /// The path and query of the next page on the same host; `None` on the last one.
    pub next_page_uri: Option<String>,
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// One page of the calls with a status.
    List {
        /// The status. The resource never shows [`CallStatus::Initiated`].
        status: CallStatus,
        /// Which page: the `next_page_uri` of the one before, `None` for the first.
        next_page_uri: Option<String>,
    },
    /// A single call.
    Call {
        /// Its CallSid.
        sid: String,
    },
}

/// What Twilio says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`Request::List`].
    Page(CallPage),
    /// To [`Request::Call`].
    Call(CallResource),
    /// To [`Request::Call`]: there is no such call in this account.
    NotFound,
}

/// Why there is no answer. Shows neither numbers nor secrets, so that it may be logged and shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Failure {
    /// Status 429 or error code 20429: too many requests at once. Ask again later.
    #[error("too many requests at once")]
    TooMany,
    /// Status 5xx, this one. Ask again later.
    #[error("trouble on the other side: status {0}")]
    Server(u16),
    /// Status 401 or 403: the credentials are wrong, or do not reach this account.
    #[error("credentials refused: status {0}")]
    Refused(u16),
    /// Status 404, with Twilio's own code: there is no such thing in this account.
    #[error("there is no such thing in this account")]
    NotFound,
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// No connection.
    #[error("no connection")]
    Unreachable,
    /// The certificate of the other side cannot be verified.
    #[error("its certificate is not trusted")]
    Untrusted,
    /// The pages of a list do not come to an end, or do not in time: why.
    #[error("the list does not end: {0}")]
    Endless(&'static str),
    /// Anything else: what it was.
    #[error("unexpected answer: {0}")]
    Odd(String),
}

impl CallResource {
    /// Reads the body of a single call.
    ///
    /// # Errors
    /// If it is no JSON object, or has no usable `sid`.
    pub fn parse(body: &[u8]) -> Result<Self, Unreadable> {
        parse::call(body)
    }
}

impl CallPage {
    /// Reads the body of a page. An entry without a usable `sid` is left out: the others count.
    ///
    /// # Errors
    /// If it is no JSON object with an array `calls`, or its `next_page_uri` is anything but a
    /// path on the same host: credentials will be sent there.
    pub fn parse(body: &[u8]) -> Result<Self, Unreadable> {
        parse::page(body)
    }
}

impl Request {
    /// Where to ask: the path and query below `https://api.twilio.com`. A `next_page_uri` stands
    /// as it was given.
    pub fn path_and_query(&self, account_sid: &str) -> String {
        let account = utf8_percent_encode(account_sid, SEGMENT);
        match self {
            Self::List { next_page_uri: Some(uri), .. } => uri.clone(),
            Self::List { status, next_page_uri: None } => format!(
                "/2010-04-01/Accounts/{account}/Calls.json?Status={}&PageSize={PAGE_SIZE}",
                status.as_str()
            ),
            Self::Call { sid } => {
                let sid = utf8_percent_encode(sid, SEGMENT);
                format!("/2010-04-01/Accounts/{account}/Calls/{sid}.json")
            }
        }
    }
}

/// What an HTTP answer, its status and body, says to this request.
///
/// A call is [`Answer::NotFound`] only if the body says so with Twilio's own code: a 404 of
/// anybody else, such as a gateway or a wrong address, must not end a call.
///
/// # Errors
/// Why this is no answer.
pub fn answer(request: &Request, status: u16, body: &[u8]) -> Result<Answer, Failure> {
    if status == 200 {
        return match request {
            Request::List { .. } => Ok(Answer::Page(CallPage::parse(body)?)),
            Request::Call { sid } => match CallResource::parse(body)? {
                call if call.sid == *sid => Ok(Answer::Call(call)),
                _ => Err(Failure::Odd("the body is of another call than was asked for".to_owned())),
            },
        };
    }
    let code = ErrorBody::parse(body).and_then(|error| error.code);
    match (status, code) {
        (404, Some(CODE_NOT_FOUND)) if matches!(request, Request::Call { .. }) => {
            Ok(Answer::NotFound)
        }
        _ => Err(match Failure::of(status, body) {
            // A list is always there: it was asked for at a wrong address.
            Failure::NotFound => Failure::Odd(format!("status 404, error code {CODE_NOT_FOUND}")),
            failure => failure,
        }),
    }
}

impl Failure {
    /// What an answer with a status other than 200 says.
    pub fn of(status: u16, body: &[u8]) -> Self {
        let code = ErrorBody::parse(body).and_then(|error| error.code);
        match (status, code) {
            (429, _) | (_, Some(CODE_TOO_MANY)) => Self::TooMany,
            (401 | 403, _) => Self::Refused(status),
            (500..=599, _) => Self::Server(status),
            (404, Some(CODE_NOT_FOUND)) => Self::NotFound,
            (300..=399, _) => Self::Odd(format!("status {status}, a redirect")),
            (_, Some(code)) => Self::Odd(format!("status {status}, error code {code}")),
            (_, None) => Self::Odd(format!("status {status}")),
        }
    }
}

impl From<Unreadable> for Failure {
    fn from(unreadable: Unreadable) -> Self {
        Self::Odd(unreadable.to_string())
    }
}

/// Without who the parties are.
impl fmt::Debug for CallResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |field: &Option<String>| field.as_ref().map(|_| format_args!("hidden"));
        f.debug_struct("CallResource")
            .field("sid", &self.sid)
            .field("parent_call_sid", &self.parent_call_sid)
            .field("status", &self.status)
            .field("direction", &self.direction)
            .field("from", &hidden(&self.from))
            .field("to", &hidden(&self.to))
            .field("duration_s", &self.duration_s)
            .field("answered_by", &self.answered_by)
            .finish()
    }
}

#[cfg(test)]
mod tests;
