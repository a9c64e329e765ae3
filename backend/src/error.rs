//! The answers to requests that cannot be served. Nothing that a request said is repeated in them.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use live_users_broadcast::Refusal;
use live_users_http_kit::{CHALLENGE, Denied, ParameterError};
use live_users_twilio::FieldError;
use live_users_wire::Problem;

use crate::door::{BODY_BYTES_MAX, BODY_MS_MAX};

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
    /// The body is not a form.
    NotAForm,
    /// The body is too long.
    TooLarge,
    /// The body did not arrive, or not in time.
    Incomplete,
    /// The body is a form, but not one that a webhook can be.
    BadForm(String),
    /// Fields of the form are wrong.
    BadFields(Vec<FieldError>),
    /// A parameter of the query is wrong.
    BadParameter(ParameterError),
    /// The request is not signed by Twilio. One answer for every reason, so that it teaches
    /// nobody anything; the log has the reason.
    Forbidden,
    /// No token is shown, or not the right one.
    Denied(Denied),
    /// `API_TOKEN` is not set, so nobody can be let in.
    NoToken,
    /// No such agent is known.
    NoAgent,
    /// No such call is known.
    NoCall,
    /// The call is over, so it cannot be taken out of the count.
    OverAlready,
    /// It could not be recorded; asking again may help.
    Unavailable(Cow<'static, str>),
    /// There is no stream.
    NoStream(Refusal),
    /// A page of this origin may not open a WebSocket.
    Origin,
}

impl ApiError {
    fn problem(&self) -> Problem {
        match self {
            Self::NotFound => problem("there is nothing at this path"),
            Self::WrongMethod { allow } => Problem {
                expected: Some((*allow).to_owned()),
                ..field("method", "not allowed here")
            },
            Self::NotAForm => Problem {
                expected: Some("application/x-www-form-urlencoded".to_owned()),
                ..field("Content-Type", "not a form")
            },
            Self::TooLarge => Problem {
                expected: Some(format!("at most {BODY_BYTES_MAX} bytes")),
                ..field("body", "too large")
            },
            Self::Incomplete => Problem {
                expected: Some(format!("the whole body within {BODY_MS_MAX} ms")),
                ..field("body", "incomplete")
            },
            Self::BadForm(what) => field("body", what),
            Self::BadFields(mistakes) => {
                let told: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
                Problem {
                    error: told.join("; "),
                    field: mistakes.first().map(|mistake| mistake.field.clone()),
                    expected: mistakes.first().map(|mistake| mistake.expected.clone()),
                }
            }
            Self::BadParameter(mistake) => Problem {
                error: mistake.to_string(),
                field: Some(mistake.name.clone()),
                expected: Some(mistake.expected.clone()),
            },
            Self::Forbidden => {
                field("X-Twilio-Signature", "missing, or not a signature of this request")
            }
            Self::Denied(why) => {
                Problem { field: Some("Authorization".to_owned()), ..problem(&why.to_string()) }
            }
            Self::NoToken => problem(
                "API_TOKEN is not set on this server: without it only the total can be read",
            ),
            Self::NoAgent => Problem {
                expected: Some("the id of an agent that is configured or was called".to_owned()),
                ..field("agent", "no such agent is known")
            },
            Self::NoCall => problem("no call with this CallSid is known, or it is forgotten"),
            Self::OverAlready => problem("this call is over already, and not counted"),
            Self::Unavailable(why) => problem(why),
            Self::NoStream(Refusal::NotAWebSocket(why)) => {
                field("Upgrade", &format!("this path is a WebSocket, and {why}"))
            }
            Self::NoStream(why @ Refusal::Busy(_)) => problem(&why.to_string()),
            Self::Origin => field("Origin", "pages of this origin are not allowed here"),
        }
    }
}

impl From<ParameterError> for ApiError {
    fn from(mistake: ParameterError) -> Self {
        Self::BadParameter(mistake)
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

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAForm => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Incomplete => StatusCode::REQUEST_TIMEOUT,
            Self::BadForm(_) | Self::BadFields(_) | Self::BadParameter(_) => {
                StatusCode::BAD_REQUEST
            }
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Denied(Denied::Missing) => StatusCode::UNAUTHORIZED,
            Self::Denied(Denied::Wrong) | Self::NoToken => StatusCode::FORBIDDEN,
            Self::NoAgent | Self::NoCall => StatusCode::NOT_FOUND,
            Self::OverAlready => StatusCode::CONFLICT,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoStream(why) => why.status(),
            Self::Origin => StatusCode::FORBIDDEN,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        match self {
            Self::WrongMethod { allow } => {
                answer.insert_header((ALLOW, *allow));
            }
            Self::Unavailable(_) => {
                answer.insert_header((RETRY_AFTER, "1"));
            }
            Self::Denied(Denied::Missing) => {
                answer.insert_header((WWW_AUTHENTICATE, CHALLENGE));
            }
            Self::NoStream(why) => {
                for header in why.headers() {
                    answer.insert_header(header);
                }
            }
            // The rest of the body is not worth waiting for.
            Self::TooLarge | Self::Incomplete => {
                answer.force_close();
            }
            Self::NotFound
            | Self::NotAForm
            | Self::BadForm(_)
            | Self::BadFields(_)
            | Self::BadParameter(_)
            | Self::Forbidden
            | Self::Denied(Denied::Wrong)
            | Self::NoToken
            | Self::Origin
            | Self::NoAgent
            | Self::NoCall
            | Self::OverAlready => {}
        }
        answer.json(self.problem())
    }
}
