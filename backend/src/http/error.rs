//! The answers to requests that cannot be served. They never repeat text of the request.

mod shards;

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use live_users_broadcast::Refusal;
use live_users_http_kit::{CHALLENGE, Denied, LimitError, ParameterError, whole_seconds};
use live_users_state::SHARED_LINKS_MAX;
use live_users_twilio::FieldError;
use live_users_wire::Problem;
use serde::Serialize;

pub(crate) use self::shards::OfOneShard;
use super::named::UnknownName;
use super::{auth, signature};
use crate::parts::journal_reader::Unreadable;
use crate::parts::not_recorded::NotRecorded;

/// Why a request is not served.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// There is nothing under this path.
    NotFound,
    /// The path does not take this method.
    WrongMethod {
        /// The methods that it takes.
        allow: &'static str,
    },
    /// A webhook is not let in.
    Webhook(signature::Refusal),
    /// Fields of the form or the query are wrong.
    BadFields(Vec<FieldError>),
    /// A parameter of the query, or of the body that asks about a token, is wrong.
    BadParameter(ParameterError),
    /// A request that needs `API_TOKEN` is not let in.
    Auth(auth::Refusal),
    /// The total was read too often by this client. How long to wait.
    TooOften(Duration),
    /// The agents file has mistakes, all of which are told.
    BadAgents(Vec<String>),
    /// An agent, an account or a source of the query is not known.
    UnknownName(UnknownName),
    /// No such alert is in the agents file.
    NoAlert,
    /// No such call is known.
    NoCall,
    /// No such link is in force.
    NoLink,
    /// So many links are in force that there is room for no other.
    ManyLinks,
    /// The journal can be written, so it needs no new one.
    JournalInOrder,
    /// The call is over, so it cannot be taken out of the count.
    OverAlready,
    /// It could not be recorded; asking again may help.
    Unavailable(String),
    /// The sum of all shards is not known, since these of so many are not.
    MissingShards(Vec<usize>, usize),
    /// It is told by one shard, and not here.
    OfOneShard(OfOneShard),
    /// There is no stream.
    NoStream(Refusal),
    /// No such source is configured.
    NoSource,
    /// A webhook is not signed by its source. Every reason has the same answer; the log has the
    /// reason.
    SourceRefused {
        /// Whether it shows nothing at all.
        is_missing: bool,
    },
    /// A webhook of a source cannot be read.
    SourceUnreadable {
        /// Which field.
        field: &'static str,
        /// What was expected in it.
        expected: &'static str,
    },
    /// A page of this origin may not open a WebSocket.
    Origin,
    /// It takes more than one client may.
    Limit(LimitError),
}

/// The body of an answer.
#[derive(Serialize)]
struct Body {
    #[serde(flatten)]
    problem: Problem,
    /// What a program does about it depends on this.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// The shards without which there is no sum.
    #[serde(rename = "missingShards", skip_serializing_if = "Option::is_none")]
    missing_shards: Option<Vec<usize>>,
}

