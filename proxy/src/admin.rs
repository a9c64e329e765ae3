//! Who may read more than the total, and end calls: whoever shows `ADMIN_TOKEN`.

use std::future::{Ready, ready};
use std::time::Instant;

use actix_web::dev::Payload;
use actix_web::http::{StatusCode, header};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError};
use live_users_service::{BearerToken, CHALLENGE, Denied, Sparing};
use live_users_wire::Envelope;

/// The door, which a request passes by taking an [`Admin`].
pub(crate) struct Door {
    token: Option<BearerToken>,
    lines: Sparing,
}

/// Proof that a request came through the door.
pub(crate) struct Admin(());

/// Why it did not.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeptOut {
    /// There is no token that could be shown.
    #[error("ADMIN_TOKEN is not set in the proxy: nobody may read more than the total")]
    NoAdminToken,
    /// It was not shown.
    #[error(transparent)]
    Denied(Denied),
}

impl Door {
    /// A door that opens to this token, or to nobody.
    pub(crate) fn new(token: Option<BearerToken>) -> Self {
        Self { token, lines: Sparing::default() }
    }

    fn pass(&self, request: &HttpRequest) -> Result<Admin, KeptOut> {
        let Some(token) = &self.token else { return Err(KeptOut::NoAdminToken) };
        let mut shown = request.headers().get_all(header::AUTHORIZATION);
        let only = match (shown.next(), shown.next()) {
            (Some(only), None) => Some(only.as_bytes()),
            // Of two, somebody in between may have checked the other one.
            (None, _) | (Some(_), Some(_)) => None,
        };
        token.check(only).map(|()| Admin(())).map_err(|denied| {
            self.note(denied);
            KeptOut::Denied(denied)
        })
    }

    /// Whoever guesses tokens is to be seen in the log.
    fn note(&self, denied: Denied) {
        match denied {
            Denied::Missing => {}
            Denied::Wrong => {
                if let Some(held_back) = self.lines.line_at(Instant::now()) {
                    log::warn!(
                        "somebody showed a token that is not ADMIN_TOKEN ({held_back} such lines \
                         before this one were held back)"
                    );
                }
            }
        }
    }
}

impl FromRequest for Admin {
    type Error = KeptOut;
    type Future = Ready<Result<Self, KeptOut>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let door = request.app_data::<Data<Door>>().expect("the table of routes has the door");
        ready(door.pass(request))
    }
}

impl ResponseError for KeptOut {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NoAdminToken | Self::Denied(Denied::Wrong) => StatusCode::FORBIDDEN,
            Self::Denied(Denied::Missing) => StatusCode::UNAUTHORIZED,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        if self.status_code() == StatusCode::UNAUTHORIZED {
            answer.insert_header((header::WWW_AUTHENTICATE, CHALLENGE));
        }
        answer.json(Envelope::failure(self.to_string()))
    }
}
