//! The ways in which a request to a NATS service fails.

use async_nats::RequestError;
use async_nats::jetstream::Error;
use async_nats::jetstream::stream::{RawMessageError, RawMessageErrorKind};

use crate::JournalError;

/// A failure. Each variant needs another reaction.
#[derive(Debug)]
pub(super) enum Fault {
    /// There is no answer, or no leader at the moment. It may be over soon, and the request may
    /// have been carried out all the same.
    Silent(String),
    /// There is no such message.
    NotFound,
    /// There is no such stream.
    NoStream,
    /// There is a stream of that name already.
    Exists,
    /// Another message was stored first.
    Conflict,
    /// There is no space, or a limit of bytes is reached.
    Full(String),
    /// An error that the owner gets unchanged.
    Error(JournalError),
    /// A refusal that will not change by itself.
    Refused(String),
}

impl Fault {
    pub(super) fn into_error(self, doing: &str) -> JournalError {
        match self {
            Self::Silent(why) => JournalError::Unreachable { why: format!("{doing}: {why}") },
            Self::Full(why) => JournalError::ServiceFull { why: format!("{why} ({doing})") },
            Self::Refused(why) => {
                JournalError::Unsuitable { why: format!("says: {why} ({doing})") }
            }
            Self::Error(error) => error,
            Self::NotFound | Self::NoStream => runtime(doing, "it is not there"),
            Self::Exists | Self::Conflict => runtime(doing, "somebody else was faster"),
        }
    }
}

fn runtime(doing: &str, why: &str) -> JournalError {
    JournalError::Engine { doing: doing.to_owned(), why: why.to_owned() }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        // The server's list of codes: server/errors.json of nats-server. The newer ones have no
        // name in every version.
        let code = error.error_code().0;
        let text = match advice(code) {
            Some(advice) => format!("{error}; {advice}"),
            None => error.to_string(),
        };
        match code {
            10059 => Self::NoStream,
            10037 | 10043 => Self::NotFound,
            10058 => Self::Exists,
            10071 | 10164 => Self::Conflict,
            10002 | 10023 | 10028 | 10047 | 10122 => Self::Full(text),
            10077 | 10110 if is_of_space(&text) => Self::Full(text),
            // A copy of this message is under way, and about to be stored.
            10158 => Self::Silent(text),
            10004..=10009 | 10041 | 10077 | 10163 | 10167 => Self::Silent(text),
            _ if error.code() == 408 || error.code() == 503 => Self::Silent(text),
            _ => Self::Refused(text),
        }
    }
}

/// What an operator can do about an error of this code.
fn advice(code: u64) -> Option<&'static str> {
    Some(match code {
        10002 | 10028 => {
            "the account has no more bytes: raise its limit, or give this journal a smaller size by \
             ?max_bytes= in JOURNAL_URL when it is created"
        }
        10005 | 10074 => "start more servers, or add ?replicas=1 to JOURNAL_URL",
        10023 | 10047 => {
            "its servers have no more bytes: raise their max_file_store, free what other streams \
             take or reserve, or lower ?max_bytes= in JOURNAL_URL"
        }
        10026 => {
            "each backend follows the log with a consumer of its own: raise the account's limit of \
             consumers"
        }
        10027 => "a journal has four streams: raise the account's limit of streams",
        10039 => "enable JetStream for the account of this user",
        10077 => {
            "the stream has reached its max_bytes: raise it with `nats stream edit STREAM \
             --max-bytes=BYTES`"
        }
        10113 => {
            "say how much the journal may take: add ?max_bytes=10GiB or another size to JOURNAL_URL"
        }
        10122 => "the account allows no stream of this size: lower ?max_bytes= in JOURNAL_URL",
        _ => return None,
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(code: u16, err_code: u64, description: &str) -> Fault {
        let json = serde_json::json!({
            "code": code, "err_code": err_code, "description": description,
        });
        serde_json::from_value::<Error>(json).unwrap().into()
    }

    #[test]
    fn a_limit_is_told_with_what_to_do() {
        for (code, err_code, said, advice) in [
            (400, 10113, "account requires a stream config to have max bytes set", "?max_bytes="),
            (400, 10027, "maximum number of streams reached", "four streams"),
            (400, 10026, "maximum consumers limit reached", "limit of consumers"),
            (400, 10002, "resource limits exceeded for account", "raise its limit"),
            (500, 10047, "insufficient storage resources available", "max_file_store"),
            (503, 10077, "maximum bytes exceeded", "nats stream edit"),
            (400, 10122, "stream max bytes exceeds account limit max stream bytes", "lower"),
        ] {
            let message =
                fault(code, err_code, said).into_error("creating the journal").to_string();
            assert!(message.contains(said) && message.contains(advice), "{message}");
            assert!(message.contains("JOURNAL_URL"), "{message}");
        }
    }

    #[test]
    fn what_may_be_stored_is_no_refusal() {
        for (code, err_code) in [(409, 10158), (503, 10077), (503, 10008), (408, 1)] {
            let found = fault(code, err_code, "a copy is under way");
            assert!(matches!(found, Fault::Silent(_)), "{found:?}");
        }
        assert!(matches!(fault(400, 10071, "wrong last sequence: 7"), Fault::Conflict));
        assert!(matches!(fault(404, 10037, "no message found"), Fault::NotFound));
        assert!(matches!(fault(404, 10059, "stream not found"), Fault::NoStream));
        assert!(matches!(fault(400, 10052, "invalid"), Fault::Refused(_)));
    }
}