impl ApiError {
    /// The word that tells a program which refusal it is, where the status does not.
    fn code(&self) -> Option<&'static str> {
        let Self::Auth(refusal) = self else { return None };
        match refusal {
            auth::Refusal::NeedsApiToken => Some("needs-api-token"),
            auth::Refusal::ReadOnly => Some("read-only"),
            auth::Refusal::OutOfScope => Some("out-of-scope"),
            auth::Refusal::AccessEnded => Some(live_users_wire::ACCESS_ENDED),
            auth::Refusal::Denied(_)
            | auth::Refusal::TooMany(_)
            | auth::Refusal::NoToken
            | auth::Refusal::AccessWithoutApiToken
            | auth::Refusal::Unknown(_) => None,
        }
    }

    fn problem(&self) -> Problem {
        match self {
            Self::NotFound => problem("there is nothing at this path"),
            Self::WrongMethod { allow } => Problem {
                expected: Some((*allow).to_owned()),
                ..field("method", "not allowed here")
            },
            Self::Webhook(why) => webhook_problem(why),
            Self::BadFields(mistakes) => {
                let texts: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
                Problem {
                    error: texts.join("; "),
                    field: mistakes.first().map(|mistake| mistake.field.clone()),
                    expected: mistakes.first().map(|mistake| mistake.expected.clone()),
                }
            }
            Self::BadParameter(mistake) => Problem {
                error: mistake.to_string(),
                field: Some(mistake.name.clone()),
                expected: Some(mistake.expected.clone()),
            },
            Self::Auth(why) => auth_problem(why),
            Self::TooOften(wait) => Problem {
                expected: Some(format!("a pause of {} s, or a stream", whole_seconds(*wait))),
                ..problem("the total was read too often from this address (READS_PER_SECOND)")
            },
            Self::BadAgents(mistakes) => problem(&format!(
                "the agents file is refused, and the agents stay as they were: {}",
                mistakes.join("; ")
            )),
            Self::UnknownName(UnknownName { field: name, expected }) => Problem {
                expected: Some(expected.clone()),
                ..field(name, &format!("no such {name} is known"))
            },
            Self::NoAlert => problem("the agents file has no alert of this id"),
            Self::NoCall => problem("no call with this CallSid is known, or it is forgotten"),
            Self::NoLink => problem("no such link is in force, or not any more"),
            Self::ManyLinks => Problem {
                expected: Some("a link less: revoke one first".to_owned()),
                ..problem(&format!("{SHARED_LINKS_MAX} links are in force, which is the most"))
            },
            Self::JournalInOrder => problem("the journal can be written, so no new one is needed"),
            Self::OverAlready => problem("this call is over already, and not counted"),
            Self::Unavailable(why) => problem(why),
            Self::MissingShards(missing, of) => problem(&shards::missing(missing, *of)),
            Self::OfOneShard(why) => why.problem(),
            Self::NoStream(Refusal::NotAWebSocket(why)) => {
                field("Upgrade", &format!("this path is a WebSocket, and {why}"))
            }
            Self::NoStream(why @ (Refusal::Busy(_) | Refusal::NoSocket)) => {
                problem(&why.to_string())
            }
            Self::NoSource => problem("no such source is configured"),
            Self::SourceRefused { .. } => problem("not signed by this source"),
            Self::SourceUnreadable { field: name, expected } => Problem {
                expected: Some((*expected).to_owned()),
                ..field(name, "missing, or cannot be used")
            },
            Self::Origin => field("Origin", "pages of this origin are not allowed here"),
            Self::Limit(why @ LimitError::SlowBody { .. }) => {
                Problem { field: Some("body".to_owned()), ..problem(&why.to_string()) }
            }
            Self::Limit(why) => problem(&why.to_string()),
        }
    }
}

impl From<ParameterError> for ApiError {
    fn from(mistake: ParameterError) -> Self {
        Self::BadParameter(mistake)
    }
}

fn auth_problem(why: &auth::Refusal) -> Problem {
    match why {
        auth::Refusal::Denied(why) => {
            Problem { field: Some("Authorization".to_owned()), ..problem(&why.to_string()) }
        }
        auth::Refusal::TooMany(wait) => {
            let wait_s = whole_seconds(*wait);
            Problem {
                expected: Some(format!("no token for {wait_s} s")),
                ..field("Authorization", "too many wrong tokens came from this address")
            }
        }
        auth::Refusal::NeedsApiToken => Problem {
            expected: Some("API_TOKEN".to_owned()),
            ..field(
                "Authorization",
                "this is about all accounts, which no [[token]] and no shared link opens",
            )
        },
        auth::Refusal::ReadOnly => Problem {
            expected: Some("API_TOKEN, or a [[token]] with role = \"operate\"".to_owned()),
            ..field("Authorization", "this token may only read")
        },
        auth::Refusal::OutOfScope => Problem {
            expected: Some("what is in the scope of this link".to_owned()),
            ..field("Authorization", "this link does not show that")
        },
        auth::Refusal::AccessWithoutApiToken => Problem {
            expected: Some("no such header, or API_TOKEN beside it".to_owned()),
            ..field(auth::ACCESS, "a [[token]] opens what it opens")
        },
        auth::Refusal::AccessEnded => Problem {
            expected: Some("the `access` of GET /api/live-users/access".to_owned()),
            ..field(auth::ACCESS, "no such access is in force, or not any more")
        },
        // Whoever shows it may be a stranger, who learns nothing of the journal.
        auth::Refusal::Unknown(_) => {
            problem("which shared links are in force is not known at present")
        }
        auth::Refusal::NoToken => {
            problem("API_TOKEN is not set on this server: without it only the total can be read")
        }
    }
}

fn webhook_problem(why: &signature::Refusal) -> Problem {
    use signature::Refusal;
    match why {
        Refusal::NotAForm => Problem {
            expected: Some(
                "application/x-www-form-urlencoded, or application/json with bodySHA256 in the URL"
                    .to_owned(),
            ),
            ..field("Content-Type", "neither a form nor JSON")
        },
        Refusal::TooLarge { bytes_max } => Problem {
            expected: Some(format!("at most {bytes_max} bytes")),
            ..field("body", "too large")
        },
        Refusal::Incomplete => {
            Problem { expected: Some("the whole body".to_owned()), ..field("body", "incomplete") }
        }
        Refusal::BadForm(what) => field("body", what),
        Refusal::Unsigned => {
            field("X-Twilio-Signature", "missing, or not a signature of this request")
        }
    }
}

fn problem(what: &str) -> Problem {
    Problem { error: what.to_owned(), field: None, expected: None }
}

