//! The ways in which a request to a NATS service fails.

use std::path::PathBuf;

use async_nats::RequestError;
use async_nats::jetstream::Error;
use async_nats::jetstream::stream::{RawMessageError, RawMessageErrorKind};

use crate::JournalError;

/// The advice if there are fewer servers than are to keep the log.
const FEWER: &str = "start more servers, or add ?replicas=1 to JOURNAL_URL";

/// A failure. Each variant needs another reaction.
#[derive(Debug)]
pub(super) enum Fault {
    /// There is no answer, or no leader at the moment. It may be over soon, and the request may
    /// have been carried out all the same.
    Silent(String),
    /// There is no such stream or message.
    NotFound,
    /// There is a stream of that name already.
    Exists,
    /// Another message was stored first.
    Conflict,
    /// There is no space, or a limit is reached.
    Full,
    /// An error that the owner gets unchanged.
    Error(JournalError),
    /// A refusal that will not change by itself.
    Refused(String),
}

impl Fault {
    pub(super) fn into_error(self, doing: &str) -> JournalError {
        match self {
            Self::Silent(why) => JournalError::Unreachable { why: format!("{doing}: {why}") },
            Self::Full => JournalError::Full { path: PathBuf::from("the NATS service") },
            Self::Refused(why) => {
                JournalError::Unsuitable { why: format!("says: {why} ({doing})") }
            }
            Self::Error(error) => error,
            Self::NotFound => runtime(doing, "it is not there"),
            Self::Exists | Self::Conflict => runtime(doing, "somebody else was faster"),
        }
    }
}

fn runtime(doing: &str, why: &str) -> JournalError {
    JournalError::Engine { doing: doing.to_owned(), why: why.to_owned() }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        // The server's list of codes. The newer ones have no name in every version.
        match error.error_code().0 {
            10059 | 10037 | 10043 => Self::NotFound,
            10058 => Self::Exists,
            10071 | 10164 => Self::Conflict,
            10002 | 10023 | 10028 | 10047 => Self::Full,
            10077 | 10110 | 10122 if is_of_space(&text) => Self::Full,
            10005 => Self::Silent(format!("{text}; {FEWER}")),
            10074 => Self::Refused(format!("{text}; {FEWER}")),
            10004 | 10006..=10009 | 10041 | 10077 | 10163 | 10167 => Self::Silent(text),
            _ if error.code() == 408 || error.code() == 503 => Self::Silent(text),
            _ => Self::Refused(text),
        }
    }
}

fn is_of_space(text: &str) -> bool {
    ["maximum", "no space", "insufficient", "exceeded"].iter().any(|it| text.contains(it))
}

impl From<RequestError> for Fault {
    fn from(error: RequestError) -> Self {
        Self::Silent(error.to_string())
    }
}

impl From<RawMessageError> for Fault {
    fn from(error: RawMessageError) -> Self {
        match error.kind() {
            RawMessageErrorKind::NoMessageFound => Self::NotFound,
            RawMessageErrorKind::JetStream(inner) => inner.into(),
            _ => Self::Silent(error.to_string()),
        }
    }
}
