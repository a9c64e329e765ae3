//! `GET` and `POST /api/live-users/access`: what a token opens, of who shows it, and of somebody else.

use actix_web::HttpResponse;
use actix_web::web::{Data, Payload};
use live_users_http_kit::ParameterError;
use live_users_intake::Role;
use live_users_wire::{self as wire, Introspected, Introspection, LinkAccess};

use super::answer::json;
use super::auth::BearerAuth;
use super::authorized::{Authorized, Permitted};
use super::body::object;
use super::error::ApiError;
use super::signature::read_body;
use crate::parts::tokens::{Access, Of};

/// The longest body that is read, in bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// Who asks, what that one may do, and whose calls that one reads.
pub(crate) async fn access(Permitted(access): Permitted) -> HttpResponse {
    json(&view(access))
}

/// What the token in the body opens. A proxy asks, which delays each of its own clients after wrong
/// tokens: to this server they would all be the proxy.
pub(crate) async fn introspect(
    _: Authorized,
    auth: Data<BearerAuth>,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    let body = read_body(body, BODY_BYTES_MAX).await?;
    let Introspection { token } = question(&body)?;
    let opened = auth.opened_by(token.as_bytes())?.map(view);
    let answer = Introspected::of(opened);
    Ok(json(&answer))
}

/// Reads the question. Other fields in it are for later versions, and change nothing.
fn question(body: &[u8]) -> Result<Introspection, ParameterError> {
    let wrong = || ParameterError::new("token", "a JSON object with the token as a string");
    let fields = object(body, wrong(), |name| (name == "token").then_some("token"))?;
    // The parser's own words may repeat the token.
    serde_json::from_value(fields.into()).map_err(|_| wrong())
}

fn view(access: Access) -> wire::Access {
    let accounts = access.scope.accounts();
    let (id, link) = match access.of {
        Of::Api => (None, None),
        Of::File(id) => (Some(id.to_string()), None),
        Of::Link(id, link) => (Some(id.to_string()), Some(LinkAccess::clone(&link))),
    };
    wire::Access {
        role: match access.role {
            Role::Read => wire::Role::Read,
            Role::Operate => wire::Role::Operate,
        },
        accounts: accounts.map(|it| it.iter().map(ToString::to_string).collect()),
        id,
        access: access.value.map(|value| value.to_string()),
        link,
    }
}