fn field(name: &str, what: &str) -> Problem {
    Problem { error: format!("{name}: {what}"), field: Some(name.to_owned()), expected: None }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.problem().error)
    }
}

impl From<signature::Refusal> for ApiError {
    fn from(why: signature::Refusal) -> Self {
        Self::Webhook(why)
    }
}

impl From<auth::Refusal> for ApiError {
    fn from(why: auth::Refusal) -> Self {
        Self::Auth(why)
    }
}

impl From<UnknownName> for ApiError {
    fn from(name: UnknownName) -> Self {
        Self::UnknownName(name)
    }
}

impl From<FieldError> for ApiError {
    fn from(wrong: FieldError) -> Self {
        Self::BadFields(vec![wrong])
    }
}

impl From<Unreadable> for ApiError {
    fn from(why: Unreadable) -> Self {
        Self::Unavailable(why.to_string())
    }
}

impl From<NotRecorded> for ApiError {
    fn from(why: NotRecorded) -> Self {
        Self::Unavailable(why.to_string())
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Webhook(why) => match why {
                signature::Refusal::NotAForm => StatusCode::UNSUPPORTED_MEDIA_TYPE,
                signature::Refusal::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
                signature::Refusal::Incomplete => StatusCode::REQUEST_TIMEOUT,
                signature::Refusal::BadForm(_) => StatusCode::BAD_REQUEST,
                signature::Refusal::Unsigned => StatusCode::FORBIDDEN,
            },
            Self::BadFields(_) | Self::BadParameter(_) => StatusCode::BAD_REQUEST,
            Self::Auth(auth::Refusal::Denied(Denied::Missing)) => StatusCode::UNAUTHORIZED,
            Self::Auth(auth::Refusal::TooMany(_)) => StatusCode::TOO_MANY_REQUESTS,
            Self::Auth(auth::Refusal::AccessWithoutApiToken) => StatusCode::BAD_REQUEST,
            Self::Auth(auth::Refusal::Unknown(_)) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Auth(_) => StatusCode::FORBIDDEN,
            Self::TooOften(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::BadAgents(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::UnknownName(_) | Self::NoAlert | Self::NoCall | Self::NoLink | Self::NoSource => {
                StatusCode::NOT_FOUND
            }
            Self::SourceRefused { is_missing: true } => StatusCode::UNAUTHORIZED,
            Self::SourceRefused { is_missing: false } => StatusCode::FORBIDDEN,
            Self::SourceUnreadable { .. } => StatusCode::BAD_REQUEST,
            Self::OverAlready | Self::JournalInOrder | Self::ManyLinks => StatusCode::CONFLICT,
            Self::Unavailable(_) | Self::MissingShards(..) => StatusCode::SERVICE_UNAVAILABLE,
            Self::OfOneShard(_) => StatusCode::NOT_FOUND,
            Self::NoStream(why) => why.status(),
            Self::Origin => StatusCode::FORBIDDEN,
            Self::Limit(why) => why.status(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        match self {
            Self::WrongMethod { allow } => {
                answer.insert_header((ALLOW, *allow));
            }
            Self::Unavailable(_) | Self::MissingShards(..) => {
                answer.insert_header((RETRY_AFTER, "1"));
            }
            Self::SourceRefused { is_missing: true }
            | Self::Auth(auth::Refusal::Denied(Denied::Missing)) => {
                answer.insert_header((WWW_AUTHENTICATE, CHALLENGE));
            }
            Self::TooOften(wait) | Self::Auth(auth::Refusal::TooMany(wait)) => {
                answer.insert_header((RETRY_AFTER, whole_seconds(*wait)));
            }
            Self::NoStream(why) => {
                for header in why.headers() {
                    answer.insert_header(header);
                }
            }
            Self::Limit(why) => {
                if let Some(seconds) = why.retry_after_s() {
                    answer.insert_header((RETRY_AFTER, seconds));
                }
            }
            // The rest of the body is not worth waiting for.
            Self::Webhook(signature::Refusal::TooLarge { .. } | signature::Refusal::Incomplete) => {
                answer.force_close();
            }
            Self::NotFound
            | Self::Webhook(_)
            | Self::BadFields(_)
            | Self::BadParameter(_)
            | Self::Auth(_)
            | Self::Origin
            | Self::BadAgents(_)
            | Self::UnknownName(_)
            | Self::OfOneShard(_)
            | Self::NoAlert
            | Self::NoCall
            | Self::NoLink
            | Self::ManyLinks
            | Self::NoSource
            | Self::SourceRefused { .. }
            | Self::SourceUnreadable { .. }
            | Self::JournalInOrder
            | Self::OverAlready => {}
        }
        let missing_shards = match self {
            Self::MissingShards(missing, _) => Some(missing.clone()),
            _ => None,
        };
        answer.json(Body { problem: self.problem(), code: self.code(), missing_shards })
    }
}
