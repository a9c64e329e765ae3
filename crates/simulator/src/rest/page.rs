//! Which page of which list is asked for, and the addresses of pages.

use live_users_twilio::CallStatus;
use live_users_twilio::rest::PAGE_SIZE;

/// What stands before the CallSid of the last call of the page before.
const TOKEN_PREFIX: &str = "PA";

/// How many calls a page has unless asked otherwise.
const PAGE_SIZE_DEFAULT: usize = 50;

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PageQuery {
    pub(super) status: CallStatus,
    pub(super) size: usize,
    pub(super) number: usize,
    /// The CallSid of the last call of the page before.
    pub(super) after: Option<String>,
}

impl PageQuery {
    /// Reads a query string; `None` if it is none that Twilio takes.
    pub(super) fn parse(query: &str) -> Option<Self> {
        let mut status = None;
        let (mut size, mut number, mut after) = (PAGE_SIZE_DEFAULT, 0, None);
        for (name, value) in query.split('&').filter_map(|field| field.split_once('=')) {
            match name {
                "Status" => status = Some(CallStatus::parse(value)?),
                "PageSize" => size = value.parse().ok().filter(|n| (1..=PAGE_SIZE).contains(n))?,
                "Page" => number = value.parse().ok()?,
                "PageToken" => after = Some(value.strip_prefix(TOKEN_PREFIX)?.to_owned()),
                _ => {}
            }
        }
        Some(Self { status: status?, size, number, after })
    }

    /// The first page of the same list.
    pub(super) fn first(&self) -> Self {
        Self { number: 0, after: None, ..self.clone() }
    }

    /// The page after this one, whose last call is `last`.
    pub(super) fn next(&self, last: &str) -> Self {
        Self { number: self.number + 1, after: Some(last.to_owned()), ..self.clone() }
    }

    /// The path and query of this page.
    pub(super) fn uri(&self, account_sid: &str) -> String {
        let Self { status, size, number, after } = self;
        let status = status.as_str();
        let token = after.as_ref().map(|sid| format!("&PageToken={TOKEN_PREFIX}{sid}"));
        format!(
            "/2010-04-01/Accounts/{account_sid}/Calls.json?Status={status}&PageSize={size}\
             &Page={number}{}",
            token.unwrap_or_default()
        )
    }
}
