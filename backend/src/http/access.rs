//! `GET /api/live-users/access`: what a token opens.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use live_users_intake::Role;
use live_users_wire as wire;

use super::authorized::Permitted;

/// Who asks, what that one may do, and whose calls that one reads.
pub(crate) async fn access(Permitted(access): Permitted) -> HttpResponse {
    let accounts = access.scope.accounts();
    let answer = wire::Access {
        role: match access.role {
            Role::Read => wire::Role::Read,
            Role::Operate => wire::Role::Operate,
        },
        accounts: accounts.map(|it| it.iter().map(ToString::to_string).collect()),
        id: access.id.map(|id| id.to_string()),
        access: access.value.map(|value| value.to_string()),
    };
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(answer)
}
